//! `deedbox setup` as people call it: the same for every client, back without a trace, and words where it cannot be. And what the
//! shell and the manual are told.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;

use common::Place;
use std::collections::BTreeMap;

const HERE: &str = "https://registry.example";
const THERE: &str = "https://other.example";
const POM: &str = "<project>\n  <artifactId>app</artifactId>\n</project>\n";
const GRADLE: &str = "plugins { id 'java' }\nrepositories {\n    jcenterish()\n}\n";

/// Names and texts of a project's files.
type Texts = &'static [(&'static str, &'static str)];

/// Every client with the files that its project has before, and the file that is written.
const CLIENTS: [(&str, Texts, &str); 14] = [
    ("npm", &[(".npmrc", "save-exact=true\n")], ".npmrc"),
    ("pnpm", &[], ".npmrc"),
    ("yarn", &[(".yarnrc.yml", "nodeLinker: pnp\n")], ".yarnrc.yml"),
    ("bun", &[("bunfig.toml", "[install]\nexact = true\n")], ".npmrc"),
    ("deno", &[], ".npmrc"),
    ("mvn", &[("pom.xml", POM)], "pom.xml"),
    ("maven", &[("pom.xml", POM)], "pom.xml"),
    ("gradle", &[("build.gradle", GRADLE)], "build.gradle"),
    (
        "gradle",
        &[
            ("build.gradle", "plugins { id 'java' }\n"),
            ("settings.gradle", "dependencyResolutionManagement {\n    repositories {\n        x()\n    }\n}\n"),
        ],
        "settings.gradle",
    ),
    ("bundle", &[], "Gemfile"),
    ("bundler", &[("Gemfile", "source \"https://gems.example\"\n\ngem \"rake\"\n")], "Gemfile"),
    ("oci", &[], "registries.conf"),
    ("podman", &[("registries.conf", "short-name-mode = \"enforcing\"\n")], "registries.conf"),
    ("skopeo", &[], "registries.conf"),
];

fn project(files: &[(&str, &str)]) -> Place {
    let place = Place::new();
    for (name, text) in files {
        place.write(&format!("project/{name}"), text);
    }
    std::fs::create_dir_all(place.path("project")).unwrap();
    place
}

fn texts(place: &Place) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(place.path("project")).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap())).collect()
}

#[test]
fn every_client_is_set_up_once_moved_only_when_that_is_meant_and_taken_back_without_a_trace() {
    for (client, files, written) in CLIENTS {
        let place = project(files);
        let before = texts(&place);
        let setup =
            |url: &str, more: &[&str]| place.at(url, &[&["setup", client, "--domain", "acme.example", "--dir", "project"], more].concat());
        setup(HERE, &[]).done().says("wrote into");
        let with = texts(&place);
        assert!(with[written].contains("registry.example"), "{client}: {with:?}");
        for (name, text) in &before {
            for line in text.lines() {
                assert!(with[name].contains(line), "{client} lost {line:?} of {name}");
            }
        }
        setup(HERE, &[]).done().says("stays as it is");
        assert_eq!(texts(&place), with, "{client}: a second time changes nothing");
        setup(THERE, &[]).ends(1, "add --replace to change it; nothing was written");
        setup(THERE, &["--undo"]).ends(1, "to remove it, name that registry with --registry; nothing was written");
        assert_eq!(texts(&place), with, "{client}: what is refused changes nothing");
        setup(THERE, &["--replace"]).done().says("wrote into");
        let moved = texts(&place);
        let expected: BTreeMap<_, _> =
            with.iter().map(|(name, text)| (name.clone(), text.replace("registry.example", "other.example"))).collect();
        assert_eq!(moved, expected, "{client}");
        setup(THERE, &["--undo"]).done();
        assert_eq!(texts(&place), before, "{client}: back without a trace");
        setup(THERE, &["--undo"]).done().says("stays as it is");
    }
}

#[test]
fn line_ends_are_kept_and_what_cannot_be_read_is_not_written() {
    let place =
        project(&[(".npmrc", "a=1\r\nb=2\r\n"), ("bunfig.toml", "[install"), ("registries.conf", "[[registry"), ("Gemfile", "\u{fffd}")]);
    std::fs::write(place.path("project/Gemfile"), b"\xff\xfe").unwrap();
    let setup = |client: &str| place.at(HERE, &["setup", client, "--domain", "acme.example", "--dir", "project"]);
    setup("npm").done();
    let npmrc = std::fs::read_to_string(place.path("project/.npmrc")).unwrap();
    assert_eq!(npmrc, "a=1\r\nb=2\r\n@acme.example:registry=https://registry.example/npm/\r\n");
    for (client, words) in [
        ("bun", "bunfig.toml: it is not TOML; nothing was written"),
        ("podman", "registries.conf: it is not TOML; nothing was written"),
        ("bundler", "Gemfile is not text in UTF-8; nothing was written"),
        ("maven", "has no pom.xml"),
        ("gradle", "has no build.gradle"),
    ] {
        let said = setup(client);
        assert!(said.code > 0 && said.err.contains(words), "{client}: {said:?}");
    }
    assert_eq!(std::fs::read_to_string(place.path("project/.npmrc")).unwrap(), npmrc);
}

#[test]
fn clients_without_settings_are_told_what_to_do_and_images_want_the_root_of_a_host() {
    let place = project(&[]);
    let setup = |url: &str, client: &str| place.at(url, &["setup", client, "--domain", "acme.example", "--dir", "project"]);
    setup(HERE, "docker").done().says("docker pull registry.example/acme.example/NAME:TAG");
    setup("http://127.0.0.1:8417", "docker").done().says("insecure-registries");
    setup(HERE, "rubygems").done().says("gem install NAME --clear-sources --source https://registry.example/gem/acme.example/");
    for client in ["docker", "podman"] {
        setup("https://registry.example/team", client).ends(1, "they ask for /v2/ at the root of registry.example");
    }
    assert!(texts(&place).is_empty());
}

#[test]
fn flags_that_a_client_has_nothing_for_are_refused() {
    let place = project(&[]);
    let setup = |words: &[&str]| place.at(HERE, &[&["setup", "--domain", "acme.example", "--dir", "project"], words].concat());
    setup(&["pnpm", "--no-audit"]).ends(2, "--no-audit is for npm");
    setup(&["maven", "--only"]).ends(2, "--only is for npm, pnpm, yarn, bun and deno");
    setup(&["npm", "--key", "k.pem"]).ends(2, "--key does nothing in deedbox setup");
    setup(&["npm", "--json"]).ends(2, "--json does nothing in deedbox setup");
    setup(&["npm", "--undo", "--replace"]).ends(2, "cannot be used with");
    setup(&["npm", "--only", "--no-audit"]).done();
    let npmrc = &texts(&place)[".npmrc"];
    assert_eq!(npmrc, "@acme.example:registry=https://registry.example/npm/\nregistry=https://registry.example/npm/\naudit=false\n");
    setup(&["yarn", "--only"]).done();
    assert!(texts(&place)[".yarnrc.yml"].starts_with("npmRegistryServer: \"https://registry.example/npm/\"\n"));
}

#[test]
fn shells_and_the_manual_know_every_command() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&["completions", shell]).done().out;
        for word in ["publish", "verify", "setup", "lockfile"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
    }
    let bash = place.write("completions.bash", place.run(&["completions", "bash"]).done().out);
    let completed = "COMP_WORDS=(deedbox ver); COMP_CWORD=1; _deedbox deedbox ver deedbox; echo \"${COMPREPLY[@]}\"";
    let said = std::process::Command::new("bash").args(["-c", &format!(". {}; {completed}", bash.display())]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "verify", "{said:?}");
    assert!(place.run(&["man"]).done().out.contains(".TH deedbox 1"));
    std::fs::create_dir(place.path("man1")).unwrap();
    place.run(&["man", "--dir", "man1"]).done();
    for name in ["deedbox", "deedbox-publish", "deedbox-channel-set"] {
        let page = std::fs::read_to_string(place.path(&format!("man1/{name}.1"))).unwrap();
        assert!(page.contains(".TH deedbox"), "{name}");
    }
    assert!(!place.path("man1/deedbox-help.1").exists());
    place.run(&["man", "--dir", "nowhere"]).ends(2, "nowhere is not a folder");
}
