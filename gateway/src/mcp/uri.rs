//! URIs of resources: compared as they stand, so those that have another reading are refused.

/// Whether a URI has one reading only: no dot segments in any spelling, no backslashes, no control characters or spaces.
///
/// A policy that permits `file:///work/*` must not be met by `file:///work/../etc`, and whether a server resolves that,
/// decodes `%2e` or even `%252e` first, is not known here.
pub(super) fn is_unambiguous(uri: &str) -> bool {
    if uri.is_empty() || uri.chars().any(|c| c.is_control() || c == ' ' || c == '\\') {
        return false;
    }
    let Some(plain) = decode_separators(uri) else {
        return false;
    };
    let path = plain.split(['?', '#']).next().unwrap_or_default();
    !plain.contains(['\\', '\0'])
        && !path.split(['/', ':']).any(|segment| {
            // What follows `;` are parameters, which some servers cut off first.
            matches!(segment.split(';').next(), Some("." | ".."))
        })
}

/// The URI with dots and separators decoded; `None` where they were encoded more often than anybody does by mistake.
fn decode_separators(uri: &str) -> Option<String> {
    const ESCAPES: [(&str, &str); 8] = [
        ("%25", "%"),
        ("%2e", "."),
        ("%2E", "."),
        ("%2f", "/"),
        ("%2F", "/"),
        ("%5c", "\\"),
        ("%5C", "\\"),
        ("%00", "\0"),
    ];
    let mut out = uri.to_owned();
    for _ in 0..3 {
        let before = out.len();
        for (escaped, plain) in ESCAPES {
            if out.contains(escaped) {
                out = out.replace(escaped, plain);
            }
        }
        if out.len() == before {
            return Some(out);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::is_unambiguous;

    #[test]
    fn ordinary_uris_pass() {
        for uri in [
            "file:///work/notes.md",
            "file:///work/a%20b.md",
            "https://example.org/a?b=../c",
            "memo://insights",
            "urn:isbn:1",
            "x:...",
            "file:///work/..hidden/a..b",
            "demo://resource/static/1",
        ] {
            assert!(is_unambiguous(uri), "{uri}");
        }
    }

    #[test]
    fn uris_with_another_reading_do_not() {
        for uri in [
            "",
            "file:///work/../etc/passwd",
            "file:///work/..",
            "file:///work/./a",
            "file:..",
            "..",
            "../a",
            "file:///work/%2e%2e/etc",
            "file:///work/.%2E/etc",
            "file:///work%2f..%2fetc",
            "file:///work%5c..%5cetc",
            "file:///work\\..\\etc",
            "file:///work/%252e%252e/etc",
            "file:///work/%25252e./etc",
            "file:///work/%25252525252525252541",
            "file:///work/..;x/etc",
            "file:///work/..?x",
            "file:///work/..#x",
            "file:///work/a%00.md",
            "file:///work/a\0",
            "file:///work/a b",
            "file:///work/\r\nx",
        ] {
            assert!(!is_unambiguous(uri), "{uri}");
        }
    }
}
