//! What a cosigner signs, and whether a signature is one over that. C2SP tlog-cosignature, cosignature/v1; `spec/log.md` section 6. Knows
//! no key's name and no note.

use ed25519_dalek::{Signature, VerifyingKey};

/// Latest time that a cosignature can say, in Unix seconds: 2^63 - 1.
pub const MAX_TIME: u64 = i64::MAX as u64;

/// Verifies the bytes after the key id: eight of time, then the signature. Gives the time.
pub(crate) fn check(key: &VerifyingKey, text: &str, bytes: &[u8]) -> Option<u64> {
    let (time, signature) = bytes.split_first_chunk::<8>()?;
    let time = Some(u64::from_be_bytes(*time)).filter(|time| *time <= MAX_TIME)?;
    let signature = Signature::from_slice(signature).ok()?;
    key.verify_strict(message(text, time).as_bytes(), &signature).ok().map(|()| time)
}

/// The text that is signed: of which checkpoint, and when.
pub(crate) fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}
