//! Folding: from effective entries to rows (spec/projections/maven.md §5). Each event writes a handful of rows, whatever the
//! number of versions. What a ledger should never have let in (a key that was not derived from its id) is passed over.

use crate::files::FileName;
use crate::name::Coordinates;
use crate::rows::{self, Content, Files, Head, Listed, Plugin, Since, Snapshot, StoredFile};
use crate::version::{PackageVersion, snapshot_prefix};
use deedbox_model::event::{DomainEvent, PackageEvent, ReleasePublished};
use deedbox_model::{Changes, Channel, Defect, Domain, Keys, Manifest, PackageId, Rows, Value, Version};
use deedbox_view::{Entry, Fact, Facts};

/// The keys that `fold` reads or writes for this entry.
pub(crate) fn touches(entry: &Entry<'_>) -> Result<Keys, Defect> {
    let mut keys = Keys::new();
    if let Some(domain) = claimed(entry) {
        keys.insert(rows::claimed_key(domain)?);
    }
    let Some((id, package, event)) = package_of(entry) else { return Ok(keys) };
    let (version, snapshots) = match event {
        PackageEvent::ReleasePublished(published) => {
            keys.insert(rows::group_key(package.group())?);
            keys.insert(rows::plugin_key(&package)?);
            keys.insert(rows::domains_key()?);
            keys.insert(rows::domain_key(id.domain())?);
            for domain in package.domains_before(id) {
                keys.insert(rows::claimed_key(&domain)?);
            }
            (parsed(&published.version), published.channels.iter().filter(|channel| is_snapshot(channel)).cloned().collect())
        }
        PackageEvent::ReleaseYanked(e) => with_base(&e.version),
        PackageEvent::ReleaseUnyanked(e) => with_base(&e.version),
        PackageEvent::ChannelSet(e) if is_snapshot(&e.channel) => (parsed(&e.version), vec![e.channel.clone()]),
        PackageEvent::ChannelRemoved(e) if is_snapshot(&e.channel) => (None, vec![e.channel.clone()]),
        PackageEvent::ChannelSet(_) | PackageEvent::ChannelRemoved(_) | PackageEvent::ReleaseDeprecated(_) => return Ok(keys),
    };
    keys.insert(rows::head_key(&package)?);
    if let Some(version) = &version {
        keys.insert(rows::listed_key(&package, version)?);
        keys.insert(rows::files_key(&package, version)?);
    }
    for channel in &snapshots {
        keys.insert(rows::snapshot_key(&package, channel)?);
    }
    Ok(keys)
}

/// The rows that this entry changes.
pub(crate) fn fold(rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect> {
    if let Some(domain) = claimed(entry) {
        let mut changes = Changes::new();
        changes.put(rows::claimed_key(domain)?, &Since { since: entry.index })?;
        return Ok(changes);
    }
    let Some((id, package, event)) = package_of(entry) else { return Ok(Changes::new()) };
    let mut fold = Fold { rows, entry, id, package, changes: Changes::new() };
    match event {
        PackageEvent::ReleasePublished(published) => fold.published(published, facts)?,
        PackageEvent::ReleaseYanked(e) => fold.standing(&e.version, true)?,
        PackageEvent::ReleaseUnyanked(e) => fold.standing(&e.version, false)?,
        PackageEvent::ChannelSet(e) if is_snapshot(&e.channel) => {
            let chosen = match parsed(&e.version) {
                Some(version) => fold.listed(&version)?.filter(Listed::may_be_chosen).map(|_| version),
                None => None,
            };
            fold.point(&e.channel, &e.version, chosen.as_ref())?;
            fold.head()?;
        }
        PackageEvent::ChannelRemoved(e) if is_snapshot(&e.channel) => {
            let key = rows::snapshot_key(&fold.package, &e.channel)?;
            fold.changes.delete(key);
            fold.head()?;
        }
        // Maven sees no channel that is not a snapshot, and shows no notice.
        PackageEvent::ChannelSet(_) | PackageEvent::ChannelRemoved(_) | PackageEvent::ReleaseDeprecated(_) => {}
    }
    Ok(fold.changes)
}

/// The files of a manifest; none if one of them is not a file of this version.
pub(crate) fn files_of(package: &Coordinates, version: &PackageVersion, manifest: &Manifest) -> Option<Vec<StoredFile>> {
    let stem = format!("{}-{version}", package.artifact());
    let mut files = Vec::with_capacity(manifest.artifacts.len());
    for artifact in &manifest.artifacts {
        let name = FileName::of_tail(artifact.name.strip_prefix(&stem)?)?;
        files.push(StoredFile {
            tail: name.tail,
            object: artifact.object(),
            md5: artifact.digests.md5,
            sha1: artifact.digests.sha1,
            sha512: artifact.digests.sha512,
            media_type: artifact.media_type.clone(),
        });
    }
    files.sort_by(|a, b| a.tail.cmp(&b.tail));
    Some(files)
}

/// The domain that an entry claims.
fn claimed<'a>(entry: &Entry<'a>) -> Option<&'a Domain> {
    let (domain, event) = entry.domain()?;
    match event {
        DomainEvent::Claimed(_) => Some(domain),
        // Whoever has it, it is claimed.
        DomainEvent::KeysChanged(_)
        | DomainEvent::Frozen(_)
        | DomainEvent::Thawed(_)
        | DomainEvent::Transferred(_)
        | DomainEvent::Released(_)
        | DomainEvent::RecoveryOpened(_)
        | DomainEvent::RecoveryContested(_)
        | DomainEvent::RecoveryCompleted(_)
        | DomainEvent::Granted(_)
        | DomainEvent::Revoked(_) => None,
    }
}

/// The package that an entry is about, if it is one of this ecosystem that Maven could name, and what happens to it.
fn package_of<'a>(entry: &Entry<'a>) -> Option<(&'a PackageId, Coordinates, &'a PackageEvent)> {
    let (id, event) = entry.package()?;
    Some((id, Coordinates::from_id(id).ok()?, event))
}

fn parsed(version: &Version) -> Option<PackageVersion> {
    PackageVersion::parse(version.as_str()).ok()
}

/// Only channels that are snapshots are seen by Maven.
fn is_snapshot(channel: &Channel) -> bool {
    snapshot_prefix(channel.as_str()).is_some()
}

fn with_base(version: &Version) -> (Option<PackageVersion>, Vec<Channel>) {
    let version = parsed(version);
    let base = version.as_ref().and_then(PackageVersion::base).cloned();
    (version, base.into_iter().collect())
}

struct Fold<'a> {
    rows: &'a Rows,
    entry: &'a Entry<'a>,
    id: &'a PackageId,
    package: Coordinates,
    changes: Changes,
}

impl Fold<'_> {
    fn tells(&self) -> Head {
        Head { updated: self.entry.log_time, last: self.entry.index }
    }

    fn head(&mut self) -> Result<(), Defect> {
        self.changes.put(rows::head_key(&self.package)?, &self.tells())
    }

    fn listed(&self, version: &PackageVersion) -> Result<Option<Listed>, Defect> {
        self.rows.decoded(&rows::listed_key(&self.package, version)?)
    }

    /// Whether this would be the first release of a coordinate that belongs to a longer domain by now.
    fn is_begun_by_another(&self) -> Result<bool, Defect> {
        if self.rows.get(&rows::head_key(&self.package)?)?.is_some() {
            return Ok(false);
        }
        for domain in self.package.domains_before(self.id) {
            if self.rows.get(&rows::claimed_key(&domain)?)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn published(&mut self, published: &ReleasePublished, facts: &Facts) -> Result<(), Defect> {
        let Some(version) = parsed(&published.version) else { return Ok(()) };
        let derived = published.native_name.as_str() == self.package.to_string() && published.native_version.as_str() == version.as_str();
        if !derived || self.listed(&version)?.is_some() || self.is_begun_by_another()? {
            return Ok(());
        }
        let content = Content::of(self.entry, facts, |manifest| Ok(files_of(&self.package, &version, manifest)))?;
        let listed = Listed { at: self.entry.index, yanked: false, readable: matches!(content, Content::Present(_)) };
        self.changes.put(rows::listed_key(&self.package, &version)?, &listed)?;
        self.changes.put(rows::files_key(&self.package, &version)?, &Files { published: self.entry.log_time, content })?;
        for channel in published.channels.iter().filter(|channel| is_snapshot(channel)) {
            self.point(channel, &published.version, Some(&version).filter(|_| listed.may_be_chosen()))?;
        }
        if listed.readable {
            self.plugin(facts.manifest.as_ref().and_then(Fact::present))?;
            self.domain()?;
        }
        self.head()
    }

    /// Points a snapshot at a version; it is listed only if that is one of its builds and may be chosen.
    fn point(&mut self, channel: &Channel, version: &Version, chosen: Option<&PackageVersion>) -> Result<(), Defect> {
        let key = rows::snapshot_key(&self.package, channel)?;
        let before: Option<Snapshot> = self.rows.decoded(&key)?;
        let at = self.entry.index;
        let since = before.map_or(at, |before| before.since);
        let listed = chosen.and_then(PackageVersion::base) == Some(channel);
        self.changes.put(key, &Snapshot { since, at, updated: self.entry.log_time, version: version.clone(), listed })
    }

    fn plugin(&mut self, manifest: Option<&Manifest>) -> Result<(), Defect> {
        let Some(native) = manifest.map(|manifest| &manifest.native) else { return Ok(()) };
        let text = |key: &str| native.get(key).and_then(Value::as_text).map(str::to_owned);
        let Some(prefix) = text("goalPrefix") else { return Ok(()) };
        self.changes.put(rows::plugin_key(&self.package)?, &Plugin { prefix, name: text("name") })?;
        self.changes.put(rows::group_key(self.package.group())?, &self.tells())
    }

    fn domain(&mut self) -> Result<(), Defect> {
        let key = rows::domain_key(self.id.domain())?;
        if self.rows.get(&key)?.is_some() {
            return Ok(());
        }
        self.changes.put(key, &Since { since: self.entry.index })?;
        self.changes.put(rows::domains_key()?, &self.tells())
    }

    fn standing(&mut self, version: &Version, yanked: bool) -> Result<(), Defect> {
        let Some(version) = parsed(version) else { return Ok(()) };
        let Some(mut listed) = self.listed(&version)? else { return Ok(()) };
        listed.yanked = yanked;
        self.changes.put(rows::listed_key(&self.package, &version)?, &listed)?;
        if let Some(base) = version.base() {
            let key = rows::snapshot_key(&self.package, base)?;
            let snapshot: Option<Snapshot> = self.rows.decoded(&key)?;
            if let Some(snapshot) = snapshot.filter(|snapshot| snapshot.version == *version.neutral()) {
                self.changes.put(key, &Snapshot { listed: listed.may_be_chosen(), ..snapshot })?;
            }
        }
        self.head()
    }
}
