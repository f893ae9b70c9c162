//! Authority's rows: what the past decided, as far as the future needs it (spec/authority.md §2). Canonical CBOR
//! under keys of printable ASCII. `@` separates an id from a version or channel: none of them can hold one.

use deedbox_model::event::Action;
use deedbox_model::row::{Defect, RowKey, decode_row};
use deedbox_model::{
    Channel, DnsAnchor, Domain, Ecosystem, EventId, Holding, IdPattern, KeyId, NativeName, NativeVersion, Origin, PackageId, PublicKey,
    Subject, SuffixRule, TimeMs, Version,
};
use serde::{Deserialize, Serialize};

/// What the keys of the rules of the public suffix list begin with.
pub const SUFFIXES: &str = "suffix/";

/// What the keys of the changes of rules begin with.
pub const RULES: &str = "rules/";

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
    /// Where trust in DNS begins.
    pub dns_anchors: Vec<DnsAnchor>,
    /// How many rules of the public suffix list are in force.
    pub suffixes: u64,
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

/// `domain/<domain>`: a domain that was claimed.
pub type DomainRow = Holding;

/// `domainkey/<domain>@<hex of a key id>`: a key that a domain has or had in this tenure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainKeyRow {
    /// The index of the event that first put it in the tenure.
    pub index: u64,
    /// When and by whose word it was last taken away, or changed, while it could speak of the domain.
    pub taken: Option<Taken>,
}

/// When and by whose word a key was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Log time.
    pub at: TimeMs,
    /// The key that signed it.
    pub by: KeyId,
}

/// `grant/<hex of an event id>`: what a domain granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantRow {
    /// Whose packages it is for.
    pub domain: Domain,
    /// Under which tenure it was given; it ends with that.
    pub tenure: EventId,
    /// To which key.
    pub key: PublicKey,
    /// For which packages.
    pub ids: Vec<IdPattern>,
    /// What the key may do.
    pub actions: Vec<Action>,
    /// In force before this log time; null: until it is revoked.
    pub until: Option<TimeMs>,
    /// Whether it was revoked.
    pub revoked: bool,
}

impl GrantRow {
    /// Whether it is in force for this domain under this tenure, at this log time.
    pub fn is_in_force(&self, log_time: TimeMs) -> bool {
        !self.revoked && self.until.is_none_or(|until| log_time < until)
    }

    /// Whether it lets its key do this to this package.
    pub fn covers(&self, id: &PackageId, action: Action) -> bool {
        self.actions.contains(&action) && self.ids.iter().any(|pattern| pattern.covers(id))
    }
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
    /// The index of its last `release.published`.
    pub released_at: u64,
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

/// `event/<hex>`: the index of an effective event; `chain/<domain>@<hex>`: that of one of a domain's chain; `suffix/<rule>`: that of the one
/// that put a rule of the public suffix list in force; `rules/<index>`: that of a change of the registry's rules.
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

/// What a row tells of, by its key and its bytes; none for what every verdict rests on (the registry's keys and log time) and for what tells
/// of nobody (ids of events and of keys, void entries). For who may not show every row to everybody.
pub fn tells_of(key: &RowKey, bytes: &[u8]) -> Result<Option<Subject>, Defect> {
    let damaged = || Defect::BadKey(key.to_string());
    let (kind, rest) = key.as_str().split_once('/').unwrap_or((key.as_str(), ""));
    let domain = |text: &str| Domain::parse(text).map(Subject::Domain).map_err(|_| damaged());
    let package = |text: &str| PackageId::parse(text).map(Subject::Package).map_err(|_| damaged());
    match kind {
        "registry" | "rules" | "suffix" | "time" | "event" | "key" | "void" => Ok(None),
        "domain" | "chain" | "domainkey" => domain(rest.split('@').next().unwrap_or_default()).map(Some),
        "covered" => Ok(Some(Subject::Domain(decode_row::<CoveredRow>(key, bytes)?.by))),
        "package" | "release" | "nativeversion" | "channel" => package(rest.split('@').next().unwrap_or_default()).map(Some),
        "grant" => Ok(Some(Subject::Domain(decode_row::<GrantRow>(key, bytes)?.domain))),
        "native" => Ok(Some(Subject::Package(decode_row::<NativeRow>(key, bytes)?.id))),
        _ => Err(damaged()),
    }
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
/// The key of an event of a domain's chain.
pub fn chain_key(domain: &Domain, event: &EventId) -> Result<RowKey, Defect> {
    RowKey::new(format!("chain/{domain}@{event}"))
}
/// The key of a key that a domain has or had.
pub fn domain_key_key(domain: &Domain, key: &KeyId) -> Result<RowKey, Defect> {
    RowKey::new(format!("domainkey/{domain}@{key}"))
}
/// The key of a grant.
pub fn grant_key(event: &EventId) -> Result<RowKey, Defect> {
    RowKey::new(format!("grant/{event}"))
}
/// The key of a change of rules; padded, so that a scan gives them in order.
pub fn rules_key(index: u64) -> Result<RowKey, Defect> {
    RowKey::new(format!("{RULES}{index:020}"))
}
/// The key of a rule of the public suffix list.
pub fn suffix_key(rule: &SuffixRule) -> Result<RowKey, Defect> {
    RowKey::new(format!("{SUFFIXES}{rule}"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_model::encode;

    #[test]
    fn every_row_says_what_it_tells_of() {
        let id = PackageId::parse("npm:acme.example/widget").unwrap();
        let other = PackageId::parse("npm:other.example/widget").unwrap();
        let (domain, above) = (Domain::parse("team.acme.example").unwrap(), Domain::parse("acme.example").unwrap());
        let version = Version::parse("1.0.0").unwrap();
        let native_name = NativeName::parse("@acme.example/widget").unwrap();
        let native_version = NativeVersion::parse("1.0.0").unwrap();
        let channel = Channel::parse("latest").unwrap();
        let package = Some(Subject::Package(id.clone()));
        let (holder, by) = (encode(&NativeRow { id: other.clone() }).unwrap(), encode(&CoveredRow { by: above.clone() }).unwrap());
        let granted = GrantRow {
            domain: above.clone(),
            tenure: EventId::of(b"claim"),
            key: deedbox_model::SecretKey::from_seed(&[7; 32]).public(),
            ids: vec![],
            actions: vec![],
            until: None,
            revoked: false,
        };
        let grant = encode(&granted).unwrap();
        for (key, bytes, told) in [
            (registry_key(), &[][..], None),
            (time_key(), &[], None),
            (rules_key(7), &[], None),
            (suffix_key(&SuffixRule::parse("*.example").unwrap()), &[], None),
            (event_key(&EventId::of(b"event")), &[], None),
            (void_key(7), &[], None),
            (domain_key(&domain), &[], Some(Subject::Domain(domain.clone()))),
            (chain_key(&domain, &EventId::of(b"event")), &[], Some(Subject::Domain(domain.clone()))),
            (domain_key_key(&domain, &KeyId::from_slice(&[7; 32]).unwrap()), &[], Some(Subject::Domain(domain.clone()))),
            (grant_key(&EventId::of(b"event")), &grant, Some(Subject::Domain(above.clone()))),
            (covered_key(&domain), &by, Some(Subject::Domain(above))),
            (package_key(&id), &[], package.clone()),
            (release_key(&id, &version), &[], package.clone()),
            (native_version_key(&id, &native_version), &[], package.clone()),
            (channel_key(&id, &channel), &[], package),
            (native_key(id.ecosystem(), &native_name), &holder, Some(Subject::Package(other))),
        ] {
            let key = key.unwrap();
            assert_eq!(tells_of(&key, bytes), Ok(told), "{key}");
        }
        for unknown in ["later/npm:acme.example/widget", "later", "domain/", "package/widget"] {
            assert!(tells_of(&RowKey::new(unknown).unwrap(), &[]).is_err(), "{unknown}");
        }
    }
}
