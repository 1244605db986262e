//! A server whose answers a test computes from whole requests.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result};

use crate::http1::{Message, single};

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The body.
    pub body: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
}

impl Asked {
    /// The value of a header that is there once and is text; `name` is lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        single(&self.headers, name)
    }

    /// All headers, a line each.
    #[must_use]
    pub fn header_lines(&self) -> String {
        let lines = self.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.escape_ascii()));
        lines.collect()
    }
}

/// What is answered: status, headers besides the length, body.
pub type Reply = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// A running server. Its threads end with the process.
#[derive(Debug)]
pub struct Answering {
    /// Where it listens.
    pub address: SocketAddr,
}

impl Answering {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// No port is free.
    pub fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
        let address = listener.local_addr()?;
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = Arc::clone(&answer);
                // A client may leave at any time: the next one is served.
                thread::spawn(move || serve(&stream, &*answer));
            }
        });
        Ok(Self { address })
    }
}

fn serve(mut stream: &TcpStream, answer: &impl Fn(&Asked) -> Reply) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let Some(Message { start, headers, body }) = Message::read(&mut reader, false)? else { return Ok(()) };
    let mut words = start.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_head = method == "HEAD";
    let (status, headers, body) = answer(&Asked { method, target, body, headers });
    let mut bytes = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n").into_bytes();
    for (name, value) in &headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if !headers.iter().any(|(name, _)| *name == "content-length") {
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    if !is_head {
        bytes.extend_from_slice(&body);
    }
    stream.write_all(&bytes).context("the client left")
}
