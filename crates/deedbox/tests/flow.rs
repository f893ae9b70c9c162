//! The binary from outside: a registry, a key, a claim, releases, and checking them. npm is the machine's own.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;

use common::{Place, Running, claimed, flip, published};

const GREET: &str = "npm:demo.localhost/greet";

#[test]
fn from_a_key_to_a_verified_release() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let greet = place.package("greet", "1.0.0", "");
    let greet = greet.to_str().unwrap();

    place
        .at(url, &["publish", "--dry-run", greet])
        .done()
        .says("would publish npm:demo.localhost/greet@1.0.0")
        .says("nothing was signed or sent");
    let published = place.at(url, &["publish", greet]).done();
    let published =
        published.says("npm:demo.localhost/greet@1.0.0 published as entry 2").says("/npm/@demo.localhost/greet/1.0.0").says("proof: ");
    assert!(published.err.is_empty(), "{published:?}");
    // Once more changes nothing: who was cut off before the answer runs it again.
    place.at(url, &["publish", greet]).done().says("was published before, with the same bytes, as entry 2");

    let verified = place.at(url, &["verify", "npm:demo.localhost/greet@1.0.0"]).done();
    verified
        .says("✓ npm:demo.localhost/greet@1.0.0 verifies")
        .says("in the log  entry 2")
        .says("allowed by  entry 1, the claim of demo.localhost (below localhost, no evidence needed)")
        .says("bytes       greet-1.0.0.tgz (downloaded)")
        .says("standing    neither yanked nor deprecated")
        .says("not shown: that the registry withholds nothing newer");
    let json = place.at(url, &["--json", "verify", "npm:demo.localhost/greet@1.0.0"]).done().json();
    assert_eq!((json["verified"].as_bool(), json["index"].as_u64()), (Some(true), Some(2)));
    assert!(json["origin"].as_str().is_some_and(|origin| origin.starts_with("localhost/") && origin.ends_with("/log")), "{json}");
}

#[test]
fn a_file_is_compared_with_the_log_with_and_without_a_network() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.clone();
    let dir = place.package("greet", "1.0.0", "");
    let packed = std::process::Command::new("npm").args(["pack", "--silent"]).current_dir(&dir).output().unwrap();
    let file = dir.join(String::from_utf8(packed.stdout).unwrap().trim());
    let file = file.to_str().unwrap();
    let saved = place.path("greet.deedbox-proof");
    let saved = saved.to_str().unwrap();
    place.at(&url, &["publish", file]).done();
    place.at(&url, &["verify", file]).done().says("bytes       greet-1.0.0.tgz");
    place.at(&url, &["verify", "npm:demo.localhost/greet@1.0.0", file, "--save", saved]).done();
    drop(registry);

    place.at(&url, &["verify", file, "--offline"]).done().says("no network was used");
    place.at(&url, &["verify", "npm:demo.localhost/greet@1.0.0", "--offline"]).done().says("not compared: no file was given");
    place.run(&["verify", "--proof", saved, "--offline", file]).done().says("bytes       greet-1.0.0.tgz");
    place.at(&url, &["verify", file]).ends(3, "cannot reach");

    // Each of these changes one thing, and is refused in words.
    let bad = place.write("bad.tgz", std::fs::read(file).unwrap());
    flip(&bad, 4);
    let bad = bad.to_str().unwrap();
    place.run(&["verify", "--proof", saved, "--offline", bad]).ends(1, "bad.tgz is not what npm:demo.localhost/greet@1.0.0 says");
    place.at(&url, &["verify", "--offline", bad]).ends(1, "no proof that is kept here names a file with sha256:");
    place.at(&url, &["verify", "--offline", "npm:demo.localhost/greet@1.0.0", bad]).ends(1, "Do not use it");
    let proof = std::fs::read(saved).unwrap();
    let broken = place.write("broken.deedbox-proof", &proof);
    // Somewhere in the middle there are statements.
    flip(&broken, proof.len() / 2);
    place.run(&["verify", "--proof", broken.to_str().unwrap(), "--offline"]).ends(1, "");
    let stranger = "127.0.0.1+8ba57d8b+AXmMcmLkv9v4UKqNRNJZaUfrqDDlDGn5hTFXwkMT7mPg";
    place.run(&["--log-key", stranger, "verify", "--proof", saved, "--offline"]).ends(1, "was pinned for this registry before");
    let elsewhere = Place::new();
    elsewhere.run(&["verify", "--proof", saved, "--offline"]).ends(1, "no log key is pinned");
    place
        .run(&["verify", "--proof", saved, "--offline", "npm:demo.localhost/other@1.0.0"])
        .ends(1, "is a proof of npm:demo.localhost/greet@1.0.0, not of");
}

#[test]
fn standings_and_channels_are_said_and_seen() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let (one, two) = (place.package("greet", "1.0.0", ""), place.package("greet", "2.0.0-rc.1", ""));
    place.publish(url, &one);
    place.at(url, &["publish", two.to_str().unwrap(), "--channel", "next"]).done();

    place.at(url, &["channel", "list", GREET]).done().says("latest  1.0.0  (entry 2").says("next  2.0.0-rc.1  (entry 3");
    place
        .at(url, &["tag", "set", "npm:demo.localhost/greet@1.0.0", "stable"])
        .done()
        .says("stable of npm:demo.localhost/greet is 1.0.0 now");
    place.at(url, &["tag", "set", "npm:demo.localhost/greet@1.0.0", "stable"]).ends(1, "[channel_unchanged]");
    place.at(url, &["channel", "remove", GREET, "stable"]).done();
    let channels = place.at(url, &["--json", "channel", "list", GREET]).done().json();
    assert_eq!(channels.as_array().unwrap().len(), 2, "{channels}");

    place.at(url, &["yank", "npm:demo.localhost/greet@1.0.0", "--reason", "security"]).done().says("included in the verified checkpoint");
    place.at(url, &["verify", "npm:demo.localhost/greet@1.0.0"]).done().says("YANKED (security, entry 6)");
    place.at(url, &["yank", "npm:demo.localhost/greet@1.0.0"]).ends(1, "[already_yanked]");
    place.at(url, &["unyank", "npm:demo.localhost/greet@1.0.0"]).done();
    let message = ["deprecate", "npm:demo.localhost/greet@1.0.0", "--reason", "superseded", "--message", "use 2.0.0"];
    place.at(url, &message).done().says("put a notice on");
    place.at(url, &["verify", "npm:demo.localhost/greet@1.0.0"]).done().says("DEPRECATED (superseded, entry 8)");
    place.at(url, &["deprecate", "npm:demo.localhost/greet@1.0.0", "--lift"]).done();
    place.at(url, &["verify", "npm:demo.localhost/greet@1.0.0"]).done().says("neither yanked nor deprecated");
}

#[test]
fn a_lock_file_is_one_question_and_every_package_has_a_verdict() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    for name in ["a", "b"] {
        let dir = place.package(name, "1.0.0", "");
        place.publish(url, &dir);
    }
    let project = place.path("project");
    place.write("project/package.json", "{}");
    place.at(url, &["setup", "npm", "--domain", "demo.localhost", "--dir", "project"]).done().says("@demo.localhost:registry=");
    let npm = std::process::Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--cache", "../cache", "@demo.localhost/a", "@demo.localhost/b"])
        .current_dir(&project)
        .output()
        .unwrap();
    assert!(npm.status.success(), "{npm:?}");
    let lock = place.path("project/package-lock.json");
    let lock_text = std::fs::read_to_string(&lock).unwrap();
    let lock = lock.to_str().unwrap();
    place.at(url, &["verify", "--lockfile", lock]).done().says("2 verified, 0 do not verify, 0 of other registries");

    let stranger = r#""node_modules/left-pad": {"version": "1.3.0", "integrity": "sha512-XXXX"},"#
        .replace("XXXX", &"A".repeat(86))
        .replace("\"},", "==\"},");
    let mixed = place.write(
        "mixed.json",
        lock_text.replacen("\"node_modules/@demo.localhost/a\"", &format!("{stranger}\"node_modules/@demo.localhost/a\""), 1),
    );
    let mixed = mixed.to_str().unwrap();
    place
        .at(url, &["verify", "--lockfile", mixed])
        .done()
        .says("- left-pad@1.3.0  its name is not a domain's")
        .says("1 of other registries not checked");
    place.at(url, &["verify", "--lockfile", mixed, "--require-all"]).ends(1, "--require-all was given");

    let integrity = lock_text.split("sha512-").nth(1).unwrap().split('"').next().unwrap();
    let other = integrity.replacen(&integrity[0..1], if integrity.starts_with('A') { "B" } else { "A" }, 1);
    let changed = place.write("changed.json", lock_text.replacen(integrity, &other, 1));
    let refused =
        place.at(url, &["verify", "--lockfile", changed.to_str().unwrap()]).ends(1, "1 of its packages are not what the log says");
    refused
        .says("✗ @demo.localhost/a@1.0.0")
        .says("the lock file's sha512 is not the one that its publisher signed")
        .says("✓ @demo.localhost/b@1.0.0");
    // npm leaves build metadata out of versions; the release that it means is found by the package's chain.
    let built = place.package("built", "1.0.0+build.5", "");
    place.publish(url, &built);
    let npm = std::process::Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--cache", "../cache", "@demo.localhost/built"])
        .current_dir(&project)
        .output()
        .unwrap();
    assert!(npm.status.success(), "{npm:?}");
    place.at(url, &["verify", "--lockfile", lock]).done().says("✓ @demo.localhost/built@1.0.0").says("3 verified");

    let unknown = place.write("unknown.json", lock_text.replacen("\"version\": \"1.0.0\"", "\"version\": \"9.9.9\"", 1));
    place.at(url, &["verify", "--lockfile", unknown.to_str().unwrap()]).ends(1, "").says("is not in the log of localhost/");
}

#[test]
fn what_the_store_changed_is_refused_and_found_again() {
    let place = Place::new();
    let registry = published(&place);
    let data = registry.kill();
    let data_text = data.to_str().unwrap();
    place.run(&["replay", "--verify", "--data", data_text]).done().says("✓ authority").says("✓ catalog").says("✓ npm");
    place.run(&["fsck", "--data", data_text]).done().says("every object and every row are as they should be");
    place.run(&["replay", "--data", data_text]).done().says("rebuilt catalog");
    place.run(&["replay", "--verify", "--data", data_text]).done();

    let object = objects(&data).into_iter().max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
    flip(&object, 4);
    place.run(&["fsck", "--data", data_text]).ends(1, "faults").says("has other bytes than its address says");
    flip(&object, 4);
    place.run(&["fsck", "--data", data_text]).done();
    place.run(&["replay", "--data", place.path("nothing").to_str().unwrap()]).ends(2, "holds no registry");
}

fn objects(data: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![data.join("objects")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

#[test]
fn refusals_have_their_exit_codes_and_say_what_to_do() {
    let place = Place::new();
    place.run(&["verify"]).ends(2, "required");
    place.run(&["frobnicate"]).ends(2, "unrecognized subcommand");
    place.run(&["verify", "npm:demo.localhost/greet@1.0.0"]).ends(2, "which registry? Give --registry URL");
    place.at("registry.example", &["verify", "npm:a.example/b@1.0.0"]).ends(2, "is not the address of a registry");
    place.at("http://127.0.0.1:9", &["verify", "npm:a.example/b@1.0.0"]).ends(3, "cannot reach http://127.0.0.1:9/log/log.vkey");
    place.at("http://127.0.0.1:9", &["verify", "@a.example/b@1.0.0"]).ends(2, "write npm:a.example/b");
    place.at("http://127.0.0.1:9", &["publish", "nowhere"]).ends(2, "nowhere");
    place.at("http://127.0.0.1:9", &["yank", "npm:a.example/b@1.0.0"]).ends(2, "make one with deedbox keygen");
    place.run(&["serve", "--listen", "0.0.0.0:0", "--allow-local-claims"]).ends(2, "listen on 127.0.0.1 or [::1]");
    place.at("http://127.0.0.1:9", &["claim", "acme.example"]).ends(2, "make one with deedbox keygen");

    place.run(&["keygen"]).done().says("made the key");
    place.run(&["keygen"]).ends(1, "a key is never overwritten");
    place.at("http://127.0.0.1:9", &["claim", "acme.example"]).ends(3, "cannot reach");
    place
        .at("http://127.0.0.1:9", &["yank", "npm:a.example/b@1.0.0", "--reason", "dull"])
        .ends(2, "is not a reason: use one of broken, security");
    place.at("http://127.0.0.1:9", &["yank", "npm:a.example/b@1.0.0"]).ends(3, "cannot reach");

    let nowhere = place.at("http://127.0.0.1:9", &["setup", "npm", "--domain", "acme.example", "--dir", "nowhere"]);
    nowhere.ends(2, "nowhere is not a folder: make it, or give the project's folder with --dir");
    for client in ["pnpm", "yarn", "bun", "deno"] {
        let said = place.at("http://127.0.0.1:9", &["setup", client, "--domain", "acme.example"]).done();
        assert!(said.out.contains("deedbox verify npm:acme.example/NAME@VERSION") && !said.out.contains("--lockfile"), "{said:?}");
    }

    let registry = Running::start(&place, &[]);
    let url = registry.url.as_str();
    place.at(url, &["claim", "demo.localhost"]).ends(1, "[local_claims]");
    let greet = place.package("greet", "1.0.0", "");
    place.at(url, &["publish", greet.to_str().unwrap()]).ends(1, "nobody has claimed demo.localhost");
    let operator = registry.data.join("keys/operator.pem");
    place.at(url, &["claim", "acme.example", "--operator-key", operator.to_str().unwrap()]).done().says("claimed acme.example as entry 1");
    let again = place.at(url, &["claim", "acme.example", "--operator-key", operator.to_str().unwrap()]).done();
    again.says("acme.example was claimed before, as entry 1").says("nothing had to be done");
    let other = place.path("other.pem");
    place.run(&["keygen", "--out", other.to_str().unwrap()]).done();
    let other = ["claim", "acme.example", "--operator-key", operator.to_str().unwrap(), "--key", other.to_str().unwrap()];
    place.at(url, &other).ends(1, "[already_claimed]");
    place.at(url, &["verify", "npm:acme.example/none@1.0.0"]).ends(1, "npm:acme.example/none@1.0.0 is not in the log of localhost/");
    place.at(url, &["channel", "list", "npm:acme.example/none"]).ends(1, "nothing was ever published as npm:acme.example/none");
    let both = place.package("both", "1.0.0", "");
    place.write("packages/both-1.0.0/pom.xml", "<project/>");
    let both = both.to_str().unwrap();
    let which =
        "has package.json and pom.xml: which of them is to be published? Say it with --id npm:DOMAIN/NAME or --id maven:DOMAIN/NAME";
    place.at(url, &["publish", "--dry-run", both]).ends(2, which);
    place
        .run(&["publish", "--dry-run", "--id", "npm:demo.localhost/both", both])
        .done()
        .says("would publish npm:demo.localhost/both@1.0.0");
    let private = place.package("private", "1.0.0", ", \"private\": true");
    place.at(url, &["publish", private.to_str().unwrap()]).ends(1, "\"private\": true");
    place.at(url, &["publish", greet.to_str().unwrap(), "--version", "2.0.0"]).ends(1, "the package itself says 1.0.0");
    place.run(&["fsck", "--data", registry.data.to_str().unwrap()]).ends(1, "");
}

#[test]
fn settings_come_from_flags_then_the_environment_then_the_file() {
    let place = Place::new();
    place.write("deedbox.toml", "registry = \"http://127.0.0.1:9/file\"\n");
    let verify = ["verify", "npm:a.example/b@1.0.0"];
    place.run(&verify).ends(3, "http://127.0.0.1:9/file/log/log.vkey");
    let from_environment = place.deedbox().env("DEEDBOX_REGISTRY", "http://127.0.0.1:9/environment").args(verify).output().unwrap();
    assert!(String::from_utf8(from_environment.stderr).unwrap().contains("127.0.0.1:9/environment/"));
    place.at("http://127.0.0.1:9/flag", &verify).ends(3, "http://127.0.0.1:9/flag/");
    let empty = |args: &[&str]| {
        let empty = [
            "DEEDBOX_REGISTRY",
            "DEEDBOX_KEY",
            "DEEDBOX_LOG_KEY",
            "DEEDBOX_DATA",
            "DEEDBOX_LISTEN",
            "DEEDBOX_PUBLIC_URL",
            "DEEDBOX_ORIGIN",
        ];
        let output = place.deedbox().envs(empty.map(|name| (name, ""))).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, words) = empty(&verify);
    assert!(code == Some(3) && words.contains("127.0.0.1:9/file/"), "what is empty is not set: {words}");
    // The default folder is not there; an empty name would be this folder.
    let (code, words) = empty(&["fsck"]);
    assert!(code != Some(0) && words.contains("deedbox-data"), "{words}");
    place.write("deedbox.toml", "registy = \"x\"\n");
    place.run(&verify).ends(2, "deedbox.toml");
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.run(&["keygen"]).done();
    let key = place.path("home/key.pem");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    place.at("http://127.0.0.1:9", &["yank", "npm:a.example/b@1.0.0"]).ends(1, "chmod 600");
}

#[test]
fn two_publishers_of_one_package_both_get_through() {
    let place = Place::new();
    let registry = claimed(&place);
    let dirs: Vec<_> = (0..4).map(|n| place.package("greet", &format!("1.0.{n}"), "")).collect();
    place.at(&registry.url, &["publish", dirs[0].to_str().unwrap()]).done();
    let children: Vec<_> = dirs[1..]
        .iter()
        .enumerate()
        .map(|(n, dir)| {
            let mut command = place.deedbox();
            command.args(["--registry", &registry.url, "publish", "--channel", &format!("c{n}")]).arg(dir);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
