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
    let mut bytes = Vec::with_capacity(text.len());
    decode_onto(text, &mut bytes)?;
    Ok(bytes)
}

/// Appends what a text stands for. After an error nobody knows what was appended.
pub(super) fn decode_onto(text: &str, bytes: &mut Vec<u8>) -> Result<(), TokenError> {
    let (quads, rest) = text.as_bytes().as_chunks::<4>();
    let start = bytes.len();
    bytes.resize(start + quads.len() * 3, 0);
    let (triples, _) = bytes.get_mut(start..).unwrap_or_default().as_chunks_mut::<3>();
    let mut seen = 0;
    for (quad, triple) in quads.iter().zip(triples) {
        let [a, b, c, d] = quad.map(value);
        seen |= a | b | c | d;
        *triple = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    }
    let trailing_bits = match *rest {
        [] => 0,
        [a, b] => {
            let [a, b] = [a, b].map(value);
            seen |= a | b;
            bytes.push(a << 2 | b >> 4);
            b << 4
        }
        [a, b, c] => {
            let [a, b, c] = [a, b, c].map(value);
            seen |= a | b | c;
            bytes.extend([a << 2 | b >> 4, b << 4 | c >> 2]);
            c << 6
        }
        // Six bits are no byte.
        _ => return Err(TokenError::Base64),
    };
    if seen & FOREIGN == 0 && trailing_bits == 0 { Ok(()) } else { Err(TokenError::Base64) }
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
        let mut onto = b"before".to_vec();
        if decode_onto(text, &mut onto).is_ok() {
            assert_eq!(onto.strip_prefix(b"before"), expected.as_deref().ok(), "{text:?}");
        }
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
