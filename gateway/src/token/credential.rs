//! The credential slot: exactly one `Authorization` header with exactly one token (RFC 6750 §2.1, RFC 9449 §7.1).

#[cfg(test)]
use super::compact::CompactText;
use super::error::CredentialError;
use crate::limits;

/// The scheme under which a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// RFC 6750
    Bearer,
    /// RFC 9449 §7.1
    Dpop,
}

/// Takes the token out of an `Authorization` value.
#[cfg(test)]
pub(crate) fn read_authorization(
    value: &[u8],
    accepts_dpop: bool,
) -> Result<(Scheme, CompactText<'_>), CredentialError> {
    let (scheme, rest) = read_scheme(value, accepts_dpop)?;
    Ok((scheme, CompactText::read(rest, limits::TOKEN_BYTES)?))
}

/// Takes a token out of an `Authorization` value that is for the upstream: of any form (`token68` of RFC 9110 §11.2), and unread.
pub(crate) fn read_access_token(value: &[u8]) -> Result<&[u8], CredentialError> {
    let (_, token) = read_scheme(value, true)?;
    if token.len() > limits::TOKEN_BYTES {
        return Err(CredentialError::TooLarge);
    }
    let body_len = token.iter().position(|byte| *byte == b'=').unwrap_or(token.len());
    let (body, padding) = token.split_at_checked(body_len).unwrap_or_default();
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    let is_one = !body.is_empty() && body.iter().all(allowed) && padding.iter().all(|byte| *byte == b'=');
    if is_one { Ok(token) } else { Err(CredentialError::Malformed) }
}

/// Refuses what is longer than a token may be; nothing else is known of the rest. A list of credentials is refused as such.
pub(crate) fn bounded(text: &[u8], max_bytes: usize) -> Result<(), CredentialError> {
    match text.len() > max_bytes {
        false => Ok(()),
        true if text.contains(&b',') => Err(CredentialError::Repeated),
        true => Err(CredentialError::TooLarge),
    }
}

/// Splits an `Authorization` value after its scheme. What follows is unread.
pub(crate) fn read_scheme(value: &[u8], accepts_dpop: bool) -> Result<(Scheme, &[u8]), CredentialError> {
    let scheme_len = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (name, rest) = value.split_at_checked(scheme_len).unwrap_or((value, &[]));
    let scheme = if name.eq_ignore_ascii_case(b"bearer") {
        Scheme::Bearer
    } else if accepts_dpop && name.eq_ignore_ascii_case(b"dpop") {
        Scheme::Dpop
    } else {
        return Err(CredentialError::Scheme);
    };
    Ok((scheme, rest.trim_ascii_start()))
}

/// Whether a query carries a token too (RFC 6750 §2.3).
pub(crate) fn in_query(query: &[u8]) -> bool {
    query.split(|byte| *byte == b'&').any(|pair| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.eq_ignore_ascii_case(b"access_token")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_token() {
        for value in ["Bearer a.b-c_9", "bearer a.b-c_9", "BEARER  a.b-c_9"] {
            let read = read_authorization(value.as_bytes(), false).map(|(scheme, token)| (scheme, token.as_bytes()));
            assert_eq!(read, Ok((Scheme::Bearer, &b"a.b-c_9"[..])), "{value}");
        }
        for value in ["DPoP a.b", "dpop a.b"] {
            let read = read_authorization(value.as_bytes(), true).map(|(scheme, token)| (scheme, token.as_bytes()));
            assert_eq!(read, Ok((Scheme::Dpop, &b"a.b"[..])), "{value}");
            assert_eq!(read_authorization(value.as_bytes(), false).err(), Some(CredentialError::Scheme), "{value}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for (value, error) in [
            (&b""[..], CredentialError::Scheme),
            (b"Basic YTpi", CredentialError::Scheme),
            (b"Bearera.b.c", CredentialError::Scheme),
            (b"a.b.c", CredentialError::Scheme),
            (b" Bearer a.b.c", CredentialError::Scheme),
            (b"Bearer", CredentialError::Malformed),
            (b"Bearer ", CredentialError::Malformed),
            (b"Bearer a.b.c ", CredentialError::Malformed),
            (b"Bearer a.b.c d.e.f", CredentialError::Malformed),
            (b"Bearer a.b.c=", CredentialError::Malformed),
            (b"Bearer \"a.b.c\"", CredentialError::Malformed),
            (b"Bearer {\"payload\":\"\"}", CredentialError::Malformed),
            (b"Bearer a+b/c", CredentialError::Malformed),
            (b"Bearer a.b.c\0", CredentialError::Malformed),
            (b"Bearer a.\xff.c", CredentialError::Malformed),
            ("Bearer a.\u{430}.c".as_bytes(), CredentialError::Malformed),
            (b"Bearer a.b.c,Bearer d.e.f", CredentialError::Repeated),
            (b"Bearer a.b.c, Bearer d.e.f", CredentialError::Repeated),
        ] {
            assert_eq!(read_authorization(value, true).err(), Some(error), "{}", value.escape_ascii());
        }
        let long = format!("Bearer {}", "a".repeat(limits::TOKEN_BYTES + 1));
        assert_eq!(read_authorization(long.as_bytes(), true).err(), Some(CredentialError::TooLarge));
    }

    #[test]
    fn a_token_for_the_upstream_is_one_word() {
        for (value, token) in [("Bearer a.b-c_9", "a.b-c_9"), ("dpop ~+/9==", "~+/9=="), ("BEARER  opaque", "opaque")] {
            assert_eq!(read_access_token(value.as_bytes()), Ok(token.as_bytes()), "{value}");
        }
        for (value, error) in [
            ("", CredentialError::Scheme),
            ("Basic YTpi", CredentialError::Scheme),
            ("Bearer", CredentialError::Malformed),
            ("Bearer ", CredentialError::Malformed),
            ("Bearer ==", CredentialError::Malformed),
            ("Bearer a=b", CredentialError::Malformed),
            ("Bearer a b", CredentialError::Malformed),
            ("Bearer a,b", CredentialError::Malformed),
            ("Bearer \u{e9}", CredentialError::Malformed),
        ] {
            assert_eq!(read_access_token(value.as_bytes()), Err(error), "{value}");
        }
        let long = format!("Bearer {}", "a".repeat(limits::TOKEN_BYTES + 1));
        assert_eq!(read_access_token(long.as_bytes()), Err(CredentialError::TooLarge));
    }

    #[test]
    fn finds_a_token_in_the_query() {
        for query in ["access_token=x", "a=b&access_token=x", "access_token", "ACCESS_TOKEN=x&a"] {
            assert!(in_query(query.as_bytes()), "{query}");
        }
        for query in ["", "a=access_token", "xaccess_token=1", "access_tokens=1"] {
            assert!(!in_query(query.as_bytes()), "{query}");
        }
    }
}
