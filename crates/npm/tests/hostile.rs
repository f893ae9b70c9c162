//! Hostile tarballs: each way in which two programs could read one archive differently, or be worn out by it, is
//! refused with its own code (spec/projections/npm.md §4).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, its helpers too"
)]

mod common;

use common::*;
use deedbox_npm::{ArchiveLimits, Npm};
use proptest::prelude::*;

fn refusal(tarball: &[u8]) -> &'static str {
    let refusal = inspect(tarball).unwrap_err();
    assert!(refusal.message.contains(' ') && refusal.message.len() < 1_000, "{}", refusal.message);
    refusal.code
}

fn good() -> Vec<u8> {
    member(b"package/package.json", b'0', package_json("1.0.0", "").as_bytes())
}

/// The good member, and these around it, with an end mark.
fn with(more: &[Vec<u8>]) -> Vec<u8> {
    gzip(&[good(), more.concat(), vec![0; 1024]].concat())
}

fn file(path: &str) -> Vec<u8> {
    member(path.as_bytes(), b'0', b"x")
}

#[test]
fn a_plain_tarball_is_read_and_so_are_harmless_extensions() {
    let long = format!("package/{}", "long/".repeat(30) + "file.js");
    let gnu = member(b"././@LongLink", b'L', &[long.as_bytes(), &[0]].concat());
    for tarball in [
        with(&[]),
        with(&[member(b"package/", b'5', b""), member(b"package/lib/", b'5', b""), file("package/lib/a.js")]),
        with(&[file("package/lib/a.js"), member(b"package/lib/", b'5', b"")]),
        with(&[pax(&[("path", &long), ("size", "1"), ("mtime", "1.5"), ("SCHILY.dev", "7")]), file("package/short")]),
        with(&[pax(&[("mtime", "1.5")]), file("package/short")]),
        with(&[gnu, file("package/short")]),
        with(&[member(b"package/./", b'5', b""), file("package/./lib/./x")]),
        with(&[member(b"pax_global_header", b'g', b"18 comment=abcdef\n"), file("package/a")]),
        with(&[member(b"package/old", 0, b"x"), member(b"package/contiguous", b'7', b"x")]),
        gzip(&good()),
        gzip(&[member(b"other-folder/package.json", b'0', package_json("1.0.0", "").as_bytes()), vec![0; 10_240]].concat()),
    ] {
        inspect(&tarball).unwrap();
    }
}

#[test]
fn every_hostile_archive_is_refused_with_its_code() {
    let mut bad_checksum = file("package/x");
    bad_checksum[148] ^= 1;
    let mut v7 = file("package/x");
    v7[257..265].fill(0);
    let mut header = tar::Header::from_byte_slice(&v7[..512]).clone();
    header.set_cksum();
    v7[..512].copy_from_slice(header.as_bytes());
    let mut binary_size = file("package/x");
    binary_size[124..136].copy_from_slice(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    let mut header = tar::Header::from_byte_slice(&binary_size[..512]).clone();
    header.set_cksum();
    binary_size[..512].copy_from_slice(header.as_bytes());
    let gz = with(&[]);

    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("archive_path_escapes", "absolute", with(&[file("/package/x")])),
        ("archive_path_escapes", "parent", with(&[file("package/../x")])),
        ("archive_path_escapes", "parent first", with(&[file("../package/x")])),
        ("archive_path_escapes", "parent by pax", with(&[pax(&[("path", "package/../../x")]), file("package/x")])),
        ("archive_path_escapes", "absolute folder", with(&[member(b"/package/d", b'5', b"")])),
        ("archive_path_unsafe", "dot first", with(&[file("./package/x")])),
        ("archive_path_unsafe", "empty segment", with(&[file("package//x")])),
        ("archive_path_unsafe", "a file with a folder's name", with(&[file("package/x/")])),
        ("archive_path_unsafe", "backslash", with(&[file("package/..\\x")])),
        ("archive_path_unsafe", "drive", with(&[file("package/c:/x")])),
        ("archive_path_unsafe", "stream", with(&[file("package/a.js:b")])),
        ("archive_path_unsafe", "dot at the end", with(&[file("package/a.")])),
        ("archive_path_unsafe", "space at the end of a folder", with(&[file("package/a /b")])),
        ("archive_path_unsafe", "folder with a dot at the end", with(&[member(b"package/a./", b'5', b"")])),
        ("archive_path_unsafe", "device", with(&[file("package/CON")])),
        ("archive_path_unsafe", "device with an extension", with(&[file("package/lib/nul.d.ts")])),
        ("archive_path_unsafe", "device with a raised digit", with(&[file("package/LPT\u{b9}.js")])),
        ("archive_path_unsafe", "device as a folder", with(&[file("package/aux/a.js")])),
        ("archive_path_unsafe", "direction", with(&[file("package/a\u{202e}sj.exe")])),
        ("archive_path_unsafe", "control character beyond ASCII", with(&[file("package/a\u{9b}31m")])),
        ("archive_path_unsafe", "line separator", with(&[file("package/a\u{2028}b")])),
        ("archive_path_too_long", "a name that file systems do not hold", {
            let long = format!("package/{}", "x".repeat(256));
            with(&[pax(&[("path", &long)]), file("package/x")])
        }),
        ("archive_path_unsafe", "control character", with(&[file("package/a\nb")])),
        ("archive_path_unsafe", "escape sequence", with(&[file("package/\u{1b}[31m")])),
        ("archive_path_not_utf8", "Latin-1", with(&[member(b"package/\xfc", b'0', b"x")])),
        ("archive_link", "symlink", with(&[member(b"package/l", b'2', b"")])),
        ("archive_link", "hard link", with(&[member(b"package/l", b'1', b"")])),
        ("archive_link", "long link name", with(&[member(b"package/l", b'K', b"x\0")])),
        ("archive_link", "link by pax", with(&[pax(&[("linkpath", "/etc/passwd")]), file("package/x")])),
        ("archive_device", "character device", with(&[member(b"package/d", b'3', b"")])),
        ("archive_device", "block device", with(&[member(b"package/d", b'4', b"")])),
        ("archive_device", "pipe", with(&[member(b"package/d", b'6', b"")])),
        ("archive_sparse", "GNU sparse", with(&[member(b"package/s", b'S', b"x")])),
        ("archive_sparse", "pax sparse", with(&[pax(&[("GNU.sparse.major", "1")]), file("package/x")])),
        ("archive_member_kind", "unknown kind", with(&[member(b"package/x", b'V', b"")])),
        ("archive_duplicate_member", "a file twice", with(&[file("package/x"), file("package/x")])),
        ("archive_duplicate_member", "a file by way of a dot", with(&[file("package/x"), file("package/./x")])),
        ("archive_two_manifests", "by way of a dot", with(&[file("package/./package.json")])),
        ("archive_no_top_folder", "a file of no name", with(&[file("package/.")])),
        ("archive_duplicate_member", "a folder twice", with(&[member(b"package/d/", b'5', b""), member(b"package/d/", b'5', b"")])),
        ("archive_members_collide", "capitals", with(&[file("package/README"), file("package/readme")])),
        ("archive_members_collide", "capitals beyond ASCII", with(&[file("package/stra\u{df}e"), file("package/STRASSE")])),
        ("archive_members_collide", "capital sharp s", with(&[file("package/\u{1e9e}"), file("package/ss")])),
        ("archive_members_collide", "composed and not", with(&[file("package/caf\u{e9}"), file("package/cafe\u{301}")])),
        ("archive_members_collide", "Kelvin", with(&[file("package/k.js"), file("package/\u{212a}.js")])),
        ("archive_members_collide", "Angstrom", with(&[file("package/\u{212b}"), file("package/a\u{30a}")])),
        ("archive_members_collide", "folders in two forms", with(&[file("package/\u{e9}/a"), file("package/e\u{301}")])),
        ("archive_members_collide", "what nobody sees", with(&[file("package/a\u{200c}b"), file("package/ab")])),
        ("archive_members_collide", "a file under a file", with(&[file("package/a"), file("package/a/b")])),
        ("archive_members_collide", "a file over a folder", with(&[file("package/a/b"), file("package/A")])),
        ("archive_members_collide", "a folder over a file", with(&[file("package/a"), member(b"package/a/", b'5', b"")])),
        ("archive_two_manifests", "twice", with(&[good()])),
        ("archive_two_manifests", "in capitals", with(&[file("package/Package.JSON")])),
        ("archive_no_top_folder", "a file beside the folder", with(&[file("x")])),
        ("archive_two_top_folders", "another folder", with(&[file("other/x")])),
        ("archive_two_top_folders", "in capitals", with(&[file("Package/x")])),
        ("archive_header", "a folder with a size", with(&[member(b"package/d/", b'5', &[0; 512])])),
        ("archive_header", "a size in the binary form", with(&[binary_size])),
        ("archive_header", "neither ustar nor GNU", with(&[v7])),
        ("archive_damaged", "wrong checksum", with(&[bad_checksum])),
        ("archive_damaged", "cut inside a member", gzip(&good()[..700])),
        ("archive_damaged", "cut inside a header", gzip(&good()[..100])),
        ("archive_damaged", "cut gzip", gz[..gz.len() - 9].to_vec()),
        ("archive_damaged", "wrong gzip checksum", {
            let mut gz = gz.clone();
            let at = gz.len() - 6;
            gz[at] ^= 1;
            gz
        }),
        ("archive_not_gzip", "a bare tar", good()),
        ("archive_not_gzip", "a text", b"<html>not found</html>".to_vec()),
        ("archive_not_gzip", "nothing", Vec::new()),
        ("archive_data_after_end", "members after the end mark", with(&[vec![0; 1024], file("package/hidden")])),
        ("archive_bytes_after_gzip", "rubbish", [gz.clone(), b"x".to_vec()].concat()),
        ("archive_bytes_after_gzip", "zeros", [gz.clone(), vec![0; 512]].concat()),
        ("archive_bytes_after_gzip", "a second stream", [gz.clone(), gzip(&file("package/hidden"))].concat()),
        (
            "archive_extension_malformed",
            "a value with a record in it",
            with(&[pax(&[("comment", "x\n17 path=package/")]), file("package/x")]),
        ),
        ("archive_extension_malformed", "a wrong length", with(&[member(b"x", b'x', b"99 path=package/y\n"), file("package/x")])),
        ("archive_extension_malformed", "a leading zero", with(&[member(b"x", b'x', b"019 path=package/y\n"), file("package/x")])),
        ("archive_extension_malformed", "an empty line", with(&[member(b"x", b'x', b"\n18 path=package/y\n"), file("package/x")])),
        ("archive_extension_malformed", "two paths", with(&[pax(&[("path", "package/a"), ("path", "package/b")]), file("package/x")])),
        ("archive_extension_malformed", "an empty path", with(&[pax(&[("path", "")]), file("package/x")])),
        ("archive_extension_malformed", "another size", with(&[pax(&[("size", "0")]), file("package/x")])),
        ("archive_extension_malformed", "a size with a sign", with(&[pax(&[("size", "+1")]), file("package/x")])),
        ("archive_extension_malformed", "two sizes", with(&[pax(&[("size", "1"), ("size", "1")]), file("package/x")])),
        ("archive_extension_malformed", "another alphabet", with(&[pax(&[("hdrcharset", "BINARY")]), file("package/x")])),
        ("archive_extension_malformed", "two headers", with(&[pax(&[("path", "package/a")]), pax(&[("mtime", "1")]), file("package/x")])),
        ("archive_extension_malformed", "no member after it", with(&[pax(&[("path", "package/a")])])),
        ("archive_extension_malformed", "a global path", with(&[member(b"g", b'g', b"18 path=package/y\n"), file("package/x")])),
        ("archive_extension_malformed", "a long name that goes on", with(&[member(b"x", b'L', b"package/a\0b"), file("package/x")])),
        ("archive_extension_malformed", "an empty long name", with(&[member(b"x", b'L', b"\0"), file("package/x")])),
        ("package_json_missing", "only deeper", gzip(&member(b"package/sub/package.json", b'0', b"{}"))),
        ("package_json_missing", "in capitals only", gzip(&member(b"package/PACKAGE.JSON", b'0', b"{}"))),
        ("package_json_missing", "an empty archive", gzip(&[0; 1024])),
        ("package_json_malformed", "not JSON", tarball(&[("package.json", b"{")])),
        ("package_json_duplicate_key", "a key twice", tarball(&[("package.json", b"{\"name\":1,\"name\":2}")])),
        ("package_json_name", "no scope", tarball(&[("package.json", b"{\"name\":\"widget\",\"version\":\"1.0.0\"}")])),
        ("package_json_version", "no version", tarball(&[("package.json", b"{\"name\":\"@acme.example/widget\"}")])),
        ("package_json_private", "private", tarball(&[("package.json", package_json("1.0.0", ",\"private\":true").as_bytes())])),
    ];
    for (code, what, tarball) in cases {
        assert_eq!(refusal(&tarball), code, "{what}");
    }
}

#[test]
fn a_name_in_a_damaged_header_reaches_no_terminal_as_it_is() {
    for name in [&b"package/\x1b[2Jgone"[..], b"package/\x07\n\xc2\x9b31m"] {
        let mut header = member(name, b'0', b"");
        header[148..156].copy_from_slice(b"no sum!!");
        let refusal = inspect(&with(&[header])).unwrap_err();
        assert_eq!(refusal.code, "archive_damaged");
        assert!(refusal.message.contains("package/") && !refusal.message.chars().any(char::is_control), "{:?}", refusal.message);
    }
}

#[test]
fn a_huge_extension_header_is_refused_before_it_is_read() {
    for kind in [b'x', b'L', b'g'] {
        // Says 8 GiB less a byte, and has nothing: a reader that allocates by the header pays for it.
        let mut bytes = member(b"x", kind, b"");
        bytes[124..135].copy_from_slice(b"77777777777");
        let mut header = tar::Header::from_byte_slice(&bytes[..512]).clone();
        header.set_cksum();
        bytes[..512].copy_from_slice(header.as_bytes());
        assert_eq!(refusal(&with(&[bytes])), "archive_extension_too_large");
    }
}

#[test]
fn limits_of_the_archive_hold_on_both_sides() {
    let default = ArchiveLimits::default();
    let check = |limits: ArchiveLimits, tarball: &[u8]| inspect_with(&Npm::with_limits(limits), tarball).map(|_| ()).map_err(|e| e.code);

    let plain = with(&[file("package/a")]);
    let bytes = 4 * 512 + 1024;
    assert_eq!(check(ArchiveLimits { unpacked_bytes: bytes, ..default }, &plain), Ok(()));
    assert_eq!(check(ArchiveLimits { unpacked_bytes: bytes - 1, ..default }, &plain), Err("archive_too_large"));
    assert_eq!(check(ArchiveLimits { members: 2, ..default }, &plain), Ok(()));
    assert_eq!(check(ArchiveLimits { members: 1, ..default }, &plain), Err("archive_too_many_members"));

    let deep = with(&[file("package/a/b/c")]);
    assert_eq!(check(ArchiveLimits { path_segments: 4, ..default }, &deep), Ok(()));
    assert_eq!(check(ArchiveLimits { path_segments: 3, ..default }, &deep), Err("archive_path_too_long"));
    let longest = "package/package.json".len();
    assert_eq!(check(ArchiveLimits { path_bytes: longest, ..default }, &deep), Ok(()));
    assert_eq!(check(ArchiveLimits { path_bytes: longest - 1, ..default }, &deep), Err("archive_path_too_long"));

    // One name, folded and as spelled, and what an entry costs.
    let index = 2 * "package.json".len() + 64 + 2 * "a".len() + 64;
    assert_eq!(check(ArchiveLimits { index_bytes: index, ..default }, &plain), Ok(()));
    assert_eq!(check(ArchiveLimits { index_bytes: index - 1, ..default }, &plain), Err("archive_too_many_members"));

    let extended = with(&[pax(&[("comment", "xxxx")]), file("package/a")]);
    assert_eq!(check(ArchiveLimits { extension_bytes: 16, ..default }, &extended), Ok(()));
    assert_eq!(check(ArchiveLimits { extension_bytes: 15, ..default }, &extended), Err("archive_extension_too_large"));
}

#[test]
fn a_bomb_is_left_at_the_limit() {
    // 64 MiB of zeros in one member, 64 KiB compressed: with a limit of 1 MiB it must stop early, skipping included.
    let bomb = with(&[member(b"package/zeros", b'0', &vec![0; 64 << 20])]);
    let limits = ArchiveLimits { unpacked_bytes: 1 << 20, ..ArchiveLimits::default() };
    assert_eq!(inspect_with(&Npm::with_limits(limits), &bomb).unwrap_err().code, "archive_too_large");
    let json = with(&[]).len();
    assert!(json < 1_000);
}

#[test]
fn limits_of_package_json_and_readme_hold_on_both_sides() {
    use deedbox_npm::limits;
    let json = package_json("1.0.0", "");
    let padded = |n: u64| format!("{json}{}", " ".repeat(n as usize - json.len()));
    assert!(inspect(&tarball(&[("package.json", padded(limits::PACKAGE_JSON_BYTES).as_bytes())])).is_ok());
    assert_eq!(refusal(&tarball(&[("package.json", padded(limits::PACKAGE_JSON_BYTES + 1).as_bytes())])), "package_json_too_large");

    let readme = |n: u64| inspect(&tarball(&[("package.json", json.as_bytes()), ("README.md", &vec![b'x'; n as usize])])).unwrap();
    let kept = readme(limits::README_BYTES);
    assert_eq!(kept.readme.map(|r| r.len() as u64), Some(limits::README_BYTES));
    assert!(kept.manifest.metadata.readme.is_some());
    let left = readme(limits::README_BYTES + 1);
    assert_eq!((left.readme, left.manifest.metadata.readme), (None, None));

    let scripts = |n: usize| package_json("1.0.0", &format!(",\"scripts\":{{\"x\":\"{}\"}}", "y".repeat(n)));
    assert!(inspect(&tarball(&[("package.json", scripts(limits::NATIVE_BYTES - 100).as_bytes())])).is_ok());
    assert_eq!(refusal(&tarball(&[("package.json", scripts(limits::NATIVE_BYTES).as_bytes())])), "package_json_too_much");
}

#[test]
fn a_release_is_one_tarball_of_a_bounded_size() {
    use deedbox_view::{ArtifactSource, Dialect, Said};
    struct Huge(u64);
    impl ArtifactSource for Huge {
        fn name(&self) -> &str {
            "huge.tgz"
        }
        fn size(&self) -> u64 {
            self.0
        }
        fn digests(&self) -> deedbox_model::Digests {
            deedbox_model::Hasher::of(b"").1
        }
        fn open(&self) -> std::io::Result<Box<dyn std::io::Read + '_>> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let npm = Npm::new();
    assert_eq!(npm.inspect(&Said::default(), &[]).unwrap_err().code, "artifact_count");
    assert_eq!(npm.inspect(&Said::default(), &[&Huge(1), &Huge(1)]).unwrap_err().code, "artifact_count");
    assert_eq!(npm.inspect(&Said::default(), &[&Huge(deedbox_npm::limits::TARBALL_BYTES)]).unwrap_err().code, "artifact_unreadable");
    assert_eq!(npm.inspect(&Said::default(), &[&Huge(deedbox_npm::limits::TARBALL_BYTES + 1)]).unwrap_err().code, "tarball_too_large");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = inspect(&bytes);
        let _ = inspect(&gzip(&bytes));
    }

    #[test]
    fn no_change_of_a_few_bytes_makes_the_reader_panic_or_change_the_name(
        changes in proptest::collection::vec((0usize..4_096, any::<u8>()), 1..6)
    ) {
        let mut tar = [good(), pax(&[("path", "package/long")]), file("package/x"), vec![0; 1024]].concat();
        for (at, byte) in changes {
            let at = at % tar.len();
            tar[at] = byte;
        }
        if let Ok(inspection) = inspect(&gzip(&tar)) {
            prop_assert!(inspection.manifest.encode().is_ok());
        }
    }
}
