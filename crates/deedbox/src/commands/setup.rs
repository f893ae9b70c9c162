//! `deedbox setup`: a package manager's own settings for one domain's packages. Sets, changes or takes out that one thing;
//! every other line of the file stays as it is. The same for every client: a setting that is there with another address is
//! refused unless `--replace` says that it is meant, and `--undo` takes out what names this registry.

mod bun;
mod file;
mod gemfile;
mod jvm;
mod npmrc;
mod registries;
mod yarn;

use crate::args::{PackageManager, Setup};
use crate::context::Context;
use crate::failure::{refused, wrong};
use crate::terminal;
use deedbox_client::RegistryUrl;
use deedbox_model::Domain;
use file::{Edited, Files};

pub(crate) use npmrc::scope_line;
pub(crate) use yarn::settings as yarn_settings;

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
    fn objection(self, what: &str, there: &str, ours: &str) -> Option<String> {
        match self {
            Mode::Replace => None,
            Mode::Set => Some(format!("{what} is {there} there, and not {ours}: give --replace to change it")),
            Mode::Undo => {
                Some(format!("{what} is {there} there, and not {ours}: name the one that is there with --registry to take it out"))
            }
        }
    }
}

/// One client, one domain, one registry.
struct Task<'a> {
    args: &'a Setup,
    mode: Mode,
    domain: &'a Domain,
    url: &'a RegistryUrl,
}

pub(crate) fn run(context: &Context, args: Setup) -> anyhow::Result<()> {
    let domain = Domain::parse(&args.domain).map_err(|e| wrong(e.to_string()))?;
    let url = context.url()?;
    if !args.dir.is_dir() {
        return Err(wrong(format!("{} is not a folder: make it, or give the project's folder with --dir", args.dir.display())));
    }
    let task = Task { args: &args, mode: Mode::of(&args), domain: &domain, url };
    task.check_flags()?;
    match args.client {
        PackageManager::Npm | PackageManager::Pnpm | PackageManager::Yarn | PackageManager::Bun | PackageManager::Deno => task.npm_family(),
        PackageManager::Mvn => jvm::maven(&task),
        PackageManager::Gradle => jvm::gradle(&task),
        PackageManager::Podman => task.podman(),
        PackageManager::Docker => task.docker(),
        PackageManager::Gem => task.gem(),
        PackageManager::Bundle => task.bundler(),
    }
}

impl Task<'_> {
    /// Flags that this client has nothing for.
    fn check_flags(&self) -> anyhow::Result<()> {
        let client = self.args.client;
        let is_npm_like = matches!(
            client,
            PackageManager::Npm | PackageManager::Pnpm | PackageManager::Yarn | PackageManager::Bun | PackageManager::Deno
        );
        if self.args.no_audit && client != PackageManager::Npm {
            return Err(wrong("--no-audit is for npm: the others send no names while they install; leave it out"));
        }
        if self.args.only && !is_npm_like {
            return Err(wrong("--only is for npm, pnpm, yarn, bun and deno; leave it out"));
        }
        Ok(())
    }

    fn files(&self) -> Files<'_> {
        Files::new(&self.args.dir)
    }

    /// Writes what was prepared, and says what to do next unless something was taken out.
    fn finish(&self, files: Files<'_>, next: &[String]) -> anyhow::Result<()> {
        for said in files.write()? {
            terminal::say_line(&said);
        }
        if self.mode != Mode::Undo {
            next.iter().for_each(|line| terminal::say(&format!("  {line}")));
        }
        Ok(())
    }

    /// npm, and those that read its settings. Of the lock files only npm's are read by `deedbox verify`.
    fn npm_family(&self) -> anyhow::Result<()> {
        let (domain, url) = (self.domain, self.url);
        let (install, lock) = match self.args.client {
            PackageManager::Pnpm => ("pnpm add @", Some("pnpm-lock.yaml")),
            PackageManager::Yarn => ("yarn add @", Some("yarn.lock")),
            PackageManager::Bun => ("bun add @", Some("bun.lock")),
            PackageManager::Deno => ("deno add npm:@", Some("deno.lock")),
            _ => ("npm install @", None),
        };
        let mut settings = vec![npmrc::scope(domain, url)];
        if self.args.only {
            settings.push(("registry".to_owned(), format!("{url}/npm/")));
        }
        if self.args.no_audit {
            settings.push(("audit".to_owned(), "false".to_owned()));
        }
        let mut files = self.files();
        // What Bun reads first decides whether the rest is read at all.
        if self.args.client == PackageManager::Bun {
            files.edit_if_there("bunfig.toml", |text| bun::edit(text, domain, url, self.mode))?;
        }
        files.edit(".npmrc", |text| npmrc::edit(text, &settings, self.mode))?;
        if self.args.client == PackageManager::Yarn {
            files.edit(".yarnrc.yml", |text| yarn::edit(text, domain, url, self.mode, self.args.only))?;
        }
        let mut next = vec![format!("next: {install}{domain}/NAME   and then: {}", check(lock, domain))];
        if self.args.client == PackageManager::Yarn {
            next.push(
                "Yarn 4 waits a day before it takes a new release; npmMinimalAgeGate: 0 among the lines of the scope in .yarnrc.yml turns that off"
                    .to_owned(),
            );
        }
        next.extend(self.who_learns_names().map(str::to_owned));
        self.finish(files, &next)
    }

    /// What goes to the default registry all the same.
    fn who_learns_names(&self) -> Option<&'static str> {
        if self.args.only {
            return None;
        }
        match self.args.client {
            PackageManager::Npm if self.args.no_audit => Some(
                "npm audit still sends the names and versions of all that is installed, these too, to the default registry; npm install no longer does",
            ),
            PackageManager::Npm => Some(
                "npm install and npm audit send the names and versions of all that is installed, these too, to the default registry: --no-audit stops npm install, --only makes this registry the default",
            ),
            PackageManager::Deno | PackageManager::Pnpm | PackageManager::Bun => Some(
                "an audit sends the names and versions of all that is installed to the default registry: --only makes this registry the default",
            ),
            PackageManager::Yarn => Some(
                "yarn audit and yarn npm audit send the names and versions of all that is installed elsewhere: do not use them for these",
            ),
            _ => None,
        }
    }

    fn podman(&self) -> anyhow::Result<()> {
        self.at_the_root_of_a_host()?;
        let (domain, url) = (self.domain, self.url);
        let mut files = self.files();
        files.edit(registries::FILE, |text| registries::edit(text, domain, url, self.mode))?;
        let at = self.args.dir.join(registries::FILE);
        let next = [
            format!("next: CONTAINERS_REGISTRIES_CONF={} podman pull {domain}/NAME:TAG", at.display()),
            "(or copy it to ~/.config/containers/registries.conf.d/deedbox.conf)".to_owned(),
            format!("other clients need no settings: docker pull {}/{domain}/NAME:TAG", url.authority()),
        ];
        self.finish(files, &next)
    }

    fn docker(&self) -> anyhow::Result<()> {
        self.at_the_root_of_a_host()?;
        terminal::say("nothing to write: the registry's host is part of an image's name");
        if self.mode != Mode::Undo {
            terminal::say(&format!("  next: docker pull {}/{}/NAME:TAG", self.url.authority(), self.domain));
            if self.is_plain_http() {
                terminal::say(
                    "  Docker takes a registry without TLS from a loopback address, or where insecure-registries in its daemon.json names it",
                );
            }
        }
        Ok(())
    }

    fn gem(&self) -> anyhow::Result<()> {
        terminal::say("nothing to write: gem has its sources for a user, not for a project");
        if self.mode != Mode::Undo {
            let source = gemfile::source(self.domain, self.url);
            terminal::say(&format!("  next: gem install NAME --clear-sources --source {source}/"));
        }
        Ok(())
    }

    fn bundler(&self) -> anyhow::Result<()> {
        let mut files = self.files();
        files.edit("Gemfile", |text| gemfile::edit(text, self.domain, self.url, self.mode))?;
        self.finish(files, &["next: write the gems of the domain below that line, like gem \"NAME\", and then: bundle install".to_owned()])
    }

    /// Clients of images ask below `/v2/` of a host, whatever else stands in an address.
    fn at_the_root_of_a_host(&self) -> anyhow::Result<()> {
        if self.url.as_str().ends_with(&format!("://{}", self.url.authority())) {
            return Ok(());
        }
        Err(refused(format!(
            "clients of images cannot use {}: they ask for /v2/ at the root of {}; a registry for images has an address without a path",
            self.url,
            self.url.authority()
        )))
    }

    fn is_plain_http(&self) -> bool {
        self.url.as_str().starts_with("http:")
    }
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
pub(crate) fn npm_project(dir: &std::path::Path, domain: &Domain, url: &RegistryUrl) -> anyhow::Result<()> {
    let mut files = Files::new(dir);
    files.edit(".npmrc", |text| npmrc::edit(text, &[npmrc::scope(domain, url)], Mode::Set))?;
    files.write().map(drop)
}

/// Whether two addresses are one, whatever stands at their ends.
fn is_same(a: &str, b: &str) -> bool {
    let bare = |text: &str| text.trim_end_matches('/').to_owned();
    bare(a) == bare(b)
}

/// A text that was changed, and what was done, in words.
fn edited(text: impl Into<String>, said: impl Into<String>) -> Result<Edited, String> {
    Ok(Edited { text: text.into(), said: said.into() })
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
