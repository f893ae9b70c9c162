//! The OCI distribution specification's own conformance program against the `deedbox` beside this one: `conformance PROGRAM`. Prints the
//! program's tables and what failed; ends with 1 unless all that is enabled passed.

use std::{io::Write as _, path::Path, process::ExitCode};

fn main() -> anyhow::Result<ExitCode> {
    let program = std::env::args_os().nth(1).ok_or_else(|| anyhow::anyhow!("usage: conformance PROGRAM"))?;
    let deedbox = std::env::current_exe()?.with_file_name("deedbox");
    let report = deedbox_tests::conformance::run(&deedbox, Path::new(&program))?;
    writeln!(std::io::stdout(), "{report}")?;
    Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
