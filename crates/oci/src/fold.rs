//! Folding: from effective entries to rows (spec/projections/oci.md §5). An event writes a number of rows that its own release
//! bounds, whatever the number of versions. What a ledger should never have let in (a key that was not derived from its
//! id) is passed over.

use crate::contents::{Contents, Referrer};
use crate::digest::Digest;
use crate::document::Kind;
use crate::name::{Repository, is_tag};
use crate::rows::{self, Content, Head, ReferrerRow, Release, Root, Stored, Tag};
use deedbox_model::event::{PackageEvent, ReleasePublished};
use deedbox_model::{Artifact, Changes, Channel, Defect, Keys, ReasonCode, RowKey, Rows, Version};
use deedbox_view::{Entry, Fact, Facts};
use serde::Serialize;
use std::collections::BTreeMap;

/// What every blob is sent as.
pub(crate) const BLOB_TYPE: &str = "application/octet-stream";

/// The keys that `fold` reads or writes for this entry.
pub(crate) fn touches(entry: &Entry<'_>, facts: &Facts) -> Result<Keys, Defect> {
    let mut keys = Keys::new();
    let Some((repository, event)) = repository_of(entry) else { return Ok(keys) };
    keys.insert(rows::head_key(&repository)?);
    if let Some(version) = event.version() {
        keys.insert(rows::release_key(&repository, version.as_str())?);
    }
    match event {
        PackageEvent::ReleasePublished(published) => {
            for channel in &published.channels {
                keys.insert(rows::channel_key(&repository, channel.as_str())?);
            }
            if let Some(contents) = facts.manifest.as_ref().and_then(Fact::present).and_then(Contents::of) {
                for (key, _) in stored(&repository, &contents)? {
                    keys.insert(key);
                }
                for referrer in &contents.referrers {
                    let at = rows::referrer_at(&referrer.subject, &referrer.object.sha256);
                    keys.insert(rows::referrer_key(&repository, &at, &published.version)?);
                }
            }
        }
        PackageEvent::ChannelSet(set) => {
            keys.insert(rows::channel_key(&repository, set.channel.as_str())?);
        }
        PackageEvent::ChannelRemoved(removed) => {
            keys.insert(rows::channel_key(&repository, removed.channel.as_str())?);
        }
        PackageEvent::ReleaseYanked(_) | PackageEvent::ReleaseUnyanked(_) | PackageEvent::ReleaseDeprecated(_) => {}
    }
    Ok(keys)
}

/// The rows that a yank changes beside its version's: those of what the version says about other manifests.
pub(crate) fn touches_next(rows: &Rows, entry: &Entry<'_>) -> Result<Keys, Defect> {
    let mut keys = Keys::new();
    let Some((repository, event)) = repository_of(entry) else { return Ok(keys) };
    let version = match event {
        PackageEvent::ReleaseYanked(e) => &e.version,
        PackageEvent::ReleaseUnyanked(e) => &e.version,
        PackageEvent::ReleasePublished(_)
        | PackageEvent::ReleaseDeprecated(_)
        | PackageEvent::ChannelSet(_)
        | PackageEvent::ChannelRemoved(_) => return Ok(keys),
    };
    let release: Option<Release> = rows.decoded(&rows::release_key(&repository, version.as_str())?)?;
    if let Some(Release { content: Content::Present(root), .. }) = release {
        for at in &root.referrers {
            keys.insert(rows::referrer_key(&repository, at, version)?);
        }
    }
    Ok(keys)
}

/// The rows that this entry changes.
pub(crate) fn fold(rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect> {
    let Some((repository, event)) = repository_of(entry) else { return Ok(Changes::new()) };
    let mut fold = Fold { rows, entry, repository, changes: Changes::new() };
    fold.changes.put(rows::head_key(&fold.repository)?, &Head { modified: entry.log_time, last: entry.index })?;
    match event {
        PackageEvent::ReleasePublished(published) => fold.published(published, facts)?,
        PackageEvent::ReleaseYanked(e) => fold.standing(&e.version, Some(e.reason))?,
        PackageEvent::ReleaseUnyanked(e) => fold.standing(&e.version, None)?,
        PackageEvent::ChannelSet(e) => fold.channel(&e.channel, &e.version)?,
        PackageEvent::ChannelRemoved(e) => {
            let key = rows::channel_key(&fold.repository, e.channel.as_str())?;
            fold.changes.delete(key);
        }
        // No client of this ecosystem shows a notice.
        PackageEvent::ReleaseDeprecated(_) => {}
    }
    Ok(fold.changes)
}

/// The repository that an entry is about, if it is one of this ecosystem that a client could name, and what happens to it.
fn repository_of<'a>(entry: &Entry<'a>) -> Option<(Repository, &'a PackageEvent)> {
    let (id, event) = entry.package()?;
    Some((Repository::from_id(id).ok()?, event))
}

/// A row for each member under each of its digests.
fn stored(repository: &Repository, contents: &Contents<'_>) -> Result<BTreeMap<RowKey, Stored>, Defect> {
    let mut all = BTreeMap::new();
    for (kind, artifact) in &contents.members {
        for digest in [Digest::Sha256(artifact.digests.sha256), Digest::Sha512(artifact.digests.sha512)] {
            all.insert(rows::stored_key(repository, *kind, &digest)?, stored_row(*kind, artifact));
        }
    }
    Ok(all)
}

fn stored_row(kind: Kind, artifact: &Artifact) -> Stored {
    let media_type = match kind {
        Kind::Manifest => artifact.media_type.clone(),
        Kind::Blob => BLOB_TYPE.to_owned(),
    };
    Stored { object: artifact.object(), media_type }
}

struct Fold<'a> {
    rows: &'a Rows,
    entry: &'a Entry<'a>,
    repository: Repository,
    changes: Changes,
}

impl Fold<'_> {
    fn channel(&mut self, channel: &Channel, version: &Version) -> Result<(), Defect> {
        let key = rows::channel_key(&self.repository, channel.as_str())?;
        self.changes.put(key, &Tag { version: version.clone() })
    }

    fn published(&mut self, published: &ReleasePublished, facts: &Facts) -> Result<(), Defect> {
        let version = published.version.as_str();
        let derived = published.native_name.as_str() == self.repository.as_str() && published.native_version.as_str() == version;
        let key = rows::release_key(&self.repository, version)?;
        if !derived || !is_tag(version) || self.rows.decoded::<Release>(&key)?.is_some() {
            return Ok(());
        }
        let content = Content::of(self.entry, facts, |manifest| {
            Contents::of(manifest).map(|contents| self.contents(&contents, &published.version)).transpose()
        })?;
        self.changes.put(key, &Release { yanked: None, content })?;
        for channel in &published.channels {
            self.channel(channel, &published.version)?;
        }
        Ok(())
    }

    fn contents(&mut self, contents: &Contents<'_>, version: &Version) -> Result<Root, Defect> {
        for (key, row) in stored(&self.repository, contents)? {
            // Layers that an earlier release has brought are left as they are.
            if self.rows.decoded::<Stored>(&key)?.as_ref() != Some(&row) {
                self.changes.put(key, &row)?;
            }
        }
        let mut referrers = Vec::with_capacity(contents.referrers.len());
        for referrer in &contents.referrers {
            let at = rows::referrer_at(&referrer.subject, &referrer.object.sha256);
            let row = ReferrerRow { descriptor: descriptor_json(referrer)?, artifact_type: referrer.artifact_type.clone(), yanked: false };
            self.changes.put(rows::referrer_key(&self.repository, &at, version)?, &row)?;
            referrers.push(at);
        }
        Ok(Root { manifest: stored_row(Kind::Manifest, contents.root), referrers })
    }

    fn standing(&mut self, version: &Version, yanked: Option<ReasonCode>) -> Result<(), Defect> {
        let key = rows::release_key(&self.repository, version.as_str())?;
        let Some(mut release) = self.rows.decoded::<Release>(&key)? else { return Ok(()) };
        release.yanked = yanked;
        self.changes.put(key, &release)?;
        let Content::Present(root) = &release.content else { return Ok(()) };
        for at in &root.referrers {
            let key = rows::referrer_key(&self.repository, at, version)?;
            if let Some(row) = self.rows.decoded::<ReferrerRow>(&key)? {
                self.changes.put(key, &ReferrerRow { yanked: yanked.is_some(), ..row })?;
            }
        }
        Ok(())
    }
}

/// A descriptor as a list of referrers shows it (OCI distribution specification, "Listing Referrers").
fn descriptor_json(referrer: &Referrer) -> Result<String, Defect> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Shown<'a> {
        media_type: &'a str,
        digest: String,
        size: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        artifact_type: Option<&'a str>,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        annotations: &'a BTreeMap<String, String>,
    }
    let shown = Shown {
        media_type: referrer.media_type,
        digest: referrer.object.sha256.to_address(),
        size: referrer.object.size,
        artifact_type: referrer.artifact_type.as_deref(),
        annotations: &referrer.annotations,
    };
    serde_json::to_string(&shown).map_err(|e| Defect::Unencodable(e.to_string()))
}
