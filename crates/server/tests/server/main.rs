//! The server from outside: a real one on a loopback port, its own data directory, and requests as strangers, publishers
//! and proxies send them (spec/api.md).
#![allow(unreachable_pub, reason = "nobody imports a test")]

mod file_dialect;
mod limits;
mod log;
mod objects;
mod projections;
mod proofs;
mod publish;
mod restart;
mod world;
