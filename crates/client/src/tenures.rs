//! The holders of domains whom the user of this machine accepted, where the line of holders breaks: a domain that was recovered, or claimed again after
//! it was given up, is somebody else's than the one whose packages people trusted. A release of such a holder does not verify before it was accepted
//! once. Kept for each log and domain; nothing is accepted by itself.

use crate::broken::Break;
use crate::error::ClientError;
use crate::limits;
use crate::paths::{self, Home};
use crate::verify::VerifiedRelease;
use crate::verify_error::VerifyError;
use deedbox_model::{Domain, EventId, TimeMs};
use deedbox_tlog::VerifierKey;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The folder of what was accepted of one log.
#[derive(Debug, Clone)]
pub struct Tenures(PathBuf);

/// What was accepted of one domain.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    domain: Domain,
    /// Oldest first.
    accepted: Vec<One>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    tenure: String,
    at: String,
}

impl Tenures {
    /// What was accepted of the log of this name and key, at whatever address it is served.
    pub fn of(home: &Home, key: &VerifierKey) -> Self {
        Tenures(home.log(key).tenures())
    }

    /// Refuses a release of a holder who came without the last one's word and was not accepted here.
    pub fn must_be_accepted(&self, release: &VerifiedRelease) -> Result<(), ClientError> {
        match release.broken() {
            Some(broken) if !self.is_accepted(release.owner(), &broken.tenure)? => Err(not_accepted(release, broken).into()),
            _ => Ok(()),
        }
    }

    /// Whether this tenure of the domain was accepted.
    pub fn is_accepted(&self, domain: &Domain, tenure: &EventId) -> Result<bool, ClientError> {
        let tenure = tenure.to_hex();
        Ok(self.read(domain)?.accepted.iter().any(|one| one.tenure == tenure))
    }

    /// Accepts the holder of a release. The caller has verified all else of it.
    pub fn accept(&self, release: &VerifiedRelease, now: TimeMs) -> Result<(), ClientError> {
        let Some(broken) = release.broken() else { return Ok(()) };
        let mut known = self.read(release.owner())?;
        let tenure = broken.tenure.to_hex();
        if known.accepted.iter().any(|one| one.tenure == tenure) {
            return Ok(());
        }
        known.accepted.push(One { tenure, at: now.to_rfc3339() });
        // What was accepted first is asked for again.
        let too_many = known.accepted.len().saturating_sub(limits::TENURES);
        known.accepted.drain(..too_many);
        let json = serde_json::to_vec_pretty(&known).map_err(|e| ClientError::Here(e.to_string()))?;
        paths::write(&self.file(release.owner()), &json)
    }

    fn file(&self, domain: &Domain) -> PathBuf {
        self.0.join(format!("{domain}.json"))
    }

    fn read(&self, domain: &Domain) -> Result<Accepted, ClientError> {
        let path = self.file(domain);
        let Some(bytes) = paths::read(&path, limits::TENURES_BYTES)? else {
            return Ok(Accepted { domain: domain.clone(), accepted: Vec::new() });
        };
        let read: Result<Accepted, _> = serde_json::from_slice(&bytes);
        let known =
            read.map_err(|e| ClientError::file(&path, format!("not a list of accepted holders ({e}); remove it to be asked again")))?;
        match known.domain == *domain {
            true => Ok(known),
            false => Err(ClientError::file(&path, format!("it is of {}; remove it to be asked again", known.domain))),
        }
    }
}

fn not_accepted(release: &VerifiedRelease, broken: &Break) -> VerifyError {
    VerifyError::NotAccepted { release: release.name(), domain: release.owner().clone(), broken: broken.clone() }
}
