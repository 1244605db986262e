//! What the headers say of an MCP request, before its body is read.

use super::error::McpError;
use super::open::OpenMcp;
use super::revision::Revision;
use crate::header_map::HeaderMap;
use crate::limits;

/// The header that names the revision.
pub(super) const VERSION: &str = "mcp-protocol-version";
/// The header that names the session, before the stateless era.
const SESSION: &str = "mcp-session-id";

/// Checks what can be checked without the body; the route's limit applies to the announced length.
pub(crate) fn before_body(mcp: &OpenMcp, headers: HeaderMap<'_>) -> Result<(), McpError> {
    check_caller(mcp, headers)?;
    let mut content_type = None;
    for header in headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name.as_bytes());
        if is("content-type") {
            if content_type.replace(header.value).is_some() {
                return Err(McpError::ContentType);
            }
        } else if is("content-encoding") {
            if !header.value.trim_ascii().eq_ignore_ascii_case(b"identity") {
                return Err(McpError::ContentEncoding);
            }
        } else if is("upgrade") {
            // What follows is another protocol, and may never end.
            return Err(McpError::Upgrade);
        } else if is("content-length") {
            let length = std::str::from_utf8(header.value).ok().and_then(|text| text.trim().parse::<u64>().ok());
            if length.is_none_or(|length| length > u64::from(mcp.max_body)) {
                return Err(McpError::BodyTooLarge);
            }
        }
    }
    if content_type.is_some_and(is_json) { Ok(()) } else { Err(McpError::ContentType) }
}

/// `application/json`, in UTF-8. RFC 8259 gives parameters no meaning, but servers go by `charset`: in UTF-7, `+ACI-` inside
/// a string is the quote that ends it.
fn is_json(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case(b"application/json")
        && parts.all(|parameter| {
            let name = parameter.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
            let is_utf8 = |value: &[u8]| {
                let text = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
                text.eq_ignore_ascii_case(b"utf-8")
            };
            // Anything that speaks of character sets in another way is refused, `charset*=` (RFC 8187) among it.
            !contains_ignoring_case(parameter, b"charset")
                || (name.eq_ignore_ascii_case(b"charset")
                    && parameter.split_at_checked(b"charset=".len()).is_some_and(|(_, value)| is_utf8(value)))
        })
}

fn contains_ignoring_case(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// A session's id is visible ASCII, and there is one (2025-03-26, transports).
fn check_session(headers: HeaderMap<'_>) -> Result<(), McpError> {
    let mut values = headers.values(SESSION);
    let is_visible = |id: &[u8]| {
        !id.is_empty() && id.len() <= limits::SESSION_ID_BYTES && id.iter().all(|byte| (0x21..=0x7e).contains(byte))
    };
    match (values.next(), values.next()) {
        (None, _) => Ok(()),
        (Some(id), None) if is_visible(id) => Ok(()),
        (Some(_), _) => Err(McpError::Session),
    }
}

/// Checks what says where a request comes from, on every method.
pub(super) fn check_caller(mcp: &OpenMcp, headers: HeaderMap<'_>) -> Result<(), McpError> {
    check_origin(mcp, headers)?;
    check_session(headers)
}

/// The origin, if the request comes from a web page, has to be one that the route lists.
fn check_origin(mcp: &OpenMcp, headers: HeaderMap<'_>) -> Result<(), McpError> {
    let listed = |value: &[u8]| mcp.origins.iter().any(|origin| origin.as_bytes() == value.trim_ascii());
    if headers.values("origin").all(listed) { Ok(()) } else { Err(McpError::Origin) }
}

/// The revision that the request's header names; `None` without the header.
pub(super) fn version(mcp: &OpenMcp, headers: HeaderMap<'_>) -> Result<Option<Revision>, McpError> {
    let mut values = headers.values(VERSION);
    let (value, again) = (values.next(), values.next());
    if again.is_some() {
        return Err(McpError::VersionMalformed);
    }
    let Some(value) = value else {
        return Ok(None);
    };
    let name = std::str::from_utf8(value).map_err(|_| McpError::VersionMalformed)?;
    let revision = Revision::from_name(name.trim_matches([' ', '\t']));
    revision.filter(|revision| mcp.revisions.contains(revision)).map(Some).ok_or(McpError::VersionUnsupported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::HeaderBuffer;
    use crate::mcp::open::testing;

    fn before(pairs: &[(&str, &str)]) -> Result<(), McpError> {
        before_body(&testing::open(), HeaderBuffer::from_pairs(pairs.iter().copied()).as_map())
    }

    #[test]
    fn json_without_encoding_passes() {
        for content_type in
            ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;x"]
        {
            assert_eq!(before(&[("content-type", content_type)]), Ok(()), "{content_type}");
        }
        let all = [("Content-Type", "application/json"), ("content-encoding", "identity"), ("content-length", "1000")];
        assert_eq!(before(&all), Ok(()));
    }

    #[test]
    fn other_content_does_not() {
        for pairs in [
            &[][..],
            &[("content-type", "")],
            &[("content-type", "text/plain")],
            &[("content-type", "application/jsonx")],
            &[("content-type", "application/x; application/json")],
            &[("content-type", "application/json, text/plain")],
            &[("content-type", "application/json; charset=utf-7")],
            &[("content-type", "application/json; charset=utf-16le")],
            &[("content-type", "application/json; charset=")],
            &[("content-type", "application/json; charset")],
            &[("content-type", "application/json; charset = utf-8")],
            &[("content-type", "application/json; charset=utf-8; charset=utf-7")],
            &[("content-type", "application/json; charset*=utf-8''utf-7")],
            &[("content-type", "application/json; x=\"; charset=utf-7")],
            &[("content-type", "application/json"), ("Content-Type", "application/json")],
        ] {
            assert_eq!(before(pairs), Err(McpError::ContentType), "{pairs:?}");
        }
        let json = ("content-type", "application/json");
        for encoding in ["gzip", "br", "identity, gzip", ""] {
            assert_eq!(before(&[json, ("content-encoding", encoding)]), Err(McpError::ContentEncoding), "{encoding}");
        }
        for length in ["1001", "18446744073709551616", "-1", "x", ""] {
            assert_eq!(before(&[json, ("content-length", length)]), Err(McpError::BodyTooLarge), "{length}");
        }
        assert_eq!(before(&[json, ("upgrade", "websocket")]), Err(McpError::Upgrade));
        assert_eq!(before(&[json, ("origin", "https://app.example")]), Ok(()));
        for origin in ["https://evil.example", "null", "", "https://app.example.evil.example", "http://app.example"] {
            assert_eq!(before(&[json, ("Origin", origin)]), Err(McpError::Origin), "{origin}");
        }
        assert_eq!(before(&[json, ("mcp-session-id", "1868a90c-{}~!")]), Ok(()));
        let long = "x".repeat(limits::SESSION_ID_BYTES + 1);
        for session in ["", "a b", "a\tb", "é", "a\u{7f}", &long] {
            assert_eq!(before(&[json, ("Mcp-Session-Id", session)]), Err(McpError::Session), "{session}");
        }
        assert_eq!(before(&[json, ("mcp-session-id", "a"), ("MCP-Session-Id", "a")]), Err(McpError::Session));
        let both = [json, ("origin", "https://app.example"), ("Origin", "null")];
        assert_eq!(before(&both), Err(McpError::Origin));
    }

    #[test]
    fn the_revision_is_named_once_or_not_at_all() {
        let of = |pairs: &[(&str, &[u8])]| {
            version(&testing::open(), HeaderBuffer::from_pairs(pairs.iter().copied()).as_map())
        };
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[("MCP-Protocol-Version", b" 2026-07-28\t")]), Ok(Some(Revision::R20260728)));
        for value in [&b""[..], b"2026-07-29", b"2026-07-28,2025-06-18", b"2026-7-28", b"draft"] {
            assert_eq!(of(&[(VERSION, value)]), Err(McpError::VersionUnsupported), "{value:?}");
        }
        assert_eq!(of(&[(VERSION, b"\xff")]), Err(McpError::VersionMalformed));
        assert_eq!(of(&[(VERSION, b"2026-07-28"), (VERSION, b"2026-07-28")]), Err(McpError::VersionMalformed));
    }
}
