//! Every adapter of this crate through the suite of its port, and what only one adapter promises.

mod disk;
mod faulty;
mod memory;
mod sqlite;
mod stepwise;
mod stores;
