//! The wrappers of ports whose writes are one call: commits, files, rows. Nothing of a write is visible unless all of it is.

use super::plan::{Fault, FaultPlan, failed};
use crate::commits::{Commits, Created};
use crate::error::StoreError;
use crate::files::Files;
use crate::rows::{RowBatch, RowStore, RowWork};
use async_trait::async_trait;
use bytes::Bytes;
use deedbox_model::ProjectionId;

/// Does a write as the plan says.
async fn planned<T>(fault: Option<Fault>, write: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match fault {
        None => write.await,
        Some(Fault::After) => {
            write.await?;
            Err(failed(Fault::After))
        }
        Some(fault) => Err(failed(fault)),
    }
}

/// Commits that fail by plan.
#[derive(Clone)]
pub struct FaultyCommits<C> {
    inner: C,
    plan: FaultPlan,
}

impl<C> FaultyCommits<C> {
    /// Wraps.
    pub fn new(inner: C, plan: FaultPlan) -> Self {
        FaultyCommits { inner, plan }
    }
}

#[async_trait]
impl<C: Commits> Commits for FaultyCommits<C> {
    async fn create(&self, number: u64, bytes: Bytes) -> Result<Created, StoreError> {
        let fault = self.plan.write(|| format!("commits.create {number}"))?;
        planned(fault, self.inner.create(number, bytes)).await
    }
    async fn read(&self, number: u64) -> Result<Option<Bytes>, StoreError> {
        self.plan.read()?;
        self.inner.read(number).await
    }
    async fn last(&self) -> Result<Option<u64>, StoreError> {
        self.plan.read()?;
        self.inner.last().await
    }
}

/// Files that fail by plan.
#[derive(Clone)]
pub struct FaultyFiles<F> {
    inner: F,
    plan: FaultPlan,
}

impl<F> FaultyFiles<F> {
    /// Wraps.
    pub fn new(inner: F, plan: FaultPlan) -> Self {
        FaultyFiles { inner, plan }
    }
}

#[async_trait]
impl<F: Files> Files for FaultyFiles<F> {
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        let fault = self.plan.write(|| format!("files.put {path}"))?;
        planned(fault, self.inner.put(path, bytes)).await
    }
    async fn get(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        self.plan.read()?;
        self.inner.get(path).await
    }
    async fn delete(&self, path: &str) -> Result<(), StoreError> {
        let fault = self.plan.write(|| format!("files.delete {path}"))?;
        planned(fault, self.inner.delete(path)).await
    }
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.plan.read()?;
        self.inner.list(prefix).await
    }
}

/// Rows that fail by plan.
#[derive(Clone)]
pub struct FaultyRows<R> {
    inner: R,
    plan: FaultPlan,
}

impl<R> FaultyRows<R> {
    /// Wraps.
    pub fn new(inner: R, plan: FaultPlan) -> Self {
        FaultyRows { inner, plan }
    }
}

#[async_trait]
impl<R: RowStore> RowStore for FaultyRows<R> {
    async fn with_rows(&self, projection: &ProjectionId, work: RowWork) -> Result<(), StoreError> {
        self.plan.read()?;
        self.inner.with_rows(projection, work).await
    }
    async fn commit(&self, batches: &[RowBatch]) -> Result<(), StoreError> {
        let fault = self.plan.write(|| {
            let parts: Vec<_> = batches.iter().map(|b| format!("{} {}..{}", b.projection, b.from, b.to)).collect();
            format!("rows.commit {}", parts.join(", "))
        })?;
        planned(fault, self.inner.commit(batches)).await
    }
    async fn clear(&self, projection: &ProjectionId) -> Result<(), StoreError> {
        let fault = self.plan.write(|| format!("rows.clear {projection}"))?;
        planned(fault, self.inner.clear(projection)).await
    }
    async fn generations(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.plan.read()?;
        self.inner.generations().await
    }
    async fn drop_generation(&self, id: &str) -> Result<(), StoreError> {
        let fault = self.plan.write(|| format!("rows.drop_generation {id}"))?;
        planned(fault, self.inner.drop_generation(id)).await
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}

/// So that a store that is shared already can be wrapped.
#[async_trait]
impl Commits for std::sync::Arc<dyn Commits> {
    async fn create(&self, number: u64, bytes: Bytes) -> Result<Created, StoreError> {
        self.as_ref().create(number, bytes).await
    }
    async fn read(&self, number: u64) -> Result<Option<Bytes>, StoreError> {
        self.as_ref().read(number).await
    }
    async fn last(&self) -> Result<Option<u64>, StoreError> {
        self.as_ref().last().await
    }
}

/// The same.
#[async_trait]
impl Files for std::sync::Arc<dyn Files> {
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.as_ref().put(path, bytes).await
    }
    async fn get(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        self.as_ref().get(path).await
    }
    async fn delete(&self, path: &str) -> Result<(), StoreError> {
        self.as_ref().delete(path).await
    }
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.as_ref().list(prefix).await
    }
}
