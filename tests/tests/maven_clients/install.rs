//! What Maven 3.8 and 3.9 fetch, resolve, follow and count (spec/projections/maven.md §6 and §7).

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context as _, ensure};

use super::bench::{Bench, fetch, pack, pack_jar, pom, publish, publish_pom, said_in, source};

/// Tries everything with one Maven, and says everything that went wrong at once.
fn works(bench: anyhow::Result<Bench>, name: &str, more: fn(&Bench) -> anyhow::Result<()>) {
    let bench = bench.unwrap();
    let mut failures = Vec::new();
    for (what, result) in [
        ("a release into an empty repository", bench.gets_a_release()),
        ("a range, a yanked version", bench.resolves_a_range()),
        ("a snapshot that moves", bench.follows_a_snapshot(&format!("moving-{name}"))),
        ("relocation, parent, classifier, signature", bench.resolves_what_a_pom_says(name, name == "3.9")),
        ("what only one of the two does", more(&bench)),
    ] {
        if let Err(error) = result {
            failures.push(format!("{what}: {error:#}"));
        }
    }
    assert!(failures.is_empty(), "{name}:\n- {}", failures.join("\n- "));
}

#[test]
fn maven_3_8_installs_follows_and_asks_for_each_checksum() {
    works(Bench::of_debian(), "3.8", |bench| bench.asks("asked-3.8", [1, 1, 1, 1, 0]));
}

#[test]
fn maven_3_9_installs_follows_and_takes_the_checksums_from_the_headers() {
    works(Bench::of_3_9(), "3.9", |bench| {
        bench.asks("asked-3.9", [1, 0, 1, 0, 0])?;
        bench.stays_within_the_prefixes()
    });
}

impl Bench {
    /// A release into an empty repository, byte for byte, with strict checksums.
    fn gets_a_release(&self) -> anyhow::Result<()> {
        self.get("cold", "localhost.demo:left:1.0")?.done()?;
        let path = "localhost/demo/left/1.0/left-1.0.jar";
        ensure!(fs::read(self.repository("cold").join(path))? == fs::read(source("left", "1.0").join("left-1.0.jar"))?, "other bytes");
        let said = self.get("cold-2", "localhost.demo:left:9.9")?;
        ensure!(!said.ok, "it found a version that is nowhere");
        Ok(())
    }

    /// The highest version of a range, which a yanked one is not.
    fn resolves_a_range(&self) -> anyhow::Result<()> {
        let project = self.project("range", &["localhost.demo:left:[1.0,2.0)"])?;
        let found = said(&self.resolve(&project, "range", &[])?)?;
        ensure!(found == BTreeMap::from([("left-1.1.jar".to_owned(), "left 1.1".to_owned())]), "{found:?}");
        let project = self.project("named", &["localhost.demo:left:1.2"])?;
        let found = self.resolve(&project, "range", &[])?;
        ensure!(found.contains_key("left-1.2.jar"), "a yanked version that is named goes on being there: {found:?}");
        Ok(())
    }

    /// A snapshot that moves, and goes back.
    fn follows_a_snapshot(&self, artifact: &str) -> anyhow::Result<()> {
        let publish = |says: &str| -> anyhow::Result<String> {
            let folder = pack(artifact, "1.0-SNAPSHOT", says.as_bytes())?;
            let pom = folder.join(format!("{artifact}-1.0-SNAPSHOT.pom")).display().to_string();
            let said = self.registry.deedbox(["publish", "--json", &pom])?.done()?.out;
            let release = said.split('"').find(|text| text.starts_with("maven:")).context("no release in the answer")?;
            Ok(release.to_owned())
        };
        let first = publish("first build")?;
        let project = self.project(&format!("snapshot-{artifact}"), &[&format!("localhost.demo:{artifact}:1.0-SNAPSHOT")])?;
        let says = |more: &[&str]| -> anyhow::Result<String> {
            let found = said(&self.resolve(&project, "snapshot", more)?)?;
            ensure!(found.len() == 1, "{found:?}");
            Ok(found.into_values().next().unwrap_or_default())
        };
        ensure!(says(&[])? == "first build");
        let second = publish("second build")?;
        ensure!(first != second && second.ends_with("-2"), "{first} {second}");
        ensure!(says(&["-U"])? == "second build");
        self.registry.deedbox(["channel", "set", &first, "1.0-SNAPSHOT"])?.done()?;
        ensure!(says(&["-U"])? == "first build");
        Ok(())
    }

    /// A dependency that has moved to another coordinate, one whose POM has its group and version from its parent, one with a classifier,
    /// with sources, and with a signature, which are files of one release.
    fn resolves_what_a_pom_says(&self, name: &str, takes_it_strictly: bool) -> anyhow::Result<()> {
        let (moved, parent, child, parts) =
            (format!("moved-{name}"), format!("parent-{name}"), format!("child-{name}"), format!("parts-{name}"));
        let to = "  <distributionManagement><relocation><artifactId>left</artifactId><version>1.1</version><message>it is left now</message>\
                  </relocation></distributionManagement>\n";
        let write = |artifact: &str, text: &str| -> anyhow::Result<PathBuf> {
            let folder = source(artifact, "1.0");
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("{artifact}-1.0.pom")), text)?;
            Ok(folder.join(format!("{artifact}-1.0.pom")))
        };
        publish_pom(self.registry, &write(&moved, &pom("localhost.demo", &moved, "1.0", to))?)?;
        let packaging = "  <packaging>pom</packaging>\n";
        publish_pom(self.registry, &write(&parent, &pom("localhost.demo", &parent, "1.0", packaging))?)?;
        let inherited = format!(
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  <modelVersion>4.0.0</modelVersion>\n  <parent>\n    \
             <groupId>localhost.demo</groupId>\n    <artifactId>{parent}</artifactId>\n    <version>1.0</version>\n  </parent>\n  \
             <artifactId>{child}</artifactId>\n</project>\n"
        );
        let path = write(&child, &inherited)?;
        pack_jar(&path.with_extension("jar"), b"the child")?;
        let published = publish_pom(self.registry, &path)?;
        ensure!(published.out.contains(&format!("maven:demo.localhost/{child}@1.0 published")), "{}", published.out);
        let path = write(&parts, &pom("localhost.demo", &parts, "1.0", ""))?;
        for (tail, says) in [("", "the main part"), ("-linux", "for linux"), ("-sources", "the sources")] {
            pack_jar(&path.with_file_name(format!("{parts}-1.0{tail}.jar")), says.as_bytes())?;
        }
        let signature = "-----BEGIN PGP SIGNATURE-----\n\nas it was made\n-----END PGP SIGNATURE-----\n";
        fs::write(path.with_extension("jar.asc"), signature)?;
        publish_pom(self.registry, &path)?;

        let wants = [
            format!("localhost.demo:{moved}:1.0"),
            format!("localhost.demo:{child}:1.0"),
            format!("localhost.demo:{parts}:1.0"),
            format!("localhost.demo:{parts}:1.0:jar:linux"),
            format!("localhost.demo:{parts}:1.0:jar:sources"),
        ];
        let project = self.project("told", &wants.iter().map(String::as_str).collect::<Vec<_>>())?;
        let of_the_parent = format!("/maven/localhost/demo/{parent}/1.0/{parent}-1.0.pom");
        let before = self.registry.answered(&of_the_parent, 200)?;
        let found = self.resolve(&project, "told", &[])?;
        ensure!(self.registry.answered(&of_the_parent, 200)? == before + 1, "the parent was not asked for here");
        let expected = [
            ("left-1.1.jar".to_owned(), "left 1.1"),
            (format!("{child}-1.0.jar"), "the child"),
            (format!("{parts}-1.0.jar"), "the main part"),
            (format!("{parts}-1.0-linux.jar"), "for linux"),
            (format!("{parts}-1.0-sources.jar"), "the sources"),
        ];
        let expected = expected.map(|(name, says)| (name, says.to_owned()));
        let found = said(&found)?;
        ensure!(found == BTreeMap::from(expected), "{found:?}");

        let coordinate = format!("localhost.demo:{parts}:1.0:jar.asc");
        self.get_from(&self.url(), "told", &coordinate, &[])?.done()?;
        let asc = self.repository("told").join(format!("localhost/demo/{parts}/1.0/{parts}-1.0.jar.asc"));
        ensure!(fs::read_to_string(asc)? == signature, "another signature");
        // No Maven asks for the checksum of a signature: 3.8 then has none where it must, 3.9 has that of the header.
        let strict = self.get("strict-signature", &coordinate)?;
        ensure!(strict.ok == takes_it_strictly, "a signature with strict checksums:\n{}", strict.all());

        // And by its address, as any other file.
        let at = format!("{}localhost/demo/{parts}/1.0/{parts}-1.0.jar.asc", self.url());
        let (status, headers, bytes) = fetch(&at)?;
        ensure!((status, bytes.as_slice()) == (200, signature.as_bytes()), "{status}");
        ensure!(headers.get("content-type").is_some_and(|said| said == "application/pgp-signature"), "{headers:?}");
        let (status, _, sha1) = fetch(&format!("{at}.sha1"))?;
        ensure!(status == 200 && headers.get("x-checksum-sha1").map(String::as_bytes) == Some(sha1.as_slice()), "{headers:?}");
        Ok(())
    }

    /// What it asks for when it fetches a release into an empty repository with strict checksums: so often each of the files.
    fn asks(&self, artifact: &str, expected: [usize; 5]) -> anyhow::Result<()> {
        publish(self.registry, artifact, "1.0", b"asked for")?;
        let count = |tail: &str| self.registry.answered(&format!("/maven/localhost/demo/{artifact}/1.0/{artifact}-1.0.{tail}"), 200);
        let tails = ["pom", "pom.sha1", "jar", "jar.sha1", "jar.md5"];
        // What publishes looks at the view too.
        let before = tails.map(count);
        self.get("asked", &format!("localhost.demo:{artifact}:1.0"))?.done()?;
        let mut asked = [0; 5];
        for ((tail, before), asked) in tails.iter().zip(before).zip(&mut asked) {
            *asked = count(tail)? - before?;
        }
        ensure!(asked == expected, "{asked:?} instead of {expected:?}");
        Ok(())
    }

    /// With the file of prefixes that the registry serves, it is not asked for anything of another group.
    fn stays_within_the_prefixes(&self) -> anyhow::Result<()> {
        let (status, _, prefixes) = fetch(&format!("{}.meta/prefixes.txt", self.url()))?;
        ensure!(status == 200 && prefixes.starts_with(b"## repository-prefixes/2.0\n"), "{status}");
        let filters = self.scratch.path().join("filters");
        fs::create_dir_all(&filters)?;
        fs::write(filters.join("prefixes-demo.txt"), prefixes)?;
        let filter = [
            "-Daether.remoteRepositoryFilter.prefixes=true",
            &format!("-Daether.remoteRepositoryFilter.prefixes.basedir={}", filters.display()),
        ];
        let get = |artifact: &str, more: &[&str]| {
            self.get_from(&self.url(), "prefixes", &format!("localhost.elsewhere:{artifact}:1.0"), &[&["-C"], more].concat())
        };
        let asked = |artifact: &str| {
            let path = format!("/maven/localhost/elsewhere/{artifact}/1.0/{artifact}-1.0.pom");
            self.registry.answered(&path, 404)
        };
        let said = get("with", &filter)?;
        ensure!(!said.ok && asked("with")? == 0, "it was asked in spite of its prefixes:\n{}", said.all());
        let said = get("without", &[])?;
        ensure!(!said.ok && asked("without")? == 1, "it was not asked where there is no file of prefixes:\n{}", said.all());
        self.get_from(&self.url(), "prefixes", "localhost.demo:left:1.0", &[&["-C"][..], &filter].concat())?.done()?;
        Ok(())
    }
}

/// What each of these jars says.
fn said(found: &BTreeMap<String, PathBuf>) -> anyhow::Result<BTreeMap<String, String>> {
    found.iter().map(|(name, path)| Ok((name.clone(), said_in(path)?))).collect()
}
