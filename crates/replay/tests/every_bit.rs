//! Every bit of every object, and every bit of every row of a small log with each kind of statement (its value, its key, the entry
//! that wrote it last, the cursor of its projection) is flipped once, and found and named by the functions that `deedbox fsck` calls.
//! That `fsck` itself says so is tested on a real data directory, with one bit of each row and object (tests/tests/fsck.rs).
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use deedbox_authority::DECIDERS;
use deedbox_catalog::Catalog;
use deedbox_model::event::{Event, Notice, ReleaseDeprecated, ReleasePublished};
use deedbox_model::{ObjectRef, ProjectionId, ReasonCode, Row, RowKey, Verified, Version};
use deedbox_npm::Npm;
use deedbox_replay::objects::check_references;
use deedbox_replay::{Folder, Leaf, ReplayError, check_object, check_objects, check_rows};
use deedbox_store::{MemoryRows, Opening, RowBatch, RowStore, StoreSettings, Stores, open_rows_in};
use deedbox_testkit::archives::tgz;
use deedbox_testkit::folding::Bytes;
use deedbox_testkit::{Owner, Registry, secret, time};
use deedbox_view::{Dialect as _, Projection};
use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

const WIDGET: &str = "npm:acme.example/widget";
const MESSAGE: &str = "use 1.1.0";

/// A small log, folded, and its objects on disk.
struct World {
    directory: tempfile::TempDir,
    stores: Stores,
    rows: MemoryRows,
    size: u64,
    manifests: Vec<ObjectRef>,
}

fn tarball(name: &str, version: &str) -> Vec<u8> {
    let package = format!("{{\"name\":\"@acme.example/{name}\",\"version\":\"{version}\",\"keywords\":[\"small\"]}}");
    tgz(&[("package/package.json", package.as_bytes()), ("package/README.md", b"# Small\n")])
}

impl World {
    async fn new() -> World {
        let directory = tempfile::tempdir().unwrap();
        let stores = Stores::open(&StoreSettings::in_folder(directory.path()), Opening::ToWrite).unwrap();
        let (rows, mut manifests) = (MemoryRows::new(), Vec::new());
        let registry = Registry::default();
        let (claim, owner) = registry.claim("acme.example", &secret(10), time(1));
        let first = publish(&stores, &owner, &mut manifests, WIDGET, "1.0.0", None).await;
        let second = publish(&stores, &owner, &mut manifests, WIDGET, "1.1.0", Some(&first)).await;
        let other = publish(&stores, &owner, &mut manifests, "npm:acme.example/gear", "2.0.0-rc.1", None).await;
        let message = stores.objects.put(MESSAGE.as_bytes().to_vec().into()).await.unwrap();
        let notice = Some(Notice { reason: ReasonCode::Superseded, message: Some(message) });
        let event = Event::from(ReleaseDeprecated { notice, version: Version::parse("1.0.0").unwrap() });
        let deprecated = owner.say(WIDGET, Some(second.id()), time(5), &event);
        let yanked = owner.yank(WIDGET, "1.0.0", deprecated.id(), time(6));
        let channel = owner.set_channel(WIDGET, "next", "1.1.0", yanked.id(), time(7));
        let stale = owner.yank(WIDGET, "1.1.0", first.id(), time(8));
        let said = [registry.created(time(0)), claim, first, second, other, deprecated, yanked, channel, stale];
        let mut leaves: Vec<Leaf> = said.into_iter().map(|statement| Leaf::Verified(Arc::new(statement))).collect();
        leaves.push(Leaf::Bytes(b"no statement".to_vec()));
        let size = leaves.len() as u64;
        let projections: Vec<Arc<dyn Projection>> = vec![Arc::new(Catalog), Arc::new(Npm::new())];
        let folder = Folder { rows: Arc::new(rows.clone()), objects: Arc::clone(&stores.objects), projections, deciders: DECIDERS };
        let folded = folder.fold(0, leaves).await.unwrap();
        assert_eq!((folded.entries, folded.void), (size, 2), "a late yank and what is not a statement are void, nothing else");
        World { directory, stores, rows, size, manifests }
    }

    async fn rows_of(&self, projection: &ProjectionId) -> Vec<(RowKey, Row)> {
        let rows = self.rows.scan(projection, "", None, 5_000).await.unwrap();
        assert!(rows.len() > 3, "{projection} has rows");
        rows
    }

    async fn stored(&self) -> Vec<ObjectRef> {
        let stored: Vec<_> = self.stores.objects.list().await.unwrap().try_collect().await.unwrap();
        stored.into_iter().map(|stat| stat.object).collect()
    }

    fn path_of(&self, object: &ObjectRef) -> PathBuf {
        self.directory.path().join("objects").join(deedbox_store::objects::object_path(&object.sha256))
    }
}

async fn publish(
    stores: &Stores,
    owner: &Owner,
    manifests: &mut Vec<ObjectRef>,
    id: &str,
    version: &str,
    prev: Option<&Verified<deedbox_model::Statement>>,
) -> Verified<deedbox_model::Statement> {
    let source = Bytes::new("given.tgz", tarball(id.rsplit('/').next().unwrap(), version));
    let inspection = Npm::new().inspect(&deedbox_view::Said::default(), &[&source]).unwrap();
    let manifest = &inspection.manifest;
    let bytes = manifest.encode().unwrap();
    for object in [Some(source.bytes.clone()), Some(bytes.clone()), inspection.readme.clone()].into_iter().flatten() {
        stores.objects.put(object.into()).await.unwrap();
    }
    manifests.push(ObjectRef::of(&bytes));
    let event = ReleasePublished {
        version: manifest.version.clone(),
        channels: inspection.channels.clone(),
        manifest: ObjectRef::of(&bytes),
        artifacts: manifest.artifacts.len() as u64,
        principal: Npm::new().principal(manifest),
        total_size: manifest.total_size(),
        native_name: manifest.native_name.clone(),
        native_version: manifest.native_version.clone(),
    };
    owner.say(id, prev.map(|statement| statement.id()), time(2 + manifests.len() as u64), &Event::from(event))
}

fn projections() -> [ProjectionId; 3] {
    [deedbox_authority::PROJECTION, deedbox_catalog::PROJECTION, deedbox_npm::PROJECTION]
}

/// The same bytes with each of their bits flipped in turn.
fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

/// Writes rows at a cursor where the store is already.
async fn write(rows: &dyn RowStore, projection: &ProjectionId, at: u64, changes: impl IntoIterator<Item = (RowKey, Option<Row>)>) {
    let changes = changes.into_iter().collect();
    rows.commit(&[RowBatch { projection: projection.clone(), from: at, to: at, changes }]).await.unwrap();
}

/// A store of these rows alone.
async fn fill(rows: &dyn RowStore, projection: &ProjectionId, cursor: u64, of: &[(RowKey, Row)]) {
    let changes = of.iter().map(|(key, row)| (key.clone(), Some(row.clone()))).collect();
    rows.commit(&[RowBatch { projection: projection.clone(), from: 0, to: cursor, changes }]).await.unwrap();
}

async fn said(found: &dyn RowStore, expected: &dyn RowStore, projection: &ProjectionId, size: u64) -> Vec<String> {
    let differences = check_rows(found, expected, projection, size, 100).await.unwrap();
    differences.iter().map(ToString::to_string).collect()
}

/// Each row with the one before it and the one after: what a walk over all of them sees around it, in a store so small that every
/// bit of it can be tried.
fn with_neighbours(rows: &[(RowKey, Row)]) -> impl Iterator<Item = (&(RowKey, Row), &[(RowKey, Row)])> {
    (0..rows.len()).map(|at| (&rows[at], &rows[at.saturating_sub(1)..rows.len().min(at + 2)]))
}

#[tokio::test]
async fn every_flipped_bit_of_every_row_is_found_and_its_row_named() {
    let world = World::new().await;
    let mut tried = 0;
    for id in projections() {
        let all = world.rows_of(&id).await;
        for ((key, row), some) in with_neighbours(&all) {
            let (found, expected) = (MemoryRows::new(), MemoryRows::new());
            fill(&found, &id, world.size, some).await;
            fill(&expected, &id, world.size, some).await;
            assert_eq!(said(&found, &expected, &id, world.size).await, [""; 0]);

            let values = flips(&row.bytes).map(|bytes| (Row { bytes: bytes.into(), seq: row.seq }, "has other bytes than the log gives"));
            let entries = (0..64).map(|bit| {
                (Row { bytes: row.bytes.clone(), seq: row.seq ^ 1 << bit }, "names another entry as its last than the log gives")
            });
            for (flipped, what) in values.chain(entries) {
                write(&found, &id, world.size, [(key.clone(), Some(flipped))]).await;
                assert_eq!(said(&found, &expected, &id, world.size).await, [format!("row {key} of {id} {what}")]);
                tried += 1;
            }

            // Bits that make a key of no kind are tried where one can be stored: in SQLite.
            for flipped in flips(key.as_str().as_bytes()) {
                let Some(other) = String::from_utf8(flipped).ok().and_then(|text| RowKey::new(text).ok()) else { continue };
                let found = MemoryRows::new();
                fill(&found, &id, world.size, some).await;
                write(&found, &id, world.size, [(key.clone(), None), (other.clone(), Some(row.clone()))]).await;
                let said = said(&found, &expected, &id, world.size).await;
                assert!(said.contains(&format!("row {key} of {id} is missing")), "{said:?}");
                assert!(said.iter().any(|said| said.starts_with(&format!("row {other} of {id} "))), "{said:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 50_000, "{tried} bits");
}

#[tokio::test]
async fn every_flipped_bit_of_a_cursor_is_found_and_its_projection_named() {
    let world = World::new().await;
    for id in projections() {
        let all = world.rows_of(&id).await;
        for bit in 0..64 {
            let flipped = world.size ^ 1 << bit;
            let found = MemoryRows::new();
            fill(&found, &id, flipped, &all).await;
            let said = said(&found, &world.rows, &id, world.size).await;
            let [only] = said.as_slice() else { panic!("{said:?}") };
            assert!(only.starts_with(&format!("{id} ")) && only.contains(&format!(" {flipped} ")), "{only}");
            assert_eq!(only.contains("fold the rest"), flipped < world.size, "{only}");
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_that_leaves_no_key_does_not_hide_what_else_is_wrong() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let mut tried = 0;
    for id in projections() {
        let all = world.rows_of(&id).await;
        let mut kinds = BTreeSet::new();
        for ((key, _), some) in with_neighbours(&all) {
            // One row of each kind: each bit is a write to a file.
            if !kinds.insert(key.as_str().split_once('/').map_or(key.as_str(), |(kind, _)| kind)) {
                continue;
            }
            let folder = directory.path().join(format!("{id}-{}", kinds.len()));
            std::fs::create_dir(&folder).unwrap();
            let (file, rows) = (folder.join("rows.sqlite"), open_rows_in(&folder).await.unwrap());
            let (found, expected) = (rows.folded().as_ref(), MemoryRows::new());
            fill(found, &id, world.size, some).await;
            fill(&expected, &id, world.size, some).await;
            let mut raw = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).pragma("synchronous", "OFF").connect().await.unwrap();
            let table = format!("\"rows {id}\"");
            let row = sqlx::query(AssertSqlSafe(format!("SELECT rowid FROM {table} WHERE key = ?1"))).bind(key.as_str().to_owned());
            let rowid: i64 = row.fetch_one(&mut raw).await.unwrap().get(0);
            let rename = format!("UPDATE OR REPLACE {table} SET key = CAST(?1 AS TEXT) WHERE rowid = ?2");
            for flipped in flips(key.as_str().as_bytes()) {
                // What takes the place of another row is tried in memory.
                if some.iter().any(|(other, _)| other.as_str().as_bytes() == flipped) {
                    continue;
                }
                let query = sqlx::query(AssertSqlSafe(rename.clone())).bind(flipped.clone()).bind(rowid);
                assert_eq!(query.execute(&mut raw).await.unwrap().rows_affected(), 1);
                let said = said(found, &expected, &id, world.size).await;
                let shown = String::from_utf8_lossy(&flipped);
                assert!(said.contains(&format!("row {key} of {id} is missing")), "{shown}: {said:?}");
                assert!(said.iter().all(|said| said.contains(&id.to_string())), "{said:?}");
                tried += 1;
            }
            // Another row is wrong too: it is named beside the one that cannot be read.
            let query = sqlx::query(AssertSqlSafe(rename)).bind([key.as_str().as_bytes(), b"\n"].concat()).bind(rowid);
            query.execute(&mut raw).await.unwrap();
            if let Some((other, row)) = some.iter().find(|(other, _)| other != key) {
                write(found, &id, world.size, [(other.clone(), Some(Row { bytes: b"?"[..].into(), ..row.clone() }))]).await;
                let said = said(found, &expected, &id, world.size).await;
                assert!(said.iter().any(|said| said.starts_with(&format!("{id} has a row that cannot be read"))), "{said:?}");
                for wrong in [format!("row {key} of {id} is missing"), format!("row {other} of {id} has other bytes than the log gives")] {
                    assert!(said.contains(&wrong), "{wrong}: {said:?}");
                }
            }
        }
    }
    assert!(tried > 2_000, "{tried} bits");
}

#[tokio::test]
async fn every_flipped_bit_of_every_object_is_found_and_its_address_named() {
    let world = World::new().await;
    let stored = world.stored().await;
    assert!(stored.len() >= 7, "manifests, tarballs, a readme, a message: {stored:?}");
    let mut tried = 0;
    for object in &stored {
        let path = world.path_of(object);
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(check_object(world.stores.objects.as_ref(), *object).await.unwrap(), None);
        for flipped in flips(&whole) {
            std::fs::write(&path, flipped).unwrap();
            let finding = check_object(world.stores.objects.as_ref(), *object).await.unwrap().expect("a flipped bit that nobody finds");
            assert_eq!(finding.to_string(), format!("object {} has other bytes than its address says", object.sha256.to_address()));
            tried += 1;
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert!(tried > 10_000, "{tried} bits");
    assert_eq!(check_objects(world.stores.objects.as_ref(), &|_| {}).await.unwrap(), []);
}

#[tokio::test]
async fn damage_in_all_objects_at_once_names_each_and_none_that_never_was() -> Result<(), ReplayError> {
    let world = World::new().await;
    let stored = world.stored().await;
    for object in &stored {
        let path = world.path_of(object);
        let whole = std::fs::read(&path).unwrap();
        // Within a manifest this is, for one of them at least, a digest of another object.
        for flipped in flips(&whole).step_by(101) {
            std::fs::write(&path, flipped).unwrap();
            assert_eq!(check_references(world.stores.objects.as_ref(), world.manifests.clone()).await?, [], "what a damaged manifest says");
        }
    }
    let findings = check_objects(world.stores.objects.as_ref(), &|_| {}).await?;
    let named: BTreeSet<_> = findings.iter().map(|finding| finding.address).collect();
    assert_eq!(named, stored.iter().map(|object| object.sha256).collect());
    assert_eq!(findings.len(), stored.len());
    Ok(())
}
