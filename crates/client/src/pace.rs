//! How long things may take (limits.rs): a time for the head of an answer, and a pace at which a body has to move. A server that sends a byte
//! a minute holds nobody; a slow line that moves is not cut off. Knows nothing of HTTP.

use crate::limits;
use std::time::Duration;
use tokio::time::Instant;

/// How long a caller waits. The usual times and their reasons are in `limits`.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the head of an answer, all tries together.
    pub answer: Duration,
    /// For `moved_bytes` of a body, or its end.
    pub window: Duration,
    /// The same for a body that is sent.
    pub upload_window: Duration,
    /// From the last byte that was sent to the answer.
    pub upload_answer: Duration,
    /// Bytes that have to move in a window.
    pub moved_bytes: u64,
    /// Between two looks at an upload of somebody else, and before one that broke off is gone on with.
    pub look: Duration,
    /// Without a byte more, after which an upload of somebody else counts as given up.
    pub stands: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            answer: limits::ANSWER,
            window: limits::WINDOW,
            upload_window: limits::UPLOAD_WINDOW,
            upload_answer: limits::UPLOAD_ANSWER,
            moved_bytes: limits::MOVED_BYTES,
            look: limits::UPLOAD_LOOK,
            stands: limits::UPLOAD_STANDS,
        }
    }
}

/// One body on its way, judged window by window. What came fast before buys no time afterwards.
#[derive(Debug)]
pub(crate) struct Pace {
    window: Duration,
    least: u64,
    until: Instant,
    /// Bytes in all, and when this window began.
    moved: u64,
    at_begin: u64,
}

impl Pace {
    pub(crate) fn new(window: Duration, least: u64) -> Self {
        Pace { window, least, until: Instant::now() + window, moved: 0, at_begin: 0 }
    }

    /// When this window ends.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// Bytes have moved: so many in all. Gives what is wrong if a window ended with too few.
    pub(crate) fn is_at(&mut self, moved: u64) -> Result<(), String> {
        self.moved = moved;
        if Instant::now() < self.until {
            return Ok(());
        }
        let bytes = self.moved.saturating_sub(self.at_begin);
        if bytes < self.least {
            return Err(format!("{bytes} bytes moved in {} seconds, and at least {} must", self.window.as_secs_f32(), self.least));
        }
        self.at_begin = self.moved;
        self.until = Instant::now() + self.window;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_moves_at_the_least_pace_goes_on_and_what_does_not_is_cut_off_in_two_windows() {
        let pace = || Pace::new(Duration::from_secs(60), 60_000);
        let mut steady = pace();
        for second in 1..10_000 {
            tokio::time::advance(Duration::from_secs(1)).await;
            steady.is_at(second * 1_000).unwrap();
        }
        // A byte a minute, from the start or after a gigabyte.
        for before in [0, 1 << 30] {
            let mut slow = pace();
            slow.is_at(before).unwrap();
            let mut minutes = 0;
            while slow.is_at(before + minutes).is_ok() {
                tokio::time::advance(Duration::from_secs(60)).await;
                minutes += 1;
            }
            assert!(minutes <= 2, "{minutes}");
        }
    }
}
