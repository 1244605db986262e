//! Whether a variant decides as the rules say: nothing else is worth measuring.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Result;
use crate::http::Message;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One request, and whether it has to be let through.
pub(crate) struct Question {
    pub(crate) request: Vec<u8>,
    pub(crate) allowed: bool,
    /// What is asked, for people.
    pub(crate) text: String,
}

/// Asks every question.
///
/// # Errors
///
/// At the first answer that is wrong: neither 200 where it has to be, nor 401 or 403 where it must not.
pub(crate) fn check(address: SocketAddr, questions: &[Question]) -> Result<()> {
    for Question { request, allowed, text } in questions {
        let status = ask(address, request)?;
        let right = if *allowed { status == 200 } else { matches!(status, 401 | 403) };
        if !right {
            let expected = if *allowed { "200" } else { "401 or 403" };
            return Err(format!("{text}: answered {status} instead of {expected}").into());
        }
    }
    Ok(())
}

fn ask(address: SocketAddr, request: &[u8]) -> Result<u16> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut inbox = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(message) = Message::read(&inbox)? {
            return message.status();
        }
        match stream.read(&mut chunk)? {
            0 => return Err("the proxy closed the connection".into()),
            read => inbox.extend_from_slice(chunk.get(..read).unwrap_or_default()),
        }
    }
}
