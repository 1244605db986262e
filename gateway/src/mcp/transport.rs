//! What the headers say of an MCP request, before its body is read.

use super::error::McpError;
use super::open::OpenMcp;
use super::revision::Revision;
use super::session;
use crate::header_map::HeaderMap;
use crate::rpc;

/// The header that names the revision.
pub(super) const VERSION: &str = "mcp-protocol-version";

/// Checks what can be checked without the body; the route's limit applies to the announced length.
pub(crate) fn before_body(mcp: &OpenMcp, headers: HeaderMap<'_>) -> Result<(), McpError> {
    check_caller(mcp, headers)?;
    Ok(rpc::check_content(headers, mcp.max_body, &["application/json"])?)
}

/// Checks what says where a request comes from, on every method.
pub(super) fn check_caller(mcp: &OpenMcp, headers: HeaderMap<'_>) -> Result<(), McpError> {
    if !rpc::origin_is_listed(headers, &mcp.origins) {
        return Err(McpError::Origin);
    }
    session::named(headers).map(drop)
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
    use crate::limits;
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
        let long = "x".repeat(2 * limits::SESSION_ID_BYTES);
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
