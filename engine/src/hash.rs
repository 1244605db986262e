//! The hash functions of the format's tables. Reader and writer must agree on them, so they are part of the format.
//!
//! The keys of those tables come from a signed bundle, not from the network, so the functions are chosen for speed.

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

const fn mix(state: u64, word: u64) -> u64 {
    (state.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER)
}

const fn finish(state: u64) -> u32 {
    let folded = state ^ (state >> 29);
    (folded.wrapping_mul(MULTIPLIER) >> 32) as u32
}

/// Hash of a string's bytes.
#[must_use]
pub fn hash_bytes(bytes: &[u8]) -> u32 {
    let mut state = mix(MULTIPLIER, bytes.len() as u64);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = mix(state, u64::from_le_bytes(*word));
    }
    let mut tail = [0_u8; 8];
    for (to, from) in tail.iter_mut().zip(rest) {
        *to = *from;
    }
    finish(mix(state, u64::from_le_bytes(tail)))
}

/// Hash of an entity uid: its type's and its id's string.
#[must_use]
pub const fn hash_pair(type_name: u32, id: u32) -> u32 {
    finish(mix(MULTIPLIER, ((type_name as u64) << 32) | id as u64))
}

/// Hash of an index key: a value's tag and payload.
#[must_use]
pub const fn hash_key(tag: u8, payload: u64) -> u32 {
    finish(mix(mix(MULTIPLIER, tag as u64), payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_tails_matter() {
        assert_ne!(hash_bytes(b""), hash_bytes(b"\0"));
        assert_ne!(hash_bytes(b"12345678"), hash_bytes(b"12345678\0"));
        assert_ne!(hash_bytes(b"abc"), hash_bytes(b"abd"));
        assert_ne!(hash_pair(1, 2), hash_pair(2, 1));
        assert_ne!(hash_key(1, 5), hash_key(2, 5));
    }
}
