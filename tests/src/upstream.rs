//! A service behind the gateway that remembers every request that reached it.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use serde_json::json;

use crate::gateway::DECISION_ID;
use crate::http1::{Message, single};

/// The header of its answers in which the upstream names the decision that let the request through.
pub const SEEN_DECISION_ID: &str = "x-seen-decision-id";

/// A request as the upstream received it.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The request target.
    pub path: String,
    headers: Vec<(String, Vec<u8>)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

impl Received {
    /// The value of a header that is there exactly once and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        single(&self.headers, name)
    }

    /// The names of all headers, in order, in lower case.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|(name, _)| name.as_str())
    }
}

/// The recording service. Its threads end with the process; what it keeps is a few kilobytes.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Upstream {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// No port is free.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
        let address = listener.local_addr()?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let received = Arc::clone(&shared);
                // A connection that fails is Envoy's to report: the test sees its 503.
                thread::spawn(move || serve(stream, &received));
            }
        });
        Ok(Self { address, received })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request with this path so far. Tests that share an upstream tell their requests apart by path.
    #[must_use]
    pub fn received(&self, path: &str) -> Vec<Received> {
        lock(&self.received).iter().filter(|request| request.path == path).cloned().collect()
    }
}

/// Answers with what arrived, as upstream.yaml of the quickstart does.
fn serve(mut stream: TcpStream, received: &Mutex<Vec<Received>>) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(Message { start, headers, body }) = Message::read(&mut reader, false)? {
        let mut words = start.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let path = words.next().unwrap_or_default().to_owned();
        let answer = json!({
            "service": single(&headers, "host"),
            "method": method,
            "path": path,
            "principal": single(&headers, "x-palisade-principal"),
            "decision_id": single(&headers, "x-palisade-decision-id"),
        })
        .to_string();
        let length = answer.len();
        let payload = if method == "HEAD" { "" } else { answer.as_str() };
        let decision = single(&headers, DECISION_ID).unwrap_or_default().to_owned();
        lock(received).push(Received { method, path, headers, body });
        write!(
            stream,
            "HTTP/1.1 200 OK\r\n{SEEN_DECISION_ID}: {decision}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{payload}"
        )?;
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
