//! How a domain comes to somebody who has none of its keys: §4.9 to §4.11.

use super::domain::{Happened, days, may_be_used};
use super::hands::Freeze;
use super::{Code, Holding, Model, Said, check};
use deedbox_model::event::{DomainKey, DomainRecoveryCompleted, DomainRecoveryContested, DomainRecoveryOpened, Evidence, Role, Sight};
use deedbox_model::{Domain, EventId, KeyId};

/// A recovery that was opened in this tenure and not completed.
#[derive(Clone)]
pub(crate) struct Recovery {
    pub(crate) opened: EventId,
    pub(crate) index: u64,
    pub(crate) at: u64,
    pub(crate) record: String,
    pub(crate) evidence: Evidence,
    pub(crate) keys: Vec<DomainKey>,
    pub(crate) contested: bool,
}

impl Recovery {
    /// §2.3: when its wait ends.
    pub(crate) fn wait_ends(&self, domain: &Domain) -> u64 {
        self.at + days(domain, if self.contested { 28 } else { 14 })
    }
    /// §2.3: from when on it is no longer open.
    pub(crate) fn ends(&self, domain: &Domain) -> u64 {
        self.wait_ends(domain) + days(domain, 30)
    }
    pub(crate) fn is_open(recovery: Option<&Recovery>, domain: &Domain, t: u64) -> bool {
        recovery.is_some_and(|recovery| t < recovery.ends(domain))
    }
}

fn spoke_of_the_domain(key: &DomainKey) -> bool {
    key.role == Role::Admin || key.role == Role::Recovery
}

/// §4.10 check 5, if it names a recovery.
fn may_contest(holding: &Holding, recovery: &Recovery, domain: &Domain, kid: KeyId, t: u64) -> bool {
    let Some((index, taken)) = holding.story_of_this_tenure(kid) else { return false };
    let speaks_now = holding.key(kid).is_some_and(|key| spoke_of_the_domain(key) && may_be_used(key, t));
    let taken_lately = taken.is_some_and(|taken| taken.at + days(domain, 30) >= recovery.at);
    index < recovery.index && (speaks_now || taken_lately)
}

/// §4.10 check 4, if it names none.
fn was_taken_away(holding: &Holding, domain: &Domain, kid: KeyId, t: u64) -> bool {
    let week = days(domain, 7);
    let taken = holding.story_of_this_tenure(kid).and_then(|(_, taken)| taken);
    let key_was_taken = taken.is_some_and(|taken| taken.by != kid && t <= taken.at + week);
    let handed_over = holding.before.as_ref().is_some_and(|before| {
        before.keys.iter().any(|key| key.key.id() == kid && spoke_of_the_domain(key)) && before.by != kid && t <= before.at + week
    });
    key_was_taken || handed_over
}

impl Model {
    /// The evidence of a recovery, in the order of §4.9 checks 8 and 9 and §4.11 checks 9 and 10.
    fn evidence_prevails(&self, domain: &Domain, evidence: Evidence) -> Result<(), Code> {
        Self::evidence_fits(domain, evidence)?;
        check(evidence != Evidence::Operator || self.domains[domain].evidence == Evidence::Operator, "weaker_evidence")
    }

    fn is_seen(&self, said: &Said<'_>, domain: &Domain, evidence: Evidence, sight: Option<&Sight>, record: &str) -> Result<(), Code> {
        sight.map_or(Ok(()), |sight| self.sight_counts(said, domain, evidence, sight, record))
    }

    pub(super) fn recovery_opened(&mut self, said: &Said<'_>, domain: &Domain, event: &DomainRecoveryOpened) -> Result<(), Code> {
        self.registry_of(said, domain)?;
        let holding = &self.domains[domain];
        check(holding.is_of_the_tenure(said.prev()), "stale_prev")?;
        check(!holding.keys_only, "keys_only")?;
        check(!Recovery::is_open(holding.recovery.as_ref(), domain, said.t), "recovery_open")?;
        self.evidence_prevails(domain, event.evidence)?;
        Self::acceptance_is_of_now(said, event.acceptance.terms())?;
        let record = event.acceptance.record();
        self.is_seen(said, domain, event.evidence, event.sight.as_ref(), &record)?;
        let keys = event.acceptance.terms().keys.clone();
        self.register(said, keys.iter().map(|key| key.key));
        let recovery =
            Recovery { opened: said.id(), index: said.index, at: said.t, record, evidence: event.evidence, keys, contested: false };
        let holding = self.holding(domain);
        if let Some(freeze) = holding.contest_freeze.as_mut()
            && Freeze::in_force(Some(freeze), said.t)
        {
            freeze.until = Some(recovery.ends(domain));
        }
        holding.recovery = Some(recovery);
        holding.chain.push((said.id(), said.index));
        Ok(())
    }

    pub(super) fn recovery_contested(&mut self, said: &Said<'_>, domain: &Domain, event: &DomainRecoveryContested) -> Result<(), Code> {
        let holding = self.of_its_tenure(said, domain)?;
        let open = holding.recovery.as_ref().filter(|recovery| Recovery::is_open(Some(recovery), domain, said.t));
        match event.recovery {
            Some(named) => {
                let recovery = open.filter(|recovery| recovery.opened == named).ok_or("no_recovery")?;
                check(may_contest(holding, recovery, domain, said.kid(), said.t), "may_not_contest")?;
            }
            None => check(was_taken_away(holding, domain, said.kid(), said.t), "may_not_contest")?,
        }
        self.signature_verifies(said)?;
        check(holding.is_of_the_tenure(said.prev()), "stale_prev")?;
        // Only a contest of a recovery has one that could be contested already.
        check(event.recovery.is_none() || open.is_none_or(|recovery| !recovery.contested), "already_contested")?;
        let open_until = open.map(|recovery| recovery.ends(domain));
        let has_story = holding.story_of_this_tenure(said.kid()).is_some();
        let holding = self.holding(domain);
        let until = match (event.recovery, holding.recovery.as_mut()) {
            (Some(_), Some(recovery)) => {
                recovery.contested = true;
                recovery.ends(domain)
            }
            _ => {
                if has_story {
                    holding.happened.push((said.kid(), said.index, Happened::Contested));
                }
                holding.before = None;
                (said.t + days(domain, 14)).max(open_until.unwrap_or(0))
            }
        };
        holding.contest_freeze = Some(Freeze { at: said.t, until: Some(until) });
        holding.chain.push((said.id(), said.index));
        Ok(())
    }

    pub(super) fn recovery_completed(&mut self, said: &Said<'_>, domain: &Domain, event: &DomainRecoveryCompleted) -> Result<(), Code> {
        self.registry_of(said, domain)?;
        let holding = &self.domains[domain];
        check(holding.is_of_the_tenure(said.prev()), "stale_prev")?;
        let recovery = holding.recovery.clone().filter(|recovery| recovery.opened == event.recovery);
        let recovery = recovery.filter(|recovery| Recovery::is_open(Some(recovery), domain, said.t)).ok_or("no_recovery")?;
        check(!holding.keys_only, "keys_only")?;
        check(said.t >= recovery.wait_ends(domain), "too_soon")?;
        self.evidence_prevails(domain, event.evidence)?;
        self.is_seen(said, domain, event.evidence, event.sight.as_ref(), &recovery.record)?;
        let (owner, operator) = (holding.owner_freeze, holding.operator_freeze);
        self.new_tenure(said, domain, "recovery", event.evidence, &recovery.keys);
        let holding = self.holding(domain);
        holding.owner_freeze = owner;
        holding.operator_freeze = operator;
        Ok(())
    }
}
