//! A package as its rows list it: versions in order, channels resolved (spec/projections/npm.md §6).

use crate::name::PackageName;
use crate::rows::{self, Content, Document, Head, Release, Tag};
use crate::version::PackageVersion;
use deedbox_model::row::decode_row;
use deedbox_model::threads::both;
use deedbox_model::{Defect, ReasonCode, Row, RowKey, Rows};
use std::collections::BTreeMap;

/// A package and all its versions.
pub(crate) struct Listing {
    pub(crate) head: Head,
    releases: Vec<Listed>,
    /// Versions that are yanked, ascending.
    yanked: Vec<(PackageVersion, ReasonCode)>,
    /// Channels whose version is listed, by name; `latest` always, if anything is listed.
    tags: BTreeMap<String, String>,
    latest: Option<usize>,
}

/// A version that may be chosen.
pub(crate) struct Listed {
    pub(crate) version: PackageVersion,
    pub(crate) published: deedbox_model::TimeMs,
    pub(crate) deprecated: Option<String>,
    pub(crate) document: Box<Document>,
}

impl Listing {
    /// From all rows of a package; none if it has none.
    pub(crate) fn read(name: &PackageName, rows: &Rows) -> Result<Option<Self>, Defect> {
        let Some(head) = rows.decoded::<Head>(&rows::head_key(name)?)? else { return Ok(None) };
        let mut releases = Vec::new();
        let mut yanked = Vec::new();
        let prefix = rows::release_prefix(name);
        let found: Vec<(&RowKey, &Row)> = rows.with_prefix(&prefix).collect();
        for read in read_all(&found) {
            let (version, release) = read?;
            match (release.content, release.yanked) {
                (Content::Present(document), None) => {
                    releases.push(Listed { version, published: release.published, deprecated: release.deprecated, document });
                }
                (Content::Present(_), Some(reason)) => yanked.push((version, reason)),
                (Content::Withheld | Content::Unreadable, _) => {}
            }
        }
        releases.sort_by(|a, b| a.version.precedence(&b.version));
        yanked.sort_by(|a, b| a.0.precedence(&b.0));

        let mut set = BTreeMap::new();
        let prefix = rows::tag_prefix(name);
        for (key, row) in rows.with_prefix(&prefix) {
            let tag: Tag = decode_row(key, &row.bytes)?;
            set.insert(key.as_str().get(prefix.len()..).unwrap_or_default().to_owned(), tag.version);
        }
        let listed: BTreeMap<&str, usize> = releases.iter().enumerate().map(|(i, r)| (r.version.neutral().as_str(), i)).collect();
        let set_latest = set.get("latest").and_then(|version| listed.get(version.as_str()).copied());
        let highest = || (0..releases.len()).max_by(|a, b| fallback(&releases, *a, *b));
        let latest = set_latest.or_else(highest);

        let mut tags = BTreeMap::new();
        for (channel, version) in set {
            if let Some(release) = listed.get(version.as_str()).and_then(|i| releases.get(*i)) {
                tags.insert(channel, release.version.native().to_owned());
            }
        }
        if let Some(release) = latest.and_then(|i| releases.get(i)) {
            tags.insert("latest".to_owned(), release.version.native().to_owned());
        }
        Ok(Some(Listing { head, releases, yanked, tags, latest }))
    }

    /// Versions that may be chosen, ascending.
    pub(crate) fn releases(&self) -> &[Listed] {
        &self.releases
    }
    /// Versions that are yanked, ascending, each with its reason.
    pub(crate) fn yanked(&self) -> &[(PackageVersion, ReasonCode)] {
        &self.yanked
    }
    /// Channels, ascending by name.
    pub(crate) fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }
    /// What `latest` means.
    pub(crate) fn latest(&self) -> Option<&Listed> {
        self.latest.and_then(|i| self.releases.get(i))
    }
}

/// With so many releases or more, two threads read and write them: this is most of the time of the first answer after a change.
pub(crate) const DONE_BY_TWO: usize = 1_000;

type Read = Result<(PackageVersion, Release), Defect>;

/// Reads rows of releases, in order.
fn read_all(rows: &[(&RowKey, &Row)]) -> Vec<Read> {
    let read = |rows: &[(&RowKey, &Row)]| -> Vec<Read> {
        let one = |(key, row): &(&RowKey, &Row)| {
            let release: Release = decode_row(key, &row.bytes)?;
            Ok((parse_version(key.as_str(), release.version.as_str())?, release))
        };
        rows.iter().map(one).collect()
    };
    if rows.len() < DONE_BY_TWO {
        return read(rows);
    }
    let (first, second) = rows.split_at(rows.len() / 2);
    let (mut all, others) = both(|| read(first), || read(second));
    all.extend(others);
    all
}

fn fallback(releases: &[Listed], a: usize, b: usize) -> std::cmp::Ordering {
    match (releases.get(a), releases.get(b)) {
        (Some(a), Some(b)) => a.version.fallback_order(&b.version),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

fn parse_version(key: &str, version: &str) -> Result<PackageVersion, Defect> {
    PackageVersion::parse(version).map_err(|e| Defect::Damaged { key: key.to_owned(), why: e.to_string() })
}
