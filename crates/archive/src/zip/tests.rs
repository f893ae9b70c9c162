//! What is in real jars passes, and what two readers would take in two ways does not.

use super::*;
use deedbox_testkit::folding::Bytes;
use proptest::prelude::*;
use std::io::Write as _;

/// A zip as plain tools write it, each part open to a change.
#[derive(Clone)]
struct Zip {
    stub: Vec<u8>,
    counts_stub: bool,
    members: Vec<Part>,
    comment: Vec<u8>,
    count: Option<u16>,
}

#[derive(Clone)]
struct Part {
    name: &'static str,
    local_name: &'static str,
    bytes: &'static [u8],
    deflated: bool,
    flags: u16,
    descriptor: bool,
    listed: bool,
    extra: Vec<u8>,
    crc: Option<u32>,
    /// Behind the compressed data, and counted to it.
    tail: &'static [u8],
    /// Deflate that compresses nothing.
    plain: bool,
}

fn part(name: &'static str, bytes: &'static [u8]) -> Part {
    Part {
        name,
        local_name: name,
        bytes,
        deflated: true,
        flags: 0,
        descriptor: false,
        listed: true,
        extra: vec![],
        crc: None,
        tail: b"",
        plain: false,
    }
}

impl Zip {
    fn of(members: Vec<Part>) -> Self {
        Zip { stub: vec![], counts_stub: true, members, comment: vec![], count: None }
    }
    fn bytes(&self) -> Vec<u8> {
        let mut out = self.stub.clone();
        let base = if self.counts_stub { 0 } else { self.stub.len() };
        let mut directory = Vec::new();
        let mut count = 0u16;
        for part in &self.members {
            let at = (out.len() - base) as u32;
            let packed = if part.deflated {
                let mut encoder = flate2::write::DeflateEncoder::new(
                    Vec::new(),
                    if part.plain { flate2::Compression::none() } else { flate2::Compression::fast() },
                );
                encoder.write_all(part.bytes).unwrap();
                [encoder.finish().unwrap(), part.tail.to_vec()].concat()
            } else {
                part.bytes.to_vec()
            };
            let mut crc = flate2::Crc::new();
            crc.update(part.bytes);
            let crc = part.crc.unwrap_or(crc.sum());
            let flags = part.flags | if part.descriptor { DESCRIPTOR_FOLLOWS } else { 0 };
            let method: u16 = if part.deflated { DEFLATED } else { STORED };
            let (sum, short, long) = if part.descriptor { (0, 0, 0) } else { (crc, packed.len() as u32, part.bytes.len() as u32) };
            out.extend(LOCAL);
            for n in [20, flags, method, 0, 0] {
                out.extend(u16::to_le_bytes(n));
            }
            for n in [sum, short, long] {
                out.extend(n.to_le_bytes());
            }
            out.extend((part.local_name.len() as u16).to_le_bytes());
            out.extend([0, 0]);
            out.extend(part.local_name.as_bytes());
            out.extend(&packed);
            if part.descriptor {
                out.extend(b"PK\x07\x08");
                for n in [crc, packed.len() as u32, part.bytes.len() as u32] {
                    out.extend(n.to_le_bytes());
                }
            }
            if !part.listed {
                continue;
            }
            count += 1;
            directory.extend(CENTRAL);
            for n in [20, 20, flags, method, 0, 0] {
                directory.extend(u16::to_le_bytes(n));
            }
            for n in [crc, packed.len() as u32, part.bytes.len() as u32] {
                directory.extend(n.to_le_bytes());
            }
            for n in [part.name.len() as u16, part.extra.len() as u16, 0, 0, 0] {
                directory.extend(n.to_le_bytes());
            }
            directory.extend(0u32.to_le_bytes());
            directory.extend(at.to_le_bytes());
            directory.extend(part.name.as_bytes());
            directory.extend(&part.extra);
        }
        let at = (out.len() - base) as u32;
        out.extend(&directory);
        out.extend(END);
        let count = self.count.unwrap_or(count);
        for n in [0, 0, count, count] {
            out.extend(u16::to_le_bytes(n));
        }
        out.extend((directory.len() as u32).to_le_bytes());
        out.extend(at.to_le_bytes());
        out.extend((self.comment.len() as u16).to_le_bytes());
        out.extend(&self.comment);
        out
    }
}

const PROPERTIES: Wanted<'_> = Wanted { name: "META-INF/p", bytes: 100 };

fn look(bytes: Vec<u8>) -> Result<Vec<(&'static str, Vec<u8>)>, &'static str> {
    read(&Bytes::new("widget-1.0.jar", bytes), &ZipLimits::default(), &[PROPERTIES]).map_err(|refusal| {
        assert!(refusal.message.starts_with("widget-1.0.jar: "), "{}", refusal.message);
        refusal.code
    })
}

fn good() -> Vec<Part> {
    vec![part("META-INF/", b""), part("META-INF/p", b"version=1\n"), part("A.class", b"code code code code")]
}

#[test]
fn what_plain_tools_write_is_read_and_so_is_what_is_merely_odd() {
    let found = vec![("META-INF/p", b"version=1\n".to_vec())];
    let mut odd = vec![("plain", Zip::of(good()))];
    let mut stored = Zip::of(good());
    stored.members.iter_mut().for_each(|part| part.deflated = false);
    odd.push(("stored", stored));
    let mut streamed = Zip::of(good());
    streamed.members.iter_mut().for_each(|part| part.descriptor = true);
    odd.push(("with data descriptors", streamed));
    for counts_stub in [true, false] {
        odd.push(("with a script in front", Zip { stub: b"#!/bin/sh\nexec java -jar $0\n".to_vec(), counts_stub, ..Zip::of(good()) }));
    }
    odd.push(("with a comment", Zip { comment: b"built today".to_vec(), ..Zip::of(good()) }));
    let mut folders = good();
    folders.push(part("META-INF/", b""));
    odd.push(("a folder twice", Zip::of(folders)));
    let mut same = good();
    same.push(part("A.class", b"code code code code"));
    odd.push(("a file twice with the same content", Zip::of(same)));
    let mut cases = good();
    cases.push(part("a.class", b"other"));
    odd.push(("names alike but for their case", Zip::of(cases)));
    let mut composed = good();
    composed.extend([part("caf\u{e9}", b"same"), part("cafe\u{301}", b"same"), part("stra\u{df}e", b"one"), part("strasse", b"other")]);
    odd.push(("one name in two forms with one content", Zip::of(composed)));
    let mut padded = good();
    padded[2].extra = vec![0, 0, 0];
    odd.push(("padding that is not a field", Zip::of(padded)));
    for (what, zip) in odd {
        assert_eq!(look(zip.bytes()), Ok(found.clone()), "{what}");
    }
    assert_eq!(look(Zip::of(vec![]).bytes()), Ok(vec![]), "an empty one");
}

#[test]
fn what_two_readers_would_take_in_two_ways_is_refused() {
    let with = |change: &dyn Fn(&mut Vec<Part>)| {
        let mut members = good();
        change(&mut members);
        Zip::of(members)
    };
    const LONG: &str = match std::str::from_utf8(&[b'x'; 256]) {
        Ok(name) => name,
        Err(_) => "",
    };
    let second_name = [&0x7075u16.to_le_bytes()[..], &6u16.to_le_bytes(), &[1, 0, 0, 0, 0, b'B']].concat();
    for (code, zip) in [
        ("zip_duplicate_member", with(&|m| m.push(part("A.class", b"other code")))),
        ("zip_duplicate_member", with(&|m| m.push(part("./A.class", b"other code")))),
        ("zip_duplicate_member", with(&|m| m.push(part("A.class/", b"")))),
        ("zip_duplicate_member", with(&|m| m.push(part("META-INF/", b"a folder with a content")))),
        ("zip_path_escapes", with(&|m| m.push(part("../A.class", b"")))),
        ("zip_path_escapes", with(&|m| m.push(part("a/../../A.class", b"")))),
        ("zip_path_escapes", with(&|m| m.push(part("/etc/passwd", b"")))),
        ("zip_path_escapes", with(&|m| m.push(part("a\\b", b"")))),
        ("zip_path_escapes", with(&|m| m.push(part("c:/b", b"")))),
        ("zip_duplicate_member", with(&|m| m.extend([part("caf\u{e9}", b"one"), part("cafe\u{301}", b"other")]))),
        ("zip_duplicate_member", with(&|m| m.extend([part("a\u{200d}b", b"one"), part("ab", b"other")]))),
        ("zip_duplicate_member", with(&|m| m.extend([part("K.class", b"one"), part("\u{212a}.class", b"other")]))),
        ("zip_name", with(&|m| m.push(part("a/b:c", b"")))),
        ("zip_name", with(&|m| m.push(part("a./b", b"")))),
        ("zip_name", with(&|m| m.push(part("a /", b"")))),
        ("zip_name", with(&|m| m.push(part("a/nul.txt", b"")))),
        ("zip_name", with(&|m| m.push(part("COM\u{b9}.class", b"")))),
        ("zip_name", with(&|m| m.push(part("a/\u{202e}b", b"")))),
        ("zip_name", with(&|m| m.push(part("a\u{9b}b", b"")))),
        ("zip_name", with(&|m| m.push(part(LONG, b"")))),
        ("zip_name", with(&|m| m.push(part("a\nb", b"")))),
        ("zip_name", with(&|m| m.push(part("", b"")))),
        ("zip_encrypted", with(&|m| m[2].flags = ENCRYPTED)),
        ("zip_headers_differ", with(&|m| m[2].local_name = "B.class")),
        ("zip_hidden_member", with(&|m| m[0].listed = false)),
        ("zip_hidden_member", with(&|m| m[1].listed = false)),
        ("zip_hidden_member", with(&|m| m[2].listed = false)),
        ("zip_two_names", with(&|m| m[2].extra = second_name.clone())),
        ("zip_damaged", with(&|m| m[1].crc = Some(7))),
        ("zip_member_count", Zip { count: Some(2), ..Zip::of(good()) }),
        ("zip_two_ends", Zip { comment: Zip::of(vec![]).bytes(), ..Zip::of(good()) }),
    ] {
        assert_eq!(look(zip.bytes()), Err(code));
    }
    // A data descriptor does not hide what follows it.
    let mut members = good();
    members[0].descriptor = true;
    members[1].listed = false;
    assert_eq!(look(Zip::of(members).bytes()), Err("zip_hidden_member"));
}

#[test]
fn a_comment_with_the_mark_of_an_end_record_is_refused_wherever_it_stands() {
    let ends = |comment: Vec<u8>| look(Zip { comment, ..Zip::of(good()) }.bytes());
    // Java goes by the record whose comment ends with the file. Info-ZIP and Python take the last mark, and then an empty directory.
    let empty = Zip::of(vec![]).bytes();
    for (before, after) in [(0, 1), (3, 1), (7, 100), (0, 65_000), (40, 0)] {
        let comment = [vec![b' '; before], empty.clone(), vec![b' '; after]].concat();
        assert_eq!(ends(comment), Err("zip_two_ends"), "{before} {after}");
    }
    assert_eq!(ends(END.to_vec()), Err("zip_two_ends"), "a mark alone");
    // The length of the comment is the first half of the mark.
    let length = usize::from(u16::from_le_bytes([b'P', b'K']));
    let mut half = vec![b' '; length];
    assert!(ends(half.clone()).is_ok());
    half[..2].copy_from_slice(&END[2..]);
    assert_eq!(ends(half), Err("zip_two_ends"));
    assert!(ends(b"PK\x05, PK\x06 and PK".to_vec()).is_ok(), "parts of the mark are not marks");
}

/// Bytes of one local header with its data.
fn local(name: &str, bytes: &'static [u8]) -> Vec<u8> {
    let zip = Zip::of(vec![Part { deflated: false, name: "", local_name: "", ..part("", bytes) }]).bytes();
    let mut out = zip[..LOCAL_BYTES].to_vec();
    out[26..28].copy_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend(name.as_bytes());
    out.extend(bytes);
    out
}

#[test]
fn a_member_behind_the_end_of_compressed_data_is_refused() {
    // The directory counts the hidden member to the data of the first; a reader without it goes by where that data ends.
    let descriptor = [&b"PK\x07\x08"[..], &[0; 12]].concat();
    for (hidden, expected) in [([descriptor, local("B.class", b"evil")].concat(), Err("zip_hidden_member")), (vec![7; 60], Ok(vec![]))] {
        let tail: &'static [u8] = hidden.leak();
        for descriptor in [true, false] {
            let zip = Zip::of(vec![Part { descriptor, tail, ..part("A.class", b"code code code") }]);
            let expected = if descriptor { expected.clone() } else { Ok(vec![]) };
            assert_eq!(look(zip.bytes()), expected, "{descriptor}");
        }
    }
    // In data that is not compressed nothing says where it ends.
    let jar: &'static [u8] = Zip::of(good()).bytes().leak();
    let inner = |deflated, descriptor| look(Zip::of(vec![Part { deflated, descriptor, ..part("lib/inner.jar", jar) }]).bytes());
    assert_eq!(inner(false, true), Err("zip_hidden_member"));
    for (deflated, descriptor) in [(true, true), (true, false), (false, false)] {
        assert_eq!(inner(deflated, descriptor), Ok(vec![]), "a jar in a jar");
    }
    let plain = Part { plain: true, descriptor: true, ..part("lib/inner.jar", jar) };
    assert_eq!(look(Zip::of(vec![plain.clone()]).bytes()), Ok(vec![]), "deflate that compresses nothing");
    let limits = ZipLimits { unpacked_bytes: jar.len() as u64 - 1, ..ZipLimits::default() };
    assert_eq!(read(&Bytes::new("w.jar", Zip::of(vec![plain]).bytes()), &limits, &[]).unwrap_err().code, "zip_too_large");
}

#[test]
fn a_member_whose_sizes_differ_where_it_begins_is_refused() {
    let zip = Zip::of(vec![Part { deflated: false, ..part("A.class", b"code and more") }]).bytes();
    // A reader without the directory takes 4 bytes for all of it.
    for at in [18, 22] {
        let mut other = zip.clone();
        other[at..at + 4].copy_from_slice(&4u32.to_le_bytes());
        assert_eq!(look(other), Err("zip_headers_differ"));
    }
    let at = zip.windows(4).position(|w| w == CENTRAL).unwrap();
    let mut both = zip.clone();
    both[22..26].copy_from_slice(&4u32.to_le_bytes());
    both[at + 24..at + 28].copy_from_slice(&4u32.to_le_bytes());
    assert_eq!(look(both), Err("zip_headers_differ"), "stored, and another size than packed");
    // The same in the field of Zip64.
    let of = |packed: u64| {
        let mut head = zip[..LOCAL_BYTES + 7].to_vec();
        head[18..26].fill(0xff);
        head[28] = 20;
        head.extend([&1u16.to_le_bytes()[..], &16u16.to_le_bytes(), &13u64.to_le_bytes(), &packed.to_le_bytes()].concat());
        let mut large = [head, zip[LOCAL_BYTES + 7..].to_vec()].concat();
        let end = large.len() - END_BYTES;
        large[end + 16..end + 20].copy_from_slice(&(at as u32 + 20).to_le_bytes());
        look(large)
    };
    assert_eq!((of(13), of(4)), (Ok(vec![]), Err("zip_headers_differ")));
}

#[test]
fn a_checksum_does_not_make_two_contents_one() {
    // Two texts of one length with one CRC-32.
    let (one, other) = (&b"plumless"[..], &b"buckeroo"[..]);
    let zip = |second| Zip::of(vec![part("A.class", one), Part { deflated: false, ..part("./A.class", second) }]).bytes();
    assert_eq!(look(zip(one)), Ok(vec![]));
    assert_eq!(look(zip(other)), Err("zip_duplicate_member"));
}

#[test]
fn members_that_share_bytes_are_refused() {
    // Two entries of the directory that name one local header: the form of a bomb.
    let zip = Zip::of(vec![part("A.class", b"code"), part("A.class", b"code")]).bytes();
    let second = zip.windows(4).rposition(|w| w == CENTRAL).unwrap();
    let mut twice = zip.clone();
    twice[second + 42..second + 46].copy_from_slice(&[0, 0, 0, 0]);
    assert_eq!(look(twice), Err("zip_members_overlap"));
}

#[test]
fn bounds_hold_before_anything_is_unpacked() {
    static LONG: [u8; 5_000] = [b'x'; 5_000];
    assert_eq!(look(Zip::of(vec![part("META-INF/p", &LONG)]).bytes()), Err("zip_member_too_large"));
    let limits = ZipLimits { members: 2, ..ZipLimits::default() };
    assert_eq!(read(&Bytes::new("widget-1.0.jar", Zip::of(good()).bytes()), &limits, &[]).unwrap_err().code, "zip_too_many_members");
    for bytes in [&b""[..], b"PK", b"not a zip at all, but long enough to be one"] {
        assert_eq!(look(bytes.to_vec()), Err("zip_not"));
    }
}

proptest! {
    #[test]
    fn a_cut_or_changed_archive_never_panics(cut in 0usize..400, at in 0usize..400, bit in 0u8..8) {
        let mut bytes = Zip::of(good()).bytes();
        let length = bytes.len();
        bytes[at % length] ^= 1 << bit;
        let _ = look(bytes.clone());
        bytes.truncate(cut.min(length));
        let _ = look(bytes);
    }
}
