//! What is looked for, as texts that a stream is searched for all at once: the signing key in each of its spellings, the first lines of
//! private keys, the beginnings of tokens. A needle only says where to look; what follows it decides.

use super::ahead::{AHEAD, run};
use super::{Kind, pem};
use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use deedbox_model::SecretKey;

/// Bytes of a key's spelling that are enough to know it: 120 bits and more. A line may end within the rest.
const ENOUGH: usize = 20;
/// Bytes before a needle that are looked at: one, which must not be a part of the same word.
const BEHIND: usize = 1;

/// What a needle begins.
#[derive(Debug, Clone, Copy)]
enum Begins {
    /// A part of the signing key itself: nothing else need be looked at.
    SigningKey,
    /// `-----BEGIN `.
    Pem,
    /// The same in UTF-16, as some shells write files.
    WidePem,
    /// The same once more in base64, as settings of a cluster or a job hold files.
    EncodedPem,
    /// Other files of private keys, by a first line that nothing else has.
    KeyFile,
    /// A token.
    Token(&'static Token),
}

/// The shape of a token.
#[derive(Debug)]
struct Token {
    name: &'static str,
    starts: &'static [&'static str],
    /// Whether what follows the start is one.
    is_one: fn(&[u8]) -> bool,
}

/// Told in docs/guides/publish.md: a change here is one there.
const TOKENS: [Token; 5] = [
    Token { name: "an npm token", starts: &["_authToken", "npm_"], is_one: is_npm_token },
    Token { name: "a cloud access key id", starts: &["AKIA", "ASIA"], is_one: is_access_key },
    Token {
        name: "a forge token",
        starts: &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        is_one: |rest| run(rest, is_word) >= 30,
    },
    Token { name: "a forge token", starts: &["glpat-"], is_one: |rest| run(rest, is_base64url) >= 20 },
    Token { name: "a signed web token", starts: &["eyJ"], is_one: is_web_token },
];

/// All of them, as one automaton.
pub(super) struct Needles {
    automaton: Option<AhoCorasick>,
    begins: Vec<Begins>,
}

impl Needles {
    pub(super) fn new(key: Option<&SecretKey>) -> Self {
        let mut all: Vec<(Vec<u8>, Begins)> = Vec::new();
        for spelling in key.map(spellings).unwrap_or_default() {
            all.push((spelling, Begins::SigningKey));
        }
        all.push((b"-----BEGIN ".to_vec(), Begins::Pem));
        all.push((b"-\0B\0E\0G\0I\0N\0 ".to_vec(), Begins::WidePem));
        for line in ["-- BEGIN SSH2 ENCRYPTED PRIVATE KEY --", "PuTTY-User-Key-File-"] {
            all.push((line.as_bytes().to_vec(), Begins::KeyFile));
        }
        for shift in 0..3 {
            all.push((shifted(b"-----BEGIN ", shift).into_bytes(), Begins::EncodedPem));
        }
        for token in &TOKENS {
            all.extend(token.starts.iter().map(|start| (start.as_bytes().to_vec(), Begins::Token(token))));
        }
        let (patterns, begins): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        // A few dozen short patterns always make one.
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(patterns).ok();
        Needles { automaton, begins }
    }

    /// What begins in `bytes` from `from` up to `until`, with its place. What lies behind is there to be looked at.
    pub(super) fn find(&self, bytes: &[u8], from: usize, until: usize) -> Vec<(usize, Kind)> {
        let mut found = Vec::new();
        let Some(automaton) = &self.automaton else { return found };
        for hit in automaton.find_iter(bytes.get(from..).unwrap_or_default()) {
            let at = from + hit.start();
            if at >= until {
                break;
            }
            let (Some(rest), Some(begins)) = (bytes.get(from + hit.end()..), self.begins.get(hit.pattern().as_usize())) else { continue };
            let rest = rest.get(..AHEAD.min(rest.len())).unwrap_or_default();
            let kind = match begins {
                Begins::SigningKey => Some(Kind::SigningKey),
                Begins::Pem => pem::is_private(rest).then_some(Kind::PrivateKey),
                Begins::WidePem => {
                    let narrow: Vec<u8> = rest.iter().copied().filter(|b| *b != 0).collect();
                    pem::is_private(&narrow).then_some(Kind::PrivateKey)
                }
                Begins::EncodedPem => {
                    let whole = bytes.get(at..(at + AHEAD).min(bytes.len())).unwrap_or_default();
                    (0..3).any(|shift| pem::is_private_encoded(whole, shift)).then_some(Kind::PrivateKey)
                }
                Begins::KeyFile => pem::has_body(rest).then_some(Kind::PrivateKey),
                Begins::Token(token) => {
                    let before = at.checked_sub(BEHIND).and_then(|at| bytes.get(at)).copied();
                    let is_start = before.is_none_or(|b| !is_word(b));
                    (is_start && (token.is_one)(rest)).then_some(Kind::Token(token.name))
                }
            };
            found.extend(kind.map(|kind| (at, kind)));
        }
        found
    }
}

/// Parts of a key as files hold it, each enough to know it by: the seed in bytes (so in DER too), in hex, in base64 wherever it lies in
/// what was encoded (PKCS #8 of either version, OpenSSH's form), and the PEM file in base64 once more.
fn spellings(key: &SecretKey) -> Vec<Vec<u8>> {
    let seed = key.seed();
    let mut all = vec![seed.to_vec()];
    let lower: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    let upper = lower.to_uppercase();
    let pem = key.to_pem();
    let line = pem.lines().nth(1).unwrap_or_default().to_owned();
    // The seed's part of the line: what is before it is the same for every key.
    let own = line.get(22..).unwrap_or_default().as_bytes().to_vec();
    let mut texts = vec![lower, upper];
    for shift in 0..3 {
        texts.push(shifted(&seed, shift));
        texts.push(shifted(&own, shift));
    }
    for text in texts {
        let url_safe = text.replace('+', "-").replace('/', "_");
        for text in [text, url_safe] {
            for part in [text.get(..ENOUGH), text.len().checked_sub(ENOUGH).and_then(|at| text.get(at..))].into_iter().flatten() {
                all.push(part.as_bytes().to_vec());
            }
        }
    }
    all.sort();
    all.dedup();
    all
}

/// The characters of base64 that `bytes` alone decide, where `shift` bytes of a group of three come before them.
fn shifted(bytes: &[u8], shift: usize) -> String {
    let mut whole = vec![0; shift];
    whole.extend_from_slice(bytes);
    let text = STANDARD_NO_PAD.encode(&whole);
    let first = (shift * 8).div_ceil(6);
    let end = whole.len() * 8 / 6;
    text.get(first..end).unwrap_or_default().to_owned()
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

fn is_base64url(b: u8) -> bool {
    is_word(b) || b == b'-'
}

/// `_authToken=VALUE` of npm's settings, where the value is not a variable's name; or `npm_` and 36 characters.
fn is_npm_token(rest: &[u8]) -> bool {
    let is_space = |b: &u8| matches!(b, b' ' | b'\t' | b'"' | b'\'');
    let at = rest.iter().take_while(|b| is_space(b)).count();
    match rest.get(at) {
        Some(b'=' | b':') => {
            let value = rest.get(at + 1..).unwrap_or_default();
            let value = value.get(value.iter().take_while(|b| is_space(b)).count()..).unwrap_or_default();
            !value.starts_with(b"${") && run(value, |b| is_base64url(b) || matches!(b, b'+' | b'/' | b'=' | b'.')) >= 8
        }
        _ => run(rest, |b| b.is_ascii_alphanumeric()) == 36,
    }
}

fn is_access_key(rest: &[u8]) -> bool {
    let is_upper = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    // The one of every handbook ends so.
    run(rest, is_upper) == 16 && rest.get(16).is_none_or(|b| !is_word(*b)) && !rest.starts_with(b"IOSFODNN7EXAMPLE")
}

/// Three parts of base64url with dots between them, of which the first two are JSON objects.
fn is_web_token(rest: &[u8]) -> bool {
    let (head, body, signature) = {
        let mut parts = rest.splitn(3, |b| *b == b'.');
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    };
    let is_json = |part: &[u8]| URL_SAFE_NO_PAD.decode(part.get(..part.len() / 4 * 4).unwrap_or_default()).is_ok();
    let is_part = |part: &[u8]| part.len() >= 8 && run(part, is_base64url) == part.len() && is_json(part);
    head.len() < 4_096
        && body.starts_with(b"eyJ")
        && run(head, is_base64url) == head.len()
        && is_part(body)
        && run(signature, is_base64url) >= 16
}
