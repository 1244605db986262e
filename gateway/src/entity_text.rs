//! Entities as text: `Type::"id"` in printable ASCII, for headers and records.

use std::fmt::Write as _;

use crate::plain;

/// Appends an entity as Cedar writes it. Everything in the id that is not printable ASCII is escaped as `\u{…}`, so
/// the result is safe in a header and no two ids look alike.
pub(crate) fn push(out: &mut String, entity_type: &str, id: &str) {
    out.push_str(entity_type);
    out.push_str("::\"");
    // All of it, nearly always.
    let (plain, rest) = id.split_at_checked(plain::ascii_run(id.as_bytes())).unwrap_or((id, ""));
    out.push_str(plain);
    for character in rest.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(character),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_escaped_into_printable_ascii() {
        for (id, expected) in [
            ("a b/c", "T::\"a b/c\""),
            ("a\"b\\c", "T::\"a\\\"b\\\\c\""),
            ("a\r\nx: y\0", "T::\"a\\u{d}\\u{a}x: y\\u{0}\""),
            ("é\u{202e}😀", "T::\"\\u{e9}\\u{202e}\\u{1f600}\""),
            ("", "T::\"\""),
        ] {
            let mut out = String::new();
            push(&mut out, "T", id);
            assert_eq!(out, expected);
        }
    }
}
