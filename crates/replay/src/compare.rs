//! Comparing whole projections: a fingerprint over all rows at a size, and the differences between two stores row by row.

use crate::fold::ReplayError;
use crate::limits::COMPARED_AT_ONCE;
use deedbox_model::{ProjectionId, Row, RowKey, Sha256Digest};
use deedbox_store::{InFull, RowStore, StoreError, read_one};
use sha2::Digest as _;
use std::cmp::Ordering;
use std::fmt;

/// A whole projection in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Whose rows.
    pub projection: ProjectionId,
    /// The size of the log that they are folded at.
    pub size: u64,
    /// Number of rows.
    pub rows: u64,
    /// SHA-256 over every row, ascending by key: length of the key and key, seq, length of the bytes and bytes; numbers
    /// as 64-bit big-endian (spec/projections/README.md §3).
    pub digest: Sha256Digest,
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} size={} rows={} sha256:{}", self.projection, self.size, self.rows, self.digest)
    }
}

/// The fingerprint of a projection as it is now. Nobody may write it meanwhile.
pub async fn fingerprint(rows: &dyn RowStore, projection: &ProjectionId) -> Result<Fingerprint, ReplayError> {
    let size = rows.cursor(projection).await?;
    let mut hash = sha2::Sha256::new();
    let mut count = 0;
    let mut after: Option<RowKey> = None;
    loop {
        let page = rows.scan(projection, "", after.as_ref().map(RowKey::as_str), COMPARED_AT_ONCE).await?;
        for (key, row) in &page {
            hash.update((key.as_str().len() as u64).to_be_bytes());
            hash.update(key.as_str());
            hash.update(row.seq.to_be_bytes());
            hash.update((row.bytes.len() as u64).to_be_bytes());
            hash.update(&row.bytes);
        }
        count += page.len() as u64;
        match page.last() {
            Some((key, _)) if page.len() as u64 == u64::from(COMPARED_AT_ONCE) => after = Some(key.clone()),
            _ => break,
        }
    }
    Ok(Fingerprint { projection: projection.clone(), size, rows: count, digest: Sha256Digest(hash.finalize().into()) })
}

/// Something of a projection that is not what the log gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose.
    pub projection: ProjectionId,
    /// The row's key; none where it is about the projection as a whole, or about a row whose key cannot be read.
    pub key: Option<RowKey>,
    /// In words.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "row {key} of {} {}", self.projection, self.what),
            None => write!(f, "{} {}", self.projection, self.what),
        }
    }
}

/// Whether a projection is folded to the end of a log of `size` entries, and the first `most` differences of its rows from those
/// that were folded there. What `deedbox fsck` and `deedbox replay --verify` say of rows is this.
pub async fn check_rows(
    found: &dyn RowStore,
    expected: &dyn RowStore,
    projection: &ProjectionId,
    size: u64,
    most: usize,
) -> Result<Vec<Difference>, ReplayError> {
    let folded = found.cursor(projection).await?;
    let mut differences = Vec::new();
    if folded != size {
        let what = if folded < size {
            format!("is folded up to {folded} of {size} entries: fold the rest, or rebuild it")
        } else {
            format!("says that {folded} entries are folded, and the log has {size}: rebuild it")
        };
        differences.push(Difference { projection: projection.clone(), key: None, what });
    }
    differences.extend(compare(found, expected, projection, most).await?);
    Ok(differences)
}

/// The first `most` differences between rows as they are and as they should be. A row that cannot even be read is one of them.
pub async fn compare(
    found: &dyn RowStore,
    expected: &dyn RowStore,
    projection: &ProjectionId,
    most: usize,
) -> Result<Vec<Difference>, ReplayError> {
    let (mut left, mut right) = (Pages::new(found, projection), Pages::new(expected, projection));
    let mut b = right.next().await?;
    let mut differences = Vec::new();
    let mut a = match left.next().await {
        Err(ReplayError::Store(damaged @ StoreError::Damaged { .. })) => {
            return key_by_key(found, expected, projection, most, &damaged).await;
        }
        first => first?,
    };
    while differences.len() < most {
        let difference =
            |key: &RowKey, what: &str| Difference { projection: projection.clone(), key: Some(key.clone()), what: what.into() };
        let order = match (&a, &b) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((x, _)), Some((y, _))) => x.cmp(y),
        };
        if let (Some((key, _)), true) = (&a, order.is_lt()) {
            differences.push(difference(key, EXTRA));
        }
        if let (Some((key, _)), true) = (&b, order.is_gt()) {
            differences.push(difference(key, MISSING));
        }
        if let (Some((key, x)), Some((_, y)), true) = (&a, &b, order.is_eq()) {
            differences.extend(other(x, y).map(|what| difference(key, what)));
        }
        if order.is_le() {
            a = match left.next().await {
                Err(ReplayError::Store(damaged @ StoreError::Damaged { .. })) => {
                    return key_by_key(found, expected, projection, most, &damaged).await;
                }
                next => next?,
            };
        }
        if order.is_ge() {
            b = right.next().await?;
        }
    }
    Ok(differences)
}

const EXTRA: &str = "should not be there";
const MISSING: &str = "is missing";

fn other(found: &Row, expected: &Row) -> Option<&'static str> {
    if found.bytes != expected.bytes {
        Some("has other bytes than the log gives")
    } else if found.seq != expected.seq {
        Some("names another entry as its last than the log gives")
    } else {
        None
    }
}

/// The same where a walk over the rows ends at one that cannot be read, mostly for its key: what stopped it, then every row that
/// should be there, asked for by its key. Rows that should not be there are found when these are mended.
async fn key_by_key(
    found: &dyn RowStore,
    expected: &dyn RowStore,
    projection: &ProjectionId,
    most: usize,
    damaged: &StoreError,
) -> Result<Vec<Difference>, ReplayError> {
    let what = format!("has a row that cannot be read: {}", InFull(damaged));
    let mut differences = vec![Difference { projection: projection.clone(), key: None, what }];
    let mut pages = Pages::new(expected, projection);
    while differences.len() < most {
        let Some((key, row)) = pages.next().await? else { break };
        let what = match read_one(found, projection, &key).await? {
            Some(there) => other(&there, &row),
            None => Some(MISSING),
        };
        differences.extend(what.map(|what| Difference { projection: projection.clone(), key: Some(key), what: what.to_owned() }));
    }
    Ok(differences)
}

struct Pages<'a> {
    store: &'a dyn RowStore,
    projection: &'a ProjectionId,
    page: std::vec::IntoIter<(RowKey, Row)>,
    after: Option<RowKey>,
    ended: bool,
}

impl<'a> Pages<'a> {
    fn new(store: &'a dyn RowStore, projection: &'a ProjectionId) -> Self {
        Pages { store, projection, page: Vec::new().into_iter(), after: None, ended: false }
    }
    async fn next(&mut self) -> Result<Option<(RowKey, Row)>, ReplayError> {
        loop {
            if let Some(row) = self.page.next() {
                return Ok(Some(row));
            }
            if self.ended {
                return Ok(None);
            }
            let page = self.store.scan(self.projection, "", self.after.as_ref().map(RowKey::as_str), COMPARED_AT_ONCE).await?;
            self.ended = (page.len() as u64) < u64::from(COMPARED_AT_ONCE);
            self.after = page.last().map(|(key, _)| key.clone());
            self.page = page.into_iter();
        }
    }
}
