//! What this machine has, and what the tests need of it. It reads versions and changes nothing.
#![allow(clippy::print_stdout, reason = "a command speaks on the terminal")]

use std::process::{Command, Stdio};

/// One thing that a test may stand on.
struct Need {
    program: &'static str,
    ask: &'static [&'static str],
    why: &'static str,
    get: &'static str,
    /// Without it `cargo xtask test` cannot pass; the others are installed by the tests, or have one test less to run by hand.
    must: bool,
}

const NEEDS: &[Need] = &[
    Need { program: "cargo", ask: &["--version"], why: "builds everything", get: "rustup, or Debian's rustup", must: true },
    Need { program: "cargo", ask: &["fmt", "--version"], why: "step fmt", get: "rustup component add rustfmt", must: true },
    Need { program: "cargo", ask: &["clippy", "--version"], why: "step clippy", get: "rustup component add clippy", must: true },
    Need {
        program: "cargo",
        ask: &["deny", "--version"],
        why: "step deny",
        get: "the step fetches it with pip, or builds it",
        must: false,
    },
    Need {
        program: "cc",
        ask: &["--version"],
        why: "SQLite and the TLS library are C",
        get: "apt-get install build-essential",
        must: true,
    },
    Need { program: "c++", ask: &["--version"], why: "the fuzzer is C++", get: "step fuzz installs g++", must: false },
    Need { program: "git", ask: &["--version"], why: "tidy asks it which files are tracked", get: "apt-get install git", must: true },
    Need {
        program: "node",
        ask: &["--version"],
        why: "runs npm, pnpm and yarn in end-to-end tests",
        get: "Node.js 20 or newer",
        must: true,
    },
    Need {
        program: "npm",
        ask: &["--version"],
        why: "installs the clients; packs what is published",
        get: "comes with Node.js",
        must: true,
    },
    Need {
        program: "python3",
        ask: &["-c", "import venv, ensurepip, platform; print(platform.python_version())"],
        why: "the independent SCITT verifier lives in a venv",
        get: "apt-get install python3 python3-venv",
        must: true,
    },
    Need { program: "pip", ask: &["--version"], why: "comes with the venv too", get: "apt-get install python3-pip", must: false },
    Need { program: "dpkg-query", ask: &["--version"], why: "tests ask what Debian packages are there", get: "Debian 12", must: true },
    Need {
        program: "docker",
        ask: &["info", "--format", "engine {{.ServerVersion}}"],
        why: "only for building the container by hand",
        get: "apt-get install docker.io, then dockerd",
        must: false,
    },
    Need {
        program: "named",
        ask: &["-v"],
        why: "the name servers that claims are looked up at",
        get: "the tests install bind9",
        must: false,
    },
    Need { program: "nginx", ask: &["-v"], why: "serves a log as plain files", get: "the test installs it", must: false },
];

/// Prints the table. `false` when something is missing that `cargo xtask test` cannot do without.
pub fn run() -> bool {
    let mut well = true;
    for need in NEEDS {
        let name = match need.ask {
            [sub @ ("fmt" | "clippy" | "deny"), ..] => format!("{} {sub}", need.program),
            _ => need.program.to_owned(),
        };
        match first_line(need.program, need.ask) {
            Some(version) => println!("ok       {name:<13} {version}"),
            None if need.must => {
                well = false;
                println!("MISSING  {name:<13} {}; to have it: {}", need.why, need.get);
            }
            None => println!("not here {name:<13} {}; to have it: {}", need.why, need.get),
        }
    }
    let root = first_line("id", &["-u"]).as_deref() == Some("0");
    let who = if root { "ok       root" } else { "not root" };
    println!("{who}          tests install Debian packages with apt-get; without root they say which ones to install first");
    println!("The tests fetch npm, PyPI and Debian packages through these clients, as this machine has them set up.");
    well
}

/// What a program answers first, or nothing if it is not there or says no.
pub(crate) fn first_line(program: &str, ask: &[&str]) -> Option<String> {
    let output = Command::new(program).args(ask).stdin(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&text).lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_has_no_version() {
        assert_eq!(first_line("deedbox-no-such-program", &["--version"]), None);
        assert_eq!(first_line("cargo", &["no-such-command-of-cargo"]), None);
        assert!(first_line("cargo", &["--version"]).is_some_and(|line| line.starts_with("cargo ")));
    }
}
