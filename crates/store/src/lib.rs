//! Where bytes are kept: the ports and their adapters (docs/ARCHITECTURE.md, "Ports"). A port's doc comment states
//! what is durable and in which order; each adapter passes its port's conformance suite.
//!
//! Decides nothing, verifies nothing but digests of objects.

pub mod commits;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod disk;
pub mod error;
#[cfg(any(test, feature = "faults"))]
pub mod faulty;
pub mod files;
pub mod limits;
pub mod memory;
pub mod objects;
pub mod rows;
pub mod sqlite;
#[cfg(test)]
mod tests;

pub use commits::{Commits, Created};
pub use disk::{DiskCommits, DiskFiles, DiskLock, DiskObjects, DiskStore, FoundFile, files_of, open_disk, open_disk_to_read};
pub use error::{Failing, InFull, StoreError};
pub use files::Files;
pub use memory::{MemoryCommits, MemoryFiles, MemoryObjects, MemoryRows};
pub use objects::{Begin, Left, ObjectStat, ObjectStream, Objects, Remnant, Upload, UploadId};
pub use rows::{ProjectionId, RowBatch, RowStore, read_one, size_of_row};
pub use sqlite::SqliteRows;
