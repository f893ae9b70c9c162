//! What is read, and what is refused to be read, case by case.

use super::*;

const WIDGET: &str = "node_modules/@acme.example/widget";

fn sri(byte: u8) -> String {
    format!("sha512-{}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [byte; 64]))
}

/// The entry of a good package, with fields put over it as JSON members.
fn entry(more: &str) -> String {
    let mut fields: Map<String, Value> = serde_json::from_str(&format!(
        r#"{{"version":"1.0.0","resolved":"https://registry.example/npm/@acme.example/widget/-/widget-1.0.0.tgz","integrity":"{}"}}"#,
        sri(1)
    ))
    .unwrap();
    let more: Map<String, Value> = serde_json::from_str(&format!("{{{more}}}")).unwrap();
    for (key, value) in more {
        // A field that is set to "-" is taken away.
        if value == Value::String("-".to_owned()) {
            fields.remove(&key)
        } else {
            fields.insert(key, value)
        };
    }
    Value::Object(fields).to_string()
}

use serde_json::{Map, Value};

fn lock(packages: &[(&str, &str)]) -> String {
    let packages: Vec<String> = packages.iter().map(|(path, entry)| format!("{}:{entry}", Value::String((*path).to_owned()))).collect();
    format!(r#"{{"name":"app","lockfileVersion":3,"packages":{{{}}}}}"#, packages.join(","))
}

/// Why the entry at a path is not read; empty if it is a release.
fn why(lock: &str, path: &str) -> String {
    let locked = read(lock.as_bytes()).unwrap_or_else(|e| panic!("{e}: {lock}"));
    let found = locked.into_iter().find(|locked| locked.path == path).unwrap_or_else(|| panic!("{path} is not listed: {lock}"));
    match found.source {
        Source::Unread(why) => why,
        Source::Release(_) => String::new(),
        other => format!("{other:?}"),
    }
}

#[test]
fn every_installed_package_is_found_and_nothing_else() {
    let gear = entry(&format!(r#""name":"@acme.example/gear","version":"2.0.0","integrity":"sha1-{}= {}""#, "A".repeat(27), sri(2)));
    let lock = lock(&[
        ("", r#"{"name":"app","version":"1.0.0","workspaces":["packages/*"]}"#),
        ("packages/own", r#"{"version":"1.0.0"}"#),
        ("node_modules/own", r#"{"resolved":"packages/own","link":true}"#),
        (WIDGET, &entry("")),
        ("node_modules/a", r#"{"version":"1.0.0"}"#),
        ("node_modules/a/node_modules/alias", &gear),
        ("node_modules/left", r#"{"version":"1.3.0","integrity":"sha1-AAAA"}"#),
        ("node_modules/a/node_modules/inner", r#"{"version":"1.0.0","inBundle":true}"#),
    ]);
    let locked = read(lock.as_bytes()).unwrap();
    let seen: Vec<_> = locked.iter().map(|l| (l.name.as_str(), l.release().map(|r| (r.id.as_str(), r.sha512)))).collect();
    assert_eq!(
        seen,
        [
            ("@acme.example/widget", Some(("npm:acme.example/widget", Sha512Digest([1; 64])))),
            ("a", None),
            ("@acme.example/gear", Some(("npm:acme.example/gear", Sha512Digest([2; 64])))),
            ("inner", None),
            ("left", None),
            ("own", None),
        ]
    );
    assert_eq!(locked[0].version.as_deref(), Some("1.0.0"));
    assert_eq!(locked[5].source, Source::Folder("packages/own".to_owned()));
    assert!(matches!(locked[4].source, Source::Elsewhere));
}

#[test]
fn an_entry_that_npm_reads_otherwise_is_unread_and_says_why() {
    assert_eq!(why(&lock(&[(WIDGET, &entry(""))]), WIDGET), "");
    let good = sri(1);
    let digest = good.strip_prefix("sha512-").unwrap();
    let integrity = |text: &str| format!(r#""integrity":{}"#, Value::String(text.to_owned()));
    let mut cases: Vec<(String, &str)> = vec![
        (r#""integrity":"-""#.into(), "names no digest"),
        (r#""integrity":null"#.into(), "integrity is not text"),
        (r#""integrity":5"#.into(), "integrity is not text"),
        (r#""integrity":["x"]"#.into(), "integrity is not text"),
        (integrity(""), "integrity has another form"),
        (integrity(&format!("{good}?x")), "integrity has another form"),
        (integrity(&format!("{good}?{}", sri(2))), "integrity has another form"),
        (integrity(&format!("{good} {good}")), "two sha512"),
        (integrity(&format!("{good} {}", sri(2))), "two sha512"),
        (integrity(&format!("{good}  ")), "integrity has another form"),
        (integrity(&format!("SHA512-{digest}")), "integrity has another form"),
        (integrity(&format!("sha512-{}", digest.trim_end_matches('='))), "integrity has another form"),
        (integrity(&format!("sha512-{}", digest.replace("Q==", "R=="))), "integrity has another form"),
        (integrity(&format!("{good} md5-AAAA")), "integrity has another form"),
        (integrity(&format!("sha1-{}=", "A".repeat(27))), "no sha512"),
        (integrity(&format!("sha512-{}", digest.replacen('A', "-", 1))), "integrity has another form"),
        (r#""version":"-""#.into(), "no version"),
        (r#""version":1"#.into(), "version is not text"),
        (r#""version":"1.0.0+build""#.into(), "without build metadata"),
        (r#""resolved":false"#.into(), "resolved is not text"),
        (r#""name":7"#.into(), "its name is not text"),
        (r#""name":"left""#.into(), "is installed as a domain's package"),
        (r#""name":"@acme.example/gear""#.into(), "is installed as a domain's package"),
        (r#""name":" @acme.example/widget""#.into(), "not one that npm takes"),
        (r#""name":"@Acme.example/widget""#.into(), "is installed as a domain's package"),
        (r#""_integrity":"x""#.into(), "_integrity"),
        (r#""_resolved":"x""#.into(), "_resolved"),
        (r#""inBundle":true"#.into(), "says inBundle"),
        (r#""link":true"#.into(), "it is a link"),
        (r#""link":true,"resolved":"-""#.into(), "names no folder"),
        (r#""link":true,"resolved":"../elsewhere""#.into(), "not a workspace of the project"),
        (r#""link":true,"resolved":"file:../elsewhere""#.into(), "not a workspace of the project"),
    ];
    for space in ['\u{a0}', '\u{feff}', '\u{2028}', '\u{2029}', '\u{b}', '\u{c}', '\t', '\n', '\u{3000}', '\u{1680}', '\u{200b}'] {
        for text in [format!("{good}{space}{}", sri(2)), format!("{space}{good}"), format!("{good}{space}")] {
            cases.push((integrity(&text), "integrity has another form"));
        }
    }
    for version in ["v1.0.0", "=1.0.0", " 1.0.0", "1.0.0 ", "1.0", "01.0.0", "V1.0.0", "1.0.0-", "latest", ""] {
        cases.push((format!(r#""version":"{version}""#), "is not a version here"));
    }
    for resolved in [
        "",
        "git+https://registry.example/w.git#abc",
        "git+ssh://git@registry.example/w.git",
        "file:widget.tgz",
        "widget.tgz",
        "/widget.tgz",
        "ftp://registry.example/w.tgz",
        "HTTPS://registry.example/w.tgz",
        "https://registry.example",
        "https://registry.example/a b.tgz",
        "https://registry.example/w.tgz#x",
        "https://registry.example/w.tgz?x",
        "https://registry.example/%77.tgz",
        "https://registry.example/%2e%2e/w.tgz",
        "https://registry.example/%",
        "https://registry.example/a/../w.tgz",
        "https://registry.example//w.tgz",
        "https://registry.example\\@evil.example/w.tgz",
        "https://a:b@registry.example/w.tgz",
        "https://Registry.example/w.tgz",
        "https://registry.example:/w.tgz",
        "https://github.com/acme/widget",
        "https://www.bitbucket.org/npm/@acme.example/widget/-/widget-1.0.0.tgz",
        "github:acme/widget",
        "acme/widget",
        "npm:left@1.0.0",
        " https://registry.example/w.tgz",
    ] {
        cases.push((format!(r#""resolved":{}"#, Value::String(resolved.to_owned())), "resolved is not the plain address"));
    }
    for (more, expected) in cases {
        let said = why(&lock(&[(WIDGET, &entry(&more))]), WIDGET);
        assert!(said.contains(expected), "{more}: {said:?}");
    }
    for more in [
        r#""resolved":"-""#,
        r#""resolved":"http://127.0.0.1:8417/npm/@acme.example%2fwidget/-/widget-1.0.0.tgz""#,
        r#""resolved":"https://other.example/@acme.example/widget/-/@acme.example/widget-1.0.0.tgz""#,
        r#""resolved":"http://[::1]:80/w.tgz""#,
        r#""name":"@acme.example/widget""#,
        r#""link":false,"inBundle":false,"optional":true,"hasShrinkwrap":true"#,
        r#""version":"1.0.0-rc.1""#,
    ] {
        assert_eq!(why(&lock(&[(WIDGET, &entry(more))]), WIDGET), "", "{more}");
    }
}

#[test]
fn a_name_that_looks_like_a_domains_is_never_another_registrys() {
    for path in
        ["node_modules/@Acme.example/widget", "node_modules/@acme.example/Widget", "node_modules/@acme..example/w", "node_modules/@a.b/_x"]
    {
        assert!(!why(&lock(&[(path, &entry(""))]), path).is_empty(), "{path}");
    }
    for path in ["node_modules/@acme.example%2fwidget", "node_modules/w dget", "node_modules/.hidden", "node_modules/w\u{212a}"] {
        assert!(why(&lock(&[(path, &entry(""))]), path).contains("not one that npm takes"), "{path}");
    }
}

#[test]
fn what_is_above_decides_whether_it_is_fetched() {
    let path = "node_modules/a/node_modules/@acme.example/widget";
    for (above, expected) in [
        ("{}", ""),
        (r#"{"bundleDependencies":[]}"#, ""),
        (r#"{"bundleDependencies":false}"#, ""),
        (r#"{"bundleDependencies":["@acme.example/widget"]}"#, "may bring it in its own tarball"),
        (r#"{"bundledDependencies":["x"]}"#, "may bring it in its own tarball"),
        (r#"{"bundleDependencies":true}"#, "may bring it in its own tarball"),
        (r#"{"bundleDependencies":{"x":"1"}}"#, "may bring it in its own tarball"),
        (r#"{"hasShrinkwrap":true}"#, "the lock file inside"),
        (r#"{"_hasShrinkwrap":1}"#, "the lock file inside"),
        (r#"{"link":true,"resolved":"a"}"#, "which is a link"),
    ] {
        let said = why(&lock(&[("node_modules/a", above), (path, &entry(""))]), path);
        assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{above}: {said:?}");
    }
    assert!(why(&lock(&[(path, &entry(""))]), path).contains("which has no entry"));
    let root = lock(&[("", r#"{"bundleDependencies":["@acme.example/widget"]}"#), (WIDGET, &entry(r#""inBundle":true"#))]);
    assert_eq!(why(&root, WIDGET), "", "npm fetches what the project itself bundles");
}

#[test]
fn a_domains_link_is_a_workspace_or_nothing() {
    let link = r#"{"resolved":"packages/widget","link":true}"#;
    let own = ("packages/widget", r#"{"name":"@acme.example/widget","version":"1.0.0"}"#);
    let is = |root: &str, packages: &[(&str, &str)]| {
        let mut all = vec![("", root), (WIDGET, link)];
        all.extend(packages);
        why(&lock(&all), WIDGET)
    };
    assert_eq!(is(r#"{"workspaces":["packages/*"]}"#, &[own]), "Folder(\"packages/widget\")");
    assert!(is("{}", &[own]).contains("not a workspace of the project"));
    assert!(is(r#"{"workspaces":["packages/*"]}"#, &[]).contains("not a workspace of the project"));
    // The project's own file goes before what the lock file says of it.
    let text = lock(&[("", r#"{"workspaces":["packages/*"]}"#), (WIDGET, link), own]);
    let locked = read_beside(text.as_bytes(), &|folder| folder.is_empty().then(|| b"{}".to_vec())).unwrap();
    assert!(matches!(&locked[0].source, Source::Unread(why) if why.contains("not a workspace")), "{locked:?}");
}

#[test]
fn what_somebody_asks_for_must_be_what_the_entry_is() {
    let asking = |path: &str, key: &str, name: &str, spec: &str| {
        let asks = format!(r#"{{"{key}":{{"{name}":{}}}}}"#, Value::String(spec.to_owned()));
        why(&lock(&[(path, &asks), (WIDGET, &entry(""))]), WIDGET)
    };
    for path in ["", "node_modules/a", "packages/own", "node_modules/a/node_modules/b"] {
        for key in ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] {
            for good in ["^1.0.0", "", "*", "1.x || >=2.0.0 <3", "latest", "~1", "npm:@acme.example/widget@^1.0.0", "1.0.0 - 2.0.0"] {
                assert_eq!(asking(path, key, "@acme.example/widget", good), "", "{good}");
            }
            for bad in [
                "https://evil.example/w.tgz",
                "git+https://evil.example/w.git",
                "acme/widget",
                "file:../w",
                "./w",
                "w.tgz",
                "npm:left@1.0.0",
                "npm:@acme.example/widgets@1.0.0",
                "NPM:@acme.example/widget@1",
                "~/w",
                "c:w",
                "workspace:*",
            ] {
                assert!(asking(path, key, "@acme.example/widget", bad).contains("asks for it as"), "{path} {bad}");
            }
        }
    }
    assert!(asking("", "dependencies", "@Acme.example/widget", "^1.0.0").contains("asks for it as"), "npm finds it by either case");
    // One that is nearer is what counts.
    let near = "node_modules/a/node_modules/@acme.example/widget";
    let asks = r#"{"dependencies":{"@acme.example/widget":"https://evil.example/w.tgz"}}"#;
    let both = lock(&[("node_modules/a", asks), (near, &entry("")), (WIDGET, &entry(""))]);
    assert_eq!(why(&both, WIDGET), "");
    assert!(why(&both, near).contains("asks for it as"));
    // Without an address, what a tag names is asked again.
    let tag = lock(&[("", r#"{"dependencies":{"@acme.example/widget":"latest"}}"#), (WIDGET, &entry(r#""resolved":"-""#))]);
    assert!(why(&tag, WIDGET).contains("asks for it as"));
    // An alias is asked for as one.
    let alias = entry(r#""name":"@acme.example/widget""#);
    let aliased =
        |spec: &str| why(&lock(&[("", &format!(r#"{{"dependencies":{{"w":"{spec}"}}}}"#)), ("node_modules/w", &alias)]), "node_modules/w");
    assert_eq!(aliased("npm:@acme.example/widget@^1.0.0"), "");
    assert!(aliased("^1.0.0").contains("asks for it as"), "that is another registry's w");
}

#[test]
fn the_projects_own_files_count_as_the_lock_file_does() {
    let text = lock(&[("", r#"{"dependencies":{"@acme.example/widget":"^1.0.0"}}"#), ("packages/own", "{}"), (WIDGET, &entry(""))]);
    let beside = |folder: &'static str, manifest: &str| {
        let manifest = manifest.to_owned();
        let locked = read_beside(text.as_bytes(), &|asked| (asked == folder).then(|| manifest.clone().into_bytes()));
        locked.map(|locked| match &locked[0].source {
            Source::Unread(why) => why.clone(),
            _ => String::new(),
        })
    };
    for good in [
        r#"{"dependencies":{"@acme.example/widget":"^1.0.0"}}"#,
        r#"{"overrides":{"@acme.example/widget":"$@acme.example/widget","left":"https://elsewhere.example/l.tgz"}}"#,
        r#"{"overrides":{"left":{"@acme.example/widget":"^1.0.0"}}}"#,
    ] {
        assert_eq!(beside("", good).unwrap(), "", "{good}");
    }
    for bad in [
        r#"{"dependencies":{"@acme.example/widget":"https://evil.example/w.tgz"}}"#,
        r#"{"overrides":{"@acme.example/widget":"https://evil.example/w.tgz"}}"#,
        r#"{"overrides":{"@acme.example/widget@^1":"npm:left@1"}}"#,
        r#"{"overrides":{"left":{"@acme.example/widget":{".":"file:w"}}}}"#,
        r#"{"overrides":{"@acme.example/widget":"$left"}}"#,
    ] {
        assert!(!beside("", bad).unwrap().is_empty(), "{bad}");
    }
    assert!(!beside("packages/own", r#"{"devDependencies":{"@acme.example/widget":"file:w"}}"#).unwrap().is_empty());
    let below = lock(&[("packages/own", "{}"), ("packages/own/node_modules/@acme.example/widget", &entry(""))]);
    let bundling = |folder: &str| (folder == "packages/own").then(|| br#"{"bundleDependencies":["@acme.example/widget"]}"#.to_vec());
    let locked = read_beside(below.as_bytes(), &bundling).unwrap();
    assert!(matches!(&locked[0].source, Source::Unread(why) if why.contains("in its own tarball")), "{locked:?}");
    for unreadable in ["{", "[]", r#"{"a":1,"a":2}"#, r#"{"dependencies":"@acme.example/widget"}"#, r#"{"dependencies":{"x":1}}"#] {
        assert!(matches!(beside("", unreadable), Err(BadLockfile::Project(_))), "{unreadable}");
    }
}

#[test]
fn the_section_for_older_clients_says_the_same_or_nothing_is_read() {
    let with = |packages: &[(&str, &str)], section: &str| {
        format!(
            "{},\"dependencies\":{section}}}",
            lock(packages).replace("\"lockfileVersion\":3", "\"lockfileVersion\":2").strip_suffix('}').unwrap()
        )
    };
    let same = format!(r#"{{"@acme.example/widget":{}}}"#, entry(""));
    assert_eq!(why(&with(&[(WIDGET, &entry(""))], &same), WIDGET), "");
    for more in
        [r#""version":"1.0.1""#, r#""integrity":"-""#, &format!(r#""integrity":"{}""#, sri(2)), r#""resolved":"-""#, r#""bundled":true"#]
    {
        let other = format!(r#"{{"@acme.example/widget":{}}}"#, entry(more));
        assert!(why(&with(&[(WIDGET, &entry(""))], &other), WIDGET).contains("says otherwise"), "{more}");
    }
    assert!(why(&with(&[(WIDGET, &entry(""))], "{}"), WIDGET).contains("does not name it"));
    let nested = format!(r#"{{"left":{{"version":"1.0.0","dependencies":{same}}}}}"#);
    assert!(why(&with(&[("node_modules/left", "{}")], &nested), "node_modules/left/node_modules/@acme.example/widget").contains("alone"));
    assert!(why(&with(&[], r#"{"w":{"version":"npm:@acme.example/gear@1.0.0"}}"#), "node_modules/w").contains("alone"));
    let alias = entry(r#""name":"@acme.example/widget""#);
    let legacy = format!(r#"{{"w":{}}}"#, entry(r#""version":"npm:@acme.example/widget@1.0.0""#));
    assert_eq!(why(&with(&[("node_modules/w", &alias)], &legacy), "node_modules/w"), "");
    let inside = "packages/own/node_modules/@acme.example/widget";
    let linked = format!(r#"{{"own":{{"version":"file:packages/own","dependencies":{same}}}}}"#);
    assert_eq!(why(&with(&[("packages/own", "{}"), (inside, &entry(""))], &linked), inside), "");
}

#[test]
fn a_file_that_two_readers_read_differently_is_refused() {
    let good = lock(&[(WIDGET, &entry(""))]);
    assert_eq!(read(format!("\u{feff}{good}").as_bytes()).unwrap().len(), 1);
    let twice = |entry: &str| format!(r#"{{"lockfileVersion":3,"packages":{{"{WIDGET}":{entry}}}}}"#);
    for bad in [
        format!("\u{feff}\u{feff}{good}"),
        twice(&entry("").replacen('{', r#"{"integrity":"x","#, 1)),
        twice(&entry("").replacen('{', r#"{"integr\u0069ty":"x","#, 1)),
        good.replacen(WIDGET, &format!("{WIDGET}\":{{}},\"{WIDGET}"), 1),
        twice(r#"{"__proto__":{"integrity":"x"}}"#),
        twice(r#"{"link":1}"#),
        twice(r#"{"link":1.5}"#),
        twice(r#"{"inBundle":"yes"}"#),
        twice(r#"{"hasShrinkwrap":null}"#),
        twice(r#"{"dependencies":"x"}"#),
        twice(r#"{"dependencies":{"x":1}}"#),
        twice(r#"{"dependencies":{"w\u212a":"1"}}"#),
        twice("[]"),
        good.replace(WIDGET, "node_modules//@acme.example/widget"),
        good.replace(WIDGET, "./node_modules/@acme.example/widget"),
        good.replace(WIDGET, "node_modules/@acme.example/widget/"),
        good.replace(WIDGET, "node_modules\\\\@acme.example\\\\widget"),
        good.replace(WIDGET, "node_modules/x/../@acme.example/widget"),
        good.replace(WIDGET, "NODE_MODULES/@acme.example/widget"),
        lock(&[(WIDGET, &entry("")), ("node_modules/@acme.example/Widget", "{}")]),
        good.replacen("\"app\"", "\"<<<<<<< ======= >>>>>>>\"", 1),
        r#"{"lockfileVersion":3}"#.to_owned(),
        r#"{"lockfileVersion":3,"packages":[]}"#.to_owned(),
        r#"{"lockfileVersion":3,"packages":{},"dependencies":[]}"#.to_owned(),
        format!(r#"{{"lockfileVersion":3,"packages":{}1{}}}"#, "[".repeat(100), "]".repeat(100)),
        "{}".to_owned(),
        "[]x".to_owned(),
        String::new(),
    ] {
        assert!(matches!(read(bad.as_bytes()), Err(BadLockfile::Malformed(_))), "{bad}: {:?}", read(bad.as_bytes()));
    }
}

#[test]
fn other_formats_are_refused_in_words_that_are_true_of_them() {
    for (lock, words) in [
        (r#"{"lockfileVersion":1,"dependencies":{}}"#, "lockfileVersion 1 is not read here, only 2 and 3"),
        (r#"{"lockfileVersion":4,"packages":{}}"#, "lockfileVersion 4 is not read"),
        (r#"{"lockfileVersion":3.0,"packages":{}}"#, "lockfileVersion 3.0 is not read"),
        (r#"{"lockfileVersion":"3","packages":{}}"#, "lockfileVersion \"3\" is not read"),
    ] {
        let said = read(lock.as_bytes()).unwrap_err();
        assert!(matches!(said, BadLockfile::Version(_)) && said.to_string().contains(words), "{said}");
    }
    let pnpm = read(b"lockfileVersion: '9.0'\n").unwrap_err();
    assert!(pnpm.is_not_read_yet() && pnpm.to_string().contains("pnpm") && !pnpm.to_string().contains("npm install"), "{pnpm}");
    assert_eq!(read(&vec![b' '; limits::LOCKFILE_BYTES + 1]), Err(BadLockfile::TooLarge));
}

#[test]
fn each_package_has_its_line_where_the_file_has_one_for_each() {
    let pretty = |lock: &str| serde_json::to_string_pretty(&serde_json::from_str::<Value>(lock).unwrap()).unwrap();
    let text = pretty(&lock(&[(WIDGET, &entry("")), ("node_modules/a", "{\"version\":\"1.0.0\"}")]));
    let line = read(text.as_bytes()).unwrap()[0].line.unwrap();
    assert!(text.lines().nth(line - 1).unwrap().contains(WIDGET));
    assert_eq!(read(lock(&[(WIDGET, &entry(""))]).as_bytes()).unwrap()[0].line, None);
}
