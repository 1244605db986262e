//! The digests of tokens that were verified before: a token that comes with each request of a caller is digested once.
//!
//! What is remembered is what SHA-256 says of exactly these bytes, whoever asks and whatever became of the token since: it is
//! true for ever, and says nothing about whether the token is good. All bytes are compared, in a time that depends on their
//! number only, so nobody learns about others' tokens by trying. Only verified tokens are put in, so nobody without one can
//! drive others' out.

use crate::limits;
use crate::mac;

/// Places that a token can be at.
const WAYS: usize = 2;

/// A bounded table of tokens and their digests.
#[derive(Debug)]
pub(super) struct DigestMemory {
    /// Sets of [`WAYS`], and a power of two of them; empty where nothing is remembered.
    known: Vec<Option<Known>>,
    /// Which way of a full set makes room next.
    turn: usize,
}

struct Known {
    text: Box<[u8]>,
    sha256: [u8; 32],
}

/// The token is nobody's business.
impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known")
    }
}

impl DigestMemory {
    /// For at most so many tokens, and at most [`limits::DIGEST_MEMORY_ENTRIES`]; 0 remembers none.
    pub(super) fn new(entries: usize) -> Self {
        let sets = match entries.min(limits::DIGEST_MEMORY_ENTRIES) / WAYS {
            0 => 0,
            sets => 1 << sets.ilog2(),
        };
        let mut known = Vec::new();
        known.resize_with(sets * WAYS, || None);
        Self { known, turn: 0 }
    }

    /// The SHA-256 digest of a text, if it is known.
    pub(super) fn find(&self, text: &[u8]) -> Option<[u8; 32]> {
        let set = self.known.get(self.set_of(text)?..)?.get(..WAYS)?;
        let known = set.iter().flatten().find(|known| mac::equal(&known.text, text))?;
        Some(known.sha256)
    }

    /// Remembers the digest of a text that is not known. A text longer than [`limits::DIGEST_MEMORY_TEXT_BYTES`] is not kept.
    pub(super) fn keep(&mut self, text: &[u8], sha256: [u8; 32]) {
        if text.len() > limits::DIGEST_MEMORY_TEXT_BYTES {
            return;
        }
        let Some(set) = self.set_of(text).and_then(|start| self.known.get_mut(start..)?.get_mut(..WAYS)) else {
            return;
        };
        let victim = set.iter().position(Option::is_none).unwrap_or_else(|| {
            self.turn = (self.turn + 1) % WAYS;
            self.turn
        });
        if let Some(place) = set.get_mut(victim) {
            *place = Some(Known { text: text.into(), sha256 });
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.known.iter_mut().for_each(|known| *known = None);
    }

    /// The first place of a text's set. By the end of the text: in a token that is the signature, which differs most.
    fn set_of(&self, text: &[u8]) -> Option<usize> {
        let (_, end) = text.split_last_chunk::<8>()?;
        let sets = self.known.len() / WAYS;
        // Fibonacci hashing; the upper half has the better bits, and is masked to the number of sets, a power of two.
        let hash = u64::from_le_bytes(*end).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let set = usize::try_from(hash).ok()? & sets.checked_sub(1)?;
        Some(set * WAYS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> [u8; 32] {
        [n; 32]
    }

    #[test]
    fn only_the_very_same_bytes_are_known() {
        let mut memory = DigestMemory::new(64);
        let text = b"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        memory.keep(text, digest(1));
        assert_eq!(memory.find(text), Some(digest(1)));
        // Every other text that is looked for at the same place: all but the last eight bytes may differ.
        for place in 0..text.len() {
            for change in [1, 0x20, 0x80] {
                let mut other = *text;
                other[place] ^= change;
                assert_eq!(memory.find(&other), None, "{place}");
            }
        }
        for cut in 1..text.len() {
            assert_eq!(memory.find(&text[cut..]), None, "without the first {cut}");
            assert_eq!(memory.find(&text[..cut]), None, "only the first {cut}");
        }
        let longer = [&b"x"[..], text].concat();
        assert_eq!(memory.find(&longer), None);
    }

    #[test]
    fn texts_of_one_set_take_each_others_place_and_never_each_others_digest() {
        let mut memory = DigestMemory::new(2);
        for n in 0..100_u8 {
            let text = format!("{n:03}.same end");
            memory.keep(text.as_bytes(), digest(n));
            assert_eq!(memory.find(text.as_bytes()), Some(digest(n)));
            for earlier in 0..n {
                let found = memory.find(format!("{earlier:03}.same end").as_bytes());
                assert!(found.is_none() || found == Some(digest(earlier)));
            }
        }
        assert_eq!(memory.known.len(), 2);
    }

    #[test]
    fn the_memory_is_bounded() {
        let all = DigestMemory::new(usize::MAX);
        assert_eq!(all.known.len(), limits::DIGEST_MEMORY_ENTRIES);
        let long = vec![b'x'; limits::DIGEST_MEMORY_TEXT_BYTES + 1];
        for entries in [0, 1, 2, 3, 64, 100] {
            let mut memory = DigestMemory::new(entries);
            assert!(memory.known.len() <= entries);
            memory.keep(b"short", digest(1));
            memory.keep(&long, digest(2));
            assert!(memory.find(b"short").is_none() && memory.find(&long).is_none(), "{entries}");
            memory.keep(&long[1..], digest(3));
            assert_eq!(memory.find(&long[1..]).is_some(), entries >= 2, "{entries}");
            memory.clear();
            assert_eq!(memory.find(&long[1..]), None);
        }
    }
}
