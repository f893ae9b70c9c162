//! Checking stored objects: that each has the bytes of its address, and that everything that events name is there.

use crate::fold::ReplayError;
use crate::limits::OBJECTS_AT_ONCE;
use deedbox_model::{Manifest, ObjectRef, Sha256Digest};
use deedbox_store::{InFull, Objects, StoreError};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sha2::Digest as _;
use std::fmt;

/// An object that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFinding {
    /// Its address.
    pub address: Sha256Digest,
    /// In words.
    pub what: String,
}

impl fmt::Display for ObjectFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "object {} {}", self.address.to_address(), self.what)
    }
}

/// Hashes every stored object, some at once. `seen` is told each object's size.
pub async fn check_objects(objects: &dyn Objects, seen: &(dyn Fn(u64) + Sync)) -> Result<Vec<ObjectFinding>, ReplayError> {
    let list = objects.list().await?;
    let findings: Vec<Option<ObjectFinding>> = list
        .map_err(ReplayError::from)
        .map_ok(|stat| async move {
            seen(stat.object.size);
            check_object(objects, stat.object).await
        })
        .try_buffer_unordered(OBJECTS_AT_ONCE)
        .try_collect()
        .await?;
    let mut findings: Vec<ObjectFinding> = findings.into_iter().flatten().collect();
    findings.sort_by_key(|finding| finding.address);
    Ok(findings)
}

/// The objects of these manifests that are not there, or have another size. `manifests` are references to manifests. What a
/// damaged manifest names says nothing: it is `check_objects` that finds it.
pub async fn check_references(objects: &dyn Objects, manifests: Vec<ObjectRef>) -> Result<Vec<ObjectFinding>, ReplayError> {
    let found: Vec<Vec<ObjectFinding>> =
        stream::iter(manifests).map(|manifest| references_of(objects, manifest)).buffered(OBJECTS_AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn references_of(objects: &dyn Objects, manifest: ObjectRef) -> Result<Vec<ObjectFinding>, ReplayError> {
    let bytes = match objects.get(&manifest.sha256, deedbox_model::limits::MANIFEST_BYTES as u64).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(vec![ObjectFinding { address: manifest.sha256, what: "is missing: it is a release manifest".to_owned() }]),
        Err(StoreError::Damaged { details }) => {
            return Ok(vec![ObjectFinding { address: manifest.sha256, what: format!("is damaged: {}", details.why()) }]);
        }
        Err(error) => return Err(error.into()),
    };
    // Damage may leave a manifest that decodes, and names objects that never were.
    if !manifest.matches(&bytes) {
        return Ok(Vec::new());
    }
    // One that does not decode was let in so, and is unreadable for everyone.
    let Ok(decoded) = Manifest::decode(&bytes) else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for object in decoded.objects() {
        let what = match objects.stat(&object.sha256).await? {
            None => format!("is missing: {}@{} needs it", decoded.id, decoded.version),
            Some(stat) if stat.object.size != object.size => format!("has {} bytes instead of {}", stat.object.size, object.size),
            Some(_) => continue,
        };
        findings.push(ObjectFinding { address: object.sha256, what });
    }
    Ok(findings)
}

/// Hashes one stored object of this size.
pub async fn check_object(objects: &dyn Objects, object: ObjectRef) -> Result<Option<ObjectFinding>, ReplayError> {
    let finding = |what: String| Ok(Some(ObjectFinding { address: object.sha256, what }));
    let Some(mut stream) = objects.read(&object.sha256, 0..object.size).await? else {
        return finding("went away while it was being checked".to_owned());
    };
    let mut hash = sha2::Sha256::new();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => hash.update(&piece),
            Err(error) => return finding(format!("cannot be read: {}", InFull(&error))),
        }
    }
    if hash.finalize()[..] == object.sha256.0 { Ok(None) } else { finding("has other bytes than its address says".to_owned()) }
}
