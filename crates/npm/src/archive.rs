//! The tarball reader (spec/projections/npm.md §4): gzip around tar (POSIX.1-1988 ustar, POSIX.1-2001 pax, GNU long
//! names), read as a stream within bounds. Whatever two readers could take in two ways is refused: what npm unpacks is
//! what was read here. Writes nothing to any disk.

use crate::limits;
use deedbox_view::InspectRefusal;
use flate2::bufread::GzDecoder;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};

/// The bounds of one reading; those of production come from `limits`, tests make smaller ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Bytes after decompression, headers and padding included.
    pub unpacked_bytes: u64,
    /// Members, folders and extension headers included.
    pub members: u64,
    /// Bytes of one path.
    pub path_bytes: usize,
    /// Segments of one path.
    pub path_segments: usize,
    /// Bytes of all names kept to find collisions.
    pub index_bytes: usize,
    /// Bytes of one extension header.
    pub extension_bytes: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        ArchiveLimits {
            unpacked_bytes: limits::UNPACKED_BYTES,
            members: limits::MEMBERS,
            path_bytes: limits::PATH_BYTES,
            path_segments: limits::PATH_SEGMENTS,
            index_bytes: limits::INDEX_BYTES,
            extension_bytes: limits::EXTENSION_BYTES,
        }
    }
}

/// A regular file of the tarball, while its turn lasts.
pub(crate) struct Member<'a> {
    /// Its path below the top folder.
    pub(crate) path: &'a str,
    /// Bytes.
    pub(crate) size: u64,
    /// Its bytes.
    pub(crate) bytes: &'a mut dyn Read,
}

/// What was seen of a whole tarball.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    /// Regular files.
    pub(crate) files: u64,
    /// Sum of their sizes in bytes.
    pub(crate) bytes: u64,
}

/// Reads a tarball to its end and shows each regular file once, in the order of the archive.
pub(crate) fn read(
    compressed: &mut dyn Read,
    limits: &ArchiveLimits,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), InspectRefusal>,
) -> Result<Totals, InspectRefusal> {
    let state = StreamState::default();
    let inner = GzDecoder::new(BufReader::with_capacity(64 * 1024, compressed));
    let bounded = Bounded { inner, total: limits.unpacked_bytes, left: limits.unpacked_bytes, state: &state };
    let mut archive = tar::Archive::new(bounded);
    let totals = read_members(&mut archive, limits, &state, visit)?;

    // A reader that goes on after the end mark would find more members there: only zeros may follow it.
    let mut rest = archive.into_inner();
    let mut block = vec![0u8; 32 * 1024];
    loop {
        let n = rest.read(&mut block).map_err(|e| state.refusal(&e))?;
        if n == 0 {
            break;
        }
        if block.iter().take(n).any(|b| *b != 0) {
            return Err(refuse(
                "archive_data_after_end",
                "the tarball goes on after its end mark, where some programs would read more files; pack it again with npm pack",
            ));
        }
    }
    let mut behind = rest.inner.into_inner();
    let behind = behind.fill_buf().map_err(|e| refuse("artifact_unreadable", format!("the tarball cannot be read: {e}")))?;
    if !behind.is_empty() {
        return Err(refuse(
            "archive_bytes_after_gzip",
            "there are bytes after the end of the gzip stream (a second stream, or rubbish), which programs read in different ways; pack it again with npm pack",
        ));
    }
    Ok(totals)
}

fn read_members<R: Read>(
    archive: &mut tar::Archive<R>,
    limits: &ArchiveLimits,
    state: &StreamState,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), InspectRefusal>,
) -> Result<Totals, InspectRefusal> {
    let mut paths = Paths::new(limits);
    let mut totals = Totals::default();
    let mut members = 0u64;
    let mut extension: Option<Extension> = None;
    // Raw: extension headers come as members of their own, so that none is read before its size was looked at.
    for entry in archive.entries().map_err(|e| state.refusal(&e))?.raw(true) {
        let mut entry = entry.map_err(|e| state.refusal(&e))?;
        members += 1;
        if members > limits.members {
            return Err(refuse(
                "archive_too_many_members",
                format!("the tarball has more than {} members; publish fewer files (see \"files\" in package.json)", limits.members),
            ));
        }
        let header = entry.header().clone();
        if header.as_ustar().is_none() && header.as_gnu().is_none() {
            return Err(refuse("archive_header", "a member's header is neither ustar nor GNU tar; pack it again with npm pack"));
        }
        // The binary form is for 8 GiB and more, and readers differ about its upper bytes.
        if header.as_bytes()[124] & 0x80 != 0 {
            return Err(refuse(
                "archive_header",
                "a member's size is in the binary form, which programs read in different ways; pack it again with npm pack",
            ));
        }
        let size = header.entry_size().map_err(|e| state.refusal(&e))?;
        let kind = header.as_bytes()[156];
        match kind {
            b'x' | b'L' => {
                if extension.is_some() {
                    return Err(refuse(
                        "archive_extension_malformed",
                        "a member has two extension headers, and programs differ about which one counts; pack it again with npm pack",
                    ));
                }
                let pax = kind == b'x';
                let data = read_extension(&mut entry, size, limits, state)?;
                extension = Some(if pax { pax_extension(&data)? } else { Extension { path: Some(gnu_path(&data)?), size: None } });
                continue;
            }
            b'g' => {
                let data = read_extension(&mut entry, size, limits, state)?;
                for (key, _) in pax_records(&data)? {
                    if key != b"comment" {
                        return Err(refuse(
                            "archive_extension_malformed",
                            "a global pax header says more than a comment; pack it again with npm pack",
                        ));
                    }
                }
                continue;
            }
            kind => {
                let Extension { path, size: pax_size } = extension.take().unwrap_or_default();
                // npm repeats the size there; another one would make some readers skip other bytes than others.
                if pax_size.is_some_and(|pax_size| pax_size != size) {
                    return Err(refuse(
                        "archive_extension_malformed",
                        "a pax header gives a member another size than its own header; pack it again with npm pack",
                    ));
                }
                let path = path.unwrap_or_else(|| header.path_bytes().into_owned());
                let path = std::str::from_utf8(&path).map_err(|_| {
                    refuse(
                        "archive_path_not_utf8",
                        format!("a member's name is not UTF-8 ({}); rename the file", shown(&String::from_utf8_lossy(&path))),
                    )
                })?;
                match kind {
                    b'0' | 0 | b'7' => {
                        let below = paths.add_file(path)?;
                        totals.files += 1;
                        totals.bytes = totals.bytes.saturating_add(size);
                        visit(Member { path: below, size, bytes: &mut entry }).map_err(|refusal| state.over_limit().unwrap_or(refusal))?;
                    }
                    b'5' => {
                        // Some readers skip a folder's data, some take it for headers.
                        if size != 0 {
                            return Err(refuse(
                                "archive_header",
                                format!(
                                    "the folder {} has a size, and programs differ about what follows; pack it again with npm pack",
                                    shown(path)
                                ),
                            ));
                        }
                        paths.add_folder(path)?;
                    }
                    b'1' | b'2' | b'K' => {
                        return Err(refuse(
                            "archive_link",
                            format!("{} is a link; npm leaves links out, so put the file itself there", shown(path)),
                        ));
                    }
                    b'3' | b'4' | b'6' => {
                        return Err(refuse(
                            "archive_device",
                            format!("{} is a device or a pipe; a package has only files and folders", shown(path)),
                        ));
                    }
                    b'S' => return Err(refuse("archive_sparse", format!("{} is a sparse file; store it whole", shown(path)))),
                    other => {
                        return Err(refuse(
                            "archive_member_kind",
                            format!(
                                "{} is of kind {:?}, which npm does not unpack; pack it again with npm pack",
                                shown(path),
                                char::from(other)
                            ),
                        ));
                    }
                }
            }
        }
    }
    if extension.is_some() {
        return Err(refuse("archive_extension_malformed", "the tarball ends after an extension header; pack it again with npm pack"));
    }
    Ok(totals)
}

fn refuse(code: &'static str, message: impl Into<String>) -> InspectRefusal {
    InspectRefusal::new(code, message)
}

/// A hostile name as a message may show it.
fn shown(path: &str) -> String {
    format!("{:?}", path.chars().take(80).collect::<String>())
}

/// The data of an extension header, whose size is looked at before a byte of it is kept.
fn read_extension<R: Read>(entry: &mut R, size: u64, limits: &ArchiveLimits, state: &StreamState) -> Result<Vec<u8>, InspectRefusal> {
    if size > limits.extension_bytes {
        return Err(refuse(
            "archive_extension_too_large",
            format!("an extension header has {size} bytes, more than {}; pack it again with npm pack", limits.extension_bytes),
        ));
    }
    let mut data = Vec::new();
    entry.take(size).read_to_end(&mut data).map_err(|e| state.refusal(&e))?;
    if data.len() as u64 != size {
        return Err(state.damaged("the tarball ends too early"));
    }
    Ok(data)
}

/// A GNU long name: bytes up to the zero at its end.
fn gnu_path(data: &[u8]) -> Result<Vec<u8>, InspectRefusal> {
    let path = data.strip_suffix(&[0]).unwrap_or(data);
    if path.is_empty() || path.contains(&0) {
        return Err(refuse(
            "archive_extension_malformed",
            "a GNU long name is empty or goes on after its end; pack it again with npm pack",
        ));
    }
    Ok(path.to_vec())
}

/// What an extension header says about the member after it.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Path and size in a pax header. Refuses what would change the meaning of the member in some readers only.
fn pax_extension(data: &[u8]) -> Result<Extension, InspectRefusal> {
    let malformed = |why: &str| refuse("archive_extension_malformed", format!("a pax header {why}; pack it again with npm pack"));
    let mut extension = Extension::default();
    for (key, value) in pax_records(data)? {
        match key {
            b"path" if value.is_empty() || extension.path.is_some() => return Err(malformed("names two paths, or an empty one")),
            b"path" => extension.path = Some(value.to_vec()),
            b"size" => {
                let digits = std::str::from_utf8(value).ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
                let size = digits.and_then(|v| v.parse().ok()).ok_or_else(|| malformed("has a size that is no number"))?;
                if extension.size.replace(size).is_some() {
                    return Err(malformed("names two sizes"));
                }
            }
            b"linkpath" => {
                return Err(refuse("archive_link", "a pax header describes a link; npm leaves links out, so put the file itself there"));
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
type PaxRecord<'a> = (&'a [u8], &'a [u8]);

/// Records of a pax header (POSIX.1-2001 pax, "pax Extended Header"): `length key=value\n`, exactly. A line end inside a
/// value is refused: readers that split by lines would find a record of its own there.
fn pax_records(data: &[u8]) -> Result<Vec<PaxRecord<'_>>, InspectRefusal> {
    let malformed = || refuse("archive_extension_malformed", "a pax header is malformed; pack it again with npm pack");
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

/// All paths seen, folded, so that no two members end at one place on any file system.
struct Paths<'a> {
    limits: &'a ArchiveLimits,
    top: Option<String>,
    seen: BTreeMap<String, Place>,
    bytes: usize,
}

struct Place {
    is_file: bool,
    /// As it was spelled first; empty for a folder that only follows from a longer path.
    spelled: String,
}

impl<'a> Paths<'a> {
    fn new(limits: &'a ArchiveLimits) -> Self {
        Paths { limits, top: None, seen: BTreeMap::new(), bytes: 0 }
    }

    fn add_file<'p>(&mut self, path: &'p str) -> Result<&'p str, InspectRefusal> {
        let no_top = || {
            refuse(
                "archive_no_top_folder",
                format!(
                    "{} is not inside a folder; npm strips the first folder of every path, so put all files under package/",
                    shown(path)
                ),
            )
        };
        if !path.contains('/') && path != ".." {
            return Err(no_top());
        }
        let below = self.below_top(path)?.ok_or_else(no_top)?;
        let folded = fold_case(below);
        if folded == "package.json"
            && let Some(first) = self.seen.get(&folded)
            && first.is_file
        {
            return Err(refuse(
                "archive_two_manifests",
                format!("the tarball has a second package.json ({}), and programs differ about which one counts; keep one", shown(path)),
            ));
        }
        if let Some(first) = self.seen.get(&folded) {
            return Err(if first.is_file && first.spelled == below {
                refuse(
                    "archive_duplicate_member",
                    format!("{} is there twice, and programs differ about which one counts; keep one", shown(path)),
                )
            } else {
                collision(path, &first.spelled)
            });
        }
        self.add_parents(&folded, path)?;
        self.insert(folded, Place { is_file: true, spelled: below.to_owned() })?;
        Ok(below)
    }

    fn add_folder(&mut self, path: &str) -> Result<(), InspectRefusal> {
        let Some(below) = self.below_top(path.strip_suffix('/').unwrap_or(path))? else { return Ok(()) };
        let folded = fold_case(below);
        match self.seen.get_mut(&folded) {
            Some(first) if first.is_file => return Err(collision(path, &first.spelled)),
            Some(first) if first.spelled.is_empty() => {}
            Some(first) if first.spelled == below => {
                return Err(refuse("archive_duplicate_member", format!("the folder {} is there twice; keep one", shown(path))));
            }
            Some(first) => return Err(collision(path, &first.spelled)),
            None => {
                self.add_parents(&folded, path)?;
            }
        }
        self.insert(folded, Place { is_file: false, spelled: below.to_owned() })
    }

    /// The path below the one top folder; none for that folder itself.
    fn below_top<'p>(&mut self, path: &'p str) -> Result<Option<&'p str>, InspectRefusal> {
        if path.len() > self.limits.path_bytes {
            return Err(refuse(
                "archive_path_too_long",
                format!("{}… has {} bytes, more than {}; shorten it", shown(path), path.len(), self.limits.path_bytes),
            ));
        }
        if path.starts_with('/') || path.split('/').any(|segment| segment == "..") {
            return Err(refuse("archive_path_escapes", format!("{} leads out of the package; pack it again with npm pack", shown(path))));
        }
        if path.split('/').count() > self.limits.path_segments {
            return Err(refuse(
                "archive_path_too_long",
                format!("{} has more than {} folders; flatten it", shown(path), self.limits.path_segments),
            ));
        }
        let has_drive = |segment: &str| segment.chars().next().is_some_and(|c| c.is_ascii_alphabetic()) && segment.get(1..2) == Some(":");
        if path.contains('\\') || path.chars().any(char::is_control) || path.split('/').any(|s| s.is_empty() || s == "." || has_drive(s)) {
            return Err(refuse(
                "archive_path_unsafe",
                format!(
                    "{} has an empty or \".\" segment, a backslash, a drive letter or a control character, which lead to different files on different systems; rename it",
                    shown(path)
                ),
            ));
        }
        let (top, below) = match path.split_once('/') {
            Some((top, below)) => (top, Some(below)),
            None => (path, None),
        };
        match &self.top {
            None => self.top = Some(top.to_owned()),
            Some(first) if first == top => {}
            Some(first) => {
                return Err(refuse(
                    "archive_two_top_folders",
                    format!(
                        "{} is not under {}: npm strips the first folder of every path, so files of two folders would fall into one; keep one",
                        shown(path),
                        shown(first)
                    ),
                ));
            }
        }
        Ok(below)
    }

    fn add_parents(&mut self, folded: &str, path: &str) -> Result<(), InspectRefusal> {
        for (at, _) in folded.match_indices('/') {
            let Some(parent) = folded.get(..at) else { continue };
            match self.seen.get(parent) {
                Some(place) if place.is_file => return Err(collision(path, &place.spelled)),
                Some(_) => {}
                None => self.insert(parent.to_owned(), Place { is_file: false, spelled: String::new() })?,
            }
        }
        Ok(())
    }

    fn insert(&mut self, folded: String, place: Place) -> Result<(), InspectRefusal> {
        // What an entry of the map costs beside its texts.
        self.bytes = self.bytes.saturating_add(folded.len() + place.spelled.len() + 64);
        if self.bytes > self.limits.index_bytes {
            return Err(refuse(
                "archive_too_many_members",
                "the names in the tarball are too many and too long; publish fewer files (see \"files\" in package.json)",
            ));
        }
        self.seen.insert(folded, place);
        Ok(())
    }
}

fn collision(path: &str, other: &str) -> InspectRefusal {
    refuse(
        "archive_members_collide",
        format!(
            "{} and {} are one place on a file system that does not tell capitals apart, or a file and a folder of one name; rename one",
            shown(path),
            shown(other)
        ),
    )
}

/// One form for all spellings that differ in case only. Through capitals first, so that ß and ss, ſ and s meet.
fn fold_case(path: &str) -> String {
    path.to_uppercase().to_lowercase()
}

/// Why the stream stopped, which an `io::Error` cannot carry through the tar reader.
#[derive(Default)]
struct StreamState {
    over: Cell<Option<u64>>,
    started: Cell<bool>,
}

impl StreamState {
    fn over_limit(&self) -> Option<InspectRefusal> {
        self.over.get().map(|limit| {
            refuse("archive_too_large", format!("the tarball unpacks to more than {limit} bytes; publish fewer or smaller files"))
        })
    }
    fn refusal(&self, error: &io::Error) -> InspectRefusal {
        match self.over_limit() {
            Some(refusal) => refusal,
            None if !self.started.get() => refuse("archive_not_gzip", format!("the tarball is not gzip ({error}); pack it with npm pack")),
            None => self.damaged(&error.to_string()),
        }
    }
    fn damaged(&self, why: &str) -> InspectRefusal {
        refuse("archive_damaged", format!("the tarball is damaged ({why}); pack it again with npm pack"))
    }
}

/// Stops at the limit while streaming: nothing past it is ever decompressed.
struct Bounded<'a, R> {
    inner: R,
    total: u64,
    left: u64,
    state: &'a StreamState,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(limit) = self.state.over.get() {
            return Err(io::Error::other(format!("more than {limit} bytes")));
        }
        let n = self.inner.read(buf)?;
        self.state.started.set(true);
        match self.left.checked_sub(n as u64) {
            Some(left) => {
                self.left = left;
                Ok(n)
            }
            None => {
                self.state.over.set(Some(self.total));
                Err(io::Error::other("past the limit"))
            }
        }
    }
}
