//! What a command works with: settings from flags, then the environment, then the project's `deedbox.toml`, then the user's own; the
//! registry with its pin; the dialects. A log key comes from flag, environment, pin or the user's own settings.

use crate::args::Global;
use crate::failure::{refused, wrong};
use crate::keyfile::KeyGiven;
use crate::{home, keyfile, terminal};
use deedbox_client::trust::{read_pin, shown_key};
use deedbox_client::{Home, Registry, RegistryUrl, Trusted};
use deedbox_gem::Gem;
use deedbox_maven::Maven;
use deedbox_model::{Channel, Domain, PackageId, SecretKey, Version};
use deedbox_npm::Npm;
use deedbox_oci::Oci;
use deedbox_view::Dialect;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All of it, resolved once.
#[derive(Debug)]
pub(crate) struct Context {
    /// The registry's address, if any was given, and by whom.
    registry: Option<Named>,
    key: Option<KeyGiven>,
    /// The log key that was given: by flag, environment or the user's own settings, never by a project.
    pub(crate) log_key: Option<String>,
    /// Whether to answer in JSON.
    pub(crate) json: bool,
    /// `domain` in the settings: whose a package is that does not say it.
    pub(crate) domain: Option<Domain>,
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
        let found = home::settings(&home)?;
        let (project_path, project) = found.project.unwrap_or_default();
        if let Some(why) = found.passed_over {
            // What it would have said is said already, so that it is not missed.
            if global.registry.is_none() {
                return Err(refused(why));
            }
            terminal::note(&format!("deedbox: {}", terminal::word(&why)));
        }
        if project.log_key.is_some() && global.log_key.is_none() {
            terminal::note(&format!(
                "deedbox: the log_key of {} is not used: a project does not say whom to believe. Give it with --log-key or DEEDBOX_LOG_KEY, or \
                 write it into {}",
                terminal::word(&project_path.display().to_string()),
                terminal::word(&home.path().join("deedbox.toml").display().to_string())
            ));
        }
        let by_project = || By::Thing(project_path.display().to_string());
        let named = global
            .registry
            .map(|url| (url, By::User))
            .or_else(|| project.registry.map(|url| (url, by_project())))
            .or_else(|| found.own.registry.map(|url| (url, By::User)));
        let registry = named.map(|(url, by)| Ok::<_, anyhow::Error>(Named { url: RegistryUrl::parse(&url)?, by })).transpose()?;
        let domain = project.domain.or(found.own.domain);
        Ok(Context {
            registry,
            key: global.key.or_else(|| project.key.or(found.own.key).map(KeyGiven::from)),
            log_key: global.log_key.or(found.own.log_key),
            json: global.json,
            domain: domain.as_deref().map(Domain::parse).transpose().map_err(|e| wrong(format!("domain in deedbox.toml: {e}")))?,
            home,
        })
    }

    /// For a registry and a home that the program itself has chosen.
    pub(crate) fn of(registry: RegistryUrl, key: PathBuf, home: Home, log_key: Option<String>) -> Self {
        Context { registry: Some(Named { url: registry, by: By::User }), key: Some(key.into()), log_key, json: false, domain: None, home }
    }

    /// The registry's address.
    pub(crate) fn url(&self) -> anyhow::Result<&RegistryUrl> {
        self.registry.as_ref().map(|named| &named.url).ok_or_else(no_registry)
    }

    /// The registry's address, if any was given.
    pub(crate) fn url_if_given(&self) -> Option<&RegistryUrl> {
        self.registry.as_ref().map(|named| &named.url)
    }

    /// The registry's address and who named it, if anybody did.
    pub(crate) fn named(&self) -> Option<&Named> {
        self.registry.as_ref()
    }

    /// The same, with a registry that was found elsewhere.
    pub(crate) fn at(&self, named: Named) -> Self {
        Context {
            registry: Some(named),
            key: self.key.clone(),
            log_key: self.log_key.clone(),
            json: self.json,
            domain: self.domain.clone(),
            home: self.home.clone(),
        }
    }

    /// The registry, its log's key pinned or pinned now.
    pub(crate) async fn trusted(&self) -> anyhow::Result<Trusted> {
        let trusted = self.trusted_quietly().await?;
        self.say_pin(&trusted);
        Ok(trusted)
    }

    /// The same, where what is checked may have named the registry: a key that nobody gave and that is not pinned is shown and asked for,
    /// or taken if `pin` says so.
    pub(crate) async fn trusted_or_asked(&self, pin: bool) -> anyhow::Result<Trusted> {
        if let Some(Named { url, by: By::Thing(by) }) = &self.registry
            && self.log_key.is_none()
            && read_pin(&self.home.registry(url))?.is_none()
        {
            let key = shown_key(&Registry::new(url.clone())?).await?;
            if !self.home.log(&key).is_known() && !pin {
                let asked = format!(
                    "{url}, named by {by}, is not known on this machine. Its log shows the key\n  {key}\n  Compare it with one that you \
                     know from elsewhere. Pin it?"
                );
                if terminal::can_ask() {
                    if !terminal::agrees(&asked) {
                        return Err(refused("the log's key was not pinned, so nothing was verified"));
                    }
                } else {
                    return Err(wrong(format!(
                        "no log key is pinned for {url}, which {by} names: give the key that you know from elsewhere with --log-key, or believe \
                         the one that it shows now ({key}) with --pin-on-first-use"
                    )));
                }
            }
            // The key that was shown is the one that is pinned, whatever is answered next.
            let registry = Registry::new(url.clone())?;
            let trusted = Trusted::open(registry, &self.home, Some(&key.to_string()), home::now()).await?;
            self.say_pin(&trusted);
            return Ok(trusted);
        }
        self.trusted().await
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

    /// Where the key's file is, or is to be made: as given, else where keygen puts it. None if a key was given as text.
    pub(crate) fn key_path(&self) -> Option<PathBuf> {
        match &self.key {
            None => Some(self.home.path().join("key.pem")),
            Some(given) => given.path().map(Path::to_owned),
        }
    }

    /// The key.
    pub(crate) fn secret_key(&self) -> anyhow::Result<SecretKey> {
        match &self.key {
            None => keyfile::read(&self.home.path().join("key.pem")),
            Some(given) => given.read("--key or DEEDBOX_KEY"),
        }
    }
}

/// Nobody said which registry is meant.
pub(crate) fn no_registry() -> anyhow::Error {
    wrong("which registry? Give --registry URL, set DEEDBOX_REGISTRY, or write registry = \"URL\" into deedbox.toml")
}

/// The ecosystems that this program speaks.
pub(crate) fn dialects() -> Vec<Arc<dyn Dialect>> {
    vec![Arc::new(Npm::new()), Arc::new(Maven::new()), Arc::new(Oci), Arc::new(Gem::new())]
}

/// `id@version`.
pub(crate) fn release(text: &str) -> anyhow::Result<(PackageId, Version)> {
    let Some((id, version)) = text.rsplit_once('@') else {
        return Err(wrong(format!("{text:?} is not a release: write it like npm:acme.example/widget@1.0.0")));
    };
    Ok((package(id)?, Version::parse(version).map_err(|e| wrong(e.to_string()))?))
}

/// A package id. npm's own spelling, `@acme.example/widget`, is told what to write instead.
pub(crate) fn package(text: &str) -> anyhow::Result<PackageId> {
    PackageId::parse(text).map_err(|e| match text.strip_prefix('@') {
        Some(rest) => wrong(format!("{text:?} is npm's spelling: write npm:{rest}")),
        None => wrong(e.to_string()),
    })
}

/// A channel.
pub(crate) fn channel(text: &str) -> anyhow::Result<Channel> {
    Channel::parse(text).map_err(|e| wrong(e.to_string()))
}

/// A file, whole, at most so many bytes.
pub(crate) fn read_file(path: &std::path::Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    let file = |e: std::io::Error| wrong(format!("{}: {e}", path.display()));
    if std::fs::metadata(path).map_err(file)?.len() > limit {
        return Err(refused(format!("{} has more than {limit} bytes", path.display())));
    }
    std::fs::read(path).map_err(file)
}
