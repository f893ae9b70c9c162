//! Rows: what a decision and a fold read and change (spec/projections/README.md §1). A row is bytes under a key, with
//! the index of the entry that wrote it last. Nothing here stores anything.

use crate::encoding;
use crate::limits::ROW_KEY_BYTES;
use serde::{Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The key of a row within its projection: 1 to 1,200 bytes of printable ASCII without spaces, so that every store
/// sorts keys alike (by bytes). A clone is the same text: a key goes from what is touched through what is read and changed to
/// the store, and is written down once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey(Arc<str>);

impl RowKey {
    /// Checks the bytes. A fold that makes a key from checked texts never fails here.
    pub fn new(key: impl Into<String>) -> Result<Self, Defect> {
        let key = key.into();
        if key.is_empty() || key.len() > ROW_KEY_BYTES || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Defect::BadKey(key.chars().take(80).collect()));
        }
        Ok(RowKey(key.into()))
    }
    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::fmt::Debug for RowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowKey({})", self.0)
    }
}

/// One row. A clone shares its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it says, in the projection's own encoding.
    pub bytes: Arc<[u8]>,
    /// Index of the entry that wrote it last.
    pub seq: u64,
}

/// The keys that a decision or a fold needs.
pub type Keys = BTreeSet<RowKey>;

/// What was read for them: each asked key with its row, or with none. Sees only what was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows(BTreeMap<RowKey, Option<Row>>);

/// What a decision or a fold writes: each key with its new bytes, or none to delete the row. Of two words about one key the later one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(BTreeMap<RowKey, Option<Vec<u8>>>);

/// A fault in a program or a store, never in a statement: it stops what is running instead of judging anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// A row was used that `touches` or `plan` did not name.
    #[error("row {0} was used but not asked for: a defect in its projection")]
    Unread(String),
    /// A row does not decode.
    #[error("row {key} is damaged ({why}): run deedbox replay --verify, and rebuild the rows")]
    Damaged {
        /// The row.
        key: String,
        /// What its decoder says.
        why: String,
    },
    /// A key that no store would sort alike.
    #[error("{0:?} cannot be a row key: a defect in its projection")]
    BadKey(String),
    /// Something that does not encode.
    #[error("a row does not encode ({0}): a defect in its projection")]
    Unencodable(String),
}

impl Rows {
    /// What was read: every key that was asked for, present or not.
    pub fn new(read: BTreeMap<RowKey, Option<Row>>) -> Self {
        Rows(read)
    }
    /// The part of what was read for many that one of them may see.
    pub fn select(all: &BTreeMap<RowKey, Option<Row>>, keys: &Keys) -> Self {
        Rows(keys.iter().filter_map(|key| all.get(key).map(|row| (key.clone(), row.clone()))).collect())
    }
    /// The row under a key that was asked for.
    pub fn get(&self, key: &RowKey) -> Result<Option<&Row>, Defect> {
        match self.0.get(key) {
            Some(row) => Ok(row.as_ref()),
            None => Err(Defect::Unread(key.to_string())),
        }
    }
    /// The row under a key that was asked for, decoded from canonical CBOR.
    pub fn decoded<T: DeserializeOwned>(&self, key: &RowKey) -> Result<Option<T>, Defect> {
        self.get(key)?.map(|row| decode_row(key, &row.bytes)).transpose()
    }
    /// All that was read and is there, ascending by key.
    pub fn iter(&self) -> impl Iterator<Item = (&RowKey, &Row)> {
        self.0.iter().filter_map(|(key, row)| row.as_ref().map(|row| (key, row)))
    }
    /// The rows whose keys begin with this prefix, ascending by key.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a RowKey, &'a Row)> {
        self.0
            .range(RowKey(prefix.into())..)
            .take_while(move |(key, _)| key.0.starts_with(prefix))
            .filter_map(|(key, row)| row.as_ref().map(|row| (key, row)))
    }
    /// Puts one more read key in.
    pub fn insert(&mut self, key: RowKey, row: Option<Row>) {
        self.0.insert(key, row);
    }
}

impl Changes {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }
    /// Writes a row, in canonical CBOR.
    pub fn put<T: Serialize>(&mut self, key: RowKey, row: &T) -> Result<(), Defect> {
        self.0.insert(key, Some(encode_row(row)?));
        Ok(())
    }
    /// Deletes a row.
    pub fn delete(&mut self, key: RowKey) {
        self.0.insert(key, None);
    }
    /// Whether there is something about a row.
    pub fn touch(&self, key: &RowKey) -> bool {
        self.0.contains_key(key)
    }
    /// What is written under each key, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&RowKey, Option<&[u8]>)> {
        self.0.iter().map(|(key, bytes)| (key, bytes.as_deref()))
    }
}

impl IntoIterator for Changes {
    type Item = (RowKey, Option<Vec<u8>>);
    type IntoIter = std::collections::btree_map::IntoIter<RowKey, Option<Vec<u8>>>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Decodes the canonical CBOR of a row.
pub fn decode_row<T: DeserializeOwned>(key: &RowKey, bytes: &[u8]) -> Result<T, Defect> {
    encoding::decode_own(bytes).map_err(|e| Defect::Damaged { key: key.to_string(), why: e.to_string() })
}

/// The canonical CBOR of a row.
pub fn encode_row<T: Serialize>(row: &T) -> Result<Vec<u8>, Defect> {
    encoding::encode(row).map_err(|e| Defect::Unencodable(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_was_not_asked_for_is_a_defect() {
        let key = RowKey::new("a").unwrap();
        let mut rows = Rows::default();
        assert!(matches!(rows.get(&key), Err(Defect::Unread(_))));
        rows.insert(key.clone(), None);
        assert_eq!(rows.get(&key), Ok(None));
    }

    #[test]
    fn of_two_changes_of_one_row_the_later_one_counts() {
        let (a, b) = (RowKey::new("a").unwrap(), RowKey::new("b").unwrap());
        let mut changes = Changes::new();
        changes.put(b.clone(), &1u64).unwrap();
        changes.delete(a.clone());
        changes.delete(b.clone());
        changes.put(a.clone(), &2u64).unwrap();
        let expected = [(a, Some(vec![2])), (b, None)];
        assert!(changes.iter().eq(expected.iter().map(|(key, bytes)| (key, bytes.as_deref()))));
        assert_eq!(changes.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn keys_are_printable_and_bounded() {
        assert!(RowKey::new("x".repeat(ROW_KEY_BYTES)).is_ok());
        for bad in [String::new(), "x".repeat(ROW_KEY_BYTES + 1), "a b".into(), "\u{e9}".into(), "a\n".into()] {
            assert!(RowKey::new(bad).is_err());
        }
    }
}
