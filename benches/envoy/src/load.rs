//! The load: a few connections that keep one listener busy, or ask at a steady rate.
//!
//! One thread, which spins while it keeps a rate: timers are coarser than the latencies that are measured. Every answer has
//! to be 200.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Result;
use crate::http::Message;

/// Connections that are open at a time.
const CONNECTIONS: usize = 8;
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Requests that are sent in turns, over and over.
pub(crate) struct Load {
    requests: Vec<Vec<u8>>,
    next: usize,
}

struct Connection {
    stream: TcpStream,
    inbox: Vec<u8>,
    /// When the request under way was due.
    due: Option<Instant>,
}

impl Load {
    pub(crate) fn new(requests: Vec<Vec<u8>>) -> Self {
        Self { requests, next: 0 }
    }

    /// Keeps every connection busy for this long; how many requests were answered.
    pub(crate) fn saturate(&mut self, address: SocketAddr, duration: Duration) -> Result<u64> {
        let mut client = Client::connect(address)?;
        let start = Instant::now();
        let mut answered = 0;
        for connection in &mut client.connections {
            connection.send(self.next_request()?, start)?;
        }
        while client.is_waiting() {
            client.receive(Some(PATIENCE), |connection, _| {
                answered += 1;
                let now = Instant::now();
                if now < start + duration { connection.send(self.next_request()?, now) } else { Ok(()) }
            })?;
        }
        Ok(answered)
    }

    /// Sends so many requests a second for this long, whether or not earlier ones are answered; the latencies in
    /// nanoseconds, from the time at which a request was due.
    pub(crate) fn pace(&mut self, address: SocketAddr, rate: f64, duration: Duration) -> Result<Vec<u64>> {
        let mut client = Client::connect(address)?;
        let start = Instant::now();
        let mut latencies = Vec::new();
        let mut due = start;
        let interval = Duration::from_secs_f64(1.0 / rate);
        while due < start + duration || client.is_waiting() {
            let now = Instant::now();
            if now > due + PATIENCE {
                return Err("the rate cannot be kept".into());
            }
            let idle = client.connections.iter_mut().find(|connection| connection.due.is_none());
            if let Some(connection) = idle.filter(|_| due <= now && due < start + duration) {
                connection.send(self.next_request()?, due)?;
                due += interval;
            }
            client.receive(Some(Duration::ZERO), |_, due| {
                latencies.push(u64::try_from(due.elapsed().as_nanos())?);
                Ok(())
            })?;
        }
        Ok(latencies)
    }

    fn next_request(&mut self) -> Result<&[u8]> {
        let index = self.next % self.requests.len().max(1);
        self.next = index + 1;
        Ok(self.requests.get(index).ok_or("no requests")?)
    }
}

struct Client {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
}

impl Client {
    fn connect(address: SocketAddr) -> Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for number in 0..CONNECTIONS {
            let stream = std::net::TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            connections.push(Connection { stream, inbox: Vec::new(), due: None });
        }
        Ok(Self { poll, events: Events::with_capacity(CONNECTIONS), connections })
    }

    fn is_waiting(&self) -> bool {
        self.connections.iter().any(|connection| connection.due.is_some())
    }

    /// Takes the answers that are there, or the first that comes in time; says of each when its request was due.
    fn receive(
        &mut self,
        timeout: Option<Duration>,
        mut answered: impl FnMut(&mut Connection, Instant) -> Result<()>,
    ) -> Result<()> {
        self.poll.poll(&mut self.events, timeout)?;
        if self.events.is_empty() && timeout == Some(PATIENCE) {
            return Err("no answer in time".into());
        }
        for event in &self.events {
            let Token(number) = event.token();
            let connection = self.connections.get_mut(number).ok_or("no such connection")?;
            if connection.fill()? {
                let due = connection.due.take().ok_or("an answer that was not asked for")?;
                answered(connection, due)?;
            }
        }
        Ok(())
    }
}

impl Connection {
    fn send(&mut self, request: &[u8], due: Instant) -> Result<()> {
        // Far smaller than the socket's buffer, which is empty: there is one request under way at a time.
        self.stream.write_all(request)?;
        self.due = Some(due);
        Ok(())
    }

    /// Reads what there is; whether the answer is complete.
    fn fill(&mut self) -> Result<bool> {
        let mut chunk = [0; 4096];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err("the proxy closed a connection".into()),
                Ok(read) => self.inbox.extend_from_slice(chunk.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        let Some(message) = Message::read(&self.inbox)? else { return Ok(false) };
        if message.status()? != 200 {
            return Err(format!("answered `{}`", message.line).into());
        }
        let length = message.length;
        self.inbox.drain(..length);
        Ok(true)
    }
}
