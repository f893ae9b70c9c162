//! Large objects on their way out: an answer that promises all bytes of an object never ends with others. What is in place never
//! changes, so bytes that are not those of their address are damage, and a client that checks nothing must not take them for good.

use crate::limits::FOUND_WHOLE;
use bytes::Bytes;
use deedbox_model::{Addresser, ObjectRef, Sha256Digest};
use deedbox_store::{ObjectStat, ObjectStream, StoreError};
use futures::{Stream, StreamExt as _, stream};

/// Objects that this process has read to their end and found to be those of their address, with when their files were last
/// written then. A change of a file changes its time; what changes without that is fsck's to find.
#[derive(Clone)]
pub(crate) struct FoundWhole(moka::sync::Cache<Sha256Digest, u64>);

impl FoundWhole {
    pub(crate) fn new() -> Self {
        FoundWhole(moka::sync::Cache::new(FOUND_WHOLE))
    }

    /// Whether it was found whole as it lies there now.
    pub(crate) fn knows(&self, stat: &ObjectStat) -> bool {
        self.0.get(&stat.object.sha256) == Some(stat.modified_ms)
    }

    /// All bytes of an object, as they are read. The last piece comes only if all of them are those of the address; else the stream
    /// ends with a failure, and its answer without its last bytes.
    pub(crate) fn check(
        &self,
        object: ObjectRef,
        stat: &ObjectStat,
        pieces: ObjectStream,
    ) -> impl Stream<Item = Result<Bytes, StoreError>> + use<> {
        let reading = Reading { found: self.clone(), object, modified_ms: stat.modified_ms, addresser: Addresser::default(), held: None };
        stream::unfold(Some((reading, pieces)), async |state| {
            let (mut reading, mut pieces) = state?;
            loop {
                match pieces.next().await {
                    Some(Ok(piece)) => {
                        reading.addresser.update(&piece);
                        if let Some(before) = reading.held.replace(piece) {
                            return Some((Ok(before), Some((reading, pieces))));
                        }
                    }
                    Some(Err(error)) => return Some((Err(error), None)),
                    None => return reading.end().map(|last| (last, None)),
                }
            }
        })
    }
}

struct Reading {
    found: FoundWhole,
    object: ObjectRef,
    modified_ms: u64,
    addresser: Addresser,
    /// The piece that was read last.
    held: Option<Bytes>,
}

impl Reading {
    fn end(self) -> Option<Result<Bytes, StoreError>> {
        let Reading { found, object, modified_ms, addresser, held } = self;
        if addresser.finish() == object {
            found.0.insert(object.sha256, modified_ms);
            return held.map(Ok);
        }
        let address = object.sha256.to_address();
        tracing::error!(address, "an object's bytes are not those of its address: the answer was broken off. Run: deedbox fsck");
        Some(Err(StoreError::damaged(format!("object {address}"), "its bytes are not those of its address")))
    }
}
