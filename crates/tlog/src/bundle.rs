//! Entry bundles: 256 entries in one file, each behind a 16-bit big-endian length. C2SP tlog-tiles, `spec/log.md` section 3.
//! Knows nothing of what an entry says; entries are believed until their leaf hashes are compared with the tree.

use crate::limits::{MAX_ENTRY_BYTES, MAX_PATH_BYTES, MAX_TREE_SIZE};
use crate::tile::{TILE_WIDTH, index_and_width, parse_index_and_width, shortened};
use crate::tree::{TreeError, check_size};
use std::fmt;

/// Why something is not an entry bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// A path that no bundle has, or a second spelling of one.
    #[error("{0:?} is not the path of an entry bundle; it is written tile/entries/<x001/x234/067>[.p/<1 to 255>]")]
    Path(String),
    /// A width that no bundle has.
    #[error("an entry bundle holds 1 to {TILE_WIDTH} entries, not {0}")]
    Width(u16),
    /// A bundle that the largest tree doesn't have.
    #[error("entry bundle {0} lies beyond the largest tree")]
    BeyondLargestTree(u64),
    /// The bytes end within an entry, or there are bytes after the last one.
    #[error("the entry bundle does not hold exactly {0} entries; fetch it again")]
    Entries(u16),
    /// An entry that a bundle cannot hold.
    #[error("an entry has at most {MAX_ENTRY_BYTES} bytes, not {0}")]
    EntryTooLong(usize),
    /// The tree would become too large, or the size is not one.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Which bundle, and how many of its entries are there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    index: u64,
    width: u16,
}

impl BundleId {
    /// A bundle that some tree has.
    pub fn new(index: u64, width: u16) -> Result<Self, BundleError> {
        if width == 0 || width > TILE_WIDTH {
            return Err(BundleError::Width(width));
        }
        match index.checked_mul(256).and_then(|first| first.checked_add(width.into())) {
            Some(end) if end <= MAX_TREE_SIZE => Ok(Self { index, width }),
            _ => Err(BundleError::BeyondLargestTree(index)),
        }
    }

    /// The bundle that an entry is in, as wide as it is at a tree size.
    pub fn holding(index: u64, size: u64) -> Result<Self, TreeError> {
        check_size(size)?;
        if index >= size {
            return Err(TreeError::IndexBeyondSize { index, size });
        }
        let bundle = index / 256;
        let width = (size - bundle * 256).min(TILE_WIDTH.into());
        Ok(Self { index: bundle, width: u16::try_from(width).unwrap_or(TILE_WIDTH) })
    }

    /// The partial bundle at the right edge of a tree, if there is one: what growing the tree starts from.
    pub fn open(size: u64) -> Option<Self> {
        let width = u16::try_from(size % 256).ok().filter(|width| *width > 0)?;
        Some(Self { index: size / 256, width })
    }

    /// Index of the bundle.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Number of entries, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether all 256 entries are there, so that it will never change.
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// Index of its first entry in the log.
    pub fn first(&self) -> u64 {
        self.index * 256
    }

    /// Path below the log's prefix, for example `tile/entries/x001/234.p/9`.
    pub fn path(&self) -> String {
        format!("tile/entries/{}", index_and_width(self.index, self.width))
    }

    /// Reads a path; there is one spelling.
    pub fn parse(path: &str) -> Result<Self, BundleError> {
        let refuse = || BundleError::Path(shortened(path));
        if path.len() > MAX_PATH_BYTES {
            return Err(refuse());
        }
        let rest = path.strip_prefix("tile/entries/").ok_or_else(refuse)?;
        let (index, width) = parse_index_and_width(rest).ok_or_else(refuse)?;
        let id = Self::new(index, width)?;
        if id.path() == path { Ok(id) } else { Err(refuse()) }
    }
}

impl fmt::Debug for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// The bundles that a tree of `new` leaves has and the tree of `old` leaves had not; all of a tree's with `old` 0.
pub fn new_bundles(old: u64, new: u64) -> impl Iterator<Item = BundleId> {
    let new = new.min(MAX_TREE_SIZE);
    let full = (old / 256..new / 256).map(|index| BundleId { index, width: TILE_WIDTH });
    full.chain(BundleId::open(new).filter(|_| old < new))
}

/// Writes entries as a bundle's bytes, whatever their number.
pub fn encode_entries<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    for entry in entries {
        push_entry(&mut bytes, entry.as_ref())?;
    }
    Ok(bytes)
}

/// Reads a bundle: exactly as many entries as its width says, and nothing after them.
pub fn parse_entries(id: BundleId, bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let wrong = || BundleError::Entries(id.width);
    let mut entries = Vec::with_capacity(id.width.into());
    let mut rest = bytes;
    for _ in 0..id.width {
        let (length, after) = rest.split_first_chunk::<2>().ok_or_else(wrong)?;
        let (entry, after) = after.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(wrong)?;
        entries.push(entry);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(wrong()) }
}

/// Every bundle that must be written when entries are appended to a tree of `old_size`: the filled ones and the new partial one.
/// `open` are the bytes of the partial bundle at `old_size` (empty where [`BundleId::open`] names none).
pub fn grow_bundles<E: AsRef<[u8]>>(old_size: u64, open: &[u8], entries: &[E]) -> Result<Vec<(BundleId, Vec<u8>)>, BundleError> {
    check_size(old_size.saturating_add(entries.len() as u64))?;
    match BundleId::open(old_size) {
        Some(id) => drop(parse_entries(id, open)?),
        None if !open.is_empty() => return Err(BundleError::Entries(0)),
        None => (),
    }
    let mut bundles = Vec::new();
    let mut bytes = open.to_vec();
    let mut size = old_size;
    for entry in entries {
        push_entry(&mut bytes, entry.as_ref())?;
        size += 1;
        if size.is_multiple_of(256) {
            bundles.push((BundleId { index: size / 256 - 1, width: TILE_WIDTH }, std::mem::take(&mut bytes)));
        }
    }
    if let Some(id) = BundleId::open(size).filter(|_| size > old_size) {
        bundles.push((id, bytes));
    }
    Ok(bundles)
}

fn push_entry(bytes: &mut Vec<u8>, entry: &[u8]) -> Result<(), BundleError> {
    let length = u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong(entry.len()))?;
    bytes.extend(length.to_be_bytes());
    bytes.extend(entry);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_path_has_one_spelling() {
        for (id, path) in [
            (BundleId::new(0, 256), "tile/entries/000"),
            (BundleId::new(1_234_067, 256), "tile/entries/x001/x234/067"),
            (BundleId::new(1_000, 7), "tile/entries/x001/000.p/7"),
        ] {
            let id = id.unwrap();
            assert_eq!(id.path(), path);
            assert_eq!(BundleId::parse(path), Ok(id));
        }
        for path in
            ["tile/entries/", "tile/entries/0", "tile/entries/000.p/256", "tile/entries/000.p/0", "tile/entries/x000/001", "tile/0/000"]
        {
            assert!(BundleId::parse(path).is_err(), "{path}");
        }
        assert!(matches!(BundleId::new(u64::MAX / 256, 256), Err(BundleError::BeyondLargestTree(_))));
    }

    #[test]
    fn a_bundle_that_ends_early_or_late_is_refused() {
        let id = BundleId::new(0, 2).unwrap();
        let bytes = encode_entries(&[b"ab".as_slice(), b""]).unwrap();
        assert_eq!(bytes, [0, 2, b'a', b'b', 0, 0]);
        assert_eq!(parse_entries(id, &bytes).unwrap(), [b"ab".as_slice(), b""]);
        for length in 0..bytes.len() {
            assert_eq!(parse_entries(id, &bytes[..length]), Err(BundleError::Entries(2)), "{length}");
        }
        assert!(parse_entries(id, &[&bytes[..], &[0]].concat()).is_err());
        assert!(parse_entries(id, &[&bytes[..], &[0, 0]].concat()).is_err());
    }

    #[test]
    fn an_entry_of_65535_bytes_fits_and_one_more_does_not() {
        let longest = vec![1; MAX_ENTRY_BYTES];
        let bytes = encode_entries(&[&longest]).unwrap();
        assert_eq!(parse_entries(BundleId::new(0, 1).unwrap(), &bytes).unwrap(), [&longest[..]]);
        assert_eq!(encode_entries(&[vec![1; 65_536]]), Err(BundleError::EntryTooLong(65_536)));
    }

    #[test]
    fn bundles_grown_in_steps_are_those_grown_at_once() {
        let entries: Vec<Vec<u8>> = (0..700u32).map(|i| i.to_be_bytes().repeat((i % 5) as usize)).collect();
        let at_once = grow_bundles(0, &[], &entries).unwrap();
        let (mut size, mut open, mut last) = (0usize, Vec::new(), std::collections::BTreeMap::new());
        for step in [1usize, 254, 1, 1, 255, 188] {
            for (id, bytes) in grow_bundles(size as u64, &open, &entries[size..size + step]).unwrap() {
                last.insert(id, bytes);
            }
            size += step;
            open = BundleId::open(size as u64).map(|id| last[&id].clone()).unwrap_or_default();
        }
        assert_eq!(size, 700);
        assert_eq!(at_once.iter().map(|(id, _)| *id).collect::<Vec<_>>(), new_bundles(0, 700).collect::<Vec<_>>());
        for (id, bytes) in at_once {
            assert_eq!(last[&id], bytes);
            let parsed = parse_entries(id, &bytes).unwrap();
            assert_eq!(parsed, entries[id.first() as usize..][..usize::from(id.width())]);
        }
        assert_eq!(grow_bundles::<Vec<u8>>(5, b"", &[]), Err(BundleError::Entries(5)));
        assert_eq!(grow_bundles::<Vec<u8>>(256, b"x", &[]), Err(BundleError::Entries(0)));
    }

    #[test]
    fn the_bundle_of_an_entry_is_as_wide_as_the_tree_makes_it() {
        assert_eq!(BundleId::holding(0, 1).unwrap().path(), "tile/entries/000.p/1");
        assert_eq!(BundleId::holding(255, 256).unwrap().path(), "tile/entries/000");
        assert_eq!(BundleId::holding(256, 300).unwrap().path(), "tile/entries/001.p/44");
        assert!(BundleId::holding(1, 1).is_err());
    }
}
