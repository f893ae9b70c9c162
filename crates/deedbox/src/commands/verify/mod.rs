//! `deedbox verify`: a release, a file, or every package of a lock file, against the log. Says what it shows and what it
//! does not, and whose word it goes by: the registry and the log key are in every answer.

mod accepted;
mod anchor;
mod compare;
mod found;
mod kept;
mod lockfile;
mod paper;
mod release;
mod told;

use crate::args::Verify;
use crate::context::Context;
use crate::failure::wrong;
use crate::packages::file::FileArtifact;
use deedbox_model::{PackageId, Version};

pub(crate) use release::{proven, release};

/// Package and version.
type Release = (PackageId, Version);

pub(crate) async fn run(context: &Context, args: Verify) -> anyhow::Result<()> {
    crate::small_pages::only();
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
    match accepted::check(context, &checked, args.accept_tenure) {
        Ok(()) => checked.tell(context, None),
        Err(error) => {
            if context.json {
                checked.tell(context, Some(&error))?;
            }
            Err(error)
        }
    }
}

/// Nothing says what is meant.
fn nothing_to_verify() -> anyhow::Error {
    wrong("what is to be verified? Give a release like npm:acme.example/widget@1.0.0, or a file")
}

/// A path as words: what it holds is written safely by the printer.
fn shown(path: &std::path::Path) -> String {
    path.display().to_string()
}
