//! Asks a live MCP server for its tools, over Streamable HTTP.
//!
//! First as a client of 2026-07-28 does, without a session; a server that does not understand that is asked again as from
//! 2025-11-25 on downwards: `initialize`, a session, `tools/list`, the end of the session. Pages are followed to the last.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use ureq::http::{Response, Uri};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use super::{Failure, web};
use crate::schema::ToolList;

/// How long the whole conversation may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Largest answer, in bytes.
const ANSWER_BYTES: u64 = 16 * 1024 * 1024;

/// Most pages of one list.
const PAGES: usize = 1000;

const MODERN: &str = "2026-07-28";
const LEGACY: &str = "2025-11-25";

/// A server and what it takes to talk to it.
pub(super) struct Client {
    agent: Agent,
    url: String,
    bearer: Option<String>,
    session: Option<Session>,
}

/// What was agreed on with a server of the older revisions.
struct Session {
    revision: String,
    id: Option<String>,
}

/// How a server answered.
enum Answer {
    Result(Box<RawValue>),
    /// The server does not understand: another revision may do.
    Refused(Failure),
}

#[derive(Deserialize)]
struct Message {
    id: Option<Value>,
    result: Option<Box<RawValue>>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    code: i64,
    #[serde(default)]
    message: String,
}

/// Whether a source of tools is the address of a server, and not the name of a file.
pub(super) fn is_url(source: &Path) -> bool {
    source.to_str().is_some_and(|text| text.starts_with("https://") || text.starts_with("http://"))
}

impl Client {
    /// `ca` is a file of certificates in PEM, in place of the public authorities.
    pub(super) fn new(url: &str, bearer: Option<String>, ca: Option<&Path>) -> Result<Self, Failure> {
        let uri: Uri = url.parse().map_err(|error| Failure::new("mcp.url", format!("`{url}`: {error}")))?;
        let is_local = web::is_loopback(uri.host().unwrap_or_default());
        if uri.scheme_str() != Some("https") && !is_local {
            return Err(Failure::new("mcp.url", format!("`{url}`: plain http is for loopback addresses only")));
        }
        let roots = web::roots(ca, "mcp.ca")?;
        // The token is for this server: it goes neither after a redirect nor, for a loopback address, through a proxy.
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .http_status_as_error(false)
            .tls_config(TlsConfig::builder().root_certs(roots).build());
        let config = if is_local { config.proxy(None) } else { config };
        Ok(Self { agent: Agent::new_with_config(config.build()), url: url.to_owned(), bearer, session: None })
    }

    /// All tools of the server.
    pub(super) fn tools(mut self) -> Result<ToolList, Failure> {
        match self.pages()? {
            Ok(tools) => Ok(tools),
            Err(_) => {
                self.initialize()?;
                let tools = self.pages()?;
                self.close();
                tools
            }
        }
    }

    /// The pages of the list. The inner failure is that of a server that does not understand.
    fn pages(&self) -> Result<Result<ToolList, Failure>, Failure> {
        let mut tools = ToolList::default();
        let mut seen = BTreeSet::new();
        let mut cursor = None;
        loop {
            let mut params = Map::new();
            if let Some(cursor) = &cursor {
                params.insert("cursor".to_owned(), json!(cursor));
            }
            if self.session.is_none() {
                let meta = json!({
                    "io.modelcontextprotocol/protocolVersion": MODERN,
                    "io.modelcontextprotocol/clientCapabilities": {},
                    "io.modelcontextprotocol/clientInfo": client_info(),
                });
                params.insert("_meta".to_owned(), meta);
            }
            let result = match self.ask("tools/list", params.into())? {
                Answer::Result(result) => result,
                Answer::Refused(failure) if cursor.is_none() => return Ok(Err(failure)),
                Answer::Refused(failure) => return Err(failure),
            };
            let next = tools.add(result.get()).map_err(|error| self.failure("mcp.answer", error))?;
            let Some(next) = next else { return Ok(Ok(tools)) };
            if !seen.insert(next.clone()) || seen.len() > PAGES {
                return Err(self.failure("mcp.pages", "its list of tools has no end"));
            }
            cursor = Some(next);
        }
    }

    fn initialize(&mut self) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Initialized {
            #[serde(rename = "protocolVersion")]
            revision: String,
        }

        let params = json!({"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": client_info()});
        let message = request("initialize", params);
        let response = self.send(&message, &[])?;
        let id = response.headers().get("mcp-session-id").map(|id| id.to_str().map(str::to_owned));
        let id = id.transpose().map_err(|error| self.failure("mcp.answer", error))?;
        let result = match self.answer(response)? {
            Answer::Result(result) => result,
            Answer::Refused(failure) => return Err(failure),
        };
        let Initialized { revision } =
            serde_json::from_str(result.get()).map_err(|error| self.failure("mcp.answer", error))?;
        self.session = Some(Session { revision, id });
        let message = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let response = self.send(&message, &[])?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(self.failure("mcp.status", format!("status {} for `notifications/initialized`", response.status())))
    }

    /// Ends the session. It would end by itself: whether it does now is no concern of ours.
    fn close(&self) {
        let Some(Session { revision, id: Some(id) }) = &self.session else { return };
        let mut request = self.agent.delete(&self.url);
        request = request.header("mcp-session-id", id).header("mcp-protocol-version", revision);
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        let _ = request.call();
    }

    fn ask(&self, method: &str, params: Value) -> Result<Answer, Failure> {
        let response = self.send(&request(method, params), &[("mcp-method", method)])?;
        self.answer(response)
    }

    fn send(&self, message: &Value, modern: &[(&str, &str)]) -> Result<Response<Body>, Failure> {
        let mut request = self.agent.post(&self.url);
        request =
            request.header("content-type", "application/json").header("accept", "application/json, text/event-stream");
        let version = match &self.session {
            Some(session) => Some(session.revision.as_str()),
            // `initialize` agrees on one.
            None => (!modern.is_empty()).then_some(MODERN),
        };
        if let Some(version) = version {
            request = request.header("mcp-protocol-version", version);
        }
        if let Some(id) = self.session.as_ref().and_then(|session| session.id.as_ref()) {
            request = request.header("mcp-session-id", id);
        }
        if self.session.is_none() {
            for (name, value) in modern {
                request = request.header(*name, *value);
            }
        }
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        request.send(message.to_string().as_bytes()).map_err(|error| self.failure("mcp.http", error))
    }

    /// The response to the one request that was sent, be it alone or in a stream of events.
    fn answer(&self, response: Response<Body>) -> Result<Answer, Failure> {
        let (parts, body) = response.into_parts();
        let status = parts.status;
        if matches!(status.as_u16(), 401 | 403) {
            return Err(
                self.failure("mcp.unauthorized", format!("status {status}: give it a token with `--bearer-env`"))
            );
        }
        let content_type = parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_stream = content_type.trim_start().to_ascii_lowercase().starts_with("text/event-stream");
        let mut body = BufReader::new(body.into_with_config().limit(ANSWER_BYTES).reader());
        let message = if is_stream {
            self.event(body)?
        } else {
            let mut text = String::new();
            body.read_to_string(&mut text).map_err(|error| self.failure("mcp.http", error))?;
            serde_json::from_str(&text).ok()
        };
        match message {
            Some(Message { result: Some(result), error: None, .. }) if status.is_success() => {
                Ok(Answer::Result(result))
            }
            Some(Message { error: Some(RpcError { code, message }), .. }) => {
                Ok(Answer::Refused(self.failure("mcp.refused", format!("error {code}: {message}"))))
            }
            Some(_) | None => {
                Ok(Answer::Refused(self.failure("mcp.answer", format!("status {status} without a result"))))
            }
        }
    }

    /// The event with the response. What comes before it are notifications, and what comes after it is not waited for.
    fn event(&self, body: impl BufRead) -> Result<Option<Message>, Failure> {
        let mut data = String::new();
        for line in body.lines() {
            let line = line.map_err(|error| self.failure("mcp.http", error))?;
            if let Some(text) = line.strip_prefix("data:") {
                data.push_str(text.strip_prefix(' ').unwrap_or(text));
                data.push('\n');
            } else if line.is_empty() {
                match serde_json::from_str::<Message>(&data) {
                    Ok(message) if message.id == Some(ID.into()) => return Ok(Some(message)),
                    Ok(_) | Err(_) => data.clear(),
                }
            }
        }
        Ok(serde_json::from_str(&data).ok())
    }

    fn failure(&self, code: &'static str, what: impl std::fmt::Display) -> Failure {
        Failure::new(code, format!("`{}`: {what}", self.url))
    }
}

/// The id of every request: there is one at a time.
const ID: &str = "palisade";

fn request(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": ID, "method": method, "params": params})
}

fn client_info() -> Value {
    json!({"name": "palisade", "version": env!("CARGO_PKG_VERSION")})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_nowhere_in_the_clear() {
        for url in ["http://localhost:1/mcp", "http://127.0.0.2/mcp", "http://[::1]:8/mcp", "https://tools.example/mcp"]
        {
            assert!(Client::new(url, Some("t".to_owned()), None).is_ok(), "{url}");
        }
        for url in [
            "http://tools.example/mcp",
            "http://10.0.0.1/",
            "http://localhost.example/",
            "http://127.0.0.1.example/",
            "http:///",
            "http://",
        ] {
            assert!(Client::new(url, None, None).is_err(), "{url}");
        }
    }
}
