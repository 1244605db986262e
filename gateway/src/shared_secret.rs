//! A secret that the workers of a proxy have in common, where the operator configured none.
//!
//! It lives as long as the proxy. Any other filter that shares its names with this one could read it (`SECURITY.md`);
//! where that matters, or where several proxies have to agree, it is configured.

use crate::mac::MAC_BYTES;
use crate::shared_memory::{Expected, Shared, SharedMemory};

const NAME: &str = "palisade.secret";
/// First bytes of what this version writes. Whatever else stands under the name is replaced.
const LAYOUT: &[u8; 8] = b"pal-ss-1";
/// Workers that start together may come in each other's way; each round one of them succeeds.
const ROUNDS: usize = 8;

/// The secret that is shared already, or `own` from now on. Where workers share nothing, each has its own.
pub(crate) fn agree(own: [u8; MAC_BYTES], host: &mut dyn SharedMemory) -> [u8; MAC_BYTES] {
    let offer = [LAYOUT, &own[..]].concat();
    for _ in 0..ROUNDS {
        let expected = match host.shared(NAME) {
            Shared::Found(bytes, version) => match bytes.strip_prefix(LAYOUT).map(<[u8; MAC_BYTES]>::try_from) {
                Some(Ok(secret)) => return secret,
                Some(Err(_)) | None => Expected::Version(version),
            },
            Shared::Absent => Expected::Nothing,
            Shared::Unsupported => return own,
        };
        if host.share(NAME, &offer, expected) {
            return own;
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the workers share, and what another worker puts there just before the next write.
    #[derive(Default)]
    struct FakeHost {
        shared: Option<(Vec<u8>, u32)>,
        intruder: Vec<Vec<u8>>,
        silent: bool,
    }

    impl SharedMemory for FakeHost {
        fn shared(&mut self, name: &str) -> Shared {
            assert_eq!(name, NAME);
            match &self.shared {
                _ if self.silent => Shared::Unsupported,
                Some((bytes, version)) => Shared::Found(bytes.clone(), *version),
                None => Shared::Absent,
            }
        }

        fn share(&mut self, _name: &str, bytes: &[u8], expected: Expected) -> bool {
            if let Some(bytes) = self.intruder.pop() {
                self.shared = Some((bytes, self.version() + 1));
            }
            let is_current = match expected {
                Expected::Anything => true,
                Expected::Nothing => self.shared.is_none(),
                Expected::Version(version) => self.shared.is_some() && version == self.version(),
            };
            if is_current {
                self.shared = Some((bytes.to_vec(), self.version() + 1));
            }
            is_current
        }
    }

    impl FakeHost {
        fn version(&self) -> u32 {
            self.shared.as_ref().map_or(0, |(_, version)| *version)
        }
    }

    fn secret(byte: u8) -> [u8; MAC_BYTES] {
        [byte; MAC_BYTES]
    }

    #[test]
    fn the_first_worker_decides() {
        let mut host = FakeHost::default();
        assert_eq!(agree(secret(1), &mut host), secret(1));
        assert_eq!(agree(secret(2), &mut host), secret(1));
    }

    #[test]
    fn workers_that_start_together_agree() {
        let theirs = [LAYOUT, &secret(2)[..]].concat();
        let mut host = FakeHost { intruder: vec![theirs], ..FakeHost::default() };
        assert_eq!(agree(secret(1), &mut host), secret(2));
        assert_eq!(agree(secret(3), &mut host), secret(2));
    }

    #[test]
    fn what_does_not_read_is_replaced() {
        for bytes in [&b""[..], b"pal-ss-1", b"pal-ss-1short", &[b"pal-ss-2", &secret(9)[..]].concat(), &[0; 41]] {
            let mut host = FakeHost { shared: Some((bytes.to_vec(), 5)), ..FakeHost::default() };
            assert_eq!(agree(secret(1), &mut host), secret(1), "{bytes:?}");
            assert_eq!(agree(secret(2), &mut host), secret(1), "{bytes:?}");
        }
    }

    #[test]
    fn a_worker_on_its_own_keeps_its_own() {
        assert_eq!(agree(secret(1), &mut FakeHost { silent: true, ..FakeHost::default() }), secret(1));
        // Somebody writes nonsense without end.
        let mut host = FakeHost { intruder: vec![vec![0]; 2 * ROUNDS], ..FakeHost::default() };
        assert_eq!(agree(secret(1), &mut host), secret(1));
    }
}
