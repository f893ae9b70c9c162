//! The objects that the tables' statements name.

use super::judged::Case;
use deedbox_model::ObjectRef;
use deedbox_store::{MemoryObjects, Objects as _};
use deedbox_testkit::manifest;
use std::sync::Arc;

/// What the tables' statements name: small files, their manifests, and messages.
pub(crate) async fn objects_of(told: &[Case]) -> Arc<MemoryObjects> {
    let objects = MemoryObjects::default();
    for text in ["use gadget", "old"] {
        objects.put(text.as_bytes().into()).await.unwrap();
    }
    for case in told {
        let (Some(event), Some(id)) = (case.statement.event().published(), case.statement.package()) else { continue };
        for bytes in [format!("{id}@{}", event.version).into_bytes(), b"x".to_vec()] {
            let mut manifest = manifest(id.as_str(), event.version.as_str(), &bytes);
            manifest.native_name = event.native_name.clone();
            manifest.native_version = event.native_version.clone();
            let encoded = manifest.encode().unwrap();
            if ObjectRef::of(&encoded) == event.manifest {
                objects.put(encoded.into()).await.unwrap();
                objects.put(bytes.into()).await.unwrap();
            }
        }
    }
    Arc::new(objects)
}
