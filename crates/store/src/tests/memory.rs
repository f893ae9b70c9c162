//! The adapters in memory.

use crate::conformance::{self, Reopen};
use crate::{FileHead, MemoryCommits, MemoryFiles, MemoryObjects, MemoryRows, RowStore};
use async_trait::async_trait;
use std::sync::Arc;

#[tokio::test]
async fn commits_in_memory_conform() {
    conformance::commits(async || MemoryCommits::new()).await;
}

#[tokio::test]
async fn files_in_memory_conform() {
    conformance::files(async || MemoryFiles::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_in_memory_conforms() {
    conformance::head(async || FileHead::new(Arc::new(MemoryFiles::new()), "checkpoint")).await;
}

#[tokio::test]
async fn objects_in_memory_conform() {
    conformance::objects(async || MemoryObjects::new()).await;
}

#[tokio::test]
async fn rows_in_memory_conform() {
    conformance::rows(async || MemoryRows::new()).await;
}

#[async_trait]
impl Reopen for MemoryRows {
    async fn open(&self) -> Arc<dyn RowStore> {
        Arc::new(self.clone())
    }
}

#[test]
fn rows_in_memory_say_what_a_map_says() {
    conformance::rows_against_a_model(|| Box::new(MemoryRows::new()));
}
