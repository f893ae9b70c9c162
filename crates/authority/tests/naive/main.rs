//! Random histories, judged by the crate's decider and by a second one that was written from spec/authority.md alone: both come to the same
//! verdicts with the same codes, and to the same rows.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops where it is wrong")]

mod cast;
mod decider;
mod dice;
mod history;
mod looks;
mod model;
mod moves;
mod plan;
mod reached;
mod scenes;
mod wording;

use reached::Reached;

/// How many histories are judged.
const ROUNDS: u64 = 100;
/// Says how many more.
const MORE: &str = "DEEDBOX_NAIVE_ROUNDS";

/// Judges these histories; says what was reached.
fn judge(seeds: impl Iterator<Item = u64>) -> Reached {
    let mut reached = Reached::default();
    for seed in seeds {
        if let Err((moves, differs)) = history::by_chance(seed, &mut reached) {
            panic!("history {seed}:\n{}", history::shortened(moves, differs).0);
        }
    }
    reached
}

#[test]
fn the_decider_judges_as_the_specification_reads_and_every_refusal_is_met() {
    let reached = judge(0..ROUNDS);
    println!("{reached}");
    let missing = reached.missing();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}

/// By default one history; `DEEDBOX_NAIVE_ROUNDS` says how many.
#[test]
fn it_does_so_in_as_many_more_histories_as_one_asks_for() {
    let rounds = std::env::var(MORE).map_or(1, |rounds| rounds.parse().expect("a number of rounds"));
    println!("{}", judge(ROUNDS..ROUNDS + rounds));
}

/// The words in backquotes that begin the lines of a table, from one heading to the next.
fn named(text: &str, heading: &str) -> Vec<String> {
    let section = text.split_once(heading).expect("the section").1;
    let section = section.split("\n## ").next().expect("its text");
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').step_by(2).map(str::to_owned).filter(|word| !word.is_empty()).collect::<Vec<_>>()).collect()
}

#[test]
fn every_refusal_and_every_event_of_the_specification_is_in_the_lists() {
    let sorted = |mut all: Vec<String>| {
        all.sort();
        all
    };
    let owned = |all: &[&str]| sorted(all.iter().map(|one| (*one).to_owned()).collect());
    let codes = named(include_str!("../../../../spec/authority.md"), "\n## 5. Refusals");
    let without: Vec<&str> = reached::CODES.into_iter().filter(|code| *code != "undecided").collect();
    assert_eq!(sorted(codes), owned(&without));
    let types = named(include_str!("../../../../spec/events.md"), "\n## 1. The types");
    assert_eq!(sorted(types), owned(&reached::TYPES));
}
