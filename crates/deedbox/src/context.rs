//! What a command works with: settings from flags, then the environment, then the project's `deedbox.toml`, then the user's own; the
//! registry with its pin. A log key comes from flag, environment, pin or the user's own settings; what signs may go by the one
//! that is shown.

use crate::args::Global;
use crate::ecosystems::Ecosystems;
use crate::failure::{self, refused, wrong};
use crate::home::{Problem, Settings};
use crate::keyfile::{Key, KeyGiven};
use crate::{home, keyfile, terminal};
use deedbox_client::trust::{read_pin, shown_key};
use deedbox_client::{Home, Registry, RegistryUrl, Trusted};
use deedbox_model::{Channel, Domain, PackageId, Version};
use deedbox_tlog::VerifierKey;
use std::path::{Path, PathBuf};

/// All of it, resolved once. What is wrong with a settings file is an error only where something of it is needed.
#[derive(Debug)]
pub(crate) struct Context {
    /// The registry's address, if any was given, and by whom.
    registry: Result<Option<Named>, Problem>,
    /// The key, and what gave it.
    key: Result<Option<(KeyGiven, String)>, Problem>,
    /// `domain` in the settings: whose a package is that does not say it.
    domain: Result<Option<Domain>, Problem>,
    /// A project's settings that are not read, and why.
    passed_over: Option<String>,
    /// The log key that was given: by flag, environment or the user's own settings, never by a project.
    pub(crate) log_key: Option<String>,
    /// Whether to answer in JSON.
    pub(crate) json: bool,
    /// Pins and proofs.
    pub(crate) home: Home,
}

/// A registry's address, and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) url: RegistryUrl,
    pub(crate) by: By,
}

/// Who named a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    /// The user: by flag, environment or settings of their own.
    User,
    /// Something that may be what is being checked: a project's settings, its lock file, a proof.
    Thing(String),
}

impl Context {
    /// Puts flags, environment and settings together.
    pub(crate) fn new(global: Global) -> anyhow::Result<Self> {
        let home = home::home()?;
        let found = home::settings(&home);
        if let (Some(why), true) = (&found.passed_over, global.registry.is_some()) {
            // What it would have said is said already, so that it is not missed.
            say_passed_over(why);
        }
        let (project_path, project) = match found.project {
            Some((path, settings)) => (path, settings),
            None => (PathBuf::new(), Ok(Settings::default())),
        };
        if project.as_ref().is_ok_and(|project| project.log_key.is_some()) && global.log_key.is_none() {
            terminal::note(&format!(
                "deedbox: the log_key of {} is not used, because a project's file must not decide which log you trust. Give the key with --log-key or DEEDBOX_LOG_KEY, or write it into {}",
                terminal::word(&project_path.display().to_string()),
                terminal::word(&home.path().join("deedbox.toml").display().to_string())
            ));
        }
        let given_key = global.key.map(|key| (key, "--key or DEEDBOX_KEY".to_owned()));
        let resolved = found.own.map(|own| {
            let registry = match (global.registry, &found.passed_over) {
                (Some(url), _) => named(&url, By::User).map(Some),
                (None, Some(why)) => Err(Problem::refused(why.clone())),
                (None, None) => project.as_ref().map_err(Clone::clone).and_then(|project| match (&project.registry, &own.registry) {
                    (Some(url), _) => named(url, By::Thing(project_path.display().to_string())).map(Some),
                    (None, Some(url)) => named(url, By::User).map(Some),
                    (None, None) => Ok(None),
                }),
            };
            let set =
                |path: &Option<PathBuf>, file: &Path| path.clone().map(|path| (KeyGiven::from(path), format!("key in {}", file.display())));
            let own_path = home.path().join("deedbox.toml");
            let set_key =
                project.as_ref().map_err(Clone::clone).map(|project| set(&project.key, &project_path).or_else(|| set(&own.key, &own_path)));
            let domain = project.and_then(|project| {
                let domain = project.domain.or(own.domain).map(|domain| Domain::parse(&domain)).transpose();
                domain.map_err(|e| Problem::wrong(format!("domain in deedbox.toml: {e}")))
            });
            (registry, set_key, domain, own.log_key)
        });
        let (registry, set_key, domain, own_log_key) = match resolved {
            Ok(resolved) => resolved,
            // The log key that the user believes may stand there, so that no registry is asked without it.
            Err(problem) => (Err(problem.clone()), Err(problem.clone()), Err(problem), None),
        };
        Ok(Context {
            registry,
            key: given_key.map_or(set_key, |given| Ok(Some(given))),
            domain,
            passed_over: found.passed_over,
            log_key: global.log_key.or(own_log_key),
            json: global.json,
            home,
        })
    }

    /// For a registry and a home that the program itself has chosen.
    pub(crate) fn of(registry: RegistryUrl, key: PathBuf, home: Home, log_key: Option<String>) -> Self {
        Context {
            registry: Ok(Some(Named { url: registry, by: By::User })),
            key: Ok(Some((key.into(), "the key of this registry".to_owned()))),
            domain: Ok(None),
            passed_over: None,
            log_key,
            json: false,
            home,
        }
    }

    /// The registry's address.
    pub(crate) fn url(&self) -> anyhow::Result<&RegistryUrl> {
        self.url_if_given()?.ok_or_else(no_registry)
    }

    /// The registry's address, if any was given.
    pub(crate) fn url_if_given(&self) -> anyhow::Result<Option<&RegistryUrl>> {
        Ok(self.named()?.map(|named| &named.url))
    }

    /// The registry's address and who named it, if anybody did.
    pub(crate) fn named(&self) -> anyhow::Result<Option<&Named>> {
        self.registry.as_ref().map(Option::as_ref).map_err(Problem::error)
    }

    /// `domain` in the settings, if it is there.
    pub(crate) fn domain(&self) -> anyhow::Result<Option<&Domain>> {
        self.domain.as_ref().map(Option::as_ref).map_err(Problem::error)
    }

    /// The same, with a registry that was found elsewhere.
    pub(crate) fn at(&self, named: Named) -> Self {
        Context {
            registry: Ok(Some(named)),
            key: self.key.clone(),
            domain: self.domain.clone(),
            passed_over: self.passed_over.clone(),
            log_key: self.log_key.clone(),
            json: self.json,
            home: self.home.clone(),
        }
    }

    /// The registry, by its pin or by the key that it shows now. That key is pinned if the user named the registry or gave the key; where a
    /// project named it the command goes on with it, since what it signs is for that log, and nothing is believed of it afterwards.
    pub(crate) async fn trusted(&self) -> anyhow::Result<Trusted> {
        let named = self.named()?.ok_or_else(no_registry)?;
        let By::Thing(by) = &named.by else { return self.pinned().await };
        if self.log_key.is_some() {
            return self.pinned().await;
        }
        let trusted = Trusted::open_unpinned(Registry::new(named.url.clone())?, &self.home, home::now()).await?;
        if !trusted.is_pinned() {
            terminal::note(&format!(
                "the log key of {}, which {} names, is not pinned: this command uses the key that the registry shows now,\n  {}\n  and verify will ask \
                 for it. To pin it, give the key that you know from elsewhere with --log-key",
                named.url,
                terminal::word(by),
                trusted.pin().log_key
            ));
        }
        Ok(trusted)
    }

    async fn pinned(&self) -> anyhow::Result<Trusted> {
        let trusted = self.trusted_quietly().await?;
        self.say_pin(&trusted);
        Ok(trusted)
    }

    /// The same, where what is checked may have named the registry: a key that nobody gave and that is not pinned is shown and asked for,
    /// or taken if `pin` says so.
    pub(crate) async fn trusted_or_asked(&self, pin: bool) -> anyhow::Result<Trusted> {
        if let Some(Named { url, by: By::Thing(by) }) = self.named()?
            && self.log_key.is_none()
            && read_pin(&self.home.registry(url))?.is_none()
        {
            let key = shown_key(&Registry::new(url.clone())?).await?;
            if !pin && !self.believes(&key)? {
                let asked = format!(
                    "{url}, named by {}, is not known on this machine. Its log shows the key\n  {key}\n  Compare it with one that you \
                     know from elsewhere. Pin it?",
                    terminal::word(by)
                );
                if terminal::can_ask() {
                    if !terminal::agrees(&asked) {
                        return Err(refused("the log's key was not pinned, so nothing was verified"));
                    }
                } else {
                    return Err(wrong(format!(
                        "no log key is pinned for {url}, which {by} names: give the key that you know from elsewhere with --log-key, or trust the one that it shows now ({key}) with --pin-on-first-use"
                    )));
                }
            }
            // The key that was shown is the one that is pinned, whatever is answered next.
            let registry = Registry::new(url.clone())?;
            let trusted = Trusted::open(registry, &self.home, Some(&key.to_string()), home::now()).await?;
            self.say_pin(&trusted);
            return Ok(trusted);
        }
        self.pinned().await
    }

    /// Whether this log is pinned on this machine, at whatever address.
    fn believes(&self, key: &VerifierKey) -> anyhow::Result<bool> {
        let key = key.to_string();
        Ok(self.home.registries()?.iter().any(|place| read_pin(place).is_ok_and(|pin| pin.is_some_and(|pin| pin.log_key == key))))
    }

    fn say_pin(&self, trusted: &Trusted) {
        if trusted.newly_pinned() {
            let how = if self.log_key.is_some() { "as given" } else { "as seen now, on first use" };
            terminal::note(&format!(
                "pinned the log {} ({how}): {}\n  kept in {}",
                trusted.pin().origin,
                trusted.pin().log_key,
                terminal::word(&trusted.place().path().display().to_string())
            ));
        }
    }

    /// The same, without a word about a new pin.
    pub(crate) async fn trusted_quietly(&self) -> anyhow::Result<Trusted> {
        let registry = Registry::new(self.url()?.clone())?;
        Ok(Trusted::open(registry, &self.home, self.log_key.as_deref(), home::now()).await?)
    }

    /// Where the key's file is, or is to be made: as given, else where keygen puts it.
    pub(crate) fn key_path(&self) -> anyhow::Result<PathBuf> {
        match self.key.as_ref().map_err(Problem::error)? {
            None => {
                if let Some(why) = &self.passed_over {
                    say_passed_over(why);
                }
                Ok(self.home.path().join("key.pem"))
            }
            Some((given, how)) => given.path().map(Path::to_owned).ok_or_else(|| {
                wrong(format!("{how} holds the text of a key, and not the name of a file: say where the new key goes with --out FILE"))
            }),
        }
    }

    /// The key.
    pub(crate) fn signing_key(&self) -> anyhow::Result<Key> {
        match self.key.as_ref().map_err(Problem::error)? {
            None => keyfile::read(&self.home.path().join("key.pem")).map(Key::Secret),
            Some((given, how)) => given.find(how),
        }
    }
}

fn named(url: &str, by: By) -> Result<Named, Problem> {
    let url = RegistryUrl::parse(url).map_err(|e| Problem::wrong(failure::words(&e.into())))?;
    Ok(Named { url, by })
}

fn say_passed_over(why: &str) {
    terminal::note(&format!("deedbox: {}", terminal::word(why)));
}

/// Nobody said which registry is meant.
pub(crate) fn no_registry() -> anyhow::Error {
    wrong("which registry? Give --registry URL, set DEEDBOX_REGISTRY, or write registry = \"URL\" into deedbox.toml")
}

/// `id@version`.
pub(crate) fn release(text: &str) -> anyhow::Result<(PackageId, Version)> {
    let Some((id, version)) = text.rsplit_once('@') else {
        return Err(wrong(format!("{text:?} is not a release: write it like npm:acme.example/widget@1.0.0")));
    };
    Ok((package(id)?, Version::parse(version).map_err(|e| wrong(e.to_string()))?))
}

/// A package id. An ecosystem's own spelling, like npm's `@acme.example/widget`, is told what to write instead.
pub(crate) fn package(text: &str) -> anyhow::Result<PackageId> {
    PackageId::parse(text).map_err(|e| wrong(Ecosystems::default().instead_of(text).unwrap_or_else(|| e.to_string())))
}

/// A channel.
pub(crate) fn channel(text: &str) -> anyhow::Result<Channel> {
    Channel::parse(text).map_err(|e| wrong(e.to_string()))
}
