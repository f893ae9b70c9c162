//! The demo's registry and its publisher, as each ecosystem's part of the demo has them.

use super::story::Story;
use crate::commands::publish::Release;
use crate::packages::Wish;
use deedbox_client::{RegistryUrl, Trusted};
use deedbox_model::{PackageId, SecretKey, Version};
use std::path::Path;

/// One registry that runs here, and who publishes there.
pub(crate) struct DemoRegistry<'a> {
    /// The folder of the whole demo.
    pub(crate) dir: &'a Path,
    /// The registry's address.
    pub(crate) url: &'a RegistryUrl,
    pub(super) trusted: &'a Trusted,
    pub(super) key: &'a SecretKey,
}

impl DemoRegistry<'_> {
    /// Publishes what is at a path, and tells of it.
    pub(crate) async fn publish(&self, path: &Path, id: Option<&str>, version: Option<&str>, story: &mut Story) -> anyhow::Result<()> {
        let id = id.map(PackageId::parse).transpose()?;
        let version = version.map(Version::parse).transpose()?;
        let registry = Some(self.trusted.registry());
        let wish = Wish { id: id.as_ref(), version: version.as_ref(), registry, ..Wish::default() };
        for release in Release::read_own(path, wish, self.key).await? {
            let published = release.publish(self.trusted, self.key).await?;
            story.tick(&format!("signed and published {}: entry {}", published.release, published.index));
        }
        Ok(())
    }
}
