//! Key ids that no issuer had: remembered, so that each asks for a fetch only once in a while.

use std::collections::VecDeque;

use sha2::{Digest as _, Sha256};

use crate::limits;

/// The most recently seen unknown key ids. Bounded: a storm of made-up ids pushes older ones out, and costs nothing more.
#[derive(Debug, Default)]
pub(super) struct Misses {
    /// The least recently used first.
    entries: VecDeque<Miss>,
}

#[derive(Clone, Copy, Debug)]
struct Miss {
    name: [u8; 16],
    until_ms: u64,
}

impl Misses {
    /// Notes that the issuer at `position` has no key `kid`; says whether that is news, for `lifetime_ms`.
    pub(super) fn is_news(&mut self, position: usize, kid: Option<&str>, lifetime_ms: u64, now_ms: u64) -> bool {
        let name = name(position, kid);
        // From the back: what is asked for again was asked for lately.
        let known =
            self.entries.iter().rposition(|miss| miss.name == name).and_then(|index| self.entries.remove(index));
        let lapsed = |miss: &Miss| now_ms >= miss.until_ms || miss.until_ms > now_ms.saturating_add(lifetime_ms);
        let miss = match known {
            Some(miss) if !lapsed(&miss) => miss,
            Some(_) | None => Miss { name, until_ms: now_ms.saturating_add(lifetime_ms) },
        };
        self.entries.push_back(miss);
        if self.entries.len() > limits::JWKS_MISSES {
            self.entries.pop_front();
        }
        known.is_none_or(|miss| lapsed(&miss))
    }
}

/// Ids can be long; what is kept of them is not. No `kid` is a name of its own.
fn name(position: usize, kid: Option<&str>) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(position.to_le_bytes());
    hash.update([u8::from(kid.is_some())]);
    hash.update(kid.unwrap_or_default());
    let digest: [u8; 32] = hash.finalize().into();
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_news_once_in_a_lifetime() {
        let mut misses = Misses::default();
        assert!(misses.is_news(0, Some("a"), 30, 100));
        for now in [100, 115, 129] {
            assert!(!misses.is_news(0, Some("a"), 30, now), "{now}");
        }
        assert!(misses.is_news(0, Some("a"), 30, 130));
        assert!(!misses.is_news(0, Some("a"), 30, 159));
    }

    #[test]
    fn issuers_and_ids_are_told_apart() {
        let mut misses = Misses::default();
        for (position, kid) in [(0, None), (0, Some("")), (1, None), (1, Some("a")), (0, Some("a"))] {
            assert!(misses.is_news(position, kid, 30, 0), "{position} {kid:?}");
            assert!(!misses.is_news(position, kid, 30, 0), "{position} {kid:?}");
        }
    }

    #[test]
    fn a_storm_pushes_out_the_least_recently_used() {
        let mut misses = Misses::default();
        assert!(misses.is_news(0, Some("kept"), 1000, 0));
        assert!(misses.is_news(0, Some("lost"), 1000, 0));
        for n in 0..10_000 {
            misses.is_news(0, Some(&n.to_string()), 1000, 1);
            assert!(!misses.is_news(0, Some("kept"), 1000, 1));
            assert!(misses.entries.len() <= limits::JWKS_MISSES);
        }
        assert!(misses.is_news(0, Some("lost"), 1000, 1));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_keep_ids_for_ever() {
        let mut misses = Misses::default();
        assert!(misses.is_news(0, Some("a"), 30, 1_000_000));
        assert!(misses.is_news(0, Some("a"), 30, 10));
    }
}
