//! The binary: arguments, words, progress.
fn main() {}
