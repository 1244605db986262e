//! The newest bundle of a channel that any worker of the proxy has opened: an older one is not opened again.
//!
//! The mark lives in shared memory, beside the floor in the configuration (`min_version`), and so as long as the proxy. It
//! only rises, and only by a bundle that was verified and opened. Other filters may write there, too
//! ([`crate::shared_memory`]): bytes that do not read count as absent.

use std::cmp::Ordering;

use super::digest::Digest;
use super::error::BundleError;
use crate::limits;
use crate::shared_memory::{Expected, Shared, SharedMemory};

/// First bytes of what this version writes.
const LAYOUT: &[u8; 8] = b"pal-hw-1";

/// Which bundle of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HighWaterMark {
    /// Its version.
    pub(crate) version: u64,
    /// The digest of its manifest.
    pub(crate) digest: Digest,
}

impl HighWaterMark {
    /// The mark of a channel; `None` where there is none, or nothing is shared.
    pub(crate) fn read(channel: &str, memory: &mut dyn SharedMemory) -> Option<Self> {
        match memory.shared(&name(channel)) {
            Shared::Found(bytes, _) => Self::decode(&bytes),
            Shared::Absent | Shared::Unsupported => None,
        }
    }

    /// Whether a bundle may be opened where this is the newest so far.
    pub(crate) fn admits(self, next: Self) -> Result<(), BundleError> {
        match next.version.cmp(&self.version) {
            Ordering::Greater => Ok(()),
            Ordering::Equal if next.digest == self.digest => Ok(()),
            Ordering::Equal => Err(BundleError::Equivocation),
            Ordering::Less => Err(BundleError::Rollback),
        }
    }

    /// Says that this bundle of the channel was opened, unless a newer one was meanwhile. Where workers share nothing, nothing
    /// is remembered.
    pub(crate) fn raise(self, channel: &str, memory: &mut dyn SharedMemory) -> Result<(), BundleError> {
        let name = name(channel);
        for _ in 0..limits::MARK_ATTEMPTS {
            let expected = match memory.shared(&name) {
                Shared::Found(bytes, version) => match Self::decode(&bytes) {
                    Some(mark) => {
                        mark.admits(self)?;
                        if mark == self {
                            return Ok(());
                        }
                        Expected::Version(version)
                    }
                    None => Expected::Version(version),
                },
                Shared::Absent => Expected::Nothing,
                Shared::Unsupported => return Ok(()),
            };
            if memory.share(&name, &self.encode(), expected) {
                return Ok(());
            }
        }
        Err(BundleError::Mark)
    }

    /// The same where a newer one may have been: its mark stays.
    pub(crate) fn reach(self, channel: &str, memory: &mut dyn SharedMemory) -> Result<(), BundleError> {
        match self.raise(channel, memory) {
            Ok(()) | Err(BundleError::Rollback | BundleError::Equivocation) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn encode(self) -> Vec<u8> {
        let Self { version, digest } = self;
        [LAYOUT, &version.to_le_bytes()[..], digest.as_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, digest) = bytes.strip_prefix(LAYOUT)?.split_first_chunk()?;
        let digest = Digest::from_bytes(digest.try_into().ok()?);
        Some(Self { version: u64::from_le_bytes(*version), digest })
    }
}

fn name(channel: &str) -> String {
    format!("palisade.mark.{channel}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_memory::NativeMemory;

    const CHANNEL: &str = "production";

    fn mark(version: u64, content: &[u8]) -> HighWaterMark {
        HighWaterMark { version, digest: Digest::of(content) }
    }

    #[test]
    fn it_only_rises() {
        let mut memory = NativeMemory::default();
        assert_eq!(HighWaterMark::read(CHANNEL, &mut memory), None);
        for next in [mark(3, b"a"), mark(3, b"a"), mark(7, b"b"), mark(u64::MAX, b"c")] {
            assert_eq!(next.raise(CHANNEL, &mut memory), Ok(()));
            assert_eq!(HighWaterMark::read(CHANNEL, &mut memory), Some(next));
        }
        for (old, error) in [
            (mark(0, b"a"), BundleError::Rollback),
            (mark(7, b"b"), BundleError::Rollback),
            (mark(u64::MAX, b"a"), BundleError::Equivocation),
        ] {
            assert_eq!(old.raise(CHANNEL, &mut memory), Err(error));
            assert_eq!(HighWaterMark::read(CHANNEL, &mut memory), Some(mark(u64::MAX, b"c")));
        }
    }

    #[test]
    fn each_channel_has_its_own() {
        let mut memory = NativeMemory::default();
        mark(9, b"a").raise(CHANNEL, &mut memory).unwrap();
        assert_eq!(HighWaterMark::read("staging", &mut memory), None);
        assert_eq!(mark(1, b"b").raise("staging", &mut memory), Ok(()));
        assert_eq!(HighWaterMark::read(CHANNEL, &mut memory), Some(mark(9, b"a")));
    }

    #[test]
    fn what_does_not_read_is_absent_and_replaced() {
        let good = mark(9, b"a").encode();
        let other = [b"pal-hw-2", &good[8..]].concat();
        for bytes in [&b""[..], b"pal-hw-1", &good[..47], &[&good[..], &[0]].concat(), &other] {
            let mut memory = NativeMemory::default();
            memory.share(&name(CHANNEL), bytes, Expected::Anything);
            assert_eq!(HighWaterMark::read(CHANNEL, &mut memory), None);
            assert_eq!(mark(1, b"b").raise(CHANNEL, &mut memory), Ok(()));
            assert_eq!(HighWaterMark::read(CHANNEL, &mut memory), Some(mark(1, b"b")));
        }
    }

    /// Another worker writes these marks, the last first, each just before a write of ours.
    struct Rivals(NativeMemory, Vec<HighWaterMark>);

    impl SharedMemory for Rivals {
        fn shared(&mut self, name: &str) -> Shared {
            self.0.shared(name)
        }

        fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
            if let Some(mark) = self.1.pop() {
                self.0.share(name, &mark.encode(), Expected::Anything);
            }
            self.0.share(name, bytes, expected)
        }
    }

    #[test]
    fn workers_that_raise_it_together_leave_the_newest() {
        let mut memory = Rivals(NativeMemory::default(), vec![mark(6, b"b"), mark(5, b"a")]);
        assert_eq!(mark(7, b"c").raise(CHANNEL, &mut memory), Ok(()));
        assert_eq!(HighWaterMark::read(CHANNEL, &mut memory), Some(mark(7, b"c")));

        let mut memory = Rivals(NativeMemory::default(), vec![mark(8, b"d")]);
        assert_eq!(mark(7, b"c").raise(CHANNEL, &mut memory), Err(BundleError::Rollback));
        let mut memory = Rivals(NativeMemory::default(), vec![mark(7, b"d")]);
        assert_eq!(mark(7, b"c").raise(CHANNEL, &mut memory), Err(BundleError::Equivocation));
        assert_eq!(HighWaterMark::read(CHANNEL, &mut memory), Some(mark(7, b"d")));
    }

    #[test]
    fn a_mark_that_cannot_be_kept_is_an_error_and_no_memory_is_none() {
        let endless = (0..100).map(|version| mark(100 - version, b"a")).collect();
        let mut memory = Rivals(NativeMemory::default(), endless);
        assert_eq!(mark(1_000, b"b").raise(CHANNEL, &mut memory), Err(BundleError::Mark));

        struct Nothing;
        impl SharedMemory for Nothing {
            fn shared(&mut self, _name: &str) -> Shared {
                Shared::Unsupported
            }
            fn share(&mut self, _name: &str, _bytes: &[u8], _expected: Expected) -> bool {
                false
            }
        }
        assert_eq!(mark(1, b"a").raise(CHANNEL, &mut Nothing), Ok(()));
        assert_eq!(HighWaterMark::read(CHANNEL, &mut Nothing), None);
    }
}
