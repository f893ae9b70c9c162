//! Time in Unix milliseconds (spec/statements.md §4). Always an argument, never asked of a clock here.

use crate::limits::TIME_MS;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z, to the end of the year 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(try_from = "u64", into = "u64")]
pub struct TimeMs(u64);

/// A time past the year 9999.
#[derive(Debug, thiserror::Error)]
#[error("{0} ms is past the largest time, the end of the year 9999")]
pub struct TimeTooLarge(pub u64);

impl TimeMs {
    /// Checks the bound.
    pub fn new(ms: u64) -> Result<Self, TimeTooLarge> {
        if ms > TIME_MS { Err(TimeTooLarge(ms)) } else { Ok(TimeMs(ms)) }
    }

    /// The number of milliseconds.
    pub fn as_ms(self) -> u64 {
        self.0
    }

    /// Later by `ms`, stopping at the largest time.
    pub fn plus_ms(self, ms: u64) -> Self {
        TimeMs(self.0.saturating_add(ms).min(TIME_MS))
    }

    /// Its day and its time of day.
    pub fn utc(self) -> Utc {
        let (days, ms) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let (year, month, day) = civil_from_days(days);
        let seconds = ms / 1000;
        Utc { year, month, day, hour: seconds / 3600, minute: seconds / 60 % 60, second: seconds % 60, ms: ms % 1000 }
    }

    /// RFC 3339 in UTC with milliseconds, as npm writes it: `2026-11-21T07:00:00.000Z`. Always these 24 characters.
    pub fn to_rfc3339(self) -> String {
        let Utc { year, month, day, hour, minute, second, ms } = self.utc();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

/// A moment in UTC, by the proleptic Gregorian calendar and without leap seconds. Every date of this project is made from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utc {
    /// 1970 to 9999.
    pub year: u64,
    /// 1 to 12.
    pub month: u64,
    /// 1 to 31.
    pub day: u64,
    /// 0 to 23.
    pub hour: u64,
    /// 0 to 59.
    pub minute: u64,
    /// 0 to 59.
    pub second: u64,
    /// 0 to 999.
    pub ms: u64,
}

/// Proleptic Gregorian date of a day number since 1970-01-01, counting years from March so that the leap day comes last.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

impl TryFrom<u64> for TimeMs {
    type Error = TimeTooLarge;
    fn try_from(ms: u64) -> Result<Self, TimeTooLarge> {
        TimeMs::new(ms)
    }
}

impl From<TimeMs> for u64 {
    fn from(t: TimeMs) -> u64 {
        t.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_248_000_123, "2026-11-21T08:00:00.123Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (TIME_MS, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(TimeMs::new(ms).unwrap().to_rfc3339(), text);
        }
        assert!(TimeMs::new(TIME_MS + 1).is_err());
        assert_eq!(TimeMs::default().plus_ms(u64::MAX).as_ms(), TIME_MS);
    }
}
