//! The decider as tables (spec/authority.md): each row one statement against one state, with its verdict.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops where it is wrong")]

mod chain;
mod claims;
mod decide;
mod domain_keys;
mod grants;
mod hands;
mod judged;
mod may;
mod recovery;
