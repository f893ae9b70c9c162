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
mod terminal;

use clap::{CommandFactory as _, FromArgMatches as _};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let matches = without_empty(args::Args::command()).try_get_matches();
    let args = match matches.and_then(|matches| args::Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(error) => return not_understood(&error),
    };
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
            ExitCode::from(failure::exit_code(&error))
        }
    }
}

/// Help and versions as they are; complaints about arguments with what was given in them made safe to show.
fn not_understood(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let given: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    terminal::usage(&error.render().to_string(), &given);
    ExitCode::from(2)
}

/// A variable that is set to nothing counts as one that is not set, as in a compose file that hands on what it was not
/// given.
fn without_empty(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command.mut_args(|arg| if is_empty(&arg) { arg.env(clap::builder::Resettable::Reset) } else { arg }).mut_subcommands(without_empty)
}
