//! A server of documents, such as an issuer's keys or a bundle: it answers as a test says, and remembers when it was asked.

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::http1::{Message, single};

/// What the server answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Status 200 with this document.
    Document(Vec<u8>),
    /// Status 200 with this document and entity tag, or 304 where the client has it.
    Tagged(Vec<u8>, String),
    /// These bytes, whatever they are.
    Raw(Vec<u8>),
    /// These bytes, and the connection is closed.
    Cut(Vec<u8>),
    /// These bytes, and nothing more for as long as the client waits.
    Stall(Vec<u8>),
    /// Nothing: the connection is closed.
    Close,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When it came.
    pub at: Instant,
    /// Its first line.
    pub start: String,
    /// Its `host`.
    pub host: Option<String>,
    /// Its `if-none-match`.
    pub tag: Option<String>,
}

/// The server. Its threads end with the process.
#[derive(Debug)]
pub struct KeyServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    answer: Answer,
    /// What is answered to requests for these paths instead.
    files: BTreeMap<String, Answer>,
    asked: Vec<Asked>,
}

impl State {
    /// The answer to a request with this first line.
    fn find(&self, start: &str) -> Answer {
        let target = start.split(' ').nth(1).unwrap_or_default();
        self.files.get(target).unwrap_or(&self.answer).clone()
    }
}

impl Answer {
    /// There is no such document.
    #[must_use]
    pub fn absent() -> Self {
        Self::Raw(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec())
    }
}

impl KeyServer {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// No port is free.
    pub fn start(answer: Answer) -> Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), answer)
    }

    /// Listens at `address`; with port 0, at a free one.
    ///
    /// # Errors
    ///
    /// Somebody else does.
    pub fn start_at(address: SocketAddr, answer: Answer) -> Result<Self> {
        let listener = TcpListener::bind(address).with_context(|| format!("cannot listen at {address}"))?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State { answer, files: BTreeMap::new(), asked: Vec::new() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A connection that fails is Envoy's to report.
                thread::spawn(move || serve(stream, &state));
            }
        });
        Ok(Self { address, state })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what it answers from now on.
    pub fn answer(&self, answer: Answer) {
        lock(&self.state).answer = answer;
    }

    /// Changes what it answers to requests for one path, whatever it answers to others.
    pub fn put(&self, target: &str, answer: Answer) {
        lock(&self.state).files.insert(target.to_owned(), answer);
    }

    /// Every request so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.state).asked.clone()
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(Message { start, headers, .. }) = Message::read(&mut reader, false)? {
        let answer = {
            let mut state = lock(state);
            let host = single(&headers, "host").map(str::to_owned);
            let tag = single(&headers, "if-none-match").map(str::to_owned);
            let answer = state.find(&start);
            state.asked.push(Asked { at: Instant::now(), start, host, tag: tag.clone() });
            match answer {
                Answer::Tagged(_, etag) if tag == Some(etag.clone()) => {
                    Answer::Raw(format!("HTTP/1.1 304 Not Modified\r\netag: {etag}\r\n\r\n").into_bytes())
                }
                answer => answer,
            }
        };
        match answer {
            Answer::Document(body) => {
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
                )?;
                stream.write_all(&body)?;
            }
            Answer::Tagged(body, etag) => {
                let length = body.len();
                write!(stream, "HTTP/1.1 200 OK\r\netag: {etag}\r\ncontent-length: {length}\r\n\r\n")?;
                stream.write_all(&body)?;
            }
            Answer::Raw(bytes) => stream.write_all(&bytes)?,
            Answer::Cut(bytes) => return Ok(stream.write_all(&bytes)?),
            Answer::Stall(bytes) => {
                stream.write_all(&bytes)?;
                // Until the client gives up.
                let _ = Message::read(&mut reader, false)?;
                return Ok(());
            }
            Answer::Close => return Ok(()),
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
