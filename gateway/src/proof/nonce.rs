//! DPoP nonces without state: the time, and a MAC over it with a key that all workers share (RFC 9449 §9).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::limits;
use crate::mac::{self, MacKey};

/// Length of a nonce as text: four bytes of time and sixteen of MAC, in base64url.
const TEXT_BYTES: usize = 27;
const MAC_BYTES: usize = 16;
/// Keeps the MAC apart from any other use of the key.
const PURPOSE: &[u8] = b"palisade dpop nonce v1";

/// Makes and checks nonces.
#[derive(Debug)]
pub(crate) struct NonceKey(MacKey);

/// A nonce for a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nonce([u8; TEXT_BYTES]);

impl NonceKey {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(MacKey::new(key))
    }

    /// The nonce of this time.
    pub(crate) fn nonce(&self, now_ms: u64) -> Nonce {
        self.of_period(period(now_ms))
    }

    /// Whether a nonce was made in this period or the one before.
    pub(super) fn accepts(&self, nonce: &str, now_ms: u64) -> bool {
        let now = period(now_ms);
        let own = [Some(now), now.checked_sub(1)];
        own.into_iter().flatten().any(|period| mac::equal(&self.of_period(period).0, nonce.as_bytes()))
    }

    fn of_period(&self, period: u32) -> Nonce {
        let time = period.to_be_bytes();
        let mac = self.0.mac([PURPOSE, &time]);
        let mut raw = [0; 4 + MAC_BYTES];
        for (to, from) in raw.iter_mut().zip(time.iter().chain(&mac)) {
            *to = *from;
        }
        let mut text = [0; TEXT_BYTES];
        // Twenty bytes are exactly 27 characters.
        let _ = URL_SAFE_NO_PAD.encode_slice(raw, &mut text);
        Nonce(text)
    }
}

impl Nonce {
    /// The characters of the header's value.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn period(now_ms: u64) -> u32 {
    // Until the year 10136.
    u32::try_from(now_ms / 1000 / limits::DPOP_NONCE_SECONDS).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    #[test]
    fn a_nonce_lives_for_one_to_two_periods() {
        let key = NonceKey::new([1; 32]);
        let nonce = key.nonce(NOW);
        let period = limits::DPOP_NONCE_SECONDS * 1000;
        assert!(key.accepts(nonce.as_str(), NOW));
        assert!(key.accepts(nonce.as_str(), NOW + period));
        assert!(!key.accepts(nonce.as_str(), NOW + 2 * period));
        assert!(!key.accepts(nonce.as_str(), NOW - period));
        assert_eq!(nonce.as_str().len(), TEXT_BYTES);
    }

    #[test]
    fn what_others_made_is_refused() {
        let key = NonceKey::new([1; 32]);
        let other = NonceKey::new([2; 32]).nonce(NOW);
        let own = key.nonce(NOW).as_str().to_owned();
        for nonce in ["", "x", other.as_str(), &own[..26], &format!("{own}A"), &own.to_uppercase()] {
            assert!(!key.accepts(nonce, NOW), "{nonce}");
        }
        for at in 0..own.len() {
            let mut changed = own.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(!key.accepts(std::str::from_utf8(&changed).unwrap(), NOW), "{at}");
        }
    }
}
