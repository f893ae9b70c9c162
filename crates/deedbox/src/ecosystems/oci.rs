//! Images and other artifacts of OCI registries.

mod demo;
mod image;
mod registries;
mod setup;

use super::{Ecosystem, Installs};
use crate::demo::client::Tried;
use crate::demo::registry::DemoRegistry;
use crate::demo::story::Story;
use crate::managers::PackageManager;
use crate::packages::{Packages, Publishable, Reach, Wish};
use async_trait::async_trait;
use deedbox_oci::Oci;
use deedbox_view::{Dialect, Projection, View};
use std::path::Path;
use std::sync::Arc;

pub(super) struct OfOci;

#[async_trait(?Send)]
impl Ecosystem for OfOci {
    fn dialect(&self) -> Arc<dyn Dialect> {
        Arc::new(Oci)
    }
    fn projections(&self) -> Vec<Arc<dyn Projection>> {
        vec![Arc::new(Oci)]
    }
    fn views(&self) -> Vec<Arc<dyn View>> {
        vec![Arc::new(Oci)]
    }
    fn publishable(&self) -> Publishable {
        Publishable {
            manifests: &[],
            packed: &[],
            others: &[
                ("an OCI layout", "OCI layouts"),
                ("an archive of docker save", "archives of docker save"),
                ("docker://HOST/NAME:TAG", "docker://HOST/NAME:TAG"),
            ],
        }
    }
    fn manifest(&self, folder: &Path) -> anyhow::Result<Option<String>> {
        Ok(image::manifest(folder))
    }
    fn reach(&self) -> Reach {
        Reach::Archives
    }
    async fn find(&self, path: &Path, wish: Wish<'_>) -> anyhow::Result<Option<Packages>> {
        image::find(path, wish).await
    }
    async fn find_elsewhere(&self, word: &str, wish: Wish<'_>) -> anyhow::Result<Option<Packages>> {
        match word.strip_prefix(image::PULLED) {
            Some(reference) => image::pull(reference, wish).await.map(Some),
            None => Ok(None),
        }
    }
    fn package_managers(&self) -> &'static [PackageManager] {
        &setup::PACKAGE_MANAGERS
    }
    fn variables(&self) -> &'static [&'static str] {
        &["containers_", "registry_auth_file", "containerd_"]
    }
    async fn demo<'a>(&self, registry: &'a DemoRegistry<'a>, tried: &'a Tried, story: &mut Story) -> anyhow::Result<Installs<'a>> {
        let layout = demo::layout(registry.dir)?;
        registry.publish(&layout, Some("oci:demo.localhost/letter"), Some("1.0"), story).await?;
        Ok(Box::pin(demo::pull(registry, tried)))
    }
}
