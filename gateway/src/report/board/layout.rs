//! The board as bytes: numbers in little-endian order, texts with their length before them, and 1 before what there is and 0 for
//! what there is not.

use std::borrow::Cow;

use super::{Board, Turn, View, Worker};
use crate::bundle::{Digest, ReadError, Reader};
use crate::limits;
use crate::report::document::{Part, ReportedCandidate};

/// First bytes of what this version writes. Another layout is another version's, and nothing to us.
const LAYOUT: &[u8; 8] = b"pal-rb-1";

impl Board {
    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { instance, node, workers } = self;
        let mut bytes = LAYOUT.to_vec();
        bytes.extend_from_slice(&instance.to_le_bytes());
        push_text(&mut bytes, node.as_deref());
        for Worker { id, at_ms, view: View { bundle, candidate, revocations, turns } } in workers {
            bytes.extend_from_slice(&id.to_le_bytes());
            bytes.extend_from_slice(&at_ms.to_le_bytes());
            for release in [bundle, candidate] {
                bytes.push(u8::from(release.is_some()));
                if let Some(ReportedCandidate { version, digest }) = release {
                    bytes.extend_from_slice(&version.to_le_bytes());
                    bytes.extend_from_slice(digest.as_bytes());
                }
            }
            bytes.push(u8::from(revocations.is_some()));
            bytes.extend(revocations.iter().flat_map(|serial| serial.to_le_bytes()));
            // One for each part at most.
            bytes.push(u8::try_from(turns.len()).unwrap_or(0));
            for Turn { part, at_ms, code } in turns {
                bytes.push(*part as u8);
                bytes.extend_from_slice(&at_ms.to_le_bytes());
                push_text(&mut bytes, code.as_deref());
            }
        }
        bytes
    }

    /// `None` for what does not read, or is not as it would be written.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes.strip_prefix(LAYOUT)?);
        let instance = reader.array("instance").map(u64::from_le_bytes).ok()?;
        let node = read_text(&mut reader, limits::REPORT_NAME_BYTES)?;
        let mut workers = Vec::new();
        while !reader.is_empty() {
            if workers.len() >= limits::REPORT_WORKERS {
                return None;
            }
            let number = |reader: &mut Reader<'_>| reader.array("number").map(u64::from_le_bytes);
            let (id, at_ms) = (number(&mut reader).ok()?, number(&mut reader).ok()?);
            let (bundle, candidate) = (read_release(&mut reader)?, read_release(&mut reader)?);
            let revocations = if is_there(&mut reader)? { Some(number(&mut reader).ok()?) } else { None };
            let mut turns: Vec<Turn> = Vec::new();
            for _ in 0..reader.u8("turns").ok()? {
                let part = *Part::ALL.get(usize::from(reader.u8("part").ok()?))?;
                let at_ms = number(&mut reader).ok()?;
                let code = read_text(&mut reader, limits::REPORT_CODE_BYTES)?.map(Cow::Owned);
                if turns.last().is_some_and(|last| last.part >= part) {
                    return None;
                }
                turns.push(Turn { part, at_ms, code });
            }
            workers.push(Worker { id, at_ms, view: View { bundle, candidate, revocations, turns } });
        }
        Some(Self { instance, node, workers })
    }
}

/// A text that is longer than any limit here is none.
fn push_text(bytes: &mut Vec<u8>, text: Option<&str>) {
    let text = text.unwrap_or_default();
    let (len, text) = u16::try_from(text.len()).map_or((0, ""), |len| (len, text));
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

/// `Some(None)` for no text, `None` for what is not one.
fn read_text(reader: &mut Reader<'_>, most: usize) -> Option<Option<String>> {
    let len = usize::from(reader.u16("length").ok()?);
    let text = str::from_utf8(reader.take("text", len).ok()?).ok()?;
    let is_fit = len <= most && !text.contains(char::is_control);
    is_fit.then(|| (!text.is_empty()).then(|| text.to_owned()))
}

fn is_there(reader: &mut Reader<'_>) -> Option<bool> {
    match reader.u8("presence").ok()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn read_release(reader: &mut Reader<'_>) -> Option<Option<ReportedCandidate>> {
    if !is_there(reader)? {
        return Some(None);
    }
    let mut read = || -> Result<ReportedCandidate, ReadError> {
        let version = u64::from_le_bytes(reader.array("version")?);
        Ok(ReportedCandidate { version, digest: Digest::from_bytes(reader.array("digest")?) })
    };
    read().ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn full() -> Board {
        let bundle = ReportedCandidate { version: 7, digest: Digest::of(b"bundle") };
        let turns = vec![
            Turn { part: Part::Bundle, at_ms: 1, code: Some("feed.status".into()) },
            Turn { part: Part::Root, at_ms: 2, code: None },
        ];
        let view = View { bundle: Some(bundle), candidate: Some(bundle), revocations: Some(3), turns };
        let workers = vec![Worker { id: 1, at_ms: NOW, view }, Worker { id: 2, at_ms: NOW, view: View::default() }];
        Board { instance: 1, node: Some("envoy-1".to_owned()), workers }
    }

    #[test]
    fn what_is_written_reads() {
        for board in [full(), Board::new(u64::MAX)] {
            assert_eq!(Board::decode(&board.encode()), Some(board));
        }
        assert!(Part::ALL.iter().enumerate().all(|(index, part)| *part as usize == index));
    }

    #[test]
    fn other_bytes_do_not_read() {
        let good = full().encode();
        for len in 0..good.len() {
            // Boards of fewer workers begin as it does.
            let read = Board::decode(&good[..len]);
            assert!(read.is_none_or(|board| board.workers.len() < 2 && board.encode() == good[..len]), "{len}");
        }
        assert_eq!(Board::decode(&[&good[..], &[0]].concat()), None);
        assert_eq!(Board::decode(&good[1..]), None);
        let with = |change: fn(&mut Board)| {
            let mut board = full();
            change(&mut board);
            board.encode()
        };
        for bytes in [
            with(|board| board.node = Some("a\nb".to_owned())),
            with(|board| board.node = Some("x".repeat(limits::REPORT_NAME_BYTES + 1))),
            with(|board| board.workers[0].view.turns[0].code = Some("y".repeat(limits::REPORT_CODE_BYTES + 1).into())),
            with(|board| board.workers[0].view.turns.reverse()),
            with(|board| board.workers[0].view.turns[1].part = Part::Bundle),
            with(|board| board.workers = vec![board.workers[1].clone(); limits::REPORT_WORKERS + 1]),
            b"{}".to_vec(),
            Vec::new(),
        ] {
            assert_eq!(Board::decode(&bytes), None, "{}", bytes.escape_ascii());
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut flipped = good.clone();
                flipped[at] ^= 1 << bit;
                if let Some(board) = Board::decode(&flipped) {
                    assert_eq!(board.encode(), flipped, "{at}.{bit}");
                }
            }
        }
    }
}
