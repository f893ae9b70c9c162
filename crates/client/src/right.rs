//! By what right a key speaks for packages: as a key of the domain that owns them, or by a grant of it (spec/authority.md §4.4). By the registry's word: the
//! decider has the last one.

use crate::error::ClientError;
use crate::state::{self, GrantState};
use crate::trust::Trusted;
use deedbox_model::event::Action;
use deedbox_model::{Domain, EventId, IdPattern, PackageId, Signer, Speaker, TimeMs};

/// Who speaks, and why they may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Right {
    /// The domain that owns the packages.
    pub(crate) owner: Domain,
    /// Its tenure.
    pub(crate) tenure: EventId,
    /// The grant by which the key may speak; none for a key of the domain's own.
    pub(crate) by: Option<EventId>,
}

impl Right {
    pub(crate) fn speaker(&self) -> Speaker {
        Speaker::Domain { domain: self.owner.clone(), tenure: self.tenure }
    }
}

/// What is to be said: something of one package, or an upload for some package of the domain.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    Said(&'a PackageId, Action),
    Upload,
}

/// The right that this key has in packages of a domain.
pub(crate) async fn right(
    trusted: &Trusted,
    domain: &Domain,
    key: &dyn Signer,
    wanted: Wanted<'_>,
    now: TimeMs,
) -> Result<Right, ClientError> {
    let registry = trusted.registry();
    let Some(state) = state::domain(registry, domain).await? else {
        return Err(ClientError::Here(format!(
            "nobody has claimed {domain} or a domain above it at {}: claim it first, with deedbox claim {domain}",
            registry.url()
        )));
    };
    let answer = |why: String| registry.answer("api/v1/domains/", "a claimed domain", why);
    let owner = Domain::parse(&state.domain).map_err(|e| answer(e.to_string()))?;
    if !domain.is_within(&owner) {
        return Err(answer(format!("{owner} is not {domain} or above it")));
    }
    // A registry asked for a place for bytes says only that there is none.
    if matches!(wanted, Wanted::Upload) && state.is_frozen(now) {
        return Err(ClientError::Here(format!(
            "{owner} is frozen, so nothing is published under it: deedbox keys list {owner} says who froze it; they thaw it with deedbox thaw {owner}"
        )));
    }
    let tenure = EventId::from_hex(&state.tenure).ok_or_else(|| answer("the tenure is not an event".to_owned()))?;
    let kid = key.public().id().to_hex();
    if state.keys.iter().any(|key| key.kid == kid) {
        return Ok(Right { owner, tenure, by: None });
    }
    let mut grants = state::grants(registry, &owner).await?.unwrap_or_default();
    grants.retain(|grant| grant.kid == kid && grant.tenure == state.tenure);
    let Some(found) = grants.iter().find(|grant| is_for(grant, wanted, now)).map(|grant| EventId::from_hex(&grant.grant)) else {
        return Err(ClientError::Here(match grants.is_empty() {
            true => format!(
                "the key {kid} is not one of {owner}'s keys, and has no grant of it: sign with one that is (--key), or ask its owner to add it (deedbox keys put) or to grant it something (deedbox grant)"
            ),
            false => format!(
                "the key {kid} is not one of {owner}'s keys, and none of its grants that are in force is for this: deedbox grants {owner} shows them"
            ),
        }));
    };
    let by = found.ok_or_else(|| registry.answer("api/v1/domains/", "a domain's grants", "a grant is not an event"))?;
    Ok(Right { owner, tenure, by: Some(by) })
}

fn is_for(grant: &GrantState, wanted: Wanted<'_>, now: TimeMs) -> bool {
    let (action, id) = match wanted {
        Wanted::Said(id, action) => (action, Some(id)),
        Wanted::Upload => (Action::Publish, None),
    };
    let covers = |id: &PackageId| grant.ids.iter().filter_map(|pattern| IdPattern::parse(pattern).ok()).any(|pattern| pattern.covers(id));
    grant.revoked.is_none()
        && grant.until_ms.is_none_or(|until| now.as_ms() < until)
        && grant.actions.iter().any(|known| known == action.as_str())
        && id.is_none_or(covers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(ids: &[&str], actions: &[&str]) -> GrantState {
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        GrantState {
            grant: String::new(),
            index: 4,
            tenure: String::new(),
            by: String::new(),
            kid: String::new(),
            ids: texts(ids),
            actions: texts(actions),
            until: None,
            until_ms: None,
            revoked: None,
        }
    }

    #[test]
    fn a_grant_is_taken_where_it_is_in_force_and_for_this() {
        let id = PackageId::parse("npm:acme.example/widget").unwrap();
        let now = TimeMs::new(1_000).unwrap();
        let good = || grant(&["npm:acme.example/"], &["publish"]);
        let publish = Wanted::Said(&id, Action::Publish);
        assert!(is_for(&good(), publish, now) && is_for(&good(), Wanted::Upload, now));
        assert!(is_for(&GrantState { until_ms: Some(1_001), ..good() }, publish, now));
        for (bad, wanted) in [
            (good(), Wanted::Said(&id, Action::Yank)),
            (grant(&["npm:acme.example/other", "not a pattern"], &["publish"]), publish),
            (GrantState { until_ms: Some(1_000), ..good() }, publish),
            (GrantState { revoked: Some(9), ..good() }, publish),
            (grant(&["npm:acme.example/"], &["yank"]), Wanted::Upload),
        ] {
            assert!(!is_for(&bad, wanted, now), "{bad:?}");
        }
    }
}
