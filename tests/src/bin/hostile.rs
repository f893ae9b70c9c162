//! A registry among a thousand hostile connections of each kind, by hand: `hostile [--connections N] [--seconds S] [--only KIND] [--json]`. Ends with 1
//! unless the registry was as it should be in a release build.

use deedbox_tests::hostile::{Plan, run};
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    let (mut plan, mut json) = (Plan { connections: 1_000, stay: Duration::from_secs(10), only: None }, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let number = |text: Option<String>| {
            let number = text.and_then(|text| text.parse::<u16>().ok()).filter(|number| *number > 0);
            number.ok_or_else(|| anyhow::anyhow!("{arg} needs a number from 1 to {}", u16::MAX))
        };
        match arg.as_str() {
            "--connections" => plan.connections = usize::from(number(args.next())?),
            "--seconds" => plan.stay = Duration::from_secs(number(args.next())?.into()),
            "--only" => plan.only = Some(args.next().ok_or_else(|| anyhow::anyhow!("--only needs a word of a kind's name"))?),
            "--json" => json = true,
            _ => anyhow::bail!("usage: hostile [--connections N] [--seconds S] [--only KIND] [--json]"),
        }
    }
    let programs = deedbox_tests::crash::Programs::beside(&std::env::current_exe()?)?;
    let report = run(&programs, &plan, |row| {
        let _ = writeln!(std::io::stderr(), "beside {}: {:.0} MB at most", row.kind, row.peak_mb);
    })?;
    let mut out = std::io::stdout();
    if json {
        writeln!(out, "{:#}", report.json())?
    } else {
        writeln!(out, "{report}")?
    }
    Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
