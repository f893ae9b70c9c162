//! Tar, plain or in gzip (POSIX.1-1988 ustar, POSIX.1-2001 pax, GNU long names), read as a stream within bounds.
//! Whatever two readers could take in two ways is refused: what a client unpacks is what was read here.

mod extension;
mod links;
mod paths;
mod stream;

use crate::limits::{EXTENSION_BYTES, INDEX_BYTES, MEMBERS, PATH_BYTES, PATH_SEGMENTS, UNPACKED_BYTES};
use deedbox_view::InspectRefusal;
use extension::{Extension, gnu_path, pax_extension, pax_records, read_extension};
use links::Links;
use paths::Paths;
use std::io::Read;
use stream::{Bounded, StreamState, Wrapped};

/// The bounds of one reading; those of production are the default, tests make smaller ones.
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
            unpacked_bytes: UNPACKED_BYTES,
            members: MEMBERS,
            path_bytes: PATH_BYTES,
            path_segments: PATH_SEGMENTS,
            index_bytes: INDEX_BYTES,
            extension_bytes: EXTENSION_BYTES,
        }
    }
}

/// How an ecosystem's own tool packs, and in which words its user is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// What is around the tar.
    pub wrapping: Wrapping,
    /// The usual name of the one folder that all files are in, if there is to be one: paths are given below it.
    pub top_folder: Option<&'static str>,
    /// Whether symbolic links may be there, whose targets stay inside.
    pub symlinks: bool,
    /// Whether pax and GNU extension headers may be there.
    pub extensions: bool,
    /// A file that an archive has once, in whatever case, because programs read it.
    pub manifest: Option<&'static str>,
    /// The words.
    pub words: Words,
}

/// What is around a tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// Nothing.
    Plain,
    /// One gzip stream (RFC 1952).
    Gzip,
}

/// The words of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// What is refused: `the tarball`.
    pub archive: &'static str,
    /// Who unpacks it: `npm`.
    pub unpacker: &'static str,
    /// `pack it with npm pack`.
    pub pack: &'static str,
    /// `pack it again with npm pack`.
    pub pack_again: &'static str,
    /// `publish fewer files`, and how.
    pub fewer_files: &'static str,
    /// Why a link is refused, and what to do.
    pub link: &'static str,
}

/// A regular file of the archive, while its turn lasts.
pub struct Member<'a> {
    /// Its path, below the top folder where there is one.
    pub path: &'a str,
    /// Bytes.
    pub size: u64,
    /// Its bytes.
    pub bytes: &'a mut dyn Read,
}

/// What was seen of a whole archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Regular files.
    pub files: u64,
    /// Sum of their sizes in bytes.
    pub bytes: u64,
}

/// Reads an archive to its end and shows each regular file once, in the order of the archive.
///
/// # Errors
/// With a code that everyone finds alike (spec/projections/npm.md §4), or whatever `visit` refuses.
pub fn read(
    archive: &mut dyn Read,
    manner: &Manner,
    limits: &ArchiveLimits,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), InspectRefusal>,
) -> Result<Totals, InspectRefusal> {
    let words = &manner.words;
    let state = StreamState::new(manner);
    let bounded = Bounded::new(Wrapped::new(archive, manner.wrapping), limits.unpacked_bytes, &state);
    let mut archive = tar::Archive::new(bounded);
    let totals = Reading { manner, limits, state: &state }.members(&mut archive, visit)?;

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
                format!("{} goes on after its end mark, where some programs would read more files; {}", words.archive, words.pack_again),
            ));
        }
    }
    let behind = rest.into_inner().has_more();
    if behind.map_err(|e| refuse("artifact_unreadable", format!("{} cannot be read: {e}", words.archive)))? {
        return Err(refuse(
            "archive_bytes_after_gzip",
            format!(
                "there are bytes after the end of the gzip stream (a second stream, or rubbish), which programs read in different ways; {}",
                words.pack_again
            ),
        ));
    }
    Ok(totals)
}

/// One reading.
struct Reading<'a> {
    manner: &'a Manner,
    limits: &'a ArchiveLimits,
    state: &'a StreamState,
}

impl Reading<'_> {
    fn members<R: Read>(
        &self,
        archive: &mut tar::Archive<R>,
        visit: &mut dyn FnMut(Member<'_>) -> Result<(), InspectRefusal>,
    ) -> Result<Totals, InspectRefusal> {
        let (words, limits, state) = (&self.manner.words, self.limits, self.state);
        let mut paths = Paths::new(self.manner, limits);
        let mut links = Links::default();
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
                    format!("{} has more than {} members; {}", words.archive, limits.members, words.fewer_files),
                ));
            }
            let header = entry.header().clone();
            if header.as_ustar().is_none() && header.as_gnu().is_none() {
                return Err(refuse("archive_header", format!("a member's header is neither ustar nor GNU tar; {}", words.pack_again)));
            }
            // The binary form is for 8 GiB and more, and readers differ about its upper bytes.
            if header.as_bytes()[124] & 0x80 != 0 {
                return Err(refuse(
                    "archive_header",
                    format!("a member's size is in the binary form, which programs read in different ways; {}", words.pack_again),
                ));
            }
            let size = header.entry_size().map_err(|e| state.refusal(&e))?;
            let kind = header.as_bytes()[156];
            if !self.manner.extensions && matches!(kind, b'x' | b'g' | b'L' | b'K') {
                return Err(refuse(
                    "archive_extension",
                    format!(
                        "there is an extension header (pax or GNU), which {} does not always heed; {}",
                        words.unpacker, words.pack_again
                    ),
                ));
            }
            match kind {
                b'x' | b'L' => {
                    if extension.is_some() {
                        return Err(refuse(
                            "archive_extension_malformed",
                            format!("a member has two extension headers, and programs differ about which one counts; {}", words.pack_again),
                        ));
                    }
                    let pax = kind == b'x';
                    let data = read_extension(&mut entry, size, limits, state)?;
                    extension = Some(if pax {
                        pax_extension(&data, words)?
                    } else {
                        Extension { path: Some(gnu_path(&data, words)?), size: None }
                    });
                    continue;
                }
                b'g' => {
                    let data = read_extension(&mut entry, size, limits, state)?;
                    for (key, _) in pax_records(&data, words)? {
                        if key != b"comment" {
                            return Err(refuse(
                                "archive_extension_malformed",
                                format!("a global pax header says more than a comment; {}", words.pack_again),
                            ));
                        }
                    }
                    continue;
                }
                _ => {}
            }
            let Extension { path, size: pax_size } = extension.take().unwrap_or_default();
            // npm repeats the size there; another one would make some readers skip other bytes than others.
            if pax_size.is_some_and(|pax_size| pax_size != size) {
                return Err(refuse(
                    "archive_extension_malformed",
                    format!("a pax header gives a member another size than its own header; {}", words.pack_again),
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
                    visit(Member { path: &below, size, bytes: &mut entry }).map_err(|refusal| state.over_limit().unwrap_or(refusal))?;
                }
                b'2' if self.manner.symlinks => {
                    if size != 0 {
                        return Err(self.size_of_none("link", path));
                    }
                    let target = header.link_name_bytes().unwrap_or_default();
                    let below = paths.add_file(path)?;
                    links.add(&below, &target)?;
                }
                // Some readers skip a folder's data, some take it for headers.
                b'5' if size != 0 => return Err(self.size_of_none("folder", path)),
                b'5' => paths.add_folder(path)?,
                other => return Err(self.refused_kind(other, path)),
            }
        }
        if extension.is_some() {
            return Err(refuse(
                "archive_extension_malformed",
                format!("{} ends after an extension header; {}", words.archive, words.pack_again),
            ));
        }
        links.check()?;
        Ok(totals)
    }

    fn size_of_none(&self, what: &str, path: &str) -> InspectRefusal {
        refuse(
            "archive_header",
            format!("the {what} {} has a size, and programs differ about what follows; {}", shown(path), self.manner.words.pack_again),
        )
    }

    fn refused_kind(&self, kind: u8, path: &str) -> InspectRefusal {
        let words = &self.manner.words;
        match kind {
            b'1' | b'2' | b'K' => refuse("archive_link", format!("{} is a link; {}", shown(path), words.link)),
            b'3' | b'4' | b'6' => {
                refuse("archive_device", format!("{} is a device or a pipe; a package has only files and folders", shown(path)))
            }
            b'S' => refuse("archive_sparse", format!("{} is a sparse file; store it whole", shown(path))),
            other => refuse(
                "archive_member_kind",
                format!(
                    "{} is of kind {:?}, which {} does not unpack; {}",
                    shown(path),
                    char::from(other),
                    words.unpacker,
                    words.pack_again
                ),
            ),
        }
    }
}

pub(crate) fn refuse(code: &'static str, message: impl Into<String>) -> InspectRefusal {
    InspectRefusal::new(code, message)
}

/// A hostile name as a message may show it.
pub(crate) fn shown(path: &str) -> String {
    format!("{:?}", path.chars().take(80).collect::<String>())
}
