//! Times in a record: RFC 3339, UTC, microseconds.

/// Appends a time, given in nanoseconds since the Unix epoch.
pub(super) fn push(out: &mut String, nanos: u64) {
    let seconds = nanos / 1_000_000_000;
    let micros = nanos % 1_000_000_000 / 1000;
    let (year, month, day) = date(seconds / 86_400);
    let second_of_day = seconds % 86_400;
    let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    for (separator, number, digits) in
        [("", year, 4), ("-", month, 2), ("-", day, 2), ("T", hour, 2), (":", minute, 2), (":", second, 2)]
    {
        out.push_str(separator);
        push_padded(out, number, digits);
    }
    out.push('.');
    push_padded(out, micros, 6);
    out.push('Z');
}

/// Appends so many decimal digits of a number.
fn push_padded(out: &mut String, number: u64, digits: u32) {
    for position in (0..digits).rev() {
        out.push(digit(number / 10_u64.pow(position)));
    }
}

/// The last decimal digit of a number.
pub(super) fn digit(number: u64) -> char {
    u8::try_from(number % 10).map_or('?', |digit| char::from(b'0' + digit))
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
            let mut out = String::new();
            push(&mut out, seconds * 1_000_000_000);
            assert_eq!(out, expected);
        }
        let mut out = String::new();
        push(&mut out, u64::MAX);
        assert!(out.starts_with("2554-07-21T23:34:33.709551"), "{out}");
    }
}
