//! A question of RubyGems', and the two halves of its answer: which rows it needs, and what they make (spec/projections/gem.md §6).

use crate::api;
use crate::file;
use crate::index;
use crate::inspect::MEDIA_TYPE;
use crate::limits::{API_ROWS_BYTES, SCAN_ROWS, VERSIONS_PIECES};
use crate::marshal;
use crate::name::GemName;
use crate::routes::{self, Route};
use crate::rows::{self, Content, File, Found, InfoPiece, Release, Source, VersionsPiece};
use crate::specs;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use deedbox_model::row::decode_row;
use deedbox_model::{Defect, Domain, RowKey, Rows, Sha256Digest};
use deedbox_view::question::MAX_ROUNDS;
use deedbox_view::{Plan, Question, Reads, Request, Resource, Response, Site, Step};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::io::Write as _;

const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";
const TOO_MUCH: &str = "There is more here than one answer may read. Ask for one gem or one version";
const TOO_MANY_RELEASES: &str =
    "The versions of this gem say more than one JSON answer may hold. Ask for its /info, or for the specification of one version";

/// What is asked.
pub(crate) struct Asked {
    route: Route,
}

impl Asked {
    /// By this request.
    pub(crate) fn of(request: &Request) -> Self {
        Asked { route: routes::route(request) }
    }
}

impl Question for Asked {
    fn resource(&self) -> Option<Resource> {
        match &self.route {
            Route::Versions(domain) | Route::Names(domain) | Route::Specs(domain, _) | Route::Search(domain, _) => {
                Some(Resource::Domain(domain.clone()))
            }
            Route::Info(name) | Route::ApiVersions(name) | Route::ApiGem(name) => Some(resource(name)),
            // A file name may be read in more than one way: the rows say whose it is.
            Route::Quick(..) | Route::File(..) => None,
            Route::Root | Route::Nothing(_) | Route::Write(_) => Some(Resource::Nothing),
        }
    }
    fn resources(&self, reads: &Reads) -> Result<Vec<Resource>, Defect> {
        match &self.route {
            Route::Quick(domain, file) | Route::File(domain, file) => holders(domain, file, &reads.rows),
            _ => Ok(self.resource().into_iter().collect()),
        }
    }
    fn plan(&self) -> Plan {
        // A key made of checked names is always one; what could not be a key is answered without rows.
        plan(&self.route).unwrap_or(Plan::Nothing)
    }
    fn step(&self, reads: &Reads) -> Result<Step, Defect> {
        step(&self.route, reads)
    }
    fn render(&self, reads: &Reads, site: &Site) -> Result<Response, Defect> {
        render(&self.route, reads, site)
    }
}

/// What to read first. Every event about a gem rewrites its head, and its source's.
fn plan(route: &Route) -> Result<Plan, Defect> {
    Ok(match route {
        Route::Versions(domain) | Route::Names(domain) | Route::Specs(domain, _) | Route::Search(domain, _) => {
            Plan::Get(vec![rows::source_key(domain)?])
        }
        Route::Info(name) | Route::ApiVersions(name) | Route::ApiGem(name) => Plan::Get(vec![rows::head_key(name)?]),
        Route::Quick(domain, file) | Route::File(domain, file) => match keys_of(domain, file)? {
            keys if keys.is_empty() => Plan::Nothing,
            keys => Plan::Get(keys),
        },
        Route::Root | Route::Nothing(_) | Route::Write(_) => Plan::Nothing,
    })
}

/// The releases that a file name may be of.
fn keys_of(domain: &Domain, file: &str) -> Result<Vec<RowKey>, Defect> {
    Ok(readings(domain, file)?.into_iter().map(|(_, key)| key).collect())
}

fn readings(domain: &Domain, file: &str) -> Result<Vec<(GemName, RowKey)>, Defect> {
    let names = file::readings(file).filter_map(|reading| Some((GemName::new(domain, reading.name).ok()?, reading.version)));
    names.map(|(name, version)| rows::release_key(&name, version.as_str()).map(|key| (name, key))).collect()
}

/// The gems that have a release which a file name may be of.
fn holders(domain: &Domain, file: &str, rows: &Rows) -> Result<Vec<Resource>, Defect> {
    let mut holders = Vec::new();
    for (name, key) in readings(domain, file)? {
        if rows.get(&key)?.is_some() {
            holders.push(resource(&name));
        }
    }
    Ok(holders)
}

fn resource(name: &GemName) -> Resource {
    name.id().map_or(Resource::Registry, Resource::Package)
}

/// Whether more must be read.
fn step(route: &Route, reads: &Reads) -> Result<Step, Defect> {
    let (head, prefix) = match route {
        Route::Versions(domain) | Route::Specs(domain, _) => {
            let key = rows::source_key(domain)?;
            if reads.rows.decoded::<Source>(&key)?.is_some_and(|source| source.versions.pieces > VERSIONS_PIECES) {
                return Ok(Step::Ready);
            }
            (key, rows::versions_prefix(domain)?)
        }
        Route::Names(domain) | Route::Search(domain, _) => (rows::source_key(domain)?, rows::found_prefix(domain)?),
        Route::Info(name) => (rows::head_key(name)?, rows::info_prefix(name)?),
        Route::ApiVersions(name) | Route::ApiGem(name) => (rows::head_key(name)?, rows::release_prefix(name)?),
        _ => return Ok(Step::Ready),
    };
    if reads.rows.get(&head)?.is_none() {
        return Ok(Step::Ready);
    }
    Ok(match &reads.last_scan {
        Some(end) if !end.more || reads.rounds >= MAX_ROUNDS || is_too_much(route, reads) => Step::Ready,
        end => {
            let after = end.as_ref().and_then(|end| end.last.clone());
            Step::Read(Plan::Scan { prefix, after, limit: SCAN_ROWS })
        }
    })
}

/// Whether the releases that were read are more than one answer makes JSON of.
fn is_too_much(route: &Route, reads: &Reads) -> bool {
    let is_json = matches!(route, Route::ApiVersions(_) | Route::ApiGem(_));
    is_json && reads.rows.iter().map(|(_, row)| row.bytes.len()).sum::<usize>() > API_ROWS_BYTES
}

/// The answer.
fn render(route: &Route, reads: &Reads, site: &Site) -> Result<Response, Defect> {
    // A list that was cut short would look like a whole one. Not a 5xx: clients would ask again and again.
    if reads.last_scan.as_ref().is_some_and(|end| end.more) {
        return Ok(refusal(422, if is_too_much(route, reads) { TOO_MANY_RELEASES } else { TOO_MUCH }));
    }
    let rows = &reads.rows;
    Ok(match route {
        Route::Root => text("This is a source of gems.\n".to_owned()),
        Route::Versions(domain) => match source(domain, rows)? {
            None => empty(domain),
            Some(source) if source.versions.pieces > VERSIONS_PIECES => refusal(422, TOO_MUCH),
            Some(source) => indexed(index::versions_head(source.created) + &versions(domain, rows)?),
        },
        Route::Names(domain) => match source(domain, rows)? {
            None => empty(domain),
            Some(_) => {
                let names = found(domain, rows)?.into_iter().map(|(name, _)| format!("{}\n", name.name()));
                indexed(index::HEAD.to_owned() + &names.collect::<String>())
            }
        },
        Route::Info(name) => match rows.get(&rows::head_key(name)?)? {
            None => unknown(name),
            Some(_) => indexed(index::HEAD.to_owned() + &info(name, rows)?),
        },
        Route::Specs(domain, kind) => match source(domain, rows)? {
            None => empty(domain),
            Some(source) if source.versions.pieces > VERSIONS_PIECES => refusal(422, TOO_MUCH),
            Some(source) => {
                let packed = gzip(&specs::render(&versions(domain, rows)?, *kind));
                let modified = ("last-modified", source.modified.to_http_date());
                Response { media_type: "application/gzip".into(), headers: vec![modified], ..Response::json(packed) }
            }
        },
        Route::Quick(domain, name) => match sought(domain, name, rows)? {
            Sought::File(file, release) => {
                let specification = marshal::specification(&file.spec, release.published.utc());
                Response { media_type: BINARY.into(), ..Response::json(deflate(&specification)) }
            }
            Sought::Gone(refusal) => refusal,
        },
        Route::File(domain, name) => match sought(domain, name, rows)? {
            Sought::File(file, _) => Response::object(MEDIA_TYPE, file.object),
            Sought::Gone(refusal) => refusal,
        },
        Route::ApiVersions(name) => match releases(name, rows)? {
            releases if releases.is_empty() => unknown(name),
            releases => Response::json(api::versions(&releases)?),
        },
        Route::ApiGem(name) => match api::gem(name, &releases(name, rows)?, site)? {
            None => unknown(name),
            Some(json) => Response::json(json),
        },
        Route::Search(domain, wanted) => Response::json(api::search(wanted, &found(domain, rows)?, site)?),
        Route::Nothing(words) => refusal(404, words),
        Route::Write(words) => Response { headers: vec![("allow", "GET, HEAD".to_owned())], ..refusal(405, words) },
    })
}

/// What gem and Bundler print is the body.
pub(crate) fn refusal(status: u16, words: &str) -> Response {
    Response::refusal(status, TEXT, format!("{words}\n").into_bytes())
}

fn text(body: String) -> Response {
    Response { media_type: TEXT.into(), ..Response::json(body.into_bytes()) }
}

/// A part of the compact index: its tag is the MD5 that Bundler up to 2.4 compares, its digest what newer ones do.
fn indexed(body: String) -> Response {
    let tag = index::md5_hex(body.as_bytes());
    let sha256 = BASE64.encode(Sha256Digest::of(body.as_bytes()).as_bytes());
    let headers = vec![("repr-digest", format!("sha-256=:{sha256}:")), ("digest", format!("sha-256={sha256}"))];
    Response { tag: Some(tag), headers, ..text(body) }
}

fn empty(domain: &Domain) -> Response {
    refusal(404, &format!("Not found: {domain} has no gem in this registry"))
}

fn unknown(name: &GemName) -> Response {
    refusal(404, &format!("Not found: {} has no gem {:?} in this registry", name.domain(), name.name()))
}

fn source(domain: &Domain, rows: &Rows) -> Result<Option<Source>, Defect> {
    rows.decoded(&rows::source_key(domain)?)
}

fn versions(domain: &Domain, rows: &Rows) -> Result<String, Defect> {
    let prefix = rows::versions_prefix(domain)?;
    let pieces = rows.with_prefix(prefix.as_str()).map(|(key, row)| Ok(decode_row::<VersionsPiece>(key, &row.bytes)?.text));
    pieces.collect()
}

fn info(name: &GemName, rows: &Rows) -> Result<String, Defect> {
    let prefix = rows::info_prefix(name)?;
    let mut text = String::new();
    for (key, row) in rows.with_prefix(prefix.as_str()) {
        let piece: InfoPiece = decode_row(key, &row.bytes)?;
        text.extend(piece.releases.into_iter().filter(|lines| !lines.yanked).map(|lines| lines.text));
    }
    Ok(text)
}

fn found(domain: &Domain, rows: &Rows) -> Result<Vec<(GemName, Found)>, Defect> {
    let prefix = rows::found_prefix(domain)?;
    let all = rows.with_prefix(prefix.as_str()).map(|(key, row)| {
        let name = key.as_str().strip_prefix(prefix.as_str()).unwrap_or_default();
        let name = GemName::new(domain, name).map_err(|e| Defect::Damaged { key: key.to_string(), why: e.to_string() })?;
        Ok((name, decode_row(key, &row.bytes)?))
    });
    all.collect()
}

fn releases(name: &GemName, rows: &Rows) -> Result<Vec<Release>, Defect> {
    let prefix = rows::release_prefix(name)?;
    rows.with_prefix(prefix.as_str()).map(|(key, row)| decode_row(key, &row.bytes)).collect()
}

/// What a file name leads to.
enum Sought {
    File(Box<File>, Box<Release>),
    /// Words for the client.
    Gone(Response),
}

/// A gem by its file name, yanked or not.
fn sought(domain: &Domain, full_name: &str, rows: &Rows) -> Result<Sought, Defect> {
    let shown: String = full_name.chars().take(120).collect();
    let mut gone = None;
    for key in keys_of(domain, full_name)? {
        let Some(release) = rows.decoded::<Release>(&key)? else { continue };
        match &release.content {
            Content::Present(files) => {
                // A platform is asked for as it is written, and as RubyGems shortens it; what is written so is meant first.
                let file_name = format!("{full_name}.gem");
                let exact = files.iter().find(|file| file.spec.full_name() == full_name);
                if let Some(file) = exact.or_else(|| files.iter().find(|file| file.spec.has_file_name(&file_name))) {
                    return Ok(Sought::File(Box::new(file.clone()), Box::new(release)));
                }
            }
            Content::Withheld => {
                let words = format!("{shown} is withheld by an event of the log; its digest stays, its bytes are not served");
                gone = Some(refusal(451, &words));
            }
            Content::Unreadable => {
                let words = format!("Not found: the manifest of {shown} in the log cannot be read. Run: deedbox log");
                gone = gone.or_else(|| Some(refusal(404, &words)));
            }
        }
    }
    Ok(Sought::Gone(gone.unwrap_or_else(|| refusal(404, &format!("Not found: {domain} has no gem {shown:?} in this registry")))))
}

/// zlib (RFC 1950), as `.rz` is.
fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_model::Row;
    use deedbox_view::{Body, ScanEnd};

    #[test]
    fn json_of_more_releases_than_one_answer_may_hold_is_refused_before_they_are_all_read() {
        let name = GemName::new(&Domain::parse("acme.example").unwrap(), "widget").unwrap();
        let site = Site { base_url: "https://registry.example".to_owned(), log_key: String::new(), signers: [].into() };
        let read = |count: usize| {
            let mut reads = Reads { rounds: 2, ..Reads::default() };
            reads.rows.insert(rows::head_key(&name).unwrap(), Some(Row { bytes: vec![0].into(), seq: 0 }));
            let mut last = None;
            for n in 0..count {
                let key = rows::release_key(&name, &format!("1.{n}")).unwrap();
                last = Some(key.clone());
                // A row of the most that a release's metadata may have; what is in it is not looked at.
                reads.rows.insert(key, Some(Row { bytes: vec![0; crate::limits::NATIVE_BYTES].into(), seq: 0 }));
            }
            reads.last_scan = Some(ScanEnd { last, more: true });
            reads
        };
        let most = API_ROWS_BYTES / crate::limits::NATIVE_BYTES;
        for path in ["acme.example/api/v1/versions/widget.json", "acme.example/api/v1/gems/widget.json"] {
            let asked = Asked::of(&Request::get(routes::MOUNT, path));
            assert!(matches!(asked.step(&read(most - 1)).unwrap(), Step::Read(Plan::Scan { after: Some(_), .. })));
            assert_eq!(asked.step(&read(most)).unwrap(), Step::Ready);
            let refused = asked.render(&read(most), &site).unwrap();
            assert_eq!((refused.status, refused.body), (422, Body::Bytes(format!("{TOO_MANY_RELEASES}\n").into_bytes())));
        }
    }
}
