//! Short scenes of a few moves each, for turns that chance alone takes too seldom: a key that was taken away just a month before a recovery was
//! opened, a contest that outlasts the recovery, a key of a tenure that is over. Each move is judged like every other.

use super::dice::Dice;
use super::model::{Model, Recovery, days, may_be_used};
use super::moves::{DOMAINS, Ground, KEYS, Key, Mark, Move, OPERATOR, PACKAGES, Prev, What, When, Which, domain};
use super::plan::{at_the_end, say};
use deedbox_model::event::{Evidence, Role};

const SIX_DAYS: i64 = 6 * 86_400_000;

/// Two admin keys of a domain where nothing is in dispute, and its ground.
struct Stage {
    d: usize,
    a: u8,
    b: u8,
    ground: Ground,
}

fn stage(model: &Model, d: usize) -> Option<Stage> {
    let holding = model.domains.get(&domain(d)).filter(|holding| !holding.released && !holding.keys_only)?;
    if holding.is_frozen(model.now) || Recovery::is_open(holding.recovery.as_ref(), &domain(d), model.now) {
        return None;
    }
    let speaks = |n: &u8| {
        let key = holding.key(super::cast::id(*n));
        key.is_some_and(|key| key.role == Role::Admin && may_be_used(key, model.now) && key.until.is_none())
    };
    let admins: Vec<u8> = KEYS.into_iter().filter(speaks).collect();
    let (a, b) = (*admins.first()?, *admins.get(1)?);
    let ground = match holding.evidence {
        Evidence::Localhost => Ground::Localhost,
        _ => Ground::Operator,
    };
    Some(Stage { d, a, b, ground })
}

/// A scene, if there is a stage for one.
pub(crate) fn next(dice: &mut Dice, model: &Model) -> Vec<Move> {
    let first = dice.below(DOMAINS.len());
    let Some(stage) = (first..first + DOMAINS.len()).find_map(|d| stage(model, d % DOMAINS.len())) else { return Vec::new() };
    match dice.below(5) {
        4 => only_keys(dice, &stage),
        0 => a_month_before(dice, &stage),
        1 => outlasts_the_recovery(dice, &stage),
        2 => of_a_tenure_that_is_over(dice, &stage),
        _ => handed_over(dice, &stage),
    }
}

fn removes(dice: &mut Dice, it: &Stage) -> Move {
    say(dice, What::Keys { d: it.d, put: vec![], removed: vec![it.b], keys_only: None }, it.a)
}

fn opens(dice: &mut Dice, it: &Stage) -> Move {
    let keys = vec![Key::of(dice.pick(&KEYS), Role::Admin)];
    say(dice, What::Open { d: it.d, keys, ground: it.ground, serves: SIX_DAYS }, OPERATOR)
}

fn contests(dice: &mut Dice, it: &Stage, which: Which) -> Move {
    say(dice, What::Contest { d: it.d, which }, it.b)
}

fn a_month_before(dice: &mut Dice, it: &Stage) -> Vec<Move> {
    let when = at_the_end(dice, &[Mark::TakenAMonthAgo(it.d, it.b)]);
    vec![removes(dice, it), Move { when, ..opens(dice, it) }, contests(dice, it, Which::TheLast)]
}

fn outlasts_the_recovery(dice: &mut Dice, it: &Stage) -> Vec<Move> {
    let late = When::At(Mark::ADayBeforeRecoveryEnds(it.d), 0);
    let when = at_the_end(dice, &[Mark::ContestFreezeEnds(it.d), Mark::RecoveryEnds(it.d)]);
    let p = PACKAGES.iter().position(|(id, _)| id.ends_with(["widget", "tool", "thing"][it.d])).expect("one of its packages");
    let publish = What::Publish { p, speaker: None, version: 4, native_version: 4, native_name: PACKAGES[p].1, channels: vec![] };
    let publishes = Move { when, ..say(dice, publish, it.a) };
    vec![opens(dice, it), Move { when: late, ..removes(dice, it) }, contests(dice, it, Which::None), publishes]
}

fn of_a_tenure_that_is_over(dice: &mut Dice, it: &Stage) -> Vec<Move> {
    let keys = vec![Key::of(it.a, Role::Admin)];
    let transfers = say(dice, What::Transfer { d: it.d, keys, serves: SIX_DAYS }, it.a);
    vec![removes(dice, it), transfers, contests(dice, it, Which::None), opens(dice, it), contests(dice, it, Which::TheLast)]
}

fn handed_over(dice: &mut Dice, it: &Stage) -> Vec<Move> {
    let keys = vec![Key::of(dice.pick(&KEYS), Role::Admin)];
    let transfers = say(dice, What::Transfer { d: it.d, keys, serves: SIX_DAYS }, it.a);
    let when = at_the_end(dice, &[Mark::HandedOverAWeekAgo(it.d)]);
    let by = dice.pick(&[it.a, it.b, it.b]);
    let again = Move { prev: Prev::Older(1), ..contests(dice, it, Which::None) };
    vec![transfers, Move { when, by, ..contests(dice, it, Which::None) }, again]
}

fn only_keys(dice: &mut Dice, it: &Stage) -> Vec<Move> {
    let d = it.d;
    let key = Key { from: Some(days(&domain(d), 30) as i64), ..Key::of(it.b, Role::Recovery) };
    let change = |dice: &mut Dice, put: Vec<Key>, removed: Vec<u8>, keys_only: Option<bool>, by: u8| {
        say(dice, What::Keys { d, put, removed, keys_only }, by)
    };
    let puts = change(dice, vec![key], vec![], None, it.a);
    let when = at_the_end(dice, &[Mark::KeyBegins(d, it.b)]);
    let decides = Move { when, ..change(dice, vec![], vec![], Some(true), it.b) };
    let removes = change(dice, vec![], vec![it.b], None, it.b);
    let no_more = change(dice, vec![], vec![], Some(false), it.b);
    vec![puts, decides, opens(dice, it), removes, no_more]
}
