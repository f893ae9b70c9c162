//! `deedbox verify`: a release, a file, or every package of a lock file, against the log. Says what it shows and what it
//! does not, and whose word it goes by: the registry and the log key are in every answer.

mod compare;
mod found;
mod kept;
mod lockfile;
mod paper;
mod release;

use crate::args::Verify;
use crate::context::{By, Context, Named};
use crate::failure::wrong;
use crate::terminal;
use deedbox_model::{PackageId, Version};
use serde::Serialize;
use std::path::PathBuf;

use crate::packages::file::FileArtifact;
pub(crate) use found::Registries;
pub(crate) use lockfile::{LockFiles, Locked, LockedTo};
pub(crate) use release::{proven, release};

/// Package and version.
type Release = (PackageId, Version);

/// What follows from a verified release.
const SHOWS: &str =
    "shown: the statement is in the log; a key of the domain signed it; the domain's claim is in the log and allows that key";
/// The same where the package's chain was followed.
const SHOWS_FIRST: &str = "it is the first release of its version on its package's chain";
/// What never follows without the whole log.
const SHOWS_NOT: &str = "that the registry withholds nothing newer (a yank, a change of its own rules), that other claims on the domain came first, or that it shows everybody the same chain; that takes an audit of the whole log";

pub(crate) async fn run(context: &Context, args: Verify) -> anyhow::Result<()> {
    if let Some(path) = &args.lockfile {
        if !args.targets.is_empty() {
            return Err(wrong("--lockfile checks the lock file's own packages: leave out the others"));
        }
        return lockfile::run(context, path, &args).await;
    }
    let (target, file) = release::targets(&args)?;
    let file = file.map(|path| FileArtifact::open(&path)).transpose()?;
    let checked = match (&args.proof, args.offline) {
        (Some(path), _) => kept::by_proof(context, path, &args, target.as_ref(), file.as_ref()).await?,
        (None, true) => kept::by_kept_proof(context, target.as_ref(), file.as_ref())?,
        (None, false) => release::online(context, &args, target.as_ref(), file.as_ref()).await?,
    };
    checked.tell(context)
}

/// Nothing says what is meant.
fn nothing_to_verify() -> anyhow::Error {
    wrong("what is to be verified? Give a release like npm:acme.example/widget@1.0.0, or a file")
}

/// Whose word an answer rests on.
#[derive(Debug, Clone, Serialize)]
struct Anchor {
    /// The registry's address; none where a proof and a key were all there was.
    registry: Option<String>,
    /// Who named it.
    named_by: String,
    /// The log key that everything was checked with.
    log_key: String,
}

impl Anchor {
    fn of(named: Option<&Named>, log_key: String) -> Self {
        let by = match named.map(|named| &named.by) {
            Some(By::User) => "you".to_owned(),
            Some(By::Thing(thing)) => thing.clone(),
            None => "nobody".to_owned(),
        };
        Anchor { registry: named.map(|named| named.url.to_string()), named_by: by, log_key }
    }

    fn tell(&self) {
        match &self.registry {
            Some(registry) if self.named_by == "you" => terminal::say_line(&format!("  registry    {registry}")),
            Some(registry) => terminal::say_line(&format!("  registry    {registry} (named by {})", self.named_by)),
            None => terminal::say_line("  registry    none was asked"),
        }
        terminal::say_line(&format!("  log key     {}", self.log_key));
    }
}

/// A path as words: what it holds is written safely by the printer.
fn shown(path: &std::path::Path) -> String {
    path.display().to_string()
}

/// A file that is written, for an answer.
type Written = Vec<PathBuf>;
