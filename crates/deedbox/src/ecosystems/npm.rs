//! npm, with the clients that read its settings and its lock files.

mod bun;
mod demo;
mod lockfile;
mod npmrc;
mod packed;
mod scopes;
mod setup;
mod yarn;

pub(crate) use lockfile::wanted;
pub(crate) use setup::new_project;

use super::{Ecosystem, Installs};
use crate::demo::client::Tried;
use crate::demo::registry::DemoRegistry;
use crate::demo::story::Story;
use crate::locked::{LockFiles, Registries};
use crate::managers::PackageManager;
use crate::packages::{Packages, Publishable, Wish};
use async_trait::async_trait;
use deedbox_model::Domain;
use deedbox_npm::{Npm, RegistrySigner};
use deedbox_server::MakeSigner;
use deedbox_view::{Dialect, Projection, SiteSigner, View};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// npm's own program.
pub(crate) const PROGRAM: &str = "npm";

pub(super) struct OfNpm;

#[async_trait(?Send)]
impl Ecosystem for OfNpm {
    fn dialect(&self) -> Arc<dyn Dialect> {
        Arc::new(Npm::new())
    }
    fn projections(&self) -> Vec<Arc<dyn Projection>> {
        vec![Arc::new(Npm::new())]
    }
    fn views(&self) -> Vec<Arc<dyn View>> {
        vec![Arc::new(Npm::new())]
    }
    fn signer(&self) -> Option<MakeSigner> {
        Some(Arc::new(|seed| RegistrySigner::from_scalar(seed).ok().map(|signer| Arc::new(signer) as Arc<dyn SiteSigner>)))
    }
    fn publishable(&self) -> Publishable {
        Publishable { manifests: &["a package.json"], packed: &[".tgz"], others: &[] }
    }
    fn manifest(&self, folder: &Path) -> anyhow::Result<Option<String>> {
        Ok(packed::manifest(folder))
    }
    async fn find(&self, path: &Path, wish: Wish<'_>) -> anyhow::Result<Option<Packages>> {
        Ok(packed::find(path, wish).await?.map(Packages::from))
    }
    fn instead_of(&self, text: &str) -> Option<String> {
        let rest = text.strip_prefix('@')?;
        Some(format!("{text:?} is npm's spelling: write npm:{rest}"))
    }
    fn package_managers(&self) -> &'static [PackageManager] {
        &setup::PACKAGE_MANAGERS
    }
    fn statement_names_all(&self) -> bool {
        true
    }
    fn lock_files(&self) -> Option<LockFiles> {
        Some(LockFiles { names: &lockfile::NAMES, read: lockfile::read_file })
    }
    fn registries(&self, folder: &Path, domains: &BTreeSet<Domain>, found: &mut Registries) {
        scopes::registries(folder, domains, found);
    }
    fn variables(&self) -> &'static [&'static str] {
        &["npm_config_", "pnpm_config_", "yarn_", "bun_", "deno_"]
    }
    // The story before has published what these install.
    async fn demo<'a>(&self, registry: &'a DemoRegistry<'a>, tried: &'a Tried, _: &mut Story) -> anyhow::Result<Installs<'a>> {
        Ok(Box::pin(demo::install(registry, tried)))
    }
}
