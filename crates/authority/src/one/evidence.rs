//! On what ground a claim stands (spec/authority.md §4.3): that the claimant accepted it lately, that nobody else can have a domain of this
//! name, and what the records of DNS in the statement show. Everything that it looks at is in the statement's own bytes or in a row.

use super::Stop;
use super::domain::Said;
use crate::refusal::Refusal;
use crate::rows::{RegistryRow, suffix_key};
use deedbox_dnssec::{Anchor, Name, texts, unsigned};
use deedbox_model::event::{CLAIM_LABEL, DomainClaimed, Evidence, Sight};
use deedbox_model::limits::{ACCEPTANCE_MS, SIGHT_MS};
use deedbox_model::row::{Defect, Rows};
use deedbox_model::{DnsAnchor, Domain, SuffixRule, TimeMs};

/// The checks of a claim that come after those of the domain's row.
pub(super) fn check(said: &Said<'_>, registry: &RegistryRow, e: &DomainClaimed) -> Result<(), Stop> {
    is_fresh(said.domain, e.acceptance.terms().until, said.statement.time(), said.log_time)?;
    if e.evidence == Evidence::Localhost {
        return Ok(());
    }
    is_no_suffix(said.rows, said.domain)?;
    let Some(sight) = &e.sight else { return Ok(()) };
    Ok(is_seen(said, registry, (e.evidence, sight), &e.acceptance.record())?)
}

/// What was seen was seen lately, and shows this record, or that nobody could prove it.
pub(super) fn is_seen(said: &Said<'_>, registry: &RegistryRow, (evidence, sight): (Evidence, &Sight), record: &str) -> Result<(), Refusal> {
    has_ground(registry, said.domain)?;
    if sight.at > said.statement.time() || sight.at.plus_ms(SIGHT_MS) < said.log_time {
        return Err(Refusal::SightTooOld { domain: said.domain.clone(), at: sight.at });
    }
    shows(registry, said.domain, evidence, sight, record).map_err(|why| Refusal::NotShown { domain: said.domain.clone(), why })
}

/// An acceptance is used before its last moment, and not long before: whoever signed for next year has not consented today.
pub(super) fn is_fresh(domain: &Domain, until: TimeMs, time: TimeMs, log_time: TimeMs) -> Result<(), Refusal> {
    if until < log_time || until > time.plus_ms(ACCEPTANCE_MS) {
        return Err(Refusal::AcceptanceNotNow { domain: domain.clone(), until, log_time });
    }
    Ok(())
}

/// What is seen of a domain counts for something only where it is known which names anybody can have, and where trust in DNS begins.
pub(super) fn has_ground(registry: &RegistryRow, domain: &Domain) -> Result<(), Refusal> {
    if registry.suffixes == 0 || registry.dns_anchors.is_empty() {
        return Err(Refusal::NoGround(domain.clone()));
    }
    Ok(())
}

/// The domain is not a public suffix.
pub(super) fn is_no_suffix(rows: &Rows, domain: &Domain) -> Result<(), Stop> {
    let [itself, one_of_many, not_after_all] = SuffixRule::of(domain);
    let in_force = |rule: &SuffixRule| Ok::<bool, Defect>(rows.get(&suffix_key(rule)?)?.is_some());
    if (in_force(&itself)? || in_force(&one_of_many)?) && !in_force(&not_after_all)? {
        return Err(Refusal::PublicSuffix(domain.clone()).into());
    }
    Ok(())
}

/// The anchors of the rules in the form in which chains of records are judged.
pub fn anchors_of(anchors: &[DnsAnchor]) -> Vec<Anchor> {
    let anchor = |anchor: &DnsAnchor| Anchor {
        key_tag: anchor.key_tag,
        algorithm: anchor.algorithm,
        digest_type: anchor.digest_type,
        digest: anchor.digest.clone(),
    };
    anchors.iter().map(anchor).collect()
}

/// Whether the records show what the class says that they show.
fn shows(registry: &RegistryRow, domain: &Domain, evidence: Evidence, sight: &Sight, record: &str) -> Result<(), String> {
    let anchors = anchors_of(&registry.dns_anchors);
    let at = sight.at.as_ms() / 1000;
    let name = Name::parse(domain.as_str()).map_err(words)?;
    match evidence {
        Evidence::Localhost | Evidence::Operator => Ok(()),
        Evidence::Dns | Evidence::Https => unsigned(&sight.records, &anchors, &name, at).map(|_| ()).map_err(words),
        Evidence::Dnssec => {
            let values = texts(&sight.records, &anchors, &name.child(CLAIM_LABEL).map_err(words)?, at).map_err(words)?;
            if values.iter().any(|value| value == record.as_bytes()) {
                return Ok(());
            }
            Err(format!("no record at {CLAIM_LABEL}.{domain} says {record}"))
        }
    }
}

fn words(fault: impl std::fmt::Display) -> String {
    fault.to_string()
}
