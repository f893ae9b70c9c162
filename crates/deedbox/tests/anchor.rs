//! Whose word `verify` goes by: what is checked may name a registry, and never whom to believe.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;

use common::{Place, Running, Said, published};
use std::os::unix::fs::PermissionsExt as _;

const GREET: &str = "npm:demo.localhost/greet@1.0.0";

/// A registry with greet 1.0.0, and its log's key.
fn with_key(place: &Place) -> (Running, String) {
    let registry = published(place);
    let said = place.at(&registry.url, &["--json", "verify", GREET]).done().json();
    assert_eq!(said["registry"], *registry.url);
    assert_eq!(said["named_by"], "you");
    let key = said["log_key"].as_str().unwrap().to_owned();
    (registry, key)
}

#[test]
fn a_projects_settings_name_a_registry_and_never_a_key() {
    let publisher = Place::new();
    let (registry, key) = with_key(&publisher);
    let url = &registry.url;
    let place = Place::new();
    place.write("deedbox.toml", format!("registry = \"{url}\"\nlog_key = \"{key}\"\n"));
    let verify = ["verify", GREET];
    let refused = place.run(&verify).ends(2, "--pin-on-first-use");
    assert!(refused.err.contains("the log_key of") && refused.err.contains("is not used"), "{refused:?}");
    assert!(refused.err.contains(&key), "what it shows now is said: {refused:?}");
    assert!(!place.path("home/registries").exists(), "nothing was pinned");
    place
        .run(&["--log-key", &key, "verify", GREET])
        .done()
        .says(&format!("registry    {url} (named by "))
        .says("deedbox.toml)")
        .says(&format!("log key     {key}"));
    // Now it is pinned.
    place.run(&verify).done();

    let other = Place::new();
    other.write("deedbox.toml", format!("registry = \"{url}\"\n"));
    other.run(&["verify", GREET, "--pin-on-first-use"]).done();
    other.run(&verify).done();

    // What the user's own settings say is the user's word.
    let own = Place::new();
    own.write("home/deedbox.toml", format!("registry = \"{url}\"\nlog_key = \"{key}\"\n"));
    own.run(&verify).done().says(&format!("registry    {url}\n"));
    let wrong = Place::new();
    let elsewhere = Place::new();
    let (_other, stranger) = with_key(&elsewhere);
    wrong.write("home/deedbox.toml", format!("registry = \"{url}\"\nlog_key = \"{stranger}\"\n"));
    wrong.run(&verify).ends(1, "the checkpoint does not verify");
}

#[test]
fn no_command_that_signs_pins_a_registry_that_a_project_named() {
    let publisher = Place::new();
    let (registry, _) = with_key(&publisher);
    let place = Place::new();
    place.run(&["keygen"]).done();
    let folder = "project\n  ✓ forged";
    place.write(&format!("{folder}/deedbox.toml"), format!("registry = \"{}\"\n", registry.url));
    place.write(&format!("{folder}/package.json"), "{\"name\": \"@own.localhost/x\", \"version\": \"1.0.0\"}");
    let here = |args: &[&str]| {
        let said = Said::of(place.deedbox().current_dir(place.path(folder)).args(args).output().unwrap());
        assert!(!said.err.contains("\n  ✓ forged") && !said.out.contains("\n  ✓ forged"), "{said:?}");
        said
    };
    let x = "npm:own.localhost/x@1.0.0";
    let stops = || {
        for release in [GREET, x] {
            here(&["verify", release]).ends(2, "--pin-on-first-use");
        }
        here(&["verify", "--offline", GREET]).ends(1, "no proof of");
    };
    let unpinned = "is not pinned: this command uses the key that the registry shows now";
    here(&["claim", "more.localhost", "--request", "request.json"]).done();
    stops();
    here(&["claim", "own.localhost"]).ends(0, unpinned);
    stops();
    here(&["publish", "--dry-run"]).ends(0, unpinned);
    stops();
    here(&["publish"]).ends(0, unpinned);
    stops();
    for args in [&["yank", x][..], &["unyank", x], &["deprecate", x], &["channel", "set", x, "next"]] {
        here(args).ends(0, unpinned);
        stops();
    }
    // The proof that was kept is not a pin either.
    here(&["verify", "--offline", x]).ends(1, "no log key is pinned");
    here(&["verify", "--pin-on-first-use", x]).done();
    here(&["verify", x]).done();
    assert!(!here(&["yank", x]).done().err.contains("pinned"), "now it is");
}

#[test]
fn settings_that_a_command_does_not_need_do_not_stop_it() {
    let place = Place::new();
    let settings = place.write("deedbox.toml", "registry = \"http://127.0.0.1:9/file\"\n");
    let request = place.write("request.json", "{}");
    let request = request.to_str().unwrap();
    let needless = |n: u32| {
        place.run(&["fsck", "--data", "nowhere"]).ends(2, "holds no registry");
        place.run(&["replay", "--data", "nowhere"]).ends(2, "holds no registry");
        place.run(&["keygen", "--out", &format!("{n}.pem")]).done();
        place.run(&["claim", "--countersign", request]).ends(1, "is not a request for a domain");
    };
    std::fs::set_permissions(&settings, std::fs::Permissions::from_mode(0o666)).unwrap();
    needless(1);
    // Where the new key goes is not for such a file to say.
    let said = place.run(&["keygen"]).done().says("home/key.pem");
    assert!(said.err.contains("others may write"), "{said:?}");
    for args in [&["verify", GREET][..], &["yank", GREET], &["claim", "own.localhost"], &["publish", "--dry-run"]] {
        place.write("package.json", "{\"name\": \"@own.localhost/x\", \"version\": \"1.0.0\"}");
        place.run(args).ends(1, "others may write");
    }
    std::fs::set_permissions(&settings, std::fs::Permissions::from_mode(0o644)).unwrap();
    place.write("deedbox.toml", "registy = 1\n");
    needless(2);
    place.run(&["verify", GREET]).ends(2, "deedbox.toml: line 1");
    place.at("http://127.0.0.1:9/flag", &["verify", GREET]).ends(3, "http://127.0.0.1:9/flag/");
    // The user's own may hold the log key that is believed.
    std::fs::remove_file(&settings).unwrap();
    place.write("home/deedbox.toml", "registy = 1\n");
    place.at("http://127.0.0.1:9/flag", &["verify", GREET]).ends(2, "deedbox.toml: line 1");
}

#[test]
fn a_key_is_missed_by_the_name_of_what_gave_it() {
    let place = Place::new();
    place.write("deedbox.toml", "registry = \"http://127.0.0.1:9\"\nkey = \"none.pem\"\n");
    let said = place.run(&["yank", GREET]).ends(2, "deedbox.toml names a file that is not there");
    assert!(said.err.contains("key in ") && !said.err.contains("DEEDBOX_KEY"), "{said:?}");
    place.run(&["--key", "other.pem", "yank", GREET]).ends(2, "--key or DEEDBOX_KEY names a file that is not there");
}

#[test]
fn settings_that_others_may_write_are_not_read() {
    let place = Place::new();
    let settings = place.write("deedbox.toml", "registry = \"http://127.0.0.1:9/file\"\n");
    std::fs::set_permissions(&settings, std::fs::Permissions::from_mode(0o666)).unwrap();
    place.run(&["verify", GREET]).ends(1, "others may write");
    // Who says it otherwise needs no file, and is told.
    let said = place.at("http://127.0.0.1:9/flag", &["verify", GREET]).ends(3, "http://127.0.0.1:9/flag/");
    assert!(said.err.contains("others may write"), "{said:?}");
    std::fs::set_permissions(&settings, std::fs::Permissions::from_mode(0o644)).unwrap();
    place.run(&["verify", GREET]).ends(3, "http://127.0.0.1:9/file/");
    let own = place.write("home/deedbox.toml", "");
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o646)).unwrap();
    place.at("http://127.0.0.1:9", &["verify", GREET]).ends(1, "others may write");
}

#[test]
fn the_registry_of_a_lock_file_is_found_and_its_key_is_asked_for() {
    let publisher = Place::new();
    let (registry, key) = with_key(&publisher);
    let url = &registry.url;
    let place = Place::new();
    let project = place.path("project");
    place.write("project/package.json", "{}");
    place.at(url, &["setup", "npm", "--domain", "demo.localhost", "--dir", "project"]).done();
    let npm = std::process::Command::new("npm")
        .args([
            "install",
            "--no-audit",
            "--no-fund",
            "--cache",
            "../cache",
            "--omit-lockfile-registry-resolved=false",
            "@demo.localhost/greet",
        ])
        .current_dir(&project)
        .output()
        .unwrap();
    assert!(npm.status.success(), "{npm:?}");
    let fresh = |args: &[&str]| -> Said {
        let output = place.deedbox().current_dir(&project).env("HOME", place.path("nobody")).args(args).output().unwrap();
        Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    };
    let lock = ["verify", "--lockfile", "package-lock.json"];
    fresh(&lock).ends(2, "--pin-on-first-use");
    // One flag is all that a job needs.
    fresh(&[&["--log-key", &key][..], &lock].concat()).done().says("1 verified").says(&format!("registry    {url} (named by "));
    fresh(&lock).done();
    fresh(&["verify", GREET]).done();
    // What was verified once is there without a network, and without saying which registry.
    fresh(&["verify", "--offline", GREET]).done().says("no network was used");
    // By the addresses in the file alone.
    let npmrc = std::fs::read_to_string(project.join(".npmrc")).unwrap();
    std::fs::remove_file(project.join(".npmrc")).unwrap();
    fresh(&lock).done().says("(named by package-lock.json)");
    fresh(&["verify", GREET]).ends(2, "which registry?");
    // Two that differ are named, and none is taken.
    std::fs::write(project.join(".npmrc"), npmrc.replace("127.0.0.1", "localhost")).unwrap();
    fresh(&lock).ends(2, "which registry? 2 are named");
    // A lock file of another tool is not read, and nobody is told to use npm.
    std::fs::write(project.join("pnpm-lock.yaml"), "lockfileVersion: '9.0'\n").unwrap();
    let other = fresh(&["verify", "--lockfile", "pnpm-lock.yaml"]).ends(2, "those are not read yet");
    assert!(!other.err.contains("npm install"), "{other:?}");
    // npm reads a shrinkwrap in place of the lock file beside it.
    std::fs::write(project.join("npm-shrinkwrap.json"), "{}").unwrap();
    fresh(&lock).ends(1, "npm-shrinkwrap.json and not");
}

#[test]
fn a_proof_does_not_choose_whom_to_believe() {
    let place = Place::new();
    let (registry, key) = with_key(&place);
    let saved = place.path("greet.deedbox-proof");
    let saved = saved.to_str().unwrap();
    place.at(&registry.url, &["verify", GREET, "--save", saved]).done();
    place.run(&["verify", "--offline", "--proof", saved]).done().says("(named by the proof itself)");
    // With another log pinned too, the proof's own address is not enough.
    let elsewhere = Place::new();
    let (other, _) = with_key(&elsewhere);
    place.at(&other.url, &["verify", GREET]).done();
    place.run(&["verify", "--offline", "--proof", saved]).ends(2, "2 logs are pinned");
    place.at(&registry.url, &["verify", "--offline", "--proof", saved]).done().says(&format!("registry    {}\n", registry.url));
    place.run(&["--log-key", &key, "verify", "--offline", "--proof", saved]).done();
    place.at(&other.url, &["verify", "--offline", "--proof", saved]).ends(1, "the checkpoint does not verify");
}

#[test]
fn a_proof_says_whether_the_network_was_used_and_claims_no_chain() {
    let place = Place::new();
    let (registry, _) = with_key(&place);
    let saved = place.path("greet.deedbox-proof");
    let saved = saved.to_str().unwrap();
    place.at(&registry.url, &["verify", GREET, "--save", saved]).done().says("chain       the first event of its package");
    let online = place.at(&registry.url, &["verify", "--proof", saved]).done();
    assert!(online.out.contains(saved) && !online.out.contains("no network"), "{online:?}");
    assert_eq!(place.at(&registry.url, &["--json", "verify", "--proof", saved]).done().json()["offline"], false);
    for args in [&["verify", "--proof", saved][..], &["verify", "--offline", GREET]] {
        let said =
            place.run(args).done().says("no network was used").says("chain       not followed: a kept proof does not say which chain");
        assert!(said.out.contains("not shown: that it is the first release of its version"), "{said:?}");
    }
    // A flag that would do nothing is not dropped.
    for args in [
        &["verify", "--proof", saved, "--save", "again"][..],
        &["verify", "--proof", saved, "--no-download"],
        &["verify", "--offline", GREET, "--no-download"],
    ] {
        place.at(&registry.url, args).ends(2, "cannot be used with");
    }
}

#[test]
fn what_is_saved_is_read_by_other_tools_too() {
    let place = Place::new();
    let (registry, _) = with_key(&place);
    let saved = place.path("greet.deedbox-proof");
    place
        .at(&registry.url, &["verify", GREET, "--save", saved.to_str().unwrap()])
        .done()
        .says("greet.tlog-proof")
        .says("greet.receipt.cose");
    let statement = std::fs::read(place.path("greet.statement.cose")).unwrap();
    let leaf = deedbox_tlog::leaf_hash(&statement);
    let text = std::fs::read(place.path("greet.tlog-proof")).unwrap();
    let proof = deedbox_tlog::LogProof::parse(&text).unwrap();
    let checkpoint = proof.checkpoint().unverified();
    proof.proof().verify(&leaf, checkpoint.size(), checkpoint.root()).unwrap();
    let receipt = deedbox_tlog::Receipt::decode(&std::fs::read(place.path("greet.receipt.cose")).unwrap()).unwrap();
    assert_eq!(receipt.claims().subject, "npm:demo.localhost/greet");
    assert_eq!(&receipt.proof().root(&leaf).unwrap(), checkpoint.root());
}

#[test]
fn a_channel_is_said_to_be_one() {
    let place = Place::new();
    let (registry, _) = with_key(&place);
    place.at(&registry.url, &["verify", "npm:demo.localhost/greet@latest"]).ends(
        2,
        "latest is a channel of npm:demo.localhost/greet, and not a release: a channel moves. The registry says that it names 1.0.0 now",
    );
    place.at(&registry.url, &["verify", "npm:demo.localhost/greet@other"]).ends(1, "is not in the log");
}
