//! How long the parts of a command took, and how much CPU its child processes used in them, as far as the system says so. It measures
//! and prints nothing.

use std::{
    fs,
    time::{Duration, Instant},
};

/// Ticks in a second of `/proc`'s times: `USER_HZ`, which Linux keeps at this for every program that reads them.
const TICKS: u64 = 100;

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// What was done; empty for what is left of a whole after its parts.
    pub name: &'static str,
    /// On the clock.
    pub time: Duration,
    /// Of all cores, by this process and the child processes that ended in this part.
    pub cpu: Option<Duration>,
}

impl Spent {
    /// All of them together, without a name.
    pub(crate) fn sum(parts: &[Self]) -> Self {
        let cpu = parts.iter().map(|part| part.cpu).sum();
        Self { name: "", time: parts.iter().map(|part| part.time).sum(), cpu }
    }
}

/// A stopwatch.
#[derive(Debug)]
pub struct Laps {
    at: Instant,
    cpu: Option<Duration>,
    done: Vec<Spent>,
}

impl Laps {
    /// Starts it.
    pub fn begin() -> Self {
        Self { at: Instant::now(), cpu: cpu(), done: Vec::new() }
    }

    /// Ends a part, and begins the next.
    pub fn lap(&mut self, name: &'static str) {
        let (now, used) = (Instant::now(), cpu());
        let cpu = used.zip(self.cpu).map(|(now, before)| now.saturating_sub(before));
        self.done.push(Spent { name, time: now.duration_since(self.at), cpu });
        (self.at, self.cpu) = (now, used);
    }

    /// Ends the last part, and takes all of them.
    pub fn end(&mut self, name: &'static str) -> Vec<Spent> {
        self.lap(name);
        std::mem::take(&mut self.done)
    }
}

/// What this process and its ended children have used.
fn cpu() -> Option<Duration> {
    read_stat(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// Reads `PID (NAME) STATE …`, proc(5): utime, stime, cutime and cstime are fields 14 to 17. The name may have spaces and brackets.
fn read_stat(stat: &str) -> Option<Duration> {
    let (_, after) = stat.rsplit_once(") ")?;
    let mut ticks: u64 = 0;
    let mut fields = after.split(' ').skip(11);
    for _ in 0..4 {
        ticks = ticks.checked_add(fields.next()?.parse().ok()?)?;
    }
    Some(Duration::from_millis(ticks.checked_mul(1_000 / TICKS)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_times_of_a_process_are_read() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 100 200 0 0 7 20 300 4000 20 0 1 0 5 6 7";
        assert_eq!(read_stat(stat), Some(Duration::from_millis(43_270)));
        for wrong in ["", "42 (a) S 1", "42 (a) S 1 42 42 0 -1 4194304 100 200 0 0 7 20 x 4000 20"] {
            assert_eq!(read_stat(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn parts_follow_each_other_without_a_gap() {
        let mut laps = Laps::begin();
        let mut whole = Laps { at: laps.at, cpu: laps.cpu, done: Vec::new() };
        laps.lap("first");
        let parts = laps.end("second");
        let all = whole.end("all");
        assert_eq!(parts.iter().map(|part| part.name).collect::<Vec<_>>(), ["first", "second"]);
        assert!(Spent::sum(&parts).time <= Spent::sum(&all).time);
        assert!(laps.done.is_empty());
    }
}
