//! The program: arguments, words, progress (docs/ARCHITECTURE.md, "The command line"). Each command is a file under
//! `commands`; what it knows of registries is the client's, what it knows of ecosystems is in `ecosystems` and the dialects.
//! It is a library for the sake of the tests that put a registry together as this program does.
//!
//! Exit codes: 0 done, 1 refused or does not verify, 2 used wrongly, 3 cannot reach, 130 interrupted (128 and the signal's number).

mod access_log;
mod args;
mod commands;
mod context;
mod demo;
mod dns_anchors;
pub mod ecosystems;
mod failure;
mod help;
mod home;
mod interrupt;
mod keyfile;
mod left_overs;
mod locked;
mod looking;
mod managers;
mod minutes;
mod offline;
mod packages;
mod reading;
mod secrets;
mod small_pages;
#[cfg(unix)]
mod ssh_agent;
mod suffix_list;
mod terminal;

use clap::FromArgMatches as _;
use std::process::ExitCode;

/// The whole program, from its arguments to its exit code.
pub fn run() -> ExitCode {
    let matches = match help::command_line().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return not_understood(&error),
    };
    if let Some(idle) = help::idle_setting(&matches) {
        terminal::complain(&idle);
        return used_wrongly(idle);
    }
    let args = match args::Args::from_arg_matches(&matches) {
        Ok(args) => args,
        Err(error) => return not_understood(&error),
    };
    let json = args.global.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(deedbox_server::limits::BLOCKING_THREADS)
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::complain(&format!("this machine gives no threads to run on: {error}"));
            return ExitCode::from(1);
        }
    };
    let done = runtime.block_on(commands::run(args));
    // A user who ends it does not wait for a digest that is being computed.
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

/// Help and versions as they are; complaints about arguments with what was given in them made safe to show, and without keys: an argument
/// in the wrong place may be one.
fn not_understood(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let given: Vec<String> = std::env::args_os().map(|arg| failure::without_keys(&arg.to_string_lossy())).collect();
    let complaint = failure::without_keys(&error.render().to_string());
    terminal::usage(&complaint, &given);
    used_wrongly(complaint.trim_end().to_owned())
}

/// Ends a command whose arguments say nothing that can be done; who asked for JSON gets it.
fn used_wrongly(words: String) -> ExitCode {
    if std::env::args_os().take_while(|arg| arg != "--").any(|arg| arg == "--json") {
        let _ = terminal::say_json(&Failed { ok: false, error: failure::Failure::of(&failure::wrong(words)) });
    }
    ExitCode::from(2)
}
