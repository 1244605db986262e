//! The host that a request is for.

use super::error::RouteError;
use crate::byte_set::ByteSet;
use crate::limits;

/// What may stand in a host name, and an underscore, which some have.
const HOST_CHARACTERS: ByteSet = ByteSet::alphanumeric().with(b".-_");

/// Writes the host of an authority into `out`: lower-case, without port and without the final dot of a fully
/// qualified name. An empty authority gives an empty host, which only routes for any host match.
///
/// # Errors
///
/// [`RouteError::HostInvalid`] for anything that is not a host name, an IPv4 or a bracketed IPv6 address.
pub(crate) fn host(authority: &[u8], out: &mut String) -> Result<(), RouteError> {
    out.clear();
    let invalid = RouteError::HostInvalid;
    let end = match authority.first() {
        Some(b'[') => ipv6_literal(authority).ok_or(invalid)?,
        _ => authority.iter().position(|byte| !HOST_CHARACTERS.has(*byte)).unwrap_or(authority.len()),
    };
    let (name, port) = authority.split_at_checked(end).ok_or(invalid)?;
    let name = name.strip_suffix(b".").unwrap_or(name);
    let port_ok = match port.strip_prefix(b":") {
        None => port.is_empty(),
        Some(digits) => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
    };
    if !port_ok || name.len() > limits::HOST_BYTES || (name.is_empty() && !authority.is_empty()) {
        return Err(invalid);
    }
    out.push_str(std::str::from_utf8(name).map_err(|_| invalid)?);
    out.make_ascii_lowercase();
    Ok(())
}

/// Where an IPv6 address at the beginning of an authority ends: behind its brackets, which belong to the host (RFC 3986 §3.2.2).
fn ipv6_literal(authority: &[u8]) -> Option<usize> {
    let end = authority.iter().position(|byte| *byte == b']')?;
    let address = std::str::from_utf8(authority.get(1..end)?).ok()?;
    address.parse::<std::net::Ipv6Addr>().ok()?;
    end.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authority: &str) -> Result<String, RouteError> {
        let mut out = "left over".to_owned();
        host(authority.as_bytes(), &mut out).map(|()| out)
    }

    #[test]
    fn hosts_have_one_form() {
        for (authority, expected) in [
            ("repos.internal", "repos.internal"),
            ("Repos.INTERNAL:8080", "repos.internal"),
            ("repos.internal.", "repos.internal"),
            ("repos.internal.:443", "repos.internal"),
            ("repos.internal:", "repos.internal"),
            ("127.0.0.1:10000", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[2001:DB8::1]:443", "[2001:db8::1]"),
            ("a_b", "a_b"),
            ("", ""),
        ] {
            assert_eq!(read(authority).as_deref(), Ok(expected), "{authority}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "a".repeat(limits::HOST_BYTES + 1);
        for authority in [
            "user@repos.internal",
            "a b",
            "a,b",
            "a/b",
            "a\\b",
            "a%2eb",
            "a\u{0}",
            "é",
            ":80",
            ".",
            "a:b",
            "a:80:80",
            "a:123456",
            "a:8 0",
            "[::1",
            "::1",
            "[]",
            "[x]",
            "[::1]x",
            "[::1]:x",
            "[::1%25eth0]",
            &long,
        ] {
            assert_eq!(read(authority), Err(RouteError::HostInvalid), "{authority}");
        }
        assert_eq!(host(b"\xff", &mut String::new()), Err(RouteError::HostInvalid));
    }
}
