//! Maven, and Gradle, which takes what Maven takes.

mod built;
mod demo;
mod setup;

use super::{Ecosystem, Installs};
use crate::demo::client::Tried;
use crate::demo::registry::DemoRegistry;
use crate::demo::story::Story;
use crate::managers::PackageManager;
use crate::packages::{Packages, Publishable, Reach, Wish};
use async_trait::async_trait;
use deedbox_maven::Maven;
use deedbox_view::{Dialect, Projection, View};
use std::path::Path;
use std::sync::Arc;

pub(super) struct OfMaven;

#[async_trait(?Send)]
impl Ecosystem for OfMaven {
    fn dialect(&self) -> Arc<dyn Dialect> {
        Arc::new(Maven)
    }
    fn projections(&self) -> Vec<Arc<dyn Projection>> {
        vec![Arc::new(Maven)]
    }
    fn views(&self) -> Vec<Arc<dyn View>> {
        vec![Arc::new(Maven)]
    }
    fn publishable(&self) -> Publishable {
        Publishable { manifests: &["a pom.xml"], packed: &[], others: &[("a folder in Maven's layout", "folders in Maven's layout")] }
    }
    fn manifest(&self, folder: &Path) -> anyhow::Result<Option<String>> {
        Ok(built::manifest(folder))
    }
    fn reach(&self) -> Reach {
        Reach::Below
    }
    async fn find(&self, path: &Path, wish: Wish<'_>) -> anyhow::Result<Option<Packages>> {
        built::find(path, wish).await
    }
    fn package_managers(&self) -> &'static [PackageManager] {
        &setup::PACKAGE_MANAGERS
    }
    fn variables(&self) -> &'static [&'static str] {
        &["maven_", "gradle_"]
    }
    async fn demo<'a>(&self, registry: &'a DemoRegistry<'a>, tried: &'a Tried, story: &mut Story) -> anyhow::Result<Installs<'a>> {
        let built = demo::built(registry.dir)?;
        registry.publish(&built.project, None, None, story).await?;
        Ok(Box::pin(async move { demo::install(registry, tried, &built).await }))
    }
}
