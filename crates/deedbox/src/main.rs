//! The binary: arguments, words, progress (docs/ARCHITECTURE.md, "The command line"). Each command is a file under
//! `commands`; what it knows of registries is the client's, what it knows of ecosystems is the dialects'.
//!
//! Exit codes: 0 done, 1 refused or does not verify, 2 used wrongly, 3 cannot reach, 130 interrupted (128 and the signal's number).

mod access_log;
mod args;
mod commands;
mod context;
mod failure;
mod help;
mod home;
mod interrupt;
mod keyfile;
mod left_overs;
mod offline;
mod packages;
mod terminal;

use clap::FromArgMatches as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads that may wait for a disk or compute at once.
const BLOCKING_THREADS: usize = 128;

fn main() -> ExitCode {
    let matches = match help::command_line().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return not_understood(&error),
    };
    if let Some(idle) = help::idle_setting(&matches) {
        terminal::complain(&idle);
        return ExitCode::from(2);
    }
    let args = match args::Args::from_arg_matches(&matches) {
        Ok(args) => args,
        Err(error) => return not_understood(&error),
    };
    // Each thread that waits for a disk has memory of its own: more than these only wait for each other.
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build() {
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
