//! What the headers say of an MCP request, before its body is read.

use super::error::McpError;
use super::open::OpenMcp;
use super::revision::Revision;
use super::session;
use crate::SESSION_HEADER;
use crate::header_map::HeaderMap;
use crate::rpc::{self, ContentHeaders};

/// The header that names the revision.
const VERSION: &str = "mcp-protocol-version";

/// The headers that say what an MCP request is, found in one pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transport<'a> {
    /// All headers.
    pub(super) headers: HeaderMap<'a>,
    content: ContentHeaders<'a>,
    /// Whether every origin that is named is listed.
    origin_is_listed: bool,
    session: Values<'a>,
    version: Values<'a>,
}

/// The values of a header that may be there once.
#[derive(Clone, Copy, Debug, Default)]
struct Values<'a> {
    first: Option<&'a [u8]>,
    is_repeated: bool,
}

impl<'a> Values<'a> {
    fn see(&mut self, value: &'a [u8]) {
        self.is_repeated |= self.first.is_some();
        self.first = self.first.or(Some(value));
    }
}

impl<'a> Transport<'a> {
    /// Looks the headers over. The route's limit applies to the announced length.
    pub(crate) fn read(mcp: &OpenMcp, headers: HeaderMap<'a>) -> Self {
        let (session, version) = (Values::default(), Values::default());
        let mut read = Self { headers, content: ContentHeaders::default(), origin_is_listed: true, session, version };
        for header in headers.iter() {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name.as_bytes());
            // By length first: most headers are none of these.
            match header.name.len() {
                6 if is("origin") => read.origin_is_listed &= rpc::is_listed(header.value, &mcp.origins),
                14 if is(SESSION_HEADER) => read.session.see(header.value),
                20 if is(VERSION) => read.version.see(header.value),
                _ => read.content.see(header, mcp.max_body),
            }
        }
        read
    }

    /// Checks what can be checked without the body.
    pub(crate) fn before_body(&self) -> Result<(), McpError> {
        self.check_caller()?;
        Ok(self.content.check(&["application/json"])?)
    }

    /// Checks what says where a request comes from, on every method.
    pub(super) fn check_caller(&self) -> Result<(), McpError> {
        if !self.origin_is_listed {
            return Err(McpError::Origin);
        }
        self.session().map(drop)
    }

    /// The session that the request names, as the client has it: bound, and so longer than the server's own id.
    pub(super) fn session(&self) -> Result<Option<&'a [u8]>, McpError> {
        let Values { first, is_repeated } = self.session;
        let may_be = |id: &[u8]| !is_repeated && session::may_be_bound(id);
        if first.is_none_or(may_be) { Ok(first) } else { Err(McpError::Session) }
    }

    /// The revision that the request's header names, whatever that is.
    pub(super) fn requested(&self) -> Option<&'a [u8]> {
        self.version.first
    }

    /// The revision that the request's header names; `None` without the header.
    pub(super) fn version(&self, mcp: &OpenMcp) -> Result<Option<Revision>, McpError> {
        let Values { first, is_repeated } = self.version;
        let Some(value) = first else {
            return Ok(None);
        };
        let name = std::str::from_utf8(value).ok().filter(|_| !is_repeated).ok_or(McpError::VersionMalformed)?;
        let revision = Revision::from_name(name.trim_matches([' ', '\t']));
        revision.filter(|revision| mcp.revisions.contains(revision)).map(Some).ok_or(McpError::VersionUnsupported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::HeaderBuffer;
    use crate::limits;
    use crate::mcp::open::testing;

    fn before(pairs: &[(&str, &str)]) -> Result<(), McpError> {
        Transport::read(&testing::open(), HeaderBuffer::from_pairs(pairs.iter().copied()).as_map()).before_body()
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
            let (mcp, headers) = (testing::open(), HeaderBuffer::from_pairs(pairs.iter().copied()));
            Transport::read(&mcp, headers.as_map()).version(&mcp)
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
