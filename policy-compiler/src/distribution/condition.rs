//! What a request asks for beyond a file: whether it has it already, and whether it would wait for the next one.

/// Whether `If-None-Match` names the entity tag, so that the answer is 304 (RFC 9110 §13.1.2, weak comparison).
///
/// `fields` are the header's values in order. What does not read as a list of entity tags names none: the answer then is the
/// file, which is never wrong.
#[must_use]
pub fn has_already<'a>(fields: impl IntoIterator<Item = &'a [u8]>, etag: &str) -> bool {
    fields.into_iter().any(|field| field.trim_ascii() == b"*" || tags(field).any(|tag| tag == etag.as_bytes()))
}

/// The first entity tag that a client says it has, with its quotes.
#[must_use]
pub fn first_tag<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    fields.into_iter().flat_map(tags).next()
}

/// The opaque tags of a list, with their quotes, up to what does not belong there.
fn tags(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = field;
    std::iter::from_fn(move || {
        while let Some(after) = rest.strip_prefix(b",").or_else(|| rest.strip_prefix(b" ")).or(rest.strip_prefix(b"\t"))
        {
            rest = after;
        }
        let opaque = rest.strip_prefix(b"W/").unwrap_or(rest);
        let inner = opaque.strip_prefix(b"\"")?;
        let end = inner.iter().position(|byte| *byte == b'"')?;
        let (tag, after) = opaque.split_at_checked(end.checked_add(2)?)?;
        rest = after;
        Some(tag)
    })
}

/// The seconds for which a client would wait for a change: `Prefer: wait=N` (RFC 7240 §4.3).
///
/// The first one counts. It may stand as a parameter of another preference, which is how Open Policy Agent writes it
/// (`modes=snapshot,delta;wait=N`).
#[must_use]
pub fn wait_seconds<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Option<u64> {
    let mut preferences = fields.into_iter().flat_map(|field| field.split(|byte| matches!(byte, b',' | b';')));
    preferences.find_map(|preference| {
        let (name, value) = std::str::from_utf8(preference).ok()?.split_once('=')?;
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        // Longer than any number that we count to is longer than we would wait.
        (is_number && name.trim().eq_ignore_ascii_case("wait")).then(|| value.parse().unwrap_or(u64::MAX))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"ab12\"";

    #[test]
    fn a_client_that_has_the_file_says_so() {
        for field in ["\"ab12\"", "W/\"ab12\"", "\"x\", \"ab12\"", "\"x\",W/\"ab12\" ", "*", " * ", "\"\",\t\"ab12\""] {
            assert!(has_already([field.as_bytes()], TAG), "{field}");
        }
        assert!(has_already([b"\"x\"".as_slice(), b"\"ab12\""], TAG));
    }

    #[test]
    fn anything_else_gets_the_file() {
        for field in
            ["", "ab12", "\"ab12", "ab12\"", "\"AB12\"", "w/\"ab12\"", "\"x\" ; \"ab12\"", "'ab12'", "**", "\"*\""]
        {
            assert!(!has_already([field.as_bytes()], TAG), "{field}");
        }
        assert!(!has_already([b"\xff\"ab12\"".as_slice()], TAG));
        assert!(!has_already([], TAG));
    }

    #[test]
    fn the_first_tag_is_what_the_client_has() {
        assert_eq!(first_tag([b"nothing".as_slice(), b"W/\"a\", \"b\""]), Some(b"\"a\"".as_slice()));
        assert_eq!(first_tag([b"*".as_slice()]), None);
    }

    #[test]
    fn a_wait_is_found_where_clients_write_it() {
        for (field, seconds) in [
            ("wait=10", 10),
            ("Wait = \"7\"", 7),
            ("respond-async, wait=100", 100),
            ("modes=snapshot,delta;wait=60", 60),
            ("wait=1, wait=2", 1),
            ("wait=99999999999999999999999999", u64::MAX),
        ] {
            assert_eq!(wait_seconds([field.as_bytes()]), Some(seconds), "{field}");
        }
        assert_eq!(wait_seconds([b"return=minimal".as_slice(), b"wait=3"]), Some(3));
    }

    #[test]
    fn what_is_no_wait_is_none() {
        for field in
            ["", "wait", "wait=", "wait=-1", "wait=+1", "wait=1.5", "wait=soon", "await=1", "wait:1", "wait=\"1"]
        {
            assert_eq!(wait_seconds([field.as_bytes()]), None, "{field}");
        }
        assert_eq!(wait_seconds([b"wait=\xff".as_slice()]), None);
    }
}
