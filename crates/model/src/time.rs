//! Time in Unix milliseconds (spec/statements.md §4). Always an argument, never asked of a clock here.

use crate::limits::TIME_MS;
use serde::{Deserialize, Serialize};

/// Milliseconds of a day.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

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

    /// The beginning of a day, as people write it: `2027-01-31`. Only days that there are, in ten characters.
    pub fn of_day(text: &str) -> Option<Self> {
        let digits = |from: usize, to: usize| text.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?.parse().ok();
        let (year, month, day): (u64, u64, u64) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
        let days = days_from_civil(year, month, day)?;
        let time = TimeMs::new(days.checked_mul(DAY_MS)?).ok()?;
        // What reads back as something else was not a day: the 30th of February, or a sign that is not a hyphen.
        (text.len() == 10 && time.to_rfc3339().get(..10) == Some(text)).then_some(time)
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
        let (days, ms) = (self.0 / DAY_MS, self.0 % DAY_MS);
        let (year, month, day) = civil_from_days(days);
        let seconds = ms / 1000;
        Utc { year, month, day, hour: seconds / 3600, minute: seconds / 60 % 60, second: seconds % 60, ms: ms % 1000 }
    }

    /// RFC 3339 in UTC with milliseconds, as npm writes it: `2026-11-21T07:00:00.000Z`. Always these 24 characters.
    pub fn to_rfc3339(self) -> String {
        let Utc { year, month, day, hour, minute, second, ms } = self.utc();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }

    /// The same in whole seconds: `2026-11-21T07:00:00Z`.
    pub fn to_rfc3339_seconds(self) -> String {
        let Utc { year, month, day, hour, minute, second, .. } = self.utc();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// As a date in a header (RFC 9110 §5.6.7): `Sat, 21 Nov 2026 07:00:00 GMT`.
    pub fn to_http_date(self) -> String {
        const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let Utc { year, month, day, hour, minute, second, .. } = self.utc();
        let weekday = usize::try_from(self.0 / DAY_MS % 7).unwrap_or(0);
        let weekday = WEEKDAYS.get(weekday).unwrap_or(&"Thu");
        let month = usize::try_from(month).ok().and_then(|month| MONTHS.get(month.checked_sub(1)?)).unwrap_or(&"Jan");
        format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }

    /// The day and the time of day in digits alone, as Maven writes them: `20261121` and `070000`.
    pub fn to_digits(self) -> (String, String) {
        let Utc { year, month, day, hour, minute, second, .. } = self.utc();
        (format!("{year:04}{month:02}{day:02}"), format!("{hour:02}{minute:02}{second:02}"))
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

/// The day number of a date since 1970-01-01: the other way. None before that day.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    let shifted_year = if month <= 2 { year.checked_sub(1)? } else { year };
    let shifted_month = (month + 9) % 12;
    let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
    let day_of_year = (153 * shifted_month + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

/// A length of time in words: `3 days`, or `5 hours`, or `7 minutes`.
pub fn span(ms: u64) -> String {
    let (minutes, hours, days) = (ms / 60_000, ms / 3_600_000, ms / DAY_MS);
    match (days, hours) {
        (2.., _) => format!("{days} days"),
        (_, 2..) => format!("{hours} hours"),
        _ => format!("{minutes} minutes"),
    }
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
        for (ms, text, date) in [
            (0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_795_248_000_123, "2026-11-21T08:00:00.123Z", "Sat, 21 Nov 2026 08:00:00 GMT"),
            (1_795_269_845_999, "2026-11-21T14:04:05.999Z", "Sat, 21 Nov 2026 14:04:05 GMT"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z", "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z", "Mon, 01 Mar 2100 00:00:00 GMT"),
            (TIME_MS, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let time = TimeMs::new(ms).unwrap();
            assert_eq!((time.to_rfc3339().as_str(), time.to_http_date().as_str()), (text, date));
            assert_eq!(time.to_rfc3339_seconds(), format!("{}Z", &text[..19]));
            let (day, time) = time.to_digits();
            assert_eq!((day, time), (text[..10].replace('-', ""), text[11..19].replace(':', "")));
        }
        assert!(TimeMs::new(TIME_MS + 1).is_err());
        assert_eq!(TimeMs::default().plus_ms(u64::MAX).as_ms(), TIME_MS);
    }

    #[test]
    fn a_day_is_read_in_its_one_spelling() {
        for ms in (0..=TIME_MS / DAY_MS).step_by(17).map(|day| day * DAY_MS) {
            let time = TimeMs::new(ms).unwrap();
            assert_eq!(TimeMs::of_day(&time.to_rfc3339()[..10]), Some(time));
        }
        for text in [
            "",
            "2027-02-30",
            "2027-13-01",
            "2027-00-10",
            "2027-01-00",
            "1969-12-31",
            "2027-1-01",
            "2027/01/01",
            "+027-01-01",
            "10000-01-01",
            "2027-01-01T",
            "２027-01-1",
        ] {
            assert_eq!(TimeMs::of_day(text), None, "{text}");
        }
    }

    #[test]
    fn a_length_of_time_is_said_in_the_largest_unit_of_which_there_are_two() {
        let hour = DAY_MS / 24;
        let said = [0, hour, 2 * hour - 1, 2 * hour, 2 * DAY_MS - 1, 2 * DAY_MS].map(span);
        assert_eq!(said, ["0 minutes", "60 minutes", "119 minutes", "2 hours", "47 hours", "2 days"]);
    }
}
