//! Short scenes of a few moves each, for turns that chance alone takes too seldom: a key that was taken away just a month before a recovery was
//! opened, a contest that is thawed, a hold that goes on over a transfer. Each move is judged like every other.

use super::dice::Dice;
use super::model::{Model, Recovery, days, may_be_used};
use super::moves::{DOMAINS, Ground, KEYS, Key, Look, Mark, Move, OPERATOR, PACKAGES, Prev, Shows, What, When, Which, domain};
use super::plan::{at_the_end, say};
use deedbox_model::event::{Evidence, Role};

const SIX_DAYS: i64 = 6 * 86_400_000;

/// A domain where nothing is in dispute: two of its admin keys, a recovery key if it has one, a key that it does not have, and its ground.
struct Stage {
    d: usize,
    a: u8,
    b: u8,
    recovery: Option<u8>,
    new: u8,
    ground: Ground,
}

fn stage(model: &Model, d: usize) -> Option<Stage> {
    let holding = model.domains.get(&domain(d)).filter(|holding| !holding.released && holding.keys_only.is_none())?;
    if holding.is_frozen(model.now) || Recovery::is_open(holding.recovery.as_ref(), &domain(d), model.now) {
        return None;
    }
    let key = |n: u8| holding.key(super::cast::id(n));
    let with = |role: Role| -> Vec<u8> {
        let may = |n: &u8| key(*n).is_some_and(|key| key.role == role && may_be_used(key, model.now) && key.until.is_none());
        KEYS.into_iter().filter(may).collect()
    };
    let admins = with(Role::Admin);
    let look = Look { ago: 1_000, shows: Shows::Right };
    let ground = match holding.evidence {
        Evidence::Localhost => Ground::Localhost,
        Evidence::Operator => Ground::Operator,
        Evidence::Https => Ground::Https(look),
        Evidence::Dns => Ground::Dns(look),
        Evidence::Dnssec => Ground::Dnssec(look),
    };
    let (a, b) = (*admins.first()?, *admins.get(1)?);
    let new = KEYS.into_iter().find(|n| key(*n).is_none())?;
    Some(Stage { d, a, b, recovery: with(Role::Recovery).first().copied(), new, ground })
}

/// A scene, if there is a stage for one.
pub(crate) fn next(dice: &mut Dice, model: &Model) -> Vec<Move> {
    let first = dice.below(DOMAINS.len());
    let Some(it) = (first..first + DOMAINS.len()).find_map(|d| stage(model, d % DOMAINS.len())) else { return Vec::new() };
    if let (Ground::Dns(_) | Ground::Https(_) | Ground::Dnssec(_), Some(recovery), true) = (it.ground, it.recovery, dice.percent(40)) {
        return given_up(dice, &it, recovery);
    }
    match (dice.below(12), it.recovery) {
        (0, _) => a_month_before(dice, &it),
        (1, _) => outlasts_the_recovery(dice, &it),
        (2, _) => put_again(dice, &it),
        (3, _) => a_young_key_thaws(dice, &it),
        (4 | 5, _) => held_over_a_transfer(dice, &it),
        (6, Some(recovery)) => of_a_tenure_that_is_over(dice, &it, recovery),
        (7, Some(recovery)) => an_old_key_thaws(dice, &it, recovery),
        (8, Some(recovery)) => given_up(dice, &it, recovery),
        (_, Some(recovery)) => only_keys(dice, &it, recovery),
        (_, None) => a_recovery_key_begins(dice, &it),
    }
}

fn changes(dice: &mut Dice, it: &Stage, put: Vec<Key>, removed: Vec<u8>, by: u8) -> Move {
    say(dice, What::Keys { d: it.d, put, removed, keys_only: None }, by)
}

fn removes(dice: &mut Dice, it: &Stage) -> Move {
    changes(dice, it, vec![], vec![it.b], it.a)
}

fn opens(dice: &mut Dice, it: &Stage) -> Move {
    let keys = vec![Key::of(it.new, Role::Admin), Key::of(it.b, Role::Recovery)];
    say(dice, What::Open { d: it.d, keys, ground: it.ground, serves: SIX_DAYS }, OPERATOR)
}

fn completes(dice: &mut Dice, it: &Stage) -> Move {
    let complete = What::Complete { d: it.d, which: Which::TheLast, ground: it.ground };
    Move { when: When::At(Mark::RecoveryMayComplete(it.d), 0), ..say(dice, complete, OPERATOR) }
}

fn contests(dice: &mut Dice, it: &Stage, which: Which) -> Move {
    say(dice, What::Contest { d: it.d, which }, it.b)
}

fn transfers(dice: &mut Dice, it: &Stage, recovery: u8) -> Move {
    let keys = vec![Key::of(it.a, Role::Admin), Key::of(recovery, Role::Recovery)];
    say(dice, What::Transfer { d: it.d, keys, serves: SIX_DAYS }, recovery)
}

fn thaws(dice: &mut Dice, it: &Stage, by: u8) -> Move {
    let when = at_the_end(dice, &[Mark::HolderMayThaw(it.d)]);
    Move { when, ..say(dice, What::Thaw { d: it.d, registry: false }, by) }
}

/// One of the domain's packages.
fn of_it(it: &Stage) -> usize {
    PACKAGES.iter().position(|(id, _)| id.ends_with(["widget", "tool", "thing"][it.d])).expect("one of its packages")
}

fn publishes(dice: &mut Dice, it: &Stage, version: usize, by: u8) -> Move {
    let p = of_it(it);
    let publish = What::Publish { p, speaker: None, version, native_version: version, native_name: PACKAGES[p].1, channels: vec![] };
    say(dice, publish, by)
}

fn a_month_before(dice: &mut Dice, it: &Stage) -> Vec<Move> {
    let when = at_the_end(dice, &[Mark::TakenAMonthAgo(it.d, it.b)]);
    vec![removes(dice, it), Move { when, ..opens(dice, it) }, contests(dice, it, Which::TheLast)]
}

fn outlasts_the_recovery(dice: &mut Dice, it: &Stage) -> Vec<Move> {
    let late = When::At(Mark::ADayBeforeRecoveryEnds(it.d), 0);
    let when = at_the_end(dice, &[Mark::ContestFreezeEnds(it.d), Mark::RecoveryEnds(it.d)]);
    let publishes = Move { when, ..publishes(dice, it, 4, it.a) };
    let mut moves = vec![opens(dice, it), Move { when: late, ..removes(dice, it) }, contests(dice, it, Which::None)];
    if dice.percent(30) {
        moves.push(contests(dice, it, Which::TheLast));
    }
    moves.push(publishes);
    moves
}

/// Whoever puts back the key that was taken away gives it no end, or one.
fn put_again(dice: &mut Dice, it: &Stage) -> Vec<Move> {
    let (from, until) = dice.pick(&[(None, None), (None, None), (None, Some(SIX_DAYS)), (Some(SIX_DAYS), None)]);
    let puts = changes(dice, it, vec![Key { from, until, ..Key::of(it.b, Role::Admin) }], vec![], it.a);
    let again = Move { prev: Prev::Older(1), ..contests(dice, it, Which::None) };
    vec![removes(dice, it), puts, contests(dice, it, Which::None), again]
}

/// The recovery key begins a day after the contest.
fn a_young_key_thaws(dice: &mut Dice, it: &Stage) -> Vec<Move> {
    let by = it.recovery.unwrap_or(it.a);
    let young = Key { from: Some(days(&domain(it.d), 30) as i64 + 2_000), ..Key::of(it.new, Role::Recovery) };
    let puts = changes(dice, it, vec![young], vec![], by);
    let a_day_before = -(days(&domain(it.d), 1) as i64);
    let removes = Move { when: When::At(Mark::KeyBegins(it.d, it.new), a_day_before), ..removes(dice, it) };
    let contests = Move { when: When::After(1), ..contests(dice, it, Which::None) };
    let mut moves = vec![puts, removes, contests];
    if dice.percent(60) {
        // A contest of this recovery begins the freeze again, when the key is not young any more.
        moves.push(opens(dice, it));
        moves.push(thaws(dice, it, it.new));
        moves.push(say(dice, What::Contest { d: it.d, which: Which::TheLast }, it.a));
    }
    moves.extend([thaws(dice, it, it.new), thaws(dice, it, by)]);
    moves
}

fn an_old_key_thaws(dice: &mut Dice, it: &Stage, recovery: u8) -> Vec<Move> {
    let mut moves = vec![removes(dice, it), contests(dice, it, Which::None)];
    if dice.percent(60) {
        moves.push(opens(dice, it));
    }
    moves.extend([thaws(dice, it, it.a), thaws(dice, it, recovery), transfers(dice, it, recovery)]);
    moves
}

fn held_over_a_transfer(dice: &mut Dice, it: &Stage) -> Vec<Move> {
    let mut moves = vec![publishes(dice, it, 0, it.a), opens(dice, it), completes(dice, it), transfers(dice, it, it.b)];
    let (p, version) = (of_it(it), 0);
    moves.push(say(dice, What::Deprecate { p, version, notice: true }, it.a));
    moves.push(say(dice, What::Deprecate { p, version, notice: false }, it.a));
    for version in [3, 4] {
        let when = at_the_end(dice, &[Mark::HeldUntil(it.d)]);
        moves.push(Move { when, ..publishes(dice, it, version, it.a) });
    }
    moves
}

fn of_a_tenure_that_is_over(dice: &mut Dice, it: &Stage, recovery: u8) -> Vec<Move> {
    let removes = removes(dice, it);
    let transfers = transfers(dice, it, recovery);
    vec![removes, transfers, contests(dice, it, Which::None), opens(dice, it), contests(dice, it, Which::TheLast)]
}

/// Claimed again on the operator's word, and then as before.
fn given_up(dice: &mut Dice, it: &Stage, recovery: u8) -> Vec<Move> {
    let claim = |dice: &mut Dice, ground| {
        let keys = vec![Key::of(it.new, Role::Admin), Key::of(it.b, Role::Recovery)];
        say(dice, What::Claim { d: it.d, keys, ground, serves: SIX_DAYS }, OPERATOR)
    };
    let weaker = if it.d == 2 { Ground::Localhost } else { Ground::Operator };
    let releases = say(dice, What::Release { d: it.d }, recovery);
    vec![releases, claim(dice, weaker), claim(dice, it.ground), publishes(dice, it, 2, it.new)]
}

/// Opened just before only keys decide, and completed when they do; or opened just then.
fn only_keys(dice: &mut Dice, it: &Stage, recovery: u8) -> Vec<Move> {
    let says = |dice: &mut Dice, yes| say(dice, What::Keys { d: it.d, put: vec![], removed: vec![], keys_only: Some(yes) }, recovery);
    let just_before = When::At(Mark::OnlyKeysDecide(it.d), -1);
    let when = if dice.percent(50) { just_before } else { at_the_end(dice, &[Mark::OnlyKeysDecide(it.d)]) };
    let mut moves = vec![says(dice, true), Move { when, ..opens(dice, it) }];
    if dice.percent(50) {
        moves.push(says(dice, true));
    }
    if dice.percent(40) {
        moves.extend([changes(dice, it, vec![], vec![recovery], recovery), says(dice, false)]);
    } else {
        moves.push(completes(dice, it));
    }
    moves
}

fn a_recovery_key_begins(dice: &mut Dice, it: &Stage) -> Vec<Move> {
    let key = Key { from: Some(days(&domain(it.d), 30) as i64), ..Key::of(it.b, Role::Recovery) };
    let puts = changes(dice, it, vec![key], vec![], it.a);
    let when = at_the_end(dice, &[Mark::KeyBegins(it.d, it.b)]);
    vec![puts, Move { when, ..transfers(dice, it, it.b) }]
}
