//! The law of rows: whatever is written, in whatever batches, a store says what a plain ordered map says, also after it
//! was opened again.

use super::rows::{LONG, NPM_1, NPM_2};
use crate::{RowBatch, RowStore, StoreError};
use async_trait::async_trait;
use deedbox_model::{ProjectionId, Row, RowKey};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A place where rows are kept, that can be left and opened again.
#[async_trait]
pub trait Reopen {
    /// Opens it; the store that was opened before has been dropped. A store that lives in memory only gives the same.
    async fn open(&self) -> Arc<dyn RowStore>;
}

#[derive(Debug, Clone)]
enum Step {
    /// Batches that continue their cursors: projection, entries, changes.
    Commit(Vec<(usize, u64, Changes)>),
    /// A batch that does not.
    Stale(usize, Changes),
    Clear(usize),
}

const PROJECTIONS: [ProjectionId; 3] = [NPM_1, NPM_2, LONG];

/// New bytes, or none to delete.
type Changes = BTreeMap<String, Option<Vec<u8>>>;

type Model = BTreeMap<ProjectionId, (u64, BTreeMap<String, Row>)>;

fn changes() -> impl Strategy<Value = Changes> {
    // Few characters, so that keys meet again: those that mean something to some store, and both ends of the alphabet.
    btree_map("[a/0%_'\"\\\\~!A]{1,4}", proptest::option::weighted(0.7, vec(any::<u8>(), 0..40)), 0..30)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => vec((0..PROJECTIONS.len(), 0..5_u64, changes()), 1..4).prop_map(Step::Commit),
        1 => (0..PROJECTIONS.len(), changes()).prop_map(|(projection, changes)| Step::Stale(projection, changes)),
        1 => (0..PROJECTIONS.len()).prop_map(Step::Clear),
    ];
    vec(step, 1..8)
}

/// Random batches against a plain map, on new places that `make` gives; opened again after each step.
pub fn rows_against_a_model(make: impl Fn() -> Box<dyn Reopen>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let question = ("[a/0%_~!]{0,2}", proptest::option::of("[a/0%_~!]{0,3}"), 0..20_u32);
    let outcome = runner.run(&(steps(), vec(question, 1..6)), |(steps, questions)| {
        runtime.block_on(run(&*make(), steps, questions));
        Ok(())
    });
    if let Err(e) = outcome {
        panic!("{e}");
    }
}

async fn run(place: &dyn Reopen, steps: Vec<Step>, questions: Vec<(String, Option<String>, u32)>) {
    let mut model = Model::new();
    let mut store = place.open().await;
    for step in steps {
        apply(&mut model, &store, step).await;
        drop(store);
        store = place.open().await;
        compare(&model, &store, &questions).await;
    }
}

async fn apply(model: &mut Model, store: &Arc<dyn RowStore>, step: Step) {
    match step {
        Step::Commit(parts) => {
            let mut batches = Vec::new();
            for (projection, entries, changes) in parts {
                let (cursor, rows) = model.entry(PROJECTIONS[projection].clone()).or_default();
                let (from, to) = (*cursor, *cursor + entries);
                *cursor = to;
                for (key, bytes) in &changes {
                    match bytes {
                        Some(bytes) => rows.insert(key.clone(), Row { bytes: bytes.clone().into(), seq: from }),
                        None => rows.remove(key),
                    };
                }
                batches.push(batch_of(projection, from, to, changes));
            }
            store.commit(&batches).await.unwrap();
        }
        Step::Stale(projection, changes) => {
            let from = model.get(&PROJECTIONS[projection]).map_or(0, |(cursor, _)| *cursor) + 1;
            let moved = store.commit(&[batch_of(projection, from, from + 1, changes)]).await;
            assert!(matches!(moved, Err(StoreError::CursorMoved { .. })));
        }
        Step::Clear(projection) => {
            model.remove(&PROJECTIONS[projection]);
            store.clear(&PROJECTIONS[projection]).await.unwrap();
        }
    }
}

fn batch_of(projection: usize, from: u64, to: u64, changes: Changes) -> RowBatch {
    let changes =
        changes.into_iter().map(|(key, bytes)| (RowKey::new(key).unwrap(), bytes.map(|bytes| Row { bytes: bytes.into(), seq: from })));
    RowBatch { projection: PROJECTIONS[projection].clone(), from, to, changes: changes.collect() }
}

async fn compare(model: &Model, store: &Arc<dyn RowStore>, questions: &[(String, Option<String>, u32)]) {
    let nothing = (0, BTreeMap::new());
    for projection in &PROJECTIONS {
        let (cursor, rows) = model.get(projection).unwrap_or(&nothing);
        assert_eq!(store.cursor(projection).await.unwrap(), *cursor);
        let all = store.scan(projection, "", None, u32::MAX).await.unwrap();
        assert!(all.iter().map(|(key, row)| (key.as_str(), row)).eq(rows.iter().map(|(key, row)| (key.as_str(), row))));
        // Each key that is there, and one beside each that mostly is not.
        let keys: Vec<RowKey> = rows.keys().flat_map(|key| [key.clone(), format!("{key}!")]).map(|key| RowKey::new(key).unwrap()).collect();
        let read = store.read(projection, &keys).await.unwrap();
        assert!(read.iter().map(Option::as_ref).eq(keys.iter().map(|key| rows.get(key.as_str()))));
        for (prefix, after, limit) in questions {
            let expected = rows
                .iter()
                .filter(|(key, _)| key.starts_with(prefix.as_str()) && after.as_ref().is_none_or(|after| *key > after))
                .take(*limit as usize);
            let found = store.scan(projection, prefix, after.as_deref(), *limit).await.unwrap();
            assert!(found.iter().map(|(key, row)| (key.as_str(), row)).eq(expected.map(|(key, row)| (key.as_str(), row))));
        }
    }
}
