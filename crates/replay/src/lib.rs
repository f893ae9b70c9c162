//! The only writer of rows (spec/projections/README.md §2): reads the log in order, judges every statement as a
//! stranger would, by the protocol number in force at its index, and folds what is effective into every projection. Authority's rows are among those it writes.
//!
//! Rows and cursors are committed together, so that a crash at any line leaves the rows of some size of the log, from
//! which the next start goes on. Never writes the log, never trusts an entry that does not lead to the root that it
//! was given.

pub mod behind;
mod chain;
pub mod compare;
mod cursor;
pub mod fold;
pub mod leaf;
pub mod limits;
pub mod log;
pub mod numbers;
pub mod objects;
pub mod replayer;

pub use behind::{Behind, Progress};
pub use compare::{Difference, Fingerprint, check_rows, compare, fingerprint};
pub use fold::{Folder, ReplayError};
pub use leaf::Leaf;
pub use log::LogReader;
pub use numbers::Numbers;
pub use objects::{ObjectFinding, check_object, check_objects};
pub use replayer::Replayer;
