//! What `verify` says of a release: what was shown, what was compared, and what neither shows. It asks nothing and judges nothing.

use super::anchor::Anchor;
use super::shown;
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal;
use deedbox_client::{Break, Standing, VerifiedRelease};
use deedbox_model::event::Evidence;
use deedbox_model::holding::Through;
use serde::Serialize;
use std::path::PathBuf;

/// What follows from a verified release.
pub(super) const SHOWS: &str =
    "shown: the statement is in the log; a key of the domain, or one that it granted this, signed it; what allows that key is in the log";
/// The same where the package's chain was followed.
pub(super) const SHOWS_FIRST: &str = "it is the first release of its version on its package's chain";
/// What never follows without the whole log.
pub(super) const SHOWS_NOT: &str = "that the registry withholds nothing newer (a yank, a change of its own rules) and no event of the domain that no other goes on from (a freeze, a key or grant taken back), that other claims on the domain came first, or that it shows everybody the same chain; that takes an audit of the whole log";

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
    /// Files that were written.
    pub(super) proof: Vec<PathBuf>,
}

#[derive(Serialize)]
pub(super) struct Compared {
    pub(super) what: String,
    pub(super) artifact: String,
    pub(super) size: u64,
    pub(super) sha256: String,
}

impl Checked {
    /// Says what was shown; for programs also of what does not verify, and why: all else of it does.
    pub(super) fn tell(&self, context: &Context, why_not: Option<&anyhow::Error>) -> anyhow::Result<()> {
        let release = &self.release;
        let facts = Facts::of(release);
        if context.json {
            #[derive(Serialize)]
            struct Answer<'a> {
                verified: bool,
                error: Option<Failure>,
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
            let (verified, error, anchor) = (why_not.is_none(), why_not.map(Failure::of), &self.anchor);
            let answer = Answer { verified, error, facts, anchor, chain, compared, offline, proof, shown, not_shown };
            return terminal::say_json(&answer);
        }
        terminal::say_line(&format!("✓ {} verifies", release.name()));
        self.anchor.tell();
        terminal::say_line(&format!("  checkpoint  {} entries of {}", facts.tree_size, facts.origin));
        terminal::say_line(&format!("  in the log  entry {}, event {}, {}", facts.index, facts.event, facts.time));
        terminal::say_line(&match &facts.by {
            None => format!("  signed by   key {} of {}", facts.kid, facts.owner),
            Some(grant) => format!("  signed by   key {}, by the grant {grant} of {}", facts.kid, facts.owner),
        });
        terminal::say_line(&format!("  allowed by  entry {}, {} ({})", facts.claim_index, begun(release), facts.evidence));
        if let Some(broken) = release.broken().filter(|broken| Some(broken.tenure) != release.tenure()) {
            terminal::say_line(&format!("              before that, {broken}"));
        }
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
    /// The grant that allows this key; null for a key of the owner's own.
    by: Option<String>,
    claim_index: u64,
    tenure: Option<String>,
    through: &'static str,
    /// Where the line of holders breaks.
    broken: Option<BrokenAt>,
    evidence: String,
    origin: String,
    tree_size: u64,
    yanked: Option<String>,
    deprecated: Option<String>,
}

/// A tenure that began without the word of the holder before, for programs.
#[derive(Serialize)]
struct BrokenAt {
    tenure: String,
    index: u64,
    at: String,
    through: &'static str,
    evidence: &'static str,
}

impl BrokenAt {
    fn of(broken: &Break) -> Self {
        BrokenAt {
            tenure: broken.tenure.to_hex(),
            index: broken.index,
            at: broken.at.to_rfc3339(),
            through: broken.through.as_str(),
            evidence: broken.evidence.as_str(),
        }
    }
}

/// How its domain came to its holder.
fn begun(release: &VerifiedRelease) -> String {
    let owner = release.owner();
    match release.through() {
        Through::Claim => format!("the claim of {owner}"),
        Through::Reclaim => format!("the claim of {owner} after it was given up"),
        Through::Transfer => format!("by which {owner} was handed over by its holder before"),
        Through::Recovery => format!("the recovery of {owner}"),
    }
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
            by: release.by().map(|grant| grant.to_hex()),
            claim_index: release.claim_index(),
            tenure: release.tenure().map(|tenure| tenure.to_hex()),
            through: release.through().as_str(),
            broken: release.broken().map(BrokenAt::of),
            evidence: evidence(release),
            origin: release.origin().to_string(),
            tree_size: release.tree_size(),
            yanked: release.standing().yanked.map(|(reason, _)| reason.to_string()),
            deprecated: release.standing().notice.as_ref().map(|(notice, _)| notice.reason.to_string()),
        }
    }
}

fn evidence(release: &VerifiedRelease) -> String {
    let ground = match release.evidence() {
        Evidence::Localhost => "below localhost, no evidence needed",
        Evidence::Operator => "the operator vouches",
        Evidence::Dns => "the operator saw the owner's record in DNS, which is not signed there",
        Evidence::Https => "the operator saw the owner's file at its address; DNS is not signed there",
        Evidence::Dnssec => "signed records of DNS show it to everybody",
    };
    // The operator can name any root: what only that root shows is the operator's word.
    match release.rests_on_own_root() {
        true => format!("{ground}, by keys of the root of DNS that this registry names itself"),
        false => ground.to_owned(),
    }
}

fn standing(standing: &Standing) -> String {
    let yanked = standing.yanked.map(|(reason, index)| format!("YANKED ({reason}, entry {index})"));
    let notice = standing.notice.as_ref().map(|(notice, index)| format!("DEPRECATED ({}, entry {index})", notice.reason));
    let all: Vec<String> = [yanked, notice].into_iter().flatten().collect();
    if all.is_empty() { "neither yanked nor deprecated by any event that was shown".to_owned() } else { all.join(", ") }
}
