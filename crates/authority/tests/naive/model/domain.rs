//! Whose a domain is, and by which keys it speaks: §2.1 to §2.3, §4.3 and §4.5.

use super::hands::{Before, Freeze};
use super::recovery::Recovery;
use super::{Code, Model, Said, check};
use deedbox_model::event::{AcceptanceTerms, DomainClaimed, DomainKey, DomainKeysChanged, Evidence, Role, Sight};
use deedbox_model::{Domain, EventId, KeyId};

/// A domain that was claimed.
#[derive(Clone)]
pub(crate) struct Holding {
    pub(crate) tenure: Tenure,
    pub(crate) evidence: Evidence,
    pub(crate) keys: Vec<DomainKey>,
    pub(crate) keys_only: bool,
    pub(crate) owner_freeze: Option<Freeze>,
    pub(crate) contest_freeze: Option<Freeze>,
    pub(crate) operator_freeze: Option<Freeze>,
    pub(crate) recovery: Option<Recovery>,
    pub(crate) before: Option<Before>,
    pub(crate) released: bool,
    /// Every effective event of the domain, in all its tenures, with its index.
    pub(crate) chain: Vec<(EventId, u64)>,
    /// What happened to its keys, in all its tenures, each with its index.
    pub(crate) happened: Vec<(KeyId, u64, Happened)>,
}

/// The event that gave its holder the domain.
#[derive(Clone)]
pub(crate) struct Tenure {
    pub(crate) event: EventId,
    pub(crate) index: u64,
    pub(crate) at: u64,
    pub(crate) through: &'static str,
}

/// What happened to a key of a domain.
#[derive(Clone)]
pub(crate) enum Happened {
    /// A tenure began with it.
    Began,
    /// It was put, within the tenure that began at this index.
    Put { tenure: u64 },
    /// A key that spoke of the domain was put again or taken away.
    Taken(Taken),
    /// It contested that.
    Contested,
}

/// When a key was taken away or changed, and by whose word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) at: u64,
    pub(crate) by: KeyId,
}

/// §2.2.
pub(crate) fn days(domain: &Domain, n: u64) -> u64 {
    n * if domain.as_str().ends_with(".localhost") { 1_000 } else { 86_400_000 }
}

/// spec/events.md §4.3.
pub(crate) fn may_be_used(key: &DomainKey, t: u64) -> bool {
    key.from.is_none_or(|from| from.as_ms() <= t) && key.until.is_none_or(|until| until.as_ms() > t)
}

fn speaks_of_itself(role: Role) -> bool {
    role == Role::Admin || role == Role::Recovery
}

impl Holding {
    pub(crate) fn head(&self) -> EventId {
        self.chain.last().expect("a chain begins with a claim").0
    }
    pub(crate) fn key(&self, id: KeyId) -> Option<&DomainKey> {
        self.keys.iter().find(|key| key.key.id() == id)
    }
    pub(crate) fn is_frozen(&self, t: u64) -> bool {
        [&self.owner_freeze, &self.contest_freeze, &self.operator_freeze].into_iter().any(|freeze| Freeze::in_force(freeze.as_ref(), t))
    }
    pub(crate) fn has_recovery_key(&self, t: u64) -> bool {
        self.keys.iter().any(|key| key.role == Role::Recovery && may_be_used(key, t))
    }
    /// "`prev` is of the tenure".
    pub(super) fn is_of_the_tenure(&self, prev: Option<EventId>) -> bool {
        self.chain.iter().any(|(id, index)| Some(*id) == prev && *index >= self.tenure.index)
    }
    /// The index and `taken` of a key's `domainkey/` row, which outlives a tenure.
    pub(crate) fn story(&self, id: KeyId) -> Option<(u64, Option<Taken>)> {
        let mut story = None;
        for (_, at, happened) in self.happened.iter().filter(|(key, _, _)| *key == id) {
            story = match (happened, story) {
                (Happened::Began, _) => Some((*at, None)),
                (Happened::Put { tenure }, Some((index, taken))) if index >= *tenure => Some((index, taken)),
                (Happened::Put { .. }, _) => Some((*at, None)),
                (Happened::Taken(taken), Some((index, _))) => Some((index, Some(*taken))),
                (Happened::Contested, Some((index, _))) => Some((index, None)),
                (Happened::Taken(_) | Happened::Contested, None) => panic!("a key that the domain never had"),
            };
        }
        story
    }
    /// The same, if it is of this tenure: D of §4.10.
    pub(crate) fn story_of_this_tenure(&self, id: KeyId) -> Option<(u64, Option<Taken>)> {
        self.story(id).filter(|(index, _)| *index >= self.tenure.index)
    }
}

impl Model {
    pub(super) fn holding(&mut self, domain: &Domain) -> &mut Holding {
        self.domains.get_mut(domain).expect("checked before")
    }

    /// §4.5 checks 1 to 3.
    pub(super) fn of_its_tenure(&self, said: &Said<'_>, domain: &Domain) -> Result<&Holding, Code> {
        let holding = self.domains.get(domain).ok_or("not_claimed")?;
        check(!holding.released, "released")?;
        let (_, under) = said.domain_speaks().expect("a domain speaks");
        check(under == holding.tenure.event, "other_tenure")?;
        Ok(holding)
    }

    /// §4.5 checks 1 to 6: the domain speaks for itself. Gives the role of the key.
    pub(super) fn speaks_for_itself(&self, said: &Said<'_>, domain: &Domain) -> Result<Role, Code> {
        let holding = self.of_its_tenure(said, domain)?;
        let key = holding.key(said.kid()).ok_or("key_not_authorised")?;
        check(speaks_of_itself(key.role) && may_be_used(key, said.t), "key_may_not")?;
        self.signature_verifies(said)?;
        Ok(key.role)
    }

    /// "`until` of the acceptance is not before log time at the index, and not more than 604,800,000 ms after the statement's own time".
    pub(super) fn acceptance_is_of_now(said: &Said<'_>, terms: &AcceptanceTerms) -> Result<(), Code> {
        let until = terms.until.as_ms();
        check(until >= said.t && until <= said.statement().time().as_ms() + 604_800_000, "acceptance_not_now")
    }

    /// "The evidence is `localhost` exactly if the domain is below localhost".
    pub(super) fn evidence_fits(domain: &Domain, evidence: Evidence) -> Result<(), Code> {
        check((evidence == Evidence::Localhost) == domain.as_str().ends_with(".localhost"), "wrong_evidence")
    }

    /// §4.3 checks 9 to 11.
    pub(super) fn sight_counts(
        &self,
        said: &Said<'_>,
        domain: &Domain,
        evidence: Evidence,
        sight: &Sight,
        record: &str,
    ) -> Result<(), Code> {
        let registry = self.registry.as_ref().expect("§3 check 3");
        check(!registry.suffixes.is_empty() && !registry.anchors.is_empty(), "no_ground")?;
        let at = sight.at.as_ms();
        check(at <= said.statement().time().as_ms() && at + 3_600_000 >= said.t, "sight_too_old")?;
        check(self.looks.show(domain, evidence, sight, record, &registry.anchors), "not_shown")
    }

    pub(super) fn claimed(&mut self, said: &Said<'_>, domain: &Domain, event: &DomainClaimed) -> Result<(), Code> {
        self.an_operator_says(said)?;
        let before = self.domains.get(domain);
        check(before.is_none_or(|holding| holding.released), "already_claimed")?;
        check(said.prev() == before.map(Holding::head), "stale_prev")?;
        Self::evidence_fits(domain, event.evidence)?;
        check(!self.covered.contains_key(domain), "subdomain_in_use")?;
        Self::acceptance_is_of_now(said, event.acceptance.terms())?;
        if event.evidence != Evidence::Localhost {
            check(!self.registry.as_ref().expect("§3 check 3").is_public_suffix(domain), "public_suffix")?;
        }
        if let Some(sight) = &event.sight {
            self.sight_counts(said, domain, event.evidence, sight, &event.acceptance.record())?;
        }
        let through = if before.is_some() { "reclaim" } else { "claim" };
        self.new_tenure(said, domain, through, event.evidence, &event.acceptance.terms().keys);
        Ok(())
    }

    /// §4.3: all that was before ends, but the chain.
    pub(super) fn new_tenure(&mut self, said: &Said<'_>, domain: &Domain, through: &'static str, evidence: Evidence, keys: &[DomainKey]) {
        let before = self.domains.remove(domain);
        let (mut chain, mut happened) = before.map_or_else(Default::default, |holding| (holding.chain, holding.happened));
        chain.push((said.id(), said.index));
        happened.extend(keys.iter().map(|key| (key.key.id(), said.index, Happened::Began)));
        let tenure = Tenure { event: said.id(), index: said.index, at: said.t, through };
        let holding = Holding {
            tenure,
            evidence,
            keys: keys.to_vec(),
            keys_only: false,
            owner_freeze: None,
            contest_freeze: None,
            operator_freeze: None,
            recovery: None,
            before: None,
            released: false,
            chain,
            happened,
        };
        self.domains.insert(domain.clone(), holding);
        self.register(said, keys.iter().map(|key| key.key));
    }

    pub(super) fn keys_changed(&mut self, said: &Said<'_>, domain: &Domain, event: &DomainKeysChanged) -> Result<(), Code> {
        let role = self.speaks_for_itself(said, domain)?;
        let holding = &self.domains[domain];
        let (put, removed, t) = (&event.put, &event.removed, said.t);
        let only_removes = put.is_empty() && event.keys_only.is_none();
        check(said.prev() == Some(holding.head()) || (only_removes && holding.is_of_the_tenure(said.prev())), "stale_prev")?;
        check(only_removes || !holding.is_frozen(t), "frozen")?;
        check(removed.iter().all(|id| holding.key(*id).is_some()), "no_such_key")?;
        check(!put.iter().any(|key| holding.keys.contains(key)), "key_unchanged")?;
        if role == Role::Admin && holding.has_recovery_key(t) {
            let named = put.iter().map(|key| key.key.id()).chain(removed.iter().copied());
            let had_it = |id| holding.key(id).is_some_and(|key| key.role == Role::Recovery);
            check(!put.iter().any(|key| key.role == Role::Recovery), "recovery_key_needed")?;
            check(!named.into_iter().any(had_it), "recovery_key_needed")?;
            check(event.keys_only.is_none(), "recovery_key_needed")?;
        } else if role == Role::Admin {
            check(event.keys_only.is_none(), "recovery_key_needed")?;
            let earliest = t + days(domain, 30);
            let mut recovery_keys = put.iter().filter(|key| key.role == Role::Recovery);
            check(recovery_keys.all(|key| key.from.is_some_and(|from| from.as_ms() >= earliest)), "recovery_too_soon")?;
        }
        let mut after = holding.keys.clone();
        after.retain(|key| !removed.contains(&key.key.id()) && !put.iter().any(|new| new.key == key.key));
        after.extend(put);
        after.sort_by_key(|key| key.key.to_bytes());
        check(after.len() <= 16, "too_many_keys")?;
        check(after.iter().any(|key| key.role == Role::Admin && may_be_used(key, t)), "no_admin_left")?;
        let keys_only = event.keys_only.unwrap_or(holding.keys_only);
        check(!keys_only || after.iter().any(|key| key.role == Role::Recovery), "no_recovery_key")?;
        self.keys_are_now(said, domain, event, after, keys_only);
        Ok(())
    }

    fn keys_are_now(&mut self, said: &Said<'_>, domain: &Domain, event: &DomainKeysChanged, after: Vec<DomainKey>, keys_only: bool) {
        let holding = self.holding(domain);
        let spoke: Vec<KeyId> = holding.keys.iter().filter(|key| speaks_of_itself(key.role)).map(|key| key.key.id()).collect();
        let put: Vec<KeyId> = event.put.iter().map(|key| key.key.id()).collect();
        for id in &put {
            holding.happened.push((*id, said.index, Happened::Put { tenure: holding.tenure.index }));
        }
        let taken = Taken { at: said.t, by: said.kid() };
        for id in put.iter().chain(&event.removed).filter(|id| spoke.contains(id)) {
            holding.happened.push((*id, said.index, Happened::Taken(taken)));
        }
        holding.keys = after;
        holding.keys_only = keys_only;
        holding.chain.push((said.id(), said.index));
        self.register(said, event.put.iter().map(|key| key.key));
    }
}
