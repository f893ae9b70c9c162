//! What a step of `cargo xtask test` came to. It runs nothing.

/// What a step came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Checks and tests that passed.
    pub passed: u64,
    /// Checks and tests that failed, did not compile or could not run.
    pub failed: u64,
}

impl Count {
    /// Adds another's.
    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}
