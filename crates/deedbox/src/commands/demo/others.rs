//! The second part of the demo: a gem, a jar and an image are published, and they and the first part's packages installed with
//! each client that the machine has, from empty caches. Nothing is asked of anybody but the demo's own registry.

use super::Story;
use super::client::Tried;
use super::{gems, images, jars, npm_family};
use crate::commands::publish::Release;
use crate::packages::Wish;
use deedbox_client::{RegistryUrl, Trusted};
use deedbox_model::{PackageId, SecretKey, Version};
use std::path::Path;

/// The demo's registry and its publisher.
pub(super) struct Others<'a> {
    pub(super) dir: &'a Path,
    pub(super) url: &'a RegistryUrl,
    pub(super) trusted: &'a Trusted,
    pub(super) key: &'a SecretKey,
}

impl Others<'_> {
    /// All of it; gives the clients that are not here, and those that failed.
    pub(super) async fn run(&self, story: &mut Story) -> anyhow::Result<(Vec<String>, Vec<&'static str>)> {
        let tried = Tried::new(self.dir.join("clients"));
        // gem packs what it and bundle install.
        let gem = tried.find("gem", "--version").await?;
        if gem.is_some() {
            self.publish(&gems::source(self.dir)?, None, None, story).await?;
        }
        let jar = jars::built(self.dir)?;
        self.publish(&jar.project, None, None, story).await?;
        self.publish(&images::layout(self.dir)?, Some("oci:demo.localhost/letter"), Some("1.0"), story).await?;
        // Side by side: some of them take their time to start, and none waits for another.
        tokio::try_join!(
            npm_family::install(self, &tried),
            gems::install(self, &tried, gem),
            jars::install(self, &tried, &jar),
            images::pull(self, &tried),
        )?;
        story.begin_anew();
        Ok(tried.into_lists())
    }

    async fn publish(&self, path: &Path, id: Option<&str>, version: Option<&str>, story: &mut Story) -> anyhow::Result<()> {
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
