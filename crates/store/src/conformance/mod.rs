//! The suites that every adapter of a port passes (docs/ARCHITECTURE.md, "Ports"). Each takes what makes a new, empty
//! store, and fails by panicking, as a test does. Never part of what serves: behind the feature `conformance`.
//!
//! A new adapter calls all of them from its tests; `rows_against_a_model` is not async, because its cases shrink.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a suite fails by panicking, like the tests that call it"
)]

mod commits;
mod files;
mod head;
mod objects;
mod rows;
mod rows_model;

pub use commits::commits;
pub use files::files;
pub use head::head;
pub use objects::objects;
#[cfg(test)]
pub(crate) use rows::one_reader_has_the_rows_before_a_batch_or_after_it as torn_batch;
pub use rows::rows;
pub use rows_model::{Reopen, rows_against_a_model};
