//! `deedbox completions` and `deedbox man`: made from the same arguments as `--help`, so that they say the same.

use crate::args::{Completions, Man};
use crate::failure::{refused, wrong};
use crate::help::command_line;
use crate::terminal;
use std::path::Path;

/// Prints what a shell reads.
pub(crate) fn completions(args: &Completions) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line(), "deedbox", &mut script);
    terminal::say_whole(&script);
    Ok(())
}

/// Prints the first page, or writes all of them: `deedbox.1`, `deedbox-publish.1`, ….
pub(crate) fn man(args: Man) -> anyhow::Result<()> {
    let command = command_line();
    let Some(dir) = args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        terminal::say_whole(&page);
        return Ok(());
    };
    if !dir.is_dir() {
        return Err(wrong(format!("{} is not a folder: make it first", dir.display())));
    }
    pages(&command, &dir).map_err(|e| refused(format!("no pages can be written into {}: {}", dir.display(), e.kind())))?;
    terminal::say(&format!("wrote the manual's pages into {}; MANPATH or `man -l` finds them", terminal::word(&dir.display().to_string())));
    Ok(())
}

/// A page for a command and each one below it; `help` only repeats them.
fn pages(command: &clap::Command, dir: &Path) -> std::io::Result<()> {
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        pages(below, dir)?;
    }
    clap_mangen::Man::new(command.clone()).generate_to(dir).map(drop)
}
