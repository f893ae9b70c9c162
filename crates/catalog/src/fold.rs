//! From entries to rows (spec/projections/catalog.md §1). Trusts that an entry is effective; believes no text in a
//! manifest to be short or harmless.

use crate::limits::{ARTIFACTS_SHOWN, KEYWORD_BYTES, KEYWORDS, LICENCE_BYTES, TEXT_BYTES};
use crate::rows::*;
use crate::words;
use deedbox_model::event::{DomainEvent, PackageEvent, ReleaseDeprecated, ReleasePublished};
use deedbox_model::holding::Place;
use deedbox_model::{
    Artifact, Changes, Channel, Defect, Domain, Keys, Manifest, Metadata, ObjectRef, PackageId, RowKey, Rows, Speaker, Version,
};
use deedbox_view::{Entry, Fact, Facts};

const MANIFEST_TYPE: &str = "application/vnd.deedbox.manifest+cbor";
const TEXT_TYPE: &str = "text/plain; charset=utf-8";
const BYTES_TYPE: &str = "application/octet-stream";

/// The rows that folding this entry looks at.
pub(crate) fn touches(entry: &Entry<'_>, facts: &Facts) -> Result<Keys, Defect> {
    if let Some((domain, event)) = entry.domain() {
        let mut keys = Keys::from([totals_key()?, domain_key(domain)?]);
        if let DomainEvent::Revoked(e) = event {
            keys.insert(grant_key(domain, &e.grant)?);
        }
        return Ok(keys);
    }
    match entry.package() {
        Some((id, event)) => touches_of_package(id, event, facts),
        None => Ok(Keys::new()),
    }
}

fn touches_of_package(id: &PackageId, event: &PackageEvent, facts: &Facts) -> Result<Keys, Defect> {
    let mut keys = Keys::from([totals_key()?, package_key(id)?]);
    match event {
        PackageEvent::ReleaseYanked(e) => {
            keys.insert(release_key(id, &e.version)?);
        }
        PackageEvent::ReleaseUnyanked(e) => {
            keys.insert(release_key(id, &e.version)?);
        }
        PackageEvent::ReleaseDeprecated(e) => {
            keys.insert(release_key(id, &e.version)?);
        }
        // They look at no release that is there already.
        PackageEvent::ReleasePublished(_) | PackageEvent::ChannelSet(_) | PackageEvent::ChannelRemoved(_) => {}
    }
    for (object, _) in objects(event, facts) {
        keys.insert(object_key(&object.sha256)?);
    }
    Ok(keys)
}

/// The rows that this entry changes.
pub(crate) fn fold(rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect> {
    let mut writing = Writing { rows, entry, changes: Changes::new() };
    if let Some((domain, event)) = entry.domain() {
        writing.domain(domain, event)?;
    }
    if let Some((id, event)) = entry.package() {
        writing.package(id, event, facts)?;
    }
    Ok(writing.changes)
}

/// Every object that an event lets out, with its media type; the first mention of an object gives its type.
fn objects<'a>(event: &'a PackageEvent, facts: &'a Facts) -> Vec<(ObjectRef, &'a str)> {
    match event {
        PackageEvent::ReleasePublished(e) => objects_of_release(e, facts),
        PackageEvent::ReleaseDeprecated(e) => objects_of_notice(e, facts),
        PackageEvent::ReleaseYanked(_)
        | PackageEvent::ReleaseUnyanked(_)
        | PackageEvent::ChannelSet(_)
        | PackageEvent::ChannelRemoved(_) => Vec::new(),
    }
}

fn objects_of_release<'a>(e: &'a ReleasePublished, facts: &'a Facts) -> Vec<(ObjectRef, &'a str)> {
    match &facts.manifest {
        Some(Fact::Present(manifest)) => {
            let artifacts = manifest.artifacts.iter().map(|artifact| (artifact.object(), artifact.media_type.as_str()));
            let readme = manifest.metadata.readme.map(|readme| (readme, TEXT_TYPE));
            let source = manifest.source.map(|source| (source, BYTES_TYPE));
            [(e.manifest, MANIFEST_TYPE)].into_iter().chain(artifacts).chain(readme).chain(source).collect()
        }
        // What cannot be read can still be downloaded, so that everybody sees that it is unreadable.
        Some(Fact::Unreadable(_)) => vec![(e.manifest, BYTES_TYPE)],
        Some(Fact::Withheld) | None => Vec::new(),
    }
}

fn objects_of_notice<'a>(e: &ReleaseDeprecated, facts: &Facts) -> Vec<(ObjectRef, &'a str)> {
    let Some(message) = e.notice.as_ref().and_then(|notice| notice.message) else { return Vec::new() };
    match &facts.message {
        Some(Fact::Present(_)) => vec![(message, TEXT_TYPE)],
        Some(Fact::Unreadable(_)) => vec![(message, BYTES_TYPE)],
        Some(Fact::Withheld) | None => Vec::new(),
    }
}

struct Writing<'a> {
    rows: &'a Rows,
    entry: &'a Entry<'a>,
    changes: Changes,
}

impl Writing<'_> {
    fn domain(&mut self, domain: &Domain, event: &DomainEvent) -> Result<(), Defect> {
        let key = domain_key(domain)?;
        let before: Option<DomainRow> = self.rows.decoded(&key)?;
        let place = Place { index: self.entry.index, log_time: self.entry.log_time };
        let after = DomainRow::after(before.as_ref(), domain, self.entry.statement, event, place).ok_or_else(|| missing(&key))?;
        if let DomainEvent::Granted(e) = event {
            let statement = self.entry.statement;
            let (index, at, kid) = (self.entry.index, self.entry.log_time, statement.kid());
            let row = GrantRow { index, at, kid, tenure: after.tenure, grant: e.clone(), revoked: None };
            self.changes.put(grant_key(domain, &statement.id())?, &row)?;
        }
        if let DomainEvent::Revoked(e) = event {
            let key = grant_key(domain, &e.grant)?;
            let row: GrantRow = self.rows.decoded(&key)?.ok_or_else(|| missing(&key))?;
            self.changes.put(key, &GrantRow { revoked: Some(self.entry.index), ..row })?;
        }
        let has_holder = |row: &DomainRow| u64::from(!row.released);
        let (was, is) = (before.as_ref().map_or(0, has_holder), has_holder(&after));
        self.changes.put(key, &after)?;
        self.changes.put(domain_history_key(domain, self.entry.index)?, &self.history())?;
        self.count(|totals| totals.domains = (totals.domains + is).saturating_sub(was))
    }

    /// What every event leaves in the history of its subject.
    fn history(&self) -> HistoryRow {
        let statement = self.entry.statement;
        HistoryRow {
            at: self.entry.log_time,
            kid: statement.kid(),
            r#type: statement.event().type_name().to_owned(),
            event: statement.id(),
            version: None,
            channels: Vec::new(),
        }
    }

    fn package(&mut self, id: &PackageId, event: &PackageEvent, facts: &Facts) -> Result<(), Defect> {
        let key = package_key(id)?;
        let before: Option<PackageRow> = self.rows.decoded(&key)?;
        let index = self.entry.index;
        let published = match event {
            PackageEvent::ReleasePublished(e) => {
                let after = self.publish(id, e, facts, before.as_ref())?;
                let first = before.is_none();
                self.count(|totals| {
                    totals.packages += u64::from(first);
                    totals.releases += 1;
                })?;
                for channel in &e.channels {
                    self.point(id, channel, &e.version)?;
                }
                Some(after)
            }
            PackageEvent::ReleaseYanked(e) => {
                let yanked = Yanked { at: self.entry.log_time, index, reason: e.reason };
                self.release(id, &e.version, |release| release.yanked = Some(yanked))?;
                None
            }
            PackageEvent::ReleaseUnyanked(e) => {
                self.release(id, &e.version, |release| release.yanked = None)?;
                None
            }
            PackageEvent::ReleaseDeprecated(e) => {
                let notice = self.notice(e, facts);
                self.release(id, &e.version, |release| release.notice = notice)?;
                None
            }
            PackageEvent::ChannelSet(e) => {
                self.point(id, &e.channel, &e.version)?;
                None
            }
            PackageEvent::ChannelRemoved(e) => {
                self.changes.delete(channel_key(id, &e.channel)?);
                None
            }
        };
        let after = match published {
            Some(after) => after,
            None => {
                self.count(|_| {})?;
                before.clone().ok_or_else(|| missing(&key))?
            }
        };
        for (object, media_type) in objects(event, facts) {
            let key = object_key(&object.sha256)?;
            if self.rows.get(&key)?.is_none() && !self.changes.touch(&key) {
                self.changes.put(key, &ObjectRow { size: object.size, index, media_type: media_type.to_owned() })?;
            }
        }
        let history = HistoryRow { version: event.version().cloned(), channels: event.channels().to_vec(), ..self.history() };
        self.changes.put(history_key(id, index)?, &history)?;
        self.words(id, before.as_ref().map(|row| &row.about), &after.about)?;
        self.changes.put(key, &PackageRow { head: self.entry.statement.id(), changed_at: self.entry.log_time, ..after })
    }

    /// Writes the rows of a new release; gives the row of its package.
    fn publish(&mut self, id: &PackageId, e: &ReleasePublished, facts: &Facts, before: Option<&PackageRow>) -> Result<PackageRow, Defect> {
        let (at, index) = (self.entry.log_time, self.entry.index);
        let Speaker::Domain { domain: publisher, tenure } = self.entry.statement.speaker() else {
            return Err(Defect::Unread(format!("domain/ that published {id}")));
        };
        let (standing, manifest): (Standing, Option<&Manifest>) = match &facts.manifest {
            Some(Fact::Present(manifest)) => (Standing::Readable, Some(manifest)),
            Some(Fact::Unreadable(_)) => (Standing::Unreadable, None),
            Some(Fact::Withheld) => (Standing::Withheld, None),
            None => return Err(Defect::Unread(format!("manifest of {id}@{}", e.version))),
        };
        let about = manifest.map(|manifest| about(&manifest.metadata));
        let release = ReleaseRow {
            kid: self.entry.statement.kid(),
            event: self.entry.statement.id(),
            index,
            about: about.clone().unwrap_or_default(),
            notice: None,
            readme: manifest.and_then(|manifest| manifest.metadata.readme),
            source: manifest.and_then(|manifest| manifest.source),
            tenure: *tenure,
            yanked: None,
            manifest: e.manifest,
            artifacts: manifest.iter().flat_map(|manifest| &manifest.artifacts).take(ARTIFACTS_SHOWN).map(artifact).collect(),
            publisher: publisher.clone(),
            standing,
            total_size: e.total_size,
            artifact_count: e.artifacts,
            published_at: at,
            native_version: e.native_version.clone(),
        };
        self.changes.put(release_key(id, &e.version)?, &release)?;
        self.changes.put(newest_key(id, index)?, &NewestRow { version: e.version.clone() })?;
        Ok(PackageRow {
            head: self.entry.statement.id(),
            newest: Newest { at, index, version: e.version.clone() },
            first_at: before.map_or(at, |row| row.first_at),
            releases: before.map_or(0, |row| row.releases) + 1,
            changed_at: at,
            native_name: e.native_name.clone(),
            // A release that nobody can read says nothing new about its package.
            about: about.or_else(|| before.map(|row| row.about.clone())).unwrap_or_default(),
        })
    }

    fn notice(&self, e: &ReleaseDeprecated, facts: &Facts) -> Option<NoticeRow> {
        e.notice.as_ref().map(|notice| NoticeRow {
            at: self.entry.log_time,
            index: self.entry.index,
            reason: notice.reason,
            message: notice.message.and_then(|_| facts.message.as_ref().and_then(Fact::present).cloned()),
            message_object: notice.message,
        })
    }

    fn release(&mut self, id: &PackageId, version: &Version, change: impl FnOnce(&mut ReleaseRow)) -> Result<(), Defect> {
        let key = release_key(id, version)?;
        let mut row: ReleaseRow = self.rows.decoded(&key)?.ok_or_else(|| missing(&key))?;
        change(&mut row);
        self.changes.put(key, &row)
    }

    fn point(&mut self, id: &PackageId, channel: &Channel, version: &Version) -> Result<(), Defect> {
        let row = ChannelRow { at: self.entry.log_time, index: self.entry.index, version: version.clone() };
        self.changes.put(channel_key(id, channel)?, &row)
    }

    /// Rewrites `totals`, changed or not: its seq says that something changed somewhere.
    fn count(&mut self, change: impl FnOnce(&mut TotalsRow)) -> Result<(), Defect> {
        let key = totals_key()?;
        let mut totals: TotalsRow = self.rows.decoded(&key)?.unwrap_or_default();
        change(&mut totals);
        self.changes.put(key, &totals)
    }

    fn words(&mut self, id: &PackageId, before: Option<&About>, after: &About) -> Result<(), Defect> {
        if before == Some(after) {
            return Ok(());
        }
        let was = before.map(|about| words::of_package(id, about)).unwrap_or_default();
        let is = words::of_package(id, after);
        for word in was.keys().filter(|word| !is.contains_key(*word)) {
            self.changes.delete(word_key(word, id)?);
        }
        for (word, field) in is.iter().filter(|(word, field)| was.get(*word) != Some(*field)) {
            self.changes.put(word_key(word, id)?, &WordRow { field: *field })?;
        }
        Ok(())
    }
}

/// An effective event stands on rows that are not there: rows of another log, or a store that lost some.
fn missing(key: &RowKey) -> Defect {
    Defect::Damaged { key: key.to_string(), why: "it is missing, though an effective event rests on it".to_owned() }
}

fn artifact(artifact: &Artifact) -> ArtifactRow {
    ArtifactRow {
        name: artifact.name.clone(),
        role: artifact.role.clone(),
        size: artifact.size,
        sha256: artifact.digests.sha256,
        media_type: artifact.media_type.clone(),
    }
}

fn about(metadata: &Metadata) -> About {
    let text = |text: &Option<String>, limit| text.as_deref().map(|text| line(text, limit)).filter(|text| !text.is_empty());
    About {
        licence: text(&metadata.licence, LICENCE_BYTES),
        keywords: metadata.keywords.iter().map(|word| line(word, KEYWORD_BYTES)).filter(|word| !word.is_empty()).take(KEYWORDS).collect(),
        homepage: text(&metadata.homepage, TEXT_BYTES),
        repository: text(&metadata.repository, TEXT_BYTES),
        description: text(&metadata.description, TEXT_BYTES),
    }
}

/// A text as one line: each control character a space, cut between characters at the limit, no spaces at the ends.
fn line(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if out.len() + c.len_utf8() > limit {
            break;
        }
        out.push(c);
    }
    out.trim_matches(' ').to_owned()
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_line_is_short_and_harmless() {
        for (text, limit, expected) in [
            ("one sentence", 512, "one sentence"),
            ("  a\nb\u{1b}[31m\u{9b}c ", 512, "a b [31m c"),
            ("abcdef", 3, "abc"),
            ("abü", 3, "ab"),
            ("\n\n", 512, ""),
        ] {
            assert_eq!(line(text, limit), expected, "{text:?}");
        }
    }
}
