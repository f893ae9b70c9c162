//! A whole lock file against the log: one question, one proof, a verdict for each package. Knows no lock file's format:
//! a dialect reads it.

use crate::chain::{Asked, Followed, ask_with_chains, holds_together};
use crate::error::ClientError;
use crate::limits;
use crate::trust::Trusted;
use crate::verify::{Judged, VerifiedRelease};
use crate::verify_error::VerifyError;
use deedbox_model::{Algorithm, PackageId, Version};
use std::collections::BTreeSet;

/// One package that a lock file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// As the lock file calls it.
    pub label: String,
    /// Id and version.
    pub release: (PackageId, Version),
    /// Digests that the lock file names, none too weak to trust; each must be what the publisher signed, and at least one is there.
    pub digests: Vec<(Algorithm, Vec<u8>)>,
}

/// What became of it.
#[derive(Debug)]
pub enum Verdict {
    /// The log has it, with these digests.
    Verified(Box<VerifiedRelease>),
    /// The same, of a holder whom nobody here has accepted: why that has to be.
    NotAccepted(Box<VerifiedRelease>, VerifyError),
    /// It does not verify.
    Refused(VerifyError),
}

/// Asks for all of them at once, proves, and compares. The verdicts come in the order of what was wanted. Gives also
/// the number of bytes of the proof.
pub async fn judge_lock(trusted: &Trusted, wanted: &[Wanted]) -> Result<(Vec<Verdict>, LockFacts), ClientError> {
    let releases: BTreeSet<String> = wanted.iter().map(|Wanted { release: (id, version), .. }| format!("{id}@{version}")).collect();
    if releases.len() > limits::PROVEN_AT_ONCE {
        return Err(ClientError::Use(format!(
            "the lock file names {} packages of this registry; at most {} are verified at once",
            releases.len(),
            limits::PROVEN_AT_ONCE
        )));
    }
    let packages: BTreeSet<PackageId> = wanted.iter().map(|want| want.release.0.clone()).collect();
    let Asked { unproven, proven, mut judged, followed } = ask_with_chains(trusted, releases.into_iter().collect(), &packages).await?;
    let on_chain = |verdict| match verdict {
        Verdict::Verified(release) => match holds_together(followed.get(release.id()), &release) {
            Ok(()) => Verdict::Verified(release),
            Err(beside) => Verdict::Refused(beside),
        },
        verdict => verdict,
    };
    let tenures = trusted.tenures();
    let accepted = |verdict| match verdict {
        Verdict::Verified(release) => match tenures.must_be_accepted(&release) {
            Ok(()) => Ok(Verdict::Verified(release)),
            Err(ClientError::Verify(why)) => Ok(Verdict::NotAccepted(release, why)),
            Err(error) => Err(error),
        },
        verdict => Ok(verdict),
    };
    let verdicts = verdicts(&mut judged, wanted).into_iter().map(on_chain).map(accepted).collect::<Result<Vec<Verdict>, _>>()?;
    let facts = LockFacts {
        tree_size: proven.checkpoint().size(),
        entries: proven.entries().len(),
        proof_bytes: unproven.proof_bytes(),
        not_followed: followed.values().filter_map(|followed: &Followed| followed.why_not()).collect(),
    };
    Ok((verdicts, facts))
}

/// Figures for people.
#[derive(Debug, Clone)]
pub struct LockFacts {
    /// Entries of the tree.
    pub tree_size: u64,
    /// Entries that were proven.
    pub entries: usize,
    /// Bytes of the multiproof.
    pub proof_bytes: usize,
    /// For each package whose chain was not followed to its beginning, why.
    pub not_followed: Vec<&'static str>,
}

/// A package may be named twice in a lock file; each time it is compared.
fn verdicts(judged: &mut Judged, wanted: &[Wanted]) -> Vec<Verdict> {
    let mut seen = std::collections::BTreeMap::new();
    wanted
        .iter()
        .map(|want| {
            let (id, version) = &want.release;
            let release = seen.entry((id, version)).or_insert_with(|| judged.release_called(id, version));
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
        return differs("the lock file has no digest for it that can be trusted; install it again to get one".to_owned());
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
