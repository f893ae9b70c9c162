//! Who else may speak for a domain's packages: §4.12 and §4.13, and spec/events.md §4.10.

use super::{Code, Model, Said, check};
use deedbox_model::event::{PackageEvent, PublisherGranted, PublisherRevoked};
use deedbox_model::{Domain, EventId, PackageId, PublicKey};

/// What a domain granted.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) domain: Domain,
    pub(crate) tenure: EventId,
    pub(crate) key: PublicKey,
    pub(crate) ids: Vec<String>,
    pub(crate) actions: Vec<&'static str>,
    pub(crate) until: Option<u64>,
    pub(crate) revoked: bool,
    /// The index of the last event about it.
    pub(crate) changed_at: u64,
}

impl Grant {
    fn is_over(&self, t: u64) -> bool {
        self.revoked || self.until.is_some_and(|until| until <= t)
    }
    fn covers(&self, id: &PackageId, event: &PackageEvent) -> bool {
        let action = match event {
            PackageEvent::ReleasePublished(_) => "publish",
            PackageEvent::ReleaseYanked(_) | PackageEvent::ReleaseUnyanked(_) | PackageEvent::ReleaseDeprecated(_) => "yank",
            PackageEvent::ChannelSet(_) | PackageEvent::ChannelRemoved(_) => "channel",
        };
        self.is_for(id) && self.actions.contains(&action)
    }
    pub(crate) fn is_for(&self, id: &PackageId) -> bool {
        let id = id.to_string();
        self.ids.iter().any(|pattern| if pattern.ends_with('/') { id.starts_with(pattern.as_str()) } else { id == *pattern })
    }
}

impl Model {
    /// A grant, if it is of this domain and its tenure.
    fn grant_of(&self, id: EventId, domain: &Domain) -> Result<&Grant, Code> {
        let tenure = self.domains[domain].tenure.event;
        self.grants.get(&id).filter(|grant| grant.domain == *domain && grant.tenure == tenure).ok_or("no_such_grant")
    }

    /// §4.4 checks 5 and 6 where `by` names a grant.
    pub(super) fn is_granted(
        &self,
        said: &Said<'_>,
        by: EventId,
        owner: &Domain,
        id: &PackageId,
        event: &PackageEvent,
    ) -> Result<(), Code> {
        let grant = self.grant_of(by, owner)?;
        check(grant.key.id() == said.kid(), "key_not_authorised")?;
        check(!grant.is_over(said.t), "grant_over")?;
        check(grant.covers(id, event), "not_granted")
    }

    pub(super) fn granted(&mut self, said: &Said<'_>, domain: &Domain, event: &PublisherGranted) -> Result<(), Code> {
        self.speaks_for_itself(said, domain)?;
        let holding = self.holding(domain);
        check(said.prev() == Some(holding.head()), "stale_prev")?;
        check(!holding.is_frozen(said.t), "frozen")?;
        let until = event.until.map(|until| until.as_ms());
        check(until.is_none_or(|until| until > said.t), "grant_over")?;
        holding.chain.push((said.id(), said.index));
        let grant = Grant {
            domain: domain.clone(),
            tenure: holding.tenure.event,
            key: event.key,
            ids: event.ids.iter().map(ToString::to_string).collect(),
            actions: event.actions.iter().map(|action| action.as_str()).collect(),
            until,
            revoked: false,
            changed_at: said.index,
        };
        self.grants.insert(said.id(), grant);
        self.register(said, [event.key]);
        Ok(())
    }

    pub(super) fn revoked(&mut self, said: &Said<'_>, domain: &Domain, event: &PublisherRevoked) -> Result<(), Code> {
        self.speaks_for_itself(said, domain)?;
        check(self.domains[domain].is_of_the_tenure(said.prev()), "stale_prev")?;
        check(!self.grant_of(event.grant, domain)?.revoked, "grant_over")?;
        let grant = self.grants.get_mut(&event.grant).expect("there is one");
        (grant.revoked, grant.changed_at) = (true, said.index);
        self.holding(domain).chain.push((said.id(), said.index));
        Ok(())
    }
}
