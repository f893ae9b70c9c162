//! What the port of rows does for an adapter that has no more than it must.

use crate::conformance;
use crate::{MemoryRows, ProjectionId, RowBatch, RowStore, StoreError};
use async_trait::async_trait;
use deedbox_model::{Row, RowKey};

struct Plain(MemoryRows);

#[async_trait]
impl RowStore for Plain {
    async fn cursor(&self, projection: &ProjectionId) -> Result<u64, StoreError> {
        self.0.cursor(projection).await
    }
    async fn read(&self, projection: &ProjectionId, keys: &[RowKey]) -> Result<Vec<Option<Row>>, StoreError> {
        self.0.read(projection, keys).await
    }
    async fn scan(
        &self,
        projection: &ProjectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(RowKey, Row)>, StoreError> {
        self.0.scan(projection, prefix, after, limit).await
    }
    async fn commit(&self, batches: &[RowBatch]) -> Result<(), StoreError> {
        self.0.commit(batches).await
    }
    async fn clear(&self, projection: &ProjectionId) -> Result<(), StoreError> {
        self.0.clear(projection).await
    }
    async fn generations(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.0.generations().await
    }
    async fn drop_generation(&self, id: &str) -> Result<(), StoreError> {
        self.0.drop_generation(id).await
    }
    async fn close(&self) {
        self.0.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_only_scans_whole_pages_keeps_the_promises_of_rows() {
    conformance::rows(async || Plain(MemoryRows::new())).await;
}
