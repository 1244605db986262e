//! base64url as JOSE writes it (RFC 7515 §2): no padding, no foreign characters, zero trailing bits.
//!
//! Every new token comes through here, and in a VM a library's decoder is a good part of what reading it costs.

use super::error::TokenError;

/// What a character stands for: six bits, or [`FOREIGN`].
const VALUES: [u8; 256] = values();

/// A bit that no value has.
const FOREIGN: u8 = 0x80;

const fn values() -> [u8; 256] {
    let mut values = [FOREIGN; 256];
    let mut rest: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut value = 0;
    while let [character, more @ ..] = rest {
        #[expect(clippy::indexing_slicing, reason = "every byte has a place in the table")]
        {
            values[*character as usize] = value;
        }
        value += 1;
        rest = more;
    }
    values
}

fn value(character: u8) -> u8 {
    VALUES.get(usize::from(character)).copied().unwrap_or(FOREIGN)
}

/// Decodes a text.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, TokenError> {
    let mut bytes = vec![0; decoded_len(text.len())];
    let Run { characters, bytes: written, is_well_formed } = decode_run(text.as_bytes(), &mut bytes);
    bytes.truncate(written);
    if is_well_formed && characters == text.len() { Ok(bytes) } else { Err(TokenError::Base64) }
}

/// How many bytes so many characters stand for at most.
pub(super) fn decoded_len(characters: usize) -> usize {
    characters / 4 * 3 + 3
}

/// What was decoded of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// How many characters there are before the first that is none of base64url.
    pub(super) characters: usize,
    /// How many bytes were written.
    pub(super) bytes: usize,
    /// Whether so many characters can stand for bytes, and this is how they would.
    pub(super) is_well_formed: bool,
}

/// Decodes a text up to its end or a foreign character into a buffer of at least [`decoded_len`].
#[inline]
pub(super) fn decode_run(text: &[u8], buffer: &mut [u8]) -> Run {
    let (quads, _) = text.as_chunks::<4>();
    let (triples, _) = buffer.as_chunks_mut::<3>();
    let mut whole = 0;
    for (quad, triple) in quads.iter().zip(triples) {
        let [a, b, c, d] = quad.map(|character| u32::from(value(character)));
        if (a | b | c | d) & u32::from(FOREIGN) != 0 {
            break;
        }
        let [_, bytes @ ..] = (a << 18 | b << 12 | c << 6 | d).to_be_bytes();
        *triple = bytes;
        whole += 1;
    }
    // The few that are left, one by one: the lower bits of one wait for the next.
    let (mut characters, mut bytes) = (whole * 4, whole * 3);
    let (mut bits, mut waiting) = (0u8, 0u32);
    for character in text.iter().skip(characters) {
        let value = value(*character);
        if value == FOREIGN {
            break;
        }
        waiting = if waiting == 0 {
            6
        } else {
            let Some(byte) = buffer.get_mut(bytes) else { break };
            *byte = bits << (8 - waiting) | value >> (waiting - 2);
            bytes += 1;
            waiting - 2
        };
        bits = value;
        characters += 1;
    }
    // Six bits are no byte, and those beyond the last byte are zero.
    let is_well_formed = waiting != 6 && bits & ((1 << waiting) - 1) == 0;
    Run { characters, bytes, is_well_formed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

    fn agree(text: &str) -> bool {
        let expected = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Base64);
        assert_eq!(decode(text), expected, "{text:?}");
        // A run goes as far as the alphabet, and is what the library makes of it.
        let is_of_alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let length = text.bytes().take_while(|byte| is_of_alphabet(byte)).count();
        let mut buffer = vec![0xaa; decoded_len(text.len())];
        let run = decode_run(text.as_bytes(), &mut buffer);
        assert_eq!(run.characters, length, "{text:?}");
        let by_library = URL_SAFE_NO_PAD.decode(&text[..length]).ok();
        assert_eq!(run.is_well_formed.then(|| &buffer[..run.bytes]), by_library.as_deref(), "{text:?}");
        expected.is_ok()
    }

    #[test]
    fn every_text_of_up_to_two_bytes_is_read_as_the_library_reads_it() {
        assert!(agree(""));
        let characters: Vec<char> = ('\0'..='\u{7f}').chain(['\u{80}', 'é', '\u{ffff}', '\u{10ffff}']).collect();
        let mut accepted = 0;
        for first in &characters {
            agree(&first.to_string());
            for second in &characters {
                accepted += usize::from(agree(&format!("{first}{second}")));
                agree(&format!("AAAA{first}{second}"));
                agree(&format!("{first}AAA{second}A"));
            }
        }
        // One for each byte.
        assert_eq!(accepted, 256);
    }

    #[test]
    fn texts_with_random_changes_are_read_as_the_library_reads_them() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut below = |bound: usize| random.next_u32() as usize % bound;
        let mut accepted = 0;
        for _ in 0..50_000 {
            let bytes: Vec<u8> = (0..below(40)).map(|_| below(256).to_le_bytes()[0]).collect();
            let mut text: Vec<char> = URL_SAFE_NO_PAD.encode(&bytes).chars().collect();
            for _ in 0..below(3) {
                let character = ['A', 'B', 'Q', '_', '-', '+', '/', '=', ' ', '.', '\n', '\0', 'é'][below(13)];
                match below(3) {
                    0 => text.insert(below(text.len() + 1), character),
                    1 if !text.is_empty() => drop(text.remove(below(text.len()))),
                    _ if !text.is_empty() => {
                        let at = below(text.len());
                        text[at] = character;
                    }
                    _ => {}
                }
            }
            accepted += usize::from(agree(&text.iter().collect::<String>()));
        }
        assert!((10_000..45_000).contains(&accepted), "{accepted}");
    }
}
