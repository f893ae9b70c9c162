//! The target of zips, as jars are (spec/projections/maven.md §4). Two other readers look at whatever is accepted: one that goes
//! by the directory, and one that goes from member to member and never sees the directory. Neither may find anything else.

use deedbox_archive::zip::{Wanted, ZipLimits, read};
use deedbox_testkit::folding::Bytes;
use deedbox_view::InspectRefusal;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _, Write as _};

/// Small enough that each can be met.
const LIMITS: ZipLimits = ZipLimits { members: 40, directory_bytes: 4_096, name_bytes: 60, unpacked_bytes: 32 * 1024 };
/// Bytes of a member that is asked for.
const ASKED: u64 = 16 * 1024;

/// A first byte that says how: the rest is a zip, or what to make one of.
pub fn zip(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else { return };
    if how & 1 == 0 { inspected(rest) } else { inspected(&Recipe(rest).zip()) }
}

/// Whether a refusal is one that a person can read.
pub fn said_well(refusal: &InspectRefusal) {
    let InspectRefusal { code, message } = refusal;
    assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{code}");
    assert!(message.len() < 4_096 && message.contains(' ') && !message.chars().any(char::is_control), "{message:?}");
}

fn inspected(bytes: &[u8]) {
    let source = Bytes::new("widget-1.0.jar", bytes);
    let listed = by_directory(bytes);
    let names: Vec<&str> = listed.iter().flatten().filter_map(|(name, _)| std::str::from_utf8(name).ok()).collect();
    let wanted: Vec<Wanted<'_>> = names.iter().map(|name| Wanted { name, bytes: ASKED }).collect();
    let found = match read(&source, &LIMITS, &wanted) {
        Ok(found) => found,
        Err(refusal) => return said_well(&refusal),
    };
    assert_eq!(read(&source, &LIMITS, &wanted).as_ref(), Ok(&found), "two readings differ");
    assert!(found.iter().all(|(_, bytes)| bytes.len() as u64 <= ASKED));
    let structure = read(&source, &LIMITS, &[]).unwrap();
    assert!(structure.is_empty(), "nothing was asked for");
    // The other library refuses some that pass here; then it finds nothing else.
    let Some(listed) = &listed else { return };
    assert!(listed.len() as u64 <= LIMITS.members);
    let found: BTreeMap<&[u8], &Vec<u8>> = found.iter().map(|(name, bytes)| (name.as_bytes(), bytes)).collect();
    for (name, content) in listed {
        let shown = String::from_utf8_lossy(name);
        assert!(!name.starts_with(b"/") && !name.split(|b| *b == b'/').any(|part| part == b".."), "{shown:?}");
        if std::str::from_utf8(name).is_ok() {
            let ours = found.get(name.as_slice()).unwrap_or_else(|| panic!("{shown:?} is listed and was not found"));
            assert!(content.as_ref().is_none_or(|content| content == *ours), "{shown:?} has two contents");
        }
    }
    for (name, content) in from_member_to_member(bytes) {
        let shown = String::from_utf8_lossy(&name);
        let known = listed.get(&name).unwrap_or_else(|| panic!("{shown:?} is found only by who does not see the directory"));
        assert!(known.as_ref().is_none_or(|known| *known == content), "{shown:?} is another one for who does not see the directory");
    }
}

/// What another library finds; nothing for a content that it does not unpack.
fn by_directory(bytes: &[u8]) -> Option<BTreeMap<Vec<u8>, Option<Vec<u8>>>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut listed = BTreeMap::new();
    for at in 0..archive.len() {
        let name = archive.by_index_raw(at).ok()?.name_raw().to_vec();
        let content = archive.by_index(at).ok().and_then(|file| {
            let mut content = Vec::new();
            file.take(ASKED + 1).read_to_end(&mut content).ok().map(|_| content)
        });
        listed.insert(name, content);
    }
    Some(listed)
}

/// As Java's ZipInputStream goes: each member begins where the one before ended, and compressed data end by themselves where the
/// sizes stand behind them. Stops at what it would stop at.
fn from_member_to_member(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((name, content, next)) = member(bytes, at) {
        found.push((name, content));
        at = next;
    }
    found
}

fn member(bytes: &[u8], at: usize) -> Option<(Vec<u8>, Vec<u8>, usize)> {
    let short = |at: usize| bytes.get(at..)?.first_chunk().map(|b| usize::from(u16::from_le_bytes(*b)));
    let long = |at: usize| bytes.get(at..)?.first_chunk().map(|b| u64::from(u32::from_le_bytes(*b)));
    if !bytes.get(at..)?.starts_with(b"PK\x03\x04") {
        return None;
    }
    let (flags, method, mut packed, mut size) = (short(at + 6)?, short(at + 8)?, long(at + 18)?, long(at + 22)?);
    let (name_bytes, extra_bytes) = (short(at + 26)?, short(at + 28)?);
    let name = bytes.get(at + 30..)?.get(..name_bytes)?.to_vec();
    let mut extra = bytes.get(at + 30 + name_bytes..)?.get(..extra_bytes)?;
    let data = at + 30 + name_bytes + extra_bytes;
    let is_open = flags & 8 != 0;
    while let (false, [a, b, c, d, rest @ ..]) = (is_open, extra) {
        let (mut field, after) = rest.split_at_checked(usize::from(u16::from_le_bytes([*c, *d])))?;
        if [*a, *b] == [1, 0] {
            for value in [&mut size, &mut packed] {
                if *value == u64::from(u32::MAX) {
                    let (eight, more) = field.split_first_chunk()?;
                    (*value, field) = (u64::from_le_bytes(*eight), more);
                }
            }
        }
        extra = after;
    }
    let rest = bytes.get(data..)?;
    match method {
        0 if is_open => None,
        0 => {
            let size = usize::try_from(size).ok()?;
            Some((name, rest.get(..size)?.to_vec(), data + size))
        }
        8 => {
            let mut content = Vec::new();
            let mut decoder = flate2::bufread::DeflateDecoder::new(rest);
            (&mut decoder).take(1 << 20).read_to_end(&mut content).ok()?;
            let used = usize::try_from(decoder.total_in()).ok()?;
            let next = data + used;
            if is_open {
                let is_marked = bytes.get(next..)?.starts_with(b"PK\x07\x08");
                return Some((name, content, next + if is_marked { 16 } else { 12 }));
            }
            (used as u64 == packed).then_some((name, content, next))
        }
        _ => None,
    }
}

/// What a zip is made of: a fuzzer finds neither sums nor offsets.
struct Recipe<'a>(&'a [u8]);

const NAMES: [&str; 10] =
    ["A.class", "B.class", "./A.class", "META-INF/", "META-INF/p", "lib/inner.jar", "A.class/", "a/../b", "\u{e9}", "x"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Deflated = 1,
    Descriptor = 2,
    Unlisted = 4,
    OtherLocalName = 8,
    Plain = 16,
    Tail = 32,
    OtherSize = 64,
    Large = 128,
}

impl Recipe<'_> {
    fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes.to_vec()
    }

    /// Stub, number of members, each member, comment, then bytes that are changed, by place and value.
    fn zip(&mut self) -> Vec<u8> {
        let mut out = self.bytes();
        let stub = if self.byte() & 1 == 0 { 0 } else { out.len() };
        let (mut directory, mut count) = (Vec::new(), 0u16);
        for _ in 0..self.byte() % 8 {
            let how = self.byte();
            let is = |part: Part| how & part as u8 != 0;
            let name = NAMES[usize::from(self.byte()) % NAMES.len()].as_bytes();
            let local_name = if is(Part::OtherLocalName) { NAMES[usize::from(self.byte()) % NAMES.len()].as_bytes() } else { name };
            let content = match self.byte() {
                255 => out.clone(),
                254 => [out.as_slice(), &directory].concat(),
                _ => self.bytes(),
            };
            let mut sum = flate2::Crc::new();
            sum.update(&content);
            let sum = sum.sum();
            let mut packed = content.clone();
            if is(Part::Deflated) {
                let level = if is(Part::Plain) { Compression::none() } else { Compression::fast() };
                let mut encoder = DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(&content).unwrap();
                packed = encoder.finish().unwrap();
            }
            if is(Part::Tail) {
                packed.extend(self.bytes());
            }
            let (size, whole) = (packed.len() as u32, content.len() as u32);
            let local_size = if is(Part::OtherSize) { u32::from(self.byte()) } else { whole };
            let at = (out.len() - stub) as u32;
            let flags = if is(Part::Descriptor) { 8u16 } else { 0 };
            let method = if is(Part::Deflated) { 8u16 } else { 0 };
            let shorts = |out: &mut Vec<u8>, all: &[u16]| out.extend(all.iter().flat_map(|n| n.to_le_bytes()));
            let longs = |out: &mut Vec<u8>, all: &[u32]| out.extend(all.iter().flat_map(|n| n.to_le_bytes()));
            let extra = match is(Part::Large) {
                true => [&[1, 0, 16, 0][..], &u64::from(local_size).to_le_bytes(), &u64::from(size).to_le_bytes()].concat(),
                false => Vec::new(),
            };
            out.extend(b"PK\x03\x04");
            shorts(&mut out, &[20, flags, method, 0, 0]);
            match (is(Part::Descriptor), is(Part::Large)) {
                (true, _) => longs(&mut out, &[0, 0, 0]),
                (false, true) => longs(&mut out, &[sum, u32::MAX, u32::MAX]),
                (false, false) => longs(&mut out, &[sum, size, local_size]),
            }
            shorts(&mut out, &[local_name.len() as u16, extra.len() as u16]);
            out.extend([local_name, &extra, &packed].concat());
            if is(Part::Descriptor) {
                out.extend(b"PK\x07\x08");
                longs(&mut out, &[sum, size, whole]);
            }
            if !is(Part::Unlisted) {
                count += 1;
                directory.extend(b"PK\x01\x02");
                shorts(&mut directory, &[20, 20, flags, method, 0, 0]);
                longs(&mut directory, &[sum, size, whole]);
                shorts(&mut directory, &[name.len() as u16, 0, 0, 0, 0]);
                longs(&mut directory, &[0, at]);
                directory.extend(name);
            }
        }
        let at = (out.len() - stub) as u32;
        out.extend(&directory);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
        out.extend([(directory.len() as u32).to_le_bytes(), at.to_le_bytes()].concat());
        let comment = self.bytes();
        out.extend((comment.len() as u16).to_le_bytes());
        out.extend(comment);
        while self.0.len() >= 3 {
            let place = usize::from(u16::from_le_bytes([self.byte(), self.byte()]));
            let (value, length) = (self.byte(), out.len());
            out[place % length] = value;
        }
        out
    }
}

/// Zips as tools make them, and one of each kind that is refused.
pub fn seeds(add: &mut dyn FnMut(&'static str, Vec<u8>)) {
    let jar = crate::maven::world::jar(&[("META-INF/", b""), ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n"), ("A.class", b"code")]);
    add("zip", [&[0][..], &jar].concat());
    let member = |how: u8, name: u8, content: &[u8]| [&[how, name, 0, content.len() as u8][..], content].concat();
    let recipe =
        |stub: &[u8], members: &[Vec<u8>]| [&[1, stub.len() as u8][..], stub, &[0, members.len() as u8], &members.concat(), &[0]].concat();
    let (deflated, open, plain) = (Part::Deflated as u8, Part::Descriptor as u8, Part::Plain as u8);
    let code = b"code code code code";
    add("zip", recipe(b"", &[member(0, 3, b""), member(deflated, 4, b"version=1\n"), member(deflated | open, 0, code)]));
    add("zip", recipe(b"#!/bin/sh\n", &[member(0, 0, code), member(Part::Large as u8, 1, code)]));
    add("zip", recipe(b"", &[member(deflated, 0, code), member(0, 2, code)]));
    let nested = |how: u8| [how, 5, 254].to_vec();
    for how in [0, deflated | open, deflated | open | plain, open] {
        add("zip", recipe(b"", &[member(0, 0, code), nested(how)]));
    }
    let mut hidden = vec![deflated | open | Part::Tail as u8, 0, 0, 4];
    hidden.extend(b"code");
    let tail = [&b"PK\x07\x08"[..], &[0; 12], b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0", &[0; 12], &[1, 0, 0, 0], b"z"].concat();
    hidden.push(tail.len() as u8);
    hidden.extend(&tail);
    add("zip", recipe(b"", &[hidden]));
    let mut other = member(Part::OtherSize as u8, 0, code);
    other.push(4);
    add("zip", recipe(b"", &[other, member(Part::Unlisted as u8, 1, b"evil")]));
    let names: BTreeSet<u8> = (0..NAMES.len() as u8).collect();
    add("zip", recipe(b"", &names.iter().take(7).map(|name| member(0, *name, b"")).collect::<Vec<_>>()));
}
