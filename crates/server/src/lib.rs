//! The shell of a registry: routes, limits, cache headers, compression, errors, metrics and composition (spec/api.md).
//!
//! Decides nothing about statements (that is `authority`'s), writes neither log (`ledger`'s) nor rows (`replay`'s), and
//! knows no ecosystem: projections and dialects come from its caller.

pub mod codes;
pub mod config;
pub mod error;
pub mod limits;
pub mod open;
pub mod serve;

mod access;
mod answers;
mod app;
mod body;
mod bounds;
mod budget;
mod carried;
mod claims;
mod clerk;
pub mod clock;
mod codings;
mod dispatch;
mod download;
mod entry_json;
mod events;
mod files;
mod folded;
mod gate;
mod headers;
mod host;
mod identity;
mod keys;
mod log_files;
mod log_routes;
mod making;
mod many_proofs;
mod marks;
mod memory;
mod meters;
mod mounts;
mod naming;
mod negotiate;
mod objects;
mod one_proof;
mod peers;
mod places;
mod projections;
mod published;
mod readiness;
mod reading;
mod recent;
mod refusal;
mod registry;
mod render;
mod reply;
mod request;
mod room;
mod sent;
mod shelf;
mod stall;
mod submit;
mod sweep;
mod taking;
mod told;
mod uploads;
mod views;
mod waiting;
mod whole;
mod workers;
mod writing;

pub use access::AccessSink;
pub use clock::WallClock;
pub use config::{Config, PublicUrl, Times};
pub use error::{OpenError, Unfinished};
pub use gate::{Open, ReadPolicy};
pub use open::{MakeSigner, OnProgress, Parts, Server};
