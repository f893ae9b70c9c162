//! Every npm-family client that we name, unmodified, against a real registry: what it installs, what its lock file keeps, what it says
//! of a deprecated version, and whether it takes bytes that are not the publisher's (spec/projections/npm.md). What each client is seen
//! to do is its row in docs/guides/npm-clients.md, and is compared with it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, and so may what it is made of"
)]

use std::{fs, io::Read as _, path::PathBuf, process::Command};

use anyhow::{Context as _, ensure};
use deedbox_testkit::archives::noise;
use deedbox_tests::{
    clients::{self, Client},
    registry::{Running, Said, Source},
    shelf::{self, NOTICE},
};
use serde_json::json;

const GUIDE: &str = include_str!("../../docs/guides/npm-clients.md");

/// How a client is asked for what every client does.
struct Ways {
    install: &'static [&'static str],
    /// From the lock file, refusing to change it.
    frozen: &'static [&'static str],
    lock: &'static str,
    /// Words with which it refuses a tarball that is not what its integrity says.
    refusal: &'static str,
}

const NPM: Ways =
    Ways { install: &["install", "--no-audit"], frozen: &["ci", "--no-audit"], lock: "package-lock.json", refusal: "EINTEGRITY" };
const PNPM: Ways = Ways {
    install: &["install", "--no-frozen-lockfile"],
    frozen: &["install", "--frozen-lockfile"],
    lock: "pnpm-lock.yaml",
    refusal: "integrity",
};
const YARN_1: Ways =
    Ways { install: &["install"], frozen: &["install", "--frozen-lockfile"], lock: "yarn.lock", refusal: "Integrity check failed" };
const YARN_4: Ways = Ways { install: &["install"], frozen: &["install", "--immutable"], lock: "yarn.lock", refusal: "checksum" };
const BUN: Ways =
    Ways { install: &["install"], frozen: &["install", "--frozen-lockfile"], lock: "bun.lock", refusal: "Integrity check failed" };
const DENO: Ways = Ways { install: &["install"], frozen: &["install", "--frozen"], lock: "deno.lock", refusal: "checksum" };

/// A client in folders of its own.
struct Bench {
    client: Client,
    ways: Ways,
    registry: &'static Running,
    scratch: tempfile::TempDir,
}

/// A project and the home of the client that works in it.
struct Project {
    folder: PathBuf,
    home: PathBuf,
}

impl Bench {
    /// An empty project that wants these packages, and a home with empty caches.
    fn project(&self, name: &str, wants: &[(&str, &str)]) -> anyhow::Result<Project> {
        let folder = self.scratch.path().join(name);
        let home = self.scratch.path().join(format!("{name}-home"));
        fs::create_dir_all(&home)?;
        let wants: serde_json::Map<_, _> = wants.iter().map(|(name, range)| (format!("@demo.localhost/{name}"), json!(range))).collect();
        self.registry.project(&self.client, &folder, &json!({ "name": "app", "private": true, "dependencies": wants }))?;
        if self.ways.lock == "yarn.lock" {
            // yarn takes the folder for a project of its own by this file.
            fs::write(folder.join("yarn.lock"), "")?;
        }
        Ok(Project { folder, home })
    }

    /// The same project as it comes from a repository: its manifest, its settings, its lock file, and nothing in any cache.
    fn checkout(&self, of: &Project, name: &str) -> anyhow::Result<Project> {
        let folder = self.scratch.path().join(name);
        let home = self.scratch.path().join(format!("{name}-home"));
        fs::create_dir_all(&folder)?;
        fs::create_dir_all(&home)?;
        for entry in fs::read_dir(&of.folder)? {
            let entry = entry?;
            // yarn 4 keeps its state beside the manifest.
            if entry.file_type()?.is_file() && entry.file_name() != ".pnp.cjs" {
                fs::copy(entry.path(), folder.join(entry.file_name()))?;
            }
        }
        ensure!(folder.join(self.ways.lock).is_file(), "it wrote no {}", self.ways.lock);
        Ok(Project { folder, home })
    }

    fn run(&self, project: &Project, args: &[&str]) -> anyhow::Result<Said> {
        Said::of(self.client.command(&project.home, &project.folder).args(args))
    }

    fn install(&self, project: &Project) -> anyhow::Result<Said> {
        self.run(project, self.ways.install)?.done().context("install")
    }

    /// Installs from the lock file, which must stay as it is.
    fn install_frozen(&self, project: &Project) -> anyhow::Result<Said> {
        let lock = fs::read_to_string(project.folder.join(self.ways.lock))?;
        let said = self.run(project, self.ways.frozen)?.done().context("install from the lock file")?;
        ensure!(fs::read_to_string(project.folder.join(self.ways.lock))? == lock, "the lock file was changed");
        Ok(said)
    }

    /// What the installed packages say when a module of the project imports them.
    fn imports(&self, project: &Project, names: &[&str]) -> anyhow::Result<String> {
        let lines = names.iter().map(|name| format!("console.log((await import('@demo.localhost/{name}')).default)\n"));
        fs::write(project.folder.join("main.mjs"), lines.collect::<String>())?;
        let said = match self.client.name {
            "bun" => self.run(project, &["main.mjs"])?,
            "deno" => self.run(project, &["run", "-A", "main.mjs"])?,
            _ => Said::of(Command::new("node").arg("main.mjs").current_dir(&project.folder))?,
        };
        Ok(said.done().context("run what was installed")?.out)
    }

    /// A package of this client's own, whose state no other test changes.
    fn own(&self, what: &str) -> String {
        format!("{what}-{}", self.client.name)
    }

    /// A tag, a range in which the newest version is yanked, a dependency of a dependency, and a program.
    fn installs(&self) -> anyhow::Result<()> {
        let project = self.project("plain", &[("left", "next"), ("right", "^1.0.0")])?;
        self.install(&project)?;
        self.is_whole(&project)
    }

    /// The same from the lock file, with nothing in any cache.
    fn keeps_the_lock_file(&self) -> anyhow::Result<()> {
        let project = self.project("locked", &[("left", "next"), ("right", "^1.0.0")])?;
        self.install(&project)?;
        let again = self.checkout(&project, "locked-again")?;
        self.install_frozen(&again)?;
        self.is_whole(&again)
    }

    fn is_whole(&self, project: &Project) -> anyhow::Result<()> {
        let said = self.imports(project, &["left", "right"])?;
        ensure!(said == "left 1.2.0-rc.1\nright 1.0.0 with left 1.0.0\n", "the installed code says {said}");
        let said = Said::of(Command::new("node_modules/.bin/right").current_dir(&project.folder))?.done().context("the program right")?;
        ensure!(said.out == "right 1.0.0 with left 1.0.0\n", "the program says {}", said.out);
        Ok(())
    }

    /// A version that was yanked after it came into a lock file: still there from the lock file, and chosen by nobody anew.
    fn keeps_what_was_yanked(&self) -> anyhow::Result<()> {
        let name = self.own("kept");
        self.registry.publish(&[Source::plain(&name, "1.0.0"), Source::plain(&name, "1.1.0")], &[])?;
        let before = self.project("yanked", &[(&name, "^1.0.0")])?;
        self.install(&before)?;
        self.registry.deedbox(["yank", &format!("npm:demo.localhost/{name}@1.1.0")])?.done()?;
        let anew = self.project("yanked-anew", &[(&name, "^1.0.0")])?;
        self.install(&anew)?;
        let said = self.imports(&anew, &[&name])?;
        ensure!(said == format!("{name} 1.0.0\n"), "without a lock file it chose {said}");
        let after = self.checkout(&before, "yanked-after")?;
        self.install_frozen(&after)?;
        let said = self.imports(&after, &[&name])?;
        ensure!(said == format!("{name} 1.1.0\n"), "from the lock file it installed {said}");
        Ok(())
    }

    /// Whether it says what the owner says about a version.
    fn warns_of_what_is_deprecated(&self) -> anyhow::Result<&'static str> {
        let project = self.project("deprecated", &[("left", "2.0.0")])?;
        let said = self.install(&project)?.all();
        Ok(match (said.contains(NOTICE), said.contains("deprecated @demo.localhost/left@2.0.0")) {
            (true, _) => "yes",
            (false, true) => "without the message",
            (false, false) => {
                ensure!(!said.to_lowercase().contains("deprecat"), "it speaks of a deprecation in other words:\n{said}");
                "no"
            }
        })
    }

    /// Bytes that are not the publisher's, in an archive that is sound: what it does with a lock file from before, and without one.
    fn takes_other_bytes(&self) -> anyhow::Result<(bool, bool)> {
        let name = self.own("changed");
        let mut source = Source::plain(&name, "1.0.0");
        // Larger than what a registry keeps in memory, and nothing that gets smaller when it is packed.
        source.files.push(("noise.bin", noise("changed", 1_500_000)));
        let tarball = self.registry.publish(&[source], &[])?.remove(0);
        let before = self.project("changed", &[(&name, "1.0.0")])?;
        self.install(&before)?;
        let bytes = fs::read(tarball)?;
        self.registry.rot(&bytes, &other_content(&bytes)?)?;
        let takes = |project: &Project, args: &[&str]| -> anyhow::Result<bool> {
            if self.client.name.starts_with("pnpm") {
                // pnpm asks again after ten seconds, and after a minute.
                let settings = project.folder.join("pnpm-workspace.yaml");
                fs::write(&settings, fs::read_to_string(&settings)? + "fetchRetries: 0\n")?;
            }
            let said = self.run(project, args)?;
            if said.ok {
                let installed = fs::read(project.folder.join(format!("node_modules/@demo.localhost/{name}/noise.bin")))?;
                ensure!(installed != noise("changed", 1_500_000), "it installed the publisher's bytes: nothing was changed");
                return Ok(true);
            }
            ensure!(said.all().contains(self.ways.refusal), "it refuses for another reason:\n{}", said.all());
            Ok(false)
        };
        let locked = takes(&self.checkout(&before, "changed-locked")?, self.ways.frozen)?;
        let anew = takes(&self.project("changed-anew", &[(&name, "1.0.0")])?, self.ways.install)?;
        Ok((locked, anew))
    }
}

/// A gzip file of the same length, as sound, with one byte of one file changed: deflate has stored what it could not make smaller, so a
/// byte in the middle is a byte of content, and the sum at the end is made right again. Only a digest tells the two apart.
fn other_content(tarball: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut changed = tarball.to_vec();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let mut content = Vec::new();
    flate2::read::DeflateDecoder::new(&changed[10..]).read_to_end(&mut content).context("the byte was none of content")?;
    let mut sum = flate2::Crc::new();
    sum.update(&content);
    let end = changed.len() - 8;
    changed[end..end + 4].copy_from_slice(&sum.sum().to_le_bytes());
    let mut sound = Vec::new();
    flate2::read::GzDecoder::new(changed.as_slice()).read_to_end(&mut sound).context("the archive is not sound")?;
    Ok(changed)
}

fn word(seen: anyhow::Result<&'static str>, failures: &mut Vec<String>, case: &str) -> &'static str {
    match seen {
        Ok(word) => word,
        Err(error) => {
            failures.push(format!("{case}: {error:#}"));
            "fails"
        }
    }
}

fn refuses(takes: bool) -> &'static str {
    if takes { "no" } else { "yes" }
}

/// Tries everything, says everything that went wrong at once, and compares the row of the guide.
fn is_as_its_row_says(client: anyhow::Result<Client>, ways: Ways) {
    let client = client.unwrap();
    let registry = shelf::shared().unwrap();
    let bench = Bench { client, ways, registry, scratch: tempfile::tempdir().unwrap() };
    let mut failures = Vec::new();
    let (locked, anew) = match bench.takes_other_bytes() {
        Ok((locked, anew)) => (Ok(refuses(locked)), Ok(refuses(anew))),
        Err(error) => (Err(error), Ok("")),
    };
    let seen = [
        word(bench.installs().map(|()| "yes"), &mut failures, "install by tag, by range, with what a dependency needs"),
        word(bench.keeps_the_lock_file().map(|()| "yes"), &mut failures, "from the lock file with an empty cache"),
        word(bench.keeps_what_was_yanked().map(|()| "yes"), &mut failures, "a yanked version in the lock file"),
        word(bench.warns_of_what_is_deprecated(), &mut failures, "a deprecated version"),
        word(locked, &mut failures, "changed bytes, from the lock file"),
        word(anew, &mut failures, "changed bytes, without a lock file"),
    ];
    assert!(failures.is_empty(), "{} {}:\n- {}", bench.client.name, bench.client.version, failures.join("\n- "));
    let row = rows().into_iter().find(|row| row[0] == bench.client.name).unwrap_or_else(|| panic!("no row for {}", bench.client.name));
    assert_eq!(row[1], bench.client.version, "the version in the guide is not the pinned one of {}", bench.client.name);
    assert_eq!(row[2..8], seen, "the row of {} in the guide (left) is not what was seen (right)", bench.client.name);
}

/// The rows of the guide's first table, without its head: name, version, six answers, settings.
fn rows() -> Vec<Vec<&'static str>> {
    let table = GUIDE.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect()).collect()
}

#[test]
fn the_guide_has_a_row_for_each_client_that_is_tried_here() {
    let names: Vec<_> = rows().iter().map(|row| row[0]).collect();
    assert_eq!(names, ["npm11", "npm12", "pnpm10", "pnpm12", "yarn1", "yarn4", "bun", "deno"]);
    assert!(rows().iter().all(|row| row.len() == 9 && !row[8].is_empty()), "{:?}", rows());
}

#[test]
fn npm_11_is_as_its_row_says() {
    is_as_its_row_says(clients::npm11(), NPM);
}

#[test]
fn npm_12_is_as_its_row_says() {
    is_as_its_row_says(clients::npm12(), NPM);
}

#[test]
fn pnpm_10_is_as_its_row_says() {
    is_as_its_row_says(clients::pnpm10(), PNPM);
}

#[test]
fn pnpm_12_is_as_its_row_says() {
    is_as_its_row_says(clients::pnpm12(), PNPM);
}

#[test]
fn yarn_1_is_as_its_row_says() {
    is_as_its_row_says(clients::yarn1(), YARN_1);
}

#[test]
fn yarn_4_is_as_its_row_says() {
    is_as_its_row_says(clients::yarn4(), YARN_4);
}

#[test]
fn bun_is_as_its_row_says() {
    is_as_its_row_says(clients::bun(), BUN);
}

#[test]
fn deno_is_as_its_row_says() {
    is_as_its_row_says(clients::deno(), DENO);
}
