//! An Ed25519 key that an ssh-agent keeps (the agent protocol, draft-ietf-sshm-ssh-agent; RFC 8709 for the form of keys and signatures): it
//! hands out signatures over bytes, and never the key. One question is one connection: what an agent says is bounded, and waited for only so
//! long, for it may ask its user before it signs.

use crate::failure::{refused, wrong};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use deedbox_model::{NotSigned, PublicKey, Sha256Digest, Signer};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where an agent says that it listens.
const SOCKET: &str = "SSH_AUTH_SOCK";
/// Bytes of an answer: what OpenSSH's agent takes and gives at most.
const ANSWER_BYTES: u32 = 256 * 1024;
/// For an answer: a person may be asked, and has to find the token to touch.
const ANSWER_TIME: Duration = Duration::from_secs(60);

const LIST: u8 = 11;
const KEYS: u8 = 12;
const SIGN: u8 = 13;
const SIGNATURE: u8 = 14;
const KIND: &[u8] = b"ssh-ed25519";

/// A key in an agent.
pub(crate) struct AgentKey {
    socket: PathBuf,
    /// The key as the agent names it.
    blob: Vec<u8>,
    public: PublicKey,
}

/// A key that an agent lists.
struct Listed {
    blob: Vec<u8>,
    public: PublicKey,
    comment: String,
}

impl Listed {
    /// As `ssh-add -l` shows it.
    fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256Digest::of(&self.blob).as_bytes()))
    }
}

impl AgentKey {
    /// The only Ed25519 key of the agent, or the one that is named by its fingerprint or its comment.
    pub(crate) fn find(name: Option<&str>) -> anyhow::Result<Self> {
        let socket = std::env::var_os(SOCKET).filter(|socket| !socket.is_empty());
        let socket = socket.map(PathBuf::from).ok_or_else(|| wrong(format!("there is no ssh-agent here: {SOCKET} is not set")))?;
        let listed = list(&socket).map_err(|why| refused(format!("the ssh-agent at {SOCKET} gave no list of keys: {why}")))?;
        let is_it = |key: &&Listed| name.is_none_or(|name| key.fingerprint() == name || key.comment == name);
        let mut found = listed.iter().filter(is_it);
        match (found.next(), found.next()) {
            (Some(key), None) => Ok(AgentKey { socket, blob: key.blob.clone(), public: key.public }),
            (None, _) => Err(wrong(match name {
                Some(name) => format!("the ssh-agent has no Ed25519 key {name:?}: ssh-add -l lists those that it has"),
                None => "the ssh-agent has no Ed25519 key: ssh-add one, or make one with ssh-keygen -t ed25519".to_owned(),
            })),
            (Some(_), Some(_)) => Err(wrong(format!(
                "the ssh-agent has several Ed25519 keys: name one, like ssh-agent:{}",
                listed.first().map(Listed::fingerprint).unwrap_or_default()
            ))),
        }
    }
}

impl Signer for AgentKey {
    fn public(&self) -> PublicKey {
        self.public
    }
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], NotSigned> {
        signature(&self.socket, &self.blob, message).map_err(|why| NotSigned(format!("the ssh-agent says: {why}")))
    }
}

fn list(socket: &Path) -> Result<Vec<Listed>, String> {
    let answer = ask(socket, &[LIST], KEYS)?;
    let mut rest = Rest(&answer);
    let count = rest.number()?;
    let mut keys = Vec::new();
    for _ in 0..count {
        let (blob, comment) = (rest.string()?, rest.string()?);
        if let Some(public) = public(blob) {
            keys.push(Listed { blob: blob.to_vec(), public, comment: String::from_utf8_lossy(comment).into_owned() });
        }
    }
    Ok(keys)
}

/// The key, if it is one of Ed25519 that may sign here.
fn public(blob: &[u8]) -> Option<PublicKey> {
    let mut rest = Rest(blob);
    let (kind, key) = (rest.string().ok()?, rest.string().ok()?);
    let is_whole = kind == KIND && rest.0.is_empty();
    is_whole.then(|| PublicKey::from_bytes(key.try_into().ok()?).ok()).flatten()
}

fn signature(socket: &Path, blob: &[u8], message: &[u8]) -> Result<[u8; 64], String> {
    let mut question = vec![SIGN];
    for part in [blob, message] {
        question.extend(u32::try_from(part.len()).map_err(|_| "it is too long to be signed")?.to_be_bytes());
        question.extend(part);
    }
    question.extend(0u32.to_be_bytes());
    let answer = ask(socket, &question, SIGNATURE)?;
    let mut rest = Rest(&answer);
    let mut signed = Rest(rest.string()?);
    let (kind, bytes) = (signed.string()?, signed.string()?);
    let bytes = bytes.try_into().ok().filter(|_| kind == KIND);
    bytes.ok_or_else(|| "its answer is not a signature of Ed25519".to_owned())
}

/// Asks one question; gives the answer behind its kind.
fn ask(socket: &Path, question: &[u8], expected: u8) -> Result<Vec<u8>, String> {
    let words = |e: std::io::Error| e.to_string();
    let mut stream = UnixStream::connect(socket).map_err(words)?;
    stream.set_read_timeout(Some(ANSWER_TIME)).map_err(words)?;
    stream.set_write_timeout(Some(ANSWER_TIME)).map_err(words)?;
    let length = u32::try_from(question.len()).map_err(|_| "the question is too long")?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).map_err(words)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).map_err(words)?;
    let length = u32::from_be_bytes(length);
    if length == 0 || length > ANSWER_BYTES {
        return Err(format!("its answer has {length} bytes, and may have 1 to {ANSWER_BYTES}"));
    }
    let mut answer = Vec::new();
    stream.take(u64::from(length)).read_to_end(&mut answer).map_err(words)?;
    match answer.split_first() {
        Some((kind, rest)) if *kind == expected && answer.len() as u64 == u64::from(length) => Ok(rest.to_vec()),
        Some((kind, _)) if *kind != expected => Err("it refuses: the key may be locked, gone, or its use was not confirmed".to_owned()),
        _ => Err("its answer breaks off".to_owned()),
    }
}

/// What is left of an answer.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn number(&mut self) -> Result<u32, String> {
        let (number, rest) = self.0.split_first_chunk::<4>().ok_or("its answer breaks off")?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*number))
    }
    fn string(&mut self) -> Result<&'a [u8], String> {
        let length = self.number()? as usize;
        let (string, rest) = self.0.split_at_checked(length).ok_or("its answer breaks off")?;
        self.0 = rest;
        Ok(string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// Something at a socket that answers every question with these bytes.
    fn agent(answer: Vec<u8>) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut length = [0; 4];
                stream.read_exact(&mut length).unwrap();
                let mut question = vec![0; u32::from_be_bytes(length) as usize];
                stream.read_exact(&mut question).unwrap();
                stream.write_all(&answer).unwrap();
            }
        });
        (folder, socket)
    }

    fn string(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
    }

    fn answer(bytes: &[u8]) -> Vec<u8> {
        string(bytes)
    }

    #[test]
    fn what_an_agent_says_is_read_or_refused_and_never_believed_to_be_more() {
        let good = [&[SIGNATURE][..], &string(&[string(KIND), string(&[7; 64])].concat())].concat();
        let (_folder, socket) = agent(answer(&good));
        assert_eq!(signature(&socket, b"blob", b"message").unwrap(), [7; 64]);
        let other = [&[SIGNATURE][..], &string(&[string(b"ssh-rsa"), string(&[7; 64])].concat())].concat();
        let short = [&[SIGNATURE][..], &string(&[string(KIND), string(&[7; 63])].concat())].concat();
        let cut = good[..good.len() - 1].to_vec();
        let claims_more = [&((good.len() as u32 + 9).to_be_bytes())[..], &good].concat();
        for (what, said) in [
            ("a failure", answer(&[5])),
            ("another kind of key", answer(&other)),
            ("a signature that is too short", answer(&short)),
            ("an answer whose end is missing", answer(&cut)),
            ("a length that lies", claims_more),
            ("no answer at all", answer(&[])),
            ("four gigabytes", u32::MAX.to_be_bytes().to_vec()),
        ] {
            let (_folder, socket) = agent(said);
            assert!(signature(&socket, b"blob", b"message").is_err(), "{what}");
        }
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over() {
        let key = deedbox_model::SecretKey::from_seed(&[9; 32]).public();
        let ours = [string(KIND), string(&key.to_bytes())].concat();
        let weak = [string(KIND), string(&[0; 32])].concat();
        let theirs = [string(b"ssh-rsa"), string(b"whatever")].concat();
        let listed = [&theirs, &weak, &ours].map(|blob| [string(blob), string(b"a comment")].concat()).concat();
        let (_folder, socket) = agent(answer(&[&[KEYS][..], &3u32.to_be_bytes(), &listed].concat()));
        let found = list(&socket).unwrap();
        assert_eq!(found.iter().map(|key| key.public).collect::<Vec<_>>(), [key]);
        assert_eq!(found[0].comment, "a comment");
        assert!(found[0].fingerprint().starts_with("SHA256:"));
        // More keys than there are bytes for.
        let (_folder, socket) = agent(answer(&[&[KEYS][..], &u32::MAX.to_be_bytes(), &listed].concat()));
        assert!(list(&socket).is_err());
    }
}
