//! Comparing whole projections: a fingerprint over all rows at a size, and the differences between two stores row by row.

use crate::fold::ReplayError;
use deedbox_model::{RowKey, Sha256Digest};
use deedbox_store::{ProjectionId, RowStore};
use sha2::Digest as _;
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

const PAGE: u32 = 2_000;

/// The fingerprint of a projection as it is now. Nobody may write it meanwhile.
pub async fn fingerprint(rows: &dyn RowStore, projection: &ProjectionId) -> Result<Fingerprint, ReplayError> {
    let size = rows.cursor(projection).await?;
    let mut hash = sha2::Sha256::new();
    let mut count = 0;
    let mut after: Option<RowKey> = None;
    loop {
        let page = rows.scan(projection, "", after.as_ref().map(RowKey::as_str), PAGE).await?;
        for (key, row) in &page {
            hash.update((key.as_str().len() as u64).to_be_bytes());
            hash.update(key.as_str());
            hash.update(row.seq.to_be_bytes());
            hash.update((row.bytes.len() as u64).to_be_bytes());
            hash.update(&row.bytes);
        }
        count += page.len() as u64;
        match page.last() {
            Some((key, _)) if page.len() as u64 == u64::from(PAGE) => after = Some(key.clone()),
            _ => break,
        }
    }
    Ok(Fingerprint { projection: projection.clone(), size, rows: count, digest: Sha256Digest(hash.finalize().into()) })
}

/// A row that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose row.
    pub projection: ProjectionId,
    /// Its key.
    pub key: RowKey,
    /// In words.
    pub what: &'static str,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} of {} {}", self.key, self.projection, self.what)
    }
}

/// The first `most` differences between rows as they are and as they should be.
pub async fn compare(
    found: &dyn RowStore,
    expected: &dyn RowStore,
    projection: &ProjectionId,
    most: usize,
) -> Result<Vec<Difference>, ReplayError> {
    let mut differences = Vec::new();
    let (mut left, mut right) = (Pages::new(found, projection), Pages::new(expected, projection));
    let (mut a, mut b) = (left.next().await?, right.next().await?);
    while differences.len() < most {
        let difference = |key: &RowKey, what| Difference { projection: projection.clone(), key: key.clone(), what };
        let order = match (&a, &b) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((x, _)), Some((y, _))) => x.cmp(y),
        };
        if let (Some((key, _)), true) = (&a, order.is_lt()) {
            differences.push(difference(key, "should not be there"));
        }
        if let (Some((key, _)), true) = (&b, order.is_gt()) {
            differences.push(difference(key, "is missing"));
        }
        if let (Some((key, x)), Some((_, y)), true) = (&a, &b, order.is_eq()) {
            if x.bytes != y.bytes {
                differences.push(difference(key, "has other bytes than the log gives"));
            } else if x.seq != y.seq {
                differences.push(difference(key, "names another entry as its last than the log gives"));
            }
        }
        if order.is_le() {
            a = left.next().await?;
        }
        if order.is_ge() {
            b = right.next().await?;
        }
    }
    Ok(differences)
}

struct Pages<'a> {
    store: &'a dyn RowStore,
    projection: &'a ProjectionId,
    page: std::vec::IntoIter<(RowKey, deedbox_model::Row)>,
    after: Option<RowKey>,
    ended: bool,
}

impl<'a> Pages<'a> {
    fn new(store: &'a dyn RowStore, projection: &'a ProjectionId) -> Self {
        Pages { store, projection, page: Vec::new().into_iter(), after: None, ended: false }
    }
    async fn next(&mut self) -> Result<Option<(RowKey, deedbox_model::Row)>, ReplayError> {
        loop {
            if let Some(row) = self.page.next() {
                return Ok(Some(row));
            }
            if self.ended {
                return Ok(None);
            }
            let page = self.store.scan(self.projection, "", self.after.as_ref().map(RowKey::as_str), PAGE).await?;
            self.ended = (page.len() as u64) < u64::from(PAGE);
            self.after = page.last().map(|(key, _)| key.clone());
            self.page = page.into_iter();
        }
    }
}
