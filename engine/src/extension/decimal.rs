//! `decimal`: 64-bit fixed point with four fractional digits.

use super::{ExtensionError, number};

const SCALE: i64 = 10_000;
const FRACTION_DIGITS: usize = 4;

/// The value of a `decimal` literal such as `-12.34`, in ten-thousandths.
///
/// # Errors
/// Anything but an optional minus sign, digits, a dot and one to four digits; a value that does not fit.
pub fn parse_decimal(text: &str) -> Result<i64, ExtensionError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').ok_or(ExtensionError)?;
    if fraction.len() > FRACTION_DIGITS {
        return Err(ExtensionError);
    }
    let mut fraction_value = number(fraction)?;
    for _ in fraction.len()..FRACTION_DIGITS {
        fraction_value *= 10;
    }
    // The smallest value has no positive counterpart, so the sign goes in before the scale.
    number(whole)
        .map(|whole| if negative { -whole } else { whole })
        .ok()
        .and_then(|whole| whole.checked_mul(SCALE))
        .and_then(|whole| if negative { whole.checked_sub(fraction_value) } else { whole.checked_add(fraction_value) })
        .ok_or(ExtensionError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        for (text, value) in [
            ("1.0", 10_000),
            ("1.00", 10_000),
            ("-0.5", -5_000),
            ("01.0", 10_000),
            ("0.0001", 1),
            ("922337203685477.5807", i64::MAX),
            ("-922337203685477.5808", i64::MIN),
        ] {
            assert_eq!(parse_decimal(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn not_literals() {
        for text in [
            "",
            "1",
            "1.",
            ".1",
            "-.1",
            "+1.0",
            "1.00000",
            "--1.0",
            "1.-1",
            "1.0 ",
            " 1.0",
            "1e1.0",
            "1.0.0",
            "٣.٣",
            "922337203685477.5808",
            "-922337203685477.5809",
            "99999999999999999999.0",
        ] {
            assert_eq!(parse_decimal(text), Err(ExtensionError), "{text}");
        }
    }
}
