//! Where bytes are kept: the ports and their adapters (docs/ARCHITECTURE.md, "Ports"). A port's doc comment states
//! what is durable and in which order; each adapter passes its port's conformance suite.
//!
//! Decides nothing, verifies nothing but digests of objects.

pub mod commits;
pub mod error;
pub mod files;
pub mod objects;
pub mod rows;

pub use commits::{Commits, Created};
pub use error::StoreError;
pub use files::Files;
pub use objects::{ObjectStat, ObjectStream, Objects, Upload};
pub use rows::{ProjectionId, RowBatch, RowStore};
