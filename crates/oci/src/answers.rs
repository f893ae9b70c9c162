//! A question of this protocol, and the two halves of its answer: which rows it needs, and what they make (spec/projections/oci.md §6).

use crate::digest::Digest;
use crate::document::{Kind, OCI_INDEX};
use crate::limits::{CATALOG_PAGE, NAMESPACE_BYTES, PAGE, REFERRERS_PAGE_BYTES};
use crate::name::{Repository, is_tag};
use crate::refusal::{Code, refusal};
use crate::routes::{self, Route, shown};
use crate::rows::{self, Content, Head, ReferrerRow, Release, Root, Stored, Tag};
use deedbox_model::row::decode_row;
use deedbox_model::{Channel, Defect, RowKey, Rows, Version};
use deedbox_view::question::{MAX_ROUNDS, MAX_SCAN};
use deedbox_view::{Cache, Plan, Question, Reads, Refused, Request, Resource, Response, Site, Step, Takes, encode_path};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

const API_VERSION: (&str, &str) = ("docker-distribution-api-version", "registry/2.0");
const CONTENT_DIGEST: &str = "docker-content-digest";
/// Sorts after every version, which begins with a letter or digit.
const PAST_VERSIONS: &str = "{";

/// What an answer depends on beside its path. Nothing is asked with a body.
pub(crate) fn takes(request: &Request) -> Takes {
    Takes::query(match routes::route(request) {
        Route::Tags(_) | Route::Catalog => &["n", "last", "ns"],
        Route::Referrers(..) => &["artifactType", "last", "ns"],
        _ => &["ns"],
    })
}

/// A refusal of the shell's own, by its status. An object that no event refers to is a blob or a manifest that is not there.
pub(crate) fn refuse(refused: &Refused<'_>) -> Response {
    let code = match refused.status {
        404 => Code::BlobUnknown,
        500 => Code::Unknown,
        503 => Code::Unavailable,
        status => Code::Unsupported(status),
    };
    let response = refusal(code, &refused.words());
    Response { headers: vec![(API_VERSION.0, API_VERSION.1.to_owned())], ..response }
}

/// What is asked. A parameter that is empty is one that is not there.
pub(crate) struct Asked {
    route: Route,
    /// `n`, as it stands there.
    n: Option<String>,
    last: Option<String>,
    artifact_type: Option<String>,
    /// `ns`: a client that asks a mirror says whose names it means.
    namespace: Option<String>,
}

impl Asked {
    /// By this request.
    pub(crate) fn of(request: &Request) -> Self {
        let given = |name: &str| request.query(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let namespace = given("ns").filter(|ns| ns.len() <= NAMESPACE_BYTES && ns.bytes().all(|b| b.is_ascii_graphic()));
        Asked { route: routes::route(request), n: given("n"), last: given("last"), artifact_type: given("artifactType"), namespace }
    }
}

impl Question for Asked {
    fn resource(&self) -> Option<Resource> {
        Some(match &self.route {
            Route::Tags(repository)
            | Route::Tagged(repository, _)
            | Route::Manifest(repository, _)
            | Route::Blob(repository, _)
            | Route::Referrers(repository, _) => Resource::Package(repository.id().clone()),
            Route::Catalog => Resource::Registry,
            Route::Version | Route::Token | Route::Refused(..) | Route::Write(_) => Resource::Nothing,
        })
    }
    fn plan(&self) -> Plan {
        // A key made of checked names is always one; what could not be a key is answered without rows.
        plan(self).unwrap_or(Plan::Nothing)
    }
    fn step(&self, reads: &Reads) -> Result<Step, Defect> {
        step(&self.route, reads)
    }
    fn render(&self, reads: &Reads, _: &Site) -> Result<Response, Defect> {
        render(self, reads)
    }
}

/// What to read first. Every event of a repository rewrites its head; rows of manifests and blobs never change; a range
/// that is read first stands for itself.
fn plan(asked: &Asked) -> Result<Plan, Defect> {
    Ok(match &asked.route {
        Route::Tags(repository) => Plan::Get(vec![rows::head_key(repository)?]),
        Route::Tagged(repository, tag) => {
            let mut keys = vec![rows::head_key(repository)?];
            if let Ok(version) = Version::parse(tag) {
                keys.push(rows::release_key(repository, version.as_str())?);
            }
            if let Ok(channel) = Channel::parse(tag) {
                keys.push(rows::channel_key(repository, channel.as_str())?);
            }
            Plan::Get(keys)
        }
        Route::Manifest(repository, digest) => Plan::Get(vec![rows::stored_key(repository, Kind::Manifest, digest)?]),
        Route::Blob(repository, digest) => Plan::Get(vec![rows::stored_key(repository, Kind::Blob, digest)?]),
        Route::Referrers(repository, subject) => referrers_from(asked, repository, subject)?,
        Route::Catalog => match catalog_page(asked) {
            Some((n, last)) => scan_heads(n, last)?,
            None => Plan::Nothing,
        },
        Route::Version | Route::Token | Route::Refused(..) | Route::Write(_) => Plan::Nothing,
    })
}

/// Whether more must be read.
fn step(route: &Route, reads: &Reads) -> Result<Step, Defect> {
    match route {
        Route::Tags(repository) => {
            let is_over = reads.rounds >= MAX_ROUNDS || reads.last_scan.as_ref().is_some_and(|end| !end.more);
            if is_over || reads.rows.get(&rows::head_key(repository)?)?.is_none() {
                return Ok(Step::Ready);
            }
            let after = reads.last_scan.as_ref().and_then(|end| end.last.clone());
            Ok(Step::Read(Plan::Scan { prefix: rows::tags_prefix(repository)?, after, limit: MAX_SCAN }))
        }
        Route::Tagged(repository, tag) => match sought(repository, tag, &reads.rows)? {
            Sought::Read(key) => Ok(Step::Read(Plan::Get(vec![key]))),
            _ => Ok(Step::Ready),
        },
        // Referrers and repositories are one page each, and a page is one round: its first rows are all of them.
        _ => Ok(Step::Ready),
    }
}

/// The answer.
fn render(asked: &Asked, reads: &Reads) -> Result<Response, Defect> {
    let rows = &reads.rows;
    let mut response = match &asked.route {
        Route::Version => Response::json(b"{}".to_vec()),
        Route::Token => token(),
        Route::Catalog => catalog(asked, reads)?,
        Route::Tags(repository) => tags(asked, repository, reads)?,
        Route::Tagged(repository, tag) => tagged(repository, tag, rows)?,
        Route::Manifest(repository, digest) => match rows.decoded::<Stored>(&rows::stored_key(repository, Kind::Manifest, digest)?)? {
            Some(stored) => object(stored, digest),
            None => refusal(Code::ManifestUnknown, &format!("{repository} has no manifest {digest}")),
        },
        Route::Blob(repository, digest) => match rows.decoded::<Stored>(&rows::stored_key(repository, Kind::Blob, digest)?)? {
            Some(stored) => object(stored, digest),
            None => refusal(Code::BlobUnknown, &format!("{repository} has no blob {digest}")),
        },
        Route::Referrers(repository, subject) => referrers(asked, repository, subject, reads)?,
        Route::Refused(code, words) => refusal(*code, words),
        Route::Write(words) => {
            let refused = refusal(Code::Unsupported(405), words);
            Response { headers: vec![("allow", "GET, HEAD".to_owned())], ..refused }
        }
    };
    response.headers.push((API_VERSION.0, API_VERSION.1.to_owned()));
    if let Some(namespace) = &asked.namespace {
        response.headers.push(("oci-namespace", namespace.clone()));
    }
    Ok(response)
}

fn object(stored: Stored, digest: &Digest) -> Response {
    let response = Response::object(stored.media_type, stored.object);
    Response { headers: vec![(CONTENT_DIGEST, digest.to_string())], ..response }
}

/// Nobody is asked for one; some clients want one anyway.
fn token() -> Response {
    let body = br#"{"token":"anonymous","access_token":"anonymous","expires_in":3600}"#;
    Response { cache: Cache::Never, ..Response::json(body.to_vec()) }
}

/// What a tag leads to, as far as it was read.
enum Sought {
    Found(Root),
    Withheld,
    Unreadable,
    Missing,
    Read(RowKey),
}

/// A version first, for it never moves; then a channel. What is yanked is not a tag.
fn sought(repository: &Repository, tag: &str, rows: &Rows) -> Result<Sought, Defect> {
    if !is_tag(tag) {
        return Ok(Sought::Missing);
    }
    if Version::parse(tag).is_ok()
        && let Some(release) = rows.decoded::<Release>(&rows::release_key(repository, tag)?)?
    {
        return Ok(found(release));
    }
    let Some(channel) = rows.decoded::<Tag>(&rows::channel_key(repository, tag)?)? else { return Ok(Sought::Missing) };
    let key = rows::release_key(repository, channel.version.as_str())?;
    if rows.get(&key).is_err() {
        return Ok(Sought::Read(key));
    }
    Ok(rows.decoded::<Release>(&key)?.map_or(Sought::Missing, found))
}

fn found(release: Release) -> Sought {
    match (release.yanked, release.content) {
        (Some(_), _) => Sought::Missing,
        (None, Content::Present(root)) => Sought::Found(root),
        (None, Content::Withheld) => Sought::Withheld,
        (None, Content::Unreadable) => Sought::Unreadable,
    }
}

fn tagged(repository: &Repository, tag: &str, rows: &Rows) -> Result<Response, Defect> {
    Ok(match sought(repository, tag, rows)? {
        Sought::Found(root) => {
            let digest = Digest::Sha256(root.manifest.object.sha256);
            Response { cache: Cache::Revalidate, ..object(root.manifest, &digest) }
        }
        Sought::Read(key) => return Err(Defect::Unread(key.to_string())),
        Sought::Withheld => refusal(Code::Denied, &format!("{repository}:{tag} is withheld by an event of the log; its digest stays")),
        Sought::Unreadable => {
            refusal(Code::ManifestUnknown, &format!("the release manifest of {repository}:{tag} in the log cannot be read"))
        }
        Sought::Missing => match rows.decoded::<Head>(&rows::head_key(repository)?)? {
            None => unknown(repository),
            Some(_) => refusal(Code::ManifestUnknown, &format!("{repository} has no tag {:?}", shown(tag))),
        },
    })
}

fn unknown(repository: &Repository) -> Response {
    refusal(Code::NameUnknown, &format!("{repository} has no release in this registry"))
}

/// `n`, if it is asked for: none where it is not a number.
fn page_size(asked: &Asked) -> Option<Option<usize>> {
    match &asked.n {
        None => Some(None),
        Some(n) => n.parse::<u32>().ok().map(|n| Some(usize::try_from(n).unwrap_or(usize::MAX))),
    }
}

fn bad_page() -> Response {
    refusal(Code::PageInvalid, "n is a number of names, and last one of them, in printable ASCII")
}

/// `Link` to the next page (RFC 8288).
fn next(path: &str, pairs: &[(&str, &str)]) -> (&'static str, String) {
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode_query(value))).collect();
    ("link", format!("<{}{path}?{}>; rel=\"next\"", routes::MOUNT, query.join("&")))
}

/// As in a path, but for a slash too: everything that could end a pair is encoded.
fn encode_query(text: &str) -> String {
    encode_path(text).replace('+', "%2B")
}

fn json<T: Serialize>(value: &T) -> Result<Response, Defect> {
    Ok(Response::json(serde_json::to_vec(value).map_err(|e| Defect::Unencodable(e.to_string()))?))
}

/// How many repositories, and after which.
fn catalog_page(asked: &Asked) -> Option<(usize, Option<RowKey>)> {
    let n = page_size(asked)?.unwrap_or(CATALOG_PAGE).min(PAGE);
    let last = asked.last.as_ref().map(|last| RowKey::new(format!("{}{last}", rows::HEADS))).transpose().ok()?;
    Some((n, last))
}

/// One more than a page tells whether there is another.
fn scan_heads(n: usize, after: Option<RowKey>) -> Result<Plan, Defect> {
    let limit = u32::try_from(n.saturating_add(1)).unwrap_or(MAX_SCAN).min(MAX_SCAN);
    Ok(Plan::Scan { prefix: RowKey::new(rows::HEADS)?, after, limit })
}

fn catalog(asked: &Asked, reads: &Reads) -> Result<Response, Defect> {
    #[derive(Serialize)]
    struct Catalog<'a> {
        repositories: Vec<&'a str>,
    }
    let Some((n, _)) = catalog_page(asked) else { return Ok(bad_page()) };
    let mut repositories: Vec<&str> = reads.rows.iter().filter_map(|(key, _)| key.as_str().strip_prefix(rows::HEADS)).collect();
    let more = repositories.len() > n || reads.last_scan.as_ref().is_some_and(|end| end.more);
    repositories.truncate(n);
    let link = repositories.last().filter(|_| more).map(|last| next("_catalog", &[("n", &n.to_string()), ("last", last)]));
    let response = json(&Catalog { repositories })?;
    Ok(Response { headers: link.into_iter().collect(), ..response })
}

fn tags(asked: &Asked, repository: &Repository, reads: &Reads) -> Result<Response, Defect> {
    #[derive(Serialize)]
    struct Tags<'a> {
        name: &'a str,
        tags: Vec<&'a str>,
    }
    let Some(n) = page_size(asked) else { return Ok(bad_page()) };
    if reads.rows.get(&rows::head_key(repository)?)?.is_none() {
        return Ok(unknown(repository));
    }
    // A list that was cut short would look like a whole one. Not a 5xx: clients would ask again and again.
    if reads.last_scan.as_ref().is_some_and(|end| end.more) {
        return Ok(refusal(Code::TooMuch, "this repository has more tags than one answer may read; ask for one of them"));
    }
    let all = all_tags(repository, &reads.rows)?;
    let after = asked.last.as_deref();
    let mut rest = all.iter().map(String::as_str).filter(|tag| after.is_none_or(|after| *tag > after));
    let tags: Vec<&str> = rest.by_ref().take(n.unwrap_or(usize::MAX)).collect();
    let more = rest.next().is_some();
    let link = match (n, tags.last()) {
        (Some(n), Some(last)) if more => Some(next(&format!("{repository}/tags/list"), &[("n", &n.to_string()), ("last", last)])),
        _ => None,
    };
    let response = json(&Tags { name: repository.as_str(), tags })?;
    Ok(Response { headers: link.into_iter().collect(), ..response })
}

/// Versions that may be chosen, and channels that point at one; ascending by bytes. What is about another manifest answers by its
/// tags but is not listed: clients take a list of tags for the things to choose from, and a signature is not one of them.
fn all_tags(repository: &Repository, rows: &Rows) -> Result<BTreeSet<String>, Defect> {
    let prefix = rows::release_prefix(repository);
    let mut versions = BTreeMap::new();
    for (key, row) in rows.with_prefix(&prefix) {
        let version = key.as_str().strip_prefix(&prefix).unwrap_or_default();
        let release: Release = decode_row(key, &row.bytes)?;
        versions.insert(version.to_owned(), matches!(found(release), Sought::Found(root) if !root.has_subject()));
    }
    let mut tags: BTreeSet<String> = BTreeSet::new();
    let prefix = rows::channel_prefix(repository);
    for (key, row) in rows.with_prefix(&prefix) {
        let channel = key.as_str().strip_prefix(&prefix).unwrap_or_default();
        let tag: Tag = decode_row(key, &row.bytes)?;
        // A version of that name stands before it, whatever its standing.
        if is_tag(channel) && !versions.contains_key(channel) && versions.get(tag.version.as_str()) == Some(&true) {
            tags.insert(channel.to_owned());
        }
    }
    tags.extend(versions.into_iter().filter_map(|(version, is_shown)| is_shown.then_some(version)));
    Ok(tags)
}

/// The first rows of a page of referrers: the range itself, after what the page before ended with. A scan ends at some
/// megabytes (`MAX_SCAN_BYTES`), not far behind what a page shows of it.
fn referrers_from(asked: &Asked, repository: &Repository, subject: &Digest) -> Result<Plan, Defect> {
    let prefix = rows::subject_prefix(repository, subject)?;
    let after = match &asked.last {
        None => None,
        Some(last) => match RowKey::new(format!("{prefix}{last}")) {
            Ok(key) => Some(key),
            Err(_) => return Ok(Plan::Nothing),
        },
    };
    Ok(Plan::Scan { prefix, after, limit: MAX_SCAN })
}

/// What is shown of the rows that were read: by digest, each once, without what is yanked and what was not asked for.
fn shown_referrers(asked: &Asked, prefix: &RowKey, rows: &Rows) -> Result<BTreeMap<String, String>, Defect> {
    let wanted = asked.artifact_type.as_deref();
    let mut all = BTreeMap::new();
    for (key, row) in rows.with_prefix(prefix.as_str()) {
        let row: ReferrerRow = decode_row(key, &row.bytes)?;
        let rest = key.as_str().strip_prefix(prefix.as_str()).unwrap_or_default();
        let digest = rest.split('/').next().unwrap_or_default();
        if !row.yanked && wanted.is_none_or(|wanted| row.artifact_type.as_deref() == Some(wanted)) {
            all.insert(digest.to_owned(), row.descriptor);
        }
    }
    Ok(all)
}

fn referrers(asked: &Asked, repository: &Repository, subject: &Digest, reads: &Reads) -> Result<Response, Defect> {
    let Some(end) = &reads.last_scan else { return Ok(bad_page()) };
    let prefix = rows::subject_prefix(repository, subject)?;
    let mut body = format!("{{\"schemaVersion\":2,\"mediaType\":\"{OCI_INDEX}\",\"manifests\":[");
    let mut last = None;
    let mut is_cut = false;
    for (count, (digest, descriptor)) in shown_referrers(asked, &prefix, &reads.rows)?.into_iter().enumerate() {
        if count == PAGE || (count > 0 && body.len() + descriptor.len() > REFERRERS_PAGE_BYTES) {
            is_cut = true;
            break;
        }
        if count > 0 {
            body.push(',');
        }
        body.push_str(&descriptor);
        last = Some(digest);
    }
    body.push_str("]}");
    let filter = asked.artifact_type.as_deref();
    let mut response = Response { media_type: OCI_INDEX.into(), ..Response::json(body.into_bytes()) };
    if filter.is_some() {
        response.headers.push(("oci-filters-applied", "artifactType".to_owned()));
    }
    let from = match last {
        // The rest of what this digest's versions say is said already.
        Some(digest) if is_cut => Some(format!("{digest}/{PAST_VERSIONS}")),
        _ if end.more => end.last.as_ref().and_then(|key| key.as_str().strip_prefix(prefix.as_str())).map(str::to_owned),
        _ => None,
    };
    if let Some(from) = from {
        let mut pairs = vec![("last", from.as_str())];
        pairs.extend(filter.map(|filter| ("artifactType", filter)));
        response.headers.push(next(&format!("{repository}/referrers/{subject}"), &pairs));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_view::{Body, Method};
    use serde_json::{Value, json};

    #[test]
    fn what_the_shell_refuses_has_the_shape_of_the_specification() {
        for (status, code) in [(400, "UNSUPPORTED"), (404, "BLOB_UNKNOWN"), (413, "UNSUPPORTED"), (500, "UNKNOWN"), (503, "UNAVAILABLE")] {
            let response = refuse(&Refused { status, code: "a_code", message: "what and why", help: "what to do" });
            let Body::Bytes(bytes) = &response.body else { panic!("{response:?}") };
            let expected = json!({"errors": [{"code": code, "message": "what and why: what to do"}]});
            assert_eq!((response.status, serde_json::from_slice::<Value>(bytes).unwrap()), (status, expected));
            assert_eq!(response.headers, [(API_VERSION.0, API_VERSION.1.to_owned())]);
        }
    }

    #[test]
    fn pages_depend_on_where_they_begin_and_nothing_on_a_body() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for (path, query) in [
            ("acme.example/app/tags/list".to_owned(), &["n", "last", "ns"][..]),
            ("_catalog".to_owned(), &["n", "last", "ns"]),
            (format!("acme.example/app/referrers/{digest}"), &["artifactType", "last", "ns"]),
            (format!("acme.example/app/blobs/{digest}"), &["ns"]),
        ] {
            assert_eq!(takes(&Request::get(routes::MOUNT, &path)), Takes::query(query), "{path}");
        }
        for path in ["acme.example/app/blobs/uploads/", "token"] {
            assert!(!takes(&Request { method: Method::Post, ..Request::get(routes::MOUNT, path) }).body);
        }
    }
}
