//! What the registry is asked before something is signed: whether the version is free, whether a channel would move back, and for a dry
//! run also whether the key may. Its answers are unproven words; what is signed on them is judged again by everyone.

use super::report::Became;
use super::{Publisher, Release};
use crate::failure::refused_as;
use crate::home;
use deedbox_client::{Registry, may_upload, state};
use deedbox_model::{ObjectRef, PackageId, Version};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What was asked already in this command.
#[derive(Default)]
pub(super) struct Asked {
    /// The highest release of a package that is not a prerelease, yanked or deprecated.
    highest: BTreeMap<PackageId, Option<Version>>,
}

impl Asked {
    async fn highest(&mut self, registry: &Registry, release: &Release) -> anyhow::Result<Option<Version>> {
        if let Some(known) = self.highest.get(release.id()) {
            return Ok(known.clone());
        }
        let mut highest: Option<Version> = None;
        for one in state::versions(registry, release.id()).await?.unwrap_or_default() {
            let Ok(version) = Version::parse(&one.version) else { continue };
            if one.yanked.is_some() || one.notice.is_some() || release.dialect().is_prerelease(&version) {
                continue;
            }
            let is_higher = |known: &Version| release.dialect().compare_versions(&version, known) == Some(Ordering::Greater);
            if highest.as_ref().is_none_or(is_higher) {
                highest = Some(version);
            }
        }
        self.highest.insert(release.id().clone(), highest.clone());
        Ok(highest)
    }

    /// A release was published.
    fn published(&mut self, release: &Release) {
        let Some(known) = self.highest.get_mut(release.id()) else { return };
        let is_higher = |known: &Version| release.dialect().compare_versions(release.version(), known) == Some(Ordering::Greater);
        if !release.dialect().is_prerelease(release.version()) && known.as_ref().is_none_or(is_higher) {
            *known = Some(release.version().clone());
        }
    }
}

impl Release {
    /// Publishes it, unless it is there.
    pub(super) async fn publish_or_skip(&self, publisher: &Publisher<'_>, asked: &mut Asked, skip: bool) -> anyhow::Result<Became> {
        let (key, trusted) = publisher.open().await?;
        if state::release(trusted.registry(), self.id(), self.version()).await?.is_some() {
            return if skip { Ok(Became::Skipped) } else { Ok(Became::Published(self.published_before(trusted).await?)) };
        }
        self.moves_nothing_back(trusted.registry(), asked).await?;
        let published = self.publish(trusted, key).await?;
        asked.published(self);
        Ok(Became::Published(published))
    }

    /// What would come of publishing it, as far as the registry can be asked.
    pub(super) async fn ask(&self, publisher: &Publisher<'_>, asked: &mut Asked, skip: bool) -> anyhow::Result<Became> {
        let Some(registry) = publisher.registry()? else { return Ok(Became::Would) };
        if let Some(there) = state::release(&registry, self.id(), self.version()).await? {
            return match there.manifest.sha256 == self.manifest_object().sha256.to_hex() {
                _ if skip => Ok(Became::Skipped),
                true => Ok(Became::Unchanged(None)),
                false => Err(self.other_contents(there.index)),
            };
        }
        self.moves_nothing_back(&registry, asked).await?;
        if publisher.public.is_some() {
            let (key, trusted) = publisher.open().await?;
            let object: ObjectRef = self.manifest_object();
            may_upload(trusted, key, self.id().domain(), object, &home::now).await?;
        }
        asked.published(self);
        Ok(Became::Would)
    }

    /// A channel that the ecosystem sets by itself, such as `latest`, does not go back to a lower version than there is: npm refuses that
    /// too. A user who means it says so.
    async fn moves_nothing_back(&self, registry: &Registry, asked: &mut Asked) -> anyhow::Result<()> {
        let Some(channel) = self.implicit_channel() else { return Ok(()) };
        // Without an order there is nothing to ask for.
        if self.dialect().compare_versions(self.version(), self.version()).is_none() {
            return Ok(());
        }
        let Some(highest) = asked.highest(registry, self).await? else { return Ok(()) };
        if self.dialect().compare_versions(self.version(), &highest) != Some(Ordering::Less) {
            return Ok(());
        }
        Err(refused_as(
            "channel_moves_back",
            format!(
                "{channel} would go back: {highest} is published, and {} is lower. Give another channel with --channel NAME (such as --channel previous), or --channel {channel} if {channel} is to go back",
                self.version()
            ),
        ))
    }
}
