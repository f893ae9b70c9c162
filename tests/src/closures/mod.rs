//! The dependency closures of ten real projects, brought as their own clients bring them, published with `deedbox publish` into a registry
//! that is thrown away, and read back through each ecosystem's own addresses: `cargo xtask closures`. It fetches some gigabyte from
//! wherever the machine's clients are set up to fetch from, so it is not a test. What is refused or left out is counted by the rule's code.

mod gems;
mod images;
mod maven;
mod npm;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;
use deedbox_model::Version;
use deedbox_view::{ArtifactSource, Dialect, Said as SaidOf};

use crate::{
    images::Bench,
    registry::{DOMAIN, Said, serve},
};
pub use table::Report;

/// Brings closures of an ecosystem, with its own clients, into a folder.
type Bring = fn(&Path) -> anyhow::Result<Vec<Closure>>;

/// The ecosystems, in the order of the table.
const ECOSYSTEMS: [(&str, Bring); 4] =
    [("npm", npm::closures), ("maven", maven::closures), ("gem", gems::closures), ("oci", images::closures)];
/// Releases that one command publishes.
const BATCH: usize = 40;

/// All that a project's client brought.
#[derive(Debug)]
struct Closure {
    ecosystem: &'static str,
    project: &'static str,
    releases: Vec<Release>,
    /// The folder that files to publish lie in, if it goes with its owner.
    _held: Option<Bench>,
}

/// One release.
#[derive(Debug)]
struct Release {
    /// What people call it; the same in all closures.
    name: String,
    standing: Standing,
}

/// What is to be done with it.
#[derive(Debug)]
enum Standing {
    /// The command's words after `publish`, the path below the registry for each file of the release, and the domain it is under.
    ToPublish { words: Vec<OsString>, files: Vec<(String, PathBuf)>, domain: String },
    /// By which rule, and in its words.
    Refused { rule: String, words: String },
    /// By which rule there is no id for it.
    LeftOut(&'static str),
}

/// What became of a release that is to be published.
#[derive(Debug, Clone)]
enum Outcome {
    /// All its files come back as they are.
    Same,
    /// It is there, and this file comes back otherwise.
    Other(String),
    Refused(String, String),
}

/// Brings, publishes and reads back. What clients fetch is kept in `folder`, so that a second run fetches nothing.
///
/// # Errors
/// When a client or the registry cannot be started, or a client brings nothing.
pub async fn run(deedbox: &Path, folder: &Path, only: Option<&str>) -> anyhow::Result<Report> {
    fs::create_dir_all(folder)?;
    let folder = &folder.canonicalize()?;
    let mut report = Report::default();
    let names = ECOSYSTEMS.map(|(ecosystem, _)| ecosystem);
    anyhow::ensure!(only.is_none_or(|only| names.contains(&only)), "--only takes one of {}", names.join(", "));
    for (ecosystem, bring) in ECOSYSTEMS.into_iter().filter(|(ecosystem, _)| only.is_none_or(|only| only == *ecosystem)) {
        let folder = folder.join(ecosystem);
        fs::create_dir_all(&folder)?;
        let closures = bring(&folder)?;
        let registry = Registry::start(deedbox)?;
        let outcomes = registry.publish_all(&closures).await?;
        report.add(&closures, &outcomes);
    }
    Ok(report)
}

/// The code and words of what an ecosystem's own reading refuses; nothing where it takes the files.
fn refusal(
    dialect: &dyn Dialect,
    id: Option<&deedbox_model::PackageId>,
    version: Option<&Version>,
    files: &[&dyn ArtifactSource],
) -> Option<Standing> {
    let refused = dialect.inspect(&SaidOf { id, version }, files).err()?;
    Some(Standing::Refused { rule: refused.code.to_owned(), words: refused.message })
}

/// A registry in a folder of its own, with a key that holds the tests' domain.
struct Registry {
    deedbox: PathBuf,
    child: Child,
    folder: tempfile::TempDir,
    url: String,
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It may have ended already: then there is nothing to wait for.
        let _ = self.child.wait();
    }
}

impl Registry {
    fn start(deedbox: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (child, at) = serve(deedbox, folder.path(), None, &[])?;
        let registry = Registry { deedbox: deedbox.to_owned(), child, folder, url: format!("http://{at}") };
        registry.run(["keygen"])?.done()?;
        registry.run(["claim", DOMAIN])?.done()?;
        Ok(registry)
    }

    fn run<A: AsRef<std::ffi::OsStr>>(&self, words: impl IntoIterator<Item = A>) -> anyhow::Result<Said> {
        let mut command = Command::new(&self.deedbox);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DEEDBOX_")) {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).env("DEEDBOX_HOME", self.folder.path().join("home")).stdin(Stdio::null());
        Said::of(command.args(["--registry", &self.url]).args(words))
    }

    async fn publish_all(&self, closures: &[Closure]) -> anyhow::Result<BTreeMap<String, Outcome>> {
        let mut waiting = Vec::new();
        let mut seen = BTreeSet::new();
        for release in closures.iter().flat_map(|closure| &closure.releases) {
            if let Standing::ToPublish { words, files, domain } = &release.standing
                && seen.insert(release.name.as_str())
            {
                waiting.push((release.name.as_str(), words, files, domain.as_str()));
            }
        }
        for domain in waiting.iter().map(|(.., domain)| *domain).filter(|domain| *domain != DOMAIN).collect::<BTreeSet<_>>() {
            self.run(["claim", domain, "--operator-key", "registry/keys/operator.pem"])?.done()?;
        }
        let mut refused = BTreeMap::new();
        for batch in waiting.chunks(BATCH) {
            // Words beside the path are of one release alone.
            let is_together = batch.iter().all(|(_, words, ..)| words.len() == 1);
            let all = batch.iter().flat_map(|(_, words, ..)| words.iter());
            if is_together && self.run([OsString::from("publish")].iter().chain(all))?.ok {
                continue;
            }
            for (name, words, ..) in batch {
                let said = self.run([OsString::from("publish")].iter().chain(words.iter()))?;
                if !said.ok {
                    refused.insert(*name, said.err);
                }
            }
        }
        let http = reqwest::Client::new();
        let mut outcomes = BTreeMap::new();
        for (name, _, files, _) in waiting {
            let mut outcome = Outcome::Same;
            for (path, file) in files {
                let answer = http.get(format!("{}/{path}", self.url)).send().await?;
                let is_there = answer.status() == 200;
                if is_there && answer.bytes().await? == fs::read(file)? {
                    continue;
                }
                outcome = match refused.get(name) {
                    Some(words) if !is_there => Outcome::Refused(rule_in(words), words.clone()),
                    _ => Outcome::Other(path.clone()),
                };
                break;
            }
            outcomes.insert(name.to_owned(), outcome);
        }
        Ok(outcomes)
    }
}

/// The code that a refusal ends with, in brackets.
fn rule_in(words: &str) -> String {
    let mut codes =
        words.split(['(', ')', '[', ']']).filter(|word| word.contains('_') && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    codes.next_back().unwrap_or("unknown").to_owned()
}

/// Runs a client to its end, and says which one did not get there.
fn client(command: &mut Command) -> anyhow::Result<()> {
    Said::of(command.stdin(Stdio::null()))?.done().with_context(|| format!("{}", command.get_program().display()))?;
    Ok(())
}
