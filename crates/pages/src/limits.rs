//! Every bound of this crate in one place, each with its reason. What is read for a page is bounded by the catalog.

/// Packages on one page of a list: some screens of a phone, and an answer of some ten kilobytes.
pub const PACKAGES_SHOWN: u32 = 25;
