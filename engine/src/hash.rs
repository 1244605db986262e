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
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u32 {
    let mut state = mix(MULTIPLIER, bytes.len() as u64);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = mix(state, u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        state = mix(state, last_word(bytes, rest));
    }
    finish(state)
}

/// The bytes that fill no word, in one: read together with bytes before them, or twice, rather than one by one.
#[inline]
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    if let Some(word) = bytes.last_chunk::<8>() {
        return u64::from_le_bytes(*word);
    }
    if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    let at = |position: usize| u64::from(rest.get(position).copied().unwrap_or_default());
    at(0) | at(rest.len() / 2) << 8 | at(rest.len().wrapping_sub(1)) << 16
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
        for length in 0..24 {
            let bytes = vec![b'a'; length];
            for at in 0..length {
                let mut other = bytes.clone();
                other[at] = b'b';
                assert_ne!(hash_bytes(&bytes), hash_bytes(&other), "byte {at} of {length}");
            }
        }
        assert_ne!(hash_pair(1, 2), hash_pair(2, 1));
        assert_ne!(hash_key(1, 5), hash_key(2, 5));
    }
}
