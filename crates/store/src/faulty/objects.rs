//! Objects whose uploads fail by plan: each piece and the finish are writes of their own. A short one leaves half of its
//! bytes in a temporary file that nobody sees and a sweep removes.

use super::plan::{Fault, FaultPlan, failed};
use crate::error::StoreError;
use crate::objects::{Begin, Left, ObjectStat, ObjectStream, Objects, Remnant, Upload, UploadId};
use async_trait::async_trait;
use bytes::Bytes;
use deedbox_model::{Digests, ObjectRef, Sha256Digest};
use futures::stream::BoxStream;
use std::ops::Range;

/// Objects that fail by plan.
#[derive(Clone)]
pub struct FaultyObjects<O> {
    inner: O,
    plan: FaultPlan,
}

impl<O> FaultyObjects<O> {
    /// Wraps.
    pub fn new(inner: O, plan: FaultPlan) -> Self {
        FaultyObjects { inner, plan }
    }
}

#[async_trait]
impl<O: Objects> Objects for FaultyObjects<O> {
    async fn put(&self, bytes: Bytes) -> Result<ObjectRef, StoreError> {
        match self.plan.write(|| format!("objects.put {}", ObjectRef::of(&bytes).sha256))? {
            None => self.inner.put(bytes).await,
            Some(Fault::Before) => Err(failed(Fault::Before)),
            Some(Fault::After) => {
                self.inner.put(bytes).await?;
                Err(failed(Fault::After))
            }
            Some(Fault::Short) => {
                let mut upload = self.inner.begin().await?;
                upload.write(bytes.slice(..bytes.len() / 2)).await?;
                Err(failed(Fault::Short))
            }
        }
    }
    async fn begin(&self) -> Result<Box<dyn Upload>, StoreError> {
        match self.plan.write(|| "objects.begin".to_owned())? {
            None => Ok(Box::new(FaultyUpload { inner: self.inner.begin().await?, plan: self.plan.clone(), broken: None })),
            Some(Fault::Before) => Err(failed(Fault::Before)),
            // Begun, and cut off at once.
            Some(fault) => {
                self.inner.begin().await?;
                Err(failed(fault))
            }
        }
    }
    async fn begin_for(&self, id: &UploadId, how: Begin) -> Result<Box<dyn Upload>, StoreError> {
        match self.plan.write(|| format!("objects.begin_for {}", id.object.sha256))? {
            None => Ok(Box::new(FaultyUpload { inner: self.inner.begin_for(id, how).await?, plan: self.plan.clone(), broken: None })),
            Some(Fault::Before) => Err(failed(Fault::Before)),
            Some(fault) => {
                self.inner.begin_for(id, how).await?;
                Err(failed(fault))
            }
        }
    }
    async fn remnants(&self) -> Result<Vec<Remnant>, StoreError> {
        self.plan.read()?;
        self.inner.remnants().await
    }
    async fn forget(&self, left: Left, ids: Vec<UploadId>) -> Result<(), StoreError> {
        // Clearing away what nobody sees, as below.
        self.plan.read()?;
        self.inner.forget(left, ids).await
    }
    async fn stat(&self, address: &Sha256Digest) -> Result<Option<ObjectStat>, StoreError> {
        self.plan.read()?;
        self.inner.stat(address).await
    }
    async fn get(&self, address: &Sha256Digest, limit: u64) -> Result<Option<Bytes>, StoreError> {
        self.plan.read()?;
        self.inner.get(address, limit).await
    }
    async fn read(&self, address: &Sha256Digest, range: Range<u64>) -> Result<Option<ObjectStream>, StoreError> {
        self.plan.read()?;
        self.inner.read(address, range).await
    }
    async fn delete(&self, address: &Sha256Digest) -> Result<(), StoreError> {
        match self.plan.write(|| format!("objects.delete {address}"))? {
            None => self.inner.delete(address).await,
            Some(Fault::After) => {
                self.inner.delete(address).await?;
                Err(failed(Fault::After))
            }
            Some(fault) => Err(failed(fault)),
        }
    }
    async fn list(&self) -> Result<BoxStream<'static, Result<ObjectStat, StoreError>>, StoreError> {
        self.plan.read()?;
        self.inner.list().await
    }
    async fn sweep_temporary(&self, older_than_ms: u64) -> Result<u64, StoreError> {
        // Clearing away what nobody sees: no step of any protocol waits for it, so it is not counted.
        self.plan.read()?;
        self.inner.sweep_temporary(older_than_ms).await
    }
}

struct FaultyUpload {
    inner: Box<dyn Upload>,
    plan: FaultPlan,
    /// An upload of which a write failed cannot be finished, whatever its caller makes of the failure.
    broken: Option<Fault>,
}

#[async_trait]
impl Upload for FaultyUpload {
    fn received(&self) -> u64 {
        self.inner.received()
    }
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        if let Some(fault) = self.broken {
            return Err(failed(fault));
        }
        let fault = self.plan.write(|| format!("upload.write {}", bytes.len()))?;
        self.broken = fault;
        match fault {
            None => return self.inner.write(bytes).await,
            Some(Fault::Before) => {}
            Some(Fault::After) => self.inner.write(bytes).await?,
            Some(Fault::Short) => self.inner.write(bytes.slice(..bytes.len() / 2)).await?,
        }
        Err(failed(self.broken.unwrap_or(Fault::Before)))
    }
    async fn finish(self: Box<Self>, expected: ObjectRef) -> Result<Digests, StoreError> {
        if let Some(fault) = self.broken {
            return Err(failed(fault));
        }
        match self.plan.write(|| format!("upload.finish {}", expected.sha256))? {
            None => self.inner.finish(expected).await,
            Some(Fault::After) => {
                self.inner.finish(expected).await?;
                Err(failed(Fault::After))
            }
            // Dropped, not aborted: the temporary file stays.
            Some(fault) => Err(failed(fault)),
        }
    }
    async fn abort(self: Box<Self>) {
        // A dead process does not abort anything.
        if self.plan.read().is_ok() {
            self.inner.abort().await;
        }
    }
    async fn keep(self: Box<Self>) -> u64 {
        if self.broken.is_none() && self.plan.read().is_ok() { self.inner.keep().await } else { 0 }
    }
}
