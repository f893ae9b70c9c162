//! A history, judged by both, and how one that fails is made short.

use super::decider::Decider;
use super::dice::Dice;
use super::model::{Model, Written};
use super::moves::Move;
use super::reached::{Before, Reached};
use super::wording::Wording;
use super::{plan, scenes};
use deedbox_model::Value;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

/// Both judges, and what was sent to them.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) model: Model,
    decider: Decider,
    sent: Vec<Vec<u8>>,
    story: String,
}

/// Where the two differ, with the story until there.
pub(crate) struct Differs(pub(crate) String);

impl History {
    /// One move: worded, judged twice, compared. Nothing where the move says nothing here.
    fn make(&mut self, it: &Move, reached: &mut Reached) -> Result<(), Differs> {
        let Some(bytes) = (Wording { model: &mut self.model, sent: &self.sent }).bytes(it) else { return Ok(()) };
        let before = Before::of(it, &self.model);
        let (index, now) = (self.model.next, self.model.now);
        let (naive, decided) = (self.model.judge(&bytes), self.decider.judge(&bytes));
        let _ = writeln!(self.story, "{index:>4} t={now} {it}: {naive:?}");
        self.sent.push(bytes);
        if naive != decided {
            return Err(Differs(format!("{}the specification says {naive:?}, the decider {decided:?}", self.story)));
        }
        reached.note(it, &before, &self.model, naive);
        Ok(())
    }

    /// Whether it has been shown enough that nothing happens any more: entry 0 was void, or another protocol number is in force.
    fn is_over(&self) -> bool {
        let registry = self.model.registry.as_ref();
        let nothing = registry.is_none() && self.model.next > 3;
        nothing || registry.is_some_and(|registry| registry.protocol != 1 && self.sent.len() as u64 > self.model.next + 3)
    }

    fn compare_rows(&self) -> Result<(), Differs> {
        let (expected, found) = (self.model.rows(), self.decider.rows());
        if expected == found {
            return Ok(());
        }
        let mut text = self.story.clone();
        let keys = expected.keys().chain(found.keys()).collect::<std::collections::BTreeSet<_>>();
        for key in keys.into_iter().filter(|key| expected.get(*key) != found.get(*key)) {
            let _ = writeln!(text, "{key}:\n  by the specification {}\n  by the decider       {}", show(&expected, key), show(&found, key));
        }
        Err(Differs(text))
    }
}

fn show(rows: &BTreeMap<String, Written>, key: &str) -> String {
    rows.get(key).map_or_else(|| "nothing".to_owned(), |(value, seq)| format!("{} by {seq}", short(value)))
}

/// A value on one line, bytes by their beginning.
fn short(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Bytes(bytes) => bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect::<String>() + "…",
        Value::List(list) => format!("[{}]", list.iter().map(short).collect::<Vec<_>>().join(", ")),
        Value::Map(map) => {
            let fields: Vec<String> = map.iter().map(|(name, value)| format!("{name}: {}", short(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// A history by chance; its moves come back with what differs.
pub(crate) fn by_chance(seed: u64, reached: &mut Reached) -> Result<(), (Vec<Move>, Differs)> {
    let mut dice = Dice(seed);
    let (mut history, mut moves, mut waiting) = (History::default(), Vec::new(), VecDeque::new());
    let length = 60 + dice.below(61);
    for _ in 0..length {
        if history.is_over() {
            break;
        }
        if waiting.is_empty() && dice.percent(12) {
            waiting.extend(scenes::next(&mut dice, &history.model));
        }
        let it = waiting.pop_front().unwrap_or_else(|| plan::next(&mut dice, &history.model));
        moves.push(it.clone());
        if let Err(differs) = history.make(&it, reached) {
            return Err((moves, differs));
        }
    }
    history.compare_rows().map_err(|differs| (moves, differs))
}

/// The same moves again, with the rows compared after each.
fn again(moves: &[Move]) -> Result<(), Differs> {
    let (mut history, mut reached) = (History::default(), Reached::default());
    for it in moves {
        history.make(it, &mut reached)?;
        history.compare_rows()?;
    }
    Ok(())
}

/// Leaves out every move without which the two still differ.
pub(crate) fn shortened(mut moves: Vec<Move>, mut differs: Differs) -> Differs {
    let mut step = moves.len().div_ceil(2);
    loop {
        let mut n = 0;
        let mut left_out = false;
        while n < moves.len() {
            let mut fewer = moves.clone();
            fewer.drain(n..(n + step).min(fewer.len()));
            match again(&fewer) {
                Err(still) => {
                    (moves, differs, left_out) = (fewer, still, true);
                }
                Ok(()) => n += step,
            }
        }
        if step == 1 && !left_out {
            return differs;
        }
        step = step.div_ceil(2).max(1);
    }
}
