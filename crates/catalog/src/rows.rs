//! The rows and their keys (spec/projections/catalog.md §1). Canonical CBOR under keys of printable ASCII. `@`
//! separates an id from what belongs to it: no id, version or channel holds one. No row holds a text that a library
//! made, such as a decoder's complaint: rows are the same from every implementation.

use deedbox_model::event::PublisherGranted;
use deedbox_model::{
    Channel, Defect, Domain, EventId, Holding, KeyId, NativeName, NativeVersion, ObjectRef, PackageId, ReasonCode, RowKey, Sha256Digest,
    TimeMs, Version,
};
use serde::{Deserialize, Serialize};

/// `totals`: what there is. Every entry that changes any other row rewrites it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalsRow {
    /// Claimed domains.
    pub domains: u64,
    /// Packages with at least one release.
    pub packages: u64,
    /// Releases.
    pub releases: u64,
}

/// `domain/<domain>`: a domain that was claimed. Every event of the domain rewrites it.
pub type DomainRow = Holding;

/// `grant/<domain>@<hex of an event id>`: what a domain granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantRow {
    /// Index of its event.
    pub index: u64,
    /// Log time there.
    pub at: TimeMs,
    /// The key that gave it.
    pub kid: KeyId,
    /// The tenure that it lasts with.
    pub tenure: EventId,
    /// What it says.
    pub grant: PublisherGranted,
    /// Index of the event that revoked it.
    pub revoked: Option<u64>,
}

/// `package/<id>`: a package. Every event of the package rewrites it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageRow {
    /// The last event of its chain.
    pub head: EventId,
    /// The release that was published last.
    pub newest: Newest,
    /// Log time of its first event.
    pub first_at: TimeMs,
    /// Number of releases.
    pub releases: u64,
    /// Log time of its last event.
    pub changed_at: TimeMs,
    /// Its key in its ecosystem.
    pub native_name: NativeName,
    /// What the newest readable release says about itself.
    pub about: About,
}

/// The release that was published last, which need not be the one that an ecosystem calls highest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Newest {
    /// Log time of its event.
    pub at: TimeMs,
    /// Index of its event.
    pub index: u64,
    /// Its version.
    pub version: Version,
}

/// What a release says about itself, cut to the limits, each text one line without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The licence as the artifact spells it.
    pub licence: Option<String>,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Its home page, as a text: nothing says that it is a harmless address.
    pub homepage: Option<String>,
    /// Where its source is kept, as a text.
    pub repository: Option<String>,
    /// One sentence.
    pub description: Option<String>,
}

/// Whether a release's manifest can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Present and in agreement with its statement.
    Readable,
    /// Present, but not what its statement says.
    Unreadable,
    /// Withheld by an event.
    Withheld,
}

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactRow {
    /// Its name in the release.
    pub name: String,
    /// What it is for, in the dialect's words.
    pub role: String,
    /// Bytes.
    pub size: u64,
    /// Its address.
    pub sha256: Sha256Digest,
    /// Its media type.
    pub media_type: String,
}

/// Why and since when a release is yanked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Yanked {
    /// Log time of the yank.
    pub at: TimeMs,
    /// Its index.
    pub index: u64,
    /// Why.
    pub reason: ReasonCode,
}

/// A deprecation notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeRow {
    /// Log time of the event that put it up.
    pub at: TimeMs,
    /// Its index.
    pub index: u64,
    /// Why.
    pub reason: ReasonCode,
    /// Words for people, if there are any and they can be read.
    pub message: Option<String>,
    /// The object that holds them.
    pub message_object: Option<ObjectRef>,
}

/// `release/<id>@<version>`: a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRow {
    /// The key that signed it.
    pub kid: KeyId,
    /// Its event.
    pub event: EventId,
    /// Index of its event.
    pub index: u64,
    /// What it says about itself.
    pub about: About,
    /// The notice that is up.
    pub notice: Option<NoticeRow>,
    /// Its readme.
    pub readme: Option<ObjectRef>,
    /// The source archive.
    pub source: Option<ObjectRef>,
    /// The tenure that it was made in.
    pub tenure: EventId,
    /// The yank that is in force.
    pub yanked: Option<Yanked>,
    /// Its manifest.
    pub manifest: ObjectRef,
    /// Its first artifacts by name, at most 50; none unless it is readable.
    pub artifacts: Vec<ArtifactRow>,
    /// The domain that published it.
    pub publisher: Domain,
    /// Whether its manifest can be shown.
    pub standing: Standing,
    /// Sum of its artifacts' sizes in bytes, as its event says.
    pub total_size: u64,
    /// Number of its artifacts, as its event says.
    pub artifact_count: u64,
    /// Log time of its event.
    pub published_at: TimeMs,
    /// The version's key in its package.
    pub native_version: NativeVersion,
}

/// `channel/<id>@<channel>`: where a channel points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRow {
    /// Log time of the event that set it.
    pub at: TimeMs,
    /// Its index.
    pub index: u64,
    /// The version.
    pub version: Version,
}

/// `object/<sha256>`: an effective event refers to this object, so anybody may have its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectRow {
    /// Bytes.
    pub size: u64,
    /// Index of the first event that refers to it.
    pub index: u64,
    /// The media type that this event gives it: a publisher's word, to be served with `nosniff`.
    pub media_type: String,
}

/// `history/<id>@<index>`: one event of a package; `history/<domain>@<index>`: one of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryRow {
    /// Log time at its index.
    pub at: TimeMs,
    /// The key that signed it.
    pub kid: KeyId,
    /// Its type.
    pub r#type: String,
    /// Its id.
    pub event: EventId,
    /// The version that it is about, if it is about one.
    pub version: Option<Version>,
    /// The channels that it sets or removes.
    pub channels: Vec<Channel>,
}

/// `newest/<id>@<2^64 - 1 - index>`: the releases of a package, last published first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewestRow {
    /// The version.
    pub version: Version,
}

/// Where a word of a package comes from; the earlier, the nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// Its id.
    Name,
    /// Its keywords.
    Keyword,
    /// Its description.
    Description,
}

/// `word/<word>/<id>`: a package is found by this word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordRow {
    /// Where the word comes from.
    pub field: Field,
}

/// The key of `totals`.
pub fn totals_key() -> Result<RowKey, Defect> {
    RowKey::new("totals")
}
/// The key of a domain.
pub fn domain_key(domain: &Domain) -> Result<RowKey, Defect> {
    RowKey::new(format!("{DOMAIN}{domain}"))
}
/// The key of a package.
pub fn package_key(id: &PackageId) -> Result<RowKey, Defect> {
    RowKey::new(format!("{PACKAGE}{id}"))
}
/// The key of a release.
pub fn release_key(id: &PackageId, version: &Version) -> Result<RowKey, Defect> {
    RowKey::new(format!("release/{id}@{version}"))
}
/// The key of a channel.
pub fn channel_key(id: &PackageId, channel: &Channel) -> Result<RowKey, Defect> {
    RowKey::new(format!("channel/{id}@{channel}"))
}
/// The key of an object: the server hands out no object without a row under it.
pub fn object_key(address: &Sha256Digest) -> Result<RowKey, Defect> {
    RowKey::new(format!("object/{address}"))
}
/// The key of a package's event; padded, so that a scan gives them in order.
pub fn history_key(id: &PackageId, index: u64) -> Result<RowKey, Defect> {
    RowKey::new(format!("history/{id}@{index:020}"))
}
/// How the keys of a package's events begin.
pub fn history_prefix(id: &PackageId) -> Result<RowKey, Defect> {
    of_package("history", id)
}
/// The key of a grant.
pub fn grant_key(domain: &Domain, event: &EventId) -> Result<RowKey, Defect> {
    RowKey::new(format!("grant/{domain}@{event}"))
}
/// How the keys of a domain's grants begin.
pub fn grant_prefix(domain: &Domain) -> Result<RowKey, Defect> {
    RowKey::new(format!("grant/{domain}@"))
}
/// The key of a domain's event.
pub fn domain_history_key(domain: &Domain, index: u64) -> Result<RowKey, Defect> {
    RowKey::new(format!("history/{domain}@{index:020}"))
}
/// How the keys of a domain's events begin.
pub fn domain_history_prefix(domain: &Domain) -> Result<RowKey, Defect> {
    RowKey::new(format!("history/{domain}@"))
}
/// The index of the event under such a key.
pub fn history_index(key: &RowKey) -> Option<u64> {
    key.as_str().rsplit_once('@')?.1.parse().ok()
}
/// The key of a package's release by its index, the last one first.
pub fn newest_key(id: &PackageId, index: u64) -> Result<RowKey, Defect> {
    RowKey::new(format!("newest/{id}@{:020}", u64::MAX - index))
}
/// The key of a word of a package.
pub fn word_key(word: &str, id: &PackageId) -> Result<RowKey, Defect> {
    RowKey::new(format!("{WORD}{word}/{id}"))
}

/// How the keys of domains begin.
pub(crate) const DOMAIN: &str = "domain/";
/// How the keys of packages begin.
pub(crate) const PACKAGE: &str = "package/";
/// How the keys of words begin.
pub(crate) const WORD: &str = "word/";

/// How the keys of a kind begin that belong to one package: `release/<id>@`.
pub(crate) fn of_package(kind: &str, id: &PackageId) -> Result<RowKey, Defect> {
    RowKey::new(format!("{kind}/{id}@"))
}
