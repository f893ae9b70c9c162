//! `deedbox setup`: a package manager's own settings for one domain's packages. Sets, changes or takes out that one thing;
//! every other line of the file stays as it is. The same for every client: a setting that is there with another address is
//! refused unless `--replace` says that it is meant, and `--undo` takes out what names this registry.

pub(crate) mod file;

use crate::args::Setup;
use crate::context::Context;
use crate::ecosystems::Ecosystems;
use crate::failure::wrong;
use crate::packages::words::all_of;
use crate::terminal;
use clap::builder::PossibleValue;
use deedbox_client::RegistryUrl;
use deedbox_model::Domain;
use file::{Edited, Files};
use std::path::Path;

/// A client whose settings `setup` writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PackageManager {
    /// The word for it, on the command line and in what is said.
    pub(crate) name: &'static str,
    aliases: &'static [&'static str],
    help: Option<&'static str>,
    takes_only: bool,
    takes_no_audit: bool,
    set_up: SetUp,
}

/// Writes the settings, and says what to do next.
type SetUp = fn(&Task<'_>) -> anyhow::Result<()>;

impl PackageManager {
    /// With one word, and nothing beside it.
    pub(crate) const fn new(name: &'static str, set_up: SetUp) -> Self {
        PackageManager { name, aliases: &[], help: None, takes_only: false, takes_no_audit: false, set_up }
    }
    /// These words mean it too.
    pub(crate) const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        PackageManager { aliases, ..self }
    }
    /// What `--help` says of it.
    pub(crate) const fn help(self, help: &'static str) -> Self {
        PackageManager { help: Some(help), ..self }
    }
    /// It has a registry for every package: `--only`.
    pub(crate) const fn takes_only(self) -> Self {
        PackageManager { takes_only: true, ..self }
    }
    /// It sends names while it installs, and can be told not to: `--no-audit`.
    pub(crate) const fn takes_no_audit(self) -> Self {
        PackageManager { takes_no_audit: true, ..self }
    }

    /// Every word for it.
    pub(crate) fn words(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// For the command line.
    pub(crate) fn possible_value(&self) -> PossibleValue {
        let value = PossibleValue::new(self.name).aliases(self.aliases.iter().copied());
        match self.help {
            Some(help) => value.help(help),
            None => value,
        }
    }
}

/// What is done with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is set; one that names another registry is refused.
    Set,
    /// It is set, whatever is there.
    Replace,
    /// It is taken out, if it names this registry.
    Undo,
}

impl Mode {
    fn of(args: &Setup) -> Self {
        match (args.undo, args.replace) {
            (true, _) => Mode::Undo,
            (false, true) => Mode::Replace,
            (false, false) => Mode::Set,
        }
    }

    /// What is wrong with a setting that is there and names something else, if anything is.
    pub(crate) fn objection(self, what: &str, there: &str, ours: &str) -> Option<String> {
        match self {
            Mode::Replace => None,
            Mode::Set => Some(format!("{what} is set to {there}, and not to {ours}: add --replace to change it")),
            Mode::Undo => Some(format!("{what} is set to {there}, and not to {ours}: to remove it, name that registry with --registry")),
        }
    }
}

/// One client, one domain, one registry.
pub(crate) struct Task<'a> {
    pub(crate) args: &'a Setup,
    pub(crate) mode: Mode,
    pub(crate) domain: &'a Domain,
    pub(crate) url: &'a RegistryUrl,
}

pub(crate) fn run(context: &Context, args: Setup) -> anyhow::Result<()> {
    let domain = Domain::parse(&args.domain).map_err(|e| wrong(e.to_string()))?;
    let url = context.url()?;
    if !args.dir.is_dir() {
        return Err(wrong(format!("{} is not a folder: make it, or give the project's folder with --dir", args.dir.display())));
    }
    let task = Task { args: &args, mode: Mode::of(&args), domain: &domain, url };
    task.check_flags(Ecosystems::default())?;
    (args.client.set_up)(&task)
}

impl Task<'_> {
    /// Flags that this client has nothing for.
    fn check_flags(&self, ecosystems: Ecosystems) -> anyhow::Result<()> {
        let named = |takes: fn(&PackageManager) -> bool| {
            let all: Vec<&str> = ecosystems.package_managers().into_iter().filter(|one| takes(one)).map(|one| one.name).collect();
            all_of(&all).unwrap_or_default()
        };
        if self.args.no_audit && !self.args.client.takes_no_audit {
            let clients = named(|one| one.takes_no_audit);
            return Err(wrong(format!("--no-audit is for {clients}: the others send no names while they install; leave it out")));
        }
        if self.args.only && !self.args.client.takes_only {
            return Err(wrong(format!("--only is for {}; leave it out", named(|one| one.takes_only))));
        }
        Ok(())
    }

    /// The project's folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.args.dir
    }

    /// The files of the project.
    pub(crate) fn files(&self) -> Files<'_> {
        Files::new(&self.args.dir)
    }

    /// Writes what was prepared, and says what to do next unless something was taken out.
    pub(crate) fn finish(&self, files: Files<'_>, next: &[String]) -> anyhow::Result<()> {
        for said in files.write()? {
            terminal::say_line(&said);
        }
        self.say_next(next);
        Ok(())
    }

    /// Says that there is nothing to write, why, and what to do.
    pub(crate) fn nothing_to_write(&self, why: &str, next: &[String]) {
        terminal::say(&format!("nothing to write: {why}"));
        self.say_next(next);
    }

    fn say_next(&self, next: &[String]) {
        if self.mode != Mode::Undo {
            next.iter().for_each(|line| terminal::say(&format!("  {line}")));
        }
    }
}

/// Whether two addresses are one, whatever stands at their ends.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    let bare = |text: &str| text.trim_end_matches('/').to_owned();
    bare(a) == bare(b)
}

/// A text that was changed, and what was done, in words.
pub(crate) fn edited(text: impl Into<String>, said: impl Into<String>) -> Result<Edited, String> {
    Ok(Edited { text: text.into(), said: said.into() })
}
