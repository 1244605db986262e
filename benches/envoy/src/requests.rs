//! Requests as bytes.

/// What an agent's client sends along besides the token.
const HEADERS: &str = "user-agent: agent-runtime/3.2 (linux; x86_64) http-client/9.1\r\n\
    accept: application/json, text/event-stream;q=0.9, */*;q=0.1\r\n\
    accept-encoding: gzip, br\r\n\
    accept-language: en\r\n\
    cache-control: no-cache\r\n\
    content-type: application/json\r\n\
    traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\
    tracestate: vendor=opaque\r\n\
    x-request-id: 5f0c6c1e-8f0d-4f5e-9a53-5d1f8f0d9a10\r\n\
    x-intent: review\r\n\
    x-session: 0d9f6a3e\r\n";

/// A request for a file.
pub(crate) fn read(method: &str, path: &str, token: Option<&str>) -> Vec<u8> {
    let length = if method == "GET" { "" } else { "content-length: 0\r\n" };
    format!("{method} {path} HTTP/1.1\r\nhost: repos.internal\r\n{HEADERS}{length}{}\r\n", bearer(token)).into_bytes()
}

/// A call of a tool.
pub(crate) fn call(path: &str, body: &str, token: Option<&str>) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: tools.internal\r\n{HEADERS}mcp-protocol-version: 2025-06-18\r\n\
         content-length: {length}\r\n{}\r\n{body}",
        bearer(token)
    )
    .into_bytes()
}

fn bearer(token: Option<&str>) -> String {
    token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default()
}
