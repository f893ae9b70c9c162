//! The whole program from outside: real clients, real servers, crashes. What several end-to-end tests need is here; the tests are in
//! `tests/`. Nothing here is part of the program that is shipped.

pub mod answer;
pub mod asked;
pub mod browser;
pub mod clients;
pub mod closures;
pub mod conformance;
pub mod crash;
pub mod debian;
pub mod hostile;
pub mod images;
pub mod nameservers;
pub mod oci_engines;
pub mod oci_layout;
pub mod packed;
pub mod publisher;
pub mod real_gems;
pub mod real_images;
pub mod real_npm;
mod recorder;
pub mod registry;
pub mod resolver;
pub mod retrace;
pub mod shelf;
pub mod still;
pub mod web;
