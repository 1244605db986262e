//! What the headers say of an MCP request, before its body is read.

use super::error::McpError;
use super::open::OpenMcp;
use super::revision::Revision;
use crate::header_map::HeaderMap;

/// The header that names the revision.
pub(super) const VERSION: &str = "mcp-protocol-version";

/// Checks what can be checked without the body; the route's limit applies to the announced length.
pub(crate) fn before_body(mcp: &OpenMcp, headers: HeaderMap<'_>) -> Result<(), McpError> {
    check_origin(mcp, headers)?;
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

/// `application/json`, with whatever parameters: RFC 8259 gives them no meaning.
fn is_json(value: &[u8]) -> bool {
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// The origin, if the request comes from a web page, has to be one that the route lists.
pub(super) fn check_origin(mcp: &OpenMcp, headers: HeaderMap<'_>) -> Result<(), McpError> {
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
