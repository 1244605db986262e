//! `like`: `*` matches any run of characters, everything else itself, one Unicode scalar value at a time.

use crate::format::WILDCARD;

/// Whether `text` matches the pattern's elements. Takes at most (characters + 1) x (elements + 1) steps.
pub(crate) fn matches(text: &str, pattern: &[u32]) -> bool {
    let mut rest = text.chars();
    let mut elements = pattern;
    // Where to go on when a match fails: behind the last wildcard, one character later.
    let mut retry: Option<(core::str::Chars<'_>, &[u32])> = None;
    loop {
        match elements {
            [WILDCARD, behind @ ..] => {
                elements = behind;
                retry = Some((rest.clone(), behind));
                continue;
            }
            [element, behind @ ..] => {
                let mut ahead = rest.clone();
                if ahead.next().is_some_and(|c| u32::from(c) == *element) {
                    rest = ahead;
                    elements = behind;
                    continue;
                }
            }
            [] if rest.as_str().is_empty() => return true,
            [] => {}
        }
        let Some((from, behind)) = &mut retry else { return false };
        if from.next().is_none() {
            return false;
        }
        rest = from.clone();
        elements = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(text: &str, pattern: &str) -> bool {
        let elements: Vec<u32> = pattern.chars().map(|c| if c == '*' { WILDCARD } else { u32::from(c) }).collect();
        matches(text, &elements)
    }

    #[test]
    fn matching() {
        for (text, pattern) in [
            ("", ""),
            ("", "*"),
            ("", "**"),
            ("abc", "abc"),
            ("abc", "a*"),
            ("abc", "*c"),
            ("abc", "a*c"),
            ("abcabc", "*abc"),
            ("aab", "*ab"),
            ("mississippi", "m*iss*ip*i"),
            ("é", "*é"),
            ("a", "*a*"),
        ] {
            assert!(like(text, pattern), "{text} like {pattern}");
        }
    }

    #[test]
    fn not_matching() {
        for (text, pattern) in [
            ("a", ""),
            ("", "a"),
            ("abc", "ab"),
            ("abc", "bc"),
            ("abc", "*b"),
            ("e\u{301}", "é"),
            ("ABC", "abc"),
            ("mississippi", "m*iss*ipx*i"),
            ("aaaa", "*b*"),
        ] {
            assert!(!like(text, pattern), "{text} like {pattern}");
        }
    }
}
