//! The OCI distribution specification's own conformance program against the `deedbox` beside this one: `conformance --program PATH`. Prints the
//! program's tables and what failed; ends with 1 unless all that is enabled passed.

use anyhow::{bail, ensure};
use std::{io::Write as _, path::Path, process::ExitCode};

const USAGE: &str = "usage: conformance --program PATH, the built program (docs/guides/oci.md says which)";

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [option, program] = words.as_slice() else { bail!(USAGE) };
    ensure!(option == "--program", USAGE);
    ensure!(Path::new(program).is_file(), "{program} is not there, or is not a program");
    let deedbox = std::env::current_exe()?.with_file_name("deedbox");
    let report = deedbox_tests::conformance::run(&deedbox, Path::new(program))?;
    writeln!(std::io::stdout(), "{report}")?;
    Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
