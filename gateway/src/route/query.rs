//! Query parameters, read only where a route names one.

use std::borrow::Cow;

use super::error::ContextError;
use crate::limits;
use crate::origin::hex;

/// Finds the value of a parameter in a query.
///
/// # Errors
///
/// [`ContextError::QueryRepeated`] if the parameter is there twice, and those of [`pairs`].
pub(crate) fn find<'q>(query: &'q [u8], name: &str) -> Result<Option<Cow<'q, str>>, ContextError> {
    let mut found = None;
    for pair in pairs(query)? {
        let (key, value) = pair?;
        if key == name && found.replace(value).is_some() {
            return Err(ContextError::QueryRepeated);
        }
    }
    Ok(found)
}

/// A name and its value.
type Pair<'q> = (Cow<'q, str>, Cow<'q, str>);

/// The parameters of a query (WHATWG URL §5.1, `application/x-www-form-urlencoded`).
///
/// # Errors
///
/// [`ContextError::QueryMalformed`] if the query could be read in more than one way: bad escapes, text that is not UTF-8, or
/// `;`, which some servers take for `&`. Whoever wants one parameter reads all of them, so that a query is well-formed as a
/// whole or not at all.
pub(crate) fn pairs(query: &[u8]) -> Result<impl Iterator<Item = Result<Pair<'_>, ContextError>>, ContextError> {
    let malformed = ContextError::QueryMalformed;
    if query.contains(&b';') || query.split(|byte| *byte == b'&').count() > limits::QUERY_PAIRS {
        return Err(malformed);
    }
    let pairs = query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    Ok(pairs.map(move |pair| {
        let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (key, value) = pair.split_at_checked(equals).ok_or(malformed)?;
        let value = value.get(1..).unwrap_or_default();
        Ok((decode(key).ok_or(malformed)?, decode(value).ok_or(malformed)?))
    }))
}

fn decode(raw: &[u8]) -> Option<Cow<'_, str>> {
    if !raw.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return std::str::from_utf8(raw).ok().map(Cow::Borrowed);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(query: &str, name: &str) -> Result<Option<String>, ContextError> {
        find(query.as_bytes(), name).map(|value| value.map(Cow::into_owned))
    }

    #[test]
    fn finds_one_parameter() {
        for (query, expected) in [
            ("branch=main", Some("main")),
            ("a=1&branch=main&b", Some("main")),
            ("bran%63h=a%20b+c", Some("a b c")),
            ("branch=", Some("")),
            ("branch", Some("")),
            ("branch=a=b", Some("a=b")),
            ("", None),
            ("Branch=main", None),
            ("branch%20=x&&", None),
        ] {
            assert_eq!(get(query, "branch"), Ok(expected.map(str::to_owned)), "{query}");
        }
    }

    #[test]
    fn refuses_two_readings() {
        for query in ["branch=a&branch=a", "branch=a&x&branch", "branch=a&bran%63h=b"] {
            assert_eq!(get(query, "branch"), Err(ContextError::QueryRepeated), "{query}");
        }
        for query in ["branch=%", "branch=%zz", "x=%2&branch=a", "branch=%ff", "a=1;branch=x", "branch=a;b", "%=1"] {
            assert_eq!(get(query, "branch"), Err(ContextError::QueryMalformed), "{query}");
        }
        assert_eq!(find(b"a=\xff", "branch"), Err(ContextError::QueryMalformed));
        assert_eq!(get(&"&".repeat(limits::QUERY_PAIRS), "branch"), Err(ContextError::QueryMalformed));
    }
}
