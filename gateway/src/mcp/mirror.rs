//! Headers that repeat the body (2026-07-28, transports): whoever routes by them must not be told something else.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::McpError;
use super::open::ParamHeader;
use super::revision::Revision;
use crate::header_map::HeaderMap;
use crate::json::{JsonKind, JsonView};
use crate::limits;

const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";
const PARAM: &str = "mcp-param-";
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// Whether a message says in its body that it is of the stateless era.
pub(super) fn says_modern(params: Option<JsonView<'_>>) -> bool {
    params.and_then(|params| params.get("_meta")).and_then(|meta| meta.get(META_VERSION)).is_some()
}

/// Checks `_meta` and the headers against a message of the stateless era.
///
/// `name` is what the header `Mcp-Name` has to repeat, for methods that have one.
pub(super) fn check(
    headers: HeaderMap<'_>,
    revision: Revision,
    method: &str,
    params: Option<JsonView<'_>>,
    name: Option<&str>,
) -> Result<(), McpError> {
    let meta = params.and_then(|params| params.get("_meta"));
    let version = meta.and_then(|meta| meta.get(META_VERSION)).and_then(JsonView::string).ok_or(McpError::Meta)?;
    let capabilities = meta.and_then(|meta| meta.get(META_CAPABILITIES));
    if capabilities.map(JsonView::kind) != Some(JsonKind::Object) {
        return Err(McpError::Meta);
    }
    if version != revision.as_str() || value(headers, METHOD)?.ok_or(McpError::HeaderMissing)? != method {
        return Err(McpError::HeaderMismatch);
    }
    match name {
        Some(name) if value(headers, NAME)?.ok_or(McpError::HeaderMissing)? != name => Err(McpError::HeaderMismatch),
        Some(_) | None => Ok(()),
    }
}

/// Checks the headers that repeat arguments of a tool: there exactly where the argument is, with its value.
pub(super) fn check_params(
    headers: HeaderMap<'_>,
    mirrored: &[ParamHeader],
    arguments: Option<JsonView<'_>>,
) -> Result<(), McpError> {
    for ParamHeader { header, path } in mirrored {
        let argument = arguments.and_then(|arguments| path.iter().try_fold(arguments, |value, name| value.get(name)));
        let argument = argument.filter(|argument| argument.kind() != JsonKind::Null);
        match (argument, value(headers, &format!("{PARAM}{header}"))?) {
            (None, None) => {}
            (Some(_), None) => return Err(McpError::HeaderMissing),
            (Some(argument), Some(value)) if equals(argument, &value) => {}
            (None | Some(_), Some(_)) => return Err(McpError::HeaderMismatch),
        }
    }
    Ok(())
}

/// Numbers compare by value, everything else by text.
fn equals(argument: JsonView<'_>, header: &str) -> bool {
    match argument.kind() {
        JsonKind::String => argument.text() == header,
        JsonKind::True => header == "true",
        JsonKind::False => header == "false",
        JsonKind::Number if argument.raw() == header => true,
        JsonKind::Number => match (argument.raw().parse::<f64>(), header.parse::<f64>()) {
            (Ok(left), Ok(right)) => left == right && left.abs() < limits::EXACT_DOUBLE,
            (_, _) => false,
        },
        JsonKind::Null | JsonKind::Array | JsonKind::Object => false,
    }
}

/// The one value of a header, decoded; `None` without it.
fn value<'a>(headers: HeaderMap<'a>, name: &str) -> Result<Option<Cow<'a, str>>, McpError> {
    let mut values = headers.values(name);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(McpError::HeaderRepeated),
        (found, None) => found.map(decode).transpose(),
    }
}

/// Visible ASCII, spaces and tabs as they stand; anything else as `=?base64?…?=`.
fn decode(value: &[u8]) -> Result<Cow<'_, str>, McpError> {
    let text = std::str::from_utf8(value).map_err(|_| McpError::HeaderEncoding)?.trim_matches([' ', '\t']);
    if !text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return Err(McpError::HeaderEncoding);
    }
    let Some(encoded) = text.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Ok(Cow::Borrowed(text));
    };
    let bytes = STANDARD.decode(encoded).map_err(|_| McpError::HeaderEncoding)?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| McpError::HeaderEncoding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::HeaderBuffer;
    use crate::json::JsonDocument;

    const PARAMS: &str = r#"{"name":"é","arguments":{"region":"eu","n":42,"big":9007199254740993,"on":true,"none":null,"deep":{"x":"1"}},
        "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}"#;

    fn check_with(headers: &[(&str, &[u8])], params: &str) -> Result<(), McpError> {
        let mut document = JsonDocument::default();
        let params = document.read(params.as_bytes()).unwrap();
        let headers = HeaderBuffer::from_pairs(headers.iter().copied());
        check(headers.as_map(), Revision::R20260728, "tools/call", Some(params), Some("é"))
    }

    #[test]
    fn headers_that_say_the_same_pass() {
        for name in [&b"=?base64?w6k=?="[..], b" =?base64?w6k=?=\t"] {
            assert_eq!(check_with(&[("Mcp-Method", b" tools/call "), ("mcp-name", name)], PARAMS), Ok(()));
        }
    }

    #[test]
    fn headers_that_say_something_else_do_not() {
        let method = ("mcp-method", &b"tools/call"[..]);
        for (headers, error) in [
            (&[][..], McpError::HeaderMissing),
            (&[method], McpError::HeaderMissing),
            (&[("mcp-name", b"=?base64?w6k=?=")], McpError::HeaderMissing),
            (&[("mcp-method", b"tools/list"), ("mcp-name", b"=?base64?w6k=?=")], McpError::HeaderMismatch),
            (&[("mcp-method", b"Tools/call"), ("mcp-name", b"=?base64?w6k=?=")], McpError::HeaderMismatch),
            (&[method, method, ("mcp-name", b"=?base64?w6k=?=")], McpError::HeaderRepeated),
            (&[method, ("mcp-name", b"e")], McpError::HeaderMismatch),
            (&[method, ("mcp-name", "é".as_bytes())], McpError::HeaderEncoding),
            (&[method, ("mcp-name", b"\xff")], McpError::HeaderEncoding),
            (&[method, ("mcp-name", b"=?base64?w6k?=")], McpError::HeaderEncoding),
            (&[method, ("mcp-name", b"=?base64?w6l=?=")], McpError::HeaderEncoding),
            (&[method, ("mcp-name", b"=?base64?/w==?=")], McpError::HeaderEncoding),
            (&[method, ("mcp-name", b"=?BASE64?w6k=?=")], McpError::HeaderMismatch),
            (&[method, ("mcp-name", b"=?base64?w6k=?= x")], McpError::HeaderMismatch),
            (&[method, ("mcp-name", b"a"), ("Mcp-Name", b"=?base64?w6k=?=")], McpError::HeaderRepeated),
        ] {
            assert_eq!(check_with(headers, PARAMS), Err(error), "{headers:?}");
        }
        let good = [method, ("mcp-name", &b"=?base64?w6k=?="[..])];
        for (params, error) in [
            (PARAMS.replace("2026-07-28", "2025-11-25"), McpError::HeaderMismatch),
            (PARAMS.replace("protocolVersion", "version"), McpError::Meta),
            (PARAMS.replace("\"2026-07-28\"", "20260728"), McpError::Meta),
            (PARAMS.replace("clientCapabilities\":{}", "clientCapabilities\":[]"), McpError::Meta),
            (PARAMS.replace("clientCapabilities", "capabilities"), McpError::Meta),
            ("{}".to_owned(), McpError::Meta),
            (r#"{"_meta":[]}"#.to_owned(), McpError::Meta),
        ] {
            assert_eq!(check_with(&good, &params), Err(error), "{params}");
        }
    }

    #[test]
    fn arguments_are_repeated_exactly_where_they_are() {
        let params = |path: &str, headers: &[(&str, &str)]| {
            let mut document = JsonDocument::default();
            let arguments = document.read(PARAMS.as_bytes()).unwrap().get("arguments");
            let mirrored = [ParamHeader { header: "h".to_owned(), path: path.split('.').map(str::to_owned).collect() }];
            check_params(HeaderBuffer::from_pairs(headers.iter().copied()).as_map(), &mirrored, arguments)
        };
        for (path, value) in
            [("region", "eu"), ("n", "42"), ("n", "42.0"), ("big", "9007199254740993"), ("on", "true"), ("deep.x", "1")]
        {
            assert_eq!(params(path, &[("Mcp-Param-H", value)]), Ok(()), "{path} {value}");
        }
        assert_eq!(params("none", &[]), Ok(()));
        assert_eq!(params("absent", &[("mcp-param-other", "x")]), Ok(()));
        for (path, headers, error) in [
            ("region", &[][..], McpError::HeaderMissing),
            ("deep.x", &[], McpError::HeaderMissing),
            ("region", &[("mcp-param-h", "us")], McpError::HeaderMismatch),
            ("region", &[("mcp-param-h", "EU")], McpError::HeaderMismatch),
            ("n", &[("mcp-param-h", "43")], McpError::HeaderMismatch),
            ("n", &[("mcp-param-h", "x")], McpError::HeaderMismatch),
            ("big", &[("mcp-param-h", "9007199254740992")], McpError::HeaderMismatch),
            ("on", &[("mcp-param-h", "True")], McpError::HeaderMismatch),
            ("deep", &[("mcp-param-h", "{\"x\":\"1\"}")], McpError::HeaderMismatch),
            ("none", &[("mcp-param-h", "null")], McpError::HeaderMismatch),
            ("absent", &[("mcp-param-h", "")], McpError::HeaderMismatch),
            ("region", &[("mcp-param-h", "eu"), ("MCP-Param-H", "eu")], McpError::HeaderRepeated),
        ] {
            assert_eq!(params(path, headers), Err(error), "{path} {headers:?}");
        }
    }
}
