//! Package managers whose settings `setup` writes: what each ecosystem says of its own, and what it is given to write them with. Which there
//! are is not known here.

pub(crate) mod file;

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
    /// Whether it has a registry for every package: `--only`.
    pub(crate) takes_only: bool,
    /// Whether it can be told not to send names: `--no-audit`.
    pub(crate) takes_no_audit: bool,
    /// Writes its settings.
    pub(crate) set_up: SetUp,
}

/// Writes the settings, and says what to do next.
pub(crate) type SetUp = fn(&Task<'_>) -> anyhow::Result<()>;

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
    pub(crate) mode: Mode,
    pub(crate) domain: &'a Domain,
    pub(crate) url: &'a RegistryUrl,
    /// The project's folder.
    pub(crate) dir: &'a Path,
    /// `--only`.
    pub(crate) only: bool,
    /// `--no-audit`.
    pub(crate) no_audit: bool,
}

impl Task<'_> {
    /// The files of the project.
    pub(crate) fn files(&self) -> Files<'_> {
        Files::new(self.dir)
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
