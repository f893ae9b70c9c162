//! One Maven coordinate may be named under two domains: whose it is (spec/projections/maven.md §1), through the command line and the door.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

use std::fs;
use std::path::PathBuf;

use deedbox_tests::registry::{DOMAIN, Running, Said};

/// A registry, and a second owner who has a domain below the first one's.
struct TwoOwners {
    registry: Running,
    scratch: tempfile::TempDir,
}

impl TwoOwners {
    fn new() -> Self {
        let owners = TwoOwners { registry: Running::start().unwrap(), scratch: tempfile::tempdir().unwrap() };
        let key = owners.second_key();
        owners.registry.deedbox(["keygen", "--out", &key]).unwrap().done().unwrap();
        owners
    }

    fn second_key(&self) -> String {
        self.scratch.path().join("second.pem").display().to_string()
    }

    fn second_claims(&self, domain: &str) {
        self.registry.deedbox(["claim", domain, "--key", &self.second_key()]).unwrap().done().unwrap();
    }

    /// What is published: a POM alone, of the group `localhost.demo.<part>`, in a repository's layout.
    fn packed(&self, part: &str, version: &str) -> PathBuf {
        let root = self.scratch.path().join(format!("{part}-{version}"));
        let folder = root.join(format!("localhost/demo/{part}/bar/{version}"));
        fs::create_dir_all(&folder).unwrap();
        let pom = format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>localhost.demo.{part}</groupId><artifactId>bar</artifactId>\
             <version>{version}</version><packaging>pom</packaging></project>"
        );
        fs::write(folder.join(format!("bar-{version}.pom")), pom).unwrap();
        root
    }

    fn first_publishes(&self, part: &str, version: &str) -> Said {
        let (folder, id) = (self.packed(part, version), format!("maven:{DOMAIN}/{part}/bar"));
        self.registry.deedbox(["publish", &folder.display().to_string(), "--id", &id]).unwrap()
    }

    fn second_publishes(&self, part: &str, version: &str) -> Said {
        let (folder, id) = (self.packed(part, version), format!("maven:{part}.{DOMAIN}/bar"));
        self.registry.deedbox(["publish", &folder.display().to_string(), "--id", &id, "--key", &self.second_key()]).unwrap()
    }
}

#[test]
fn the_owner_above_cannot_begin_a_coordinate_of_a_domain_that_was_claimed_before() {
    let owners = TwoOwners::new();
    owners.second_claims(&format!("foo.{DOMAIN}"));
    let said = owners.first_publishes("foo", "1.0");
    assert!(!said.ok, "{}", said.out);
    assert!(said.err.contains("localhost.demo.foo:bar belongs to foo.demo.localhost"), "{}", said.err);
    assert!(said.err.contains("native_name_of_domain"), "{}", said.err);
    owners.second_publishes("foo", "1.0").done().unwrap();
}

#[test]
fn who_began_a_coordinate_keeps_it_when_the_domain_below_is_claimed_later() {
    let owners = TwoOwners::new();
    owners.first_publishes("later", "1.0").done().unwrap();
    owners.second_claims(&format!("later.{DOMAIN}"));
    owners.first_publishes("later", "1.1").done().unwrap();
    let said = owners.second_publishes("later", "2.0");
    assert!(!said.ok && said.err.contains("native_name_taken"), "{}\n{}", said.out, said.err);
}
