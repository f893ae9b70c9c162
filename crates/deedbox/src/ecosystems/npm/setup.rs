//! `deedbox setup` for npm and those that read its settings: a line in `.npmrc`, and what Yarn and Bun have beside it.

use super::{bun, npmrc, yarn};
use crate::managers::file::Files;
use crate::managers::{Mode, PackageManager, Task};
use deedbox_client::RegistryUrl;
use deedbox_model::Domain;
use std::path::Path;

pub(super) static PACKAGE_MANAGERS: [PackageManager; 5] = [
    PackageManager::new("npm", |task| set_up(task, &NPM)).takes_only().takes_no_audit(),
    PackageManager::new("pnpm", |task| set_up(task, &PNPM)).takes_only(),
    PackageManager::new("yarn", |task| set_up(task, &YARN)).takes_only(),
    PackageManager::new("bun", |task| set_up(task, &BUN)).takes_only(),
    PackageManager::new("deno", |task| set_up(task, &DENO)).takes_only(),
];

/// In what a client differs from the others.
struct Relative {
    /// What brings a package, up to its domain.
    install: &'static str,
    /// Its lock file, if it is not one of npm's: `deedbox verify` reads only those.
    foreign_lock: Option<&'static str>,
    /// Whether it has settings of its own beside `.npmrc`.
    own: Option<Own>,
    /// What goes to the default registry all the same.
    who_learns_names: &'static str,
}

/// Settings that stand elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    Bunfig,
    Yarnrc,
}

const NPM: Relative = Relative {
    install: "npm install @",
    foreign_lock: None,
    own: None,
    who_learns_names: "npm install and npm audit send the names and versions of all that is installed, these too, to the default registry: --no-audit stops npm install, --only makes this registry the default",
};
/// The same of npm, where it was told not to audit while it installs.
const WITHOUT_AUDIT: &str =
    "npm audit still sends the names and versions of all that is installed, these too, to the default registry; npm install no longer does";
const AN_AUDIT: &str =
    "an audit sends the names and versions of all that is installed to the default registry: --only makes this registry the default";
const PNPM: Relative = Relative { install: "pnpm add @", foreign_lock: Some("pnpm-lock.yaml"), own: None, who_learns_names: AN_AUDIT };
const YARN: Relative = Relative {
    install: "yarn add @",
    foreign_lock: Some("yarn.lock"),
    own: Some(Own::Yarnrc),
    who_learns_names: "yarn audit and yarn npm audit send the names and versions of all that is installed elsewhere: do not use them for these",
};
const BUN: Relative = Relative { install: "bun add @", foreign_lock: Some("bun.lock"), own: Some(Own::Bunfig), who_learns_names: AN_AUDIT };
const DENO: Relative = Relative { install: "deno add npm:@", foreign_lock: Some("deno.lock"), own: None, who_learns_names: AN_AUDIT };

fn set_up(task: &Task<'_>, client: &Relative) -> anyhow::Result<()> {
    let (domain, url) = (task.domain, task.url);
    let mut settings = vec![npmrc::scope(domain, url)];
    if task.only {
        settings.push(("registry".to_owned(), format!("{url}/npm/")));
    }
    if task.no_audit {
        settings.push(("audit".to_owned(), "false".to_owned()));
    }
    let mut files = task.files();
    // What Bun reads first decides whether the rest is read at all.
    if client.own == Some(Own::Bunfig) {
        files.edit_if_there("bunfig.toml", |text| bun::edit(text, domain, url, task.mode))?;
    }
    files.edit(".npmrc", |text| npmrc::edit(text, &settings, task.mode))?;
    if client.own == Some(Own::Yarnrc) {
        files.edit(".yarnrc.yml", |text| yarn::edit(text, domain, url, task.mode, task.only))?;
    }
    let mut next = vec![format!("next: {}{domain}/NAME   and then: {}", client.install, check(client.foreign_lock, domain))];
    if client.own == Some(Own::Yarnrc) {
        next.push(
            "Yarn 4 waits a day before it takes a new release; npmMinimalAgeGate: 0 among the lines of the scope in .yarnrc.yml turns that off"
                .to_owned(),
        );
    }
    if !task.only {
        next.push(if task.no_audit { WITHOUT_AUDIT } else { client.who_learns_names }.to_owned());
    }
    task.finish(files, &next)
}

/// How to check what was installed.
fn check(foreign_lock: Option<&str>, domain: &Domain) -> String {
    match foreign_lock {
        None => "deedbox verify --lockfile package-lock.json".to_owned(),
        Some(lock) => {
            format!("deedbox verify npm:{domain}/NAME@VERSION, for each one that {lock} names (verify does not read that file)")
        }
    }
}

/// Sets npm's settings of a new project of the program's own.
pub(crate) fn new_project(dir: &Path, domain: &Domain, url: &RegistryUrl) -> anyhow::Result<()> {
    let mut files = Files::new(dir);
    files.edit(".npmrc", |text| npmrc::edit(text, &[npmrc::scope(domain, url)], Mode::Set))?;
    files.write().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_npm_is_told_to_have_its_lock_file_read() {
        let domain = Domain::parse("acme.example").unwrap();
        assert_eq!(check(None, &domain), "deedbox verify --lockfile package-lock.json");
        let said = check(Some("yarn.lock"), &domain);
        assert!(said.starts_with("deedbox verify npm:acme.example/NAME@VERSION") && !said.contains("--lockfile"), "{said}");
    }
}
