//! What people give on the command line: domains, public keys, days. What is not read is a wrong use, in words.

use crate::failure::wrong;
use crate::{keyfile, terminal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deedbox_model::{Domain, KeyId, PublicKey, TimeMs};
use std::path::Path;

/// A domain.
pub(super) fn parsed(domain: &str) -> anyhow::Result<Domain> {
    Domain::parse(domain).map_err(|e| wrong(e.to_string()))
}

/// What was given is not shown where it is not read: it may be a private key.
pub(super) fn public(text: &str) -> anyhow::Result<PublicKey> {
    if let Some(bytes) = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
        return PublicKey::from_bytes(&bytes).map_err(|e| wrong(e.to_string()));
    }
    if Path::new(text).is_file() {
        return Ok(keyfile::read(Path::new(text))?.public());
    }
    Err(wrong("this is neither a public key (32 bytes of Ed25519 in base64, as deedbox keygen prints them) nor a key file".to_owned()))
}

/// The beginning of a day.
pub(super) fn day(flag: &str, text: Option<String>) -> anyhow::Result<Option<TimeMs>> {
    let Some(text) = text else { return Ok(None) };
    let time = TimeMs::of_day(&text);
    time.map(Some).ok_or_else(|| wrong(format!("{flag} takes a day, like 2027-01-31, not {:?}", terminal::excerpt(&text))))
}

/// The id of a key.
pub(super) fn kid_of(text: &str) -> anyhow::Result<KeyId> {
    KeyId::from_hex(text)
        .ok_or_else(|| wrong(format!("{:?} is not the id of a key: deedbox keys list shows them", terminal::excerpt(text))))
}
