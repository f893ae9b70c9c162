//! How a domain stands still, and how its holder gives it away: §4.7 and §4.8.

use super::domain::days;
use super::recovery::Recovery;
use super::{Code, Model, Said, check};
use deedbox_model::event::{DomainKey, DomainTransferred, Role};
use deedbox_model::{Domain, KeyId};

/// A domain stands still.
#[derive(Clone, Copy)]
pub(crate) struct Freeze {
    pub(crate) at: u64,
    pub(crate) until: Option<u64>,
}

impl Freeze {
    /// §2.3.
    pub(crate) fn in_force(freeze: Option<&Freeze>, t: u64) -> bool {
        freeze.is_some_and(|freeze| freeze.until.is_none_or(|until| until > t))
    }
}

/// The keys from which a domain was transferred.
#[derive(Clone)]
pub(crate) struct Before {
    pub(crate) keys: Vec<DomainKey>,
    pub(crate) at: u64,
    pub(crate) by: KeyId,
}

impl Model {
    /// The beginning of §4.7: the domain, or else the registry of it. Gives the role of a domain's key.
    fn domain_or_registry(&self, said: &Said<'_>, domain: &Domain) -> Result<Option<Role>, Code> {
        if said.domain_speaks().is_some() {
            return self.speaks_for_itself(said, domain).map(Some);
        }
        self.registry_of(said, domain)?;
        Ok(None)
    }

    /// An operator key, the signature, a row that is not released: how §4.7, §4.9 and §4.11 begin where the registry speaks.
    pub(super) fn registry_of(&self, said: &Said<'_>, domain: &Domain) -> Result<(), Code> {
        self.an_operator_says(said)?;
        let holding = self.domains.get(domain).ok_or("not_claimed")?;
        check(!holding.released, "released")
    }

    pub(super) fn frozen(&mut self, said: &Said<'_>, domain: &Domain) -> Result<(), Code> {
        let domain_speaks = self.domain_or_registry(said, domain)?.is_some();
        let holding = self.holding(domain);
        check(holding.is_of_the_tenure(said.prev()), "stale_prev")?;
        check(!domain_speaks || !Freeze::in_force(holding.owner_freeze.as_ref(), said.t), "already_frozen")?;
        if domain_speaks {
            holding.owner_freeze = Some(Freeze { at: said.t, until: None });
        } else {
            holding.operator_freeze = Some(Freeze { at: said.t, until: Some(said.t + days(domain, 14)) });
        }
        holding.chain.push((said.id(), said.index));
        Ok(())
    }

    pub(super) fn thawed(&mut self, said: &Said<'_>, domain: &Domain) -> Result<(), Code> {
        let role = self.domain_or_registry(said, domain)?;
        let holding = self.holding(domain);
        check(said.prev() == Some(holding.head()), "stale_prev")?;
        match role {
            None => {
                check(Freeze::in_force(holding.operator_freeze.as_ref(), said.t), "not_frozen")?;
                holding.operator_freeze = None;
            }
            Some(role) => {
                let owner = holding.owner_freeze.filter(|freeze| Freeze::in_force(Some(freeze), said.t));
                let contest = Freeze::in_force(holding.contest_freeze.as_ref(), said.t);
                check(owner.is_some() || contest, "not_frozen")?;
                check(owner.is_none_or(|freeze| said.t >= freeze.at + days(domain, 3)), "too_soon")?;
                check(!contest || role == Role::Recovery, "recovery_key_needed")?;
                holding.owner_freeze = None;
                holding.contest_freeze = None;
            }
        }
        holding.chain.push((said.id(), said.index));
        Ok(())
    }

    /// §4.5 checks 1 to 6 and §4.8 checks 1 to 4.
    fn may_be_given_away(&self, said: &Said<'_>, domain: &Domain) -> Result<(), Code> {
        let role = self.speaks_for_itself(said, domain)?;
        let holding = &self.domains[domain];
        check(said.prev() == Some(holding.head()), "stale_prev")?;
        check(!holding.is_frozen(said.t), "frozen")?;
        check(!Recovery::is_open(holding.recovery.as_ref(), domain, said.t), "recovery_open")?;
        check(role == Role::Recovery || !holding.has_recovery_key(said.t), "recovery_key_needed")
    }

    pub(super) fn transferred(&mut self, said: &Said<'_>, domain: &Domain, event: &DomainTransferred) -> Result<(), Code> {
        self.may_be_given_away(said, domain)?;
        Self::acceptance_is_of_now(said, event.acceptance.terms())?;
        let (keys, evidence) = (self.domains[domain].keys.clone(), self.domains[domain].evidence);
        self.new_tenure(said, domain, "transfer", evidence, &event.acceptance.terms().keys);
        self.holding(domain).before = Some(Before { keys, at: said.t, by: said.kid() });
        Ok(())
    }

    pub(super) fn released(&mut self, said: &Said<'_>, domain: &Domain) -> Result<(), Code> {
        self.may_be_given_away(said, domain)?;
        let holding = self.holding(domain);
        holding.keys = Vec::new();
        holding.keys_only = false;
        holding.owner_freeze = None;
        holding.contest_freeze = None;
        holding.operator_freeze = None;
        holding.recovery = None;
        holding.before = None;
        holding.released = true;
        holding.chain.push((said.id(), said.index));
        Ok(())
    }
}
