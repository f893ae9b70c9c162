//! The two halves of an answer: which rows it needs, and what they make (spec/projections/maven.md §6).

use crate::metadata;
use crate::name::Coordinates;
use crate::routes::{self, Thing};
use crate::rows::{self, Content, Files, Snapshot, StoredFile};
use crate::version::PackageVersion;
use deedbox_model::{Algorithm, Channel, Defect, Hasher, RowKey, Rows};
use deedbox_view::projection::{MAX_ROUNDS, MAX_SCAN};
use deedbox_view::{Body, Cache, Plan, Reads, Request, Response, Step};

const TEXT: &str = "text/plain; charset=utf-8";
const XML: &str = "text/xml";

/// What to read first. Whatever an answer shows rewrites one of these: the head of its package, of its group, of all
/// domains; the files of a version never change.
pub(crate) fn plan(request: &Request) -> Result<Plan, Defect> {
    Ok(Plan::Get(match routes::route(request).thing {
        Thing::Prefixes => vec![rows::domains_key()?],
        Thing::Folder { group, package } => {
            let group = group.as_deref().map(rows::group_key);
            group.into_iter().chain(package.as_ref().map(rows::head_key)).collect::<Result<_, _>>()?
        }
        Thing::Snapshot(package, base) | Thing::Latest(package, base, _) => {
            vec![rows::head_key(&package)?, rows::snapshot_key(&package, &base)?]
        }
        Thing::File(package, version, _) => vec![rows::files_key(&package, &version)?],
        Thing::Root | Thing::Nothing | Thing::Write => return Ok(Plan::Nothing),
    }))
}

/// Whether more must be read.
pub(crate) fn step(request: &Request, reads: &Reads) -> Result<Step, Defect> {
    match next(request, reads)? {
        Some(plan) if reads.rounds < MAX_ROUNDS => Ok(Step::Read(plan)),
        _ => Ok(Step::Ready),
    }
}

/// What is still missing, however many rounds it took so far.
fn next(request: &Request, reads: &Reads) -> Result<Option<Plan>, Defect> {
    let rows = &reads.rows;
    let scan = |prefix: String, after: Option<RowKey>| -> Result<Option<Plan>, Defect> {
        Ok(Some(Plan::Scan { prefix: RowKey::new(prefix)?, after, limit: MAX_SCAN }))
    };
    match routes::route(request).thing {
        Thing::Prefixes => match &reads.last_scan {
            None if rows.get(&rows::domains_key()?)?.is_some() => scan(rows::DOMAINS.to_owned(), None),
            Some(end) if end.more => scan(rows::DOMAINS.to_owned(), end.last.clone()),
            _ => Ok(None),
        },
        Thing::Folder { group, package } => {
            // Plugins first: where a group has a head, it has a plugin, so the last key tells which scan this was.
            let plugins = group.as_deref().map(rows::plugins_prefix);
            let has_plugins = match &group {
                Some(group) => rows.get(&rows::group_key(group)?)?.is_some(),
                None => false,
            };
            let versions = match &package {
                Some(package) if rows.get(&rows::head_key(package)?)?.is_some() => Some(rows::listing_prefix(package)),
                _ => None,
            };
            match &reads.last_scan {
                None => plugins.filter(|_| has_plugins).or(versions).map_or(Ok(None), |prefix| scan(prefix, None)),
                Some(end) => {
                    let in_plugins = plugins.filter(|prefix| end.last.as_ref().is_some_and(|last| last.as_str().starts_with(prefix)));
                    match (in_plugins, end.more) {
                        (Some(plugins), true) => scan(plugins, end.last.clone()),
                        (Some(_), false) => versions.map_or(Ok(None), |prefix| scan(prefix, None)),
                        (None, true) => versions.map_or(Ok(None), |prefix| scan(prefix, end.last.clone())),
                        (None, false) => Ok(None),
                    }
                }
            }
        }
        Thing::Snapshot(package, base) | Thing::Latest(package, base, _) => {
            let Some((_, version)) = pointed(&package, &base, rows)? else { return Ok(None) };
            let key = rows::files_key(&package, &version)?;
            Ok(rows.get(&key).is_err().then(|| Plan::Get(vec![key])))
        }
        Thing::File(..) | Thing::Root | Thing::Nothing | Thing::Write => Ok(None),
    }
}

/// The answer.
pub(crate) fn render(request: &Request, reads: &Reads) -> Result<Response, Defect> {
    let rows = &reads.rows;
    let route = routes::route(request);
    // A list that was cut short would look like a whole one. If the plan is refused, its key is not valid, and there is nothing at this address.
    if plan(request).is_err() {
        return Ok(missing(request));
    }
    if next(request, reads)?.is_some() {
        return Ok(refusal(422, "There is more here than one answer may read (95,000 rows, or 76 MiB of them). Ask for one version"));
    }
    let response = match route.thing {
        Thing::Root => Some(document(TEXT, b"A Maven repository of Deedbox: point Maven or Gradle here\n".to_vec())),
        Thing::Prefixes => rows.get(&rows::domains_key()?)?.map(|_| document(TEXT, metadata::prefixes(rows))),
        Thing::Folder { group, package } => {
            metadata::of_folder(group.as_deref(), package.as_ref(), rows)?.map(|bytes| document(XML, bytes))
        }
        Thing::Snapshot(package, base) => match pointed(&package, &base, rows)? {
            None => None,
            Some((snapshot, version)) => {
                let files = rows.decoded::<Files>(&rows::files_key(&package, &version)?)?;
                files.and_then(|files| metadata::of_snapshot(&package, &base, &snapshot, &files)).map(|bytes| document(XML, bytes))
            }
        },
        Thing::File(package, version, tail) => return file(request, &package, &version, &tail, route.checksum, Cache::Immutable, rows),
        Thing::Latest(package, base, tail) => match pointed(&package, &base, rows)? {
            None => None,
            Some((_, version)) => return file(request, &package, &version, &tail, route.checksum, Cache::Revalidate, rows),
        },
        Thing::Nothing => None,
        Thing::Write => {
            let words = "This registry takes releases only as signed statements, not from Maven. Nothing was changed. Run: deedbox publish";
            return Ok(Response { headers: vec![("allow", "GET, HEAD".to_owned())], ..refusal(405, words) });
        }
    };
    Ok(match (response, route.checksum) {
        (None, _) => missing(request),
        (Some(response), None) => response,
        (Some(Response { body: Body::Bytes(bytes), cache, .. }), Some(algorithm)) => {
            let (_, digests) = Hasher::of(&bytes);
            Response { cache, ..document(TEXT, hex(&algorithm.pick(&digests)).into_bytes()) }
        }
        (Some(_), Some(_)) => missing(request),
    })
}

/// Where a snapshot points, if that may be chosen.
fn pointed(package: &Coordinates, base: &Channel, rows: &Rows) -> Result<Option<(Snapshot, PackageVersion)>, Defect> {
    let snapshot: Option<Snapshot> = rows.decoded(&rows::snapshot_key(package, base)?)?;
    let Some(snapshot) = snapshot.filter(|snapshot| snapshot.listed) else { return Ok(None) };
    Ok(PackageVersion::parse(snapshot.version.as_str()).ok().map(|version| (snapshot, version)))
}

fn file(
    request: &Request,
    package: &Coordinates,
    version: &PackageVersion,
    tail: &str,
    checksum: Option<Algorithm>,
    cache: Cache,
    rows: &Rows,
) -> Result<Response, Defect> {
    let stored = rows.decoded::<Files>(&rows::files_key(package, version)?)?;
    Ok(match stored.map(|stored| stored.content) {
        None => missing(request),
        Some(Content::Present(files)) => match files.into_iter().find(|file| file.tail == tail) {
            None => missing(request),
            Some(file) => match checksum {
                Some(algorithm) => Response { cache, ..document(TEXT, digest(&file, algorithm).into_bytes()) },
                None => {
                    let sums = [
                        ("x-checksum-md5", Algorithm::Md5),
                        ("x-checksum-sha1", Algorithm::Sha1),
                        ("x-checksum-sha256", Algorithm::Sha256),
                        ("x-checksum-sha512", Algorithm::Sha512),
                    ];
                    let headers = sums.map(|(name, algorithm)| (name, digest(&file, algorithm))).into();
                    Response { cache, headers, ..Response::object(file.media_type, file.object) }
                }
            },
        },
        Some(Content::Withheld) => {
            refusal(451, &format!("{package}:{version} is withheld by an event of the log; its digest stays, its bytes are not served"))
        }
        Some(Content::Unreadable) => refusal(404, &format!("Not found: the manifest of {package}:{version} in the log cannot be read")),
    })
}

fn digest(file: &StoredFile, algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::Md5 => file.md5.to_hex(),
        Algorithm::Sha1 => file.sha1.to_hex(),
        Algorithm::Sha512 => file.sha512.to_hex(),
        Algorithm::Sha256 | Algorithm::Blake3 => file.object.sha256.to_hex(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn document(media_type: &'static str, bytes: Vec<u8>) -> Response {
    Response { media_type: media_type.into(), ..Response::json(bytes) }
}

pub(crate) fn refusal(status: u16, words: &str) -> Response {
    Response::refusal(status, TEXT, format!("{words}\n").into_bytes())
}

fn missing(request: &Request) -> Response {
    let shown: String = request.path.chars().filter(|c| !c.is_control()).take(200).collect();
    refusal(404, &format!("Not found: nothing is at {shown:?} here"))
}
