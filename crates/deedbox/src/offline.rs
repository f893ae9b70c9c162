//! A registry that is not running, by its data directory: for `replay` and `fsck`. Takes its stores, so that nobody writes
//! meanwhile.

use crate::failure::{refused, wrong};
use deedbox_authority::DECIDERS;
use deedbox_catalog::Catalog;
use deedbox_model::{Origin, ProjectionId, Protocol, Statement};
use deedbox_replay::Folder;
use deedbox_store::{Opening, RowStore, StoreSettings, Stores};
use deedbox_tlog::bundle::{BundleId, parse_entries};
use deedbox_tlog::key::KeyKind;
use deedbox_tlog::{CHECKPOINT_PATH, KeyName, SignedCheckpoint, VerifiedCheckpoint, VerifierKey};
use deedbox_view::Projection;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The stores of one registry, and its name.
pub(crate) struct Offline {
    pub(crate) data: PathBuf,
    pub(crate) stores: Stores,
    pub(crate) origin: Origin,
}

#[derive(Deserialize)]
struct RegistryFile {
    origin: Origin,
}

impl Offline {
    /// Opens an existing data directory; makes none.
    pub(crate) fn open(data: &Path) -> anyhow::Result<Self> {
        let path = data.join("registry.json");
        let bytes = std::fs::read(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => wrong(format!("{} holds no registry: name its data directory with --data", data.display())),
            _ => wrong(format!("{}: {e}", path.display())),
        })?;
        let file: RegistryFile = serde_json::from_slice(&bytes).map_err(|e| refused(format!("{}: {e}", path.display())))?;
        let stores = Stores::open(&StoreSettings::in_folder(data), Opening::ToWrite)?;
        Ok(Offline { data: data.to_owned(), stores, origin: file.origin })
    }

    /// The checkpoint, verified by a key that entry 0 names, and these keys.
    pub(crate) async fn checkpoint(&self) -> anyhow::Result<(VerifiedCheckpoint, Vec<VerifierKey>)> {
        let missing = |path: &str| refused(format!("{}: {path} is missing from the log's files", self.data.join("log").display()));
        let bytes = self.stores.log.head.get().await?.ok_or_else(|| missing(CHECKPOINT_PATH))?;
        let signed = SignedCheckpoint::parse(&bytes).map_err(|e| refused(format!("the log's checkpoint: {e}")))?;
        let keys = self.log_keys(signed.unverified().size()).await?;
        let name = KeyName::new(self.origin.as_str()).map_err(|e| refused(e.to_string()))?;
        let checkpoint = signed.verify(&name, &keys, &[]).map_err(|e| refused(format!("the log's checkpoint: {e}")))?;
        Ok((checkpoint, keys))
    }

    async fn log_keys(&self, size: u64) -> anyhow::Result<Vec<VerifierKey>> {
        let id = BundleId::holding(0, size)?;
        let bytes = match self.stores.log.files.get(&id.path()).await? {
            Some(bytes) => bytes,
            None => return Err(refused(format!("{} is missing from the log's files", id.path()))),
        };
        let entries = parse_entries(id, &bytes)?;
        let first = entries.first().ok_or_else(|| refused("the log has no entry"))?;
        let statement = Statement::decode(Protocol::BEGINNING, first).map_err(|e| refused(format!("entry 0: {e}")))?;
        let Some(created) = statement.peek().event().created() else {
            return Err(refused("entry 0 is not the creation of a registry"));
        };
        let name = KeyName::new(self.origin.as_str())?;
        let key = |key: &deedbox_model::PublicKey| VerifierKey::new(name.clone(), KeyKind::Ed25519, &key.to_bytes());
        Ok(created.log_keys.iter().map(key).collect::<Result<_, _>>()?)
    }

    /// What folds this registry's log into rows.
    pub(crate) fn folder(&self, rows: Arc<dyn RowStore>) -> Folder {
        Folder { rows, objects: Arc::clone(&self.stores.objects), projections: projections(), deciders: DECIDERS }
    }
}

/// What folds the rows of every view of this program.
pub(crate) fn projections() -> Vec<Arc<dyn Projection>> {
    let mut projections: Vec<Arc<dyn Projection>> = vec![Arc::new(Catalog)];
    projections.extend(crate::ecosystems::projections());
    projections
}

/// The rows of every view, authority's first.
pub(crate) fn projection_ids() -> Vec<ProjectionId> {
    std::iter::once(deedbox_authority::PROJECTION).chain(projections().into_iter().map(|projection| projection.id())).collect()
}
