//! Whether what follows `-----BEGIN ` is a private key (RFC 7468, RFC 1421, RFC 9580 §6.2, OpenSSH's PROTOCOL.key): its label says so, and a
//! body of base64 comes after it. Programs that read and write keys hold the first and last lines without a body, and handbooks leave
//! out the middle: those are not keys. Decodes nothing of a key.

use super::ahead::{AHEAD, run};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Bytes of a label: `ENCRYPTED PRIVATE KEY` and others have a third of it.
const LABEL_BYTES: usize = 64;
/// Base64 in one piece that counts: a line of any key is longer, a word of a program is shorter.
const PIECE: usize = 24;
/// Base64 of a body: the smallest key, of Ed25519, has 64 characters in PEM.
const BODY: usize = 48;
/// Bytes between the first line and the body: headers as PuTTY, PGP and old PEM files have them.
const FIRST_GAP: usize = 512;
/// Bytes between two lines of a body: quotes, plus signs and indentation, where a program holds it.
const NEXT_GAP: usize = 64;
/// Whatever its last bits are: what is decoded is a part of something longer.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether `rest`, which follows `-----BEGIN `, is that of a private key.
pub(super) fn is_private(rest: &[u8]) -> bool {
    let label = rest.get(..LABEL_BYTES.min(rest.len())).unwrap_or_default();
    let Some(end) = label.windows(5).position(|five| five == b"-----") else { return false };
    let label = label.get(..end).unwrap_or_default();
    let is_label = label.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b' ');
    let says_so = label.ends_with(b"PRIVATE KEY") || label == b"PGP PRIVATE KEY BLOCK";
    is_label && says_so && has_body(rest.get(end + 5..).unwrap_or_default())
}

/// Whether a body comes before the last line. The last line may be missing: the key is there all the same.
pub(super) fn has_body(rest: &[u8]) -> bool {
    // A compiled program holds the first line as a constant: a length in bytes comes after it, and other constants.
    let is_binary = |b: &u8| b.is_ascii_control() && !matches!(b, b'\t' | b'\r' | b'\n');
    let text = rest.get(..rest.iter().position(is_binary).unwrap_or(rest.len())).unwrap_or_default();
    let end = text.windows(5).position(|five| five == b"-----").unwrap_or(text.len());
    let mut body = text.get(..end).unwrap_or_default();
    // `MIIE…` in a handbook.
    if body.windows(3).any(|three| three == b"..." || three == "…".as_bytes()) {
        return false;
    }
    let (mut found, mut has_digit) = (0, false);
    let (mut gap, mut allowed) = (0, FIRST_GAP);
    while !body.is_empty() && found < BODY {
        let piece = run(body, is_base64);
        if piece >= PIECE {
            found += piece;
            has_digit |= body.iter().take(piece).any(u8::is_ascii_digit);
            (gap, allowed) = (0, NEXT_GAP);
        } else {
            gap += piece.max(1);
            if gap > allowed {
                return false;
            }
        }
        body = body.get(piece.max(1)..).unwrap_or_default();
    }
    found >= BODY && has_digit
}

/// The same for a PEM file that was encoded in base64 as a whole, from its `-----BEGIN ` on, where `shift` characters lie before the next
/// whole group of four.
pub(super) fn is_private_encoded(text: &[u8], shift: usize) -> bool {
    let mut plain: Vec<u8> = Vec::new();
    // Lines may be wrapped, also as text in JSON.
    let mut at = text;
    while let Some((first, rest)) = at.split_first() {
        match (first, rest.first()) {
            (b'\n' | b'\r' | b' ' | b'\t', _) => at = rest,
            (b'\\', Some(b'n' | b'r')) => at = rest.get(1..).unwrap_or_default(),
            (b, _) if is_base64(*b) => {
                plain.push(*b);
                at = rest;
            }
            _ => break,
        }
    }
    // `-----BEGIN ` begins with a whole group, or one or two bytes into it.
    let whole = plain.get(shift..).unwrap_or_default();
    let whole = whole.get(..whole.len() / 4 * 4).unwrap_or_default();
    let Ok(decoded) = LENIENT.decode(whole) else { return false };
    let begin = decoded.get(..16.min(decoded.len())).unwrap_or_default().windows(6).position(|six| six == b"BEGIN ");
    begin.is_some_and(|at| is_private(decoded.get(at + 6..(at + 6 + AHEAD).min(decoded.len())).unwrap_or_default()))
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_')
}
