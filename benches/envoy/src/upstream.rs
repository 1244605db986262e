//! The server behind the gateway for calls of tools: reads a request, answers the same each time.

use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use crate::Result;
use crate::http::Message;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 92\r\n\r\n\
    {\"jsonrpc\":\"2.0\",\"id\":17,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"12\"}],\"isError\":false}}";

/// Starts it; it ends with the program. The port.
pub(crate) fn start() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // A connection that breaks is the proxy's to report.
                let _ = serve(stream);
            });
        }
    });
    Ok(port)
}

fn serve(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut inbox = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        while let Some(message) = Message::read(&inbox)? {
            inbox.drain(..message.length);
            stream.write_all(ANSWER)?;
        }
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Ok(());
        }
        inbox.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_one_whole_message() {
        assert_eq!(Message::read(ANSWER).unwrap().map(|message| message.length), Some(ANSWER.len()));
    }
}
