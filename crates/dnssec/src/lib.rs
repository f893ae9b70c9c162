//! Chains of DNS records, from the root's anchors down: what they prove at a time, and what they do not. `spec/dnssec.md` is the normative text; libraries
//! give digests and signatures, and define no verdict. This crate knows no clock, no network, no file, and no anchor: its answer follows from its
//! arguments alone, so that everybody comes to the same.
//!
//! [`texts`] and [`unsigned`] judge a chain; [`Gatherer`] puts one together out of answers. Read in this order: `name`, `record`, `rrsig`, `set`, then
//! `algorithm`, `dnskey`, `ds`, `zone`, then `bitmap`, `nsec3`, `denial`, then `path`, `verdict`, `gather`.

mod algorithm;
mod bitmap;
mod denial;
mod dnskey;
mod ds;
mod fault;
mod gather;
mod kind;
pub mod limits;
mod name;
mod nsec3;
mod path;
mod record;
mod rrsig;
mod set;
mod verdict;
mod zone;

pub use denial::{How, Unsigned};
pub use ds::Anchor;
pub use fault::Fault;
pub use gather::{Delegation, Gatherer};
pub use kind::Kind;
pub use name::{BadName, Name};
pub use record::Record;
pub use verdict::{texts, unsigned};
