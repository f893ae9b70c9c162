//! `cargo xtask`: the project's own commands. It reads the words of the command line and calls the room that does the work;
//! it decides nothing about the code itself.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks on the terminal")]

use std::process::ExitCode;

use xtask::programs::{self, Profile};
use xtask::{doctor, fixtures, fuzz, root, test, tidy};

const USAGE: &str = "\
cargo xtask test [--quick] [--only STEP]   everything that must pass; the last line is `N passed, N failed`
                                           --quick leaves out deny, fuzz and the end-to-end tests
                                           STEP is one of: fmt, clippy, deny, tidy, test, fuzz
cargo xtask tidy                           the house's own lint alone
cargo xtask tidy --digest HOST             the line that tidy keeps for a host name nobody may write here
cargo xtask fuzz [--seconds N] [--target T]
                                           every fuzz target, or one, for N seconds (60); fuzz/README.md
                                           --seed S tries what another run with S tried
                                           --input FILE shows one input of the target again, --hex BYTES too
                                           --keep puts the best of the inputs that were found into the corpus
                                           --lock takes over the workspace's versions
cargo xtask fixtures [--check]             writes fixtures/ again; with --check only says which files would change
cargo xtask crash [--runs N] [--seed S]    the crash loop, in release; prints how the rounds ended, by point
                                           --debug runs it as the tests build it
cargo xtask hostile [--connections N] [--seconds S] [--only KIND] [--json]
                                           a registry among a thousand hostile connections of each kind, in release
                                           --debug runs it as the tests build it
cargo xtask bench [--quick] [--only GROUP] [--json]
                                            speed and size beside their goals, verdaccio and nginx; docs/guides/bench.md
cargo xtask conformance --program PATH     the OCI distribution specification's own program against a registry of this
                                           checkout, reading only; docs/guides/oci.md
cargo xtask closures [--only ECOSYSTEM] [--json]
                                           dependency closures of ten real projects through a registry of this checkout, as
                                           npm, Maven, RubyGems and image tools bring them; fetches some gigabyte
cargo xtask doctor                         what the tests need, and whether this machine has it
";

/// 0: done. 1: something failed. 2: used wrongly.
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test", rest @ ..] => match test::Options::parse(rest) {
            Ok(options) => root().and_then(|root| test::run(&root, &options)),
            Err(wrong) => return used_wrongly(&wrong),
        },
        ["fuzz", rest @ ..] => match fuzz::Options::parse(rest) {
            Ok(options) => root().and_then(|root| fuzz::run(&root, &options)),
            Err(wrong) => return used_wrongly(&wrong),
        },
        ["tidy"] => root().and_then(|root| tidy::run(&root)).map(|report| tidy::print(&report)),
        ["tidy", "--digest", host] => {
            println!("{}", tidy::hosts::digest(host));
            Ok(true)
        }
        ["fixtures"] => root().and_then(|root| fixtures::write(&root)),
        ["fixtures", "--check"] => root().and_then(|root| fixtures::check(&root)),
        // Which words these take is theirs to say.
        ["crash", rest @ ..] => by_hand("crash-loop", rest),
        ["hostile", rest @ ..] => by_hand("hostile", rest),
        ["bench", rest @ ..] => root().and_then(|root| programs::run(&root, Profile::Dist, "bench", rest)),
        ["conformance", rest @ ..] => root().and_then(|root| programs::run(&root, Profile::Dev, "conformance", rest)),
        ["closures", rest @ ..] => root().and_then(|root| programs::run(&root, Profile::Dev, "closures", rest)),
        ["doctor"] => Ok(doctor::run()),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(true)
        }
        other => return used_wrongly(&format!("there is no command `{}`", other.join(" "))),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A program of the tests in release, or with `--debug` as the tests build it: that is slower, and is there after a run of them.
fn by_hand(program: &str, words: &[&str]) -> anyhow::Result<bool> {
    let (debug, words): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| **word == "--debug");
    programs::run(&root()?, if debug.is_empty() { Profile::Release } else { Profile::Dev }, program, &words)
}

fn used_wrongly(what: &str) -> ExitCode {
    eprintln!("xtask: {what}\n\n{USAGE}");
    ExitCode::from(2)
}
