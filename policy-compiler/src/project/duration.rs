//! Durations such as `30d`, `15m` or `1h30m`.

use std::fmt;

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationError {
    /// Not numbers with units, largest unit first, each unit once.
    Form,
    /// More seconds than fit.
    TooLong,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "not a duration: write numbers with units d, h, m, s, such as `30d` or `1h30m`",
            Self::TooLong => "too long a duration",
        })
    }
}

impl std::error::Error for DurationError {}

/// Units and their seconds, largest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Parses a duration into seconds.
///
/// # Errors
///
/// When the form is wrong or the number of seconds does not fit.
pub fn parse_duration(text: &str) -> Result<u64, DurationError> {
    let mut total = 0_u64;
    let mut rest = text;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        if number.is_empty() {
            return Err(DurationError::Form);
        }
        let unit = after.chars().next().ok_or(DurationError::Form)?;
        let seconds =
            units.find_map(|(name, seconds)| (*name == unit).then_some(*seconds)).ok_or(DurationError::Form)?;
        let number: u64 = number.parse().map_err(|_| DurationError::TooLong)?;
        total = number.checked_mul(seconds).and_then(|part| total.checked_add(part)).ok_or(DurationError::TooLong)?;
        rest = after.get(unit.len_utf8()..).unwrap_or_default();
    }
    if text.is_empty() {
        return Err(DurationError::Form);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds() {
        for (text, seconds) in [("30d", 2_592_000), ("15m", 900), ("1h30m", 5_400), ("0s", 0)] {
            assert_eq!(parse_duration(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "30", "d", "-1d", "1.5h", "1m1h", "1m1m", "1 d", "1d ", "1w", "1é", "+1s"] {
            assert_eq!(parse_duration(text), Err(DurationError::Form), "{text}");
        }
        for text in ["99999999999999999999s", "999999999999999999d", "18446744073709551615s1s"] {
            let refused = parse_duration(text);
            assert!(refused.is_err(), "{text}");
        }
    }
}
