//! Where bytes are kept: the ports and their adapters (docs/ARCHITECTURE.md, "Ports"). A port's doc comment states
//! what is durable and in which order; each adapter passes its port's conformance suite. Which adapters a registry has is known here
//! alone: everybody else asks `Stores` for them.
//!
//! Decides nothing, verifies nothing but digests of objects.

pub mod commits;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod disk;
pub mod error;
#[cfg(any(test, feature = "faults"))]
pub mod faulty;
pub mod files;
pub mod head;
pub mod layout;
pub mod limits;
pub mod memory;
pub mod objects;
pub mod rows;
mod sqlite;
pub mod stores;
#[cfg(test)]
mod tests;

pub use commits::{Commits, Created};
pub use error::{Failing, InFull, StoreError};
pub use files::Files;
pub use head::{FileHead, HEAD_PATH, HeadCell, LogStore, Swapped};
pub use memory::{MemoryCommits, MemoryFiles, MemoryObjects, MemoryRows};
pub use objects::{Begin, Left, ObjectStat, ObjectStream, Objects, Remnant, Upload, UploadId};
pub use rows::{RowBatch, RowReader, RowStore, RowWork, read_one, read_rows, size_of_row};
pub use stores::{FoundFile, Opening, RowStores, StoreSettings, Stores, open_rows_in};
