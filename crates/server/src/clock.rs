//! Whether this machine's clock is believed when statements are taken (docs/ARCHITECTURE.md, "Time"). Log time is the latest time of
//! any effective statement and never goes back: one statement that is taken by a clock a year ahead would make every later one, at the
//! right time, too old for a year. So the clock is compared with log time, and with where this registry saw the clock last.
//!
//! Where it was last seen is kept beside the signer's memory, once a minute: `signer/last-clock`. A crash leaves one that is a minute
//! old. It is not monotone: a clock that is set right takes it along.

use crate::limits::{CLOCK_AHEAD_MS, CLOCK_JUMP_MS, CLOCK_KEPT_EVERY, EARLIEST_MS};
use crate::refusal::Refused;
use bytes::Bytes;
use deedbox_authority::MAX_BEHIND_MS;
use deedbox_model::TimeMs;
use deedbox_model::time::span;
use deedbox_store::{Files, InFull, StoreError};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Beside the signer's memory.
pub const LAST_CLOCK: &str = "last-clock";

/// What a registry takes for this machine's clock.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> TimeMs + Send + Sync>);

impl WallClock {
    /// One that a test sets.
    pub fn new(now: impl Fn() -> TimeMs + Send + Sync + 'static) -> Self {
        WallClock(Arc::new(now))
    }
    /// The time by it.
    pub fn now(&self) -> TimeMs {
        (self.0)()
    }
}

impl Default for WallClock {
    /// The system's.
    fn default() -> Self {
        WallClock::new(now)
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WallClock")
    }
}

/// A duration as objects and statements count time.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The system's clock: a registry goes by `Config::clock`, which a test may set.
pub(crate) fn now() -> TimeMs {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    TimeMs::default().plus_ms(ms)
}

/// What is wrong with a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is before log time, by more than statements may be.
    Behind { now: TimeMs, log_time: TimeMs },
    /// It is far after everything that this registry knows of.
    Ahead { now: TimeMs, known: TimeMs },
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Wrong::Behind { now, log_time } => write!(
                f,
                "this machine's clock says {}, which is {} behind the latest statement in the log ({}): set the clock. If it is right, the log was written by a clock that was ahead: the registry takes statements again when that time has passed",
                now.to_rfc3339(),
                span(log_time.as_ms().saturating_sub(now.as_ms())),
                log_time.to_rfc3339(),
            ),
            Wrong::Ahead { now, known } => write!(
                f,
                "this machine's clock says {}, which is {} after the last time that this registry knows of ({}): set the clock. If it is \
                 right, start again with --accept-clock and today's date",
                now.to_rfc3339(),
                span(now.as_ms().saturating_sub(known.as_ms())),
                known.to_rfc3339(),
            ),
        }
    }
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        Refused::unavailable("clock", format!("this registry takes no statement while its clock is wrong: {wrong}"))
    }
}

/// What was seen of a clock so far. Pure: both clocks are arguments.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// What the clock said when it was last believed,
    wall: TimeMs,
    /// and how long this process had run by then, by a clock that nobody sets.
    at: Duration,
}

impl Seen {
    /// What the clock should say now, if nobody set it.
    fn expected(&self, running: Duration) -> TimeMs {
        self.wall.plus_ms(millis(running.saturating_sub(self.at)))
    }

    fn judge(&self, now: TimeMs, running: Duration, log_time: TimeMs) -> Result<(), Wrong> {
        if now.plus_ms(MAX_BEHIND_MS) < log_time {
            return Err(Wrong::Behind { now, log_time });
        }
        let known = self.expected(running).max(log_time);
        if now > known.plus_ms(CLOCK_AHEAD_MS) {
            return Err(Wrong::Ahead { now, known });
        }
        Ok(())
    }

    /// By how much the clock was set since it was last believed, if that is worth a word.
    fn jump(&self, now: TimeMs, running: Duration) -> Option<u64> {
        let expected = self.expected(running);
        Some(now.as_ms().abs_diff(expected.as_ms())).filter(|by| *by > CLOCK_JUMP_MS)
    }
}

struct State {
    seen: Seen,
    log_time: TimeMs,
}

/// This machine's clock, watched.
pub(crate) struct Clock {
    wall: WallClock,
    started: Instant,
    state: Mutex<State>,
    /// Where it is kept.
    memory: Arc<dyn Files>,
    /// Whether it is: not where nothing can be written.
    keeps: bool,
}

impl Clock {
    /// At a start. `accept` is the operator's word that the clock is right; without it, and without anything kept, only log time is known.
    /// In a new log (`log_time` none) the clock is believed, unless it is before this program.
    pub(crate) async fn open(wall: WallClock, memory: Arc<dyn Files>, keeps: bool, log_time: Option<TimeMs>, accept: bool) -> Self {
        let read = memory.get(LAST_CLOCK).await.unwrap_or_else(|error| {
            tracing::warn!(error = %InFull(&error), "signer/last-clock cannot be read: the clock is compared with log time alone");
            None
        });
        let kept = read.and_then(|bytes| {
            let read = parse(&bytes);
            if read.is_none() {
                tracing::warn!("signer/last-clock does not read: the clock is compared with log time alone");
            }
            read
        });
        let now = wall.now();
        let floor = TimeMs::new(EARLIEST_MS).unwrap_or_default();
        let seen = match log_time {
            _ if accept => now,
            None => now,
            Some(log_time) => kept.unwrap_or(log_time),
        };
        let state = State { seen: Seen { wall: seen, at: Duration::ZERO }, log_time: log_time.unwrap_or(floor) };
        Clock { wall, started: Instant::now(), state: Mutex::new(state), memory, keeps }
    }

    /// The time by which a statement is taken, if the clock is believed.
    pub(crate) fn check(&self) -> Result<TimeMs, Wrong> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, running) = (self.wall.now(), self.started.elapsed());
        state.seen.judge(now, running, state.log_time)?;
        if let Some(by) = state.seen.jump(now, running) {
            let expected = state.seen.expected(running).to_rfc3339();
            tracing::warn!(now = %now.to_rfc3339(), %expected, "this machine's clock was set, by {}", span(by));
        }
        state.seen = Seen { wall: now, at: running };
        Ok(now)
    }

    /// A statement of this time is in the log now.
    pub(crate) fn appended(&self, time: TimeMs) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.log_time = state.log_time.max(time);
    }

    /// The time by which the age of uploads is told: never ahead of a clock that nobody set.
    pub(crate) fn for_ages(&self) -> TimeMs {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.wall.now().min(state.seen.expected(self.started.elapsed()))
    }

    /// Keeps what the clock says, where it is believed.
    pub(crate) async fn keep(&self) -> Result<(), StoreError> {
        let Ok(now) = self.check() else { return Ok(()) };
        if !self.keeps {
            return Ok(());
        }
        self.memory.put(LAST_CLOCK, Bytes::from(encode(now))).await
    }

    /// Keeps it until it is aborted, and says once when the clock is not believed any more.
    pub(crate) async fn run(&self) {
        let mut said = false;
        loop {
            match self.check() {
                Ok(_) => said = false,
                Err(wrong) if !said => {
                    tracing::error!("no statement is taken: {wrong}");
                    said = true;
                }
                Err(_) => {}
            }
            if let Err(error) = self.keep().await {
                tracing::warn!(error = %InFull(&error), "the clock could not be kept; trying again in a minute");
            }
            tokio::time::sleep(CLOCK_KEPT_EVERY).await;
        }
    }
}

/// Twice, for people and for this program: a flipped bit in one of them is seen.
fn encode(time: TimeMs) -> String {
    format!("{} {}\n", time.as_ms(), time.to_rfc3339())
}

fn parse(bytes: &[u8]) -> Option<TimeMs> {
    let text = std::str::from_utf8(bytes).ok()?;
    let time = TimeMs::new(text.split(' ').next()?.parse().ok()?).ok()?;
    (encode(time) == text).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_model::time::DAY_MS as DAY;
    use deedbox_store::memory::MemoryFiles;
    use std::sync::atomic::{AtomicU64, Ordering};

    const NOW: u64 = EARLIEST_MS + 700 * DAY;

    fn at(ms: u64) -> TimeMs {
        TimeMs::new(ms).unwrap()
    }

    #[test]
    fn a_clock_is_compared_with_log_time_and_with_where_it_was_last_seen() {
        let seen = Seen { wall: at(NOW), at: Duration::from_secs(10) };
        let later = Duration::from_secs(10) + Duration::from_millis(DAY);
        let (old, ten) = (NOW - 300 * DAY, MAX_BEHIND_MS);
        for (now, running, log_time, right) in [
            // A quiet registry: nothing was appended for most of a year, and the clock was seen all the time.
            (NOW + DAY, later, old, true),
            (NOW + DAY + CLOCK_AHEAD_MS, later, old, true),
            (NOW + DAY + CLOCK_AHEAD_MS + 1, later, old, false),
            (NOW + 365 * DAY, later, old, false),
            // Log time itself is known too.
            (NOW + 300 * DAY, later, NOW + 300 * DAY - CLOCK_AHEAD_MS, true),
            // Behind: by what statements may be, and by more.
            (NOW, later, NOW + ten, true),
            (NOW, later, NOW + ten + 1, false),
            (0, later, NOW, false),
            // Behind where it was last seen, and not behind log time: it was set right.
            (NOW - 100 * DAY, later, old, true),
        ] {
            assert_eq!(seen.judge(at(now), running, at(log_time)).is_ok(), right, "{now} {log_time}");
        }
        assert_eq!(seen.jump(at(NOW + DAY), later), None);
        assert_eq!(seen.jump(at(NOW + DAY + CLOCK_JUMP_MS + 1), later), Some(CLOCK_JUMP_MS + 1));
        assert_eq!(seen.jump(at(NOW), later), Some(DAY));
    }

    #[tokio::test]
    async fn what_is_kept_of_it_reads_again_or_not_at_all() {
        let memory: Arc<dyn Files> = Arc::new(MemoryFiles::default());
        let hand = Arc::new(AtomicU64::new(NOW));
        let wall = || {
            let hand = Arc::clone(&hand);
            WallClock::new(move || at(hand.load(Ordering::Relaxed)))
        };
        let open = async |log_time, accept| Clock::open(wall(), Arc::clone(&memory), true, log_time, accept).await;
        open(None, false).await.keep().await.unwrap();
        let kept = memory.get(LAST_CLOCK).await.unwrap().unwrap();
        assert_eq!(parse(&kept), Some(at(NOW)));
        for bit in 0..kept.len() * 8 {
            let mut flipped = kept.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&flipped), None, "{bit}");
        }
        // A year ahead, once: nothing is taken, and nothing is kept of it.
        hand.store(NOW + 365 * DAY, Ordering::Relaxed);
        let clock = open(Some(at(NOW - 90 * DAY)), false).await;
        let wrong = clock.check().unwrap_err();
        assert!(matches!(wrong, Wrong::Ahead { known, .. } if known >= at(NOW)), "{wrong:?}");
        assert!(wrong.to_string().contains("365 days after") && wrong.to_string().contains("--accept-clock"), "{wrong}");
        assert!(clock.for_ages() < at(NOW + DAY), "no upload is old because of it");
        clock.keep().await.unwrap();
        assert_eq!(memory.get(LAST_CLOCK).await.unwrap().unwrap(), kept);
        // Set right, also without a restart.
        hand.store(NOW + DAY, Ordering::Relaxed);
        assert_eq!(clock.check(), Ok(at(NOW + DAY)));
        // It was right: the operator says so.
        hand.store(NOW + 365 * DAY, Ordering::Relaxed);
        let clock = open(Some(at(NOW - 90 * DAY)), true).await;
        clock.check().unwrap();
        clock.appended(at(NOW + 365 * DAY));
        clock.keep().await.unwrap();
        // And then it is set back: whose clock is wrong is said, and by how much.
        hand.store(NOW, Ordering::Relaxed);
        let wrong = clock.check().unwrap_err();
        assert!(wrong.to_string().contains("365 days behind"), "{wrong}");
        assert!(open(Some(at(NOW + 365 * DAY)), true).await.check().is_err(), "what statements say cannot be accepted away");
        // A log is not begun by a clock that was never set.
        hand.store(0, Ordering::Relaxed);
        assert!(matches!(open(None, true).await.check(), Err(Wrong::Behind { .. })));
    }
}
