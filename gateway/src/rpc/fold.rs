//! Names that are not equal, but that a careless reader would take for equal (the class of CVE-2026-27896).
//!
//! Decoders of several languages match member names without regard to case: a body with `Method` beside `method` then
//! means one thing here and another behind us.

use std::cmp::Ordering;

/// Whether `name` differs from `known`, and becomes the same when case is ignored: by ASCII, by Unicode's simple folding
/// (which adds `ſ` and the Kelvin sign), or by converting to upper case (which adds the two Turkic i). `known` is ASCII.
pub(crate) fn looks_like(name: &str, known: &str) -> bool {
    match name.len().cmp(&known.len()) {
        // Fewer bytes are fewer characters.
        Ordering::Less => false,
        // And so are as many, if not all of them are ASCII.
        Ordering::Equal => name.eq_ignore_ascii_case(known) && name != known,
        // The longest of those characters has three bytes.
        Ordering::Greater => name.len() <= 3 * known.len() && !name.is_ascii() && folds_to(name, known),
    }
}

fn folds_to(name: &str, known: &str) -> bool {
    name.chars().map(fold).eq(known.chars().map(|letter| letter.to_ascii_lowercase()))
}

fn fold(letter: char) -> char {
    match letter {
        '\u{212a}' => 'k',
        '\u{17f}' => 's',
        '\u{130}' | '\u{131}' => 'i',
        letter => letter.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::{folds_to, looks_like};

    #[test]
    fn look_alikes_are_told_from_equals_and_from_others() {
        for (name, known) in [
            ("Method", "method"),
            ("METHOD", "method"),
            ("paramſ", "params"),
            ("PARAMſ", "params"),
            ("ta\u{17f}kId", "taskId"),
            ("tas\u{212a}id", "taskId"),
            ("taskid", "taskId"),
            ("ıd", "id"),
            ("İD", "id"),
            ("argumentS", "arguments"),
        ] {
            assert!(looks_like(name, known), "{name}");
        }
        for (name, known) in [
            ("method", "method"),
            ("methods", "method"),
            ("metho", "method"),
            ("", "id"),
            ("іd", "id"),
            ("method ", "method"),
            ("m\u{e9}thod", "method"),
            ("_method", "method"),
        ] {
            assert!(!looks_like(name, known), "{name}");
        }
    }

    /// Names of a few characters that fold, that do not, and that have two or three bytes without folding.
    #[test]
    fn whatever_folds_and_is_not_equal_looks_like_it() {
        const CHARACTERS: [char; 12] =
            ['k', 'K', '\u{212a}', 's', 'S', '\u{17f}', 'i', '\u{130}', '\u{131}', 'é', '中', 'x'];
        let mut names = vec![String::new()];
        for _ in 0..3 {
            let longer = |name: &String| CHARACTERS.map(|character| format!("{name}{character}"));
            names.extend(names.iter().flat_map(longer).collect::<Vec<_>>());
        }
        let mut alike = 0;
        for known in ["", "k", "is", "taskId", "sKi", "kk", "isk", "x"] {
            for name in &names {
                assert_eq!(looks_like(name, known), name != known && folds_to(name, known), "{name} {known}");
                alike += usize::from(looks_like(name, known));
            }
        }
        assert!(alike > 100, "{alike}");
    }
}
