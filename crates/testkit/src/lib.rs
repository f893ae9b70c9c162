//! A world for tests: keys from numbers, a registry, owners of domains, and statements of every kind with as few
//! words as possible. Everything is deterministic. Never a dependency of anything that ships.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test world stops where it is wrong")]

pub mod archives;
pub mod folding;
mod golden;
pub mod laws;
pub mod packages;
pub mod pretended;
pub mod world;
pub mod zones;

pub use golden::golden;
pub use world::{Owner, Registry, manifest, publish_event, secret, time};
