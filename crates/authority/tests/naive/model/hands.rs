//! How a domain stands still, and how its holder gives it away: §4.7 and §4.8.

use super::domain::{days, may_be_used};
use super::recovery::Recovery;
use super::{Code, Model, Said, check};
use deedbox_model::Domain;
use deedbox_model::event::{DomainKey, DomainTransferred, Role};

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

impl Model {
    /// The beginning of §4.7: the domain, or else the registry of it. Gives a domain's key.
    fn domain_or_registry(&self, said: &Said<'_>, domain: &Domain) -> Result<Option<DomainKey>, Code> {
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
        let key = self.domain_or_registry(said, domain)?;
        let holding = self.holding(domain);
        check(said.prev() == Some(holding.head()), "stale_prev")?;
        match key {
            None => {
                check(Freeze::in_force(holding.operator_freeze.as_ref(), said.t), "not_frozen")?;
                holding.operator_freeze = None;
            }
            Some(key) => {
                let in_force = |freeze: &Freeze| Freeze::in_force(Some(freeze), said.t);
                let (owner, contest) = (holding.owner_freeze.filter(in_force), holding.contest_freeze.filter(in_force));
                check(owner.is_some() || contest.is_some(), "not_frozen")?;
                check([owner, contest].into_iter().flatten().all(|freeze| said.t >= freeze.at + days(domain, 3)), "too_soon")?;
                let may = |freeze: Freeze| key.role == Role::Recovery && may_be_used(&key, freeze.at);
                check(contest.is_none_or(may), "recovery_key_needed")?;
                holding.owner_freeze = None;
                holding.contest_freeze = None;
            }
        }
        holding.chain.push((said.id(), said.index));
        Ok(())
    }

    /// §4.5 checks 1 to 6 and §4.8 checks 1 to 4.
    fn may_be_given_away(&self, said: &Said<'_>, domain: &Domain) -> Result<(), Code> {
        let role = self.speaks_for_itself(said, domain)?.role;
        let holding = &self.domains[domain];
        check(said.prev() == Some(holding.head()), "stale_prev")?;
        check(!holding.is_frozen(said.t), "frozen")?;
        check(!Recovery::is_open(holding.recovery.as_ref(), domain, said.t), "recovery_open")?;
        check(role == Role::Recovery, "recovery_key_needed")
    }

    pub(super) fn transferred(&mut self, said: &Said<'_>, domain: &Domain, event: &DomainTransferred) -> Result<(), Code> {
        self.may_be_given_away(said, domain)?;
        Self::acceptance_is_of_now(said, event.acceptance.terms())?;
        let (evidence, hold) = (self.domains[domain].evidence, self.domains[domain].hold);
        self.new_tenure(said, domain, "transfer", evidence, &event.acceptance.terms().keys);
        self.holding(domain).hold = hold;
        Ok(())
    }

    pub(super) fn released(&mut self, said: &Said<'_>, domain: &Domain) -> Result<(), Code> {
        self.may_be_given_away(said, domain)?;
        let holding = self.holding(domain);
        holding.keys = Vec::new();
        holding.keys_only = None;
        holding.owner_freeze = None;
        holding.contest_freeze = None;
        holding.operator_freeze = None;
        holding.recovery = None;
        holding.hold = None;
        holding.released = true;
        holding.chain.push((said.id(), said.index));
        Ok(())
    }
}
