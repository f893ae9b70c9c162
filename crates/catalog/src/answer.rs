//! The JSON that is answered (spec/projections/catalog.md §3): its shapes, in the order in which they are written.
//! Digests are lower-case hex; a time is RFC 3339 in UTC, with a number of milliseconds beside it where a program
//! computes with it.

use crate::rows::{About, ArtifactRow, ChannelRow, HistoryRow, NoticeRow, PackageRow, ReleaseRow, Standing, Yanked};
use deedbox_model::{Defect, ObjectRef, ReasonCode};
use deedbox_view::Response;
use serde::Serialize;

/// 200 with this body.
pub(crate) fn json<T: Serialize>(body: &T) -> Result<Response, Defect> {
    serde_json::to_vec(body).map(Response::json).map_err(|e| Defect::Unencodable(e.to_string()))
}

/// What is refused, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    status: u16,
    code: &'static str,
    message: String,
    help: &'static str,
}

impl Refused {
    /// With these words.
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>, help: &'static str) -> Self {
        Refused { status, code, message: message.into(), help }
    }

    /// `{"error": {"code", "message", "help"}}`.
    pub(crate) fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            error: Error<'a>,
        }
        #[derive(Serialize)]
        struct Error<'a> {
            code: &'a str,
            message: &'a str,
            help: &'a str,
        }
        let body = Body { error: Error { code: self.code, message: &self.message, help: self.help } };
        // Texts always have a JSON form.
        let mut response = Response::refusal(self.status, "application/json", serde_json::to_vec(&body).unwrap_or_default());
        if self.status == 405 {
            response.headers.push(("allow", "GET, HEAD".to_owned()));
        }
        response
    }
}

/// A package in a list.
#[derive(Serialize)]
pub(crate) struct Summary<'a> {
    id: &'a str,
    native_name: &'a str,
    description: Option<&'a str>,
    keywords: &'a [String],
    licence: Option<&'a str>,
    releases: u64,
    newest: Newest<'a>,
    changed_at: String,
    changed_ms: u64,
}

#[derive(Serialize)]
struct Newest<'a> {
    version: &'a str,
    index: u64,
    published_at: String,
    published_ms: u64,
}

impl<'a> Summary<'a> {
    pub(crate) fn of(id: &'a str, row: &'a PackageRow) -> Self {
        Summary {
            id,
            native_name: row.native_name.as_str(),
            description: row.about.description.as_deref(),
            keywords: &row.about.keywords,
            licence: row.about.licence.as_deref(),
            releases: row.releases,
            newest: newest(row),
            changed_at: row.changed_at.to_rfc3339(),
            changed_ms: row.changed_at.as_ms(),
        }
    }
}

fn newest(row: &PackageRow) -> Newest<'_> {
    Newest {
        version: row.newest.version.as_str(),
        index: row.newest.index,
        published_at: row.newest.at.to_rfc3339(),
        published_ms: row.newest.at.as_ms(),
    }
}

/// A list of packages.
#[derive(Serialize)]
pub(crate) struct Packages<'a> {
    pub(crate) packages: Vec<Summary<'a>>,
    pub(crate) next: Option<&'a str>,
}

/// One package.
#[derive(Serialize)]
pub(crate) struct Package<'a> {
    id: &'a str,
    ecosystem: &'a str,
    domain: &'a str,
    name: &'a str,
    native_name: &'a str,
    head: String,
    first_at: String,
    first_ms: u64,
    changed_at: String,
    changed_ms: u64,
    releases: u64,
    newest: Newest<'a>,
    #[serde(flatten)]
    about: AboutJson<'a>,
    channels: &'a [Channel<'a>],
    more_channels: bool,
    newest_releases: &'a [ReleaseSummary<'a>],
    more_releases: bool,
}

impl<'a> Package<'a> {
    pub(crate) fn of(
        id: &'a deedbox_model::PackageId,
        row: &'a PackageRow,
        (channels, more_channels): (&'a [Channel<'a>], bool),
        (newest_releases, more_releases): (&'a [ReleaseSummary<'a>], bool),
    ) -> Self {
        Package {
            id: id.as_str(),
            ecosystem: id.ecosystem().as_str(),
            domain: id.domain().as_str(),
            name: id.name().as_str(),
            native_name: row.native_name.as_str(),
            head: row.head.to_hex(),
            first_at: row.first_at.to_rfc3339(),
            first_ms: row.first_at.as_ms(),
            changed_at: row.changed_at.to_rfc3339(),
            changed_ms: row.changed_at.as_ms(),
            releases: row.releases,
            newest: newest(row),
            about: AboutJson::of(&row.about),
            channels,
            more_channels,
            newest_releases,
            more_releases,
        }
    }
}

#[derive(Serialize)]
struct AboutJson<'a> {
    description: Option<&'a str>,
    keywords: &'a [String],
    licence: Option<&'a str>,
    homepage: Option<&'a str>,
    repository: Option<&'a str>,
}

impl<'a> AboutJson<'a> {
    fn of(about: &'a About) -> Self {
        AboutJson {
            description: about.description.as_deref(),
            keywords: &about.keywords,
            licence: about.licence.as_deref(),
            homepage: about.homepage.as_deref(),
            repository: about.repository.as_deref(),
        }
    }
}

/// A channel.
#[derive(Serialize)]
pub(crate) struct Channel<'a> {
    channel: &'a str,
    version: String,
    index: u64,
    at: String,
    at_ms: u64,
}

impl<'a> Channel<'a> {
    pub(crate) fn of(channel: &'a str, row: ChannelRow) -> Self {
        Channel { channel, version: row.version.to_string(), index: row.index, at: row.at.to_rfc3339(), at_ms: row.at.as_ms() }
    }
}

/// A package's channels.
#[derive(Serialize)]
pub(crate) struct Channels<'a> {
    pub(crate) id: &'a str,
    pub(crate) channels: Vec<Channel<'a>>,
    pub(crate) next: Option<&'a str>,
}

/// A release in a list.
#[derive(Serialize)]
pub(crate) struct ReleaseSummary<'a> {
    version: &'a str,
    native_version: String,
    index: u64,
    event: String,
    published_at: String,
    published_ms: u64,
    standing: &'static str,
    artifact_count: u64,
    total_size: u64,
    yanked: Option<YankedJson>,
    notice: Option<NoticeJson>,
}

impl<'a> ReleaseSummary<'a> {
    pub(crate) fn of(version: &'a str, row: ReleaseRow) -> Self {
        ReleaseSummary {
            version,
            native_version: row.native_version.to_string(),
            index: row.index,
            event: row.event.to_hex(),
            published_at: row.published_at.to_rfc3339(),
            published_ms: row.published_at.as_ms(),
            standing: standing(row.standing),
            artifact_count: row.artifact_count,
            total_size: row.total_size,
            yanked: row.yanked.map(YankedJson::of),
            notice: row.notice.map(NoticeJson::of),
        }
    }
}

/// A package's releases.
#[derive(Serialize)]
pub(crate) struct Versions<'a> {
    pub(crate) id: &'a str,
    pub(crate) versions: Vec<ReleaseSummary<'a>>,
    pub(crate) next: Option<&'a str>,
}

/// One release: where a verifier begins.
#[derive(Serialize)]
pub(crate) struct Release<'a> {
    id: &'a str,
    version: &'a str,
    native_version: &'a str,
    index: u64,
    event: String,
    published_at: String,
    published_ms: u64,
    publisher: Publisher<'a>,
    standing: &'static str,
    manifest: ObjectJson,
    artifact_count: u64,
    total_size: u64,
    artifacts: Vec<ArtifactJson<'a>>,
    more_artifacts: bool,
    readme: Option<ObjectJson>,
    source: Option<ObjectJson>,
    yanked: Option<YankedJson>,
    notice: Option<NoticeJson>,
    channels: Vec<&'a str>,
    channels_complete: bool,
    #[serde(flatten)]
    about: AboutJson<'a>,
}

#[derive(Serialize)]
struct Publisher<'a> {
    domain: &'a str,
    tenure: String,
    kid: String,
}

#[derive(Serialize)]
struct ArtifactJson<'a> {
    name: &'a str,
    role: &'a str,
    media_type: &'a str,
    size: u64,
    sha256: String,
}

impl<'a> Release<'a> {
    pub(crate) fn of(id: &'a str, version: &'a str, row: &'a ReleaseRow, channels: Vec<&'a str>, channels_complete: bool) -> Self {
        let artifact = |artifact: &'a ArtifactRow| ArtifactJson {
            name: &artifact.name,
            role: &artifact.role,
            media_type: &artifact.media_type,
            size: artifact.size,
            sha256: artifact.sha256.to_hex(),
        };
        Release {
            id,
            version,
            native_version: row.native_version.as_str(),
            index: row.index,
            event: row.event.to_hex(),
            published_at: row.published_at.to_rfc3339(),
            published_ms: row.published_at.as_ms(),
            publisher: Publisher { domain: row.publisher.as_str(), tenure: row.tenure.to_hex(), kid: row.kid.to_hex() },
            standing: standing(row.standing),
            manifest: ObjectJson::of(row.manifest),
            artifact_count: row.artifact_count,
            total_size: row.total_size,
            artifacts: row.artifacts.iter().map(artifact).collect(),
            more_artifacts: (row.artifacts.len() as u64) < row.artifact_count,
            readme: row.readme.map(ObjectJson::of),
            source: row.source.map(ObjectJson::of),
            yanked: row.yanked.map(YankedJson::of),
            notice: row.notice.clone().map(NoticeJson::of),
            channels,
            channels_complete,
            about: AboutJson::of(&row.about),
        }
    }
}

#[derive(Serialize)]
struct ObjectJson {
    sha256: String,
    size: u64,
}

impl ObjectJson {
    fn of(object: ObjectRef) -> Self {
        ObjectJson { sha256: object.sha256.to_hex(), size: object.size }
    }
}

#[derive(Serialize)]
struct YankedJson {
    reason: ReasonCode,
    index: u64,
    at: String,
    at_ms: u64,
}

impl YankedJson {
    fn of(row: Yanked) -> Self {
        YankedJson { reason: row.reason, index: row.index, at: row.at.to_rfc3339(), at_ms: row.at.as_ms() }
    }
}

#[derive(Serialize)]
struct NoticeJson {
    reason: ReasonCode,
    message: Option<String>,
    message_object: Option<ObjectJson>,
    index: u64,
    at: String,
    at_ms: u64,
}

impl NoticeJson {
    fn of(row: NoticeRow) -> Self {
        NoticeJson {
            reason: row.reason,
            message: row.message,
            message_object: row.message_object.map(ObjectJson::of),
            index: row.index,
            at: row.at.to_rfc3339(),
            at_ms: row.at.as_ms(),
        }
    }
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Readable => "readable",
        Standing::Unreadable => "unreadable",
        Standing::Withheld => "withheld",
    }
}

/// One event of a package or of a domain.
#[derive(Serialize)]
pub(crate) struct HistoryItem {
    index: u64,
    event: String,
    r#type: String,
    version: Option<String>,
    channels: Vec<String>,
    kid: String,
    at: String,
    at_ms: u64,
}

impl HistoryItem {
    pub(crate) fn of(index: u64, row: HistoryRow) -> Self {
        HistoryItem {
            index,
            event: row.event.to_hex(),
            r#type: row.r#type,
            version: row.version.map(|version| version.to_string()),
            channels: row.channels.iter().map(ToString::to_string).collect(),
            kid: row.kid.to_hex(),
            at: row.at.to_rfc3339(),
            at_ms: row.at.as_ms(),
        }
    }
}

/// A package's events.
#[derive(Serialize)]
pub(crate) struct History<'a> {
    pub(crate) id: &'a str,
    pub(crate) history: Vec<HistoryItem>,
    pub(crate) next: Option<String>,
}

/// A domain's events.
#[derive(Serialize)]
pub(crate) struct DomainHistory<'a> {
    pub(crate) domain: &'a str,
    pub(crate) history: Vec<HistoryItem>,
    pub(crate) next: Option<String>,
}

/// What a search found.
#[derive(Serialize)]
pub(crate) struct Results<'a> {
    pub(crate) results: Vec<Summary<'a>>,
    /// Packages that were found in all, of those that were looked at.
    pub(crate) found: u64,
    /// Whether every package that has the words was looked at.
    pub(crate) complete: bool,
    pub(crate) next: Option<String>,
}
