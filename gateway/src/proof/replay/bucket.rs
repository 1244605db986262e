//! A bucket of used proofs, as bytes: a mark, the stamp from which on it knows every proof, and its entries.

use super::Seen;
use crate::limits;

/// First bytes of what this version writes.
const MARK: &[u8; 8] = b"pal-rp-1";
const DIGEST_BYTES: usize = 16;
const ENTRY_BYTES: usize = DIGEST_BYTES + 8;

/// A used proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Half a SHA-256 digest. Nobody gains by two proofs of their own that collide: the second is refused.
    pub(super) digest: [u8; DIGEST_BYTES],
    pub(super) stamp_ms: u64,
}

/// Some of the proofs that were used.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    /// Every proof with this stamp or a later one that was used is among the entries. It only rises: what was forgotten under
    /// the rules of one bundle stays refused under those of another, which may accept older proofs.
    since_ms: u64,
    entries: Vec<Entry>,
}

impl Bucket {
    /// The bucket in place of one that does not read: it knows nothing of any proof that was accepted until now.
    pub(super) fn lost(newest_ms: u64) -> Self {
        Self { since_ms: newest_ms.saturating_add(1), entries: Vec::new() }
    }

    /// Reads what a worker has written. `None` for any other bytes, and for what cannot be: what was forgotten or accepted has a
    /// stamp of at most `newest_ms`, unless the clock was set back.
    pub(super) fn read(bytes: &[u8], newest_ms: u64) -> Option<Self> {
        let (since, rest) = bytes.strip_prefix(MARK)?.split_first_chunk()?;
        let since_ms = u64::from_le_bytes(*since);
        let (chunks, []) = rest.as_chunks::<ENTRY_BYTES>() else { return None };
        if since_ms > newest_ms.saturating_add(1) || chunks.len() > limits::REPLAY_BUCKET_ENTRIES {
            return None;
        }
        let entry = |chunk: &[u8; ENTRY_BYTES]| {
            let (digest, stamp) = chunk.split_first_chunk()?;
            let stamp_ms = u64::from_le_bytes(stamp.try_into().ok()?);
            (since_ms..=newest_ms).contains(&stamp_ms).then_some(Entry { digest: *digest, stamp_ms })
        };
        Some(Self { since_ms, entries: chunks.iter().map(entry).collect::<Option<_>>()? })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let Self { since_ms, entries } = self;
        let mut bytes = Vec::with_capacity(MARK.len() + 8 + entries.len().saturating_mul(ENTRY_BYTES));
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(&since_ms.to_le_bytes());
        for Entry { digest, stamp_ms } in entries {
            bytes.extend_from_slice(digest);
            bytes.extend_from_slice(&stamp_ms.to_le_bytes());
        }
        bytes
    }

    /// Forgets the proofs with older stamps, which are not accepted any more.
    pub(super) fn forget(&mut self, oldest_ms: u64) {
        self.since_ms = self.since_ms.max(oldest_ms);
        self.entries.retain(|entry| entry.stamp_ms >= oldest_ms);
    }

    /// Adds a proof, if it is new and there is room for it.
    pub(super) fn insert(&mut self, entry: Entry, room: usize) -> Seen {
        if self.entries.iter().any(|known| known.digest == entry.digest) {
            Seen::Before
        } else if entry.stamp_ms < self.since_ms {
            Seen::Unknown
        } else if self.entries.len() >= room.min(limits::REPLAY_BUCKET_ENTRIES) {
            Seen::NoRoom
        } else {
            self.entries.push(entry);
            Seen::New
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWEST: u64 = 1_800_000_000_000;

    fn entry(number: u8, stamp_ms: u64) -> Entry {
        Entry { digest: [number; DIGEST_BYTES], stamp_ms }
    }

    fn bucket(since_ms: u64, entries: &[Entry]) -> Bucket {
        Bucket { since_ms, entries: entries.to_vec() }
    }

    #[test]
    fn what_is_written_reads_back() {
        for bucket in [
            Bucket::default(),
            Bucket::lost(NEWEST),
            bucket(5, &[entry(1, 5)]),
            bucket(0, &[entry(1, NEWEST), entry(2, 7), entry(255, 0)]),
        ] {
            assert_eq!(Bucket::read(&bucket.write(), NEWEST), Some(bucket));
        }
    }

    #[test]
    fn other_bytes_do_not_read() {
        let good = bucket(5, &[entry(1, 6), entry(2, 7)]).write();
        for len in 0..good.len() {
            let is_shorter_bucket = [16, 40].contains(&len);
            assert_eq!(Bucket::read(&good[..len], NEWEST).is_some(), is_shorter_bucket, "{len}");
        }
        for at in 0..MARK.len() {
            let mut changed = good.clone();
            changed[at] ^= 1;
            assert_eq!(Bucket::read(&changed, NEWEST), None, "{at}");
        }
        assert_eq!(Bucket::read(&[&good[..], &[0]].concat(), NEWEST), None);
        for (since_ms, stamp_ms) in [(NEWEST + 2, NEWEST), (0, NEWEST + 1), (7, 6), (0, u64::MAX), (u64::MAX, u64::MAX)]
        {
            let bytes = bucket(since_ms, &[entry(1, stamp_ms)]).write();
            assert_eq!(Bucket::read(&bytes, NEWEST), None, "{since_ms} {stamp_ms}");
        }
        let full = vec![entry(1, 6); limits::REPLAY_BUCKET_ENTRIES];
        assert!(Bucket::read(&bucket(5, &full).write(), NEWEST).is_some());
        let fuller = [&full[..], &[entry(1, 6)]].concat();
        assert_eq!(Bucket::read(&bucket(5, &fuller).write(), NEWEST), None, "more than anybody writes");
    }

    #[test]
    fn what_was_forgotten_is_refused_and_not_new() {
        let mut bucket = bucket(0, &[entry(1, 10), entry(2, 20)]);
        bucket.forget(20);
        assert_eq!(bucket.insert(entry(1, 10), 9), Seen::Unknown);
        assert_eq!(bucket.insert(entry(2, 20), 9), Seen::Before);
        assert_eq!(bucket.insert(entry(3, 20), 9), Seen::New);
        bucket.forget(5);
        assert_eq!(bucket.insert(entry(1, 10), 9), Seen::Unknown, "another bundle's rules know no more");
        let mut lost = Bucket::lost(NEWEST);
        assert_eq!(lost.insert(entry(4, NEWEST), 9), Seen::Unknown);
        assert_eq!(lost.insert(entry(4, NEWEST + 1), 9), Seen::New);
    }
}
