//! `datetime` (milliseconds since the Unix epoch) and `duration` (milliseconds).

use super::{ExtensionError, number};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The instants that literals denote: years of four digits, in zones that differ from UTC by less than a day.
pub(crate) const DATETIMES: core::ops::RangeInclusive<i64> = {
    const ZONE: i64 = 23 * HOUR + 59 * MINUTE;
    const YEAR_0: i64 = -62_167_219_200 * SECOND;
    const YEAR_10000: i64 = 253_402_300_800 * SECOND;
    YEAR_0 - ZONE..=YEAR_10000 - 1 + ZONE
};

/// The instant that a `datetime` literal denotes: `2024-10-15`, `2024-10-15T11:38:02Z`, with `.SSS` before the `Z`,
/// or an offset such as `+0530` in its place.
///
/// # Errors
/// Any other form, and dates, times and offsets that do not exist.
pub fn parse_datetime(text: &str) -> Result<i64, ExtensionError> {
    let (date, time) = text.split_at_checked(10).ok_or(ExtensionError)?;
    let days = parse_date(date)?;
    let midnight = days.checked_mul(DAY).ok_or(ExtensionError)?;
    if time.is_empty() {
        return Ok(midnight);
    }
    let (clock, zone) = time.split_at_checked(9).ok_or(ExtensionError)?;
    let time_of_day = parse_clock(clock)?;
    let (milliseconds, zone) = match zone.strip_prefix('.') {
        Some(rest) => {
            let (digits, zone) = rest.split_at_checked(3).ok_or(ExtensionError)?;
            (number(digits)?, zone)
        }
        None => (0, zone),
    };
    Ok(midnight + time_of_day + milliseconds - parse_zone(zone)?)
}

/// Days since the epoch of `YYYY-MM-DD`.
fn parse_date(text: &str) -> Result<i64, ExtensionError> {
    let mut parts = text.splitn(3, '-');
    let mut part = |width: usize| {
        let digits = parts.next().filter(|digits| digits.len() == width).ok_or(ExtensionError)?;
        number(digits)
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return Err(ExtensionError),
    };
    if !(1..=days_in_month).contains(&day) {
        return Err(ExtensionError);
    }
    // Years are counted from March, so that the leap day is a year's last.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    const DAYS_FROM_YEAR_0_MARCH_TO_EPOCH: i64 = 719_468;
    Ok(year * 365 + leap_days + day_of_year - DAYS_FROM_YEAR_0_MARCH_TO_EPOCH)
}

/// Milliseconds since midnight of `THH:MM:SS`.
fn parse_clock(text: &str) -> Result<i64, ExtensionError> {
    let mut parts = text.strip_prefix('T').ok_or(ExtensionError)?.splitn(3, ':');
    let mut part = |below: i64| {
        let digits = parts.next().filter(|digits| digits.len() == 2).ok_or(ExtensionError)?;
        number(digits).and_then(|value| if value < below { Ok(value) } else { Err(ExtensionError) })
    };
    Ok(part(24)? * HOUR + part(60)? * MINUTE + part(60)? * SECOND)
}

/// Milliseconds by which local time is ahead: `Z`, `+HHMM` or `-HHMM`.
fn parse_zone(text: &str) -> Result<i64, ExtensionError> {
    if text == "Z" {
        return Ok(0);
    }
    let (sign, digits) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (None, Some(digits)) => (-1, digits),
        (None, None) => return Err(ExtensionError),
    };
    let (hours, minutes) = digits.split_at_checked(2).ok_or(ExtensionError)?;
    if minutes.len() != 2 {
        return Err(ExtensionError);
    }
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours >= 24 || minutes >= 60 {
        return Err(ExtensionError);
    }
    Ok(sign * (hours * HOUR + minutes * MINUTE))
}

/// The milliseconds that a `duration` literal denotes: `1d2h3m4s50ms`, any of the parts, in this order, with an
/// optional minus sign in front.
///
/// # Errors
/// Any other form, and durations that do not fit.
pub fn parse_duration(text: &str) -> Result<i64, ExtensionError> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if rest.is_empty() {
        return Err(ExtensionError);
    }
    let mut total: i64 = 0;
    for (unit, milliseconds) in [("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)] {
        let digits_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, tail) = rest.split_at_checked(digits_end).ok_or(ExtensionError)?;
        let letters_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (letters, after) = tail.split_at_checked(letters_end).ok_or(ExtensionError)?;
        if letters != unit {
            continue;
        }
        let amount = magnitude(digits, milliseconds, negative)?;
        total = total.checked_add(amount).ok_or(ExtensionError)?;
        rest = after;
    }
    if rest.is_empty() { Ok(total) } else { Err(ExtensionError) }
}

/// `digits` of a unit, in milliseconds, with the sign already in: the smallest duration has no positive counterpart.
fn magnitude(digits: &str, unit: i64, negative: bool) -> Result<i64, ExtensionError> {
    if digits.is_empty() {
        return Err(ExtensionError);
    }
    let amount: i128 = digits.parse().map_err(|_| ExtensionError)?;
    let signed = if negative { -amount } else { amount };
    // Cedar reads all parts but the milliseconds as positive 64-bit numbers first.
    if unit != 1 && i64::try_from(amount).is_err() {
        return Err(ExtensionError);
    }
    i64::try_from(signed).ok().and_then(|amount| amount.checked_mul(unit)).ok_or(ExtensionError)
}

/// The beginning of the day of an instant; `None` where it does not fit.
pub(crate) const fn to_date(instant: i64) -> Option<i64> {
    instant.checked_sub(instant.rem_euclid(DAY))
}

/// The time since the beginning of the instant's day.
pub(crate) const fn to_time(instant: i64) -> i64 {
    instant.rem_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        for (text, value) in [
            ("1970-01-01", 0),
            ("1969-12-31", -DAY),
            ("2000-02-29", 951_782_400_000),
            ("2024-10-15T11:38:02Z", 1_728_992_282_000),
            ("2024-10-15T11:38:02.101Z", 1_728_992_282_101),
            ("2024-10-15T11:38:02.101-1134", 1_729_033_922_101),
            ("2024-10-15T11:38:02+1134", 1_728_950_642_000),
            ("0000-01-01", -62_167_219_200_000),
        ] {
            assert_eq!(parse_datetime(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn the_first_and_the_last_instant() {
        assert_eq!(parse_datetime("0000-01-01T00:00:00.000+2359"), Ok(*DATETIMES.start()));
        assert_eq!(parse_datetime("9999-12-31T23:59:59.999-2359"), Ok(*DATETIMES.end()));
    }

    #[test]
    fn not_instants() {
        for text in [
            "",
            "2024-10-15T",
            "2024-10-15Z",
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-10-15T24:00:00Z",
            "2024-10-15T23:59:60Z",
            "2024-10-15T11:38:02",
            "2024-10-15T11:38:02.1Z",
            "2024-10-15T11:38:02+01:00",
            "2024-10-15T11:38:02+2400",
            "2024-10-15T11:38:02+0060",
            "24-10-15",
            "2024-10-15T11:38:02.101",
            "2024-10-15T11:38:02.1010Z",
            "２024-10-15",
            "2024-10-15t11:38:02Z",
            "2024/10/15",
            "-024-10-15",
            "2024-10-15T11:38:02ZZ",
            "2024-1é-15",
        ] {
            assert_eq!(parse_datetime(text), Err(ExtensionError), "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, value) in [
            ("1h30m", 90 * MINUTE),
            ("90m", 90 * MINUTE),
            ("-1d2h3m4s5ms", -(DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND + 5)),
            ("5ms", 5),
            ("5m5ms", 5 * MINUTE + 5),
            ("0d", 0),
            ("-9223372036854775808ms", i64::MIN),
        ] {
            assert_eq!(parse_duration(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn not_durations() {
        for text in [
            "",
            "-",
            "1",
            "d",
            "1h1d",
            "1d1d",
            "+1d",
            "1.5h",
            "1 d",
            "--1d",
            "1D",
            "9223372036854775808ms",
            "106751991168d",
            "1ms1s",
            "1d-1h",
            "99999999999999999999999999999999999999999d",
        ] {
            assert_eq!(parse_duration(text), Err(ExtensionError), "{text}");
        }
    }

    #[test]
    fn days_begin_before_the_epoch_too() {
        assert_eq!(to_date(-1), Some(-DAY));
        assert_eq!(to_time(-1), DAY - 1);
        assert_eq!(to_time(-DAY), 0);
        assert_eq!(to_date(i64::MIN), None);
    }
}
