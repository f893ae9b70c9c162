//! What a run of histories reached: each code, each type of event that took effect, each rare state. A property that never gets there shows
//! nothing.

use super::model::{Freeze, Holding, Model, Package, Recovery, Verdict};
use super::moves::{Ground, Move, What, domain};
use deedbox_model::event::Role;
use std::collections::BTreeMap;
use std::fmt;

/// Every code of spec/authority.md §5.
pub(crate) const CODES: [&str; 58] = [
    "undecodable",
    "not_the_beginning",
    "other_audience",
    "already_logged",
    "too_old",
    "not_claimed",
    "not_the_owner",
    "other_tenure",
    "key_not_authorised",
    "key_may_not",
    "bad_signature",
    "stale_prev",
    "already_claimed",
    "wrong_evidence",
    "subdomain_in_use",
    "acceptance_not_now",
    "public_suffix",
    "no_ground",
    "sight_too_old",
    "not_shown",
    "no_such_key",
    "key_unchanged",
    "too_many_keys",
    "no_such_grant",
    "grant_over",
    "not_granted",
    "no_admin_left",
    "released",
    "frozen",
    "already_frozen",
    "not_frozen",
    "held",
    "recovery_key_needed",
    "recovery_too_soon",
    "no_recovery_key",
    "keys_only",
    "recovery_open",
    "no_recovery",
    "weaker_evidence",
    "may_not_contest",
    "already_contested",
    "too_soon",
    "version_exists",
    "native_version_taken",
    "native_name_taken",
    "native_name_changed",
    "no_such_release",
    "already_yanked",
    "not_yanked",
    "not_deprecated",
    "channel_unchanged",
    "no_such_channel",
    "protocol_not_newer",
    "unknown_parameters",
    "rules_unchanged",
    "suffix_unchanged",
    "no_such_suffix",
    "undecided",
];

/// Every type of spec/events.md §1.
pub(crate) const TYPES: [&str; 20] = [
    "registry.created",
    "registry.rules.changed",
    "registry.suffixes.changed",
    "domain.claimed",
    "domain.keys.changed",
    "domain.frozen",
    "domain.thawed",
    "domain.transferred",
    "domain.released",
    "domain.recovery.opened",
    "domain.recovery.contested",
    "domain.recovery.completed",
    "publisher.granted",
    "publisher.revoked",
    "release.published",
    "release.yanked",
    "release.unyanked",
    "release.deprecated",
    "channel.set",
    "channel.removed",
];

/// States and turns that are rare.
pub(crate) const TURNS: [&str; 32] = [
    "claimed on a look at DNS",
    "claimed again after it was released",
    "frozen by its holder",
    "frozen by the operator",
    "frozen by the operator again",
    "thawed by its holder",
    "thawed by the operator",
    "a contest thawed by a recovery key",
    "published after an operator's freeze ended by itself",
    "keys taken away while frozen",
    "keys taken away from an older event",
    "a recovery key put by an admin key",
    "only keys decide",
    "keys decide no more alone",
    "transferred",
    "transferred by a recovery key",
    "released",
    "a recovery opened after one that lapsed",
    "a recovery opened while a contest is in force",
    "a recovery contested by a key that the domain has",
    "a recovery contested by a key that was taken away",
    "contested that a key was taken away",
    "contested that the domain was handed over",
    "contested while a recovery is open",
    "recovered",
    "recovered although it was contested",
    "recovered while its holder's freeze is in force",
    "recovered on a look at DNS",
    "published when the hold had ended",
    "said by a grant",
    "a grant revoked while frozen",
    "a grant revoked from an older event",
];

/// What a move is about, as it was before the move.
pub(crate) struct Before {
    holding: Option<Holding>,
    released_at: Option<u64>,
}

impl Before {
    pub(crate) fn of(it: &Move, model: &Model) -> Self {
        let package = it.what.package().and_then(|p| model.packages.get(&super::wording::package(p)));
        let holding = it.what.domain().and_then(|d| model.domains.get(&domain(d)));
        Before { holding: holding.cloned(), released_at: package.map(Package::released_at) }
    }
}

/// How often what was reached.
#[derive(Default)]
pub(crate) struct Reached {
    pub(crate) codes: BTreeMap<&'static str, u64>,
    pub(crate) types: BTreeMap<&'static str, u64>,
    pub(crate) turns: BTreeMap<&'static str, u64>,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, counts) in [("effective", &self.types), ("refused", &self.codes), ("turns", &self.turns)] {
            writeln!(f, "{what}: {} in all", counts.values().sum::<u64>())?;
            for (name, count) in counts {
                writeln!(f, "{count:>8} {name}")?;
            }
        }
        Ok(())
    }
}

fn type_of(what: &What) -> Option<&'static str> {
    Some(match what {
        What::Create { .. } => "registry.created",
        What::Rules { .. } => "registry.rules.changed",
        What::Suffixes { .. } => "registry.suffixes.changed",
        What::Claim { .. } => "domain.claimed",
        What::Keys { .. } => "domain.keys.changed",
        What::Freeze { .. } => "domain.frozen",
        What::Thaw { .. } => "domain.thawed",
        What::Transfer { .. } => "domain.transferred",
        What::Release { .. } => "domain.released",
        What::Open { .. } => "domain.recovery.opened",
        What::Contest { .. } => "domain.recovery.contested",
        What::Complete { .. } => "domain.recovery.completed",
        What::Grant { .. } => "publisher.granted",
        What::Revoke { .. } => "publisher.revoked",
        What::Publish { .. } => "release.published",
        What::Yank { .. } => "release.yanked",
        What::Unyank { .. } => "release.unyanked",
        What::Deprecate { .. } => "release.deprecated",
        What::SetChannel { .. } => "channel.set",
        What::RemoveChannel { .. } => "channel.removed",
        What::Again { .. } | What::Garbage => return None,
    })
}

impl Reached {
    /// One move and its verdict.
    pub(crate) fn note(&mut self, it: &Move, before: &Before, after: &Model, verdict: Verdict) {
        match verdict {
            Verdict::Void(code) => *self.codes.entry(code).or_default() += 1,
            Verdict::Undecided => *self.codes.entry("undecided").or_default() += 1,
            Verdict::Effective => {
                if let Some(name) = type_of(&it.what) {
                    *self.types.entry(name).or_default() += 1;
                }
                for turn in turns(it, before, after) {
                    *self.turns.entry(turn).or_default() += 1;
                }
            }
        }
    }

    /// What of all there is was not reached.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let absent = |all: &[&'static str], in_it: &BTreeMap<&'static str, u64>| {
            all.iter().copied().filter(|name| !in_it.contains_key(name)).collect::<Vec<_>>()
        };
        [absent(&CODES, &self.codes), absent(&TYPES, &self.types), absent(&TURNS, &self.turns)].concat()
    }
}

fn turns(it: &Move, before: &Before, after: &Model) -> Vec<&'static str> {
    let turns = match (it.what.domain(), it.what.package()) {
        (Some(d), _) => {
            let name = domain(d);
            of_a_domain(&Turn { it, d, was: before.holding.as_ref(), is: &after.domains[&name], t: after.now })
        }
        (_, Some(p)) => of_a_package(it, p, before, after),
        _ => Vec::new(),
    };
    turns.into_iter().filter_map(|(turn, taken)| taken.then_some(turn)).collect()
}

fn of_a_package(it: &Move, p: usize, before: &Before, after: &Model) -> Vec<(&'static str, bool)> {
    let id = super::wording::package(p);
    let Some((_, owner)) = after.owner_of(&id) else { return Vec::new() };
    let held = owner.tenure.through == "recovery" || owner.tenure.through == "reclaim";
    let was_there = before.released_at.is_some_and(|index| index < owner.tenure.index);
    let published = before.released_at != Some(after.packages[&id].released_at());
    vec![
        ("published after an operator's freeze ended by itself", owner.operator_freeze.is_some()),
        ("published when the hold had ended", held && was_there && published),
        ("said by a grant", it.grant.is_some()),
    ]
}

struct Turn<'a> {
    it: &'a Move,
    d: usize,
    was: Option<&'a Holding>,
    is: &'a Holding,
    t: u64,
}

fn of_a_domain(turn: &Turn<'_>) -> Vec<(&'static str, bool)> {
    let Turn { it, d, was, is, t } = *turn;
    let Some(was) = was else { return vec![("claimed on a look at DNS", is_seen(it))] };
    let by = super::cast::id(it.by);
    let role = was.key(by).map(|key| key.role);
    let in_force = |freeze: Option<&Freeze>| Freeze::in_force(freeze, t);
    let open = Recovery::is_open(was.recovery.as_ref(), &domain(d), t);
    let from_an_older = it.prev != super::moves::Prev::Head;
    match &it.what {
        What::Claim { .. } => vec![("claimed on a look at DNS", is_seen(it)), ("claimed again after it was released", true)],
        What::Freeze { registry, .. } => vec![
            ("frozen by its holder", !registry),
            ("frozen by the operator", *registry),
            ("frozen by the operator again", *registry && in_force(was.operator_freeze.as_ref())),
        ],
        What::Thaw { registry, .. } => vec![
            ("thawed by its holder", was.owner_freeze.is_some() && is.owner_freeze.is_none()),
            ("thawed by the operator", *registry),
            ("a contest thawed by a recovery key", !registry && in_force(was.contest_freeze.as_ref())),
        ],
        What::Keys { put, removed, keys_only, .. } => vec![
            ("keys taken away while frozen", put.is_empty() && !removed.is_empty() && was.is_frozen(t)),
            ("keys taken away from an older event", from_an_older),
            ("a recovery key put by an admin key", role == Some(Role::Admin) && put.iter().any(|key| key.role == Role::Recovery)),
            ("only keys decide", *keys_only == Some(true) && !was.keys_only),
            ("keys decide no more alone", *keys_only == Some(false) && was.keys_only),
        ],
        What::Transfer { .. } => {
            vec![("transferred", true), ("transferred by a recovery key", role == Some(Role::Recovery))]
        }
        What::Release { .. } => vec![("released", true)],
        What::Revoke { .. } => {
            vec![("a grant revoked while frozen", was.is_frozen(t)), ("a grant revoked from an older event", from_an_older)]
        }
        What::Open { .. } => vec![
            ("a recovery opened after one that lapsed", was.recovery.is_some()),
            ("a recovery opened while a contest is in force", in_force(was.contest_freeze.as_ref())),
        ],
        What::Contest { which: super::moves::Which::None, .. } => {
            let key_was_taken = was.story_of_this_tenure(by).and_then(|(_, taken)| taken).is_some();
            vec![
                ("contested that a key was taken away", key_was_taken),
                ("contested that the domain was handed over", was.before.is_some() && !key_was_taken),
                ("contested while a recovery is open", open),
            ]
        }
        What::Contest { .. } => vec![
            ("a recovery contested by a key that the domain has", role.is_some()),
            ("a recovery contested by a key that was taken away", role.is_none()),
        ],
        What::Complete { .. } => vec![
            ("recovered", true),
            ("recovered although it was contested", was.recovery.as_ref().is_some_and(|recovery| recovery.contested)),
            ("recovered while its holder's freeze is in force", was.owner_freeze.is_some()),
            ("recovered on a look at DNS", is_seen(it)),
        ],
        _ => Vec::new(),
    }
}

fn is_seen(it: &Move) -> bool {
    let (What::Claim { ground, .. } | What::Open { ground, .. } | What::Complete { ground, .. }) = &it.what else { return false };
    matches!(ground, Ground::Dns(_) | Ground::Https(_) | Ground::Dnssec(_))
}
