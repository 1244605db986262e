//! The bytes that workers share: a ledger and a document under two names.
//!
//! Other filters may write there, too ([`crate::shared_memory`]): bytes that do not read count as absent.

use super::ledger::Ledger;
use crate::limits;

/// First bytes of what this version writes. Another layout is another version's, and nothing to us.
const LEDGER: &[u8; 8] = b"pal-kl-1";
const DOCUMENT: &[u8; 8] = b"pal-fd-1";

/// The names of a document's shared data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) ledger: String,
    pub(crate) document: String,
}

impl Names {
    /// Of a kind of document, and which one of them.
    pub(crate) fn new(kind: &str, which: &str) -> Self {
        Self {
            ledger: format!("palisade.{kind}.ledger.{which}"),
            document: format!("palisade.{kind}.document.{which}"),
        }
    }
}

/// A fetched document that was shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharedDocument {
    /// The ledger's serial when it was shared.
    pub(crate) serial: u64,
    /// When it was fetched, in milliseconds since the Unix epoch.
    pub(crate) fetched_ms: u64,
    /// Its entity tag; empty for none.
    pub(crate) etag: String,
    /// The response's body.
    pub(crate) body: Vec<u8>,
}

pub(crate) fn write_ledger(ledger: &Ledger) -> Vec<u8> {
    let Ledger { serial, owner, leased_until_ms, started_ms, next_ms, failures } = *ledger;
    let mut bytes = LEDGER.to_vec();
    for number in [serial, owner, leased_until_ms, started_ms, next_ms, u64::from(failures)] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes
}

pub(crate) fn read_ledger(bytes: &[u8]) -> Option<Ledger> {
    let (numbers, []) = bytes.strip_prefix(LEDGER)?.as_chunks::<8>() else {
        return None;
    };
    let numbers: &[[u8; 8]; 6] = numbers.try_into().ok()?;
    let [serial, owner, leased_until_ms, started_ms, next_ms, failures] = numbers.map(u64::from_le_bytes);
    let failures = u32::try_from(failures).ok()?;
    Some(Ledger { serial, owner, leased_until_ms, started_ms, next_ms, failures })
}

/// An entity tag that is too long to be kept is none.
pub(crate) fn write_document(serial: u64, fetched_ms: u64, etag: &str, body: &[u8]) -> Vec<u8> {
    let (length, etag) = match u16::try_from(etag.len()) {
        Ok(length) if etag.len() <= limits::ETAG_BYTES => (length, etag),
        Ok(_) | Err(_) => (0, ""),
    };
    let length = length.to_le_bytes();
    [DOCUMENT, &serial.to_le_bytes()[..], &fetched_ms.to_le_bytes(), &length, etag.as_bytes(), body].concat()
}

pub(crate) fn read_document(mut bytes: Vec<u8>) -> Option<SharedDocument> {
    let (serial, rest) = bytes.strip_prefix(DOCUMENT)?.split_first_chunk()?;
    let (fetched_ms, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (etag, body) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    let etag = str::from_utf8(etag).ok().filter(|etag| etag.len() <= limits::ETAG_BYTES)?.to_owned();
    let (serial, fetched_ms) = (u64::from_le_bytes(*serial), u64::from_le_bytes(*fetched_ms));
    // In place: a bundle has megabytes.
    let head = bytes.len().saturating_sub(body.len());
    bytes.drain(..head);
    Some(SharedDocument { serial, fetched_ms, etag, body: bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let ledger =
            Ledger { serial: 1, owner: 2, leased_until_ms: 3, started_ms: 4, next_ms: u64::MAX, failures: u32::MAX };
        assert_eq!(read_ledger(&write_ledger(&ledger)), Some(ledger));
        for body in [&b""[..], b"{}", &[0xff; 1000]] {
            for etag in ["", "\"abc\"", "W/\"\""] {
                let expected = SharedDocument { serial: 9, fetched_ms: 10, etag: etag.to_owned(), body: body.to_vec() };
                assert_eq!(read_document(write_document(9, 10, etag, body)), Some(expected));
            }
        }
        for length in [limits::ETAG_BYTES + 1, 70_000] {
            let document = read_document(write_document(9, 10, &"x".repeat(length), b"body")).unwrap();
            assert_eq!((document.etag.as_str(), &document.body[..]), ("", &b"body"[..]));
        }
    }

    #[test]
    fn other_bytes_do_not_read() {
        let ledger = write_ledger(&Ledger::default());
        let document = write_document(1, 1, "\"e\"", b"");
        for len in 0..ledger.len() {
            assert_eq!(read_ledger(&ledger[..len]), None);
        }
        for len in 0..document.len() {
            assert_eq!(read_document(document[..len].to_vec()), None);
        }
        assert_eq!(read_ledger(&[&ledger[..], &[0]].concat()), None);
        assert_eq!(read_ledger(&document), None);
        assert_eq!(read_document(ledger.clone()), None);
        let with = |length: usize, etag: &[u8]| {
            let length = u16::try_from(length).unwrap().to_le_bytes();
            [&DOCUMENT[..], &[0; 16], &length, etag].concat()
        };
        assert!(read_document(with(3, b"abc")).is_some());
        assert_eq!(read_document(with(4, b"abc")), None);
        assert_eq!(read_document(with(2, b"\xff\xfe")), None);
        assert_eq!(read_document(with(limits::ETAG_BYTES + 1, &[b'x'; 1000])), None);
        let mut large = ledger;
        large.splice(48.., u64::MAX.to_le_bytes());
        assert_eq!(read_ledger(&large), None, "a number of failures that nobody counted to");
    }
}
