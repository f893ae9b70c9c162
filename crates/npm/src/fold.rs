//! Folding: from effective entries to rows (spec/projections/npm.md §5). Each event writes a handful of rows, whatever
//! the number of versions. What a ledger should never have let in (a key that was not derived from its id) is passed over.

use crate::document;
use crate::name::PackageName;
use crate::rows::{self, Content, Found, Head, Release, SearchHead, Tag, Words};
use crate::version::PackageVersion;
use deedbox_model::event::{Notice, PackageEvent, ReleasePublished};
use deedbox_model::{Changes, Channel, Defect, Keys, ReasonCode, RowKey, Rows, Version};
use deedbox_view::{Entry, Fact, Facts};
use std::cmp::Ordering;

/// The keys that `fold` reads or writes for this entry.
pub(crate) fn touches(entry: &Entry<'_>) -> Result<Keys, Defect> {
    let mut keys = Keys::new();
    let Some((name, event)) = package_of(entry) else { return Ok(keys) };
    keys.insert(rows::head_key(&name)?);
    if let Some(version) = event.version().and_then(parsed) {
        keys.insert(rows::release_key(&name, version.native())?);
    }
    match event {
        PackageEvent::ReleasePublished(published) => {
            for channel in &published.channels {
                keys.insert(rows::tag_key(&name, channel)?);
            }
            if let Some(latest) = latest() {
                keys.insert(rows::tag_key(&name, &latest)?);
            }
        }
        PackageEvent::ChannelSet(set) => {
            keys.insert(rows::tag_key(&name, &set.channel)?);
        }
        PackageEvent::ChannelRemoved(removed) => {
            keys.insert(rows::tag_key(&name, &removed.channel)?);
        }
        PackageEvent::ReleaseYanked(_) | PackageEvent::ReleaseUnyanked(_) | PackageEvent::ReleaseDeprecated(_) => {}
    }
    keys.insert(rows::found_key(&name)?);
    keys.insert(rows::search_head_key()?);
    Ok(keys)
}

/// The rows that this entry changes.
pub(crate) fn fold(rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect> {
    let Some((name, event)) = package_of(entry) else { return Ok(Changes::new()) };
    let mut fold = Fold { rows, entry, name, changes: Changes::new() };
    fold.head()?;
    match event {
        PackageEvent::ReleasePublished(published) => fold.published(published, facts)?,
        PackageEvent::ReleaseYanked(e) => fold.standing(&e.version, |release| release.yanked = Some(e.reason))?,
        PackageEvent::ReleaseUnyanked(e) => fold.standing(&e.version, |release| release.yanked = None)?,
        PackageEvent::ReleaseDeprecated(e) => {
            let words = e.notice.as_ref().map(|notice| deprecation_words(notice, facts));
            fold.standing(&e.version, |release| release.deprecated = words)?;
        }
        PackageEvent::ChannelSet(e) => fold.channel_set(&e.channel, &e.version)?,
        PackageEvent::ChannelRemoved(e) => {
            let key = rows::tag_key(&fold.name, &e.channel)?;
            fold.changes.delete(key);
        }
    }
    Ok(fold.changes)
}

/// The package that an entry is about, if it is one of this ecosystem that npm could name, and what happens to it.
fn package_of<'a>(entry: &Entry<'a>) -> Option<(PackageName, &'a PackageEvent)> {
    let (id, event) = entry.package()?;
    Some((PackageName::from_id(id).ok()?, event))
}

fn parsed(version: &Version) -> Option<PackageVersion> {
    PackageVersion::parse(version.as_str()).ok()
}

pub(crate) fn latest() -> Option<Channel> {
    Channel::parse("latest").ok()
}

struct Fold<'a> {
    rows: &'a Rows,
    entry: &'a Entry<'a>,
    name: PackageName,
    changes: Changes,
}

impl Fold<'_> {
    fn head(&mut self) -> Result<(), Defect> {
        let key = rows::head_key(&self.name)?;
        let now = self.entry.log_time;
        let created = self.rows.decoded::<Head>(&key)?.map_or(now, |head| head.created);
        self.changes.put(key, &Head { created, modified: now, last: self.entry.index })
    }

    fn published(&mut self, published: &ReleasePublished, facts: &Facts) -> Result<(), Defect> {
        let Some(version) = parsed(&published.version) else { return Ok(()) };
        let derived = published.native_name.as_str() == self.name.native() && published.native_version.as_str() == version.native();
        let key = rows::release_key(&self.name, version.native())?;
        if !derived || self.rows.decoded::<Release>(&key)?.is_some() {
            return Ok(());
        }
        let content = Content::of(self.entry, facts, |manifest| Ok(document::of(&self.name, &version, manifest).map(Box::new)))?;
        let release =
            Release { version: published.version.clone(), published: self.entry.log_time, yanked: None, deprecated: None, content };
        self.changes.put(key, &release)?;
        for channel in &published.channels {
            let key = rows::tag_key(&self.name, channel)?;
            self.changes.put(key, &Tag { version: published.version.clone() })?;
        }
        match &release.content {
            Content::Present(document) => self.found_at_publish(published, &version, &document.words),
            Content::Withheld | Content::Unreadable => Ok(()),
        }
    }

    /// A search shows what `latest` was set to; before it ever was, the highest version.
    fn found_at_publish(&mut self, published: &ReleasePublished, version: &PackageVersion, words: &Words) -> Result<(), Defect> {
        let Some(latest) = latest() else { return Ok(()) };
        let has_latest = self.rows.get(&rows::tag_key(&self.name, &latest)?)?.is_some();
        let shown: Option<Found> = self.rows.decoded(&rows::found_key(&self.name)?)?;
        let is_shown = published.channels.contains(&latest)
            || shown.is_none_or(|shown| {
                shown.yanked
                    || !has_latest && parsed(&shown.version).is_none_or(|shown| version.fallback_order(&shown) == Ordering::Greater)
            });
        if !is_shown {
            return Ok(());
        }
        let found = Found { version: published.version.clone(), published: self.entry.log_time, yanked: false, words: words.clone() };
        self.put_found(&found)
    }

    fn put_found(&mut self, found: &Found) -> Result<(), Defect> {
        self.changes.put(rows::found_key(&self.name)?, found)?;
        self.changes.put(rows::search_head_key()?, &SearchHead { modified: self.entry.log_time, last: self.entry.index })
    }

    fn release(&self, version: &Version) -> Result<Option<(RowKey, Release)>, Defect> {
        let Some(parsed) = parsed(version) else { return Ok(None) };
        let key = rows::release_key(&self.name, parsed.native())?;
        let release: Option<Release> = self.rows.decoded(&key)?;
        Ok(release.filter(|release| release.version == *version).map(|release| (key, release)))
    }

    fn standing(&mut self, version: &Version, change: impl FnOnce(&mut Release)) -> Result<(), Defect> {
        let Some((key, mut release)) = self.release(version)? else { return Ok(()) };
        change(&mut release);
        self.changes.put(key, &release)?;
        let found: Option<Found> = self.rows.decoded(&rows::found_key(&self.name)?)?;
        match found {
            Some(mut found) if found.version == *version && found.yanked != release.yanked.is_some() => {
                found.yanked = release.yanked.is_some();
                self.put_found(&found)
            }
            _ => Ok(()),
        }
    }

    fn channel_set(&mut self, channel: &Channel, version: &Version) -> Result<(), Defect> {
        let key = rows::tag_key(&self.name, channel)?;
        self.changes.put(key, &Tag { version: version.clone() })?;
        if Some(channel) != latest().as_ref() {
            return Ok(());
        }
        let Some((_, release)) = self.release(version)? else { return Ok(()) };
        let Content::Present(document) = &release.content else { return Ok(()) };
        let yanked = release.yanked.is_some();
        let found = Found { version: version.clone(), published: release.published, yanked, words: document.words.clone() };
        self.put_found(&found)
    }
}

/// The author's own words, or words for the code where there are none that can be read.
fn deprecation_words(notice: &Notice, facts: &Facts) -> String {
    match facts.message.as_ref().and_then(Fact::present) {
        Some(message) => message.clone(),
        None => reason_words(notice.reason).to_owned(),
    }
}

/// What a reason code means, in words that npm prints after "deprecated".
fn reason_words(reason: ReasonCode) -> &'static str {
    match reason {
        ReasonCode::Broken => "This version does not work as meant.",
        ReasonCode::Security => "This version has a security weakness.",
        ReasonCode::Licence => "This version must not be distributed under its licence.",
        ReasonCode::Mistake => "This version was published by mistake.",
        ReasonCode::Superseded => "Another release or package takes this version's place.",
        ReasonCode::Unmaintained => "This version is not looked after any more.",
        ReasonCode::Other => "This version should not be used any more.",
    }
}
