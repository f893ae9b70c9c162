//! Who speaks of a domain, and its claim (spec/authority.md §4.3, §4.5). On what ground a claim stands is `evidence.rs`'s; what an event makes of a
//! domain is the model's (`Holding`).

use super::{Stop, begun, continue_chain, misfit, must_verify, registry};
use crate::decision::Signed;
use crate::refusal::Refusal;
use crate::rows::*;
use deedbox_model::event::{DomainClaimed, DomainKey, Evidence, Role};
use deedbox_model::row::{Defect, Rows};
use deedbox_model::{Domain, EventId, KeyId, Speaker, Statement, TimeMs};

/// A statement about a domain, where it is judged.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) rows: &'a Rows,
    pub(super) statement: &'a Statement,
    pub(super) domain: &'a Domain,
    pub(super) log_time: TimeMs,
}

/// A domain at a log time. The decider asks its questions of it, and so does `may.rs`, which has no statement.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) rows: &'a Rows,
    pub(super) domain: &'a Domain,
    pub(super) log_time: TimeMs,
}

/// Who says it: the domain, with this key; or the registry.
#[derive(Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
pub(super) enum By {
    Owner(DomainKey),
    Operator,
}

impl About<'_> {
    /// The row of the domain, which has a holder.
    pub(super) fn held(&self) -> Result<DomainRow, Stop> {
        let row = known(self.rows, self.domain)?.ok_or_else(|| Refusal::NotClaimed(self.domain.clone()))?;
        has_holder(&row, self.domain)?;
        Ok(row)
    }

    /// The domain's key of this id, whose role speaks of the domain and that is valid at log time.
    pub(super) fn speaker(&self, row: &DomainRow, kid: KeyId) -> Result<DomainKey, Refusal> {
        let key = key_of(row, self.domain, kid)?;
        if !key.role.speaks_of_domain() || !key.is_valid_at(self.log_time) {
            return Err(Refusal::KeyMayNot(self.domain.clone()));
        }
        Ok(key)
    }

    /// The domain is not frozen.
    pub(super) fn is_not_frozen(&self, row: &DomainRow) -> Result<(), Refusal> {
        is_not_frozen(row, self.domain, self.log_time)
    }

    /// The domain has a key of the role `recovery` that can be used.
    pub(super) fn has_recovery_key(&self, row: &DomainRow) -> bool {
        row.keys.iter().any(|key| key.role == Role::Recovery && key.is_valid_at(self.log_time))
    }
}

impl<'a> Said<'a> {
    /// The domain, and log time at the statement's index.
    pub(super) fn about(&self) -> About<'a> {
        About { rows: self.rows, domain: self.domain, log_time: self.log_time }
    }

    /// The registry says it.
    pub(super) fn by_registry(&self, row: Option<RegistryRow>, signed: Signed<'_>) -> Result<RegistryRow, Stop> {
        let row = begun(row)?;
        registry::speak_for(&row, signed, self.statement)?;
        Ok(row)
    }

    /// The domain says it of itself under its present tenure, with a key of its own whose role speaks of the domain and that is valid at log
    /// time. Gives its row and that key.
    pub(super) fn by_itself(&self, signed: Signed<'_>) -> Result<(DomainRow, DomainKey), Stop> {
        let row = self.about().held()?;
        is_under(&row, self.domain, self.tenure()?)?;
        let key = self.about().speaker(&row, self.statement.kid())?;
        must_verify(signed)?;
        Ok((row, key))
    }

    /// The one or the other.
    pub(super) fn by_either(&self, row: Option<RegistryRow>, signed: Signed<'_>) -> Result<(DomainRow, By), Stop> {
        match self.statement.speaker() {
            Speaker::Domain { .. } => self.by_itself(signed).map(|(row, key)| (row, By::Owner(key))),
            Speaker::Registry => {
                self.by_registry(row, signed)?;
                Ok((self.about().held()?, By::Operator))
            }
        }
    }

    /// The tenure under which the domain speaks.
    pub(super) fn tenure(&self) -> Result<&EventId, Refusal> {
        match self.statement.speaker() {
            Speaker::Domain { tenure, .. } => Ok(tenure),
            Speaker::Registry => Err(misfit()),
        }
    }

    /// It goes on from the last event of the domain's chain.
    pub(super) fn continues(&self, row: &DomainRow) -> Result<(), Refusal> {
        continue_chain(self.statement, Some(row.head))
    }

    /// It goes on from some event of the domain's chain, of its present tenure: nobody who writes fast keeps it out.
    pub(super) fn continues_tenure(&self, row: &DomainRow) -> Result<(), Stop> {
        let prev = self.statement.prev().map(|prev| chain_key(self.domain, &prev)).transpose()?;
        let found: Option<EventRow> = prev.map(|key| self.rows.decoded(&key)).transpose()?.flatten();
        if found.is_none_or(|event| event.index < row.tenure_index) {
            self.continues(row)?;
        }
        Ok(())
    }
}

/// The row of a domain, if anybody ever had it.
fn known(rows: &Rows, domain: &Domain) -> Result<Option<DomainRow>, Defect> {
    rows.decoded(&domain_key(domain)?)
}

/// Nobody has the domain: nobody ever had it, or its holder gave it up. Gives its row.
pub(super) fn is_unclaimed(rows: &Rows, domain: &Domain) -> Result<Option<DomainRow>, Stop> {
    match known(rows, domain)? {
        Some(row) if !row.released => Err(Refusal::AlreadyClaimed(domain.clone()).into()),
        row => Ok(row),
    }
}

/// Nobody who has a domain above has published under it.
pub(super) fn is_unused(rows: &Rows, domain: &Domain) -> Result<(), Stop> {
    match rows.decoded(&covered_key(domain)?)? {
        Some(CoveredRow { by }) => Err(Refusal::SubdomainInUse { domain: domain.clone(), by }.into()),
        None => Ok(()),
    }
}

/// A claim of what is below localhost says so, and no other does.
pub(super) fn is_its_evidence(domain: &Domain, evidence: Evidence) -> Result<(), Refusal> {
    if domain.is_localhost() == (evidence == Evidence::Localhost) { Ok(()) } else { Err(Refusal::WrongEvidence(domain.clone())) }
}

/// Nobody gets a domain on weaker evidence than the one on which it was had.
pub(super) fn is_strong_enough(row: &DomainRow, domain: &Domain, evidence: Evidence) -> Result<(), Refusal> {
    if evidence.strength() < row.evidence.strength() { Err(Refusal::WeakerEvidence(domain.clone())) } else { Ok(()) }
}

/// The domain is to be had. Gives its row, if somebody had it.
pub(super) fn claim(said: &Said<'_>, e: &DomainClaimed) -> Result<Option<DomainRow>, Stop> {
    let before = is_unclaimed(said.rows, said.domain)?;
    continue_chain(said.statement, before.as_ref().map(|row| row.head))?;
    is_its_evidence(said.domain, e.evidence)?;
    if let Some(before) = &before {
        is_strong_enough(before, said.domain, e.evidence)?;
    }
    is_unused(said.rows, said.domain)?;
    Ok(before)
}

/// A statement is made under the domain's present tenure.
pub(super) fn is_under(row: &DomainRow, domain: &Domain, tenure: &EventId) -> Result<(), Refusal> {
    if *tenure == row.tenure { Ok(()) } else { Err(Refusal::OtherTenure { domain: domain.clone(), tenure: row.tenure }) }
}

/// Nobody gave the domain up.
pub(super) fn has_holder(row: &DomainRow, domain: &Domain) -> Result<(), Refusal> {
    if row.released { Err(Refusal::Released(domain.clone())) } else { Ok(()) }
}

/// The key of this id, which is one of the domain's.
pub(super) fn key_of(row: &DomainRow, domain: &Domain, kid: KeyId) -> Result<DomainKey, Refusal> {
    let key = row.keys.iter().find(|key| key.key.id() == kid);
    key.copied().ok_or_else(|| Refusal::KeyNotAuthorised(domain.to_string()))
}

/// The domain is not frozen.
pub(super) fn is_not_frozen(row: &DomainRow, domain: &Domain, log_time: TimeMs) -> Result<(), Refusal> {
    if row.frozen.are_in_force(log_time) { Err(Refusal::Frozen(domain.clone())) } else { Ok(()) }
}
