//! A publisher without the command line: packages made in memory, statements signed beforehand. For tests and measurements that need
//! more publishes than a person makes. What is published goes by the same dialect, and the same signatures, as `deedbox publish`.

use crate::packed::{Packed, npm_tarball};
use anyhow::{Context as _, ensure};
use base64::Engine as _;
use deedbox_model::event::{Acceptance, AcceptanceTerms, DomainKey, Event, ReleasePublished, Role};
use deedbox_model::permit::{Permit, PermitTerms};
use deedbox_model::{Domain, EventId, ObjectRef, Origin, PackageId, SecretKey, Speaker, Statement, Subject, TimeMs};
use deedbox_view::{ArtifactSource, Said};
use std::time::{SystemTime, UNIX_EPOCH};

/// A key that holds a domain.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// The key.
    pub key: SecretKey,
    /// The domain.
    pub domain: Domain,
    /// The log that is spoken to.
    pub origin: Origin,
    /// The claim.
    pub tenure: EventId,
}

/// A release that is ready to be sent.
#[derive(Debug, Clone)]
pub struct Release {
    /// Its package.
    pub id: PackageId,
    /// What is to be uploaded first.
    pub objects: Vec<Vec<u8>>,
    /// The statement's bytes.
    pub statement: Vec<u8>,
    /// Its event.
    pub event: EventId,
    /// Where its ecosystem's view shows it, below the registry's address.
    pub view: Option<String>,
}

impl Publisher {
    /// A key's word that it takes a domain.
    ///
    /// # Errors
    /// When the domain cannot be claimed.
    pub fn acceptance(key: &SecretKey, domain: &Domain, origin: &Origin, now: TimeMs) -> anyhow::Result<Acceptance> {
        let keys = vec![DomainKey { key: key.public(), from: None, role: Role::Admin, until: None }];
        Ok(Acceptance::sign(key, domain, origin, &AcceptanceTerms::first(keys, now))?)
    }

    /// Claims a domain below localhost at a registry that files such claims.
    ///
    /// # Errors
    /// In the registry's words, when it refuses.
    pub async fn claim(http: &reqwest::Client, url: &str, key: SecretKey, domain: &str) -> anyhow::Result<Self> {
        let says: serde_json::Value = http.get(format!("{url}/api/v1/registry")).send().await?.error_for_status()?.json().await?;
        let origin = says.get("origin").and_then(|origin| origin.as_str()).context("the registry's origin")?;
        let (domain, origin) = (Domain::parse(domain)?, Origin::parse(origin)?);
        let acceptance = Self::acceptance(&key, &domain, &origin, now()?)?;
        let post = http.post(format!("{url}/api/v1/claims")).header("content-type", "application/cose");
        let answer = post.body(acceptance.bytes().to_vec()).send().await?;
        ensure!(answer.status().is_success(), "the claim was refused: {}", answer.text().await?);
        let claimed: serde_json::Value = answer.json().await?;
        let tenure = claimed.get("id").and_then(|id| id.as_str()).and_then(EventId::from_hex).context("the claim's id")?;
        Ok(Publisher { key, domain, origin, tenure })
    }

    /// Reads a tarball as the registry will, and signs a release of what it is. `prev` is the last event of its package.
    ///
    /// # Errors
    /// When the tarball cannot be published.
    pub fn release(&self, tarball: Vec<u8>, prev: Option<EventId>) -> anyhow::Result<Release> {
        self.release_of(npm_tarball(tarball), prev)
    }

    /// The same for any ecosystem.
    ///
    /// # Errors
    /// When the artifacts cannot be published.
    pub fn release_of(&self, packed: Packed, prev: Option<EventId>) -> anyhow::Result<Release> {
        let Packed { dialect, id, version, artifacts } = packed;
        let sources: Vec<&dyn ArtifactSource> = artifacts.iter().map(|artifact| artifact as &dyn ArtifactSource).collect();
        let inspection = dialect.inspect(&Said { id: id.as_ref(), version: version.as_ref() }, &sources)?;
        let manifest = &inspection.manifest;
        let bytes = manifest.encode()?;
        let event = Event::from(ReleasePublished {
            version: manifest.version.clone(),
            channels: inspection.channels.clone(),
            manifest: ObjectRef::of(&bytes),
            artifacts: manifest.artifacts.len() as u64,
            principal: dialect.principal(manifest),
            total_size: manifest.total_size(),
            native_name: manifest.native_name.clone(),
            native_version: manifest.native_version.clone(),
        });
        let (statement, event) = self.say(&manifest.id, prev, &event)?;
        let (id, view) = (manifest.id.clone(), dialect.view_path(manifest));
        let mut objects: Vec<Vec<u8>> = artifacts.into_iter().map(|artifact| artifact.bytes).collect();
        objects.push(bytes);
        objects.extend(inspection.readme);
        Ok(Release { id, objects, statement, event, view })
    }

    /// Signs something about a package; gives the statement's bytes and its event.
    ///
    /// # Errors
    /// When it cannot be said.
    pub fn say(&self, id: &PackageId, prev: Option<EventId>, event: &Event) -> anyhow::Result<(Vec<u8>, EventId)> {
        let speaker = Speaker::Domain { domain: self.domain.clone(), tenure: self.tenure };
        let statement = Statement::sign(&self.key, &self.origin, &speaker, &Subject::Package(id.clone()), prev, now()?, event)?;
        Ok((statement.bytes().to_vec(), statement.id()))
    }

    /// What stands in the `Authorization` header of an upload: a permit for the next ten minutes.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn permit(&self) -> anyhow::Result<String> {
        let time = now()?;
        let terms = PermitTerms { by: None, time, under: self.tenure, until: time.plus_ms(600_000) };
        let permit = Permit::sign(&self.key, &self.domain, &self.origin, &terms)?;
        Ok(format!("Deedbox {}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(permit)))
    }
}

/// Now, by this machine's clock.
///
/// # Errors
/// When that is before 1970.
pub fn now() -> anyhow::Result<TimeMs> {
    Ok(TimeMs::new(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)?)
}
