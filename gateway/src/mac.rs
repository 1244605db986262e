//! HMAC-SHA256 (RFC 2104), for what the gateway hands out and wants to know again.

use sha2::{Digest as _, Sha256};

/// Length of a key and of a whole MAC, in bytes.
pub(crate) const MAC_BYTES: usize = 32;

/// A secret. Its value is shown to nobody.
#[derive(Clone)]
pub(crate) struct MacKey([u8; MAC_BYTES]);

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey")
    }
}

impl MacKey {
    pub(crate) fn new(key: [u8; MAC_BYTES]) -> Self {
        Self(key)
    }

    /// The MAC of the parts, one after the other: who needs to tell them apart puts their lengths in.
    pub(crate) fn mac<'m>(&self, message: impl IntoIterator<Item = &'m [u8]>) -> [u8; MAC_BYTES] {
        // The key is shorter than a block, and so padded with zeros.
        let pad = |byte: u8| {
            let mut block = [byte; 64];
            for (to, from) in block.iter_mut().zip(&self.0) {
                *to ^= from;
            }
            block
        };
        let inner = message.into_iter().fold(Sha256::new_with_prefix(pad(0x36)), Sha256::chain_update);
        Sha256::new_with_prefix(pad(0x5c)).chain_update(inner.finalize()).finalize().into()
    }
}

/// Compares without telling by its time how far the two agree.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
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
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", MacKey::new([7; MAC_BYTES])), "MacKey");
    }
}
