//! The closures of ten real projects through the `deedbox` beside this one: `closures [--only ECOSYSTEM] [--json]`. What clients fetch stays
//! in `closures` in the target folder. Prints a table, or JSON; ends with 1 if anything was refused or came back otherwise.

use anyhow::{Context as _, bail};
use std::{io::Write as _, process::ExitCode};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let (mut only, mut json) = (None, false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--only" => only = Some(words.next().context("--only needs the name of an ecosystem")?),
            "--json" => json = true,
            _ => bail!("usage: closures [--only ECOSYSTEM] [--json]"),
        }
    }
    let deedbox = std::env::current_exe()?.with_file_name("deedbox");
    // This program is in `target/PROFILE`.
    let target = deedbox.ancestors().nth(2).context("this program is in no target folder")?;
    let report = deedbox_tests::closures::run(&deedbox, &target.join("closures"), only.as_deref()).await?;
    if json {
        writeln!(std::io::stdout(), "{:#}", report.json())?;
    } else {
        write!(std::io::stdout(), "{report}")?;
    }
    Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
