//! Names that are not equal, but that a careless reader would take for equal (the class of CVE-2026-27896).
//!
//! Decoders of several languages match member names without regard to case: a body with `Method` beside `method` then
//! means one thing here and another behind us.

/// Whether `name` differs from `known`, and becomes the same when case is ignored: by ASCII, by Unicode's simple folding
/// (which adds `ſ` and the Kelvin sign), or by converting to upper case (which adds the two Turkic i). `known` is ASCII.
pub(crate) fn looks_like(name: &str, known: &str) -> bool {
    // The longest of those characters has three bytes.
    if name.len() < known.len() || name.len() > 3 * known.len() {
        return false;
    }
    // Most names differ in their first letter. Only what is not ASCII needs a closer look then.
    if let (Some(first), Some(known)) = (name.as_bytes().first(), known.as_bytes().first())
        && first.is_ascii()
        && !first.eq_ignore_ascii_case(known)
    {
        return false;
    }
    let mut letters = known.chars();
    name.chars().all(|letter| letters.next().is_some_and(|known| fold(letter) == known.to_ascii_lowercase()))
        && letters.next().is_none()
        && name != known
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
    use super::looks_like;

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
}
