//! The credential slot: exactly one `Authorization` header with exactly one token (RFC 6750 §2.1, RFC 9449 §7.1).

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

/// A compact JWT as it stands in a request: bounded, not empty, and of the characters that it may have. Nothing in it has
/// been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompactText<'a>(&'a str);

/// Takes the token out of an `Authorization` value.
pub(crate) fn read_authorization(
    value: &[u8],
    accepts_dpop: bool,
) -> Result<(Scheme, CompactText<'_>), CredentialError> {
    let scheme_len = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (name, rest) = value.split_at_checked(scheme_len).unwrap_or((value, &[]));
    let scheme = if name.eq_ignore_ascii_case(b"bearer") {
        Scheme::Bearer
    } else if accepts_dpop && name.eq_ignore_ascii_case(b"dpop") {
        Scheme::Dpop
    } else {
        return Err(CredentialError::Scheme);
    };
    Ok((scheme, CompactText::read(rest.trim_ascii_start(), limits::TOKEN_BYTES)?))
}

impl<'a> CompactText<'a> {
    /// Checks the characters of a JWT.
    ///
    /// Only those that a JWT may have (RFC 8725bis, "check format type") pass, so what passes is ASCII and has
    /// no second token joined to it by a comma.
    pub(crate) fn read(token: &'a [u8], max_bytes: usize) -> Result<Self, CredentialError> {
        if token.contains(&b',') {
            // A list of credentials, joined by some hop from several headers.
            return Err(CredentialError::Repeated);
        }
        if token.len() > max_bytes {
            return Err(CredentialError::TooLarge);
        }
        let is_jwt_character = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        match std::str::from_utf8(token) {
            Ok(token) if !token.is_empty() && token.as_bytes().iter().all(is_jwt_character) => Ok(Self(token)),
            Ok(_) | Err(_) => Err(CredentialError::Malformed),
        }
    }

    /// The token's characters.
    pub(crate) fn as_str(self) -> &'a str {
        self.0
    }

    /// Any text as a token, for tests of what comes after.
    #[cfg(test)]
    pub(crate) fn for_test(text: &'a str) -> Self {
        Self(text)
    }
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
            let read = read_authorization(value.as_bytes(), false).map(|(scheme, token)| (scheme, token.as_str()));
            assert_eq!(read, Ok((Scheme::Bearer, "a.b-c_9")), "{value}");
        }
        for value in ["DPoP a.b", "dpop a.b"] {
            let read = read_authorization(value.as_bytes(), true).map(|(scheme, token)| (scheme, token.as_str()));
            assert_eq!(read, Ok((Scheme::Dpop, "a.b")), "{value}");
            assert_eq!(read_authorization(value.as_bytes(), false), Err(CredentialError::Scheme), "{value}");
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
            assert_eq!(read_authorization(value, true), Err(error), "{}", value.escape_ascii());
        }
        let long = format!("Bearer {}", "a".repeat(limits::TOKEN_BYTES + 1));
        assert_eq!(read_authorization(long.as_bytes(), true), Err(CredentialError::TooLarge));
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
