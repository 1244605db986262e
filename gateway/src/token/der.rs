//! The little DER that hosts ask for: public keys as SubjectPublicKeyInfo, ECDSA signatures as a sequence.

/// Everything of a P-256 SubjectPublicKeyInfo (RFC 5480 §2) before the 65 bytes of the uncompressed point.
pub const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Everything of a P-384 SubjectPublicKeyInfo before the 97 bytes of the uncompressed point.
pub const P384_SPKI_PREFIX: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22, 0x03, 0x62, 0x00,
];

/// Everything of a P-521 SubjectPublicKeyInfo before the 133 bytes of the uncompressed point.
pub const P521_SPKI_PREFIX: [u8; 25] = [
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04,
    0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
];

/// The AlgorithmIdentifier of rsaEncryption with its NULL (RFC 3279 §2.3.1).
const RSA_ALGORITHM: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// A SubjectPublicKeyInfo for an RSA key, from its big-endian modulus and exponent.
#[must_use]
pub fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let mut numbers = Vec::new();
    push_integer(&mut numbers, modulus);
    push_integer(&mut numbers, exponent);

    let mut bits = vec![0];
    push(&mut bits, SEQUENCE, &numbers);

    let mut content = RSA_ALGORITHM.to_vec();
    push(&mut content, BIT_STRING, &bits);

    let mut spki = Vec::new();
    push(&mut spki, SEQUENCE, &content);
    spki
}

/// An ECDSA signature as DER (RFC 3279 §2.2.3), from the halves that JOSE writes one after the other.
#[must_use]
pub fn ecdsa_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    // Each half may take a sign byte; tags and lengths take at most five bytes more.
    let capacity = r.len().saturating_add(s.len()).saturating_add(12);
    let mut numbers = Vec::with_capacity(capacity);
    push_integer(&mut numbers, r);
    push_integer(&mut numbers, s);
    let mut signature = Vec::with_capacity(capacity);
    push(&mut signature, SEQUENCE, &numbers);
    signature
}

/// An unsigned integer: no leading zeros, except one where the top bit would read as a sign.
fn push_integer(out: &mut Vec<u8>, big_endian: &[u8]) {
    let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
    let digits = big_endian.get(zeros..).unwrap_or_default();
    let sign: &[u8] = if digits.first().is_some_and(|byte| *byte < 0x80) { &[] } else { &[0] };
    push_head(out, INTEGER, sign.len() + digits.len());
    out.extend_from_slice(sign);
    out.extend_from_slice(digits);
}

fn push(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    push_head(out, tag, content.len());
    out.extend_from_slice(content);
}

/// A tag and a length.
fn push_head(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    match u8::try_from(length) {
        Ok(length @ 0..=0x7f) => out.push(length),
        _ => {
            let length = length.to_be_bytes();
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            let digits = length.get(zeros..).unwrap_or_default();
            // At most eight digits, so the count always fits beside the flag.
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
            out.extend_from_slice(digits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_minimal_and_unsigned() {
        let integer = |bytes: &[u8]| {
            let mut out = Vec::new();
            push_integer(&mut out, bytes);
            out
        };
        assert_eq!(integer(&[1]), [2, 1, 1]);
        assert_eq!(integer(&[0, 0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0, 0xff, 1]), [2, 3, 0, 0xff, 1]);
        assert_eq!(integer(&[0, 0]), [2, 1, 0]);
        assert_eq!(integer(&[]), [2, 1, 0]);
    }

    #[test]
    fn lengths_take_the_short_and_the_long_form() {
        let length = |len: usize| {
            let mut out = Vec::new();
            push(&mut out, 4, &vec![0; len]);
            out[1..out.len() - len].to_vec()
        };
        assert_eq!(length(0), [0]);
        assert_eq!(length(0x7f), [0x7f]);
        assert_eq!(length(0x80), [0x81, 0x80]);
        assert_eq!(length(0x100), [0x82, 1, 0]);
    }

    #[test]
    fn agrees_with_the_encoders_of_others() {
        use rsa::pkcs8::EncodePublicKey as _;
        use rsa::traits::PublicKeyParts as _;

        let modulus = [&[0xc5][..], &[0x31; 254], &[0x0b]].concat();
        let key = rsa::RsaPublicKey::new(rsa::BigUint::from_bytes_be(&modulus), rsa::BigUint::from(65_537u32)).unwrap();
        assert_eq!(
            rsa_spki(&key.n().to_bytes_be(), &key.e().to_bytes_be()),
            key.to_public_key_der().unwrap().as_bytes()
        );

        for (r, s) in [([1u8; 32], [0xff - 1; 32]), ([0x7f; 32], [0x80; 32])] {
            let raw = [r, s].concat();
            if let Ok(signature) = p256::ecdsa::Signature::from_slice(&raw) {
                assert_eq!(ecdsa_signature(&r, &s), signature.to_der().as_bytes());
            }
        }
    }

    #[test]
    fn prefixes_are_those_of_openssl() {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        // Public keys as `openssl ec -pubout -outform DER` writes them.
        for (spki, prefix, point_len) in [
            (
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMkb7PQoXTo5UIGInf3yZ4QQmw3o2zV1zFHALkEheqVQCeVYqtbl91n7ZuALybocJ2W9Z\
                 4p/M4L3nEAI/PHj9sg==",
                &P256_SPKI_PREFIX[..],
                65,
            ),
            (
                "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEPjI+myuIDs6wIZ6sjvs76FlfYkMZDyY41zVQxunJuC4FsXyPUR62aqYbT4UouHCoMCCZgnUm\
                 XiFPE8DNAuliEUK9+DU+P6npnL+GnnVihJ0CZ6ccMrKvbTM2yUMBY/1V",
                &P384_SPKI_PREFIX[..],
                97,
            ),
            (
                "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBXwkv5EdrJ/jxW1sqKqeDqJB07D96SCWRvlZ+KxnKZSbtpnvw1Vutre+Jtf29j7rHHOdS\
                 StbS9SI68MXzEILeK7QBiLnylbZf9VO/YLuPnJAxe4NV7jo1beokAtZ3uZd2wz29nVKXFeYh2NN3sQ5rby0QET+iPkpdZTyciU6SRiBh\
                 qSM=",
                &P521_SPKI_PREFIX[..],
                133,
            ),
        ] {
            let spki = STANDARD.decode(spki).unwrap();
            let point = spki.strip_prefix(prefix).unwrap();
            assert_eq!((point.len(), point[0]), (point_len, 4));
        }
    }
}
