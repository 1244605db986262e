//! How far a text stands in JSON as it is. Nearly every text does to its end, so eight bytes are looked at together.

/// A word that has a byte in each of its places.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The highest bit of each byte.
const HIGH: u64 = each(0x80);

/// How many bytes there are before the first that ends a JSON string or may not stand in one: a quote, a backslash, a control
/// character (RFC 8259 §7).
#[inline]
pub(crate) fn json_run(bytes: &[u8]) -> usize {
    run(bytes, word_specials, |byte| matches!(byte, b'"' | b'\\' | ..=0x1f))
}

/// The same, but whatever is not printable ASCII ends it, too.
pub(crate) fn ascii_run(bytes: &[u8]) -> usize {
    run(
        bytes,
        |word| word_specials(word) | word & HIGH | word_equals(word, 0x7f),
        |byte| !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\'),
    )
}

#[inline]
fn run(bytes: &[u8], in_word: impl Fn(u64) -> u64, is_special: impl Fn(u8) -> bool) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let specials = in_word(u64::from_le_bytes(*word));
        if specials != 0 {
            // The first byte is the lowest. Bits above the first special may be wrong, see below.
            return index * 8 + specials.trailing_zeros() as usize / 8;
        }
    }
    let run = match last_word(bytes, rest) {
        // Behind the last byte are zeros, which are special.
        Some(word) => in_word(word).trailing_zeros() as usize / 8,
        None => rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len()),
    };
    words.len() * 8 + run
}

/// The bytes that fill no word, in one with zeros behind them: read together with bytes before them, or twice. `None` where there
/// are none, or fewer than four and none before them.
#[inline]
fn last_word(bytes: &[u8], rest: &[u8]) -> Option<u64> {
    match (bytes.last_chunk::<8>(), rest.len()) {
        (Some(word), length @ 1..8) => Some(u64::from_le_bytes(*word) >> ((8 - length) * 8)),
        (_, length) => {
            let (first, last) = (rest.first_chunk::<4>()?, rest.last_chunk::<4>()?);
            Some(u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << ((length - 4) * 8))
        }
    }
}

/// The highest bit of each byte that is a quote, a backslash or a control character. Of what stands above the first of these,
/// more bits may be set, because a subtraction borrows from there (Warren, Hacker's Delight, §6-1).
fn word_specials(word: u64) -> u64 {
    // With its second bit turned, a quote is where a space was, just above the control characters, which stay among themselves.
    let quote_or_control = (word ^ each(2)).wrapping_sub(each((b'"' ^ 2) + 1));
    let backslash = (word ^ each(b'\\')).wrapping_sub(each(1));
    (quote_or_control | backslash) & !word & HIGH
}

fn word_equals(word: u64, byte: u8) -> u64 {
    let zero = word ^ each(byte);
    zero.wrapping_sub(each(1)) & !zero & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_by_byte(bytes: &[u8]) -> usize {
        bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(bytes.len())
    }

    fn ascii_by_byte(bytes: &[u8]) -> usize {
        let plain = |byte: &u8| matches!(byte, 0x20..=0x7e) && *byte != b'"' && *byte != b'\\';
        bytes.iter().position(|byte| !plain(byte)).unwrap_or(bytes.len())
    }

    #[test]
    fn every_byte_at_every_place() {
        for len in 0..=24 {
            for place in 0..len {
                for byte in 0..=u8::MAX {
                    for around in [b'a', b' ', b'!', b'#', 0x7e, 0xe9, 0xff] {
                        let mut bytes = vec![around; len];
                        bytes[place] = byte;
                        assert_eq!(json_run(&bytes), json_by_byte(&bytes), "{bytes:?}");
                        assert_eq!(ascii_run(&bytes), ascii_by_byte(&bytes), "{bytes:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn neighbours_do_not_disturb_each_other() {
        use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
        let bytes = [0, 1, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7e, 0x7f, 0x80, 0x9f, 0xa2, 0xdc, 0xff];
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(11);
        for _ in 0..200_000 {
            let len = random.next_u32() as usize % 20;
            let text: Vec<u8> = (0..len).map(|_| bytes[random.next_u32() as usize % bytes.len()]).collect();
            assert_eq!(json_run(&text), json_by_byte(&text), "{text:?}");
            assert_eq!(ascii_run(&text), ascii_by_byte(&text), "{text:?}");
        }
    }
}
