//! As much of HTTP/1.1 as the bench needs: where a message ends, and a response's status.

use crate::Result;

/// A message that is there in full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// Its first line.
    pub(crate) line: &'a str,
    /// Its length in bytes, body included.
    pub(crate) length: usize,
}

impl<'a> Message<'a> {
    /// The first message of these bytes, once it is complete.
    ///
    /// # Errors
    ///
    /// Where its length is not told by `content-length`, or it is not HTTP/1.1.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap_or_default();
        let mut body = 0;
        for field in lines {
            let (name, value) = field.split_once(':').ok_or("a header without a name")?;
            if name.eq_ignore_ascii_case("content-length") {
                body = value.trim().parse::<usize>()?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err("a message in chunks".into());
            }
        }
        let length = end + 4 + body;
        Ok((bytes.len() >= length).then_some(Self { line, length }))
    }

    /// A response's status.
    pub(crate) fn status(&self) -> Result<u16> {
        let status = self.line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).ok_or("no status")?;
        Ok(status.parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_when_all_of_it_is_there() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 403";
        let message = Message::read(bytes).unwrap().unwrap();
        assert_eq!((message.length, message.status().unwrap()), (bytes.len() - 12, 200));
        for end in 0..message.length {
            assert_eq!(Message::read(&bytes[..end]).unwrap(), None);
        }
    }

    #[test]
    fn what_has_no_length_is_refused() {
        assert!(Message::read(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(Message::read(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n").is_err());
        assert!(Message { line: "HTTP/2 200", length: 0 }.status().is_err());
    }
}
