//! RubyGems, with `gem` and Bundler.

mod demo;
mod gemfile;
mod packed;
mod setup;

use super::{Ecosystem, Installs};
use crate::demo::client::Tried;
use crate::demo::registry::DemoRegistry;
use crate::demo::story::Story;
use crate::managers::PackageManager;
use crate::packages::{Packages, Publishable, Wish};
use async_trait::async_trait;
use deedbox_gem::Gem;
use deedbox_view::{Dialect, Projection, View};
use std::path::Path;
use std::sync::Arc;

pub(super) struct OfGem;

#[async_trait(?Send)]
impl Ecosystem for OfGem {
    fn dialect(&self) -> Arc<dyn Dialect> {
        Arc::new(Gem::new())
    }
    fn projections(&self) -> Vec<Arc<dyn Projection>> {
        vec![Arc::new(Gem::new())]
    }
    fn views(&self) -> Vec<Arc<dyn View>> {
        vec![Arc::new(Gem::new())]
    }
    fn publishable(&self) -> Publishable {
        Publishable { manifests: &["a .gemspec"], packed: &[".gem"], others: &[] }
    }
    fn manifest(&self, folder: &Path) -> anyhow::Result<Option<String>> {
        packed::manifest(folder)
    }
    async fn find(&self, path: &Path, wish: Wish<'_>) -> anyhow::Result<Option<Packages>> {
        packed::find(path, wish).await
    }
    fn package_managers(&self) -> &'static [PackageManager] {
        &setup::PACKAGE_MANAGERS
    }
    fn variables(&self) -> &'static [&'static str] {
        &["bundle_"]
    }
    async fn demo<'a>(&self, registry: &'a DemoRegistry<'a>, tried: &'a Tried, story: &mut Story) -> anyhow::Result<Installs<'a>> {
        // gem packs what it and bundle install.
        let gem = tried.find("gem", "--version").await?;
        if gem.is_some() {
            registry.publish(&demo::source(registry.dir)?, None, None, story).await?;
        }
        Ok(Box::pin(demo::install(registry, tried, gem)))
    }
}
