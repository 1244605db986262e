//! The proofs that were used: each is good for one request.
//!
//! Two generations of digests. A proof is looked for in both and put into the younger; when the younger is as old as a proof can be
//! accepted for, it becomes the elder, and the elder is forgotten. So a proof is remembered for at least as long as it
//! could be used again, and the memory is bounded by the number of entries alone. When there is no room, proofs are
//! refused rather than forgotten.
//!
//! One worker does not know what another has seen. Nonces shorten the time in which that matters.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

/// Half a SHA-256 digest. Nobody gains by two proofs of their own that collide: the second is refused.
type Entry = [u8; 16];

/// What became of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is new, and remembered from now on.
    New,
    /// It was used before.
    Before,
    /// It cannot be remembered.
    NoRoom,
}

/// The proofs that one worker has seen.
#[derive(Debug)]
pub(crate) struct ReplayCache {
    young: BTreeSet<Entry>,
    old: BTreeSet<Entry>,
    /// When the younger generation began.
    since_ms: u64,
    max_entries: usize,
}

impl ReplayCache {
    /// A cache for at most `max_entries` proofs in each of its two generations.
    pub(crate) fn new(max_entries: usize) -> Self {
        Self { young: BTreeSet::new(), old: BTreeSet::new(), since_ms: 0, max_entries }
    }

    /// Remembers the proof `jti` of the key with the thumbprint `key`. `lifetime_ms` is how long after now any proof that is
    /// accepted now could be accepted again.
    pub(super) fn insert(&mut self, key: &[u8; 32], jti: &str, now_ms: u64, lifetime_ms: u64) -> Seen {
        let age = now_ms.saturating_sub(self.since_ms);
        if age >= lifetime_ms {
            // The younger generation is kept for another lifetime, unless that is over, too.
            self.old = std::mem::take(&mut self.young);
            if age >= lifetime_ms.saturating_mul(2) {
                self.old = BTreeSet::new();
            }
            self.since_ms = now_ms;
        }
        let digest = Sha256::new_with_prefix(key).chain_update(jti).finalize();
        let Some(entry) = digest.first_chunk::<16>() else {
            return Seen::NoRoom;
        };
        if self.old.contains(entry) || self.young.contains(entry) {
            return Seen::Before;
        }
        if self.young.len() >= self.max_entries {
            return Seen::NoRoom;
        }
        self.young.insert(*entry);
        Seen::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [1; 32];
    const LIFE: u64 = 60_000;
    const NOW: u64 = 1_800_000_000_000;

    fn cache(max_entries: usize) -> ReplayCache {
        ReplayCache::new(max_entries)
    }

    #[test]
    fn a_proof_is_good_once() {
        let mut cache = cache(10);
        assert_eq!(cache.insert(&KEY, "a", NOW, LIFE), Seen::New);
        assert_eq!(cache.insert(&KEY, "a", NOW, LIFE), Seen::Before);
        assert_eq!(cache.insert(&KEY, "b", NOW, LIFE), Seen::New);
        assert_eq!(cache.insert(&[2; 32], "a", NOW, LIFE), Seen::New, "another client's id");
    }

    #[test]
    fn a_proof_is_remembered_for_as_long_as_it_could_be_used() {
        // Whenever it came within a generation.
        for offset in [0, 1, LIFE / 2, LIFE - 1] {
            let mut cache = cache(1000);
            assert_eq!(cache.insert(&KEY, "first", NOW, LIFE), Seen::New);
            let used = NOW + offset;
            assert_eq!(cache.insert(&KEY, "a", used, LIFE), Seen::New);
            for step in 1..=4 {
                let later = used + step * LIFE / 4;
                let expected = if later < used + LIFE { Seen::Before } else { Seen::New };
                // At exactly its lifetime it may or may not be known any more: it is not accepted then.
                if later < used + LIFE {
                    assert_eq!(cache.insert(&KEY, "a", later, LIFE), expected, "{offset} {step}");
                }
                let other = format!("other {step}");
                assert_eq!(cache.insert(&KEY, &other, later, LIFE), Seen::New);
            }
        }
    }

    #[test]
    fn it_never_grows_and_never_forgets_for_want_of_room() {
        let mut cache = cache(3);
        for jti in ["a", "b", "c"] {
            assert_eq!(cache.insert(&KEY, jti, NOW, LIFE), Seen::New);
        }
        for n in 0..100 {
            assert_eq!(cache.insert(&KEY, &format!("more {n}"), NOW + 1, LIFE), Seen::NoRoom);
        }
        assert_eq!(cache.insert(&KEY, "a", NOW + 1, LIFE), Seen::Before);
        assert_eq!(cache.insert(&KEY, "d", NOW + LIFE, LIFE), Seen::New);
        assert_eq!(cache.insert(&KEY, "a", NOW + LIFE, LIFE), Seen::Before);
        assert_eq!(cache.insert(&KEY, "e", NOW + 10 * LIFE, LIFE), Seen::New);
        assert_eq!((cache.young.len(), cache.old.len()), (1, 0));
    }
}
