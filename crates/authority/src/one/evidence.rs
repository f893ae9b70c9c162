//! On what ground a claim stands (spec/authority.md §4.3): that the claimant accepted it lately, that nobody else can have a domain of this
//! name, and what the records of DNS in the statement show. Everything that it looks at is in the statement's own bytes or in a row.

use super::Stop;
use crate::refusal::Refusal;
use crate::rows::{RegistryRow, suffix_key};
use deedbox_dnssec::{Anchor, Name, texts, unsigned};
use deedbox_model::event::{CLAIM_LABEL, DomainClaimed, Evidence, Sight};
use deedbox_model::limits::{ACCEPTANCE_MS, SIGHT_MS};
use deedbox_model::row::{Defect, Rows};
use deedbox_model::{DnsAnchor, Domain, Statement, SuffixRule, TimeMs};

/// The checks of a claim that come after those of the domain's row.
pub(super) fn check(
    rows: &Rows,
    registry: &RegistryRow,
    statement: &Statement,
    domain: &Domain,
    e: &DomainClaimed,
    log_time: TimeMs,
) -> Result<(), Stop> {
    is_fresh(domain, e.acceptance.terms().until, statement.time(), log_time)?;
    if e.evidence == Evidence::Localhost {
        return Ok(());
    }
    is_no_suffix(rows, domain)?;
    let Some(sight) = &e.sight else { return Ok(()) };
    Ok(is_seen(registry, statement, domain, (e.evidence, sight), &e.acceptance.record(), log_time)?)
}

/// What was seen was seen lately, and shows this record, or that nobody could prove it.
pub(super) fn is_seen(
    registry: &RegistryRow,
    statement: &Statement,
    domain: &Domain,
    (evidence, sight): (Evidence, &Sight),
    record: &str,
    log_time: TimeMs,
) -> Result<(), Refusal> {
    has_ground(registry, domain)?;
    if sight.at > statement.time() || sight.at.plus_ms(SIGHT_MS) < log_time {
        return Err(Refusal::SightTooOld { domain: domain.clone(), at: sight.at });
    }
    shows(registry, domain, evidence, sight, record).map_err(|why| Refusal::NotShown { domain: domain.clone(), why })
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
