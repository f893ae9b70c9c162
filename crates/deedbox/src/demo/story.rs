//! What the demo tells: one line a step, with its time.

use crate::terminal;
use std::time::Instant;

/// A story in steps.
pub(crate) struct Story {
    step: Instant,
}

impl Story {
    pub(crate) fn begin() -> Self {
        Story { step: Instant::now() }
    }

    /// Tells of a step that has ended.
    pub(crate) fn tick(&mut self, what: &str) {
        terminal::say(&format!("✓ {:>5.2} s  {what}", self.step.elapsed().as_secs_f64()));
        self.begin_anew();
    }

    /// What went on meanwhile told its own time.
    pub(crate) fn begin_anew(&mut self) {
        self.step = Instant::now();
    }
}
