//! From rows to answers (spec/projections/catalog.md §3). A function of what was read; nothing of this site is in it.

use crate::answer::{self, *};
use crate::domain::{Domain, Domains};
use crate::grant::{GrantJson, Grants};
use crate::limits::{CHANNELS_SHOWN, RELEASES_SHOWN, SEARCH_SCAN};
use crate::route::{Route, Search};
use crate::rows::{self, *};
use deedbox_model::row::decode_row;
use deedbox_model::{Defect, PackageId, Row, RowKey, Version};
use deedbox_view::{Reads, Response};
use std::collections::BTreeMap;

/// The answer to a question.
pub(crate) fn render(route: &Route, reads: &Reads) -> Result<Response, Defect> {
    match route {
        Route::Packages { prefix, limit, .. } => packages(prefix, *limit, reads),
        Route::Domains { limit, .. } => domains(*limit, reads),
        Route::Domain(domain) => one_domain(domain, reads),
        Route::Grants { domain, limit, .. } => grants(domain, *limit, reads),
        Route::DomainHistory { domain, limit, .. } => domain_history(domain, *limit, reads),
        Route::Search(search) => results(search, reads),
        Route::Package(id) => match package_row(id, reads)? {
            Some(row) => package(id, &row, reads),
            None => Ok(no_such_package(id)),
        },
        Route::Release(id, version) => match (package_row(id, reads)?, reads.rows.decoded(&release_key(id, version)?)?) {
            (_, Some(row)) => release(id, version, &row, reads),
            (Some(_), None) => Ok(Refused::new(
                404,
                "no_such_release",
                format!("{id} has no version {version}"),
                "its versions are at the package's address with ?view=versions",
            )
            .into_response()),
            (None, None) => Ok(no_such_package(id)),
        },
        Route::Versions { id, limit, .. } => view(id, "release", *limit, reads, |page| {
            let versions = page.decode(ReleaseSummary::of)?;
            answer::json(&Versions { id: id.as_str(), versions, next: page.next() })
        }),
        Route::Channels { id, limit, .. } => view(id, "channel", *limit, reads, |page| {
            let channels = page.decode(Channel::of)?;
            answer::json(&Channels { id: id.as_str(), channels, next: page.next() })
        }),
        Route::History { id, limit, .. } => view(id, "history", *limit, reads, |page| {
            let history = page.decode(|index, row| HistoryItem::of(number(index), row))?;
            let next = page.next().map(|index| number(index).to_string());
            answer::json(&History { id: id.as_str(), history, next })
        }),
    }
}

fn package_row(id: &PackageId, reads: &Reads) -> Result<Option<PackageRow>, Defect> {
    reads.rows.decoded(&package_key(id)?)
}

fn no_such_package(id: &PackageId) -> Response {
    let help = "check its spelling; /api/v1/packages/?prefix= lists packages, /api/v1/domains/ says who may publish";
    Refused::new(404, "no_such_package", format!("nothing was ever published as {id}"), help).into_response()
}

/// The rows of one page, each with what its key has after the common prefix.
struct Page<'a> {
    rows: Vec<(&'a str, &'a RowKey, &'a Row)>,
    more: bool,
}

impl<'a> Page<'a> {
    /// At most `limit` of the rows under a prefix; one more was asked for. A scan that stopped before it, for the bytes that it
    /// had, says so itself.
    fn of(prefix: &'a str, limit: u32, reads: &'a Reads) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = reads.rows.with_prefix(prefix).map(|(key, row)| (key.as_str().strip_prefix(prefix).unwrap_or_default(), key, row));
        let rows: Vec<_> = found.by_ref().take(limit).collect();
        let more = found.next().is_some() || reads.last_scan.as_ref().is_some_and(|end| end.more);
        Page { rows, more }
    }
    fn next(&self) -> Option<&'a str> {
        self.rows.last().filter(|_| self.more).map(|(rest, ..)| *rest)
    }
    fn decode<R, T>(&self, make: impl Fn(&'a str, R) -> T) -> Result<Vec<T>, Defect>
    where
        R: serde::Serialize + serde::de::DeserializeOwned,
    {
        self.rows.iter().map(|(rest, key, row)| Ok(make(rest, decode_row(key, &row.bytes)?))).collect()
    }
}

fn view(
    id: &PackageId,
    kind: &str,
    limit: u32,
    reads: &Reads,
    answer: impl FnOnce(Page<'_>) -> Result<Response, Defect>,
) -> Result<Response, Defect> {
    match package_row(id, reads)? {
        Some(_) => answer(Page::of(rows::of_package(kind, id)?.as_str(), limit, reads)),
        None => Ok(no_such_package(id)),
    }
}

/// What a padded number in a key says; our own keys always hold one.
fn number(digits: &str) -> u64 {
    digits.parse().unwrap_or_default()
}

fn packages(prefix: &str, limit: u32, reads: &Reads) -> Result<Response, Defect> {
    let key = format!("{PACKAGE}{prefix}");
    let page = Page::of(&key, limit, reads);
    let id = |key: &'_ RowKey| key.as_str().strip_prefix(PACKAGE).unwrap_or_default().to_owned();
    let rows: Vec<(String, PackageRow)> =
        page.rows.iter().map(|(_, key, row)| Ok((id(key), decode_row(key, &row.bytes)?))).collect::<Result<_, Defect>>()?;
    let next = rows.last().filter(|_| page.more).map(|(id, _)| id.as_str());
    answer::json(&Packages { packages: rows.iter().map(|(id, row)| Summary::of(id, row)).collect(), next })
}

fn domains(limit: u32, reads: &Reads) -> Result<Response, Defect> {
    let page = Page::of(DOMAIN, limit, reads);
    let rows: Vec<(&str, DomainRow)> = page.decode(|name, row| (name, row))?;
    let named = |name: &str| deedbox_model::Domain::parse(name).map_err(|_| Defect::BadKey(format!("{DOMAIN}{name}")));
    let domains = rows.iter().map(|(name, row)| Ok(Domain::of(&named(name)?, row))).collect::<Result<_, Defect>>()?;
    answer::json(&Domains { domains, next: page.next() })
}

fn grants(domain: &deedbox_model::Domain, limit: u32, reads: &Reads) -> Result<Response, Defect> {
    if reads.rows.get(&domain_key(domain)?)?.is_none() {
        return Ok(not_claimed(format!("nobody has claimed {domain} itself")));
    }
    let prefix = grant_prefix(domain)?;
    let page = Page::of(prefix.as_str(), limit, reads);
    let grants = page.decode(GrantJson::of)?;
    answer::json(&Grants { domain: domain.as_str(), grants, next: page.next() })
}

fn domain_history(domain: &deedbox_model::Domain, limit: u32, reads: &Reads) -> Result<Response, Defect> {
    if reads.rows.get(&domain_key(domain)?)?.is_none() {
        return Ok(not_claimed(format!("nobody has claimed {domain} itself")));
    }
    let prefix = domain_history_prefix(domain)?;
    let page = Page::of(prefix.as_str(), limit, reads);
    let history = page.decode(|index, row| HistoryItem::of(number(index), row))?;
    let next = page.next().map(|index| number(index).to_string());
    answer::json(&DomainHistory { domain: domain.as_str(), history, next })
}

fn one_domain(domain: &deedbox_model::Domain, reads: &Reads) -> Result<Response, Defect> {
    for here in domain.self_and_parents() {
        if let Some(row) = reads.rows.decoded(&domain_key(&here)?)? {
            return answer::json(&Domain::of(&here, &row));
        }
    }
    Ok(not_claimed(format!("nobody has claimed {domain} or a domain above it")))
}

fn not_claimed(why: String) -> Response {
    Refused::new(404, "not_claimed", why, "claim it with deedbox claim").into_response()
}

/// The versions of the newest releases that were scanned, the last published first.
pub(crate) fn newest(id: &PackageId, reads: &Reads) -> Result<Vec<Version>, Defect> {
    let prefix = rows::of_package("newest", id)?;
    Page::of(prefix.as_str(), RELEASES_SHOWN, reads).decode(|_, row: NewestRow| row.version)
}

fn package(id: &PackageId, row: &PackageRow, reads: &Reads) -> Result<Response, Defect> {
    let channel_prefix = rows::of_package("channel", id)?;
    let channel_page = Page::of(channel_prefix.as_str(), CHANNELS_SHOWN, reads);
    let channels = channel_page.decode(Channel::of)?;
    let newest = newest(id, reads)?;
    let mut releases = Vec::with_capacity(newest.len());
    for version in &newest {
        let key = release_key(id, version)?;
        let row: ReleaseRow = reads.rows.decoded(&key)?.ok_or_else(|| Defect::Unread(key.to_string()))?;
        releases.push(ReleaseSummary::of(version.as_str(), row));
    }
    let more = (releases.len() as u64) < row.releases;
    answer::json(&Package::of(id, row, (&channels, channel_page.more), (&releases, more)))
}

fn release(id: &PackageId, version: &Version, row: &ReleaseRow, reads: &Reads) -> Result<Response, Defect> {
    let prefix = rows::of_package("channel", id)?;
    let mut channels = Vec::new();
    for (key, channel) in reads.rows.with_prefix(prefix.as_str()) {
        let points: ChannelRow = decode_row(key, &channel.bytes)?;
        if &points.version == version {
            channels.push(key.as_str().strip_prefix(prefix.as_str()).unwrap_or_default());
        }
    }
    let complete = reads.last_scan.as_ref().is_some_and(|end| !end.more);
    answer::json(&Release::of(id.as_str(), version.as_str(), row, channels, complete))
}

/// A package that a search found.
pub(crate) struct Hit<'a> {
    /// The smaller, the nearer.
    pub(crate) rank: u32,
    pub(crate) id: &'a str,
}

/// What a search found.
pub(crate) struct Found<'a> {
    /// The results of this answer.
    pub(crate) page: Vec<Hit<'a>>,
    /// All results.
    count: u64,
    /// Whether there are results after this answer's.
    more: bool,
    /// Whether no scan met its limit.
    complete: bool,
}

/// Packages that have, for each word, one that begins with it; by rank, then by id. A word's rank is twice its place
/// (name 0, keyword 1, description 2), and one more if it only begins with what was asked for; ranks add up.
pub(crate) fn found<'a>(search: &'a Search, reads: &'a Reads) -> Result<Found<'a>, Defect> {
    let mut all: Option<BTreeMap<&str, u32>> = None;
    let mut complete = true;
    for prefix in &search.prefixes {
        let mut here: BTreeMap<&str, u32> = BTreeMap::new();
        let mut seen = 0;
        for (key, row) in reads.rows.with_prefix(prefix) {
            seen += 1;
            let Some((word, id)) = word_and_id(key) else { continue };
            if search.ecosystem.as_ref().is_some_and(|wanted| id.split_once(':').is_none_or(|(found, _)| found != wanted.as_str())) {
                continue;
            }
            let WordRow { field } = decode_row(key, &row.bytes)?;
            let place = match field {
                Field::Name => 0,
                Field::Keyword => 2,
                Field::Description => 4,
            };
            let rank = place + u32::from(word != prefix);
            here.entry(id).and_modify(|best| *best = rank.min(*best)).or_insert(rank);
        }
        complete &= seen <= SEARCH_SCAN;
        all = Some(match all {
            None => here,
            Some(before) => before.into_iter().filter_map(|(id, rank)| here.get(id).map(|more| (id, rank + more))).collect(),
        });
    }
    let mut hits: Vec<Hit<'a>> = all.unwrap_or_default().into_iter().map(|(id, rank)| Hit { rank, id }).collect();
    hits.sort_by(|a, b| (a.rank, a.id).cmp(&(b.rank, b.id)));
    let count = hits.len() as u64;
    let after = search.after.as_ref().map(|(rank, id)| (*rank, id.as_str()));
    let mut rest = hits.into_iter().filter(|hit| after.is_none_or(|after| (hit.rank, hit.id) > after));
    let page: Vec<_> = rest.by_ref().take(usize::try_from(search.limit).unwrap_or(usize::MAX)).collect();
    let more = rest.next().is_some();
    Ok(Found { page, count, more, complete })
}

/// `word/<word>` and the id behind it; a word holds no slash.
fn word_and_id(key: &RowKey) -> Option<(&str, &str)> {
    let slash = key.as_str().get(WORD.len()..)?.find('/')?;
    let (word, id) = key.as_str().split_at_checked(WORD.len() + slash)?;
    Some((word, id.strip_prefix('/')?))
}

fn results(search: &Search, reads: &Reads) -> Result<Response, Defect> {
    let found = found(search, reads)?;
    let mut packages = Vec::with_capacity(found.page.len());
    for hit in &found.page {
        let key = RowKey::new(format!("{PACKAGE}{}", hit.id))?;
        let row: PackageRow = reads.rows.decoded(&key)?.ok_or_else(|| Defect::Unread(key.to_string()))?;
        packages.push((hit.id, row));
    }
    let next = found.page.last().filter(|_| found.more).map(|hit| format!("{}:{}", hit.rank, hit.id));
    let results = packages.iter().map(|(id, row)| Summary::of(id, row)).collect();
    answer::json(&Results { results, found: found.count, complete: found.complete, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_view::ScanEnd;

    #[test]
    fn a_page_goes_on_where_its_scan_stopped_for_its_bytes() {
        let mut reads = Reads::default();
        for name in ["a", "b", "c"] {
            reads.rows.insert(RowKey::new(format!("x/{name}")).unwrap(), Some(Row { bytes: vec![].into(), seq: 0 }));
        }
        for (limit, more, next) in [(3, false, None), (3, true, Some("c")), (5, true, Some("c")), (5, false, None), (2, true, Some("b"))] {
            reads.last_scan = Some(ScanEnd { last: None, more });
            assert_eq!(Page::of("x/", limit, &reads).next(), next, "{limit} {more}");
        }
    }
}
