//! Times in a record: RFC 3339, UTC, microseconds.

/// Writes times. Date, hour, minute and second are written once for all records of a second.
#[derive(Debug, Default)]
pub(super) struct TimeText {
    second: Option<u64>,
    text: String,
}

impl TimeText {
    /// Appends a time, given in nanoseconds since the Unix epoch.
    pub(super) fn push(&mut self, out: &mut String, nanos: u64) {
        let second = nanos / 1_000_000_000;
        if self.second != Some(second) {
            self.second = Some(second);
            self.text.clear();
            push_second(&mut self.text, second);
        }
        out.push_str(&self.text);
        // Less than a second, so it fits.
        push_padded(out, u32::try_from(nanos % 1_000_000_000).unwrap_or_default() / 1000, 6);
        out.push('Z');
    }
}

/// Appends a time up to the point before the fraction of the second.
fn push_second(out: &mut String, seconds: u64) {
    let (year, month, day) = date(seconds / 86_400);
    let second_of_day = seconds % 86_400;
    let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    for (separator, number, digits) in
        [("", year, 4), ("-", month, 2), ("-", day, 2), ("T", hour, 2), (":", minute, 2), (":", second, 2)]
    {
        out.push_str(separator);
        push_padded(out, u32::try_from(number).unwrap_or_default(), digits);
    }
    out.push('.');
}

/// Appends the last decimal digits of a number, at most six. In wasm, division by a constant is cheap in 32 bits only.
fn push_padded(out: &mut String, number: u32, count: usize) {
    let mut digits = [b'0'; 6];
    let mut rest = number;
    for place in digits.iter_mut().rev() {
        *place = digit(rest);
        rest /= 10;
    }
    let written = digits.get(digits.len() - count..).and_then(|written| std::str::from_utf8(written).ok());
    out.push_str(written.unwrap_or_default());
}

/// The last decimal digit of a number.
pub(super) fn digit(number: u32) -> u8 {
    u8::try_from(number % 10).map_or(b'?', |digit| b'0' + digit)
}

/// The Gregorian date of a day since the Unix epoch (Hinnant, "chrono-compatible low-level date algorithms").
fn date(days: u64) -> (u64, u64, u64) {
    // Counted from 1 March of year 0, so that the leap day is the last of its year and an era has 400 whole years.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000000Z"),
            (1_709_251_200, "2024-03-01T00:00:00.000000Z"),
            (1_795_305_600, "2026-11-22T00:00:00.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(text(&mut TimeText::default(), seconds * 1_000_000_000), expected);
        }
        assert_eq!(text(&mut TimeText::default(), u64::MAX), "2554-07-21T23:34:33.709551Z");
    }

    #[test]
    fn one_second_after_the_other() {
        let mut clock = TimeText::default();
        for (nanos, expected) in [
            (999_999_999, "1970-01-01T00:00:00.999999Z"),
            (1_000_000_000, "1970-01-01T00:00:01.000000Z"),
            (1_000_001_000, "1970-01-01T00:00:01.000001Z"),
            (86_400_120_000_000, "1970-01-02T00:00:00.120000Z"),
            // A clock that was set back.
            (1_000_002_000, "1970-01-01T00:00:01.000002Z"),
        ] {
            assert_eq!(text(&mut clock, nanos), expected);
        }
    }

    fn text(clock: &mut TimeText, nanos: u64) -> String {
        let mut out = String::new();
        clock.push(&mut out, nanos);
        out
    }
}
