//! An MCP server of a few lines: it says what a test has it say, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// A request: its headers in lower case, and its body.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What is said to one request: status, headers besides the length, body.
pub(crate) type Reply = (u16, Vec<(&'static str, String)>, String);

pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers until the test ends.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // The client may go away at any time: the next one is served.
                let _ = stream.and_then(|stream| serve(&stream, &answer, &seen));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: &TcpStream, answer: &impl Fn(&Asked) -> Reply, seen: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let method = line.split(' ').next().unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let asked = Asked { method, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) };
    let (status, headers, body) = answer(&asked);
    seen.lock().unwrap().push(asked);
    write!(stream, "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len())?;
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    write!(stream, "\r\n{body}")
}

pub(crate) fn json_reply(status: u16, body: &Value) -> Reply {
    (status, vec![("content-type", "application/json".to_owned())], body.to_string())
}

/// A response to a request, in JSON.
pub(crate) fn result(asked: &Asked, result: &Value) -> Reply {
    json_reply(200, &json!({"jsonrpc": "2.0", "id": asked.body["id"], "result": result}))
}

/// The same in a stream of events, behind a notification and a comment.
pub(crate) fn events(asked: &Asked, result: &Value) -> Reply {
    let response = json!({"jsonrpc": "2.0", "id": asked.body["id"], "result": result});
    let note = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {}});
    let body = format!(": hello\n\nevent: message\ndata: {note}\n\nid: 1\ndata: {response}\n\n");
    (200, vec![("content-type", "text/event-stream".to_owned())], body)
}

pub(crate) fn refusal(status: u16, code: i64) -> Reply {
    json_reply(status, &json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": "no"}}))
}

pub(crate) fn tool(name: &str) -> Value {
    json!({"name": name, "description": "d", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}}})
}
