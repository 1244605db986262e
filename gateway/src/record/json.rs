//! Strings in a record: escaped (RFC 8259 §7), bounded, and valid whatever bytes were sent.

use std::fmt::Write as _;

use crate::limits;
use crate::plain;

/// Appends a string.
pub(crate) fn push_text(out: &mut String, text: &str) {
    if text.len() > limits::RECORD_STRING_BYTES {
        return push_bytes(out, text.as_bytes());
    }
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

/// Appends bytes as a string. What is not UTF-8 becomes U+FFFD; a string that is too long is cut and ends with `…`.
pub(super) fn push_bytes(out: &mut String, bytes: &[u8]) {
    let (kept, cut) = match bytes.split_at_checked(limits::RECORD_STRING_BYTES) {
        Some((kept, rest)) => (kept, !rest.is_empty()),
        None => (bytes, false),
    };
    out.push('"');
    match std::str::from_utf8(kept) {
        Ok(text) => push_escaped(out, text),
        Err(_) => push_any(out, kept),
    }
    if cut {
        out.push('…');
    }
    out.push('"');
}

/// In the common case it is printable ASCII with nothing to escape, or with the quotes around an entity's id.
fn push_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    loop {
        let (plain, after) = rest.split_at_checked(plain::ascii_run(rest.as_bytes())).unwrap_or((rest, ""));
        out.push_str(plain);
        if let Some(after) = after.strip_prefix('"') {
            out.push_str("\\\"");
            rest = after;
            continue;
        }
        let mut characters = after.chars();
        match characters.next() {
            Some(character) => push_character(out, character),
            None => return,
        }
        rest = characters.as_str();
    }
}

fn push_any(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|character| push_character(out, character));
        if !chunk.invalid().is_empty() {
            out.push('\u{fffd}');
        }
    }
}

fn push_character(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        // Control characters, and the two separators that end a line for some readers.
        '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        }
        _ => out.push(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(bytes: &[u8]) -> String {
        let mut out = String::new();
        push_bytes(&mut out, bytes);
        out
    }

    #[test]
    fn escapes() {
        assert_eq!(json(b"plain text"), "\"plain text\"");
        assert_eq!(json(b"a\"b\\c"), "\"a\\\"b\\\\c\"");
        assert_eq!(json(b"\n\x00\x7f"), "\"\\u000a\\u0000\\u007f\"");
        assert_eq!(json("é\u{2028}\u{85}".as_bytes()), "\"é\\u2028\\u0085\"");
        assert_eq!(json(b"a\xffb"), "\"a\u{fffd}b\"");
        assert_eq!(json(b""), "\"\"");
    }

    #[test]
    fn every_string_is_json_and_reads_back() {
        for character in (0..=0x2fff).filter_map(char::from_u32) {
            let text = format!("<{character}>");
            assert_eq!(serde_json::from_str::<String>(&json(text.as_bytes())).unwrap(), text);
        }
    }

    #[test]
    fn long_strings_are_cut_even_inside_a_character() {
        let exact = "x".repeat(limits::RECORD_STRING_BYTES);
        assert_eq!(json(exact.as_bytes()), format!("\"{exact}\""));
        let long = "é".repeat(limits::RECORD_STRING_BYTES);
        let read: String = serde_json::from_str(&json(long.as_bytes())).unwrap();
        assert!(read.ends_with('…'));
        let odd = format!("x{long}");
        assert!(serde_json::from_str::<String>(&json(odd.as_bytes())).unwrap().ends_with("\u{fffd}…"));
    }
}
