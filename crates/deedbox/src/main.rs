//! The binary: arguments, words, progress (docs/ARCHITECTURE.md, "The command line"). Each command is a file under
//! `commands`; what it knows of registries is the client's, what it knows of ecosystems is the dialects'.
//!
//! Exit codes: 0 done, 1 refused or does not verify, 2 used wrongly, 3 cannot reach, 130 interrupted (128 and the signal's number).

mod access_log;
mod args;
mod commands;
mod context;
mod failure;
mod home;
mod interrupt;
mod keyfile;
mod offline;
mod packages;
mod secrets;
mod terminal;

use clap::{CommandFactory as _, FromArgMatches as _};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Not get_matches, which would print and exit by itself.
    let parsed = without_empty(args::Args::command()).try_get_matches().and_then(|matches| args::Args::from_arg_matches(&matches));
    let args = match parsed {
        Ok(args) => args,
        Err(error) => return not_understood(&error),
    };
    let json = args.global.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::complain(&format!("this machine gives no threads to run on: {error}"));
            return ExitCode::from(1);
        }
    };
    let done = runtime.block_on(commands::run(args));
    // Whoever ends it does not wait for a digest that is being computed.
    if done.as_ref().is_err_and(|error| error.is::<failure::Interrupted>()) {
        runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    }
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(&failure::words(&error));
            let failure = failure::Failure::of(&error);
            let exit = failure.exit;
            // Who reads JSON reads it after a failure too; a command that has answered has said what failed in its answer.
            if json && !terminal::has_said() {
                let _ = terminal::say_json(&Failed { ok: false, error: failure });
            }
            ExitCode::from(exit)
        }
    }
}

/// The answer of a command that failed before it had one.
#[derive(serde::Serialize)]
struct Failed {
    ok: bool,
    error: failure::Failure,
}

/// What clap says, help and version too. It repeats arguments, and one in the wrong place may be a key.
fn not_understood(error: &clap::Error) -> ExitCode {
    let plain = error.render().to_string();
    if failure::without_keys(&plain) == plain {
        error.exit();
    }
    terminal::note(&failure::without_keys(&plain));
    ExitCode::from(2)
}

/// A variable that is set to nothing counts as one that is not set, as in a compose file that hands on what it was not
/// given.
fn without_empty(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command.mut_args(|arg| if is_empty(&arg) { arg.env(clap::builder::Resettable::Reset) } else { arg }).mut_subcommands(without_empty)
}
