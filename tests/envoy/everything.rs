//! The reference MCP server behind the gateway: a session from its beginning to its end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use palisade_tests::example::Example;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::http1::{Request, Response};
use palisade_tests::key::Algorithm;
use palisade_tests::mcp_server::McpServer;
use palisade_tests::token::Token;
use serde_json::{Value, json};

use crate::fixture::{Own, home};

const HOST: &str = "tools.internal";
const PATH: &str = "/everything/mcp";

/// A client of the server, in one session.
struct Client<'a> {
    gateway: &'a Gateway,
    token: String,
    session: Option<String>,
}

impl Client<'_> {
    fn request(&self, method: &str) -> Request {
        let request = Request::new(method, HOST, PATH).bearer(&self.token);
        let request = request.header("accept", "application/json, text/event-stream");
        match &self.session {
            Some(session) => request.header("mcp-session-id", session).header("mcp-protocol-version", "2025-11-25"),
            None => request,
        }
    }

    /// Begins a session.
    fn initialize(&mut self) -> Result<()> {
        let client_info = json!({"name": "palisade-tests", "version": "0"});
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client_info});
        let (answer, reply) = self.ask("initialize", params)?;
        ensure!(answer.status == 200 && reply["result"]["protocolVersion"] == "2025-11-25", "{answer:?}");
        self.session = Some(answer.header("mcp-session-id").context("no session")?.to_owned());
        let initialized = self.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        ensure!(initialized.status == 202, "{initialized:?}");
        Ok(())
    }

    fn post(&self, message: &Value) -> Result<Response> {
        let request = self.request("POST").header("content-type", "application/json");
        self.gateway.send(&request.body(message.to_string()))
    }

    /// Sends a request and reads the response to it, be it alone or at the end of a stream of events.
    fn ask(&self, method: &str, params: Value) -> Result<(Response, Value)> {
        let answer = self.post(&json!({"jsonrpc": "2.0", "id": "ask", "method": method, "params": params}))?;
        let text = String::from_utf8(answer.body.clone())?;
        let messages = match answer.header("content-type") {
            Some("application/json") => vec![serde_json::from_str(&text)?],
            _ => events(&text)?,
        };
        let reply = messages.into_iter().find(|message| message["id"] == "ask");
        let reply = reply.with_context(|| format!("no response in {text}"))?;
        Ok((answer, reply))
    }
}

/// The messages of a stream of events.
fn events(text: &str) -> Result<Vec<Value>> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| !data.is_empty());
    data.map(|data| serde_json::from_str(data).with_context(|| data.to_owned())).collect()
}

#[test]
fn a_session_from_initialize_to_delete() -> Result<()> {
    let home = home()?;
    let server = McpServer::start(home.path())?;
    let own = Own::start(Options { example: Example::Mcp, other: Some(server.address()), ..Options::default() })?;
    let gateway = &own.gateway;
    let token = Token::coder().claim("teams", json!(["engineering"])).sign(gateway.key(Algorithm::Es256)?);
    let mut client = Client { gateway, token, session: None };

    client.initialize()?;

    let (_, reply) = client.ask("tools/list", json!({}))?;
    let tools = reply["result"]["tools"].as_array().context("no tools")?;
    assert!(tools.iter().any(|tool| tool["name"] == "echo"), "{tools:?}");
    // What nobody may call is not there to be seen, and neither is what the schema has no action for.
    assert!(!reply.to_string().contains("get-env"), "{reply}");
    for (method, member) in [("prompts/list", "prompts"), ("resources/list", "resources")] {
        let (_, reply) = client.ask(method, json!({}))?;
        assert_eq!(reply["result"][member], json!([]), "{reply}");
    }

    let (_, reply) = client.ask("tools/call", json!({"name": "echo", "arguments": {"message": "through"}}))?;
    assert_eq!(reply["result"]["content"][0]["text"], "Echo: through");
    let (_, reply) = client.ask("tools/call", json!({"name": "get-sum", "arguments": {"a": 2, "b": 3}}))?;
    assert!(reply["result"]["content"][0]["text"].as_str().context("no sum")?.contains('5'), "{reply}");

    // The forbidden one: an error that the model sees, and nothing of the server's environment.
    let (answer, reply) = client.ask("tools/call", json!({"name": "get-env", "arguments": {}}))?;
    assert_eq!(reply["result"]["isError"], true);
    assert!(!reply.to_string().contains("PATH"), "{reply}");
    assert_eq!(gateway.access_line(&answer)?.texts("policies"), ["no-environment"]);

    // A method that the schema declares no action for, and a caller of another team with this session.
    let (answer, reply) = client.ask("completion/complete", json!({"ref": {"type": "ref/prompt", "name": "x"}}))?;
    assert_eq!((answer.status, &reply["error"]["code"]), (404, &json!(-32601)));
    let stranger = Token::coder().claim("teams", json!(["sales"])).sign(gateway.key(Algorithm::Es256)?);
    let stranger = Client { gateway, token: stranger, session: client.session.clone() };
    let (answer, _) = stranger.ask("tools/list", json!({}))?;
    assert_eq!(answer.status, 403);
    assert_eq!(gateway.send(&stranger.request("DELETE"))?.status, 403);

    stream_opens(&client)?;
    assert_eq!(gateway.send(&client.request("DELETE"))?.status, 200);
    let answer = client.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}))?;
    ensure!(answer.status >= 400, "the session is over: {answer:?}");
    Ok(())
}

/// Every request is a connection of its own, so each worker gets some.
#[test]
fn a_session_is_its_callers_on_every_worker() -> Result<()> {
    let home = home()?;
    let server = McpServer::start(home.path())?;
    let other = Some(server.address());
    let own = Own::start(Options { example: Example::Mcp, workers: 3, other, ..Options::default() })?;
    let gateway = &own.gateway;
    let token = |subject: &str| -> Result<String> {
        let token = Token::coder().claim("sub", subject).claim("teams", json!(["engineering"]));
        Ok(token.sign(gateway.key(Algorithm::Es256)?))
    };
    let mut client = Client { gateway, token: token("coder-7")?, session: None };
    client.initialize()?;
    let session = client.session.clone().context("no session")?;
    let echo = json!({"name": "echo", "arguments": {"message": "through"}});
    for _ in 0..30 {
        let (answer, reply) = client.ask("tools/call", echo.clone())?;
        assert_eq!(reply["result"]["content"][0]["text"], "Echo: through", "{answer:?}");
        let named = answer.header("mcp-session-id");
        ensure!(named.is_none_or(|named| named == session), "the server's own id came through: {named:?}");
    }

    // The id as the server knows it is worth nothing, and neither is the client's to anybody else.
    let (_, raw) = session.split_once('.').context("the id is not bound")?;
    let mut thief = Client { gateway, token: token("coder-8")?, session: None };
    thief.initialize()?;
    for (client, stolen) in [(&mut thief, session.as_str()), (&mut client, raw)] {
        client.session = Some(stolen.to_owned());
        for _ in 0..10 {
            let (answer, _) = client.ask("tools/call", echo.clone())?;
            assert_eq!(answer.status, 404, "{answer:?}");
            assert_eq!(gateway.access_line(&answer)?.text("reason"), Some("mcp.session_unknown"));
        }
        assert_eq!(gateway.send(&client.request("DELETE"))?.status, 404);
        assert_eq!(gateway.send(&client.request("GET"))?.status, 404);
    }
    Ok(())
}

/// The stream of the server's messages begins at once and has no end, so only its beginning is read.
fn stream_opens(client: &Client<'_>) -> Result<()> {
    let mut stream = TcpStream::connect(client.gateway.envoy.address())?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let (token, session) = (&client.token, client.session.as_deref().context("no session")?);
    write!(
        stream,
        "GET {PATH} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\n\
         mcp-session-id: {session}\r\nmcp-protocol-version: 2025-11-25\r\n\r\n"
    )?;
    let mut head = Vec::new();
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8(head)?.to_ascii_lowercase();
    ensure!(head.starts_with("http/1.1 200") && head.contains("text/event-stream"), "{head}");
    Ok(())
}
