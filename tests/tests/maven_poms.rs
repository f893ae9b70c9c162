//! POMs as Maven's own reader takes them (Debian's Maven 3.8, plexus-utils' MXParser): encodings, declarations, document types,
//! entities, texts. What it refuses is refused here, and what it reads is read with the same letters, but for what a written rule of
//! spec/projections/maven.md §4 names.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use deedbox_maven::pom::Pom;
use deedbox_tests::{debian::debian, registry::Said};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A file for the reader, and the code by which it is refused here though Maven reads it.
struct Case {
    what: String,
    bytes: Vec<u8>,
    rule: Option<&'static str>,
}

const UTF_8: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

/// What stands before the outermost element, in it before its end, and after it; and the text of `<name>`.
fn pom(before: &str, name: &str, inside: &str, after: &str) -> String {
    format!(
        "{before}<project><modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>a</artifactId><version>1</version>\
         <name>{name}</name>{inside}</project>{after}"
    )
}

fn case(what: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Case {
    Case { what: what.into(), bytes: bytes.into(), rule: None }
}

fn but(rule: &'static str, what: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Case {
    Case { what: what.into(), bytes: bytes.into(), rule: Some(rule) }
}

/// A name in letters of one encoding, under its declaration.
fn declared(encoding: &str, letters: &[u8]) -> Vec<u8> {
    let text = pom(&format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>"), "NAME", "", "");
    let (before, after) = text.split_once("NAME").unwrap();
    [before.as_bytes(), letters, after.as_bytes()].concat()
}

fn encodings() -> Vec<Case> {
    let high: Vec<u8> = (0xa0..=0xff).collect();
    let mut cases = Vec::new();
    for name in [
        "ISO-8859-1",
        "iso-8859-2",
        "ISO-8859-4",
        "ISO-8859-5",
        "ISO-8859-9",
        "ISO-8859-13",
        "ISO-8859-15",
        "ISO-8859-16",
        "windows-1250",
        "windows-1251",
        "windows-1252",
        "windows-1254",
        "windows-1256",
        "KOI8-R",
        "IBM866",
        "Cp1252",
        "cp1251",
        "ISO8859_1",
        "ISO8859_15",
        "latin1",
        "Latin9",
        "l1",
        "ISO_8859-1",
    ] {
        cases.push(case(name, declared(name, &high)));
    }
    for (name, letters) in [
        ("ISO-8859-3", &b"\xb1\xe6"[..]),
        ("ISO-8859-6", b"\xd3\xe4"),
        ("ISO-8859-7", b"\xc1\xe8"),
        ("ISO-8859-8", b"\xf9\xec"),
        ("windows-1253", b"\xc1\xe8"),
        ("windows-1255", b"\xf9\xec"),
        ("windows-1257", b"\xd0\xf2"),
        ("windows-1258", b"\xe3\xf0"),
        ("windows-874", b"\xa1\xa2"),
        ("TIS-620", b"\xa1\xa2"),
        ("KOI8-U", b"\xa7\xd6"),
        ("Shift_JIS", b"\x93\xfa\x96\x7b"),
        ("SJIS", b"\x93\xfa"),
        ("MS932", b"\x93\xfa"),
        ("windows-31j", b"\x93\xfa"),
        ("EUC-JP", b"\xc6\xfc\xcb\xdc"),
        ("EUC_JP", b"\xc6\xfc"),
        ("ISO-2022-JP", b"\x1b$BF|\x1b(B"),
        ("EUC-KR", b"\xbe\xc8"),
        ("GB2312", b"\xc4\xe3"),
        ("GBK", b"\xc4\xe3"),
        ("GB18030", b"\xc4\xe3\x81\x30\x84\x36"),
        ("Big5", b"\xa7\x41"),
        ("UTF-8", b"\xc3\xa9"),
        ("utf8", b"\xc3\xa9"),
        ("UTF-8", b"\xff\xc3"),
        ("US-ASCII", b"e\xe9"),
        ("ASCII", b"e"),
        ("ISO-8859-1", b"\x80\x85\x9f"),
        ("ISO-8859-9", b"\x80\x85"),
        ("ISO-8859-15", b"\x80\x85"),
        ("windows-1252", b"\x80\x81\x8d"),
        ("x-MacRoman", b"\x8e"),
        ("HZ", b"x"),
        ("UTF-7", b"x"),
        ("ISO-8859-10", b"x"),
        ("ISO-8859-12", b"x"),
        ("ISO-8859-14", b"x"),
        ("nonsense", b"x"),
        ("ANSI", b"x"),
        ("x-user-defined", b"x"),
        ("replacement", b"x"),
        ("macintosh", b"x"),
        ("x-cp1252", b"x"),
        ("UTF-16", b"x"),
        ("UTF-16LE", b"x"),
        ("UTF-32", b"x"),
        ("", b"x"),
        ("8859_1", b"x"),
        ("ISO-8859-1 ", b"x"),
    ] {
        cases.push(case(format!("{name} {letters:x?}"), declared(name, letters)));
    }
    for name in ["IBM437", "Cp850", "ISO-2022-KR"] {
        cases.push(but("pom_encoding", name, declared(name, b"e")));
    }
    let wide = |text: &str, big: bool| -> Vec<u8> {
        text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    for (big, mark) in [(true, &b"\xfe\xff"[..]), (false, b"\xff\xfe")] {
        for declaration in [
            "",
            "<?xml version=\"1.0\"?>",
            UTF_8,
            "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
            "<?xml version=\"1.0\" encoding=\"UTF-16LE\"?>",
            "<?xml version=\"1.0\" encoding=\"UTF-16BE\"?>",
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>",
        ] {
            let text = wide(&pom(declaration, "\u{e9}\u{20ac}\u{1f600}", "", ""), big);
            cases.push(case(format!("two bytes, big {big}, mark, {declaration}"), [mark, &text].concat()));
            cases.push(case(format!("two bytes, big {big}, {declaration}"), text));
        }
    }
    for declaration in [
        "",
        UTF_8,
        "<?xml version=\"1.0\"?>",
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
    ] {
        cases.push(case(
            format!("mark of UTF-8, {declaration}"),
            [&b"\xef\xbb\xbf"[..], pom(declaration, "\u{e9}", "", "").as_bytes()].concat(),
        ));
    }
    cases
}

fn declarations() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "",
        "<?xml version='1.0' encoding='UTF-8'?>",
        "<?xml version=\"1.0\" standalone=\"yes\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>",
        "<?xml  version = \"1.0\"  encoding = \"UTF-8\"  ?>",
        "<?xml\nversion=\"1.0\"\n?>",
        "<?xml version=\"1.1\"?>",
        "<?xml version=\"1.00\"?>",
        "<?xml version=\"2.0\"?>",
        "<?xml version=\" 1.0\"?>",
        "<?xml version=\"1.0\" standalone=\"maybe\"?>",
        "<?xml encoding=\"UTF-8\"?>",
        "<?xml encoding=\"UTF-8\" version=\"1.0\"?>",
        "<?xml version=\"1.0\" foo=\"x\"?>",
        "<?xml version=\"1.0\"encoding=\"UTF-8\"?>",
        "<?xml version=1.0?>",
        "<?xml version=\"1.0\">",
        "<?xml version=\"1.0'?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" encoding=\"UTF-8\"?>",
        "\n  <?xml version=\"1.0\"?>",
        "\r\n<?xml version=\"1.0\"?>",
        "<!-- x --><?xml version=\"1.0\"?>",
        "<?xml version=\"1.0\"?><?xml version=\"1.0\"?>",
        "<?XML version=\"1.0\"?>",
        "<?xml-stylesheet href=\"x\"?>",
        "<?php x?>",
        "x",
        " \n",
        "&#32;",
        "<![CDATA[]]>",
        "<!-- x -->",
    ]
    .map(|before| case(format!("before: {before:?}"), pom(before, "N", "", "")))
    .into();
    for before in [" <?xml version=\"1.0\"?>", "\n<?xml version=\"1.0\"?>", "<?xml?>"] {
        cases.push(but("pom_malformed", format!("before: {before:?}"), pom(before, "N", "", "")));
    }
    for after in ["x", " \n", "<!-- x -->", "<?a b?>", "<project/>", "<![CDATA[x]]>", "&amp;", "&#32;", "<?xml version=\"1.0\"?>"] {
        cases.push(case(format!("after: {after}"), pom(UTF_8, "N", "", after)));
    }
    for doctype in [
        "<!DOCTYPE project>",
        "<!DOCTYPE project SYSTEM \"x.dtd\">",
        "<!DOCTYPE project PUBLIC \"a\" 'b'>",
        "<!-- c --><!DOCTYPE project>\n",
        "<!DOCTYPE html>",
        "<!doctype project>",
        "<!DOCTYPE project><!DOCTYPE project>",
        "<!DOCTYPE project SYSTEM \"a>b\">",
    ] {
        cases.push(case(doctype, pom(&format!("{UTF_8}{doctype}"), "N", "", "")));
    }
    for doctype in
        ["<!DOCTYPE project []>", "<!DOCTYPE project [<!ENTITY e \"x\">]>", "<!DOCTYPE project <x>", "<!DOCTYPE project SYSTEM \"a[b]\">"]
    {
        cases.push(but("pom_document_type", doctype, pom(&format!("{UTF_8}{doctype}"), "N", "", "")));
    }
    cases.push(but("pom_malformed", "a type without a name", pom("<!DOCTYPE>", "N", "", "")));
    cases.push(case("a type that makes an entity", pom("<!DOCTYPE project [<!ENTITY e \"x\">]>", "&e;", "", "")));
    cases.push(case("a type inside", pom("", "N", "<!DOCTYPE project>", "")));
    cases.push(but("pom_document_type", "a type at the end", pom("", "N", "", "<!DOCTYPE project>")));
    cases
}

fn texts() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "&nbsp;&ouml;&Ouml;&euro;&hellip;&Alpha;&thetasym;&lang;&loz;",
        "&lt;&amp;&gt;&quot;&apos;&#65;&#x41;&#x1f600;",
        "&LT;",
        "&foo;",
        "&;",
        "a&b",
        "&#0;",
        "&#1;",
        "&#xfffe;",
        "&#xd800;",
        "&#X41;",
        "&#x110000;",
        "a]]>b",
        "a<b",
        "<![CDATA[a&b]]>",
        "a<!-- x -->b",
        "a<!-- x -- y -->b",
        "a<!--x--->b",
        "<b>x</b>",
        "a<?x y?>b",
        "\u{a0}a\u{2003}",
        "\u{1f600}",
        "",
        " a ",
    ]
    .map(|name| case(format!("text: {name}"), pom(UTF_8, name, "", "")))
    .into();
    for inside in [
        "<foo>&bar;</foo>",
        "<foo x=\"&bar;\"/>",
        "<foo x=\"&nbsp;\"/>",
        "<foo x=\"<\"/>",
        "<foo x=\"1\" x=\"2\"/>",
        "<foo x=1/>",
        "<foo x/>",
        "<foo x='&'/>",
        "<foo x='1' y='2'/>",
        "<x:foo>y</x:foo>",
        "<foo>",
        "<foo></bar>",
        "<1a/>",
        "<-a/>",
        "<a@b/>",
        "< ",
        "<!- a ->",
        "<url/>",
        "<url>u</url >",
        "<url>u</url x>",
        "<name>M</name>",
        "<groupId>g</groupId>",
        "<description>a</description><description>b</description>",
        "<url>a</url><url>b</url>",
        "<description><b>x</b></description>",
        "<licenses><license><name>A</name></license><license><name>B</name></license></licenses>",
        "<scm><url>a</url></scm><scm><url>a</url></scm>",
        "stray",
        "<\u{e9}/>",
        "<developers><developer><name>J&ouml;rg</name></developer></developers>",
        "<!-- &bar; -->",
        "<![CDATA[&bar;]]>",
    ] {
        cases.push(case(format!("inside: {inside}"), pom(UTF_8, "N", inside, "")));
    }
    cases.push(but("pom_too_deep", "deep", pom(UTF_8, "N", &format!("{}{}", "<x>".repeat(80), "</x>".repeat(80)), "")));
    cases
}

/// What Maven says of each file: the coordinate and the name, or nothing.
fn maven(folder: &Path, cases: &[Case]) -> BTreeMap<usize, Option<String>> {
    debian(&["maven", "default-jdk-headless"]).unwrap();
    let mut files = Vec::new();
    for (n, case) in cases.iter().enumerate() {
        let file = folder.join(n.to_string());
        fs::write(&file, &case.bytes).unwrap();
        files.push(file);
    }
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/Poms.java");
    let mut java = Command::new("java");
    java.args(["-Dfile.encoding=UTF-8", "-cp", "/usr/share/maven/lib/*"]).arg(program).args(files);
    let said = Said::of(&mut java).unwrap().done().unwrap().out;
    let line = |line: &str| {
        let (n, said) = line.split_once('\t').unwrap();
        (n.parse().unwrap(), said.strip_prefix("read\t").map(str::to_owned))
    };
    said.lines().map(line).collect()
}

/// Our reading, as the Java program prints it.
fn ours(pom: &Pom) -> String {
    let letter = |unit: u16| match u8::try_from(unit) {
        Ok(b' '..=b'~') => char::from_u32(unit.into()).unwrap().to_string(),
        _ => format!("{{{unit:04x}}}"),
    };
    let name: String = pom.name.as_deref().unwrap_or_default().encode_utf16().map(letter).collect();
    format!("{}:{}:{}\t{name}", pom.group, pom.artifact, pom.version)
}

/// Letters that a name is shown without: white space and control characters become one space, and none at the ends.
fn shown(said: &str) -> String {
    let mut said = said.to_owned();
    for unit in (0..0x20).chain([0x7f]).chain(0x80..0xa1).chain([0x1680, 0x2003, 0x2028, 0x3000]) {
        said = said.replace(&format!("{{{unit:04x}}}"), " ");
    }
    let (coordinate, name) = said.split_once('\t').unwrap();
    format!("{coordinate}\t{}", name.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

#[test]
fn poms_are_read_and_refused_as_maven_reads_and_refuses_them() {
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<Case> = [encodings(), declarations(), texts()].into_iter().flatten().collect();
    let said = maven(folder.path(), &cases);
    assert_eq!(said.len(), cases.len());
    let mut wrong = Vec::new();
    let (mut read, mut refused) = (0, 0);
    for (n, case) in cases.iter().enumerate() {
        match (&said[&n], Pom::read(&case.bytes), case.rule) {
            (Some(theirs), Ok(pom), None) if shown(theirs) == shown(&ours(&pom)) => read += 1,
            (None, Err(_), None) => refused += 1,
            (Some(_), Err(bad), Some(rule)) if bad.code == rule => refused += 1,
            (theirs, ours_read, rule) => {
                let ours = ours_read.map(|pom| ours(&pom)).map_err(|bad| format!("{}: {}", bad.code, bad.message));
                wrong.push(format!("{}: Maven {theirs:?}, here {ours:?}, rule {rule:?}", case.what));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read > 60 && refused > 60, "{read} read, {refused} refused");
}
