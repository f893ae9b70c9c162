//! Zip, as jars are (PKWARE APPNOTE 6.3). The central directory is read, every local header is compared with it, and only
//! the members that are asked for are unpacked, within bounds. Refused is what two readers would take in two ways: a
//! reader that goes by the central directory, and one that goes from member to member. What is merely odd (a stub in
//! front, a folder named twice, names alike but for their case) is in real jars, and passes; names that are alike in all that is seen are one. Nothing is held in memory but
//! the directory.

mod suspects;

use crate::limits::{UNPACKED_BYTES, ZIP_DIRECTORY_BYTES, ZIP_MEMBERS, ZIP_NAME_BYTES};
use crate::place::{Fault, place_in_case};
use deedbox_view::{ArtifactSource, InspectRefusal};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use suspects::Suspect;

/// Bounds of one archive.
#[derive(Debug, Clone, Copy)]
pub struct ZipLimits {
    /// Members.
    pub members: u64,
    /// Bytes of the central directory.
    pub directory_bytes: u64,
    /// Bytes of one member's name.
    pub name_bytes: usize,
    /// Bytes that members may unpack to which must be unpacked to find where they end.
    pub unpacked_bytes: u64,
}

impl Default for ZipLimits {
    fn default() -> Self {
        ZipLimits { members: ZIP_MEMBERS, directory_bytes: ZIP_DIRECTORY_BYTES, name_bytes: ZIP_NAME_BYTES, unpacked_bytes: UNPACKED_BYTES }
    }
}

/// A member to be unpacked where it is there.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its whole name.
    pub name: &'a str,
    /// Bytes at most; a longer one is refused.
    pub bytes: u64,
}

const END: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
const LOCATOR: [u8; 4] = *b"PK\x06\x07";
const LOCATOR_BYTES: usize = 20;
const END_64: [u8; 4] = *b"PK\x06\x06";
const END_64_BYTES: usize = 56;
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const CENTRAL_BYTES: usize = 46;
const LOCAL: [u8; 4] = *b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;
/// The end record with the longest comment, and the two records of Zip64 before it.
const TAIL_BYTES: usize = END_BYTES + 65_535 + LOCATOR_BYTES + END_64_BYTES;
/// Where the next member may begin after one: at once, or after a data descriptor of one of its four forms.
const DESCRIPTORS: [usize; 5] = [0, 12, 16, 20, 24];
const ENCRYPTED: u16 = 1;
const DESCRIPTOR_FOLLOWS: u16 = 1 << 3;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Reads the structure of a whole archive, and the wanted members that it has, in their order.
pub fn read<'w>(source: &dyn ArtifactSource, limits: &ZipLimits, wanted: &[Wanted<'w>]) -> Result<Vec<(&'w str, Vec<u8>)>, InspectRefusal> {
    let name = source.name().to_owned();
    let archive = Archive { source, name: &name, limits };
    let end = archive.end()?;
    let mut members = archive.directory(&end)?;
    let twice = archive.names(&members)?;
    members.sort_by_key(|member| member.at);
    archive.members(&members, &twice, &end, wanted)
}

struct Archive<'a> {
    source: &'a dyn ArtifactSource,
    name: &'a str,
    limits: &'a ZipLimits,
}

/// Where the central directory is, in bytes from the beginning of the file.
struct End {
    members: u64,
    at: u64,
    size: u64,
    /// Bytes in front of the archive that its offsets do not count.
    stub: u64,
}

struct Member {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    /// Where its local header is, from the beginning of the file.
    at: u64,
}

impl Archive<'_> {
    fn refuse(&self, code: &'static str, why: impl std::fmt::Display) -> InspectRefusal {
        InspectRefusal::new(code, format!("{}: {why}", self.name))
    }

    fn damaged(&self, why: &str) -> InspectRefusal {
        self.refuse("zip_damaged", format_args!("{why}; build it again"))
    }

    fn open(&self) -> Result<Forward<'_>, InspectRefusal> {
        let bytes = self.source.open().map_err(|e| self.refuse("artifact_unreadable", format_args!("it cannot be read: {e}")))?;
        Ok(Forward { bytes, at: 0, last: 0, has_mark: false })
    }

    fn end(&self) -> Result<End, InspectRefusal> {
        let size = self.source.size();
        let from = size.saturating_sub(TAIL_BYTES as u64);
        let tail = self.open()?.take_at(from, (size - from) as usize).ok_or_else(|| self.damaged("it is shorter than it was"))?;
        // The end record is the one whose comment ends with the file.
        let is_end = |at: &usize| {
            tail.get(*at..).is_some_and(|record| {
                record.starts_with(&END) && u16_at(record, 20).is_some_and(|comment| END_BYTES + usize::from(comment) == record.len())
            })
        };
        let mut ends = (0..tail.len().saturating_sub(END_BYTES - 1)).rev().filter(is_end);
        let Some(at) = ends.next() else {
            return Err(self.refuse("zip_not", "it is not a zip archive: it has no end record; build it again"));
        };
        if ends.next().is_some() {
            return Err(self.refuse("zip_two_ends", "it has two end records, one in the comment of the other; build it without a comment"));
        }
        let (before, record) = tail.split_at(at);
        // Many readers search backwards and take the first mark they meet, whatever the length of its comment says.
        if record.len() > END_BYTES && record.windows(END.len()).skip(1).any(|mark| mark == END) {
            return Err(self.refuse(
                "zip_two_ends",
                "the comment behind its end record holds the mark of another one, and readers differ in which they take; build it without a comment",
            ));
        }
        let short = |offset| u16_at(record, offset).ok_or_else(|| self.damaged("its end record is cut off"));
        let long = |offset| u32_at(record, offset).map(u64::from).ok_or_else(|| self.damaged("its end record is cut off"));
        let disks = (short(4)?, short(6)?);
        let (members_here, members, directory, offset) = (short(8)?, short(10)?, long(12)?, long(16)?);
        let mut end = End { members: u64::from(members), at: offset, size: directory, stub: 0 };
        let mut records_at = from + at as u64;
        let is_64 = members == u16::MAX || directory == u64::from(u32::MAX) || offset == u64::from(u32::MAX);
        let locator = before.len().checked_sub(LOCATOR_BYTES).map(|at| before.split_at(at)).filter(|(_, l)| l.starts_with(&LOCATOR));
        if let Some((before, _)) = locator {
            let large = before.len().checked_sub(END_64_BYTES).and_then(|at| before.get(at..)).filter(|l| l.starts_with(&END_64));
            let field = |offset| large.and_then(|large| u64_at(large, offset));
            let (Some(of_all), Some(size), Some(at)) = (field(32), field(40), field(48)) else {
                return Err(self.damaged("its Zip64 end record is not where it should be"));
            };
            let agrees = |small: u64, most: u64, large: u64| small == most || small == large;
            let alike = agrees(u64::from(members), 0xffff, of_all)
                && agrees(directory, 0xffff_ffff, size)
                && agrees(offset, 0xffff_ffff, at)
                && field(24) == Some(of_all);
            if !alike {
                return Err(self.refuse("zip_two_ends", "its end record and that of Zip64 differ; build it again"));
            }
            end = End { members: of_all, at, size, stub: 0 };
            records_at -= (LOCATOR_BYTES + END_64_BYTES) as u64;
        } else if is_64 && members != u16::MAX {
            return Err(self.damaged("it has no Zip64 end record, and needs one"));
        } else if disks != (0, 0) || members_here != members {
            return Err(self.refuse("zip_disks", "it is a part of an archive of several disks; build it as one file"));
        }
        if end.size > self.limits.directory_bytes || end.members > self.limits.members {
            return Err(self.refuse(
                "zip_too_many_members",
                format_args!("it has {} members, more than {}; publish fewer files", end.members, self.limits.members),
            ));
        }
        // A stub in front (a script that runs the jar) is not counted in the offsets by every tool that puts it there.
        let stub = records_at.checked_sub(end.size).and_then(|at| at.checked_sub(end.at));
        end.stub = stub.ok_or_else(|| self.damaged("its central directory lies behind its end"))?;
        end.at += end.stub;
        Ok(end)
    }

    fn directory(&self, end: &End) -> Result<Vec<Member>, InspectRefusal> {
        let cut = || self.damaged("its central directory is cut off");
        let bytes = self.open()?.take_at(end.at, end.size as usize).ok_or_else(cut)?;
        let mut rest = bytes.as_slice();
        let mut members = Vec::new();
        while !rest.is_empty() {
            let head = rest.get(..CENTRAL_BYTES).filter(|head| head.starts_with(&CENTRAL)).ok_or_else(cut)?;
            let short = |at| u16_at(head, at).ok_or_else(cut);
            let long = |at| u32_at(head, at).ok_or_else(cut);
            let (name_bytes, extra_bytes, comment_bytes) = (short(28)?, short(30)?, short(32)?);
            let (name, after) = rest.get(CENTRAL_BYTES..).and_then(|r| r.split_at_checked(name_bytes.into())).ok_or_else(cut)?;
            let (extra, after) = after.split_at_checked(extra_bytes.into()).ok_or_else(cut)?;
            rest = after.get(usize::from(comment_bytes)..).ok_or_else(cut)?;
            let mut sizes = Sizes { size: long(24)?.into(), packed: long(20)?.into(), at: long(42)?.into() };
            self.extra(name, extra, &mut sizes)?;
            members.push(Member {
                name: name.to_owned(),
                flags: short(8)?,
                method: short(10)?,
                crc: long(16)?,
                packed: sizes.packed,
                size: sizes.size,
                at: sizes.at.checked_add(end.stub).ok_or_else(cut)?,
            });
            if members.len() as u64 > self.limits.members {
                return Err(self.refuse("zip_too_many_members", "it has more members than it says; build it again"));
            }
        }
        if members.len() as u64 != end.members {
            return Err(self
                .refuse("zip_member_count", format_args!("it says {} members and lists {}; build it again", end.members, members.len())));
        }
        Ok(members)
    }

    /// Zip64 sizes (APPNOTE 4.5.3), and a name of Info-ZIP that only some readers believe (4.6.9).
    fn extra(&self, name: &[u8], mut extra: &[u8], sizes: &mut Sizes) -> Result<(), InspectRefusal> {
        // Padding that is not a field is in real jars: what cannot be one ends the search.
        while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
            let Some((mut field, after)) = extra.get(4..).and_then(|rest| rest.split_at_checked(length.into())) else { break };
            match id {
                0x0001 => {
                    for value in [&mut sizes.size, &mut sizes.packed, &mut sizes.at] {
                        if *value == u64::from(u32::MAX) {
                            *value = u64_at(field, 0).ok_or_else(|| self.damaged("a Zip64 field is cut off"))?;
                            field = field.get(8..).unwrap_or_default();
                        }
                    }
                }
                0x7075 if name.is_ascii() && field.get(5..).is_some_and(|other| other != name) => {
                    return Err(self.refuse("zip_two_names", format_args!("the member {} has a second name; build it again", shown(name))));
                }
                _ => {}
            }
            extra = after;
        }
        Ok(())
    }

    /// No name leads out of the folder that it is unpacked into, and no name stands for two contents, as far as the directory
    /// tells. Gives the paths of files that are there twice: a checksum of 32 bits is not a proof that they are the same.
    fn names(&self, members: &[Member]) -> Result<BTreeSet<Vec<u8>>, InspectRefusal> {
        let mut seen: BTreeMap<Vec<u8>, &Member> = BTreeMap::new();
        let mut twice = BTreeSet::new();
        for member in members {
            let name = member.name.as_slice();
            let is_drive = name.get(1) == Some(&b':') && name.first().is_some_and(u8::is_ascii_alphabetic);
            if name.is_empty() || name.len() > self.limits.name_bytes || name.iter().any(|b| *b < 0x20 || *b == 0x7f) {
                let why = format_args!("the member {} has an empty or too long name, or a control character in it; rename it", shown(name));
                return Err(self.refuse("zip_name", why));
            }
            if name.starts_with(b"/") || is_drive || name.contains(&b'\\') || name.split(|b| *b == b'/').any(|part| part == b"..") {
                let why = format_args!("the member {} leads out of the folder it is unpacked into; rename it", shown(name));
                return Err(self.refuse("zip_path_escapes", why));
            }
            if let Some(fault) = fault_of(name) {
                let why = format_args!("the member {} is not one file on every system: {}; rename it", shown(name), fault.words());
                return Err(self.refuse("zip_name", why));
            }
            if member.flags & ENCRYPTED != 0 {
                return Err(self.refuse("zip_encrypted", format_args!("the member {} is encrypted; build it without", shown(name))));
            }
            let is_folder = |member: &Member| member.name.ends_with(b"/");
            match seen.insert(path_of(name), member) {
                // Builders that merge jars name folders, and files that are the same, twice: nobody reads two things.
                Some(other) if is_folder(other) && is_folder(member) && other.size == 0 && member.size == 0 => {}
                Some(other) if (other.crc, other.size, is_folder(other)) == (member.crc, member.size, is_folder(member)) => {
                    twice.insert(path_of(name));
                }
                Some(_) => return Err(self.two_contents(name)),
                None => {}
            }
        }
        Ok(twice)
    }

    /// From member to member, as a reader without the directory goes: it must find the same ones.
    fn members<'w>(
        &self,
        members: &[Member],
        twice: &BTreeSet<Vec<u8>>,
        end: &End,
        wanted: &[Wanted<'w>],
    ) -> Result<Vec<(&'w str, Vec<u8>)>, InspectRefusal> {
        let mut bytes = self.open()?;
        let mut found: Vec<(&'w str, Vec<u8>)> = Vec::new();
        let cut = |member: &Member| self.damaged(&format!("the member {} is cut off", shown(&member.name)));
        let first = members.first().map_or(end.at, |member| member.at);
        if first > 0 && bytes.peek(LOCAL.len().min(first as usize)).is_some_and(|bytes| bytes == LOCAL) {
            return Err(self.hidden());
        }
        let mut skipped = bytes.at;
        let mut suspects = Vec::new();
        for (i, member) in members.iter().enumerate() {
            let next = members.get(i + 1).map_or(end.at, |next| next.at);
            if member.at < skipped || next < member.at {
                let why = format_args!("the member {} lies inside another one; build it again", shown(&member.name));
                return Err(self.refuse("zip_members_overlap", why));
            }
            let head = bytes.take_at(member.at, LOCAL_BYTES).filter(|head| head.starts_with(&LOCAL)).ok_or_else(|| cut(member))?;
            let short = |at| u16_at(&head, at).ok_or_else(|| cut(member));
            let long = |at| u32_at(&head, at).map(u64::from).ok_or_else(|| cut(member));
            let (flags, method, name_bytes, extra_bytes) = (short(6)?, short(8)?, short(26)?, short(28)?);
            let name = bytes.take_at(bytes.at, name_bytes.into()).ok_or_else(|| cut(member))?;
            let extra = bytes.take_at(bytes.at, extra_bytes.into()).ok_or_else(|| cut(member))?;
            let mut sizes = Sizes { size: long(22)?, packed: long(18)?, at: 0 };
            self.extra(&name, &extra, &mut sizes)?;
            // With a descriptor behind it, the sizes here say nothing, and a reader without the directory goes by the data.
            let is_open = flags & DESCRIPTOR_FOLLOWS != 0;
            let is_sized = is_open || (sizes.packed, sizes.size) == (member.packed, member.size);
            let is_whole = method != STORED || member.packed == member.size;
            if name != member.name || method != member.method || !is_sized || !is_whole {
                let why = format_args!(
                    "the member {} is {} where it begins: two readers would find two things; build it again",
                    shown(&member.name),
                    if name == member.name { "of another form".to_owned() } else { shown(&name) }
                );
                return Err(self.refuse("zip_headers_differ", why));
            }
            let data = bytes.at;
            (bytes.last, bytes.has_mark) = (0, false);
            let ends = data.checked_add(member.packed).filter(|ends| *ends <= next).ok_or_else(|| {
                self.refuse(
                    "zip_members_overlap",
                    format_args!("the member {} runs into what follows it; build it again", shown(&member.name)),
                )
            })?;
            let ask = wanted.iter().find(|ask| ask.name.as_bytes() == member.name && !found.iter().any(|(name, _)| *name == ask.name));
            if let Some(ask) = ask {
                let packed =
                    bytes.take_at(data, usize::try_from(member.packed.min(ask.bytes.saturating_mul(2).saturating_add(64))).unwrap_or(0));
                found.push((ask.name, self.unpack(member, ask, &packed.ok_or_else(|| cut(member))?)?));
            }
            let gap = usize::try_from((next - ends).min(32)).unwrap_or(32);
            if gap > 0 {
                let gap = bytes.take_at(ends, gap).ok_or_else(|| cut(member))?;
                if DESCRIPTORS.iter().any(|at| gap.get(*at..).is_some_and(|rest| rest.starts_with(&LOCAL))) {
                    return Err(self.hidden());
                }
            }
            skipped = bytes.at.max(ends);
            if is_open {
                bytes.skip_to(next).ok_or_else(|| cut(member))?;
                if bytes.has_mark && method != DEFLATED {
                    return Err(self.hidden());
                }
            }
            let twice = Some(path_of(&member.name)).filter(|path| twice.contains(path));
            if twice.is_some() || (is_open && bytes.has_mark) {
                suspects.push(Suspect { member, data, twice });
            }
        }
        self.unpack_suspects(&suspects)?;
        found.sort_by_key(|(name, _)| wanted.iter().position(|ask| ask.name == *name));
        Ok(found)
    }

    fn two_contents(&self, name: &[u8]) -> InspectRefusal {
        let why = format_args!("the member {} is there twice with different contents; build it with one", shown(name));
        self.refuse("zip_duplicate_member", why)
    }

    fn hidden(&self) -> InspectRefusal {
        self.refuse(
            "zip_hidden_member",
            "it holds a member that its directory does not list: two readers would find two things; build it again",
        )
    }

    fn unpack(&self, member: &Member, ask: &Wanted<'_>, packed: &[u8]) -> Result<Vec<u8>, InspectRefusal> {
        let too_long =
            || self.refuse("zip_member_too_large", format_args!("the member {} has more than {} bytes; shorten it", ask.name, ask.bytes));
        if member.size > ask.bytes {
            return Err(too_long());
        }
        let mut out = Vec::new();
        let read = match member.method {
            STORED => packed.take(ask.bytes + 1).read_to_end(&mut out),
            DEFLATED => flate2::read::DeflateDecoder::new(packed).take(ask.bytes + 1).read_to_end(&mut out),
            method => {
                return Err(self.refuse("zip_method", format_args!("the member {} is packed by method {method}; use deflate", ask.name)));
            }
        };
        if out.len() as u64 > ask.bytes {
            return Err(too_long());
        }
        let mut crc = flate2::Crc::new();
        crc.update(&out);
        if read.is_err() || out.len() as u64 != member.size || crc.sum() != member.crc {
            return Err(self.damaged(&format!("the member {} does not unpack to what its header says", ask.name)));
        }
        Ok(out)
    }
}

struct Sizes {
    size: u64,
    packed: u64,
    at: u64,
}

/// Bytes that only go forward.
struct Forward<'a> {
    bytes: Box<dyn Read + 'a>,
    at: u64,
    /// The last four bytes that went by.
    last: u32,
    /// Whether the mark of a local header went by since this was set to false.
    has_mark: bool,
}

impl Forward<'_> {
    /// So many bytes from there on; none if that is behind, or there are fewer.
    fn take_at(&mut self, at: u64, length: usize) -> Option<Vec<u8>> {
        self.skip_to(at)?;
        let mut out = Vec::new();
        self.take(length as u64).read_to_end(&mut out).ok()?;
        (out.len() == length).then_some(out)
    }

    /// To there; none if that is behind, or there are fewer.
    fn skip_to(&mut self, at: u64) -> Option<()> {
        let skip = at.checked_sub(self.at)?;
        (std::io::copy(&mut self.take(skip), &mut std::io::sink()).ok()? == skip).then_some(())
    }

    /// The first bytes of all, which are then behind.
    fn peek(&mut self, length: usize) -> Option<Vec<u8>> {
        self.take_at(0, length)
    }
}

impl Read for Forward<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.bytes.read(buf)?;
        for byte in buf.iter().take(n) {
            self.last = self.last << 8 | u32::from(*byte);
            self.has_mark |= self.last == u32::from_be_bytes(LOCAL);
        }
        self.at += n as u64;
        Ok(n)
    }
}

/// Where a member is unpacked to, in one form for all forms of composition. In what is not UTF-8 nobody knows the letters.
fn path_of(name: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = name.split(|b| *b == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    let path = parts.join(&b'/');
    match std::str::from_utf8(&path) {
        Ok(text) if !text.is_ascii() => place_in_case(text).into_bytes(),
        _ => path,
    }
}

/// What makes a name another place on some systems, segment by segment.
fn fault_of(name: &[u8]) -> Option<Fault> {
    String::from_utf8_lossy(name).split('/').filter(|segment| !matches!(*segment, "" | "." | "..")).find_map(Fault::of)
}

fn shown(name: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(name).chars().take(120).collect::<String>())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}
fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests;
