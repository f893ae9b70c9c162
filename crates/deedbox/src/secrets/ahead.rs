//! What follows a needle, as far as it is looked at.

/// Bytes after a needle that may be needed to decide: the longest RSA keys in use have 13 kB, and what is longer is decided by its start.
pub(super) const AHEAD: usize = 16 * 1024;

/// How many bytes at the start are of this kind.
pub(super) fn run(bytes: &[u8], is_one: fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| is_one(**b)).count()
}
