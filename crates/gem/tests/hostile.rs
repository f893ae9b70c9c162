//! Hostile gems: each way in which two programs could read one gem differently, or be worn out by it, is refused with
//! its own code (spec/projections/gem.md §4).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, its helpers too"
)]

mod common;

use common::*;
use deedbox_gem::limits::{FILES, INFO_LINE_BYTES, METADATA_BYTES};
use deedbox_gem::{ArchiveLimits, Gem};
use deedbox_model::Value;
use deedbox_testkit::folding::Bytes;
use deedbox_view::{Dialect as _, Said};
use proptest::prelude::*;

fn widget() -> Source {
    Source::new("widget", "1.0.0")
}

fn code(gem: &[u8]) -> &'static str {
    code_of(&[Bytes::new("widget-1.0.0.gem", gem)])
}

fn code_of(gems: &[Bytes]) -> &'static str {
    match inspect(gems) {
        Ok(_) => "ok",
        Err(refusal) => {
            assert!(refusal.message.contains(' ') && refusal.message.len() < 1_000, "{}", refusal.message);
            assert!(!refusal.message.chars().any(char::is_control), "{:?}", refusal.message);
            refusal.code
        }
    }
}

/// A gem with this metadata.
fn with_yaml(from: &str, to: &str) -> Vec<u8> {
    let yaml = widget().yaml();
    assert!(yaml.contains(from), "{from}");
    gem_of(&yaml.replacen(from, to, 1), &data(&widget().files))
}

/// A gem with these members in its data.
fn with_data(members: &[Vec<u8>]) -> Vec<u8> {
    gem_of(&widget().yaml(), &gzip(&tar_of(members)))
}

/// A gem of these members.
fn with_members(change: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let (metadata, data) = (gzip(widget().yaml().as_bytes()), data(&widget().files));
    let sums = checksums(&metadata, &data);
    let mut members =
        vec![member("metadata.gz", b'0', &metadata), member("data.tar.gz", b'0', &data), member("checksums.yaml.gz", b'0', &sums)];
    change(&mut members);
    tar_of(&members)
}

fn file(path: &str) -> Vec<u8> {
    member(path, b'0', b"x")
}

#[test]
fn what_gem_build_makes_is_read_and_so_are_links_that_stay_inside() {
    assert_eq!(code(&widget().gem()), "ok");
    assert_eq!(code(&with_members(|members| members.truncate(2))), "ok", "checksums may be missing");
    assert_eq!(code(&with_members(|members| members.push(file("data.tar.gz.sig")))), "ok", "a signature");
    assert_eq!(
        code(&with_data(&[file("lib/a.so.1"), link("lib/a.so", b'2', "a.so.1", b""), link("top", b'2', "./lib/../lib", b"")])),
        "ok"
    );
    assert_eq!(code(&with_data(&[member("lib/", b'5', b""), file("lib/x")])), "ok");
    assert_eq!(code(&with_data(&[])), "ok", "a gem without files");
}

#[test]
fn what_ruby_reads_as_a_text_is_one_however_it_is_written() {
    let native = |from: &str, to: &str, field: &str| {
        let inspection = inspect(&[Bytes::new("widget-1.0.0.gem", with_yaml(from, to))]).unwrap();
        let Some(Value::List(gems)) = inspection.manifest.native.get("gems") else { panic!("no gems") };
        gems[0].get(field).and_then(Value::as_text).map(str::to_owned)
    };
    let summary = "summary: A w\u{ef}dget";
    for (written, expected) in [
        ("summary: !binary |-\n  Y2Fmw6kgdG9vbHM=", "caf\u{e9} tools"),
        ("summary: !!binary Sm9z6Q==", "Jos\u{fffd}"),
        ("summary: !!str x", "x"),
        ("summary: \"tab\\there\\abell \\e[31m\"", "tab\there\u{7}bell \u{1b}[31m"),
    ] {
        assert_eq!(native(summary, written, "summary").as_deref(), Some(expected), "{written}");
    }
    assert_eq!(native("name: widget", "name: !binary d2lkZ2V0", "name").as_deref(), Some("widget"));
    assert_eq!(native("- lib/x.rb", "- !binary |-\n  bGliL2NhZsOpLnJi", "name").as_deref(), Some("widget"), "a file's name");
    let cleaned = inspect(&[Bytes::new("widget-1.0.0.gem", with_yaml(summary, "summary: \"a\\abell\\e[31m\""))]).unwrap();
    assert_eq!(cleaned.manifest.metadata.description.as_deref(), Some("a bell [31m"), "what people read elsewhere");
}

#[test]
fn a_platform_that_rubygems_shortens_names_the_file_either_way() {
    for (written, short) in [
        ("x86_64-linux-gnu", "x86_64-linux"),
        ("arm-linux-gnueabihf", "arm-linux"),
        ("i686-linux", "x86-linux"),
        ("x86_64-darwin20", "x86_64-darwin-20"),
        ("jruby", "java"),
    ] {
        let gem = widget().on(written);
        for name in [format!("widget-1.0.0-{written}.gem"), format!("widget-1.0.0-{short}.gem")] {
            let inspection = inspect(&[Bytes::new(&name, gem.gem())]).unwrap();
            assert_eq!(inspection.manifest.artifacts[0].name, name);
        }
        let both =
            [Bytes::new(&format!("widget-1.0.0-{written}.gem"), gem.gem()), Bytes::new(&format!("widget-1.0.0-{short}.gem"), gem.gem())];
        assert_eq!(code_of(&both), "gem_platform_twice", "{written}");
        assert_eq!(code_of(&[Bytes::new("widget-1.0.0-x86_64-linux-musl.gem", gem.gem())]), "gem_file_name");
    }
    let exact = [widget().on("x86_64-linux-gnu").bytes(), widget().on("x86_64-linux").bytes(), widget().on("x86_64-linux-musl").bytes()];
    assert_eq!(code_of(&exact), "ok");
}

#[test]
fn every_hostile_gem_is_refused_with_its_code() {
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("archive_path_escapes", "absolute", with_data(&[file("/etc/passwd")])),
        ("archive_path_escapes", "parent", with_data(&[file("lib/../../x")])),
        ("archive_path_unsafe", "dot", with_data(&[file("./lib/x")])),
        ("archive_path_unsafe", "backslash", with_data(&[file("lib\\x")])),
        ("archive_path_unsafe", "stream", with_data(&[file("lib/a.rb:b")])),
        ("archive_path_unsafe", "device", with_data(&[file("lib/aux.rb")])),
        ("archive_path_unsafe", "dot at the end", with_data(&[file("lib/a.")])),
        ("archive_path_unsafe", "direction", with_data(&[file("lib/a\u{202e}b")])),
        ("archive_members_collide", "composed and not", with_data(&[file("lib/\u{e9}"), file("lib/e\u{301}")])),
        ("archive_link", "a link to a device", with_data(&[link("x", b'2', "con.txt", b"")])),
        ("archive_link", "a link out", with_data(&[link("lib/x", b'2', "../../etc", b"")])),
        ("archive_link", "an absolute link", with_data(&[link("x", b'2', "/etc/passwd", b"")])),
        ("archive_link", "through another link", with_data(&[link("d/up", b'2', "..", b""), link("x", b'2', "d/up/../etc", b"")])),
        ("archive_link", "hard link", with_data(&[link("x", b'1', "lib/x", b"")])),
        ("archive_members_collide", "a file below a link", with_data(&[link("x", b'2', "lib", b""), file("x/y")])),
        ("archive_members_collide", "capitals", with_data(&[file("lib/A"), file("lib/a")])),
        ("archive_duplicate_member", "a file twice", with_data(&[file("a"), file("a")])),
        ("archive_duplicate_member", "a link over a file", with_data(&[file("a"), link("a", b'2', "b", b"")])),
        ("archive_device", "device", with_data(&[member("d", b'3', b"")])),
        ("archive_extension", "pax", with_data(&[member("x", b'x', b"18 path=../../../x\n"), file("a")])),
        ("archive_extension", "a GNU long name", with_data(&[member("x", b'L', b"../x\0"), file("a")])),
        ("archive_header", "a link with a size", with_data(&[link("a", b'2', "b", b"x")])),
        ("archive_extension", "pax outside", with_members(|members| members.insert(0, member("x", b'x', b"18 path=data.tar.gz\n")))),
        ("archive_two_manifests", "metadata twice", with_members(|members| members.push(members[0].clone()))),
        ("archive_two_manifests", "metadata in capitals", with_members(|members| members.push(file("Metadata.gz")))),
        ("archive_duplicate_member", "data twice", with_members(|members| members.push(members[1].clone()))),
        ("gem_member", "old metadata beside the new", with_members(|members| members.push(file("metadata")))),
        ("gem_member", "a folder's file", with_members(|members| members.push(file("lib/x.rb")))),
        ("archive_link", "a link as data", with_members(|members| members[1] = link("data.tar.gz", b'2', "metadata.gz", b""))),
        ("gem_metadata_missing", "no metadata", with_members(|members| drop(members.remove(0)))),
        ("gem_data_missing", "no data", with_members(|members| drop(members.drain(1..)))),
        ("gem_metadata_missing", "nothing", Vec::new()),
        ("archive_damaged", "a text", b"<html>not found</html>".repeat(40)),
        ("archive_data_after_end", "members after the end mark", [widget().gem(), file("x")].concat()),
        (
            "gem_checksums",
            "another metadata",
            with_members(|members| members[0] = member("metadata.gz", b'0', &gzip(format!("{}\n", widget().yaml()).as_bytes()))),
        ),
        ("gem_checksums", "another data", with_members(|members| members[1] = member("data.tar.gz", b'0', &data(&[])))),
        (
            "gem_checksums",
            "of a file that is not there",
            with_members(|members| members[2] = member("checksums.yaml.gz", b'0', &gzip(b"SHA256:\n  x: y\n"))),
        ),
        ("gem_checksums", "no map", with_members(|members| members[2] = member("checksums.yaml.gz", b'0', &gzip(b"- a\n")))),
        (
            "archive_bytes_after_gzip",
            "behind metadata",
            with_members(|members| {
                members.truncate(2);
                members[0] = member("metadata.gz", b'0', &[gzip(widget().yaml().as_bytes()), gzip(b"name: other")].concat());
            }),
        ),
        (
            "archive_bytes_after_gzip",
            "behind data",
            with_members(|members| {
                members.truncate(2);
                members[1] = member("data.tar.gz", b'0', &[data(&[]), vec![0]].concat());
            }),
        ),
        ("archive_not_gzip", "data that is not gzip", with_members(|members| members[1] = file("data.tar.gz"))),
        ("archive_damaged", "metadata that is not gzip", with_members(|members| members[0] = file("metadata.gz"))),
        (
            "gem_metadata_too_large",
            "a bomb",
            with_members(|members| {
                members[0] = member("metadata.gz", b'0', &gzip(&vec![b' '; METADATA_BYTES as usize + 1]));
            }),
        ),
        ("gem_yaml_tag", "another root", with_yaml("!ruby/object:Gem::Specification", "!ruby/object:Gem::Installer")),
        ("gem_yaml_tag", "an object", with_yaml("homepage: https://acme.example", "homepage: !ruby/object:Net::BufferedIO\n  io: x")),
        ("gem_yaml_tag", "a hash with a class", with_yaml("metadata:\n", "metadata: !ruby/hash:ActionController::Routing\n")),
        (
            "gem_yaml_tag",
            "a version elsewhere",
            with_yaml("homepage: https://acme.example", "homepage: !ruby/object:Gem::Version\n  version: 1"),
        ),
        ("gem_yaml_tag", "a regular expression", with_yaml("summary: A w\u{ef}dget", "summary: !ruby/regexp /a/")),
        ("gem_yaml_alias", "an alias", with_yaml("email: ann@acme.example", "email: &a x\nsigner: *a")),
        ("gem_yaml_duplicate_key", "a second name", with_yaml("name: widget", "name: widget\nname: other")),
        ("gem_yaml_malformed", "a second document", with_yaml("test_files: []\n", "test_files: []\n---\nname: other\n")),
        ("gem_name", "no name", with_yaml("name: widget", "name:")),
        ("gem_name", "a symbol", with_yaml("name: widget", "name: :widget")),
        ("gem_name", "a path", with_yaml("name: widget", "name: ../widget")),
        ("gem_file_name", "another name", with_yaml("name: widget", "name: other")),
        ("gem_version", "a number", with_yaml("version: '1.0.0'", "version: 1.0")),
        ("gem_version", "a hyphen", with_yaml("version: '1.0.0'", "version: '1.0.0-rc1'")),
        ("gem_file_name", "another version", with_yaml("version: '1.0.0'", "version: '1.0.1'")),
        ("gem_platform", "an unknown platform", with_yaml("platform: ruby", "platform: x86_64-plan9")),
        ("gem_platform", "a version of a system that has none", with_yaml("platform: ruby", "platform: x64-cygwin-2")),
        ("gem_file_name", "a platform that is written otherwise", with_yaml("platform: ruby", "platform: x86_64-linux-gnu")),
        ("gem_yaml_tag", "a set", with_yaml("authors:\n", "authors: !!set\n")),
        ("gem_yaml_tag", "a symbol", with_yaml("summary: A w\u{ef}dget", "summary: !ruby/sym a")),
        ("gem_name", "base64 of another name", with_yaml("name: widget", "name: !binary Lg==")),
        ("gem_file_name", "another platform", with_yaml("platform: ruby", "platform: java")),
        ("gem_id", "another package", with_yaml("deedbox_id: gem:acme.example/widget", "deedbox_id: gem:acme.example/other")),
        ("gem_name", "another ecosystem", with_yaml("deedbox_id: gem:acme.example/widget", "deedbox_id: npm:acme.example/widget")),
        ("gem_id", "no id", with_yaml("deedbox_id: gem:acme.example/widget", "deedbox_id: widget")),
        ("gem_no_id", "nobody's", gem_of(&Source { id: None, ..widget() }.yaml(), &data(&[]))),
        ("gem_metadata_field", "a list as a text", with_yaml("homepage: https://acme.example", "homepage: []")),
        ("gem_metadata_field", "a foreign operator", with_yaml("- - \">=\"", "- - \"^\"")),
    ];
    for (expected, what, gem) in cases {
        assert_eq!(code(&gem), expected, "{what}");
    }
}

/// A file that may not be asked for more once it has said that there is none.
struct Once(Bytes);

impl deedbox_view::ArtifactSource for Once {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn size(&self) -> u64 {
        self.0.size()
    }
    fn digests(&self) -> deedbox_model::Digests {
        self.0.digests()
    }
    fn open(&self) -> std::io::Result<Box<dyn std::io::Read + '_>> {
        struct Reader<R>(R, bool);
        impl<R: std::io::Read> std::io::Read for Reader<R> {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                assert!(!self.1, "asked again after the end");
                let n = self.0.read(buf)?;
                self.1 = n == 0;
                Ok(n)
            }
        }
        Ok(Box::new(Reader(self.0.open()?, false)))
    }
}

#[test]
fn the_end_of_a_file_is_asked_for_once() {
    Gem::new().inspect(&Said::default(), &[&Once(widget().bytes())]).unwrap();
}

#[test]
fn several_gems_are_one_release_only_if_they_agree() {
    let java = || widget().on("java");
    assert_eq!(code_of(&[widget().bytes(), java().bytes()]), "ok");
    assert_eq!(code_of(&[]), "artifact_count");
    assert_eq!(code_of(&vec![widget().bytes(); FILES + 1]), "artifact_count");
    assert_eq!(code_of(&[widget().bytes(), widget().bytes()]), "gem_platform_twice");
    assert_eq!(code_of(&[widget().bytes(), Source { version: "1.0.1".into(), ..java() }.bytes()]), "gem_not_one_release");
    assert_eq!(code_of(&[widget().bytes(), Source { name: "other".into(), ..java() }.bytes()]), "gem_not_one_release");
    assert_eq!(code_of(&[widget().bytes(), Source { id: None, ..java() }.bytes()]), "gem_not_one_release");
}

#[test]
fn the_order_in_which_files_are_given_does_not_matter() {
    let gems = [widget().on("x86_64-linux").bytes(), widget().bytes(), widget().on("java").bytes()];
    let one = inspect(&gems).unwrap();
    let mut turned = gems.to_vec();
    turned.reverse();
    assert_eq!(one, inspect(&turned).unwrap());
    let names: Vec<_> = one.manifest.artifacts.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["widget-1.0.0-java.gem", "widget-1.0.0-x86_64-linux.gem", "widget-1.0.0.gem"]);
    one.manifest.encode().unwrap();
    assert_eq!(one.manifest.native_version.as_str(), "1");
}

#[test]
fn what_is_said_names_a_gem_that_does_not_say_it_itself() {
    let silent = Source { id: None, ..widget() }.bytes();
    let inspect = |bytes: &Bytes, id: &str| {
        let id = deedbox_model::PackageId::parse(id).unwrap();
        Gem::new().inspect(&Said { id: Some(&id), version: None }, &[bytes]).map(|i| i.manifest.id.to_string()).map_err(|e| e.code)
    };
    assert_eq!(inspect(&silent, "gem:deep.acme.example/widget"), Ok("gem:deep.acme.example/widget".to_owned()));
    assert_eq!(inspect(&silent, "gem:acme.example/other"), Err("gem_id"));
    assert_eq!(inspect(&silent, "npm:acme.example/widget"), Err("gem_name"));
    assert_eq!(inspect(&widget().bytes(), "gem:other.example/widget"), Ok(WIDGET.to_owned()), "the bytes go first; the caller compares");
}

#[test]
fn limits_hold_on_both_sides() {
    let mut source = widget();
    while source.dependencies.matches("Dependency").count() < 150 {
        let name = format!("d{}{}", source.dependencies.len(), "x".repeat(30));
        source = source.needs(&name, &[(">=", "1")], "runtime");
    }
    assert!(source.yaml().len() < METADATA_BYTES as usize);
    assert_eq!(code(&source.gem()), "ok");
    for _ in 0..60 {
        let name = format!("d{}{}", source.dependencies.len(), "x".repeat(30));
        source = source.needs(&name, &[(">=", "1")], "runtime");
    }
    assert!(source.dependencies.len() > INFO_LINE_BYTES);
    assert_eq!(code(&source.gem()), "gem_too_many_dependencies");

    let small = Gem::with_limits(ArchiveLimits { unpacked_bytes: 4 * 512, ..ArchiveLimits::default() });
    let inspect = |files: usize| {
        let source = Source { files: vec![("a", vec![0; files])], ..widget() };
        small.inspect(&Said::default(), &[&source.bytes()]).map(|_| ()).map_err(|e| e.code)
    };
    assert_eq!(inspect(512), Ok(()));
    assert_eq!(inspect(64 << 20), Err("archive_too_large"), "a bomb is left at the limit");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = inspect(&[Bytes::new("widget-1.0.0.gem", bytes)]);
    }

    #[test]
    fn no_change_of_a_few_bytes_changes_the_name(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut gem = widget().gem();
        for (at, byte) in changes {
            let at = at.index(gem.len());
            gem[at] = byte;
        }
        if let Ok(inspection) = inspect(&[Bytes::new("widget-1.0.0.gem", gem)]) {
            prop_assert_eq!(inspection.manifest.id.as_str(), WIDGET);
            prop_assert_eq!(inspection.manifest.version.as_str(), "1.0.0");
        }
    }

    #[test]
    fn no_metadata_makes_the_reader_panic(from in any::<prop::sample::Index>(), to in "[-:!&*?|>\\[\\]{}'\" \na1]{0,12}") {
        let mut yaml = widget().yaml();
        let mut at = from.index(yaml.len());
        while !yaml.is_char_boundary(at) {
            at -= 1;
        }
        yaml.insert_str(at, &to);
        let _ = code(&gem_of(&yaml, &data(&[])));
    }
}
