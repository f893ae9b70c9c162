//! Admission: from bytes that a stranger sent to a statement that the ledger may take (spec/objects.md §5). The server
//! reads the artifacts again and refuses a manifest that says otherwise.

use crate::lease::Lease;
use crate::limits::{HELD_BYTES, MANIFEST_READ};
use crate::memory::Room;
use crate::recall::earlier;
use crate::refusal::IntakeRefusal;
use crate::source::StoredArtifact;
use crate::{Door, Published, is_ahead, is_behind};
use bytes::Bytes;
use deedbox_authority::rows::{KeyRow, RegistryRow, domain_key, key_key, package_key, registry_key};
use deedbox_authority::{PROJECTION as AUTHORITY, Refusal};
use deedbox_model::event::{
    DomainClaimed, DomainEvent, DomainRecoveryCompleted, DomainRecoveryOpened, Event, Evidence, PackageEvent, RegistryEvent,
    ReleasePublished,
};
use deedbox_model::row::decode_row;
use deedbox_model::{
    Digests, Domain, KeyId, Manifest, ObjectRef, PublicKey, Sha256Digest, Speaker, Statement, TimeMs, Unverified, Verified, limits,
};
use deedbox_store::{Left, ObjectStat, StoreError, read_one};
use deedbox_view::{ArtifactSource, Dialect, Fact, FactsNeeded, Said};
use futures::StreamExt as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A statement whose signature verifies and all of whose objects are here, durable, leased, and what it says they are.
/// Only `Door::admit` makes one.
#[derive(Debug)]
pub struct Admitted {
    statement: Arc<Verified<Statement>>,
    lease: Lease,
}

impl Admitted {
    /// The statement.
    pub fn statement(&self) -> &Arc<Verified<Statement>> {
        &self.statement
    }
    /// The objects that it names, directly or by its manifest.
    pub fn objects(&self) -> &[Sha256Digest] {
        self.lease.objects()
    }
}

impl Door {
    /// Checks the signature of a decoded statement, with the key that some event registered under its `kid`.
    pub async fn verify(&self, statement: Unverified<Statement>) -> Result<Verified<Statement>, IntakeRefusal> {
        let key = match statement.peek().event() {
            // Only entry 0 brings its own keys; later ones of this type are refused by the decider.
            Event::Registry(RegistryEvent::Created(created)) => {
                created.operator_keys.iter().find(|key| key.id() == statement.peek().kid()).copied()
            }
            // Before anything of it waits for the writer: such an event may name thousands of rows.
            Event::Registry(RegistryEvent::RulesChanged(_) | RegistryEvent::SuffixesChanged(_)) => {
                self.operator_key(&statement.peek().kid()).await?
            }
            Event::Domain(_) | Event::Package(_) => self.registered_key(&statement.peek().kid()).await?,
        };
        let Some(key) = key else {
            let whose = match (statement.peek().speaker(), statement.peek().package()) {
                (_, Some(id)) => id.domain().to_string(),
                (Speaker::Domain { domain, .. }, None) => domain.to_string(),
                (Speaker::Registry, None) => "the registry".to_owned(),
            };
            return Err(Refusal::KeyNotAuthorised(whose).into());
        };
        statement.verify(&key).map_err(|_| Refusal::BadSignature.into())
    }

    /// A key that speaks for the registry now.
    async fn operator_key(&self, kid: &KeyId) -> Result<Option<PublicKey>, IntakeRefusal> {
        let key = registry_key()?;
        let Some(row) = read_one(self.rows.as_ref(), &AUTHORITY, &key).await? else { return Ok(None) };
        let RegistryRow { operator_keys, .. } = decode_row(&key, &row.bytes)?;
        Ok(operator_keys.into_iter().find(|key| key.id() == *kid))
    }

    async fn registered_key(&self, kid: &KeyId) -> Result<Option<PublicKey>, IntakeRefusal> {
        if let Some(key) = self.keys.get(kid) {
            return Ok(Some(key));
        }
        let key = key_key(kid)?;
        let Some(row) = read_one(self.rows.as_ref(), &AUTHORITY, &key).await? else { return Ok(None) };
        let KeyRow { key } = decode_row(&key, &row.bytes)?;
        self.keys.learn(*kid, key);
        Ok(Some(key))
    }

    /// Admits a statement: what it names is here and is what it says.
    pub async fn admit(&self, statement: Verified<Statement>, now: TimeMs) -> Result<Admitted, IntakeRefusal> {
        self.admit_for(statement, now, &self.published).await
    }

    /// The same for somebody who may not name every published object: to them one is published if this says so.
    pub async fn admit_for(&self, statement: Verified<Statement>, now: TimeMs, named: &Published) -> Result<Admitted, IntakeRefusal> {
        if is_ahead(statement.time(), now) {
            return Err(IntakeRefusal::FromTheFuture { time: statement.time(), now });
        }
        if is_behind(statement.time(), now) {
            return Err(IntakeRefusal::FromThePast { time: statement.time(), now });
        }
        let lease = match statement.event() {
            Event::Package(PackageEvent::ReleasePublished(published)) => self.admit_release(&statement, published, named).await?,
            Event::Package(PackageEvent::ReleaseDeprecated(_)) => self.admit_message(&statement, named).await?,
            Event::Domain(DomainEvent::Claimed(DomainClaimed { evidence, .. })) => self.admit_evidence(*evidence).await?,
            Event::Domain(DomainEvent::RecoveryOpened(DomainRecoveryOpened { evidence, .. })) => self.admit_evidence(*evidence).await?,
            Event::Domain(DomainEvent::RecoveryCompleted(DomainRecoveryCompleted { evidence, .. })) => {
                self.admit_evidence(*evidence).await?
            }
            // They name no object, and need nothing that the log does not have.
            Event::Registry(RegistryEvent::Created(_) | RegistryEvent::RulesChanged(_) | RegistryEvent::SuffixesChanged(_))
            | Event::Domain(
                DomainEvent::KeysChanged(_)
                | DomainEvent::Frozen(_)
                | DomainEvent::Thawed(_)
                | DomainEvent::Transferred(_)
                | DomainEvent::Released(_)
                | DomainEvent::RecoveryContested(_)
                | DomainEvent::Granted(_)
                | DomainEvent::Revoked(_),
            )
            | Event::Package(
                PackageEvent::ReleaseYanked(_)
                | PackageEvent::ReleaseUnyanked(_)
                | PackageEvent::ChannelSet(_)
                | PackageEvent::ChannelRemoved(_),
            ) => self.lease(Vec::new()).await,
        };
        Ok(Admitted { statement: Arc::new(statement), lease })
    }

    /// Takes published objects off every account. Called when the event is in the log. A crash before the notes are gone leaves notes of
    /// what is published, which the next start clears.
    pub fn pinned(&self, objects: &[Sha256Digest]) {
        let notes = self.budget.settle(objects);
        if notes.is_empty() {
            return;
        }
        let objects = Arc::clone(&self.objects);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Nobody waits for it: what fails is cleared by the sweep's next look, or by the next start.
            runtime.spawn(async move { objects.forget(Left::Note, notes).await });
        }
    }

    /// Whoever says that there is nothing to show says it where nobody else listens.
    async fn admit_evidence(&self, evidence: Evidence) -> Result<Lease, IntakeRefusal> {
        if evidence == Evidence::Localhost && !self.policy.allow_local_claims {
            return Err(IntakeRefusal::LocalClaims);
        }
        Ok(self.lease(Vec::new()).await)
    }

    async fn lease(&self, objects: Vec<Sha256Digest>) -> Lease {
        let _open = self.gate.read().await;
        self.leases.take(objects)
    }

    async fn admit_message(&self, statement: &Statement, named: &Published) -> Result<Lease, IntakeRefusal> {
        let Some(message) = FactsNeeded::by(statement.event()).message else {
            return Ok(self.lease(Vec::new()).await);
        };
        let lease = self.lease(vec![message.sha256]).await;
        self.may_name(self.account_of(statement).await?.as_ref(), &[message], named).await?;
        let bytes = self.checked(&message, limits::MESSAGE_BYTES as u64).await?;
        match FactsNeeded::read_message(&bytes) {
            Fact::Present(_) => Ok(lease),
            Fact::Withheld | Fact::Unreadable(_) => Err(IntakeRefusal::Message),
        }
    }

    async fn admit_release(&self, statement: &Statement, published: &ReleasePublished, named: &Published) -> Result<Lease, IntakeRefusal> {
        let first = self.lease(vec![published.manifest.sha256]).await;
        let account = self.account_of(statement).await?;
        self.may_name(account.as_ref(), &[published.manifest], named).await?;
        // Held until it is admitted; who is large waits for others that are.
        let size = published.manifest.size.min(limits::MANIFEST_BYTES as u64);
        let room = self.manifests.room(size * MANIFEST_READ).await.map_err(no_room)?;
        let bytes = self.checked(&published.manifest, limits::MANIFEST_BYTES as u64).await?;
        let decoded = Manifest::decode(&bytes).map_err(|e| IntakeRefusal::Manifest(e.to_string()))?;
        if FactsNeeded::read_manifest(statement, &bytes) != Fact::Present(decoded.clone()) {
            return Err(IntakeRefusal::Manifest("it does not agree with its statement".to_owned()));
        }
        let manifest = decoded;
        let mut objects: Vec<ObjectRef> = manifest.objects().collect();
        objects.sort();
        objects.dedup();
        let mut held: Vec<Sha256Digest> = objects.iter().map(|object| object.sha256).collect();
        held.push(published.manifest.sha256);
        let lease = self.lease(held).await;
        drop(first);
        self.may_name(account.as_ref(), &objects, named).await?;
        // Small artifacts are read where others are looked for: a look costs as much.
        let mut held: BTreeMap<Sha256Digest, Bytes> = BTreeMap::new();
        let mut left = HELD_BYTES;
        let artifacts: BTreeSet<Sha256Digest> = manifest.artifacts.iter().map(|artifact| artifact.digests.sha256).collect();
        for object in &objects {
            if object.size <= left && artifacts.contains(&object.sha256) {
                held.insert(object.sha256, self.whole(object, left).await?);
                left -= object.size;
            } else {
                self.present(object).await?;
            }
        }
        self.inspect(manifest, published, held, room).await?;
        Ok(lease)
    }

    /// The domain on whose account a statement finds what is not published: the one that speaks, where one of its keys has signed.
    async fn account_of(&self, statement: &Statement) -> Result<Option<Domain>, IntakeRefusal> {
        let Speaker::Domain { domain, .. } = statement.speaker() else { return Ok(None) };
        let Some(row) = self.domain_row(domain).await? else { return Ok(None) };
        let kid = statement.kid();
        let is_own = match statement.by() {
            None => row.keys.iter().any(|registered| registered.key.id() == kid),
            Some(grant) => self.grant_row(&grant, domain, &row).await?.is_some_and(|grant| grant.key.id() == kid),
        };
        Ok(is_own.then(|| domain.clone()))
    }

    /// That objects are published, or on this account. Any other one is missing, whether it is here or not: what a domain has uploaded and
    /// not published is nobody else's business.
    async fn may_name(&self, account: Option<&Domain>, objects: &[ObjectRef], named: &Published) -> Result<(), IntakeRefusal> {
        let is_own = |object: &&ObjectRef| account.is_some_and(|domain| self.budget.is_here(domain, &object.sha256));
        let others: Vec<&ObjectRef> = objects.iter().filter(|object| !is_own(object)).collect();
        if others.is_empty() {
            return Ok(());
        }
        let published = named(others.iter().map(|object| object.sha256).collect()).await?;
        match others.iter().zip(published).find(|(_, is_published)| !is_published) {
            Some((object, _)) => Err(missing(object)),
            None => Ok(()),
        }
    }

    /// That an object is here with this size.
    async fn present(&self, object: &ObjectRef) -> Result<(), IntakeRefusal> {
        let address = object.sha256.to_address();
        match self.objects.stat(&object.sha256).await? {
            None => Err(IntakeRefusal::ObjectMissing { address }),
            Some(stat) if stat.object.size != object.size => {
                Err(IntakeRefusal::ObjectSize { address, found: stat.object.size, expected: object.size })
            }
            Some(_) => Ok(()),
        }
    }

    /// A small object, whole, its digest checked.
    async fn checked(&self, object: &ObjectRef, limit: u64) -> Result<Bytes, IntakeRefusal> {
        let bytes = self.whole(object, limit).await?;
        if object.matches(&bytes) { Ok(bytes) } else { Err(missing(object)) }
    }

    /// A small object, whole; its digest is not checked.
    async fn whole(&self, object: &ObjectRef, limit: u64) -> Result<Bytes, IntakeRefusal> {
        match self.objects.get(&object.sha256, limit).await {
            Ok(Some(bytes)) if bytes.len() as u64 == object.size => Ok(bytes),
            // What is wrong with it is said in the words of every other object.
            other => {
                self.present(object).await?;
                other?;
                Err(missing(object))
            }
        }
    }

    /// Lets the dialect read the artifacts again, on a blocking thread, and compares what it says with the manifest.
    async fn inspect(
        &self,
        manifest: Manifest,
        published: &ReleasePublished,
        held: BTreeMap<Sha256Digest, Bytes>,
        room: Room,
    ) -> Result<(), IntakeRefusal> {
        let ecosystem = manifest.id.ecosystem().clone();
        let Some(dialect) = self.dialect(ecosystem.as_str()).cloned() else {
            return Err(IntakeRefusal::UnknownEcosystem { found: ecosystem.to_string(), known: self.ecosystems().join(", ") });
        };
        if dialect.principal(&manifest) != published.principal {
            return Err(IntakeRefusal::PrincipalDiffers);
        }
        self.check_native_name(dialect.as_ref(), &manifest).await?;
        let artifacts = manifest.artifacts.iter().map(|artifact| {
            let source = StoredArtifact {
                objects: Arc::clone(&self.objects),
                handle: tokio::runtime::Handle::current(),
                artifact: artifact.clone(),
                digests: artifact.digests,
                held: held.get(&artifact.digests.sha256).cloned(),
            };
            (source, self.uploaded.get(&artifact.digests.sha256))
        });
        let artifacts: Vec<(StoredArtifact, Option<Digests>)> = artifacts.collect();
        let (said_id, said_version) = (manifest.id.clone(), manifest.version.clone());
        // What a thread says as it ends is for the operator.
        let unreadable = |e: tokio::task::JoinError| IntakeRefusal::Store(StoreError::medium("inspecting artifacts", e));
        let inspected = self.inspected.room(dialect.inspection_bytes(&manifest)).await.map_err(no_room)?;
        let one = Arc::clone(&self.inspections).acquire_owned().await.map_err(no_room)?;
        // One thread for all of it: five digests of a megabyte take milliseconds, and so does unpacking it.
        let inspected = tokio::task::spawn_blocking(move || {
            // It goes on where its publisher went away, and what it holds is counted until it ends.
            let _held = (room, inspected, one);
            for (source, uploaded) in &artifacts {
                check_digests(source, *uploaded)?;
            }
            let sources: Vec<&dyn ArtifactSource> = artifacts.iter().map(|(source, _)| source as &dyn ArtifactSource).collect();
            Ok::<_, IntakeRefusal>(dialect.inspect(&Said { id: Some(&said_id), version: Some(&said_version) }, &sources)?)
        })
        .await
        .map_err(unreadable)??;
        let expected = Manifest { source: manifest.source, ..inspected.manifest };
        match first_difference(&expected, &manifest) {
            Some(what) => Err(IntakeRefusal::ManifestDiffers(what)),
            None => Ok(()),
        }
    }

    /// That a package's first release does not take a native name that belongs to another domain. A claim that comes meanwhile
    /// is not seen: the projection looks again, at the entry's own place in the log.
    async fn check_native_name(&self, dialect: &dyn Dialect, manifest: &Manifest) -> Result<(), IntakeRefusal> {
        let before = dialect.domains_before(&manifest.id);
        if before.is_empty() {
            return Ok(());
        }
        let mut keys = vec![package_key(&manifest.id)?];
        for domain in &before {
            keys.push(domain_key(domain)?);
        }
        let found = self.rows.read(&AUTHORITY, &keys).await?;
        let Some((None, claimed)) = found.split_first() else { return Ok(()) };
        match before.into_iter().zip(claimed).find(|(_, row)| row.is_some()) {
            Some((domain, _)) => Err(IntakeRefusal::NativeNameOfDomain { native_name: manifest.native_name.clone(), domain }),
            None => Ok(()),
        }
    }

    /// Removes objects that are older than `older_than_ms` (`UNREFERENCED_MS` is the rule), that no event refers to and that nobody is about to. Since an
    /// object's lease outlives the folding of its event, no object falls between rows and leases. Parts of that age go too, and what is
    /// gone or published is on no account.
    pub async fn sweep(&self, now: TimeMs, older_than_ms: u64) -> Result<u64, IntakeRefusal> {
        let is_old = |stat: &ObjectStat| stat.modified_ms.saturating_add(older_than_ms) < now.as_ms();
        let mut removed = 0;
        let mut list = self.objects.list().await?;
        while let Some(stat) = list.next().await {
            let stat = stat?;
            let address = stat.object.sha256;
            if !is_old(&stat) {
                continue;
            }
            // Nobody takes a lease while this gate is closed: what is neither leased nor in a row now stays so until it
            // is gone, and an admission that comes next finds it missing.
            let _closed = self.gate.write().await;
            if self.leases.holds(&address) || self.is_published(address).await? || self.budget.is_coming(&address) {
                continue;
            }
            // It was listed some time ago. What was uploaded again since has a day before it again.
            if self.objects.stat(&address).await?.is_some_and(|stat| is_old(&stat)) {
                self.objects.delete(&address).await?;
                self.objects.forget(Left::Note, self.budget.settle(&[address])).await?;
                removed += 1;
            }
        }
        removed += self.objects.sweep_temporary(older_than_ms).await?;
        removed += self.sweep_accounts(earlier(now, older_than_ms)).await?;
        Ok(removed)
    }
}

/// That an artifact's digests are those of its stored bytes: all but the address are claims of the publisher until they were
/// computed, when this process took the upload or now. An object in place is never changed; damage on the disk is found by
/// its readers, and by fsck.
fn check_digests(source: &StoredArtifact, uploaded: Option<Digests>) -> Result<(), IntakeRefusal> {
    let object = source.artifact.object();
    let digests = match uploaded {
        Some(digests) => digests,
        None => match source.hash() {
            Ok((size, digests)) if size == object.size && digests.sha256 == object.sha256 => digests,
            Ok(_) => return Err(missing(&object)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing(&object)),
            Err(error) => return Err(StoreError::medium(format!("reading object {}", object.sha256.to_address()), error).into()),
        },
    };
    if digests == source.digests { Ok(()) } else { Err(IntakeRefusal::ManifestDiffers("an artifact's digests")) }
}

/// The door is never closed while somebody waits at it.
fn no_room(error: tokio::sync::AcquireError) -> IntakeRefusal {
    IntakeRefusal::Manifest(format!("its artifacts could not be read: {error}"))
}

fn missing(object: &ObjectRef) -> IntakeRefusal {
    IntakeRefusal::ObjectMissing { address: object.sha256.to_address() }
}

fn first_difference(expected: &Manifest, found: &Manifest) -> Option<&'static str> {
    let checks = [
        ("the package id", expected.id == found.id),
        ("the version", expected.version == found.version),
        ("the native name", expected.native_name == found.native_name),
        ("the native version", expected.native_version == found.native_version),
        ("the artifacts", expected.artifacts == found.artifacts),
        ("the metadata", expected.metadata == found.metadata),
        ("the ecosystem's own metadata", expected.native == found.native),
    ];
    checks.into_iter().find(|(_, same)| !same).map(|(what, _)| what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;
    use deedbox_store::Objects;
    use deedbox_store::memory::{MemoryObjects, MemoryRows};
    use std::time::Duration;

    const DAY_MS: u64 = 1_000;

    fn door(objects: &MemoryObjects, published: Published) -> Door {
        let origin = "registry.example".parse().unwrap();
        Door::new(origin, Arc::new(objects.clone()), Arc::new(MemoryRows::default()), Vec::new(), Policy::default(), published)
    }

    #[tokio::test]
    async fn what_is_uploaded_again_while_the_sweep_looks_at_it_stays() {
        let objects = MemoryObjects::new();
        let object = objects.put(Bytes::from_static(b"uploaded")).await.unwrap();
        let listed = objects.stat(&object.sha256).await.unwrap().unwrap().modified_ms;
        let now = TimeMs::new(listed + DAY_MS + 1).unwrap();
        let again = objects.clone();
        let uploading: Published = Arc::new(move |of| {
            let again = again.clone();
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                again.put(Bytes::from_static(b"uploaded")).await?;
                Ok(vec![false; of.len()])
            })
        });
        assert_eq!(door(&objects, uploading).sweep(now, DAY_MS).await.unwrap(), 0);
        assert!(objects.stat(&object.sha256).await.unwrap().is_some());
        let nobody: Published = Arc::new(|of| Box::pin(async move { Ok(vec![false; of.len()]) }));
        let later = now.plus_ms(DAY_MS * 60);
        assert_eq!(door(&objects, nobody).sweep(later, DAY_MS).await.unwrap(), 1);
    }
}
