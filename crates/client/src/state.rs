//! What a registry says about its state (spec/projections/catalog.md §3, spec/api.md §7). Unproven words: good for
//! making a statement, which is judged again by everyone, never for believing one.

use crate::error::ClientError;
use crate::http::Registry;
use crate::limits;
use deedbox_model::{DnsAnchor, Domain, EventId, KeyId, PackageId, TimeMs, Version};
use deedbox_view::encode_path;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

/// A claimed domain, with the fields that signing needs.
#[derive(Debug, Clone, Deserialize)]
pub struct DomainState {
    /// The nearest claimed domain at or above the one that was asked for.
    pub domain: String,
    /// The event of its tenure, in hex.
    pub tenure: String,
    /// Its entry.
    pub tenure_index: u64,
    /// Whether its holder gave it up.
    pub released: bool,
    /// The last event of its chain, in hex.
    pub head: String,
    /// Its freezes, whether or not they are past.
    pub frozen: Vec<FreezeState>,
    /// Its keys.
    pub keys: Vec<DomainKeyState>,
}

/// A freeze of a domain.
#[derive(Debug, Clone, Deserialize)]
pub struct FreezeState {
    /// In force before this log time, in milliseconds; none: until it is thawed.
    pub until_ms: Option<u64>,
}

impl DomainState {
    /// Whether a freeze is in force.
    pub fn is_frozen(&self, now: TimeMs) -> bool {
        self.frozen.iter().any(|freeze| freeze.until_ms.is_none_or(|until| now.as_ms() < until))
    }
}

/// A key of a domain.
#[derive(Debug, Clone, Deserialize)]
pub struct DomainKeyState {
    /// Its id, in hex.
    pub kid: String,
}

/// A grant of a domain.
#[derive(Debug, Clone, Deserialize)]
pub struct GrantState {
    /// Its event, in hex.
    pub grant: String,
    /// Its entry.
    pub index: u64,
    /// The tenure that it lasts with, in hex.
    pub tenure: String,
    /// The id of the key that gave it, in hex.
    pub by: String,
    /// The id of the key that has it, in hex.
    pub kid: String,
    /// The packages that it is for.
    pub ids: Vec<String>,
    /// What it lets the key do.
    pub actions: Vec<String>,
    /// Its end, for people.
    pub until: Option<String>,
    /// Its end.
    pub until_ms: Option<u64>,
    /// The entry that revoked it.
    pub revoked: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct GrantPage {
    grants: Vec<GrantState>,
    next: Option<String>,
}

/// A package, with the fields that signing needs.
#[derive(Debug, Clone, Deserialize)]
pub struct PackageState {
    /// Its last event, in hex.
    pub head: String,
}

/// One event of a package.
#[derive(Debug, Clone, Deserialize)]
pub struct HistoryState {
    /// Its index.
    pub index: u64,
    /// Its event, in hex.
    pub event: String,
    /// Its type.
    pub r#type: String,
    /// The version that it is about.
    pub version: Option<String>,
    /// The channels that it sets or removes.
    #[serde(default)]
    pub channels: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct HistoryPage {
    history: Vec<HistoryState>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DomainPage {
    domains: Vec<DomainState>,
    next: Option<String>,
}

/// A release in a list.
#[derive(Debug, Clone, Deserialize)]
pub struct VersionState {
    /// Its version.
    pub version: String,
    /// There if it is yanked.
    pub yanked: Option<IgnoredAny>,
    /// There if a notice is on it.
    pub notice: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct VersionPage {
    versions: Vec<VersionState>,
    next: Option<String>,
}

/// A release, with the fields that saying more of it needs.
#[derive(Debug, Clone, Deserialize)]
pub struct ReleaseState {
    /// Its entry.
    pub index: u64,
    /// Its manifest.
    pub manifest: ObjectState,
    /// There if it is yanked.
    pub yanked: Option<IgnoredAny>,
    /// The notice on it, if there is one.
    pub notice: Option<NoticeState>,
}

/// A notice.
#[derive(Debug, Clone, Deserialize)]
pub struct NoticeState {
    /// Why, as one of the model's reasons.
    pub reason: String,
    /// Its words, if it has some.
    pub message: Option<String>,
    /// The object of its words.
    pub message_object: Option<ObjectState>,
}

/// An object's address.
#[derive(Debug, Clone, Deserialize)]
pub struct ObjectState {
    /// In hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// A channel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChannelState {
    /// Its name.
    pub channel: String,
    /// The version that it points at.
    pub version: String,
    /// The entry that set it.
    pub index: u64,
    /// When.
    pub at: String,
}

#[derive(Debug, Deserialize)]
struct ChannelPage {
    channels: Vec<ChannelState>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RegistryState {
    dns_anchors: Vec<AnchorState>,
}

#[derive(Debug, Deserialize)]
struct AnchorState {
    key_tag: u16,
    algorithm: u8,
    digest_type: u8,
    digest: String,
}

/// The anchors of DNS that the registry says are in force.
pub async fn dns_anchors(registry: &Registry) -> Result<Vec<DnsAnchor>, ClientError> {
    let path = "api/v1/registry";
    let state: Option<RegistryState> = registry.get_json(path).await?;
    let state = state.ok_or_else(|| registry.answer(path, "a registry", "there is none"))?;
    let anchor = |anchor: AnchorState| {
        let AnchorState { key_tag, algorithm, digest_type, digest } = anchor;
        let digest = hex::decode(&digest).map_err(|e| registry.answer(path, "anchors of DNS", e))?;
        Ok(DnsAnchor { digest, key_tag, algorithm, digest_type })
    };
    state.dns_anchors.into_iter().map(anchor).collect()
}

/// The nearest claimed domain at or above this one; none if nobody claimed any.
pub async fn domain(registry: &Registry, domain: &Domain) -> Result<Option<DomainState>, ClientError> {
    registry.get_json(&format!("api/v1/domains/{domain}")).await
}

/// The domains that a key may speak for here, ascending; none where there are too many domains to be looked through.
pub async fn domains_of(registry: &Registry, key: &KeyId) -> Result<Option<Vec<Domain>>, ClientError> {
    let kid = key.to_hex();
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..limits::DOMAIN_PAGES {
        let Some(page) = page::<DomainPage>(registry, "api/v1/domains/?limit=500", after.as_deref()).await? else { return Ok(None) };
        let own = page.domains.iter().filter(|domain| domain.keys.iter().any(|key| key.kid == kid));
        all.extend(own.filter_map(|domain| Domain::parse(&domain.domain).ok()));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(Some(all)),
        }
    }
    Ok(None)
}

/// A release; none if there is no such version.
pub async fn release(registry: &Registry, id: &PackageId, version: &Version) -> Result<Option<ReleaseState>, ClientError> {
    registry.get_json(&format!("api/v1/packages/{}@{}", encode_path(id.as_str()), encode_path(version.as_str()))).await
}

/// The releases of a package, by the bytes of their versions; none if nothing was published as it.
pub async fn versions(registry: &Registry, id: &PackageId) -> Result<Option<Vec<VersionState>>, ClientError> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let Some(page) = view::<VersionPage>(registry, id, "versions", after.as_deref()).await? else { return Ok(None) };
        all.extend(page.versions);
        match page.next {
            Some(next) if all.len() < limits::VERSIONS => after = Some(next),
            Some(_) => return Err(ClientError::Here(format!("{id} has more than {} releases, more than are looked at", limits::VERSIONS))),
            None => return Ok(Some(all)),
        }
    }
}

/// A package; none if nothing was published as it.
pub async fn package(registry: &Registry, id: &PackageId) -> Result<Option<PackageState>, ClientError> {
    registry.get_json(&format!("api/v1/packages/{}", encode_path(id.as_str()))).await
}

/// The events of a package after one of them (all, for none), oldest first.
pub async fn history_after(registry: &Registry, id: &PackageId, head: Option<EventId>) -> Result<Vec<HistoryState>, ClientError> {
    let head = head.map(|head| head.to_hex());
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let Some(page) = view::<HistoryPage>(registry, id, "history", after.as_deref()).await? else { break };
        all.extend(page.history);
        // Only what comes after the head that is known matters.
        if let Some(at) = all.iter().position(|item| head.as_deref() == Some(&item.event)) {
            all.drain(..=at);
        }
        match page.next {
            Some(next) if (all.len() as u64) < limits::HISTORY_ENTRIES => after = Some(next),
            _ => break,
        }
    }
    Ok(all)
}

/// The entries of a domain's events, oldest first; none if nobody has claimed this very domain.
pub async fn domain_entries(registry: &Registry, domain: &Domain) -> Result<Option<Vec<u64>>, ClientError> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let path = format!("api/v1/domains/{domain}?view=history&limit=500");
        let Some(page) = page::<HistoryPage>(registry, &path, after.as_deref()).await? else { return Ok(None) };
        all.extend(page.history.iter().map(|item| item.index));
        match page.next {
            Some(next) if all.len() < limits::DOMAIN_EVENTS => after = Some(next),
            Some(_) => {
                return Err(ClientError::Here(format!("{domain} has more than {} events, more than are looked at", limits::DOMAIN_EVENTS)));
            }
            None => return Ok(Some(all)),
        }
    }
}

/// The entries of a package's events, oldest first; none if nothing was published as it.
pub async fn package_entries(registry: &Registry, id: &PackageId) -> Result<Option<Vec<u64>>, ClientError> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let Some(page) = view::<HistoryPage>(registry, id, "history", after.as_deref()).await? else { return Ok(None) };
        all.extend(page.history.iter().map(|item| item.index));
        match page.next {
            Some(next) if all.len() < limits::PROVEN_AT_ONCE => after = Some(next),
            Some(_) => {
                return Err(ClientError::Here(format!("{id} has more than {} events, more than are looked at", limits::PROVEN_AT_ONCE)));
            }
            None => return Ok(Some(all)),
        }
    }
}

/// What exactly this domain granted; none if nobody has claimed it.
pub async fn grants(registry: &Registry, domain: &Domain) -> Result<Option<Vec<GrantState>>, ClientError> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let path = format!("api/v1/domains/{domain}?view=grants&limit=500");
        let Some(page) = page::<GrantPage>(registry, &path, after.as_deref()).await? else { return Ok(None) };
        all.extend(page.grants);
        match page.next {
            Some(next) if all.len() < limits::DOMAIN_EVENTS => after = Some(next),
            Some(_) => {
                return Err(ClientError::Here(format!(
                    "{domain} gave more than {} grants, more than are looked at",
                    limits::DOMAIN_EVENTS
                )));
            }
            None => return Ok(Some(all)),
        }
    }
}

/// The channels of a package; none if nothing was published as it.
pub async fn channels(registry: &Registry, id: &PackageId) -> Result<Option<Vec<ChannelState>>, ClientError> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let Some(page) = view::<ChannelPage>(registry, id, "channels", after.as_deref()).await? else { return Ok(None) };
        all.extend(page.channels);
        match page.next {
            Some(next) if (all.len() as u64) < limits::HISTORY_ENTRIES => after = Some(next),
            _ => return Ok(Some(all)),
        }
    }
}

/// A page of what a package's view lists.
async fn view<T: DeserializeOwned>(registry: &Registry, id: &PackageId, view: &str, after: Option<&str>) -> Result<Option<T>, ClientError> {
    page(registry, &format!("api/v1/packages/{}?view={view}&limit=100", encode_path(id.as_str())), after).await
}

/// The page behind this item; the first one, for none.
async fn page<T: DeserializeOwned>(registry: &Registry, path: &str, after: Option<&str>) -> Result<Option<T>, ClientError> {
    let more = after.map(|after| format!("&after={}", encode_path(after))).unwrap_or_default();
    registry.get_json(&format!("{path}{more}")).await
}
