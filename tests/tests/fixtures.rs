//! The golden bytes of `fixtures/`: they are what their seeds give, byte for byte, and every one of them says what it is said to say
//! when it is read, verified, judged and folded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

#[path = "fixtures/edges.rs"]
mod edges;
#[path = "fixtures/envelopes.rs"]
mod envelopes;
mod golden;
#[path = "fixtures/limits.rs"]
mod limits;
#[path = "fixtures/logs.rs"]
mod logs;
#[path = "fixtures/manifests.rs"]
mod manifests;
#[path = "fixtures/signed.rs"]
mod signed;
#[path = "fixtures/trees.rs"]
mod trees;

use deedbox_tlog::Hash;
use serde_json::Value as Json;

use golden::{Fields as _, array};

fn hash(json: &Json, name: &str) -> Hash {
    Hash(array(&json.bytes(name)))
}

fn hashes(json: &Json) -> Vec<Hash> {
    json.as_array().unwrap().iter().map(|hash| Hash::from_hex(hash.as_str().unwrap()).unwrap()).collect()
}

/// Reads CBOR with the model's type for any value, and says it as a fixture does: byte strings in hex.
fn says(bytes: &[u8]) -> Json {
    fn plain(value: serde_cbor::Value) -> Json {
        match value {
            serde_cbor::Value::Null => Json::Null,
            serde_cbor::Value::Bool(truth) => truth.into(),
            serde_cbor::Value::Integer(n) => u64::try_from(n).map_or_else(|_| i64::try_from(n).unwrap().into(), Json::from),
            serde_cbor::Value::Bytes(bytes) => hex::encode(bytes).into(),
            serde_cbor::Value::Text(text) => text.into(),
            serde_cbor::Value::Array(list) => list.into_iter().map(plain).collect(),
            serde_cbor::Value::Map(map) => {
                let text = |key| if let serde_cbor::Value::Text(text) = key { text } else { panic!("{key:?}") };
                Json::Object(map.into_iter().map(|(key, value)| (text(key), plain(value))).collect())
            }
            other => panic!("{other:?}"),
        }
    }
    plain(serde_cbor::from_slice(bytes).unwrap())
}

#[test]
fn the_committed_files_are_what_their_seeds_give() {
    let differences = xtask::fixtures::differences(&golden::root()).unwrap();
    assert_eq!(differences, Vec::<String>::new(), "if that is meant: cargo xtask fixtures");
    let total: usize = xtask::fixtures::files().unwrap().values().map(Vec::len).sum();
    assert!(total < 3_000_000, "{total} bytes are more than a checkout should carry");
}

#[test]
fn the_readme_of_the_fixtures_speaks_of_every_file() {
    let readme = std::fs::read_to_string(golden::root().join("fixtures/README.md")).unwrap();
    for path in xtask::fixtures::files()
        .unwrap()
        .keys()
        .filter(|path| path.as_str() == "statements/refused.json" || !path.starts_with("statements/"))
    {
        assert!(readme.contains(path.as_str()), "{path} is not explained");
    }
    assert!(readme.contains("statements/<type>.json"));
}
