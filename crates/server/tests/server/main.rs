//! The server from outside: a real one on a loopback port, its own data directory, and requests as strangers, publishers
//! and proxies send them (spec/api.md).
#![allow(unreachable_pub, reason = "nobody imports a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops where it is wrong")]

mod bounds;
mod can;
mod carried;
mod file_dialect;
mod generations;
mod hostile;
mod limits;
mod log;
mod objects;
mod projections;
mod proofs;
mod protocols;
mod publish;
mod readers;
mod refusals;
mod restart;
mod slow;
mod tarballs;
mod uploads;
mod void;
mod world;
