//! A release and its bytes against the log: asked, proven, judged over its package's chain, and compared with a file or with what the
//! registry hands out.

use super::{Anchor, Release, SHOWS, SHOWS_FIRST, SHOWS_NOT, Written, found, nothing_to_verify, paper, shown};
use crate::args::Verify;
use crate::context::{self, Context};
use crate::ecosystems::Ecosystems;
use crate::failure::{refused, wrong};
use crate::packages::file::FileArtifact;
use crate::terminal;
use deedbox_client::chain::holds_together;
use deedbox_client::{
    Followed, Proven, SavedProof, Standing, Trusted, Unproven, VerifiedRelease, VerifyError, prove_with_chains, rules_change, saved, state,
    verify,
};
use deedbox_model::event::Evidence;
use deedbox_model::{PackageId, Version};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
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

/// A verified release with what was compared.
pub(super) struct Checked {
    pub(super) release: VerifiedRelease,
    pub(super) anchor: Anchor,
    /// Why the package's chain was not followed, if it was not.
    pub(super) not_followed: Option<&'static str>,
    /// Names, sizes and digests of what was compared.
    pub(super) compared: Vec<Compared>,
    /// Why nothing was compared, if nothing was.
    pub(super) not_compared: Option<&'static str>,
    pub(super) offline: bool,
    pub(super) proof: Written,
}

#[derive(Serialize)]
pub(super) struct Compared {
    pub(super) what: String,
    pub(super) artifact: String,
    pub(super) size: u64,
    pub(super) sha256: String,
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
    let asked = ask(&trusted, id, version).await?;
    judged(&trusted, &asked, id, version).await
}

/// What a registry answers about a release.
struct Asked {
    unproven: Unproven,
    proven: Proven,
    followed: BTreeMap<PackageId, Followed>,
}

async fn ask(trusted: &Trusted, id: &PackageId, version: &Version) -> anyhow::Result<Asked> {
    let (unproven, proven, followed) = prove_with_chains(trusted, vec![format!("{id}@{version}")], &BTreeSet::from([id.clone()])).await?;
    Ok(Asked { unproven, proven, followed })
}

/// Judges what was proven, if it is this program's to judge.
async fn judged(trusted: &Trusted, asked: &Asked, id: &PackageId, version: &Version) -> anyhow::Result<VerifiedRelease> {
    let release = match verify::judge(&asked.proven, &trusted.pin().origin, trusted.key())?.release(id, version) {
        Err(error @ VerifyError::NotInLog(..)) => return Err(or_channel(trusted, id, version, error).await?),
        judged => judged?,
    };
    holds_together(asked.followed.get(id), &release)?;
    if let Some(change) = rules_change(trusted).await? {
        change.decides(release.index())?;
    }
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
    let asked = ask(&trusted, &id, &version).await?;
    let release = judged(&trusted, &asked, &id, &version).await?;
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

impl Checked {
    pub(super) fn tell(&self, context: &Context) -> anyhow::Result<()> {
        let release = &self.release;
        let facts = Facts::of(release);
        if context.json {
            #[derive(Serialize)]
            struct Answer<'a> {
                verified: bool,
                #[serde(flatten)]
                facts: Facts,
                #[serde(flatten)]
                anchor: &'a Anchor,
                /// Events of the package that were followed from its first on; none if they were not.
                chain: Option<usize>,
                compared: &'a [Compared],
                offline: bool,
                proof: &'a [PathBuf],
                shown: String,
                not_shown: String,
            }
            let (compared, offline, proof) = (&self.compared, self.offline, &self.proof);
            let (shown, not_shown, chain) = (self.shows(), self.shows_not(), self.chain());
            let answer = Answer { verified: true, facts, anchor: &self.anchor, chain, compared, offline, proof, shown, not_shown };
            return terminal::say_json(&answer);
        }
        terminal::say_line(&format!("✓ {} verifies", release.name()));
        self.anchor.tell();
        terminal::say_line(&format!("  checkpoint  {} entries of {}", facts.tree_size, facts.origin));
        terminal::say_line(&format!("  in the log  entry {}, event {}, {}", facts.index, facts.event, facts.time));
        terminal::say_line(&format!("  signed by   key {} of {}", facts.kid, facts.owner));
        let evidence = evidence(release.evidence());
        terminal::say_line(&format!("  allowed by  entry {}, the claim of {} ({evidence})", facts.claim_index, facts.owner));
        match self.chain() {
            Some(1) => terminal::say_line("  chain       the first event of its package"),
            Some(events) => terminal::say_line(&format!("  chain       {events} events of its package, from the first one up to it")),
            None => terminal::say_line(&format!("  chain       not followed: {}", self.why_not_followed())),
        }
        for compared in &self.compared {
            let what = if compared.what == compared.artifact { String::new() } else { format!(" ({})", compared.what) };
            let size = terminal::bytes(compared.size);
            terminal::say_line(&format!("  bytes       {}{what}: {size}, sha256:{}", compared.artifact, compared.sha256));
        }
        if let Some(why) = self.not_compared {
            terminal::say_line(&format!("  bytes       not compared: {why}"));
        }
        terminal::say_line(&format!("  standing    {}", standing(release.standing())));
        for path in &self.proof {
            terminal::say_line(&format!("  proof       {}{}", shown(path), if self.offline { " (no network was used)" } else { "" }));
        }
        terminal::say_line(&self.shows());
        terminal::say_line(&self.shows_not());
        Ok(())
    }

    /// Events of the package from its first on, where the registry named them as the chain; a proof by itself is its own word for that.
    fn chain(&self) -> Option<usize> {
        if self.not_followed.is_some() { None } else { self.release.chain() }
    }

    fn why_not_followed(&self) -> &'static str {
        self.not_followed.unwrap_or("the proof does not hold all of it")
    }

    fn shows(&self) -> String {
        if self.chain().is_some() { format!("{SHOWS}; {SHOWS_FIRST}") } else { SHOWS.to_owned() }
    }

    fn shows_not(&self) -> String {
        match self.chain() {
            Some(_) => format!("not shown: {SHOWS_NOT}"),
            None => format!("not shown: that {SHOWS_FIRST} ({}); {SHOWS_NOT}", self.why_not_followed()),
        }
    }
}

/// What was shown, for programs.
#[derive(Serialize)]
struct Facts {
    release: String,
    index: u64,
    event: String,
    time: String,
    owner: String,
    kid: String,
    claim_index: u64,
    evidence: &'static str,
    origin: String,
    tree_size: u64,
    yanked: Option<String>,
    deprecated: Option<String>,
}

impl Facts {
    fn of(release: &VerifiedRelease) -> Self {
        Facts {
            release: release.name(),
            index: release.index(),
            event: release.event().to_hex(),
            time: release.time().to_rfc3339(),
            owner: release.owner().to_string(),
            kid: release.kid().to_hex(),
            claim_index: release.claim_index(),
            evidence: evidence(release.evidence()),
            origin: release.origin().to_string(),
            tree_size: release.tree_size(),
            yanked: release.standing().yanked.map(|(reason, _)| reason.to_string()),
            deprecated: release.standing().notice.as_ref().map(|(notice, _)| notice.reason.to_string()),
        }
    }
}

fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Localhost => "below localhost, no evidence needed",
        Evidence::Operator => "the operator vouches",
    }
}

fn standing(standing: &Standing) -> String {
    let yanked = standing.yanked.map(|(reason, index)| format!("YANKED ({reason}, entry {index})"));
    let notice = standing.notice.as_ref().map(|(notice, index)| format!("DEPRECATED ({}, entry {index})", notice.reason));
    let all: Vec<String> = [yanked, notice].into_iter().flatten().collect();
    if all.is_empty() { "neither yanked nor deprecated by any event that was shown".to_owned() } else { all.join(", ") }
}
