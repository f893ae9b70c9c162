//! Log time as days and as HTTP dates (RFC 9110 §5.6.7). Reads no clock.

use deedbox_model::{TimeMs, Utc};

/// A day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: u8,
    /// From 1.
    pub(crate) day: u8,
}

const DAY_MS: u64 = 86_400_000;

/// The day of a moment.
pub(crate) fn day_of(time: TimeMs) -> Day {
    let Utc { year, month, day, .. } = time.utc();
    Day { year: i64::try_from(year).unwrap_or(0), month: u8::try_from(month).unwrap_or(1), day: u8::try_from(day).unwrap_or(1) }
}

/// `2026-11-21T14:00:00Z`.
pub(crate) fn seconds(time: TimeMs) -> String {
    let Utc { year, month, day, hour, minute, second, .. } = time.utc();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `Sat, 21 Nov 2026 14:00:00 GMT`.
pub(crate) fn http_date(time: TimeMs) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Utc { year, month, day, hour, minute, second, .. } = time.utc();
    let weekday = usize::try_from(time.as_ms() / DAY_MS % 7).unwrap_or(0);
    let weekday = WEEKDAYS.get(weekday).unwrap_or(&"Thu");
    let month = usize::try_from(month).ok().and_then(|month| MONTHS.get(month.checked_sub(1)?)).unwrap_or(&"Jan");
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_those_of_the_calendar() {
        for (ms, text, date) in [
            (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400_000, "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_795_269_845_999, "2026-11-21T14:04:05Z", "Sat, 21 Nov 2026 14:04:05 GMT"),
            (4_107_542_399_000, "2100-02-28T23:59:59Z", "Sun, 28 Feb 2100 23:59:59 GMT"),
        ] {
            let time = TimeMs::new(ms).unwrap();
            assert_eq!((seconds(time).as_str(), http_date(time).as_str()), (text, date));
            assert_eq!(time.to_rfc3339().get(..19), text.get(..19));
        }
    }
}
