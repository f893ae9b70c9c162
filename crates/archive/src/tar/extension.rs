//! Extension headers: pax and GNU long names, which say of the member after them what its own header has no room for.

use super::stream::StreamState;
use super::{ArchiveLimits, Words, refuse};
use deedbox_view::InspectRefusal;
use std::io::Read;

/// The data of an extension header, whose size is looked at before a byte of it is kept.
pub(super) fn read_extension<R: Read>(
    entry: &mut R,
    size: u64,
    limits: &ArchiveLimits,
    state: &StreamState,
) -> Result<Vec<u8>, InspectRefusal> {
    if size > limits.extension_bytes {
        return Err(refuse(
            "archive_extension_too_large",
            format!("an extension header has {size} bytes, more than {}; {}", limits.extension_bytes, state.words().pack_again),
        ));
    }
    let mut data = Vec::new();
    entry.take(size).read_to_end(&mut data).map_err(|e| state.refusal(&e))?;
    if data.len() as u64 != size {
        return Err(state.damaged(&format!("{} ends too early", state.words().archive)));
    }
    Ok(data)
}

/// A GNU long name: bytes up to the zero at its end.
pub(super) fn gnu_path(data: &[u8], words: &Words) -> Result<Vec<u8>, InspectRefusal> {
    let path = data.strip_suffix(&[0]).unwrap_or(data);
    if path.is_empty() || path.contains(&0) {
        return Err(refuse(
            "archive_extension_malformed",
            format!("a GNU long name is empty or goes on after its end; {}", words.pack_again),
        ));
    }
    Ok(path.to_vec())
}

/// What an extension header says about the member after it.
#[derive(Default)]
pub(super) struct Extension {
    pub(super) path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

/// Path and size in a pax header. Refuses what would change the meaning of the member in some readers only.
pub(super) fn pax_extension(data: &[u8], words: &Words) -> Result<Extension, InspectRefusal> {
    let malformed = |why: &str| refuse("archive_extension_malformed", format!("a pax header {why}; {}", words.pack_again));
    let mut extension = Extension::default();
    for (key, value) in pax_records(data, words)? {
        match key {
            b"path" if value.is_empty() || extension.path.is_some() => return Err(malformed("names two paths, or an empty one")),
            b"path" => extension.path = Some(value.to_vec()),
            b"size" => {
                let digits = std::str::from_utf8(value).ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
                let size = digits.and_then(|v| v.parse().ok()).ok_or_else(|| malformed("has a size that is not a number"))?;
                if extension.size.replace(size).is_some() {
                    return Err(malformed("names two sizes"));
                }
            }
            b"linkpath" => {
                return Err(refuse("archive_link", format!("a pax header describes a link; {}", words.link)));
            }
            b"hdrcharset" | b"charset" => return Err(malformed("changes the alphabet of names, which not every program heeds")),
            key if key.starts_with(b"GNU.sparse.") => {
                return Err(refuse("archive_sparse", "a pax header describes a sparse file; store it whole"));
            }
            _ => {}
        }
    }
    Ok(extension)
}

/// Key and value.
pub(super) type PaxRecord<'a> = (&'a [u8], &'a [u8]);

/// Records of a pax header (POSIX.1-2001 pax, "pax Extended Header"): `length key=value\n`, exactly. A line end inside a
/// value is refused: readers that split by lines would find a record of its own there.
pub(super) fn pax_records<'a>(data: &'a [u8], words: &Words) -> Result<Vec<PaxRecord<'a>>, InspectRefusal> {
    let malformed = || refuse("archive_extension_malformed", format!("a pax header is malformed; {}", words.pack_again));
    let mut records = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let space = rest.iter().take(8).position(|b| *b == b' ').ok_or_else(malformed)?;
        let (digits, _) = rest.split_at_checked(space).ok_or_else(malformed)?;
        if digits.first().is_none_or(|d| *d == b'0') || !digits.iter().all(u8::is_ascii_digit) {
            return Err(malformed());
        }
        let length = std::str::from_utf8(digits).ok().and_then(|d| d.parse::<usize>().ok()).ok_or_else(malformed)?;
        let (record, after) = rest.split_at_checked(length).ok_or_else(malformed)?;
        let record = record.get(space + 1..).and_then(|r| r.strip_suffix(b"\n")).ok_or_else(malformed)?;
        let equals = record.iter().position(|b| *b == b'=').ok_or_else(malformed)?;
        let (key, value) = record.split_at_checked(equals).ok_or_else(malformed)?;
        let value = value.get(1..).unwrap_or_default();
        if key.is_empty() || record.contains(&b'\n') || record.contains(&0) {
            return Err(malformed());
        }
        records.push((key, value));
        rest = after;
    }
    Ok(records)
}
