//! Whose a domain is at first, on what ground, and which keys speak for it (spec/events.md §4.1 to §4.5). How it changes hands is `hands.rs`'s.

use super::body::Body;
use crate::acceptance::Acceptance;
use crate::domain_key::DomainKey;
use crate::key::KeyId;
use crate::limits;
use crate::said;
use crate::time::TimeMs;
use serde::{Deserialize, Serialize};

/// The class of a claim: on what ground the operator filed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// A name below `localhost`: nothing to show.
    Localhost,
    /// The operator vouches.
    Operator,
    /// The operator saw the claimant's digest in DNS, where the domain's zone is not signed.
    Dns,
    /// The operator saw it at the domain's own address over HTTPS, where the domain's zone is not signed.
    Https,
    /// The records of DNS, signed from the root down, show it to everybody.
    Dnssec,
}

impl Evidence {
    /// How strong it is, beside the others.
    pub fn strength(self) -> u8 {
        match self {
            Evidence::Localhost | Evidence::Operator => 0,
            Evidence::Https => 1,
            Evidence::Dns => 2,
            Evidence::Dnssec => 3,
        }
    }

    /// Its one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Evidence::Localhost => "localhost",
            Evidence::Operator => "operator",
            Evidence::Dns => "dns",
            Evidence::Https => "https",
            Evidence::Dnssec => "dnssec",
        }
    }

    /// Whether it rests on a look at the domain.
    pub fn is_seen(self) -> bool {
        match self {
            Evidence::Localhost | Evidence::Operator => false,
            Evidence::Dns | Evidence::Https | Evidence::Dnssec => true,
        }
    }
}

/// What the operator saw of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sight {
    /// When.
    pub at: TimeMs,
    /// Records of DNS with their signatures, from the root down (spec/dnssec.md): for `dnssec` to the claimant's own record, for the others to
    /// the proof that the zone is not signed.
    #[serde(with = "serde_bytes")]
    pub records: Vec<u8>,
}

/// `domain.claimed`: a domain has an owner. The operator's statement around the claimant's acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainClaimed {
    /// What was seen; there exactly for the classes that rest on it.
    pub sight: Option<Sight>,
    /// On what ground.
    pub evidence: Evidence,
    /// The claimant's own signed words.
    pub acceptance: Acceptance,
}

impl DomainClaimed {
    /// A claim that rests on no look at the domain.
    pub fn unseen(evidence: Evidence, acceptance: Acceptance) -> Self {
        DomainClaimed { sight: None, evidence, acceptance }
    }
}

impl Body for DomainClaimed {
    const TYPE: &'static str = "domain.claimed";

    fn check(&self) -> Result<(), &'static str> {
        check_sight(self.evidence, self.sight.as_ref())
    }
}

/// A sight is there exactly for the classes that rest on a look, and has a size.
pub(super) fn check_sight(evidence: Evidence, sight: Option<&Sight>) -> Result<(), &'static str> {
    if sight.is_some() != evidence.is_seen() {
        return Err("a claim by dns, https or dnssec says what was seen, and no other does");
    }
    let records = sight.map(|sight| sight.records.len());
    if records.is_some_and(|bytes| bytes == 0 || bytes > limits::RECORDS_BYTES) {
        return Err(said!("the records of DNS in a claim have 1 to {} bytes", limits::RECORDS_BYTES));
    }
    Ok(())
}

/// `domain.keys.changed`: other keys of a domain from the next index on. What its keys signed before stays as it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainKeysChanged {
    /// Keys that are added, or get another role or other times, 0 to 16, ascending by their bytes.
    pub put: Vec<DomainKey>,
    /// Keys that are taken away, 0 to 16, ascending; none of them is put.
    pub removed: Vec<KeyId>,
    /// Whether only keys decide about the domain from now on; null: as before.
    pub keys_only: Option<bool>,
}

impl DomainKeysChanged {
    /// These keys are put.
    pub fn put(put: Vec<DomainKey>) -> Self {
        DomainKeysChanged { put, removed: Vec::new(), keys_only: None }
    }

    /// These keys are taken away.
    pub fn remove(removed: Vec<KeyId>) -> Self {
        DomainKeysChanged { put: Vec::new(), removed, keys_only: None }
    }

    /// Whether it takes keys away and does nothing else: such a change is never late and never held up.
    pub fn only_removes(&self) -> bool {
        self.put.is_empty() && self.keys_only.is_none()
    }
}

impl Body for DomainKeysChanged {
    const TYPE: &'static str = "domain.keys.changed";

    fn check(&self) -> Result<(), &'static str> {
        let DomainKeysChanged { put, removed, keys_only } = self;
        if put.is_empty() && removed.is_empty() && keys_only.is_none() {
            return Err("a change of keys puts or removes at least one, or says whether only keys decide");
        }
        if put.len() > limits::DOMAIN_KEYS || removed.len() > limits::DOMAIN_KEYS {
            return Err(said!("a change of keys puts at most {} keys, and removes at most as many", limits::DOMAIN_KEYS));
        }
        if !put.is_sorted_by(|a, b| a.key < b.key) || !removed.is_sorted_by(|a, b| a < b) {
            return Err("keys that are put ascend by their bytes, keys that are removed by their ids, each named once");
        }
        if put.iter().any(|key| removed.contains(&key.key.id())) {
            return Err("a key is put or removed, not both");
        }
        Ok(())
    }
}
