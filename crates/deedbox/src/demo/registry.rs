//! The demo's registry and its publisher, as each ecosystem's part of the demo has them.

use super::story::Story;
use async_trait::async_trait;
use deedbox_client::RegistryUrl;
use deedbox_model::{PackageId, Version};
use std::path::Path;

/// One registry that runs here, and who publishes there.
pub(crate) struct DemoRegistry<'a> {
    /// The folder of the whole demo.
    pub(crate) dir: &'a Path,
    /// The registry's address.
    pub(crate) url: &'a RegistryUrl,
    /// Who publishes.
    pub(crate) publisher: &'a dyn DemoPublisher,
}

/// Who publishes in the demo.
#[async_trait(?Send)]
pub(crate) trait DemoPublisher {
    /// Publishes what is at a path, and tells of it.
    async fn publish(&self, path: &Path, id: Option<&PackageId>, version: Option<&Version>, story: &mut Story) -> anyhow::Result<()>;
}

impl DemoRegistry<'_> {
    /// Publishes what is at a path, and tells of it.
    pub(crate) async fn publish(&self, path: &Path, id: Option<&str>, version: Option<&str>, story: &mut Story) -> anyhow::Result<()> {
        let id = id.map(PackageId::parse).transpose()?;
        let version = version.map(Version::parse).transpose()?;
        self.publisher.publish(path, id.as_ref(), version.as_ref(), story).await
    }
}
