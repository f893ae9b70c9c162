//! Archives as hostile input: read member by member within bounds, never unpacked. Whatever two programs could take in two
//! ways is refused, so that what a client unpacks is what was read here. Writes nothing to any disk.

pub mod limits;
mod place;
pub mod tar;
pub mod zip;
