//! Tests of what is not seen from outside this crate.

mod slow;
