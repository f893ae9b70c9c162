//! The crash loop by hand: `crash-loop --runs 500 --seed 7`.

fn main() -> anyhow::Result<()> {
    let (mut runs, mut seed) = (60, deedbox_tests::crash::any_seed());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|number| number.parse().ok()).ok_or_else(|| anyhow::anyhow!("{arg} needs a number"));
        match arg.as_str() {
            "--runs" => runs = number()?,
            "--seed" => seed = number()?,
            _ => anyhow::bail!("usage: crash-loop [--runs N] [--seed S]"),
        }
    }
    let programs = deedbox_tests::crash::Programs::beside(&std::env::current_exe()?)?;
    let report = deedbox_tests::crash::run(&programs, runs, seed, true)?;
    let mut out = std::io::stdout();
    std::io::Write::write_fmt(&mut out, format_args!("{report}\n"))?;
    Ok(())
}
