//! What publishing refuses, says and leaves: keys, order, several releases at once, what is part of none, and the advice of each refusal,
//! which is run.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

#[path = "publish/claims.rs"]
mod claims;
mod common;
#[path = "publish/images.rs"]
mod images;
#[path = "publish/secrets.rs"]
mod secrets;

use common::{Place, Running, Said, claimed};
use serde_json::Value;
use std::path::{Path, PathBuf};

impl Place {
    /// A POM in Maven's layout below `repository`.
    fn pom(&self, folder: &str, file: &str, artifact: &str, version: &str) -> PathBuf {
        let text = format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>localhost.demo</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version><packaging>pom</packaging></project>"
        );
        self.write(&format!("repository/localhost/demo/{folder}/{file}.pom"), text)
    }
    fn repository(&self) -> String {
        self.path("repository").display().to_string()
    }
    fn gem(&self, version: &str, more: &str) -> PathBuf {
        let spec = format!(
            "Gem::Specification.new do |s|\n s.name='chime'; s.version='{version}'; s.summary='x'; s.authors=['a']; s.files=['lib/chime.rb']\n {more}\nend\n"
        );
        self.write(&format!("gems/{version}/lib/chime.rb"), format!("# {version}\n"));
        let path = self.write(&format!("gems/{version}/chime.gemspec"), spec);
        path.parent().unwrap().to_owned()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What became of each release: `npm:demo.localhost/a@1.0.0 published`.
fn outcomes(said: &Said) -> Vec<String> {
    let json = said.json();
    let releases = json["releases"].as_array().unwrap();
    releases.iter().map(|one| format!("{} {}", one["release"].as_str().unwrap_or("-"), one["outcome"].as_str().unwrap())).collect()
}

/// The command that a refusal's words name from here on, as far as the words go on being one.
fn advised<'w>(words: &'w str, start: &str, until: &[char]) -> &'w str {
    let at = words.find(start).unwrap_or_else(|| panic!("{start:?} is not in {words:?}"));
    words[at..].split(until).next().unwrap().trim()
}

fn channels(place: &Place, url: &str, id: &str) -> Vec<(String, String)> {
    let said = place.at(url, &["--json", "channel", "list", id]).done().json();
    said.as_array()
        .unwrap()
        .iter()
        .map(|c| (c["channel"].as_str().unwrap().to_owned(), c["version"].as_str().unwrap().to_owned()))
        .collect()
}

fn pair(channel: &str, version: &str) -> (String, String) {
    (channel.to_owned(), version.to_owned())
}

#[test]
fn versions_go_in_the_order_of_their_ecosystem_and_latest_is_the_highest() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let dirs: Vec<PathBuf> = ["1.10.0", "2.0.0-rc.1", "1.2.0", "1.9.0"].iter().map(|version| place.package("greet", version, "")).collect();
    let mut args = vec!["publish", "--json"];
    args.extend(dirs.iter().map(|dir| text(dir)));
    let said = place.at(url, &args).done();
    let id = "npm:demo.localhost/greet";
    assert_eq!(outcomes(&said), ["1.2.0", "1.9.0", "1.10.0", "2.0.0-rc.1"].map(|version| format!("{id}@{version} published")));
    assert_eq!(channels(&place, url, id), [pair("latest", "1.10.0")]);

    // A version below it moves latest only when that is said, as npm has it.
    let old = place.package("greet", "1.9.1", "");
    let refused = place.at(url, &["publish", text(&old)]).ends(1, "latest would go back: 1.10.0 is published, and 1.9.1 is lower");
    assert!(refused.err.contains("[channel_moves_back]"), "{refused:?}");
    place.at(url, &["publish", "--dry-run", text(&old)]).ends(1, "[channel_moves_back]");
    assert_eq!(channels(&place, url, id), [pair("latest", "1.10.0")]);
    let advice = advised(&refused.err, "--channel previous", &[')']);
    place.at(url, &[&["publish", text(&old)], advice.split(' ').collect::<Vec<_>>().as_slice()].concat()).done();
    assert_eq!(channels(&place, url, id), [pair("latest", "1.10.0"), pair("previous", "1.9.1")]);
    // The same bytes again are not a new release, and move nothing.
    place.at(url, &["publish", text(&dirs[2])]).done().says("was published before, with the same bytes");
    let older = place.package("greet", "1.9.2", "");
    place.at(url, &["publish", text(&older)]).ends(1, "or --channel latest if latest is to go back");
    place.at(url, &["publish", text(&older), "--channel", "latest"]).done();
    assert_eq!(channels(&place, url, id), [pair("latest", "1.9.2"), pair("previous", "1.9.1")]);
    // What is deprecated or yanked is not what a new release is compared with; what the package itself asks for is meant.
    place.at(url, &["deprecate", "npm:demo.localhost/greet@1.10.0"]).done();
    let next = place.package("greet", "1.9.3", "");
    place.publish(url, &next);
    let tagged = place.package("greet", "1.0.0", ", \"publishConfig\": {\"tag\": \"lts\"}");
    place.publish(url, &tagged);
}

#[test]
fn a_folder_of_builds_is_published_oldest_first_or_as_it_was_deployed() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    for version in ["1.10.0", "1.11.0-alpha", "1.2", "1.8.0", "1.9.0"] {
        place.pom(&format!("ord/{version}"), &format!("ord-{version}"), "ord", version);
    }
    let builds = ["1.0-20260102.000000-2", "1.0-20260101.000000-1", "1.0-20260102.000000-10"];
    for build in builds {
        place.pom("sn/1.0-SNAPSHOT", &format!("sn-{build}"), "sn", "1.0-SNAPSHOT");
    }
    for version in ["1.0", "2.0", "1.1"] {
        place.pom(&format!("dep/{version}"), &format!("dep-{version}"), "dep", version);
    }
    let listed = "<metadata><versioning><release>1.1</release><versions><version>1.0</version><version>2.0</version><version>1.1</version>\
                  </versions></versioning></metadata>";
    place.write("repository/localhost/demo/dep/maven-metadata-local.xml", listed);
    let said = place.at(url, &["publish", "--json", &place.repository()]).done();
    let of = |artifact: &str, versions: &[&str]| -> Vec<String> {
        versions.iter().map(|version| format!("maven:demo.localhost/{artifact}@{version} published")).collect()
    };
    let expected = [
        of("dep", &["1.0", "2.0", "1.1"]),
        of("ord", &["1.2", "1.8.0", "1.9.0", "1.10.0", "1.11.0-alpha"]),
        of("sn", &["1.0-20260101.000000-1", "1.0-20260102.000000-2", "1.0-20260102.000000-10"]),
    ];
    assert_eq!(outcomes(&said), expected.concat());
    assert_eq!(channels(&place, url, "maven:demo.localhost/sn"), [pair("1.0-SNAPSHOT", "1.0-20260102.000000-10")]);
}

#[test]
fn what_is_part_of_no_release_is_named_and_the_command_does_not_end_well() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    place.pom("thing_2.12_1.0/1.0.0", "thing-1.0.0", "thing", "1.0.0");
    place.pom("thing_2.12_1.0/1.0.0", "thing_2.12_1.0-1.0.0", "thing_2.12_1.0", "1.0.0");
    place.write("repository/localhost/demo/thing_2.12_1.0/1.0.0/thing-1.0.0.jar", "x");
    place.write("repository/localhost/demo/nopom/1.0/nopom-1.0.jar", "x");
    place.pom("good/1.0", "good-1.0", "good", "1.0");
    for beside in ["good-1.0.pom.sha1", "_remote.repositories", "good-1.0.pom.lastUpdated"] {
        place.write(&format!("repository/localhost/demo/good/1.0/{beside}"), "x");
    }
    place.write("repository/localhost/demo/good/maven-metadata-local.xml", "<metadata/>");
    place.write("repository/notes.txt", "x");
    let said = place.at(url, &["publish", "--json", &place.repository()]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(outcomes(&said), ["good@1.0", "thing_2.12_1.0@1.0.0"].map(|release| format!("maven:demo.localhost/{release} published")));
    let json = said.json();
    let left: Vec<&str> =
        json["left_out"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap().rsplit('/').next().unwrap()).collect();
    assert_eq!(left, ["nopom-1.0.jar", "thing-1.0.0.jar", "thing-1.0.0.pom"]);
    assert_eq!((json["ok"].as_bool(), json["error"]["code"].as_str()), (Some(false), Some("left_out")));
    let again = place.at(url, &["publish", &place.repository()]).ends(1, "2 unchanged, 3 left out");
    for words in ["nopom-1.0.jar: there is no POM beside it", "thing-1.0.0.pom: its name does not begin with thing_2.12_1.0-1.0.0"] {
        assert!(again.err.contains(words), "{words:?}: {again:?}");
    }
    std::fs::remove_dir_all(place.path("repository")).unwrap();
    place.write("repository/localhost/demo/nopom/1.0/nopom-1.0.jar", "x");
    place.at(url, &["publish", &place.repository()]).ends(1, "nopom-1.0.jar: there is no POM beside it");
    // One that cannot be read hides nothing of the others.
    place.write("repository/localhost/demo/bad/1.0/bad-1.0.pom", "<project");
    std::fs::remove_dir_all(place.path("repository/localhost/demo/nopom")).unwrap();
    place.pom("fine/1.0", "fine-1.0", "fine", "1.0");
    let said = place.at(url, &["publish", "--json", &place.repository()]);
    assert_eq!((said.code, outcomes(&said)), (1, vec!["- refused".to_owned(), "maven:demo.localhost/fine@1.0 not_tried".to_owned()]));
    let said = place.at(url, &["publish", "--json", "--keep-going", &place.repository()]);
    assert_eq!((said.code, outcomes(&said)), (1, vec!["- refused".to_owned(), "maven:demo.localhost/fine@1.0 published".to_owned()]));
}

#[test]
fn what_became_of_each_of_several_is_said_whatever_became_of_the_others() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let (a, b, c) = (place.package("a", "1.0.0", ""), place.package("b", "1.0.0", ""), place.package("c", "1.0.0", ""));
    place.publish(url, &b);
    place.write("packages/b-1.0.0/index.js", "other");
    let all = [text(&a), text(&b), text(&c)];
    let run = |more: &[&str]| place.at(url, &[&["publish", "--json"], more, &all].concat());
    let names = ["a", "b", "c"].map(|name| format!("npm:demo.localhost/{name}@1.0.0"));
    let of = |became: [&str; 3]| -> Vec<String> { names.iter().zip(became).map(|(name, became)| format!("{name} {became}")).collect() };

    let dry = run(&["--dry-run"]);
    assert_eq!((dry.code, outcomes(&dry)), (1, of(["would_publish", "refused", "would_publish"])));
    let first = run(&[]);
    assert_eq!((first.code, outcomes(&first)), (1, of(["published", "refused", "not_tried"])));
    let people = place.at(url, &[&["publish"], all.as_slice()].concat()).ends(1, "1 unchanged, 1 refused, 1 not tried");
    for words in
        ["b@1.0.0 was not published: version 1.0.0 of", "SOURCE_DATE_EPOCH", "c@1.0.0 was not tried", "--keep-going", "--skip-existing"]
    {
        assert_eq!(people.err.contains(words), words != "SOURCE_DATE_EPOCH", "{words}: {people:?}");
    }
    let going = run(&["--keep-going"]);
    assert_eq!((going.code, outcomes(&going)), (1, of(["unchanged", "refused", "published"])));
    let skipped = run(&["--skip-existing"]);
    assert_eq!((skipped.code, outcomes(&skipped)), (0, of(["skipped", "skipped", "skipped"])));
    let broken = place.write("packages/broken.tgz", "not gzip");
    let said = place.at(url, &["publish", "--json", text(&broken), text(&a)]);
    assert_eq!((said.code, outcomes(&said)), (1, vec!["- refused".to_owned(), "- not_tried".to_owned()]));

    // One shape, whatever comes.
    let shapes = [
        (run(&["--skip-existing"]), 0),
        (first, 1),
        (dry, 1),
        (run(&["--id", "npm:demo.localhost/a"]), 2),
        (place.at(url, &["publish", "--json", "--channel", "no channel", text(&a)]), 2),
        (place.at(url, &["publish", "--json", "nowhere"]), 2),
        (place.at("http://127.0.0.1:9", &["publish", "--json", text(&a)]), 3),
        (place.at("http://127.0.0.1:9", &["publish", "--json", "--dry-run", text(&a)]), 3),
    ];
    for (said, code) in shapes {
        let json = said.json();
        let mut keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["dry_run", "error", "left_out", "ok", "releases", "warnings"], "{said:?}");
        assert_eq!((said.code, json["ok"].as_bool().unwrap()), (code, code == 0), "{said:?}");
        assert_eq!(json["error"]["exit"].as_i64().unwrap_or(0), i64::from(code), "{said:?}");
    }
    // Other commands answer in JSON too when they fail, and when they are not understood.
    for args in [&["verify", "--json"][..], &["--json", "frobnicate"], &["setup", "npm", "--json", "--domain", "acme.example"]] {
        let said = place.run(args);
        let json = said.json();
        assert_eq!((said.code, &json["ok"], &json["error"]["code"]), (2, &Value::Bool(false), &Value::from("used_wrongly")), "{said:?}");
    }
    let said = place.at(url, &["yank", "--json", "npm:demo.localhost/a@9.9.9"]);
    assert_eq!((said.code, said.json()["ok"].clone()), (1, Value::Bool(false)));
    place.at(url, &["channel", "list", "--json", "npm:demo.localhost/none"]).ends(1, "nothing was ever published").json();
}

#[test]
fn dependencies_that_nobody_could_install_and_other_registries_are_refused_before_they_are_for_ever() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let mut n = 0;
    let mut tried = |more: &str| {
        n += 1;
        let dir = place.package(&format!("p{n}"), "1.0.0", more);
        place.at(url, &["publish", text(&dir)])
    };
    for (spec, words) in [
        ("workspace:^", "publish the .tgz that they make"),
        ("catalog:", "publish the .tgz that they make"),
        ("link:../x", "names places on this machine"),
        ("file:../x", "names places on this machine"),
        ("portal:../x", "names places on this machine"),
        ("../x", "names places on this machine"),
        ("patch:x@npm%3A1.0.0#./p", "names places on this machine"),
        ("git+file:///x", "names places on this machine"),
        ("jsr:@x/y@1", "by a protocol that npm does not know"),
    ] {
        let refused = tried(&format!(", \"dependencies\": {{\"x\": {spec:?}}}")).ends(1, "[dependency_not_installable]");
        assert!(refused.err.contains(words) && refused.err.contains(spec), "{refused:?}");
    }
    tried(", \"devDependencies\": {\"x\": \"workspace:*\"}, \"dependencies\": {\"y\": \"npm:z@^1\"}").done();

    let refused = tried(", \"publishConfig\": {\"registry\": \"https://elsewhere.example/\"}").ends(1, "[publish_config_registry]");
    let own = advised(&refused.err, &format!("{url}/npm"), &[' ', '\n']).to_owned();
    tried(&format!(", \"publishConfig\": {{\"registry\": {own:?}}}")).done();
    tried(&format!(", \"publishConfig\": {{\"@demo.localhost:registry\": {own:?}, \"registry\": \"https://elsewhere.example\"}}")).done();
    tried(", \"publishConfig\": {\"access\": \"public\"}").done();

    let version = place.package("v", "v1.2.3", "");
    place.at(url, &["publish", text(&version)]).ends(1, "without a v or = in front");
    place.write("packages/v-v1.2.3/package.json", "{\"name\": \"@demo.localhost/v\", \"version\": \"1.2.3\"}");
    place.publish(url, &version);
}

#[test]
fn a_notice_keeps_its_words_until_somebody_says_otherwise() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let dir = place.package("old", "1.0.0", "");
    place.publish(url, &dir);
    let release = "npm:demo.localhost/old@1.0.0";
    let notice = || -> Value {
        let answer = std::process::Command::new("curl").args(["-s", &format!("{url}/api/v1/packages/{release}")]).output().unwrap();
        serde_json::from_slice::<Value>(&answer.stdout).unwrap()["notice"].clone()
    };
    let say = |more: &[&str]| place.at(url, &[&["deprecate", release], more].concat());
    say(&["--reason", "superseded", "--message", "use new"]).done();
    say(&[]).done().says("kept its words: use new");
    assert_eq!((notice()["reason"].as_str(), notice()["message"].as_str()), (Some("superseded"), Some("use new")));
    say(&["--reason", "broken"]).done();
    assert_eq!((notice()["reason"].as_str(), notice()["message"].as_str()), (Some("broken"), Some("use new")));
    say(&["--message", "use newest"]).done();
    assert_eq!((notice()["reason"].as_str(), notice()["message"].as_str()), (Some("broken"), Some("use newest")));
    say(&["--no-message"]).done();
    assert_eq!((notice()["reason"].as_str(), notice()["message"].as_str()), (Some("broken"), None));
    say(&["--no-message", "--message", "x"]).ends(2, "cannot be used with");
    say(&["--lift"]).done();
    assert_eq!(notice(), Value::Null);
    say(&[]).done();
    assert_eq!(notice()["reason"].as_str(), Some("other"));
}

#[test]
fn a_dry_run_asks_whether_it_would_be_taken() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let dir = place.package("asked", "1.0.0", "");
    let dry = |more: &[&str]| place.at(url, &[&["publish", "--dry-run", text(&dir)], more].concat());
    dry(&[])
        .done()
        .says("would publish npm:demo.localhost/asked@1.0.0 as latest")
        .says("    package/index.js")
        .says("nothing was signed or sent");
    let other = place.path("other.pem");
    place.run(&["keygen", "--out", text(&other)]).done();
    dry(&["--key", text(&other)]).ends(1, "is not one of demo.localhost's keys");
    let foreign = place.write("foreign/package.json", "{\"name\": \"@nobody.localhost/x\", \"version\": \"1.0.0\"}");
    let foreign = place.at(url, &["publish", "--dry-run", text(foreign.parent().unwrap())]).ends(1, "nobody has claimed nobody.localhost");
    let claim = advised(&foreign.err, "deedbox claim", &['\n']).trim_start_matches("deedbox ");
    place.at(url, &claim.split(' ').collect::<Vec<_>>()).done();
    place.at(url, &["publish", "--dry-run", text(&place.path("foreign"))]).done();
    place.publish(url, &dir);
    dry(&[]).done().says("is published, with the same bytes: nothing would be done");
    place.write("packages/asked-1.0.0/index.js", "other");
    dry(&[]).ends(1, "[version_exists]");
    dry(&["--skip-existing"]).done();
    // Without a registry or a key it says what was not asked.
    let said = place.run(&["publish", "--dry-run", text(&dir)]).done();
    assert!(said.err.contains("no registry was named"), "{said:?}");
    // A key that is here and is refused is not said to be missing.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(place.path("home/key.pem"), open).unwrap();
    let said = place.run(&["publish", "--dry-run", text(&dir)]).done();
    assert!(said.err.contains("no key could be read") && said.err.contains("others may read or write"), "{said:?}");
    std::fs::remove_file(place.path("home/key.pem")).unwrap();
    place.run(&["publish", "--dry-run", text(&dir)]).ends(0, "there is no key at");
}

#[test]
fn what_a_maven_build_leaves_is_said_to_programs_and_forges_no_line() {
    let place = Place::new();
    let pom = |packaging: &str| {
        format!(
            "<project><groupId>example.acme</groupId><artifactId>lib</artifactId><version>1.0</version><packaging>{packaging}</packaging></project>"
        )
    };
    place.write("lib/pom.xml", pom("pom"));
    let name = "lib-1.0-x\n  ✓ forged";
    place.write(&format!("lib/target/{name}"), "x");
    let publish = ["publish", "--dry-run", "--id", "maven:acme.example/lib", "lib"];
    let said = place.run(&publish).done();
    assert!(said.err.contains("only its POM is published") && said.err.contains("lib-1.0-x\\n  ✓ forged"), "{said:?}");
    assert!(!said.err.contains("\n  ✓ forged"), "{said:?}");
    let json = place.run(&[&["--json"], publish.as_slice()].concat()).done().json();
    let warnings: Vec<&str> = json["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(warnings.iter().any(|warning| warning.contains("only its POM is published")), "{warnings:?}");
    assert!(warnings.iter().any(|warning| warning.contains(name)), "{warnings:?}");
    // What is to be run is one line that is run as it stands.
    place.write("lib/pom.xml", pom("jar"));
    let said = place.run(&publish).ends(1, "run mvn package first, or, if the build gives it another name, mvn deploy");
    assert!(!said.err.contains("\\n"), "{said:?}");
}

#[test]
fn a_gem_belongs_to_the_only_domain_of_its_publisher() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let gem = place.gem("1.0.0", "");
    place.publish(url, &gem).says("gem:demo.localhost/chime@1.0.0 published");
    // Built again it has other bytes, and the refusal says how it would not.
    place.write("gems/1.0.0/lib/chime.rb", "# 1.0.0, built again\n");
    let refused = place.at(url, &["publish", text(&gem)]).ends(1, "SOURCE_DATE_EPOCH");
    assert!(refused.err.contains("--skip-existing"), "{refused:?}");
    place.at(url, &["publish", "--skip-existing", text(&gem)]).done().says("is skipped");
    // A key that speaks for two domains says which, once and for all in the settings.
    place.at(url, &["claim", "second.localhost"]).done();
    let two = place.gem("1.1.0", "");
    let refused = place.at(url, &["publish", text(&two)]).ends(2, "Your key speaks for 2 domains");
    assert!(refused.err.contains("demo.localhost, second.localhost"), "{refused:?}");
    place.write("deedbox.toml", "domain = \"second.localhost\"\n");
    place.publish(url, &two).says("gem:second.localhost/chime@1.1.0 published");
    // What the gem says itself goes before.
    let own = place.gem("1.2.0", "s.metadata['deedbox_id'] = 'gem:demo.localhost/chime'");
    place.publish(url, &own).says("gem:demo.localhost/chime@1.2.0 published");
}

#[test]
fn each_download_is_compared_with_the_file_whose_address_it_has() {
    let place = Place::new();
    let registry = claimed(&place);
    let mut built = Vec::new();
    for (name, platform, words) in [("chime-3.0.0.gem", "ruby", ""), ("chime-3.0.0-x86_64-linux.gem", "x86_64-linux", "# a longer file\n")]
    {
        let dir = place.gem("3.0.0", &format!("s.platform = '{platform}'"));
        let noise: String = (0..400).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string()).collect();
        place.write(
            "gems/3.0.0/lib/chime.rb",
            format!("# {platform}\n{}", if words.is_empty() { String::new() } else { format!("# {noise}\n{words}") }),
        );
        place.write(&format!("built/{name}"), "");
        let out = place.path("built").join(name);
        let gem =
            std::process::Command::new("gem").args(["build", "chime.gemspec", "--output", text(&out)]).current_dir(dir).output().unwrap();
        assert!(gem.status.success(), "{gem:?}");
        built.push(std::fs::read(out).unwrap());
    }
    place.at(&registry.url, &["publish", text(&place.path("built"))]).done();
    let release = "gem:demo.localhost/chime@3.0.0";
    let json = place.at(&registry.url, &["--json", "verify", release]).done().json();
    let mut files: Vec<(u64, String)> = json["compared"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["size"].as_u64().unwrap(), one["sha256"].as_str().unwrap().to_owned()))
        .collect();
    files.sort();
    let [_, (large, address)] = files.as_slice() else { panic!("{json}") };
    let small = built.into_iter().find(|bytes| bytes.len() as u64 != *large).unwrap();
    let address = format!("/objects/sha256/{address}");
    let proxy = common::proxy::Proxy::start(&registry.url, move |asked| {
        if asked.path == address { common::proxy::Fate::Answer(200, small.clone()) } else { common::proxy::Fate::Pass }
    });
    place.at(&proxy.url, &["verify", release]).ends(1, &format!("in the log {large} bytes"));
}

/// A registry of which nothing was published.
fn nothing_is_there(registry: &Running, place: &Place, id: &str) {
    place.at(&registry.url, &["channel", "list", id]).ends(1, "nothing was ever published");
}
