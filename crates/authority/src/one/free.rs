//! Whether a domain is to be had by a look at it: what the rows say before anybody has looked. It spares a claimant a way that ends in a
//! refusal, and gives no right: the decider judges the claim.

use super::Stop;
use super::domain::{is_unclaimed, is_unused};
use super::evidence::{has_ground, is_no_suffix};
use crate::refusal::Refusal;
use crate::rows::{RegistryRow, covered_key, domain_key, registry_key, suffix_key};
use deedbox_model::row::{Defect, Keys, Rows};
use deedbox_model::{DnsAnchor, Domain, SuffixRule};

/// The rows that [`is_free`] needs.
pub fn rows_of_free(domain: &Domain) -> Result<Keys, Defect> {
    let mut keys = Keys::from([registry_key()?, domain_key(domain)?, covered_key(domain)?]);
    for rule in SuffixRule::of(domain) {
        keys.insert(suffix_key(&rule)?);
    }
    Ok(keys)
}

/// The anchors of DNS from which a look at this domain starts; or why no look can give it to anybody.
pub fn is_free(rows: &Rows, domain: &Domain) -> Result<Result<Vec<DnsAnchor>, Refusal>, Defect> {
    match free(rows, domain) {
        Ok(anchors) => Ok(Ok(anchors)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Defect(defect)) => Err(defect),
    }
}

fn free(rows: &Rows, domain: &Domain) -> Result<Vec<DnsAnchor>, Stop> {
    let registry: RegistryRow = rows.decoded(&registry_key()?)?.ok_or(Refusal::NotTheBeginning)?;
    has_ground(&registry, domain)?;
    is_no_suffix(rows, domain)?;
    is_unclaimed(rows, domain)?;
    is_unused(rows, domain)?;
    Ok(registry.dns_anchors)
}
