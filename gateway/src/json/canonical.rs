//! The one spelling of a value (RFC 8785, the JSON Canonicalization Scheme), so that a digest of it says something.
//!
//! Numbers are the doubles that RFC 8785 takes them for. It would give neighbours beyond 2^53 one spelling, and so two
//! documents one digest; here an integer has none unless it is written as the double is, in full or in its fewest digits.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::document::JsonKind;
use super::view::JsonView;

/// A value without canonical spelling: it has an integer that is not what its double is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotCanonical;

impl JsonView<'_> {
    /// Appends the value in its canonical spelling. The depth of recursion is that of the document, which is bounded.
    ///
    /// # Errors
    ///
    /// When there is none. Part of it may have been written.
    pub(crate) fn push_canonical(self, out: &mut String) -> Result<(), NotCanonical> {
        match self.kind() {
            JsonKind::Null | JsonKind::True | JsonKind::False => out.push_str(self.raw()),
            JsonKind::Number => push_number(self.raw(), out)?,
            JsonKind::String => push_text(self.text(), out),
            JsonKind::Array => {
                out.push('[');
                for (index, element) in self.elements().enumerate() {
                    push_comma(index, out);
                    element.push_canonical(out)?;
                }
                out.push(']');
            }
            JsonKind::Object => {
                let mut members: Vec<_> = self.members().collect();
                // By UTF-16 code units (§3.2.3). Names are distinct, so that the order is total.
                members.sort_unstable_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
                out.push('{');
                for (index, (name, value)) in members.into_iter().enumerate() {
                    push_comma(index, out);
                    push_text(name, out);
                    out.push(':');
                    value.push_canonical(out)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }
}

fn push_comma(index: usize, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
}

/// A string with its quotes (§3.2.2.2). One that was written without escapes has nothing that needs one.
fn push_text(text: Cow<'_, str>, out: &mut String) {
    out.push('"');
    match text {
        Cow::Borrowed(text) => out.push_str(text),
        Cow::Owned(text) => text.chars().for_each(|char| push_char(char, out)),
    }
    out.push('"');
}

fn push_char(char: char, out: &mut String) {
    match char {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\u{c}' => out.push_str("\\f"),
        '\r' => out.push_str("\\r"),
        '\0'..='\u{1f}' => {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(char));
        }
        _ => out.push(char),
    }
}

/// A number as ECMAScript writes the double that it is (§3.2.2.3).
fn push_number(raw: &str, out: &mut String) -> Result<(), NotCanonical> {
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    let is_integer = digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_integer && digits.len() <= EXACT_DIGITS {
        // Written as JSON wants it, without leading zeros; only zero has a sign to lose.
        out.push_str(if digits == "0" { digits } else { raw });
        return Ok(());
    }
    let value: f64 = raw.parse().map_err(|_| NotCanonical)?;
    if !value.is_finite() {
        return Err(NotCanonical);
    }
    let start = out.len();
    push_double(value, out);
    let is_itself = || format!("{value:.0}") == raw || out.get(start..) == Some(raw);
    if is_integer && !is_itself() { Err(NotCanonical) } else { Ok(()) }
}

/// A double holds every integer of so many digits.
const EXACT_DIGITS: usize = 15;

/// `Number::toString` of ECMA-262: the fewest digits that give the same double, and a point or an exponent by their place.
fn push_double(value: f64, out: &mut String) {
    if value == 0.0 {
        out.push('0');
        return;
    }
    if value < 0.0 {
        out.push('-');
    }
    let shortest = shortest(value.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    // The names in ECMA-262: `count` is k, `whole` is n. How many digits stand before the point.
    let whole = exponent + 1;
    match whole {
        1..=21 if count <= whole => {
            out.push_str(&digits);
            push_zeros(whole - count, out);
        }
        1..=21 => {
            let (before, after) = digits.split_at_checked(usize::try_from(whole).unwrap_or(0)).unwrap_or((&digits, ""));
            out.push_str(before);
            out.push('.');
            out.push_str(after);
        }
        -5..=0 => {
            out.push_str("0.");
            push_zeros(-whole, out);
            out.push_str(&digits);
        }
        _ => {
            // Writing to a string cannot fail.
            let _ = write!(out, "{mantissa}e{exponent:+}");
        }
    }
}

/// The fewest digits that give the same double, as in `1.25e-7`; of several, those closest to it, and of two that are as
/// close, the even ones. The last is what Rust's own formatting leaves open.
fn shortest(value: f64) -> String {
    let fewest = format!("{value:e}");
    let places = fewest.bytes().filter(u8::is_ascii_digit).count();
    let exponent = fewest.bytes().rev().take_while(u8::is_ascii_digit).count();
    let closest = format!("{value:.*e}", (places - exponent).saturating_sub(1));
    if closest.parse() == Ok(value) { closest } else { fewest }
}

fn push_zeros(count: i32, out: &mut String) {
    for _ in 0..count {
        out.push('0');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::json::JsonDocument;

    fn canonical(text: &str) -> Result<String, NotCanonical> {
        let mut document = JsonDocument::default();
        let mut out = String::new();
        document.read(text.as_bytes()).unwrap().push_canonical(&mut out)?;
        Ok(out)
    }

    /// Lines of `{"from", "text" or "double", "canonical"}`: what RFC 8785 and other implementations make of a text, or of
    /// a double given by its bits.
    const CASES: &str = include_str!("../../tests/cases/canonical.jsonl");

    #[test]
    fn others_write_the_same() {
        let mut sources = std::collections::BTreeMap::<String, usize>::new();
        for line in CASES.lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let member = |name: &str| case[name].as_str().map(str::to_owned);
            let text = match (member("text"), member("double")) {
                (Some(text), None) => text,
                (None, Some(bits)) => format!("{:.17e}", f64::from_bits(u64::from_str_radix(&bits, 16).unwrap())),
                _ => panic!("{line}"),
            };
            assert_eq!(canonical(&text), Ok(member("canonical").unwrap()), "{text}");
            *sources.entry(member("from").unwrap()).or_default() += 1;
        }
        let least = [("RFC 8785", 25), ("canonicalize", 60), ("rfc8785", 60)];
        for (source, least) in least {
            assert!(sources.get(source).is_some_and(|count| *count >= least), "{source}: {sources:?}");
        }
    }

    #[test]
    fn a_canonical_text_is_its_own_canonical_text() {
        for line in CASES.lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let text = case["canonical"].as_str().unwrap();
            assert_eq!(canonical(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn integers_that_no_double_holds_have_no_spelling() {
        for text in ["9007199254740993", "-9007199254740993", "9223372036854775807", "1234567890123456789012345678901"]
        {
            assert_eq!(canonical(text), Err(NotCanonical), "{text}");
            assert_eq!(canonical(&format!(r#"{{"a":[{{"b":{text}}}]}}"#)), Err(NotCanonical), "{text}");
        }
        for (text, expected) in [
            ("9007199254740992", "9007199254740992"),
            ("-9007199254740994", "-9007199254740994"),
            ("18446744073709551616", "18446744073709552000"),
            ("9223372036854776000", "9223372036854776000"),
            ("1000000000000000000000", "1e+21"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0e99", "0"),
            ("1e-400", "0"),
            ("1.0", "1"),
            ("-1E2", "-100"),
            ("999999999999999", "999999999999999"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn different_values_have_different_spellings() {
        let texts = [
            "{}",
            "[]",
            "\"\"",
            "null",
            "0",
            "\"0\"",
            "false",
            "[0]",
            "[[]]",
            "{\"\":0}",
            "\"null\"",
            "\"\\u0000\"",
            "\"\\\\u0000\"",
            "[\"a\",\"b\"]",
            "[\"a,b\"]",
            "[\"a\\\",\\\"b\"]",
            "{\"a\":{\"b\":1}}",
            "{\"a\":1,\"b\":1}",
        ];
        let mut spellings: Vec<String> = texts.map(|text| canonical(text).unwrap()).to_vec();
        spellings.sort();
        spellings.dedup();
        assert_eq!(spellings.len(), texts.len());
    }
}
