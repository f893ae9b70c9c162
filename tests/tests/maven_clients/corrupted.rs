//! Bytes that are not the publisher's, and who takes them: the table of docs/guides/maven.md. They come about in three ways: damaged where
//! the registry keeps them; changed on the way, with the checksums as they were; changed on the way, and the checksums with them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use deedbox_model::Hasher;
use deedbox_testkit::archives::noise;
use deedbox_tests::registry::Running;
use deedbox_tests::still::{self, Still};

use super::bench::{Bench, Gradle, fetch, publish, shelf};

const GUIDE: &str = include_str!("../../../docs/guides/maven.md");
/// More than the registry has in hand before it begins to answer.
const SIZE: usize = 1_500_000;

/// What a client did with bytes that are not the publisher's.
const REFUSED: &str = "refused";
const WARNED: &str = "installed, with a warning";
const TAKEN: &str = "installed";

/// That, and the file that it then has, if it took one.
type Did = (&'static str, Option<PathBuf>);

/// A release whose bytes are changed in each of the three ways.
struct Victim {
    registry: &'static Running,
    release: String,
    coordinate: String,
    name: String,
    jar: PathBuf,
    good: Vec<u8>,
    bad: Vec<u8>,
}

impl Victim {
    fn new(name: &str) -> anyhow::Result<Self> {
        let registry = shelf()?;
        let artifact = format!("changed-{name}");
        let jar = publish(registry, &artifact, "1.0", &noise(name, SIZE))?.join(format!("{artifact}-1.0.jar"));
        let release = format!("maven:demo.localhost/{artifact}@1.0");
        registry.deedbox(["verify".as_ref(), release.as_ref(), jar.as_os_str()])?.done()?;
        let good = fs::read(&jar)?;
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        Ok(Victim { registry, release, coordinate: format!("localhost.demo:{artifact}:1.0"), name: artifact, jar, good, bad })
    }

    /// The three ways; `fetch` is a client with an empty cache that is told an address and a name for what it keeps, and says what it did and
    /// which file it then has. `deedbox verify` refuses each of those, and each that it fetches itself.
    fn tried(&self, client: impl Fn(&str, &str) -> anyhow::Result<Did>) -> anyhow::Result<[&'static str; 3]> {
        let mut seen = Vec::new();
        let mut one = |url: &str, way: &str| -> anyhow::Result<()> {
            let (did, file) = client(url, way)?;
            if let Some(file) = &file {
                ensure!(fs::read(file)? == self.bad, "{way}: it has neither the publisher's bytes nor the changed ones");
                self.verify_refuses(Some(file))?;
            }
            ensure!((did == REFUSED) == file.is_none(), "{way}: {did}, and {file:?}");
            seen.push(did);
            Ok(())
        };
        fs::write(self.registry.object(&self.good), &self.bad)?;
        one(&format!("{}/maven/", self.registry.url), "damaged")?;
        self.verify_refuses(None)?;
        fs::write(self.registry.object(&self.good), &self.good)?;
        self.registry.deedbox(["verify".as_ref(), self.release.as_ref(), self.jar.as_os_str()])?.done()?;
        one(&self.on_the_way(false)?, "on-the-way")?;
        one(&self.on_the_way(true)?, "with-checksums")?;
        Ok([seen[0], seen[1], seen[2]])
    }

    fn verify_refuses(&self, file: Option<&Path>) -> anyhow::Result<()> {
        let words = ["verify".as_ref(), self.release.as_ref()].into_iter().chain(file.map(Path::as_os_str));
        let said = self.registry.deedbox(words)?;
        ensure!(!said.ok, "deedbox verify took other bytes:\n{}", said.all());
        Ok(())
    }

    /// A server that passes on what the registry has, but for the jar.
    fn on_the_way(&self, with_checksums: bool) -> anyhow::Result<String> {
        let stem = format!("localhost/demo/{0}/1.0/{0}-1.0", self.name);
        let mut files = BTreeMap::new();
        for tail in ["pom", "jar"] {
            for checksum in ["", ".sha1", ".md5"] {
                let path = format!("{stem}.{tail}{checksum}");
                let (status, _, bytes) = fetch(&format!("{}/maven/{path}", self.registry.url))?;
                ensure!(status == 200, "{path}: {status}");
                files.insert(format!("/{path}"), bytes);
            }
        }
        files.insert(format!("/{stem}.jar"), self.bad.clone());
        if with_checksums {
            let digests = Hasher::of(&self.bad).1;
            files.insert(format!("/{stem}.jar.sha1"), digests.sha1.to_string().into_bytes());
            files.insert(format!("/{stem}.jar.md5"), digests.md5.to_string().into_bytes());
        }
        let files = files.into_iter().map(|(path, bytes)| (path, Still { bytes, ..Still::default() })).collect();
        Ok(format!("http://{}/", still::serve(files)?))
    }
}

#[test]
fn what_maven_takes_of_bytes_that_are_not_the_publishers_is_in_the_guide() {
    for (bench, version) in [(Bench::of_debian(), "3.8"), (Bench::of_3_9(), "3.9")] {
        let bench = bench.unwrap();
        for strict in [true, false] {
            let victim = Victim::new(&format!("{version}{}", if strict { "-strict" } else { "" })).unwrap();
            let seen = victim.tried(|url, way| {
                let repository = format!("{}-{way}", victim.name);
                let said = bench.get_from(url, &repository, &victim.coordinate, if strict { &["-C"] } else { &[] })?;
                let file = bench.repository(&repository).join(format!("localhost/demo/{0}/1.0/{0}-1.0.jar", victim.name));
                Ok(match (said.ok, said.out.contains("[WARNING] Checksum validation failed")) {
                    (false, _) => {
                        ensure!(!file.exists(), "it keeps what it refused");
                        (REFUSED, None)
                    }
                    (true, true) => (WARNED, Some(file)),
                    (true, false) => (TAKEN, Some(file)),
                })
            });
            let command = if strict { "`mvn -C`" } else { "`mvn`" };
            assert_eq!(seen.unwrap(), row(&format!("Maven 3.8, 3.9: {command}")), "Maven {version} {command}");
        }
    }
}

#[test]
fn what_gradle_takes_of_bytes_that_are_not_the_publishers_is_in_the_guide() {
    let gradle = Gradle::of_debian().unwrap();
    let victim = Victim::new("gradle").unwrap();
    let seen = victim.tried(|url, way| {
        let project = gradle.project(way, &victim.coordinate)?;
        let script = fs::read_to_string(project.join("build.gradle"))?;
        fs::write(project.join("build.gradle"), format!("{script}repositories {{ maven {{ url '{url}' }} }}\n"))?;
        // A home of its own: nothing of another way is in its cache.
        let said = gradle.run(&project, &format!("home-{way}"), &["fetch"])?;
        let file = project.join(format!("build/wanted/{}-1.0.jar", victim.name));
        if said.ok {
            ensure!(!said.all().to_lowercase().contains("checksum"), "it says something of checksums: {}", said.all());
            return Ok((TAKEN, Some(file)));
        }
        ensure!(said.err.contains(&victim.name), "it fails for something else:\n{}", said.all());
        Ok((REFUSED, None))
    });
    assert_eq!(seen.unwrap(), row("Gradle 4.4"));
    // What `Victim::tried` saw of it, each time.
    assert_eq!(row("`deedbox verify`"), [REFUSED; 3]);
}

/// What the guide says of a client: a row of its table, without its head.
fn row(client: &str) -> [&'static str; 3] {
    let row = GUIDE.lines().find(|line| line.starts_with(&format!("| {client} |"))).with_context(|| format!("no row {client}"));
    let cells: Vec<&str> = row.unwrap().split('|').map(str::trim).collect();
    [cells[2], cells[3], cells[4]]
}
