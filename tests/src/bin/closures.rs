//! The closures of ten real projects through the `deedbox` beside this one: `closures FOLDER [--only ECOSYSTEM] [--json]`. What clients
//! fetch stays in FOLDER. Prints a table, or JSON; ends with 1 if anything was refused or came back otherwise.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let folder = words.first().map(PathBuf::from).ok_or_else(|| anyhow::anyhow!("usage: closures FOLDER [--only ECOSYSTEM] [--json]"))?;
    let only = words.iter().position(|word| word == "--only").and_then(|at| words.get(at + 1)).map(String::as_str);
    let deedbox = std::env::current_exe()?.with_file_name("deedbox");
    let report = deedbox_tests::closures::run(&deedbox, &folder, only).await?;
    if words.iter().any(|word| word == "--json") {
        writeln!(std::io::stdout(), "{:#}", report.json())?;
    } else {
        write!(std::io::stdout(), "{report}")?;
    }
    Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
