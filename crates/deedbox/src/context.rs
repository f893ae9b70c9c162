//! What a command works with: settings from flags, then the environment, then `deedbox.toml`; the registry with its pin;
//! the dialects.

use crate::args::Global;
use crate::failure::{refused, wrong};
use crate::keyfile::KeyGiven;
use crate::{home, keyfile, terminal};
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
    /// The registry's address, if any was given.
    registry: Option<RegistryUrl>,
    key: Option<KeyGiven>,
    /// The log key that was given.
    pub(crate) log_key: Option<String>,
    /// Whether to answer in JSON.
    pub(crate) json: bool,
    /// `domain` in the settings: whose a package is that does not say it.
    pub(crate) domain: Option<Domain>,
    /// Pins and proofs.
    pub(crate) home: Home,
}

impl Context {
    /// Puts flags, environment and settings together.
    pub(crate) fn new(global: Global) -> anyhow::Result<Self> {
        let settings = home::settings()?;
        let registry = global.registry.or(settings.registry).map(|url| RegistryUrl::parse(&url)).transpose()?;
        Ok(Context {
            registry,
            key: global.key.or(settings.key.map(KeyGiven::from)),
            log_key: global.log_key.or(settings.log_key),
            json: global.json,
            domain: settings.domain.as_deref().map(Domain::parse).transpose().map_err(|e| wrong(format!("domain in deedbox.toml: {e}")))?,
            home: home::home()?,
        })
    }

    /// For a registry and a home that the program itself has chosen.
    pub(crate) fn of(registry: RegistryUrl, key: PathBuf, home: Home, log_key: Option<String>) -> Self {
        Context { registry: Some(registry), key: Some(key.into()), log_key, json: false, domain: None, home }
    }

    /// The registry's address.
    pub(crate) fn url(&self) -> anyhow::Result<&RegistryUrl> {
        self.registry.as_ref().ok_or_else(|| {
            wrong("which registry? Give --registry URL, set DEEDBOX_REGISTRY, or write registry = \"URL\" into deedbox.toml")
        })
    }

    /// The registry's address, if any was given.
    pub(crate) fn url_if_given(&self) -> Option<&RegistryUrl> {
        self.registry.as_ref()
    }

    /// The registry, its log's key pinned or pinned now.
    pub(crate) async fn trusted(&self) -> anyhow::Result<Trusted> {
        let trusted = self.trusted_quietly().await?;
        if trusted.newly_pinned() {
            let how = if self.log_key.is_some() { "as given" } else { "as seen now, on first use" };
            terminal::note(&format!(
                "pinned the log {} ({how}): {}\n  kept in {}",
                trusted.pin().origin,
                trusted.pin().log_key,
                trusted.place().path().display()
            ));
        }
        Ok(trusted)
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
