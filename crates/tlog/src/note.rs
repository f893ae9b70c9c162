//! Signed notes: signing, reading, verifying. C2SP signed-note, `spec/log.md` section 5.
//! A note's text is not to be used before [`Note::verify`] has said who signed it.

use crate::key::{KeyError, KeyKind, KeyName, VerifierKey};
use crate::limits::{MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use std::fmt;

/// Why something is not a note, or not a good one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// A key in it, or for it.
    #[error(transparent)]
    Key(#[from] KeyError),
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

/// Signs notes with an Ed25519 key (type 0x01). Where the key comes from is the caller's business.
#[derive(Clone)]
pub struct Signer {
    verifier: VerifierKey,
    key: SigningKey,
}

impl Signer {
    /// From a name and a private key.
    pub fn new(name: KeyName, key: SigningKey) -> Result<Self, KeyError> {
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
        Self { name: key.name().clone(), id: key.id(), signature }
    }

    /// Reads a line without its line end; there is one spelling.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = STANDARD.decode(base64).ok()?;
        let (id, signature) = bytes.split_first_chunk::<4>().filter(|(_, signature)| !signature.is_empty())?;
        let name = KeyName::new(name).ok()?;
        Some(Self { name, id: u32::from_be_bytes(*id), signature: signature.to_vec() })
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
            let mut keys = trusted.iter().filter(|key| key.id() == signature.id && *key.name() == signature.name);
            let Some(key) = keys.next() else { continue };
            if keys.any(|other| other != key) {
                return Err(NoteError::AmbiguousKey { name: key.name().to_string(), id: key.id() });
            }
            let time = key.check(&self.text, &signature.signature);
            let bad = || NoteError::BadSignature { name: key.name().to_string(), id: key.id() };
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
        same_name.name = known.verifier.name().clone();
        let mut same_id = stranger.sign(text);
        same_id.id = known.verifier.id();
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
        let two = signer("a.example", 2).verifier.with_id(one.verifier.id());
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
