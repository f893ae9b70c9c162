//! Maven 3.8 and 3.9 and Gradle 4.4, unmodified, against a real registry (spec/projections/maven.md §7; each command of
//! docs/guides/maven.md). Their plugins come from Debian's own repository of Maven artifacts on this machine, so that nothing but
//! the registry is asked for anything else; Maven 3.9 itself is fetched once, by the machine's Maven from wherever that is set to.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, and so may what it is made of"
)]

mod bench;
mod corrupted;
mod guide;
mod install;
mod order;
mod publish;
mod real;
