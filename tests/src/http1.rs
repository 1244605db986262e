//! HTTP/1.1 as bytes: what a test writes goes on the wire unchanged, hostile or not.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// Longest silence of a peer. Reached only when something hangs, which is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request under construction. Nothing is checked or repaired.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request to `target` (a path) of `host`, without a body.
    #[must_use]
    pub fn new(method: &str, host: &str, target: &str) -> Self {
        let request = Self { method: method.into(), target: target.into(), headers: Vec::new(), body: None };
        request.header("host", host)
    }

    /// Adds a header; an equal name is repeated, not replaced.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Adds `authorization: Bearer …`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets a body, sent with its length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends the request on a connection of its own and reads the whole answer.
    ///
    /// # Errors
    ///
    /// The connection failed, fell silent, or carried no HTTP answer.
    pub fn send(&self, to: SocketAddr) -> Result<Response> {
        Connection::open(to)?.exchange(self)
    }

    /// The request as it goes on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        if let Some(body) = &self.body {
            bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// One client connection, reusable for several requests.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// Nobody listens at `to`.
    pub fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).with_context(|| format!("cannot connect to {to}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    ///
    /// As [`Connection::read`].
    pub fn exchange(&mut self, request: &Request) -> Result<Response> {
        self.write(&request.bytes())?;
        let headless = request.method == "HEAD";
        self.read_answer(headless)
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    ///
    /// The peer closed the connection.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes).context("cannot write the request")
    }

    /// Reads one answer.
    ///
    /// # Errors
    ///
    /// The peer closed the connection, was silent for a minute, or did not speak HTTP/1.1.
    pub fn read(&mut self) -> Result<Response> {
        self.read_answer(false)
    }

    fn read_answer(&mut self, headless: bool) -> Result<Response> {
        Response::read(&mut self.stream, headless)
    }
}

/// An answer, its body read to the end.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, Vec<u8>)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer that arrived over another protocol version.
    #[must_use]
    pub fn new(status: u16, headers: Vec<(String, Vec<u8>)>, body: Vec<u8>) -> Self {
        Self { status, headers, body }
    }

    /// Reads an answer that came some other way.
    ///
    /// # Errors
    ///
    /// The bytes are no HTTP/1.1 answer.
    pub fn parse(mut bytes: &[u8]) -> Result<Self> {
        Self::read(&mut bytes, false)
    }

    fn read(stream: &mut impl BufRead, headless: bool) -> Result<Self> {
        let message = Message::read(stream, headless)?.context("the peer closed the connection unasked")?;
        let status = message.start.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.with_context(|| format!("no status in `{}`", message.start))?;
        Ok(Self { status, headers: message.headers, body: message.body })
    }

    /// The value of a header that is there once and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        single(&self.headers, name)
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// It is not JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("no JSON: `{}`", String::from_utf8_lossy(&self.body)))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            write!(f, " | {name}: {}", value.escape_ascii())?;
        }
        write!(f, " | {}", self.body.escape_ascii())
    }
}

/// The value of `name` if it is there exactly once and is text; `name` is lower case.
#[must_use]
pub fn single<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a str> {
    let mut values = headers.iter().filter(|(candidate, _)| candidate == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => std::str::from_utf8(value).ok(),
        (None | Some(_), _) => None,
    }
}

/// A request or an answer as it came off the wire; names are in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// Reads one message; `None` if the peer closed the connection before its first byte.
    pub(crate) fn read(stream: &mut impl BufRead, headless: bool) -> Result<Option<Self>> {
        let Some(start) = line(stream)? else {
            return Ok(None);
        };
        let start = String::from_utf8(start).context("the first line is not text")?;
        let mut headers = Vec::new();
        loop {
            let line = line(stream)?.context("the connection closed inside the headers")?;
            if line.is_empty() {
                break;
            }
            let colon = line.iter().position(|byte| *byte == b':').context("a header without a colon")?;
            let (name, value) = line.split_at(colon);
            let name = String::from_utf8(name.to_ascii_lowercase()).context("a header name is not text")?;
            headers.push((name, value.strip_prefix(b":").unwrap_or(value).trim_ascii().to_vec()));
        }
        let body = if headless { Vec::new() } else { body(stream, &headers)? };
        Ok(Some(Self { start, headers, body }))
    }
}

fn body(stream: &mut impl BufRead, headers: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    if single(headers, "transfer-encoding") == Some("chunked") {
        let mut body = Vec::new();
        loop {
            let size = line(stream)?.context("the connection closed between chunks")?;
            let size = usize::from_str_radix(std::str::from_utf8(&size)?, 16).context("no chunk size")?;
            body.extend(exactly(stream, size)?);
            ensure!(line(stream)?.is_some_and(|rest| rest.is_empty()), "a chunk does not end where it should");
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match single(headers, "content-length") {
        Some(length) => exactly(stream, length.parse().context("no content length")?),
        None => Ok(Vec::new()),
    }
}

fn exactly(stream: &mut impl BufRead, size: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    stream.read_exact(&mut bytes).context("the connection closed inside a body")?;
    Ok(bytes)
}

fn line(stream: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line).context("cannot read a line")? == 0 {
        return Ok(None);
    }
    let Some(line) = line.strip_suffix(b"\r\n") else { bail!("the connection closed inside a line") };
    Ok(Some(line.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Message>> {
        Message::read(&mut &*bytes, false)
    }

    #[test]
    fn a_message_with_a_length() {
        let message = read(b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nhirest").unwrap().unwrap();
        assert_eq!((message.start.as_str(), message.body.as_slice()), ("HTTP/1.1 200 OK", &b"hi"[..]));
        assert_eq!(single(&message.headers, "a"), Some("b"));
    }

    #[test]
    fn a_message_in_chunks() {
        let message = read(b"x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n").unwrap().unwrap();
        assert_eq!(message.body, b"abcd");
    }

    #[test]
    fn nothing_and_less_than_a_message() {
        assert!(read(b"").unwrap().is_none());
        for cut in ["HTTP/1.1 200", "HTTP/1.1 200 OK\r\n", "a\r\ncontent-length: 3\r\n\r\nab", "a\r\nno colon\r\n\r\n"]
        {
            assert!(read(cut.as_bytes()).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_repeated_header_has_no_single_value() {
        let message = read(b"x\r\na: 1\r\nA: 2\r\n\r\n").unwrap().unwrap();
        assert_eq!(single(&message.headers, "a"), None);
    }
}
