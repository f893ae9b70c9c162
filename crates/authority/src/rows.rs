//! Authority's rows: what the past decided, as far as the future needs it (spec/authority.md §2). Canonical CBOR
//! under keys of printable ASCII. `@` separates an id from a version or channel: none of them can hold one.

use deedbox_model::event::DomainKey;
use deedbox_model::row::{Defect, RowKey};
use deedbox_model::{Channel, Domain, Ecosystem, EventId, KeyId, NativeName, NativeVersion, Origin, PackageId, PublicKey, TimeMs, Version};
use serde::{Deserialize, Serialize};

/// `registry`: the registry itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryRow {
    /// The origin.
    pub origin: Origin,
    /// The protocol number in force from the next index on.
    pub protocol: u64,
    /// Who signs checkpoints.
    pub log_keys: Vec<PublicKey>,
    /// Who signs receipts.
    pub receipt_keys: Vec<PublicKey>,
    /// Who speaks for the registry.
    pub operator_keys: Vec<PublicKey>,
    /// The last event of its chain.
    pub head: EventId,
}

/// `time`: log time after the last effective entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeRow {
    /// Log time.
    pub time: TimeMs,
}

/// `domain/<domain>`: a claimed domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainRow {
    /// The event that gives it its present tenure.
    pub tenure: EventId,
    /// That event's index.
    pub tenure_index: u64,
    /// Its keys, ascending.
    pub keys: Vec<DomainKey>,
    /// The last event of its chain.
    pub head: EventId,
}

/// `covered/<domain>`: something was published for a package under this domain by the owner of a domain above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoveredRow {
    /// The domain above.
    pub by: Domain,
}

/// `package/<id>`: a package with at least one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageRow {
    /// The last event of its chain.
    pub head: EventId,
    /// Its key in its ecosystem.
    pub native_name: NativeName,
    /// Number of releases.
    pub releases: u64,
}

/// `native/<ecosystem>/<native name>`: who holds a native name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NativeRow {
    /// The holder.
    pub id: PackageId,
}

/// `release/<id>@<version>`: a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRow {
    /// Its `release.published`.
    pub event: EventId,
    /// That event's index.
    pub index: u64,
    /// Whether it is yanked.
    pub yanked: bool,
    /// Whether it has a deprecation notice.
    pub deprecated: bool,
}

/// `nativeversion/<id>@<native version>` and `channel/<id>@<channel>`: the version that a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionRow {
    /// The version.
    pub version: Version,
}

/// `event/<hex>`: the index of an effective event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRow {
    /// Its index.
    pub index: u64,
}

/// `key/<hex>`: a key that some effective event registered, ever. Lets a signature be checked before it is known
/// whether the key may speak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRow {
    /// The key.
    pub key: PublicKey,
}

/// `void/<index>`: an entry without effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoidRow {
    /// The refusal's code.
    pub code: String,
}

/// The key of `registry`.
pub fn registry_key() -> Result<RowKey, Defect> {
    RowKey::new("registry")
}
/// The key of `time`.
pub fn time_key() -> Result<RowKey, Defect> {
    RowKey::new("time")
}
/// The key of a domain.
pub fn domain_key(domain: &Domain) -> Result<RowKey, Defect> {
    RowKey::new(format!("domain/{domain}"))
}
/// The key of a covered domain.
pub fn covered_key(domain: &Domain) -> Result<RowKey, Defect> {
    RowKey::new(format!("covered/{domain}"))
}
/// The key of a package.
pub fn package_key(id: &PackageId) -> Result<RowKey, Defect> {
    RowKey::new(format!("package/{id}"))
}
/// The key of a native name.
pub fn native_key(ecosystem: &Ecosystem, name: &NativeName) -> Result<RowKey, Defect> {
    RowKey::new(format!("native/{ecosystem}/{name}"))
}
/// The key of a release.
pub fn release_key(id: &PackageId, version: &Version) -> Result<RowKey, Defect> {
    RowKey::new(format!("release/{id}@{version}"))
}
/// The key of a native version.
pub fn native_version_key(id: &PackageId, version: &NativeVersion) -> Result<RowKey, Defect> {
    RowKey::new(format!("nativeversion/{id}@{version}"))
}
/// The key of a channel.
pub fn channel_key(id: &PackageId, channel: &Channel) -> Result<RowKey, Defect> {
    RowKey::new(format!("channel/{id}@{channel}"))
}
/// The key of an event.
pub fn event_key(id: &EventId) -> Result<RowKey, Defect> {
    RowKey::new(format!("event/{id}"))
}
/// The key of a registered key.
pub fn key_key(id: &KeyId) -> Result<RowKey, Defect> {
    RowKey::new(format!("key/{id}"))
}
/// The key of a void entry; padded, so that a scan gives them in order.
pub fn void_key(index: u64) -> Result<RowKey, Defect> {
    RowKey::new(format!("void/{index:020}"))
}
