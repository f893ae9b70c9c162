//! What is tried next: by chance, but steered by the state, so that the rare states are reached and left again in every way.

use super::cast::id;
use super::dice::Dice;
use super::model::{Freeze, Grant, Holding, Model, Recovery, days};
use super::moves::{
    CHANNELS, DOMAINS, Fault, GRANTEES, Ground, KEYS, Key, Look, Mark, Move, OPERATOR, OTHER_OPERATOR, PACKAGES, PATTERNS, Prev, Shows,
    Under, VERSIONS, What, When, Which, domain,
};
use super::wording::package;
use deedbox_model::PackageId;
use deedbox_model::event::{Evidence, Role};

const DAY: i64 = 86_400_000;
const WEEK: i64 = 7 * DAY;
const SUFFIXES: [&str; 6] = ["com", "example", "*.example", "acme.example", "!acme.example", "*.acme.example"];

/// The next move.
pub(crate) fn next(dice: &mut Dice, model: &Model) -> Move {
    let mut it = if model.next == 0 { beginning(dice) } else { any(dice, model) };
    match dice.below(100) {
        0 => it.fault = Fault::Forged,
        1 => {
            it.fault = Fault::Elsewhere;
            it.by = if it.by == OPERATOR { OTHER_OPERATOR } else { it.by };
        }
        _ => {}
    }
    it
}

pub(super) fn say(dice: &mut Dice, what: What, by: u8) -> Move {
    Move { what, when: soon(dice), by, prev: Prev::Head, under: Under::Present, fault: Fault::None, grant: None }
}

/// Mostly at once; sometimes days later, and sometimes dated back.
fn soon(dice: &mut Dice) -> When {
    match dice.below(100) {
        0..60 => When::After(dice.roll() % 3),
        60..75 => When::After(dice.roll() % 5_000),
        75..87 => When::After(dice.roll() % 3_600_000),
        87..93 => When::After(dice.pick(&[1, 3, 7, 14, 28, 30, 44, 58]) * days(&domain(dice.below(DOMAINS.len())), 1)),
        93..98 => When::Behind(dice.roll() % 600_000),
        98 => When::Behind(600_000),
        _ => When::Behind(600_001),
    }
}

/// At the end of one of these waits: just before, just then, or after it.
pub(super) fn at_the_end(dice: &mut Dice, marks: &[Mark]) -> When {
    let offset = dice.weighed(&[(25, -1), (40, 0), (15, 1), (20, 1_000)]);
    When::At(dice.pick(marks), offset)
}

fn beginning(dice: &mut Dice) -> Move {
    let protocol = dice.weighed(&[(97, 1), (1, 0), (1, 2)]);
    let (parameters, anchored) = dice.weighed(&[(70, ("", true)), (28, ("", false)), (2, ("odd", false))]);
    let create = What::Create { protocol, parameters: parameters.as_bytes().to_vec(), anchored };
    let by = dice.weighed(&[(98, OPERATOR), (2, OTHER_OPERATOR)]);
    if dice.percent(98) { say(dice, create, by) } else { say(dice, What::Freeze { d: 0, registry: true }, by) }
}

fn any(dice: &mut Dice, model: &Model) -> Move {
    let Some(registry) = &model.registry else { return beginning(dice) };
    if model.next == 1 && dice.percent(60) {
        return say(dice, What::Suffixes { put: vec!["com"], removed: vec![] }, OPERATOR);
    }
    let has_no_ground = registry.suffixes.is_empty() || registry.anchors.is_empty();
    match dice.below(100) {
        0..2 => again(dice),
        2 => say(dice, What::Garbage, OPERATOR),
        3..7 => of_the_registry(dice, model),
        7..12 if has_no_ground => of_the_registry(dice, model),
        12..45 => of_a_package(dice, model),
        _ => of_a_domain(dice, model),
    }
}

fn again(dice: &mut Dice) -> Move {
    let ago = if dice.percent(60) { 0 } else { dice.below(12) };
    say(dice, What::Again { ago }, OPERATOR)
}

fn prev(dice: &mut Dice, any_of_the_tenure: bool) -> Prev {
    let older = Prev::Older(1 + dice.below(4));
    let older_weight = if any_of_the_tenure { 30 } else { 4 };
    dice.weighed(&[(90, Prev::Head), (older_weight, older), (2, Prev::OtherChain), (2, Prev::None), (2, Prev::Unknown)])
}

fn of_the_registry(dice: &mut Dice, model: &Model) -> Move {
    let registry = model.registry.as_ref().expect("there is one");
    let in_force: Vec<&'static str> =
        SUFFIXES.into_iter().filter(|rule| registry.suffixes.keys().any(|known| known.as_str() == *rule)).collect();
    let what = match dice.below(100) {
        0..3 => What::Create { protocol: 1, parameters: Vec::new(), anchored: false },
        3..20 => What::Rules { protocol: 1, parameters: Vec::new(), anchored: !registry.anchors.is_empty() ^ dice.percent(80) },
        20..24 => What::Rules { protocol: 1, parameters: b"odd".to_vec(), anchored: false },
        24..28 => What::Rules { protocol: 0, parameters: Vec::new(), anchored: false },
        28..30 => What::Rules { protocol: 2, parameters: b"odd".to_vec(), anchored: false },
        30..60 if !in_force.is_empty() => What::Suffixes { put: vec![], removed: vec![dice.pick(&in_force)] },
        30..50 => What::Suffixes { put: vec!["com"], removed: vec![] },
        50..56 => What::Suffixes { put: vec![], removed: vec![dice.pick(&SUFFIXES)] },
        _ => What::Suffixes { put: vec![dice.pick(&SUFFIXES), dice.pick(&SUFFIXES)], removed: vec![] },
    };
    let by = dice.weighed(&[(94, OPERATOR), (3, OTHER_OPERATOR), (3, KEYS[0])]);
    Move { prev: prev(dice, false), ..say(dice, what, by) }
}

/// What is worth knowing of a domain now.
struct Scene<'a> {
    d: usize,
    holding: &'a Holding,
    open: bool,
    contested: bool,
    frozen_by_owner: bool,
    frozen_by_operator: bool,
    frozen_by_contest: bool,
    /// Its keys by their numbers.
    keys: Vec<(u8, Role)>,
    /// Keys that were taken away by another key, lately.
    taken: Vec<u8>,
    /// Those of which it is less than 31 days.
    taken_this_month: Vec<u8>,
    /// Keys from which it was handed over.
    before: Vec<u8>,
}

fn scene<'a>(model: &'a Model, d: usize, holding: &'a Holding) -> Scene<'a> {
    let (name, t) = (domain(d), model.now);
    let number = |this| KEYS.into_iter().find(|n| id(*n) == this);
    let in_force = |freeze: Option<&Freeze>| Freeze::in_force(freeze, t);
    let taken_in = |n: u8, last: u64| {
        let taken = holding.story_of_this_tenure(id(n)).and_then(|(_, taken)| taken);
        taken.is_some_and(|taken| taken.by != id(n) && t <= taken.at + days(&name, last))
    };
    Scene {
        d,
        holding,
        open: Recovery::is_open(holding.recovery.as_ref(), &name, t),
        contested: holding.recovery.as_ref().is_some_and(|recovery| recovery.contested),
        frozen_by_owner: in_force(holding.owner_freeze.as_ref()),
        frozen_by_operator: in_force(holding.operator_freeze.as_ref()),
        frozen_by_contest: in_force(holding.contest_freeze.as_ref()),
        keys: holding.keys.iter().filter_map(|key| Some((number(key.key.id())?, key.role))).collect(),
        taken: KEYS.into_iter().filter(|n| taken_in(*n, 8)).collect(),
        taken_this_month: KEYS.into_iter().filter(|n| taken_in(*n, 31)).collect(),
        before: holding.before.iter().flat_map(|before| before.keys.iter().filter_map(|key| number(key.key.id()))).collect(),
    }
}

#[derive(Clone, Copy)]
enum Try {
    Claim,
    Keys,
    Freeze { registry: bool },
    Thaw { registry: bool },
    Transfer,
    Release,
    Open,
    ContestIt,
    ContestThat,
    Complete,
    Grant,
    Revoke,
}

fn of_a_domain(dice: &mut Dice, model: &Model) -> Move {
    let d = dice.weighed(&[(50, 0), (15, 1), (35, 2)]);
    let holding = model.domains.get(&domain(d));
    let scene = holding.filter(|holding| !holding.released).map(|holding| scene(model, d, holding));
    let Some(scene) = scene else {
        let what = if dice.percent(85) { Try::Claim } else { anything(dice) };
        return attempt(dice, model, d, what, None);
    };
    let when = |yes: bool, weight: usize, otherwise: usize| if yes { weight } else { otherwise };
    let what = dice.weighed(&[
        (2, Try::Claim),
        (when(scene.holding.keys_only, 60, 30), Try::Keys),
        (2, Try::Freeze { registry: false }),
        (3, Try::Freeze { registry: true }),
        (when(scene.frozen_by_owner || scene.frozen_by_contest, 20, 2), Try::Thaw { registry: false }),
        (when(scene.frozen_by_operator, 18, 1), Try::Thaw { registry: true }),
        (5, Try::Transfer),
        (2, Try::Release),
        (when(scene.open, 2, 10), Try::Open),
        (when(scene.open, if scene.contested { 3 } else { 9 }, 1), Try::ContestIt),
        (when(!scene.taken.is_empty() || !scene.before.is_empty(), 9, 1), Try::ContestThat),
        (when(scene.open, 16, 1), Try::Complete),
        (8, Try::Grant),
        (when(model.grants.is_empty(), 1, 4), Try::Revoke),
    ]);
    attempt(dice, model, d, what, Some(&scene))
}

fn anything(dice: &mut Dice) -> Try {
    let registry = dice.percent(50);
    dice.pick(&[
        Try::Keys,
        Try::Freeze { registry },
        Try::Thaw { registry },
        Try::Transfer,
        Try::Release,
        Try::Open,
        Try::ContestIt,
        Try::ContestThat,
        Try::Complete,
        Try::Grant,
        Try::Revoke,
    ])
}

fn attempt(dice: &mut Dice, model: &Model, d: usize, it: Try, scene: Option<&Scene<'_>>) -> Move {
    let what = match it {
        Try::Claim => What::Claim { d, keys: first_keys(dice), ground: ground(dice, d, None), serves: serves(dice) },
        Try::Keys => change_of_keys(dice, d, scene),
        Try::Freeze { registry } => What::Freeze { d, registry },
        Try::Thaw { registry } => What::Thaw { d, registry },
        Try::Transfer => What::Transfer { d, keys: first_keys(dice), serves: serves(dice) },
        Try::Release => What::Release { d },
        Try::Open => What::Open { d, keys: first_keys(dice), ground: ground(dice, d, scene), serves: serves(dice) },
        Try::ContestIt => What::Contest { d, which: dice.weighed(&[(90, Which::TheLast), (10, Which::TheHead)]) },
        Try::Grant => granting(dice, d),
        Try::Revoke => revoking(dice, model, d),
        Try::ContestThat => What::Contest { d, which: Which::None },
        Try::Complete => {
            What::Complete { d, which: dice.weighed(&[(92, Which::TheLast), (8, Which::TheHead)]), ground: ground(dice, d, scene) }
        }
    };
    let by_registry = matches!(it, Try::Claim | Try::Open | Try::Complete | Try::Freeze { registry: true } | Try::Thaw { registry: true });
    let by =
        if by_registry { dice.weighed(&[(96, OPERATOR), (2, OTHER_OPERATOR), (2, KEYS[1])]) } else { speaker_of_itself(dice, it, scene) };
    let removes = matches!(&what, What::Keys { put, .. } if put.is_empty());
    let late = removes || matches!(it, Try::Revoke | Try::Freeze { .. } | Try::Open | Try::ContestIt | Try::ContestThat | Try::Complete);
    let marks = marks(it, d, by, scene);
    let mut one = say(dice, what, by);
    if !marks.is_empty() && dice.percent(55) {
        one.when = at_the_end(dice, &marks);
    }
    one.prev = prev(dice, late);
    one.under = dice.weighed(&[(96, Under::Present), (2, Under::First), (2, Under::Head)]);
    one
}

fn marks(it: Try, d: usize, by: u8, scene: Option<&Scene<'_>>) -> Vec<Mark> {
    let Some(scene) = scene else { return Vec::new() };
    match it {
        Try::Thaw { registry: true } => vec![Mark::OperatorFreezeEnds(d)],
        Try::Thaw { registry: false } if scene.frozen_by_contest => vec![Mark::OwnerMayThaw(d), Mark::ContestFreezeEnds(d)],
        Try::Thaw { registry: false } => vec![Mark::OwnerMayThaw(d)],
        Try::Complete => {
            vec![Mark::RecoveryMayComplete(d), Mark::RecoveryMayComplete(d), Mark::RecoveryMayComplete(d), Mark::RecoveryEnds(d)]
        }
        Try::Open if !scene.taken_this_month.is_empty() => scene.taken_this_month.iter().map(|n| Mark::TakenAMonthAgo(d, *n)).collect(),
        Try::Open if scene.holding.recovery.is_some() => vec![Mark::RecoveryEnds(d)],
        // Late enough that what a key contests then outlasts the recovery.
        Try::Keys if scene.open => vec![Mark::ADayBeforeRecoveryEnds(d), Mark::KeyBegins(d, by), Mark::KeyEnds(d, by)],
        Try::ContestThat => vec![Mark::TakenAWeekAgo(d, by), Mark::HandedOverAWeekAgo(d)],
        Try::Keys | Try::Transfer => vec![Mark::KeyBegins(d, by), Mark::KeyEnds(d, by), Mark::ContestFreezeEnds(d)],
        _ => Vec::new(),
    }
}

fn speaker_of_itself(dice: &mut Dice, it: Try, scene: Option<&Scene<'_>>) -> u8 {
    let stranger = dice.pick(&KEYS);
    let Some(scene) = scene else { return stranger };
    if dice.percent(8) {
        return dice.weighed(&[(80, stranger), (10, OPERATOR), (10, 99)]);
    }
    let taken = if matches!(it, Try::ContestIt) { &scene.taken_this_month } else { &scene.taken };
    let lately: Vec<u8> = taken.iter().chain(&scene.before).copied().collect();
    if matches!(it, Try::ContestThat) && !lately.is_empty() || matches!(it, Try::ContestIt) && !lately.is_empty() && dice.percent(70) {
        return dice.pick(&lately);
    }
    let with = |role: Role| -> Vec<u8> { scene.keys.iter().filter(|(_, it)| *it == role).map(|(n, _)| *n).collect() };
    let (admin, recovery) = (with(Role::Admin), with(Role::Recovery));
    if !recovery.is_empty() && dice.percent(50) {
        return dice.pick(&recovery);
    }
    if admin.is_empty() { stranger } else { dice.pick(&admin) }
}

fn serves(dice: &mut Dice) -> i64 {
    dice.weighed(&[(90, 6 * DAY), (4, WEEK), (3, WEEK + 1), (2, 0), (3, -1)])
}

fn time_of_a_key(dice: &mut Dice, first: bool) -> (Option<i64>, Option<i64>) {
    if first && dice.percent(90) {
        return (None, None);
    }
    let from = dice.weighed(&[(70, None), (10, Some(0)), (10, Some(2_000)), (5, Some(DAY)), (5, Some(-1))]);
    let until = dice.weighed(&[(75, None), (6, Some(3_000)), (8, Some(20 * DAY)), (8, Some(60 * DAY)), (3, Some(0))]);
    (from, until)
}

fn role(dice: &mut Dice) -> Role {
    dice.weighed(&[(50, Role::Admin), (25, Role::Publish), (25, Role::Recovery)])
}

/// The keys of a claimant: an admin's first.
fn first_keys(dice: &mut Dice) -> Vec<Key> {
    let start = dice.below(KEYS.len());
    let count = dice.weighed(&[(35, 1), (40, 2), (25, 3)]);
    let mut keys = Vec::new();
    for n in 0..count {
        let role = if n == 0 { Role::Admin } else { role(dice) };
        let (from, until) = time_of_a_key(dice, n == 0 || role == Role::Recovery);
        keys.push(Key { n: KEYS[(start + n) % KEYS.len()], role, from, until });
    }
    keys
}

fn ground(dice: &mut Dice, d: usize, scene: Option<&Scene<'_>>) -> Ground {
    if dice.percent(4) {
        return if d == 2 { Ground::Operator } else { Ground::Localhost };
    }
    if d == 2 {
        return Ground::Localhost;
    }
    let ago = dice.weighed(&[(80, 1_000), (5, 0), (6, 3_600_000), (5, 3_600_001), (4, -1)]);
    let shows = dice.weighed(&[(85, Shows::Right), (5, Shows::OtherDomain), (5, Shows::Wrong), (5, Shows::Stale)]);
    let look = Look { ago, shows };
    let by_word = scene.is_some_and(|scene| scene.holding.evidence == Evidence::Operator);
    let operator = if by_word || d != 0 { 60 } else { 30 };
    dice.weighed(&[(operator, Ground::Operator), (15, Ground::Dns(look)), (10, Ground::Https(look)), (20, Ground::Dnssec(look))])
}

fn change_of_keys(dice: &mut Dice, d: usize, scene: Option<&Scene<'_>>) -> What {
    let has: Vec<u8> = scene.map_or_else(Vec::new, |scene| scene.keys.iter().map(|(n, _)| *n).collect());
    let one = |dice: &mut Dice| if has.is_empty() || dice.percent(10) { dice.pick(&KEYS) } else { dice.pick(&has) };
    let thirty = scene.map_or(30 * DAY, |scene| days(&domain(scene.d), 30) as i64);
    let (mut put, mut removed, mut keys_only) = (Vec::new(), Vec::new(), None);
    let only_keys = scene.is_some_and(|scene| scene.holding.keys_only);
    if only_keys && dice.percent(25) {
        return What::Keys { d, put, removed, keys_only: Some(false) };
    }
    match dice.below(100) {
        0..12 if only_keys => {
            removed.extend(scene.iter().flat_map(|scene| &scene.keys).filter(|(_, role)| *role == Role::Recovery).map(|(n, _)| *n));
        }
        0..25 => removed.push(one(dice)),
        25..30 => removed.extend([one(dice), one(dice)]),
        30..60 => {
            let role = role(dice);
            let (from, until) = time_of_a_key(dice, false);
            put.push(Key { n: dice.pick(&KEYS), role, from, until });
        }
        60..78 => {
            let from = dice.weighed(&[(40, Some(thirty)), (30, Some(thirty + 1_000)), (20, Some(thirty - 1)), (10, None)]);
            put.push(Key { n: dice.pick(&KEYS), role: Role::Recovery, from, until: None });
        }
        78..82 => {
            put.push(Key::of(dice.pick(&KEYS), Role::Admin));
            removed.push(one(dice));
        }
        82..86 => {
            let again = scene.and_then(|scene| scene.keys.first().copied());
            put.extend(again.map(|(n, role)| Key::of(n, role)));
        }
        86..88 => put.extend((101..=116).map(|n| Key::of(n, Role::Publish))),
        _ => keys_only = Some(only_keys == dice.percent(15)),
    }
    if put.is_empty() && removed.is_empty() && keys_only.is_none() {
        removed.push(one(dice));
    }
    What::Keys { d, put, removed, keys_only }
}

fn granting(dice: &mut Dice, d: usize) -> What {
    let ids = vec![dice.pick(PATTERNS[d]), dice.pick(PATTERNS[d])];
    let until = dice.weighed(&[(60, None), (20, Some(20_000)), (15, Some(20 * DAY)), (5, Some(0))]);
    What::Grant { d, to: dice.pick(&GRANTEES), ids, actions: 1 + dice.below(7), until }
}

/// The grants of this tenure, for this package if one is named, by their numbers.
fn grants_of(model: &Model, holding: &Holding, id: Option<&PackageId>) -> Vec<usize> {
    let is_one = |grant: &Grant| grant.tenure == holding.tenure.event && id.is_none_or(|id| grant.is_for(id));
    model.grants.values().enumerate().filter(|(_, grant)| is_one(grant)).map(|(n, _)| n).collect()
}

/// Somebody who has a grant says it, or says to have one.
fn by_a_grant(dice: &mut Dice, model: &Model, p: usize, one: &mut Move) {
    let id = package(p);
    let good = model.owner_of(&id).map_or_else(Vec::new, |(_, holding)| grants_of(model, holding, Some(&id)));
    let n = match dice.below(100) {
        _ if model.grants.is_empty() => return,
        0..8 => dice.below(model.grants.len() + 1),
        8..45 if !good.is_empty() => dice.pick(&good),
        _ => return,
    };
    one.grant = Some(n);
    let key = model.grants.values().nth(n).map(|grant| grant.key.id());
    let holder = GRANTEES.into_iter().find(|n| Some(super::cast::id(*n)) == key);
    one.by = holder.filter(|_| dice.percent(93)).unwrap_or(dice.pick(&GRANTEES));
    if dice.percent(25) {
        one.when = at_the_end(dice, &[Mark::GrantEnds(n)]);
    }
}

fn revoking(dice: &mut Dice, model: &Model, d: usize) -> What {
    let own = model.domains.get(&domain(d)).map_or_else(Vec::new, |holding| grants_of(model, holding, None));
    let grant = if own.is_empty() || dice.percent(20) { dice.below(model.grants.len() + 1) } else { dice.pick(&own) };
    What::Revoke { d, grant }
}

/// Mostly one that somebody owns.
fn a_package(dice: &mut Dice, model: &Model) -> usize {
    let weights: Vec<(usize, usize)> = [40, 20, 5, 35].into_iter().zip(0..).collect();
    let owned: Vec<(usize, usize)> = weights.iter().copied().filter(|(_, p)| model.owner_of(&package(*p)).is_some()).collect();
    if owned.is_empty() || dice.percent(10) { dice.weighed(&weights) } else { dice.weighed(&owned) }
}

/// Whether a package stands still because the domain changed hands without its holder's word.
fn is_held(scene: &Scene<'_>, model: &Model, p: usize) -> bool {
    let tenure = &scene.holding.tenure;
    let was_there = model.packages.get(&package(p)).is_some_and(|package| package.released_at() < tenure.index);
    let until = tenure.at + days(&domain(scene.d), 30);
    was_there && ["recovery", "reclaim"].contains(&tenure.through) && model.now < until
}

fn of_a_package(dice: &mut Dice, model: &Model) -> Move {
    let p = a_package(dice, model);
    let (version, channel) = (dice.below(VERSIONS.len()), dice.below(CHANNELS.len()));
    let there: Vec<usize> = model.packages.get(&package(p)).map_or_else(Vec::new, |it| {
        (0..VERSIONS.len()).filter(|n| it.releases.keys().any(|version| version.as_str() == VERSIONS[*n])).collect()
    });
    // Most of what is said of a release is said of one that is there.
    let of = if there.is_empty() || dice.percent(12) { version } else { dice.pick(&there) };
    let absent: Vec<usize> = (0..VERSIONS.len()).filter(|n| !there.contains(n)).collect();
    let publish = |dice: &mut Dice| {
        let version = if absent.is_empty() || dice.percent(25) { version } else { dice.pick(&absent) };
        let native_version = if dice.percent(92) { version } else { dice.below(VERSIONS.len()) };
        let native_name = if dice.percent(94) { PACKAGES[p].1 } else { dice.pick(&["widget", "tool", "elsewhere"]) };
        let channels = if dice.percent(30) { vec![channel] } else { Vec::new() };
        let speaker = if dice.percent(95) { None } else { Some(if p == 3 { 2 } else { dice.below(2) }) };
        What::Publish { p, speaker, version, native_version, native_name, channels }
    };
    let what = match dice.below(100) {
        0..45 => publish(dice),
        45..56 => What::Yank { p, version: of },
        56..66 => What::Unyank { p, version: of },
        66..78 => What::Deprecate { p, version: of, notice: dice.percent(60) },
        78..90 => What::SetChannel { p, channel, version: of },
        _ => What::RemoveChannel { p, channel },
    };
    let owner = model.owner_of(&package(p)).and_then(|(name, holding)| {
        let d = (0..DOMAINS.len()).find(|d| domain(*d) == name)?;
        Some(scene(model, d, holding))
    });
    let stranger = dice.pick(&KEYS);
    let may: Vec<u8> = owner.iter().flat_map(|scene| &scene.keys).filter(|(_, role)| *role != Role::Recovery).map(|(n, _)| *n).collect();
    let by = if may.is_empty() || dice.percent(7) { stranger } else { dice.pick(&may) };
    let mut one = say(dice, what, by);
    if let Some(scene) = &owner
        && (is_held(scene, model, p) || dice.percent(12))
    {
        let d = scene.d;
        let marks = [Mark::KeyBegins(d, by), Mark::KeyEnds(d, by), Mark::OperatorFreezeEnds(d), Mark::ContestFreezeEnds(d)];
        let held = is_held(scene, model, p) && dice.percent(70);
        one.when = if held { at_the_end(dice, &[Mark::HeldUntil(d)]) } else { at_the_end(dice, &marks) };
    }
    one.prev = prev(dice, false);
    one.under = dice.weighed(&[(96, Under::Present), (2, Under::First), (2, Under::Head)]);
    by_a_grant(dice, model, p, &mut one);
    one
}
