//! What a domain says of its packages: §4.4.

use super::domain::{days, may_be_used};
use super::{Code, Holding, Model, Said, check};
use deedbox_model::event::{PackageEvent, ReleasePublished, Role};
use deedbox_model::{Channel, Domain, EventId, NativeName, NativeVersion, PackageId, Version};
use std::collections::BTreeMap;

/// A package.
#[derive(Clone)]
pub(crate) struct Package {
    pub(crate) native_name: NativeName,
    /// Its effective events, each with its index.
    pub(crate) chain: Vec<(EventId, u64)>,
    pub(crate) releases: BTreeMap<Version, Release>,
    /// Where each channel points, and the index of the event that set it.
    pub(crate) channels: BTreeMap<Channel, (Version, u64)>,
}

/// A release.
#[derive(Clone)]
pub(crate) struct Release {
    pub(crate) native_version: NativeVersion,
    pub(crate) event: EventId,
    pub(crate) index: u64,
    pub(crate) yanked: bool,
    pub(crate) deprecated: bool,
    /// The index of the last event about it.
    pub(crate) changed_at: u64,
}

impl Package {
    pub(crate) fn head(&self) -> EventId {
        self.chain.last().expect("a package begins with a release").0
    }
    /// The index of its last `release.published`.
    pub(crate) fn released_at(&self) -> u64 {
        self.releases.values().map(|release| release.index).max().expect("a package begins with a release")
    }
}

/// A domain and its parents, of two labels or more each.
fn at_or_above(domain: &Domain) -> Vec<Domain> {
    let labels: Vec<&str> = domain.as_str().split('.').collect();
    (0..labels.len() - 1).map(|n| Domain::parse(&labels[n..].join(".")).expect("a parent of a domain")).collect()
}

impl Model {
    pub(crate) fn owner_of(&self, id: &PackageId) -> Option<(Domain, &Holding)> {
        at_or_above(id.domain()).into_iter().find_map(|domain| self.domains.get(&domain).map(|holding| (domain, holding)))
    }

    pub(super) fn of_a_package(&mut self, said: &Said<'_>, event: &PackageEvent) -> Result<(), Code> {
        let id = said.statement().package().expect("an event of a package is about one").clone();
        let owner = self.owner_may_say(said, &id, event)?;
        self.news_of_a_package(said, &id, &owner, event)?;
        self.packages.get_mut(&id).expect("it has a release").chain.push((said.id(), said.index));
        Ok(())
    }

    /// Checks 1 to 10; gives the owner.
    fn owner_may_say(&self, said: &Said<'_>, id: &PackageId, event: &PackageEvent) -> Result<Domain, Code> {
        let (owner, holding) = self.owner_of(id).ok_or("not_claimed")?;
        let (speaker, under) = said.domain_speaks().expect("a domain speaks");
        check(*speaker == owner, "not_the_owner")?;
        check(!holding.released, "released")?;
        check(under == holding.tenure.event, "other_tenure")?;
        match said.statement().by() {
            Some(by) => self.is_granted(said, by, &owner, id, event)?,
            None => {
                let key = holding.key(said.kid()).ok_or("key_not_authorised")?;
                check((key.role == Role::Admin || key.role == Role::Publish) && may_be_used(key, said.t), "key_may_not")?;
            }
        }
        self.signature_verifies(said)?;
        check(!holding.is_frozen(said.t), "frozen")?;
        let package = self.packages.get(id);
        check(said.prev() == package.map(Package::head), "stale_prev")?;
        let always = matches!(event, PackageEvent::ReleaseYanked(_) | PackageEvent::ReleaseDeprecated(_));
        let by_word = ["claim", "transfer"].contains(&holding.tenure.through);
        let of_now = package.is_none_or(|package| package.released_at() >= holding.tenure.index);
        let waited = said.t >= holding.tenure.at + days(&owner, 30);
        check(always || by_word || of_now || waited, "held")?;
        Ok(owner)
    }

    /// The table.
    fn news_of_a_package(&mut self, said: &Said<'_>, id: &PackageId, owner: &Domain, event: &PackageEvent) -> Result<(), Code> {
        let mut nothing = BTreeMap::new();
        let releases = match self.packages.get_mut(id) {
            Some(package) => &mut package.releases,
            None => &mut nothing,
        };
        match event {
            PackageEvent::ReleasePublished(event) => return self.published(said, id, owner, event),
            PackageEvent::ReleaseYanked(event) => {
                let release = releases.get_mut(&event.version).ok_or("no_such_release")?;
                check(!release.yanked, "already_yanked")?;
                (release.yanked, release.changed_at) = (true, said.index);
            }
            PackageEvent::ReleaseUnyanked(event) => {
                let release = releases.get_mut(&event.version).ok_or("no_such_release")?;
                check(release.yanked, "not_yanked")?;
                (release.yanked, release.changed_at) = (false, said.index);
            }
            PackageEvent::ReleaseDeprecated(event) => {
                let release = releases.get_mut(&event.version).ok_or("no_such_release")?;
                check(event.notice.is_some() || release.deprecated, "not_deprecated")?;
                (release.deprecated, release.changed_at) = (event.notice.is_some(), said.index);
            }
            PackageEvent::ChannelSet(event) => {
                check(releases.contains_key(&event.version), "no_such_release")?;
                let package = self.packages.get_mut(id).expect("it has a release");
                check(package.channels.get(&event.channel).is_none_or(|(version, _)| *version != event.version), "channel_unchanged")?;
                package.channels.insert(event.channel.clone(), (event.version.clone(), said.index));
            }
            PackageEvent::ChannelRemoved(event) => {
                let package = self.packages.get_mut(id).ok_or("no_such_channel")?;
                package.channels.remove(&event.channel).ok_or("no_such_channel")?;
            }
        }
        Ok(())
    }

    fn published(&mut self, said: &Said<'_>, id: &PackageId, owner: &Domain, event: &ReleasePublished) -> Result<(), Code> {
        let package = self.packages.get(id);
        check(package.is_none_or(|package| !package.releases.contains_key(&event.version)), "version_exists")?;
        let taken = |package: &Package| package.releases.values().any(|release| release.native_version == event.native_version);
        check(!package.is_some_and(taken), "native_version_taken")?;
        check(package.is_none_or(|package| package.native_name == event.native_name), "native_name_changed")?;
        let same = |other: &PackageId, package: &Package| {
            other != id && other.ecosystem() == id.ecosystem() && package.native_name == event.native_name
        };
        check(!self.packages.iter().any(|(other, package)| same(other, package)), "native_name_taken")?;
        let package = self.packages.entry(id.clone()).or_insert_with(|| Package {
            native_name: event.native_name.clone(),
            chain: Vec::new(),
            releases: BTreeMap::new(),
            channels: BTreeMap::new(),
        });
        let release = Release {
            native_version: event.native_version.clone(),
            event: said.id(),
            index: said.index,
            yanked: false,
            deprecated: false,
            changed_at: said.index,
        };
        package.releases.insert(event.version.clone(), release);
        package.channels.extend(event.channels.iter().map(|channel| (channel.clone(), (event.version.clone(), said.index))));
        let below = at_or_above(id.domain()).into_iter().take_while(|domain| domain != owner);
        self.covered.extend(below.map(|domain| (domain, (owner.clone(), said.index))));
        Ok(())
    }
}
