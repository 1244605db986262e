//! The policy set's interned strings.

use core::ops::Range;

use crate::error::{OpenError, OpenErrorKind};
use crate::format::Table;
use crate::hash::hash_bytes;
use crate::ids::StringId;

/// All strings of a policy set, each once.
pub(crate) struct Strings {
    text: Box<str>,
    ends: Box<[u32]>,
    slots: Box<[u32]>,
}

const fn error(at: usize, kind: OpenErrorKind) -> OpenError {
    OpenError { section: Table::StringEnds.label(), at, kind }
}

impl Strings {
    pub(crate) fn open(text: &[u8], ends: Box<[u32]>, slots: Box<[u32]>) -> Result<Self, OpenError> {
        let text = core::str::from_utf8(text).map_err(|at| error(at.valid_up_to(), OpenErrorKind::NotUtf8))?;
        if ends.last().copied().unwrap_or_default() as usize != text.len() {
            return Err(error(ends.len(), OpenErrorKind::TrailingBytes));
        }
        if !slots.len().is_power_of_two() {
            return Err(error(slots.len(), OpenErrorKind::BrokenLookup));
        }
        let strings = Self { text: text.into(), ends, slots };
        let (mut at, mut start) = (0_u32, 0);
        for end in &strings.ends {
            let end = *end as usize;
            let bytes = strings.text.as_bytes().get(start..end);
            let bytes = bytes.ok_or(error(at as usize, OpenErrorKind::OutOfOrder))?;
            if !strings.text.is_char_boundary(end) {
                return Err(error(at as usize, OpenErrorKind::NotUtf8));
            }
            // Finding each string at its own number proves that the table is whole and that no string occurs twice.
            let is_it = |id| id == at || strings.bytes(StringId::new(id)) == Some(bytes);
            if find(&strings.slots, hash_bytes(bytes), is_it) != Some(at) {
                return Err(error(at as usize, OpenErrorKind::BrokenLookup));
            }
            start = end;
            at = at.wrapping_add(1);
        }
        Ok(strings)
    }

    /// How many strings there are.
    #[expect(clippy::cast_possible_truncation, reason = "the table's count was read from a u32")]
    pub(crate) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    #[inline]
    fn range(&self, id: StringId) -> Option<Range<usize>> {
        let end = *self.ends.get(id.index())?;
        let start = match id.index().checked_sub(1) {
            Some(previous) => *self.ends.get(previous)?,
            None => 0,
        };
        Some(start as usize..end as usize)
    }

    pub(crate) fn get(&self, id: StringId) -> Option<&str> {
        self.text.get(self.range(id)?)
    }

    /// The string's bytes, for comparing: nobody looks for the borders of characters.
    #[inline]
    fn bytes(&self, id: StringId) -> Option<&[u8]> {
        self.text.as_bytes().get(self.range(id)?)
    }

    pub(crate) fn find(&self, text: &str) -> Option<StringId> {
        self.find_hashed(text, hash_bytes(text.as_bytes()))
    }

    /// The same for who has the hash of the text already.
    pub(crate) fn find_hashed(&self, text: &str, hash: u32) -> Option<StringId> {
        find(&self.slots, hash, |id| self.bytes(StringId::new(id)) == Some(text.as_bytes())).map(StringId::new)
    }
}

/// Looks `hash` up in an open-addressing table of `id + 1` entries; at most one round, whatever the table holds.
pub(crate) fn find(slots: &[u32], hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
    let mask = slots.len().checked_sub(1)?;
    let mut at = hash as usize & mask;
    for _ in 0..slots.len() {
        let id = slots.get(at)?.checked_sub(1)?;
        if is_it(id) {
            return Some(id);
        }
        at = (at + 1) & mask;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(texts: &[&str]) -> Box<[u32]> {
        let mut slots = vec![0; 8];
        for (id, text) in (1..).zip(texts) {
            let mut at = hash_bytes(text.as_bytes()) as usize & 7;
            while slots[at] != 0 {
                at = (at + 1) & 7;
            }
            slots[at] = id;
        }
        slots.into()
    }

    fn open(texts: &[&str], ends: &[u32]) -> Result<Strings, OpenError> {
        Strings::open(texts.concat().as_bytes(), ends.into(), slots(texts))
    }

    #[test]
    fn finds_what_is_there() {
        let strings = open(&["a", "", "é"], &[1, 1, 3]).expect("well-formed");
        assert_eq!(strings.find("é"), Some(StringId::new(2)));
        assert_eq!(strings.find(""), Some(StringId::new(1)));
        assert_eq!(strings.find("b"), None);
        assert_eq!(strings.get(StringId::new(3)), None);
    }

    #[test]
    fn refuses_what_is_not_whole() {
        let kind = |result: Result<Strings, OpenError>| result.err().map(|error| error.kind);
        assert_eq!(kind(open(&["a", "a"], &[1, 2])), Some(OpenErrorKind::BrokenLookup));
        assert_eq!(kind(open(&["é", ""], &[1, 2])), Some(OpenErrorKind::NotUtf8));
        assert_eq!(kind(open(&["ab", "c"], &[4, 3])), Some(OpenErrorKind::OutOfOrder));
        assert_eq!(kind(open(&["ab"], &[1])), Some(OpenErrorKind::TrailingBytes));
        assert_eq!(kind(Strings::open(b"\xFF", [1].into(), slots(&[]))), Some(OpenErrorKind::NotUtf8));
        assert_eq!(kind(Strings::open(b"a", [1].into(), [0; 8].into())), Some(OpenErrorKind::BrokenLookup));
        assert_eq!(kind(Strings::open(b"", [].into(), [].into())), Some(OpenErrorKind::BrokenLookup));
    }
}
