//! HMAC-SHA256 (RFC 2104), for what the gateway hands out and wants to know again.

use sha2::{Digest as _, Sha256};

/// Length of a key and of a whole MAC, in bytes.
pub(crate) const MAC_BYTES: usize = 32;

/// A secret, digested as far as every MAC begins with it. Its value is shown to nobody.
#[derive(Clone)]
pub(crate) struct MacKey {
    inner: Sha256,
    outer: Sha256,
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey")
    }
}

impl MacKey {
    pub(crate) fn new(key: [u8; MAC_BYTES]) -> Self {
        // The key is shorter than a block, and so padded with zeros.
        let pad = |byte: u8| {
            let mut block = [byte; 64];
            for (to, from) in block.iter_mut().zip(&key) {
                *to ^= from;
            }
            block
        };
        Self { inner: Sha256::new_with_prefix(pad(0x36)), outer: Sha256::new_with_prefix(pad(0x5c)) }
    }

    /// The MAC of the parts, one after the other: who needs to tell them apart puts their lengths in.
    pub(crate) fn mac<'m>(&self, message: impl IntoIterator<Item = &'m [u8]>) -> [u8; MAC_BYTES] {
        let inner = message.into_iter().fold(self.inner.clone(), Sha256::chain_update);
        self.outer.clone().chain_update(inner.finalize()).finalize().into()
    }
}

/// Compares without telling by its time how far the two agree. Eight bytes at a time: tokens are compared by this.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    let ((a_words, a_rest), (b_words, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let words = a_words
        .iter()
        .zip(b_words)
        .fold(0, |difference, (a, b)| difference | (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b)));
    let rest = a_rest.iter().zip(b_rest).fold(0, |difference, (a, b)| difference | (a ^ b));
    a.len() == b.len() && words | u64::from(rest) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_rfc_4231s() {
        // Test case 2 has a shorter key; a key that is padded with zeros is the same key.
        let mut key = [0; MAC_BYTES];
        key[..4].copy_from_slice(b"Jefe");
        let mac = MacKey::new(key).mac([&b"what do ya want "[..], b"for nothing?"]);
        assert_eq!(mac[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
        assert_eq!(mac[24..], [0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43]);
    }

    #[test]
    fn equal_is_equal() {
        assert!(equal(b"", b"") && equal(b"ab", b"ab"));
        for (a, b) in [("a", ""), ("ab", "aB"), ("ab", "abc"), ("ab", "bb")] {
            assert!(!equal(a.as_bytes(), b.as_bytes()), "{a} {b}");
        }
        for len in 1..40 {
            let one = vec![7; len];
            assert!(equal(&one, &one.clone()));
            assert!(!equal(&one, &one[1..]) && !equal(&one[1..], &one), "{len}");
            for place in 0..len {
                for bit in 0..8 {
                    let mut other = one.clone();
                    other[place] ^= 1 << bit;
                    assert!(!equal(&one, &other), "bit {bit} of byte {place} of {len}");
                }
            }
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", MacKey::new([7; MAC_BYTES])), "MacKey");
    }
}
