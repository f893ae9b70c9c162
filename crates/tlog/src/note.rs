//! Signed notes: keys, their names and ids, signing, reading, verifying. C2SP signed-note, `spec/log.md` section 5.
//! A note's text is not to be used before [`Note::verify`] has said who signed it.

use crate::cosignature;
use crate::limits::{MAX_KEY_NAME_BYTES, MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Why something is not a note, a key or a good signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// A name that no key may have.
    #[error("{0:?} is not a key name: 1 to {MAX_KEY_NAME_BYTES} bytes without spaces, plus signs or control characters")]
    KeyName(String),
    /// A verifier key that isn't written as one.
    #[error("this is not a verifier key; it is written <name>+<8 hexadecimal digits>+<base64>")]
    VerifierKey,
    /// A verifier key of a type that is not known here.
    #[error("the verifier key {name} is of type {kind:#04x}; known are 0x01 (Ed25519) and 0x04 (cosignature/v1)")]
    KeyType {
        /// Name of the key.
        name: String,
        /// The type byte.
        kind: u8,
    },
    /// A verifier key whose id is not that of its name, type and key.
    #[error("the verifier key {name} says it has the id {said:08x}, but its id is {computed:08x}; it was copied wrongly")]
    KeyId {
        /// Name of the key.
        name: String,
        /// The id it says.
        said: u32,
        /// The id it has.
        computed: u32,
    },
    /// A public key that anyone could sign for, or that is not one.
    #[error("the public key of {0} is not a strong Ed25519 key in its one encoding")]
    WeakKey(String),
    /// Too many bytes.
    #[error("a signed note has at most {MAX_NOTE_BYTES} bytes, not {0}")]
    TooLong(usize),
    /// Not UTF-8, or with a control character.
    #[error("a signed note is UTF-8 text without control characters other than line ends")]
    Characters,
    /// Text without a line end, or without signatures.
    #[error("a signed note is text ending in a line end, an empty line, and signature lines")]
    Structure,
    /// A line that isn't a signature line.
    #[error("signature line {0} is not written as: em dash, space, key name, space, base64")]
    SignatureLine(usize),
    /// Too many signatures.
    #[error("a signed note has at most {MAX_NOTE_SIGNATURES} signatures")]
    TooManySignatures,
    /// A key that is trusted is said to have signed, and has not.
    #[error("the signature by {name} ({id:08x}) is not good: the note was altered, or its key is another one")]
    BadSignature {
        /// Name of the key.
        name: String,
        /// Id of the key.
        id: u32,
    },
    /// Two trusted keys with one name and id.
    #[error("two trusted keys are named {name} with the id {id:08x}; trust one of them")]
    AmbiguousKey {
        /// Name of both keys.
        name: String,
        /// Id of both keys.
        id: u32,
    },
    /// No trusted key has signed.
    #[error("no trusted key has signed this note")]
    NotSigned,
    /// A time that a cosignature cannot say.
    #[error("a cosignature's time is at most 2^63 - 1 seconds, not {0}")]
    Time(u64),
}

/// Name of a key, and origin of a log: not empty, no spaces, no plus sign, no control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// Refuses what is not a key name.
    pub fn new(name: impl Into<String>) -> Result<Self, NoteError> {
        let name = name.into();
        let bad = |c: char| c == '+' || c.is_whitespace() || c.is_control();
        if name.is_empty() || name.len() > MAX_KEY_NAME_BYTES || name.contains(bad) {
            return Err(NoteError::KeyName(name.chars().take(MAX_KEY_NAME_BYTES).collect()));
        }
        Ok(Self(name))
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::str::FromStr for KeyName {
    type Err = NoteError;

    fn from_str(name: &str) -> Result<Self, NoteError> {
        Self::new(name)
    }
}

/// What a key signs, by its type byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// 0x01: Ed25519 over the note's text.
    Ed25519,
    /// 0x04: cosignature/v1, Ed25519 over a time and a checkpoint.
    CosignatureV1,
}

impl KeyKind {
    /// The type byte.
    pub fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Ed25519, Self::CosignatureV1].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// Id of a key: the first four bytes of SHA-256(name ‖ line end ‖ type ‖ public key), big-endian.
pub fn key_id(name: &KeyName, kind: KeyKind, public_key: &[u8; 32]) -> u32 {
    let digest = Sha256::new().chain_update(name.as_str()).chain_update([b'\n', kind.byte()]).chain_update(public_key).finalize();
    digest.first_chunk::<4>().map_or(0, |id| u32::from_be_bytes(*id))
}

/// A key that signatures are verified with; its text form is the vkey `<name>+<id>+<base64>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    kind: KeyKind,
    id: u32,
    key: VerifyingKey,
}

impl VerifierKey {
    /// From the parts. A weak key (of small order), or a second encoding of one, is refused.
    pub fn new(name: KeyName, kind: KeyKind, public_key: &[u8; 32]) -> Result<Self, NoteError> {
        let key = strong_key(public_key).ok_or_else(|| NoteError::WeakKey(name.to_string()))?;
        Ok(Self { id: key_id(&name, kind, public_key), name, kind, key })
    }

    /// Reads a vkey; there is one spelling.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        if text.len() > MAX_KEY_NAME_BYTES + 128 {
            return Err(NoteError::VerifierKey);
        }
        let (name, rest) = text.split_once('+').ok_or(NoteError::VerifierKey)?;
        let (id, key) = rest.split_once('+').ok_or(NoteError::VerifierKey)?;
        let name = KeyName::new(name)?;
        if id.len() != 8 || !id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(NoteError::VerifierKey);
        }
        let said = u32::from_str_radix(id, 16).map_err(|_| NoteError::VerifierKey)?;
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::VerifierKey)?;
        let (kind, public_key) = bytes.split_first().ok_or(NoteError::VerifierKey)?;
        let kind = KeyKind::of(*kind).ok_or_else(|| NoteError::KeyType { name: name.to_string(), kind: *kind })?;
        let public_key = public_key.try_into().map_err(|_| NoteError::VerifierKey)?;
        let key = Self::new(name, kind, public_key)?;
        if key.id != said {
            return Err(NoteError::KeyId { name: key.name.to_string(), said, computed: key.id });
        }
        Ok(key)
    }

    /// Name of the key.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The 32 bytes of the public key.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Checks one signature of this key over a text. A cosignature gives its time in Unix seconds.
    fn check(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        match self.kind {
            KeyKind::Ed25519 => {
                let signature = Signature::from_slice(signature).ok()?;
                self.key.verify_strict(text.as_bytes(), &signature).ok().map(|()| None)
            }
            KeyKind::CosignatureV1 => cosignature::check(&self.key, text, signature).map(Some),
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.byte()];
        key.extend(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

/// An Ed25519 key that `verify_strict` can give a meaning to: on the curve, not of small order, in its one encoding.
pub(crate) fn strong_key(public_key: &[u8; 32]) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_bytes(public_key).ok()?;
    let canonical = key.to_edwards().compress().to_bytes() == *public_key;
    (canonical && !key.is_weak()).then_some(key)
}

/// Signs notes with an Ed25519 key (type 0x01). Where the key comes from is the caller's business.
#[derive(Clone)]
pub struct Signer {
    verifier: VerifierKey,
    key: SigningKey,
}

impl Signer {
    /// From a name and a private key.
    pub fn new(name: KeyName, key: SigningKey) -> Result<Self, NoteError> {
        let verifier = VerifierKey::new(name, KeyKind::Ed25519, key.verifying_key().as_bytes())?;
        Ok(Self { verifier, key })
    }

    /// The key to verify with.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a note's text, which ends in a line end.
    pub fn sign(&self, text: &str) -> NoteSignature {
        NoteSignature::by(&self.verifier, self.key.sign(text.as_bytes()).to_bytes().to_vec())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

/// One signature line. Says nothing until it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    id: u32,
    signature: Vec<u8>,
}

impl NoteSignature {
    /// A signature made with the private half of this key.
    pub(crate) fn by(key: &VerifierKey, signature: Vec<u8>) -> Self {
        Self { name: key.name.clone(), id: key.id, signature }
    }

    /// Reads a line without its line end; there is one spelling.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = STANDARD.decode(base64).ok()?;
        let (id, signature) = bytes.split_first_chunk::<4>().filter(|(_, signature)| !signature.is_empty())?;
        let name = KeyName::new(name).ok()?;
        Some(Self { name, id: u32::from_be_bytes(*id), signature: signature.to_vec() })
    }

    /// Name of the key it says it is by.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Id of the key it says it is by.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The bytes after the id.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.to_be_bytes()[..], &self.signature].concat();
        write!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

/// A key that has signed a note, which was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSignature {
    /// The key.
    pub key: VerifierKey,
    /// Of a cosignature, its time in Unix seconds.
    pub time: Option<u64>,
}

/// A text and its signatures, unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A note with at least one signature. The text ends in a line end and has no control characters besides.
    pub fn new(text: impl Into<String>, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        let text = text.into();
        if text.contains(forbidden) {
            return Err(NoteError::Characters);
        }
        if !text.ends_with('\n') || signatures.is_empty() {
            return Err(NoteError::Structure);
        }
        if signatures.len() > MAX_NOTE_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        let note = Self { text, signatures };
        let length = note.to_string().len();
        if length > MAX_NOTE_BYTES { Err(NoteError::TooLong(length)) } else { Ok(note) }
    }

    /// Reads a note; there is one spelling.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Characters)?;
        if note.contains(forbidden) {
            return Err(NoteError::Characters);
        }
        // Signature lines are not empty, so the last empty line is where they begin.
        let at = note.rfind("\n\n").ok_or(NoteError::Structure)?;
        let (text, rest) = note.split_at_checked(at + 1).ok_or(NoteError::Structure)?;
        let lines = rest.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n')).ok_or(NoteError::Structure)?;
        let mut signatures = Vec::new();
        for (number, line) in (1..).zip(lines.split('\n')) {
            if number > MAX_NOTE_SIGNATURES {
                return Err(NoteError::TooManySignatures);
            }
            signatures.push(NoteSignature::parse(line).ok_or(NoteError::SignatureLine(number))?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, with its last line end. Unverified.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in their order. Unverified.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The same note with one more signature at its end, or unchanged if it already has exactly this one.
    pub fn with_signature(&self, signature: NoteSignature) -> Result<Self, NoteError> {
        let mut signatures = self.signatures.clone();
        if !signatures.contains(&signature) {
            signatures.push(signature);
        }
        Self::new(self.text.clone(), signatures)
    }

    /// Verifies every signature of a trusted key, ignores the others. One bad signature of a trusted key refuses the note, and so does
    /// a note that no trusted key has signed. Answers in the order of the note.
    pub fn verify(&self, trusted: &[VerifierKey]) -> Result<Vec<KnownSignature>, NoteError> {
        let mut known = Vec::new();
        for signature in &self.signatures {
            let mut keys = trusted.iter().filter(|key| key.id == signature.id && key.name == signature.name);
            let Some(key) = keys.next() else { continue };
            if keys.any(|other| other != key) {
                return Err(NoteError::AmbiguousKey { name: key.name.to_string(), id: key.id });
            }
            let time = key.check(&self.text, &signature.signature);
            let bad = || NoteError::BadSignature { name: key.name.to_string(), id: key.id };
            known.push(KnownSignature { key: key.clone(), time: time.ok_or_else(bad)? });
        }
        if known.is_empty() { Err(NoteError::NotSigned) } else { Ok(known) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

fn forbidden(c: char) -> bool {
    c < ' ' && c != '\n'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard.
    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n\
        — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    fn signer(name: &str, seed: u8) -> Signer {
        Signer::new(name.parse().unwrap(), SigningKey::from_bytes(&[seed; 32])).unwrap()
    }

    #[test]
    fn the_standards_example_verifies_and_is_written_back_byte_for_byte() {
        let key = VerifierKey::parse(VKEY).unwrap();
        assert_eq!(key.to_string(), VKEY);
        let note = Note::parse(NOTE.as_bytes()).unwrap();
        assert_eq!(note.to_string(), NOTE);
        let known = note.verify(std::slice::from_ref(&key)).unwrap();
        assert_eq!(known, [KnownSignature { key, time: None }]);
    }

    #[test]
    fn a_verifier_key_has_one_spelling() {
        for wrong in [
            "",
            "example.com/foo",
            "example.com/foo+530d903a",
            "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+0530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/fo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k=",
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
            "example.com/foo+530d903a+BekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903a+",
        ] {
            assert!(VerifierKey::parse(wrong).is_err(), "{wrong}");
        }
        let other_type = format!("a.example+00000000+{}", STANDARD.encode([&[6u8][..], &[0; 32]].concat()));
        assert!(matches!(VerifierKey::parse(&other_type), Err(NoteError::KeyType { kind: 6, .. })));
    }

    #[test]
    fn a_weak_public_key_is_refused() {
        let mut identity = [0u8; 32];
        identity[0] = 1;
        // The second encoding of the identity has y = p + 1.
        let mut again = [0xffu8; 32];
        (again[0], again[31]) = (0xee, 0x7f);
        for weak in [identity, [0; 32], again, [0xff; 32]] {
            let name = "a.example".parse().unwrap();
            assert!(matches!(VerifierKey::new(name, KeyKind::Ed25519, &weak), Err(NoteError::WeakKey(_))));
        }
    }

    #[test]
    fn a_key_name_has_no_spaces_plus_signs_or_control_characters() {
        for good in ["a", "registry.example/log", "ünï.example", "oid/1.2.3"] {
            assert!(KeyName::new(good).is_ok(), "{good}");
        }
        let long = "a".repeat(256);
        for bad in ["", " ", "a b", "a+b", "a\u{a0}b", "a\u{2003}b", "a\tb", "a\nb", "a\u{85}b", "a\u{7f}", &long] {
            assert!(KeyName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_note_has_one_spelling() {
        let good = NOTE.to_owned();
        let line = good.lines().last().unwrap().to_owned();
        for wrong in [
            String::new(),
            "\n".into(),
            "text\n".into(),
            "text\n\n".into(),
            good.trim_end().into(),
            format!("{good}\n"),
            good.replace("\n\n", "\n"),
            good.replace('\n', "\r\n"),
            good.replace("— ", "- "),
            good.replace("— ", "—  "),
            good.replace("example message", "example\tmessage"),
            good.replace("yaQM=", "yaQM"),
            good.replace("yaQM=", "yaQN="),
            good.replace("yaQM=", "yaQM= "),
            format!("\n\n— example.com/foo {}\n", STANDARD.encode([1, 2, 3, 4])),
            format!("{good}— exa+mple {}\n", line.rsplit(' ').next().unwrap()),
            format!("{good}—  {}\n", line.rsplit(' ').next().unwrap()),
        ] {
            assert!(Note::parse(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        assert_eq!(Note::parse(b"\xff\n\n\n"), Err(NoteError::Characters));
        // Text with empty lines is fine: the last empty line divides.
        let key = signer("a.example", 1);
        let note = Note::new("one\n\ntwo\n\n\n", vec![key.sign("one\n\ntwo\n\n\n")]).unwrap();
        assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note));
    }

    #[test]
    fn a_note_with_101_signatures_or_too_many_bytes_is_refused() {
        let signature = signer("a.example", 1).sign("x\n");
        assert!(Note::new("x\n", vec![signature.clone(); 100]).is_ok());
        assert_eq!(Note::new("x\n", vec![signature.clone(); 101]), Err(NoteError::TooManySignatures));
        let many = format!("x\n\n{}", format!("{signature}\n").repeat(101));
        assert_eq!(Note::parse(many.as_bytes()), Err(NoteError::TooManySignatures));
        let long = vec![b'x'; MAX_NOTE_BYTES + 1];
        assert_eq!(Note::parse(&long), Err(NoteError::TooLong(MAX_NOTE_BYTES + 1)));
    }

    #[test]
    fn signatures_of_strangers_are_ignored_even_under_a_known_name_or_id() {
        let (known, stranger) = (signer("a.example", 1), signer("b.example", 2));
        let text = "hello\n";
        let mut same_name = stranger.sign(text);
        same_name.name = known.verifier.name.clone();
        let mut same_id = stranger.sign(text);
        same_id.id = known.verifier.id;
        let note = Note::new(text, vec![same_name, same_id, stranger.sign(text), known.sign(text)]).unwrap();
        assert_eq!(note.verify(std::slice::from_ref(&known.verifier)).unwrap().len(), 1);
        let unsigned = Note::new(text, vec![stranger.sign(text)]).unwrap();
        assert_eq!(unsigned.verify(std::slice::from_ref(&known.verifier)), Err(NoteError::NotSigned));
        assert_eq!(unsigned.verify(&[]), Err(NoteError::NotSigned));
    }

    #[test]
    fn one_bad_signature_of_a_trusted_key_refuses_the_whole_note() {
        let (one, two) = (signer("a.example", 1), signer("b.example", 2));
        let keys = [one.verifier.clone(), two.verifier.clone()];
        let note = Note::new("hello\n", vec![one.sign("hello\n"), two.sign("other\n")]).unwrap();
        assert!(matches!(note.verify(&keys), Err(NoteError::BadSignature { name, .. }) if name == "b.example"));
        let mut short = one.sign("hello\n");
        short.signature.pop();
        let note = Note::new("hello\n", vec![one.sign("hello\n"), short]).unwrap();
        assert!(note.verify(&keys).is_err(), "a second, broken signature of the same key");
    }

    #[test]
    fn two_trusted_keys_of_one_name_and_id_are_refused() {
        let one = signer("a.example", 1);
        let mut two = signer("a.example", 2).verifier;
        two.id = one.verifier.id;
        let note = Note::new("hello\n", vec![one.sign("hello\n")]).unwrap();
        assert!(matches!(note.verify(&[one.verifier.clone(), two]), Err(NoteError::AmbiguousKey { .. })));
        assert!(note.verify(&[one.verifier.clone(), one.verifier.clone()]).is_ok(), "the same key twice is one key");
    }

    #[test]
    fn a_signer_never_shows_its_private_key() {
        let signer = signer("a.example", 0x5a);
        assert!(!format!("{signer:?}").contains("5a5a"));
        assert!(format!("{signer:?}").contains(&signer.verifier.to_string()));
    }
}
