//! The shell of a registry: routes, limits, cache headers, compression, errors, metrics and composition (spec/api.md).
//!
//! Decides nothing about statements (that is `authority`'s), writes neither log (`ledger`'s) nor rows (`replay`'s), and
//! knows no ecosystem: projections and dialects come from its caller.

pub mod codes;
pub mod config;
pub mod limits;
pub mod open;
pub mod serve;

mod access;
mod answers;
mod app;
mod claims;
mod codings;
mod dispatch;
mod entry_json;
mod events;
mod keys;
mod log_files;
mod log_routes;
mod many_proofs;
mod meters;
mod naming;
mod negotiate;
mod objects;
mod one_proof;
mod projections;
mod readiness;
mod recent;
mod refusal;
mod registry;
mod reply;
mod request;
mod stall;
mod submit;
mod sweep;
mod whole;

pub use access::AccessSink;
pub use config::{Config, PublicUrl, Times};
pub use open::{MakeSigner, OnProgress, OpenError, Parts, Server};
