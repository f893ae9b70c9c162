//! The committed fixtures, as a reader finds them: from the files, never from the functions that wrote them.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::path::PathBuf;

use serde_json::Value as Json;

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A file below `fixtures/`.
pub(crate) fn read(path: &str) -> Json {
    let path = root().join("fixtures").join(path);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap()
}

/// What a fixture says under a name. A name that is not there stops the test.
pub(crate) trait Fields {
    fn text(&self, name: &str) -> &str;
    fn number(&self, name: &str) -> u64;
    fn bytes(&self, name: &str) -> Vec<u8>;
    fn list(&self, name: &str) -> &[Json];
}

impl Fields for Json {
    fn text(&self, name: &str) -> &str {
        self[name].as_str().unwrap_or_else(|| panic!("no text {name}"))
    }
    fn number(&self, name: &str) -> u64 {
        self[name].as_u64().unwrap_or_else(|| panic!("no number {name}"))
    }
    fn bytes(&self, name: &str) -> Vec<u8> {
        hex::decode(self.text(name)).unwrap()
    }
    /// At least one: a loop over nothing would pass.
    fn list(&self, name: &str) -> &[Json] {
        let list = self[name].as_array().unwrap_or_else(|| panic!("no list {name}"));
        assert!(!list.is_empty(), "{name} is empty");
        list
    }
}

/// Bytes that a fixture says in pieces, each so many times.
pub(crate) fn joined(pieces: &[Json]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.bytes("hex").repeat(piece.number("times") as usize)).collect()
}

/// Bytes of a known length.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap_or_else(|_| panic!("{} bytes instead of {N}", bytes.len()))
}

/// The event types of protocol 1.
pub(crate) const TYPES: [&str; 20] = [
    "registry.created",
    "registry.rules.changed",
    "registry.suffixes.changed",
    "domain.claimed",
    "domain.keys.changed",
    "domain.frozen",
    "domain.thawed",
    "domain.transferred",
    "domain.released",
    "domain.recovery.opened",
    "domain.recovery.contested",
    "domain.recovery.completed",
    "publisher.granted",
    "publisher.revoked",
    "release.published",
    "release.yanked",
    "release.unyanked",
    "release.deprecated",
    "channel.set",
    "channel.removed",
];

/// The logs.
pub(crate) const LOGS: [&str; 10] = [
    "logs/small.json",
    "logs/verdicts.json",
    "logs/order.json",
    "logs/edges.json",
    "logs/contents.json",
    "logs/claims.json",
    "logs/hands.json",
    "logs/grants.json",
    "logs/void-beginning.json",
    "logs/protocol2.json",
];

/// Every case of every type.
pub(crate) fn statements() -> Vec<Json> {
    let cases = TYPES.iter().flat_map(|event| read(&format!("statements/{event}.json")).list("cases").to_vec());
    cases.collect()
}

/// Every acceptance: of the claims, and those of their own file.
pub(crate) fn acceptances() -> Vec<Json> {
    let inner = statements().into_iter().filter_map(|case| case.get("acceptance").cloned());
    inner.chain(read("manifests/acceptances.json").list("cases").to_vec()).collect()
}
