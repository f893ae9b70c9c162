//! Folding: from effective entries to rows (spec/projections/gem.md §5). A publish writes six rows, whatever the number
//! of versions; a yank writes the piece of `/info` that it is about, and reads the others for the MD5.

use crate::index::{self, InfoSum};
use crate::inspect::{Native, ROLE};
use crate::limits::INFO_PIECES;
use crate::name::GemName;
use crate::rows::{self, Content, Extent, File, Found, Head, InfoLines, InfoPiece, Release, Source, VersionsPiece};
use crate::spec::Spec;
use crate::version::GemVersion;
use deedbox_model::event::{PackageEvent, ReleasePublished};
use deedbox_model::{Changes, Defect, Keys, Manifest, ReasonCode, RowKey, Rows};
use deedbox_view::{Entry, Fact, Facts};
use std::cmp::Ordering;

/// What an entry is to this projection: its gem, its version, and what happens to it.
enum Deed<'a> {
    Published(&'a ReleasePublished),
    /// Yanked for a reason, or no longer.
    Standing(Option<ReasonCode>),
}

fn deed<'a>(entry: &Entry<'a>) -> Option<(GemName, GemVersion, Deed<'a>)> {
    let (id, event) = entry.package()?;
    let name = GemName::from_id(id).ok()?;
    let (version, deed) = match event {
        PackageEvent::ReleasePublished(e) => (&e.version, Deed::Published(e)),
        PackageEvent::ReleaseYanked(e) => (&e.version, Deed::Standing(Some(e.reason))),
        PackageEvent::ReleaseUnyanked(e) => (&e.version, Deed::Standing(None)),
        // RubyGems knows no notices and no channels.
        PackageEvent::ReleaseDeprecated(_) | PackageEvent::ChannelSet(_) | PackageEvent::ChannelRemoved(_) => return None,
    };
    Some((name, GemVersion::parse(version.as_str()).ok()?, deed))
}

/// The keys that are known from the entry alone.
pub(crate) fn touches(entry: &Entry<'_>) -> Result<Keys, Defect> {
    let Some((name, version, _)) = deed(entry) else { return Ok(Keys::new()) };
    Ok(Keys::from([
        rows::source_key(name.domain())?,
        rows::head_key(&name)?,
        rows::release_key(&name, version.as_str())?,
        rows::found_key(&name)?,
    ]))
}

/// The pieces that the heads name: the open ones, and for a yank all of the gem's `/info`.
pub(crate) fn touches_next(rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Keys, Defect> {
    let Some((name, version, deed)) = deed(entry) else { return Ok(Keys::new()) };
    let mut keys = Keys::new();
    let info = rows.decoded::<Head>(&rows::head_key(&name)?)?.map(|head| head.info).unwrap_or_default();
    let release: Option<Release> = rows.decoded(&rows::release_key(&name, version.as_str())?)?;
    match (deed, release) {
        (Deed::Published(e), None)
            if is_derived(e, &name, &version)
                && facts.manifest.as_ref().and_then(Fact::present).is_some_and(|manifest| files(manifest, &name, &version).is_some()) =>
        {
            keys.insert(rows::info_key(&name, info.open())?);
        }
        (Deed::Standing(reason), Some(release)) if release.listed && release.yanked.is_some() != reason.is_some() => {
            for piece in 0..info.pieces {
                keys.insert(rows::info_key(&name, piece)?);
            }
        }
        _ => return Ok(keys),
    }
    let versions = rows.decoded::<Source>(&rows::source_key(name.domain())?)?.map(|source| source.versions).unwrap_or_default();
    keys.insert(rows::versions_key(name.domain(), versions.open())?);
    Ok(keys)
}

/// The rows that this entry changes.
pub(crate) fn fold(rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect> {
    let Some((name, version, deed)) = deed(entry) else { return Ok(Changes::new()) };
    let key = rows::release_key(&name, version.as_str())?;
    let release: Option<Release> = rows.decoded(&key)?;
    let mut fold = Fold { rows, entry, name, version, changes: Changes::new() };
    match (deed, release) {
        (Deed::Published(published), None) => fold.published(key, published, facts)?,
        (Deed::Standing(reason), Some(release)) => fold.standing(key, release, reason)?,
        // A ledger that lets a version in twice, or a yank of none, is at fault.
        (Deed::Published(_), Some(_)) | (Deed::Standing(_), None) => {}
    }
    Ok(fold.changes)
}

fn is_derived(published: &ReleasePublished, name: &GemName, version: &GemVersion) -> bool {
    let (native_name, native_version) = (name.native_key(), version.native_key());
    native_name.is_ok_and(|key| key == published.native_name) && native_version.is_ok_and(|key| key == published.native_version)
}

/// The gems of a readable manifest, if they are what its id and version say.
fn files(manifest: &Manifest, name: &GemName, version: &GemVersion) -> Option<Vec<File>> {
    let native = Native::of(manifest)?;
    if native.gems.len() != manifest.artifacts.len() {
        return None;
    }
    let pairs = native.gems.into_iter().zip(&manifest.artifacts).map(|(spec, artifact)| {
        let agrees = spec.name == name.name() && spec.version == version.as_str();
        let is_gem = artifact.role == ROLE && spec.has_file_name(&artifact.name);
        (agrees && is_gem).then(|| File { spec, object: artifact.object() })
    });
    let mut files: Vec<File> = pairs.collect::<Option<_>>()?;
    // The plain one first: it stands for the others where one does.
    files.sort_by(|a, b| a.spec.platform.cmp(&b.spec.platform));
    Some(files)
}

struct Fold<'a> {
    rows: &'a Rows,
    entry: &'a Entry<'a>,
    name: GemName,
    version: GemVersion,
    changes: Changes,
}

impl Fold<'_> {
    fn head(&self) -> Result<Head, Defect> {
        let head = self.rows.decoded(&rows::head_key(&self.name)?)?;
        Ok(head.unwrap_or_else(|| Head { last: self.entry.index, info: Extent::default(), md5: InfoSum::new().state() }))
    }

    fn published(&mut self, key: RowKey, published: &ReleasePublished, facts: &Facts) -> Result<(), Defect> {
        if !is_derived(published, &self.name, &self.version) {
            return Ok(());
        }
        let content = Content::of(self.entry, facts, |manifest| Ok(files(manifest, &self.name, &self.version)))?;
        let mut head = self.head()?;
        let has_room = head.info.open() < INFO_PIECES;
        let listed = match &content {
            Content::Present(files) if has_room => Some(files.clone()),
            _ => None,
        };
        let release =
            Release { version: published.version.clone(), published: self.entry.log_time, yanked: None, listed: listed.is_some(), content };
        self.changes.put(key, &release)?;
        let Some(files) = listed else {
            self.put_head(head)?;
            return self.put_source(None);
        };

        let lines = files.iter().map(|file| index::info_line(&file.spec, &file.object.sha256.to_hex(), self.entry.log_time));
        let text: String = lines.collect();
        let piece_key = rows::info_key(&self.name, head.info.open())?;
        let mut piece: InfoPiece = self.rows.decoded(&piece_key)?.unwrap_or_default();
        let mut sum = InfoSum::from_state(&head.md5)?;
        sum.add(&text);
        head.info = head.info.with(text.len() as u64);
        head.md5 = sum.state();
        piece.releases.push(InfoLines { version: published.version.clone(), text, yanked: false });
        self.changes.put(piece_key, &piece)?;
        self.put_head(head)?;
        let specs: Vec<Spec> = files.into_iter().map(|file| file.spec).collect();
        self.put_source(Some(index::versions_line(self.name.name(), &specs, false, &sum)))?;
        self.found_at_publish(&release, &specs)
    }

    fn put_head(&mut self, head: Head) -> Result<(), Defect> {
        self.changes.put(rows::head_key(&self.name)?, &Head { last: self.entry.index, ..head })
    }

    /// The source's head, and a line at the end of its `/versions`.
    fn put_source(&mut self, line: Option<String>) -> Result<(), Defect> {
        let now = self.entry.log_time;
        let key = rows::source_key(self.name.domain())?;
        let old: Option<Source> = self.rows.decoded(&key)?;
        let mut versions = old.as_ref().map(|source| source.versions).unwrap_or_default();
        if let Some(line) = line {
            let key = rows::versions_key(self.name.domain(), versions.open())?;
            let mut piece: VersionsPiece = self.rows.decoded(&key)?.unwrap_or_default();
            piece.text.push_str(&line);
            versions = versions.with(line.len() as u64);
            self.changes.put(key, &piece)?;
        }
        let created = old.map_or(now, |source| source.created);
        self.changes.put(key, &Source { created, modified: now, last: self.entry.index, versions })
    }

    /// A search shows the highest version that is not yanked, as far as one row can know.
    fn found_at_publish(&mut self, release: &Release, specs: &[Spec]) -> Result<(), Defect> {
        let key = rows::found_key(&self.name)?;
        let shown: Option<Found> = self.rows.decoded(&key)?;
        let is_shown = shown.is_none_or(|shown| {
            shown.yanked
                || GemVersion::parse(shown.version.as_str()).is_ok_and(|shown| self.version.shown_order(&shown) == Ordering::Greater)
        });
        let Some(spec) = specs.first().filter(|_| is_shown) else { return Ok(()) };
        let found = Found {
            version: release.version.clone(),
            yanked: false,
            summary: spec.summary.clone(),
            homepage: spec.homepage.clone(),
            licenses: spec.licenses.clone(),
            authors: spec.authors.clone(),
        };
        self.changes.put(key, &found)
    }

    fn standing(&mut self, key: RowKey, mut release: Release, reason: Option<ReasonCode>) -> Result<(), Defect> {
        let turns = release.yanked.is_some() != reason.is_some();
        release.yanked = reason;
        self.changes.put(key, &release)?;
        let mut head = self.head()?;
        let specs: Vec<Spec> = match &release.content {
            Content::Present(files) if release.listed && turns => files.iter().map(|file| file.spec.clone()).collect(),
            _ => {
                self.put_head(head)?;
                return self.put_source(None);
            }
        };
        let mut sum = InfoSum::new();
        let mut highest: Option<GemVersion> = None;
        for number in 0..head.info.pieces {
            let key = rows::info_key(&self.name, number)?;
            let mut piece: InfoPiece = self.rows.decoded(&key)?.unwrap_or_default();
            let mut changed = false;
            for lines in &mut piece.releases {
                if lines.version == release.version {
                    lines.yanked = reason.is_some();
                    changed = true;
                }
                if !lines.yanked {
                    sum.add(&lines.text);
                    let version = GemVersion::parse(lines.version.as_str()).ok();
                    highest = match (highest, version) {
                        (Some(a), Some(b)) if a.shown_order(&b) != Ordering::Less => Some(a),
                        (a, b) => b.or(a),
                    };
                }
            }
            if changed {
                self.changes.put(key, &piece)?;
            }
        }
        head.md5 = sum.state();
        self.put_head(head)?;
        self.put_source(Some(index::versions_line(self.name.name(), &specs, reason.is_some(), &sum)))?;
        self.found_at_yank(highest)
    }

    /// Its words stay those of the highest version that was ever published; they seldom differ.
    fn found_at_yank(&mut self, highest: Option<GemVersion>) -> Result<(), Defect> {
        let key = rows::found_key(&self.name)?;
        let Some(found) = self.rows.decoded::<Found>(&key)? else { return Ok(()) };
        let yanked = highest.is_none();
        let version = highest.map_or_else(|| found.version.clone(), |version| version.neutral().clone());
        if found.version == version && found.yanked == yanked {
            return Ok(());
        }
        self.changes.put(key, &Found { version, yanked, ..found })
    }
}
