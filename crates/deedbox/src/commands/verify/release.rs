//! A release against the log: asked, proven, judged over its package's chain, and given to be compared with a file or with what the registry
//! hands out. What comes of it is said elsewhere (`told`).

use super::anchor::Anchor;
use super::told::Checked;
use super::{Release, found, nothing_to_verify, paper};
use crate::args::Verify;
use crate::context::{self, Context};
use crate::ecosystems::Ecosystems;
use crate::failure::{refused, wrong};
use crate::packages::file::FileArtifact;
use deedbox_client::chain::holds_together;
use deedbox_client::{Asked, SavedProof, Trusted, VerifiedRelease, VerifyError, ask_with_chains, saved, state};
use deedbox_model::{PackageId, Version};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// At most one release and one file. A text with a colon and an at-sign that is not a file is a release.
pub(super) fn targets(args: &Verify) -> anyhow::Result<(Option<Release>, Option<PathBuf>)> {
    let (mut release, mut file) = (None, None);
    for target in &args.targets {
        let path = PathBuf::from(target);
        let slot_taken = if path.is_file() {
            file.replace(path).is_some()
        } else if target.contains('@') && target.contains(':') || Ecosystems::default().instead_of(target).is_some() {
            release.replace(context::release(target)?).is_some()
        } else {
            return Err(wrong(format!("{target} is neither a file nor a release like npm:acme.example/widget@1.0.0")));
        };
        if slot_taken {
            return Err(wrong("one release and one file at a time; for many packages use --lockfile"));
        }
    }
    Ok((release, file))
}

/// Verifies a release with what the registry hands out for it now; says nothing.
pub(crate) async fn release(context: &Context, id: &PackageId, version: &Version) -> anyhow::Result<()> {
    let trusted = context.trusted_quietly().await?;
    let release = proven(context, id, version).await?;
    let anchor = Anchor::of(context.named()?, trusted.pin().log_key.clone());
    let mut checked =
        Checked { release, anchor, not_followed: None, compared: Vec::new(), not_compared: None, offline: false, proof: Vec::new() };
    checked.compare_downloads(&trusted).await
}

/// The release as the log has it.
pub(crate) async fn proven(context: &Context, id: &PackageId, version: &Version) -> anyhow::Result<VerifiedRelease> {
    let trusted = context.trusted_quietly().await?;
    let mut asked = ask(&trusted, id, version).await?;
    judged(&trusted, &mut asked, id, version).await
}

async fn ask(trusted: &Trusted, id: &PackageId, version: &Version) -> anyhow::Result<Asked> {
    Ok(ask_with_chains(trusted, vec![format!("{id}@{version}")], &BTreeSet::from([id.clone()])).await?)
}

/// The release, if it is this program's to judge.
async fn judged(trusted: &Trusted, asked: &mut Asked, id: &PackageId, version: &Version) -> anyhow::Result<VerifiedRelease> {
    let release = match asked.judged.release(id, version) {
        Err(error @ VerifyError::NotInLog(..)) => return Err(or_channel(trusted, id, version, error).await?),
        judged => judged?,
    };
    holds_together(asked.followed.get(id), &release)?;
    Ok(release)
}

/// A version that is not there may be a channel, as tags of images are: it moves, so what it names now is said instead.
async fn or_channel(trusted: &Trusted, id: &PackageId, version: &Version, error: VerifyError) -> anyhow::Result<anyhow::Error> {
    let Ok(Some(channels)) = state::channels(trusted.registry(), id).await else { return Ok(error.into()) };
    let Some(channel) = channels.iter().find(|channel| channel.channel == version.as_str()) else { return Ok(error.into()) };
    let names = match Version::parse(&channel.version) {
        Ok(names) => names,
        Err(_) => return Ok(error.into()),
    };
    Ok(wrong(format!(
        "{version} is a channel of {id}, and not a release: a channel moves. The registry says that it names {names} now. To verify that release: \
         deedbox verify {id}@{names}"
    )))
}

pub(super) async fn online(
    context: &Context,
    args: &Verify,
    release: Option<&Release>,
    file: Option<&FileArtifact>,
) -> anyhow::Result<Checked> {
    let context = found::for_release(context, release.map(|(id, _)| id))?;
    let trusted = context.trusted_or_asked(args.pin_on_first_use).await?;
    let (id, version) = match (release, file) {
        (Some(release), _) => release.clone(),
        (None, Some(file)) => release_of(&trusted, file)?,
        (None, None) => return Err(nothing_to_verify()),
    };
    let mut asked = ask(&trusted, &id, &version).await?;
    let release = judged(&trusted, &mut asked, &id, &version).await?;
    let mut checked = Checked {
        anchor: Anchor::of(context.named()?, trusted.pin().log_key.clone()),
        not_followed: asked.followed.get(&id).and_then(|followed| followed.why_not()),
        release,
        compared: Vec::new(),
        not_compared: None,
        offline: false,
        proof: Vec::new(),
    };
    if let Some(file) = file {
        checked.compare_file(file)?;
    } else if args.no_download {
        checked.not_compared = Some("nothing was downloaded (--no-download)");
    } else {
        checked.compare_downloads(&trusted).await?;
    }
    let saved = SavedProof::new(trusted.registry().url().as_str(), &id, &version, asked.unproven);
    saved.keep(trusted.place())?;
    if let Some(path) = &args.save {
        checked.proof = paper::write(&trusted, &saved, &checked.release, &asked.proven, path).await?;
    }
    Ok(checked)
}

/// Which release a file is of, by the proofs that are kept.
fn release_of(trusted: &Trusted, file: &FileArtifact) -> anyhow::Result<Release> {
    match saved::find(trusted.place(), &file.digests().sha256)? {
        Some((_, proof)) => context::release(&proof.name()),
        None => Err(no_proof_of(file)),
    }
}

pub(super) fn no_proof_of(file: &FileArtifact) -> anyhow::Error {
    let digest = &file.digests().sha256;
    refused(format!(
        "no proof that is kept here names a file with {}: say which release it should be (deedbox verify npm:acme.example/widget@1.0.0 FILE)",
        digest.to_address()
    ))
}
