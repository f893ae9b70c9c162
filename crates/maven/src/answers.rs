//! A question of Maven's, and the two halves of its answer: which rows it needs, and what they make (spec/projections/maven.md §6).

use crate::limits::SHOWN_PATH_CHARS;
use crate::metadata;
use crate::name::{Coordinates, domains_of};
use crate::routes::{self, Route, Thing};
use crate::rows::{self, Content, Files, Snapshot, StoredFile};
use crate::version::PackageVersion;
use deedbox_model::{Algorithm, Channel, Defect, Hasher, RowKey, Rows, said};
use deedbox_view::question::{MAX_ROUNDS, MAX_SCAN, MAX_SCAN_BYTES};
use deedbox_view::{Body, Cache, Plan, Question, Reads, Request, Resource, Response, Site, Step};

const TEXT: &str = "text/plain; charset=utf-8";
const XML: &str = "text/xml";

/// What is asked.
pub(crate) struct Asked {
    route: Route,
    /// The path, as a refusal shows it.
    shown: String,
}

impl Asked {
    /// By this request.
    pub(crate) fn of(request: &Request) -> Self {
        let shown = request.path.chars().filter(|c| !c.is_control()).take(SHOWN_PATH_CHARS).collect();
        Asked { route: routes::route(request), shown }
    }

    fn missing(&self) -> Response {
        refusal(404, &format!("Not found: nothing is at {:?} here", self.shown))
    }
}

impl Question for Asked {
    fn resource(&self) -> Option<Resource> {
        match &self.route.thing {
            Thing::Prefixes => Some(Resource::Registry),
            // One coordinate may stand under several domains.
            Thing::Folder { .. } | Thing::Snapshot(..) | Thing::File(..) | Thing::Latest(..) => None,
            Thing::Root | Thing::Nothing | Thing::Write => Some(Resource::Nothing),
        }
    }
    fn resources(&self, _: &Reads) -> Result<Vec<Resource>, Defect> {
        // Whose a coordinate is, these rows do not say: it is told of each package that it may be, and of a group's plugins in the same way.
        let packages = |coordinates: &Coordinates| coordinates.ids().into_iter().map(Resource::Package).collect::<Vec<_>>();
        Ok(match &self.route.thing {
            Thing::Folder { group, package } => {
                let domains = group.iter().flat_map(|group| domains_of(group)).map(Resource::Domain);
                domains.chain(package.iter().flat_map(packages)).collect()
            }
            Thing::Snapshot(package, _) | Thing::File(package, ..) | Thing::Latest(package, ..) => packages(package),
            Thing::Prefixes | Thing::Root | Thing::Nothing | Thing::Write => self.resource().into_iter().collect(),
        })
    }
    fn plan(&self) -> Plan {
        // A key made of checked names is always one; what could not be a key is answered without rows.
        plan(&self.route.thing).unwrap_or(Plan::Nothing)
    }
    fn step(&self, reads: &Reads) -> Result<Step, Defect> {
        match next(&self.route.thing, reads)? {
            Some(plan) if reads.rounds < MAX_ROUNDS => Ok(Step::Read(plan)),
            _ => Ok(Step::Ready),
        }
    }
    fn render(&self, reads: &Reads, _: &Site) -> Result<Response, Defect> {
        render(self, reads)
    }
}

/// What to read first. Whatever an answer shows rewrites one of these: the head of its package, of its group, of all
/// domains; the files of a version never change.
fn plan(thing: &Thing) -> Result<Plan, Defect> {
    Ok(Plan::Get(match thing {
        Thing::Prefixes => vec![rows::domains_key()?],
        Thing::Folder { group, package } => {
            let group = group.as_deref().map(rows::group_key);
            group.into_iter().chain(package.as_ref().map(rows::head_key)).collect::<Result<_, _>>()?
        }
        Thing::Snapshot(package, base) | Thing::Latest(package, base, _) => {
            vec![rows::head_key(package)?, rows::snapshot_key(package, base)?]
        }
        Thing::File(package, version, _) => vec![rows::files_key(package, version)?],
        Thing::Root | Thing::Nothing | Thing::Write => return Ok(Plan::Nothing),
    }))
}

/// What is still missing, however many rounds it took so far.
fn next(thing: &Thing, reads: &Reads) -> Result<Option<Plan>, Defect> {
    let rows = &reads.rows;
    let scan = |prefix: String, after: Option<RowKey>| -> Result<Option<Plan>, Defect> {
        Ok(Some(Plan::Scan { prefix: RowKey::new(prefix)?, after, limit: MAX_SCAN }))
    };
    match thing {
        Thing::Prefixes => match &reads.last_scan {
            None if rows.get(&rows::domains_key()?)?.is_some() => scan(rows::DOMAINS.to_owned(), None),
            Some(end) if end.more => scan(rows::DOMAINS.to_owned(), end.last.clone()),
            _ => Ok(None),
        },
        Thing::Folder { group, package } => {
            // Plugins first: where a group has a head, it has a plugin, so the last key tells which scan this was.
            let plugins = group.as_deref().map(rows::plugins_prefix);
            let has_plugins = match group {
                Some(group) => rows.get(&rows::group_key(group)?)?.is_some(),
                None => false,
            };
            let versions = match package {
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
            let Some((_, version)) = pointed(package, base, rows)? else { return Ok(None) };
            let key = rows::files_key(package, &version)?;
            Ok(rows.get(&key).is_err().then(|| Plan::Get(vec![key])))
        }
        Thing::File(..) | Thing::Root | Thing::Nothing | Thing::Write => Ok(None),
    }
}

/// The answer.
fn render(asked: &Asked, reads: &Reads) -> Result<Response, Defect> {
    let rows = &reads.rows;
    let Route { thing, checksum } = &asked.route;
    // A list that was cut short would look like a whole one. If the plan is refused, its key is not valid, and there is nothing at this address.
    if plan(thing).is_err() {
        return Ok(asked.missing());
    }
    if next(thing, reads)?.is_some() {
        return Ok(refusal(
            422,
            said!(
                "There is more here than one answer may read ({} rows, or {} MiB of them). Ask for one version",
                (MAX_ROUNDS - 1) * MAX_SCAN,
                ((MAX_ROUNDS as u64 - 1) * MAX_SCAN_BYTES) >> 20
            ),
        ));
    }
    let response = match thing {
        Thing::Root => Some(document(TEXT, b"A Maven repository of Deedbox: point Maven or Gradle here\n".to_vec())),
        Thing::Prefixes => rows.get(&rows::domains_key()?)?.map(|_| document(TEXT, metadata::prefixes(rows))),
        Thing::Folder { group, package } => {
            metadata::of_folder(group.as_deref(), package.as_ref(), rows)?.map(|bytes| document(XML, bytes))
        }
        Thing::Snapshot(package, base) => match pointed(package, base, rows)? {
            None => None,
            Some((snapshot, version)) => {
                let files = rows.decoded::<Files>(&rows::files_key(package, &version)?)?;
                files.and_then(|files| metadata::of_snapshot(package, base, &snapshot, &files)).map(|bytes| document(XML, bytes))
            }
        },
        Thing::File(package, version, tail) => return file(asked, package, version, tail, Cache::Immutable, rows),
        Thing::Latest(package, base, tail) => match pointed(package, base, rows)? {
            None => None,
            Some((_, version)) => return file(asked, package, &version, tail, Cache::Revalidate, rows),
        },
        Thing::Nothing => None,
        Thing::Write => {
            let words = "This registry takes releases only as signed statements, not from Maven. Nothing was changed. Run: deedbox publish";
            return Ok(Response { headers: vec![("allow", "GET, HEAD".to_owned())], ..refusal(405, words) });
        }
    };
    Ok(match (response, checksum) {
        (None, _) => asked.missing(),
        (Some(response), None) => response,
        (Some(Response { body: Body::Bytes(bytes), cache, .. }), Some(algorithm)) => {
            let (_, digests) = Hasher::of(&bytes);
            Response { cache, ..document(TEXT, hex(&algorithm.pick(&digests)).into_bytes()) }
        }
        (Some(_), Some(_)) => asked.missing(),
    })
}

/// Where a snapshot points, if that may be chosen.
fn pointed(package: &Coordinates, base: &Channel, rows: &Rows) -> Result<Option<(Snapshot, PackageVersion)>, Defect> {
    let snapshot: Option<Snapshot> = rows.decoded(&rows::snapshot_key(package, base)?)?;
    let Some(snapshot) = snapshot.filter(|snapshot| snapshot.listed) else { return Ok(None) };
    Ok(PackageVersion::parse(snapshot.version.as_str()).ok().map(|version| (snapshot, version)))
}

fn file(asked: &Asked, package: &Coordinates, version: &PackageVersion, tail: &str, cache: Cache, rows: &Rows) -> Result<Response, Defect> {
    let stored = rows.decoded::<Files>(&rows::files_key(package, version)?)?;
    Ok(match stored.map(|stored| stored.content) {
        None => asked.missing(),
        Some(Content::Present(files)) => match files.into_iter().find(|file| file.tail == tail) {
            None => asked.missing(),
            Some(file) => match asked.route.checksum {
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
