//! A whole lock file against the log: one question, one proof, a verdict for each package. Knows no lock file's format:
//! a dialect reads it.

use crate::error::ClientError;
use crate::limits;
use crate::proofs::Query;
use crate::rules::{RulesChange, rules_change};
use crate::trust::Trusted;
use crate::verify::{Judged, VerifiedRelease, VerifyError, judge};
use deedbox_model::{Algorithm, PackageId, Version};
use std::collections::BTreeSet;

/// One package that a lock file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// As the lock file calls it.
    pub label: String,
    /// Id and version, if it can be of a Deedbox registry.
    pub release: Option<(PackageId, Version)>,
    /// Digests that the lock file names, none too weak to trust.
    pub digests: Vec<(Algorithm, Vec<u8>)>,
}

/// What became of it.
#[derive(Debug)]
pub enum Verdict {
    /// The log has it, with these digests.
    Verified(Box<VerifiedRelease>),
    /// It does not verify.
    Refused(VerifyError),
    /// It is of another registry, and was not checked.
    NotChecked,
}

/// Asks for all of them at once, proves, and compares. The verdicts come in the order of what was wanted. Gives also
/// the number of bytes of the proof.
pub async fn judge_lock(trusted: &Trusted, wanted: &[Wanted]) -> Result<(Vec<Verdict>, LockFacts), ClientError> {
    let releases: BTreeSet<String> = wanted.iter().filter_map(|w| w.release.as_ref().map(|(id, v)| format!("{id}@{v}"))).collect();
    if releases.len() > limits::PROVEN_AT_ONCE {
        return Err(ClientError::Use(format!(
            "the lock file names {} packages of this registry; at most {} are verified at once",
            releases.len(),
            limits::PROVEN_AT_ONCE
        )));
    }
    let query = Query { releases: releases.into_iter().collect(), ..Query::default() };
    let (unproven, proven) = trusted.prove(&query).await?;
    let mut judged = judge(&proven, &trusted.pin().origin, trusted.key())?;
    let change = rules_change(trusted).await?;
    let verdicts = verdicts(&mut judged, wanted).into_iter().map(|verdict| decided(verdict, change)).collect();
    let facts = LockFacts { tree_size: proven.checkpoint().size(), entries: proven.entries().len(), proof_bytes: unproven.proof_bytes() };
    Ok((verdicts, facts))
}

/// No release verifies that came after rules which this program does not know.
fn decided(verdict: Verdict, change: Option<RulesChange>) -> Verdict {
    match (verdict, change) {
        (Verdict::Verified(release), Some(change)) => match change.decides(release.index()) {
            Ok(()) => Verdict::Verified(release),
            Err(undecided) => Verdict::Refused(undecided),
        },
        (verdict, _) => verdict,
    }
}

/// Figures for people.
#[derive(Debug, Clone, Copy)]
pub struct LockFacts {
    /// Entries of the tree.
    pub tree_size: u64,
    /// Entries that were proven.
    pub entries: usize,
    /// Bytes of the multiproof.
    pub proof_bytes: usize,
}

/// A package may be named twice in a lock file; each time it is compared.
fn verdicts(judged: &mut Judged, wanted: &[Wanted]) -> Vec<Verdict> {
    let mut seen = std::collections::BTreeMap::new();
    wanted
        .iter()
        .map(|want| {
            let Some((id, version)) = &want.release else { return Verdict::NotChecked };
            let release = seen.entry((id, version)).or_insert_with(|| judged.release(id, version));
            match release {
                Ok(release) => match compare(release, want) {
                    Ok(()) => Verdict::Verified(Box::new(release.clone())),
                    Err(error) => Verdict::Refused(error),
                },
                Err(error) => Verdict::Refused(error.clone()),
            }
        })
        .collect()
}

/// Every digest that the lock file names is the one that the publisher signed.
fn compare(release: &VerifiedRelease, want: &Wanted) -> Result<(), VerifyError> {
    let differs = |why: String| Err(VerifyError::OtherBytes { what: want.label.clone(), release: release.name(), why });
    if want.digests.is_empty() {
        return differs("the lock file names no digest that can be trusted for it; install it again to get one".to_owned());
    }
    for (algorithm, digest) in &want.digests {
        if release.artifact_with(*algorithm, digest).is_none() {
            return differs(format!("the lock file's {} is not the one that its publisher signed", name(*algorithm)));
        }
    }
    Ok(())
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Md5 => "md5",
        Algorithm::Sha1 => "sha1",
        Algorithm::Blake3 => "blake3",
        Algorithm::Sha256 => "sha256",
        Algorithm::Sha512 => "sha512",
    }
}
