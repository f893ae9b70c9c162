//! A question of npm's, and the two halves of its answer: which rows it needs, and what they make (spec/projections/npm.md §6).

use crate::advisories;
use crate::inspect::{MEDIA_TYPE, tarball_name};
use crate::listing::Listing;
use crate::name::PackageName;
use crate::packument::{self, Form, error_json};
use crate::routes::{self, Route};
use crate::rows::{self, Content, Head, Release, Tag};
use crate::search;
use crate::signature;
use crate::version::PackageVersion;
use deedbox_model::{Channel, Defect, RowKey, Rows, said};
use deedbox_view::question::{MAX_ROUNDS, MAX_SCAN, MAX_SCAN_BYTES};
use deedbox_view::{Plan, Question, Reads, Request, Resource, Response, Site, Step};

const JSON: &str = "application/json";
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// What is asked.
pub(crate) struct Asked {
    route: Route,
    /// Of a packument.
    form: Form,
}

impl Asked {
    /// By this request.
    pub(crate) fn of(request: &Request) -> Self {
        Asked { route: routes::route(request), form: packument::form_for(&request.accept) }
    }
}

impl Question for Asked {
    fn resource(&self) -> Option<Resource> {
        Some(match &self.route {
            Route::Packument(name) | Route::Tags(name) | Route::Version(name, _) | Route::Tarball(name, _) => {
                name.id().map_or(Resource::Registry, Resource::Package)
            }
            Route::Search(_) => Resource::Registry,
            Route::Root
            | Route::Ping
            | Route::Whoami
            | Route::Keys
            | Route::Attestations
            | Route::Audit
            | Route::Nothing(_)
            | Route::Write(_) => Resource::Nothing,
        })
    }
    fn plan(&self) -> Plan {
        // A key made of checked names is always one; what could not be a key is answered without rows.
        plan(&self.route).unwrap_or(Plan::Nothing)
    }
    fn step(&self, reads: &Reads) -> Result<Step, Defect> {
        step(&self.route, reads)
    }
    fn render(&self, reads: &Reads, site: &Site) -> Result<Response, Defect> {
        render(self, reads, site)
    }
}

/// What to read first. Everything about a package rewrites its head, every search row rewrites the search head; so
/// these rows tell whether an answer still holds.
fn plan(route: &Route) -> Result<Plan, Defect> {
    Ok(match route {
        Route::Packument(name) | Route::Tags(name) => Plan::Get(vec![rows::head_key(name)?]),
        Route::Version(name, asked) => {
            let mut keys = vec![rows::head_key(name)?];
            if let Ok(version) = PackageVersion::parse(asked) {
                keys.push(rows::release_key(name, version.native())?);
            }
            if let Ok(channel) = Channel::parse(asked) {
                keys.push(rows::tag_key(name, &channel)?);
            }
            Plan::Get(keys)
        }
        Route::Tarball(name, file) => match version_in(name, file) {
            Some(version) => Plan::Get(vec![rows::release_key(name, version.native())?]),
            None => Plan::Nothing,
        },
        Route::Search(_) => Plan::Get(vec![rows::search_head_key()?]),
        Route::Root
        | Route::Ping
        | Route::Whoami
        | Route::Keys
        | Route::Attestations
        | Route::Audit
        | Route::Nothing(_)
        | Route::Write(_) => Plan::Nothing,
    })
}

/// Whether more must be read.
fn step(route: &Route, reads: &Reads) -> Result<Step, Defect> {
    match route {
        Route::Packument(name) | Route::Tags(name) => all_of(name, reads),
        Route::Version(name, asked) => match find_version(name, asked, &reads.rows)? {
            Sought::Read(key) => Ok(Step::Read(Plan::Get(vec![key]))),
            Sought::ReadAll => all_of(name, reads),
            Sought::Found(..) | Sought::Missing => Ok(Step::Ready),
        },
        Route::Search(_) => match reads.rows.get(&rows::search_head_key()?)? {
            None => Ok(Step::Ready),
            Some(_) => scan_on(RowKey::new(rows::SEARCH_PREFIX)?, reads),
        },
        _ => Ok(Step::Ready),
    }
}

/// All rows of a package that exists.
fn all_of(name: &PackageName, reads: &Reads) -> Result<Step, Defect> {
    match reads.rows.get(&rows::head_key(name)?)? {
        None => Ok(Step::Ready),
        Some(_) => scan_on(rows::package_prefix(name)?, reads),
    }
}

fn scan_on(prefix: RowKey, reads: &Reads) -> Result<Step, Defect> {
    match &reads.last_scan {
        Some(end) if !end.more || reads.rounds >= MAX_ROUNDS => Ok(Step::Ready),
        end => {
            let after = end.as_ref().and_then(|end| end.last.clone());
            Ok(Step::Read(Plan::Scan { prefix, after, limit: MAX_SCAN }))
        }
    }
}

/// The answer.
fn render(asked: &Asked, reads: &Reads, site: &Site) -> Result<Response, Defect> {
    // A list that was cut short would look like a whole one. Not a 5xx: clients would ask again and again.
    if reads.last_scan.as_ref().is_some_and(|end| end.more) {
        return Ok(refusal(
            422,
            said!(
                "There is more here than one answer may read ({} rows, or {} MiB of them). Ask for one version or one name",
                (MAX_ROUNDS - 1) * MAX_SCAN,
                ((MAX_ROUNDS as u64 - 1) * MAX_SCAN_BYTES) >> 20
            ),
        ));
    }
    let rows = &reads.rows;
    Ok(match &asked.route {
        Route::Root => Response::json(b"{\"registry\":\"deedbox\"}".to_vec()),
        Route::Ping => Response::json(b"{}".to_vec()),
        Route::Packument(name) => {
            let response = match Listing::read(name, rows)? {
                None => unknown(name),
                Some(listing) => {
                    let response = Response::json(packument::render(name, &listing, asked.form, site));
                    let media_type = if asked.form == Form::Abbreviated { ABBREVIATED } else { JSON };
                    Response { media_type: media_type.into(), ..response }
                }
            };
            Response { varies_by_accept: true, ..response }
        }
        Route::Tags(name) => match Listing::read(name, rows)? {
            None => unknown(name),
            Some(listing) => {
                let mut out = String::new();
                packument::put_tags(&mut out, &listing);
                Response::json(out.into_bytes())
            }
        },
        Route::Version(name, asked) => version(name, asked, rows, site)?,
        Route::Tarball(name, file) => tarball(name, file, rows)?,
        Route::Search(query) => Response::json(search::render(query, rows)?),
        Route::Keys => Response::json(signature::keys_json(site.signers.get(crate::PROJECTION.name).map(AsRef::as_ref))),
        Route::Attestations => refusal(404, "Not found: this version has no attestations in the log"),
        Route::Whoami => refusal(
            404,
            "Not found: this registry has no accounts: nobody is logged in. People publish with the key of their domain, with deedbox publish",
        ),
        Route::Audit => refusal(advisories::STATUS, advisories::WORDS),
        Route::Nothing(words) => refusal(404, words),
        Route::Write(words) => Response { headers: vec![("allow", "GET, HEAD".to_owned())], ..refusal(405, words) },
    })
}

pub(crate) fn refusal(status: u16, words: &str) -> Response {
    Response::refusal(status, JSON, error_json(words))
}

fn unknown(name: &PackageName) -> Response {
    refusal(404, &format!("Not found: {name} has no release in this registry"))
}

/// What a version or tag leads to, as far as it was read.
enum Sought {
    Found(PackageVersion, Box<Release>),
    Missing,
    Read(RowKey),
    ReadAll,
}

/// A version first, then a channel; `latest` means something even where its channel is not set to a listed version.
fn find_version(name: &PackageName, asked: &str, rows: &Rows) -> Result<Sought, Defect> {
    if rows.get(&rows::head_key(name)?)?.is_none() {
        return Ok(Sought::Missing);
    }
    if let Ok(version) = PackageVersion::parse(asked)
        && let Some(release) = rows.decoded::<Release>(&rows::release_key(name, version.native())?)?
        && (release.version == *version.neutral() || version.native() == asked)
    {
        return found(release);
    }
    let Ok(channel) = Channel::parse(asked) else { return Ok(Sought::Missing) };
    if let Some(tag) = rows.decoded::<Tag>(&rows::tag_key(name, &channel)?)?
        && let Ok(version) = PackageVersion::parse(tag.version.as_str())
    {
        let key = rows::release_key(name, version.native())?;
        if rows.get(&key).is_err() {
            return Ok(Sought::Read(key));
        }
        if let Some(release) = rows.decoded::<Release>(&key)?
            && release.version == tag.version
            && release.yanked.is_none()
            && matches!(release.content, Content::Present(_))
        {
            return found(release);
        }
    }
    Ok(if asked == "latest" { Sought::ReadAll } else { Sought::Missing })
}

fn found(release: Release) -> Result<Sought, Defect> {
    let version = PackageVersion::parse(release.version.as_str());
    let version = version.map_err(|e| Defect::Damaged { key: release.version.to_string(), why: e.to_string() })?;
    Ok(Sought::Found(version, Box::new(release)))
}

fn version(name: &PackageName, asked: &str, rows: &Rows, site: &Site) -> Result<Response, Defect> {
    let missing = || refusal(404, &format!("Not found: {name} has no version or tag {:?}", asked.chars().take(80).collect::<String>()));
    match find_version(name, asked, rows)? {
        Sought::Found(version, release) => {
            let Release { content, deprecated, .. } = *release;
            Ok(match content {
                Content::Present(document) => {
                    Response::json(packument::version_document(name, version.native(), deprecated.as_deref(), &document, site))
                }
                content => gone(name, &version, &content),
            })
        }
        Sought::ReadAll => {
            let listing = Listing::read(name, rows)?;
            Ok(match listing.as_ref().and_then(Listing::latest) {
                Some(latest) => {
                    let native = latest.version.native();
                    Response::json(packument::version_document(name, native, latest.deprecated.as_deref(), &latest.document, site))
                }
                None => missing(),
            })
        }
        Sought::Read(key) => Err(Defect::Unread(key.to_string())),
        Sought::Missing => match rows.decoded::<Head>(&rows::head_key(name)?)? {
            None => Ok(unknown(name)),
            Some(_) => Ok(missing()),
        },
    }
}

/// The version that a tarball's file name stands for: `N-V.tgz`, nothing else.
fn version_in(name: &PackageName, file: &str) -> Option<PackageVersion> {
    let version = file.strip_prefix(name.segment())?.strip_prefix('-')?.strip_suffix(".tgz")?;
    PackageVersion::parse(version).ok().filter(|v| tarball_name(name.segment(), v.native()) == file)
}

fn tarball(name: &PackageName, file: &str, rows: &Rows) -> Result<Response, Defect> {
    let shown: String = file.chars().take(200).collect();
    let missing = || refusal(404, &format!("Not found: {name} has no file {shown:?}"));
    let Some(version) = version_in(name, file) else { return Ok(missing()) };
    Ok(match rows.decoded::<Release>(&rows::release_key(name, version.native())?)? {
        None => missing(),
        Some(Release { content: Content::Present(document), .. }) => Response::object(MEDIA_TYPE, document.tarball),
        Some(Release { content, .. }) => gone(name, &version, &content),
    })
}

/// A release whose manifest cannot be read, in words.
fn gone(name: &PackageName, version: &PackageVersion, content: &Content) -> Response {
    match content {
        Content::Unreadable => refusal(
            404,
            &format!(
                "Not found: the manifest of {name}@{} in the log cannot be read. Run: deedbox log npm:{}",
                version.native(),
                name.path()
            ),
        ),
        _ => refusal(
            451,
            &format!("{name}@{} is withheld by an event of the log; its digest stays, its bytes are not served", version.native()),
        ),
    }
}
