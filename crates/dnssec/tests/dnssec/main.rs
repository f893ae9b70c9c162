//! Record chains by an own signer, by real ones and from RFC 9102, good and bad: `spec/dnssec.md`, section by section. One program, so that it is
//! linked once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may stop where it stands, its helpers too"
)]

mod every_fault;
mod gather;
mod laws;
mod limits;
mod real_signers;
mod rfc9102;
mod signer;
mod texts;
mod unsigned;
mod zonefile;
