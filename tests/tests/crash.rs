//! Sixty rounds of the crash loop. The seed is printed; `cargo run -p deedbox-tests -- --runs N --seed S` runs more of
//! them, or the same again.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test may stop where it stands")]

use deedbox_tests::crash::{Programs, any_seed, run};
use deedbox_tests::registry::program;

#[test]
fn whatever_was_answered_is_there_after_every_crash() {
    let seed = any_seed();
    println!("seed {seed}");
    let programs = Programs { crashing: env!("CARGO_BIN_EXE_crashing").into(), deedbox: program().expect("deedbox") };
    match run(&programs, 60, seed, false) {
        Ok(report) => println!("{report}"),
        Err(error) => panic!("seed {seed}: {error:#}"),
    }
}
