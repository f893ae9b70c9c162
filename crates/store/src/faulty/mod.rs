//! Adapters that fail where they are told: for tests of what a crash leaves (docs/ARCHITECTURE.md, "Crashes"). Wraps
//! any adapter; knows nothing of what it wraps but the port. Deterministic: the same plan and the same calls fail at
//! the same place. Never part of what serves: behind the feature `faults`.
//!
//! A test runs its scenario once under `FaultPlan::none()`, learns from `writes()` how many writes it makes, and runs
//! it again for each of them and each `Fault`.

mod objects;
mod plan;
mod simple;

pub use objects::FaultyObjects;
pub use plan::{Fault, FaultPlan};
pub use simple::{FaultyCommits, FaultyFiles, FaultyRows};
