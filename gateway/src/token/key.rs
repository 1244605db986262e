//! Verification keys. The kind of a key is fixed when it is loaded, so using an RSA key as anything else cannot be
//! written down.

use p256::ecdsa::signature::Verifier as _;
use sha2::{Digest as _, Sha256};

use super::algorithm::{Algorithm, SignatureAlgorithm};
use super::der;
use crate::host::Host;

/// One public key of an issuer.
#[derive(Debug)]
pub(crate) struct Key {
    /// The key's id, where it has one.
    pub(crate) kid: Option<String>,
    /// The only algorithm the key is for, where its JWK says so.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) material: KeyMaterial,
}

/// What a key is, ready to verify with.
#[derive(Debug)]
pub(crate) enum KeyMaterial {
    Rsa(Box<RsaKey>),
    P256(Box<P256Key>),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
}

/// An RSA key, for the host and for us.
#[derive(Debug)]
pub(crate) struct RsaKey {
    pub(crate) spki_der: Vec<u8>,
    pub(crate) modulus_bytes: usize,
    pub(crate) key: rsa::RsaPublicKey,
}

/// A P-256 key, for the host and for us.
#[derive(Debug)]
pub(crate) struct P256Key {
    pub(crate) spki_der: Vec<u8>,
    pub(crate) key: p256::ecdsa::VerifyingKey,
}

impl KeyMaterial {
    /// Whether signatures of this algorithm can be made with such a key.
    pub(crate) fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        match (self, algorithm) {
            (Self::Rsa(_), SignatureAlgorithm::RsaPkcs1Sha256)
            | (Self::P256(_), SignatureAlgorithm::EcdsaP256Sha256)
            | (Self::Ed25519(_), SignatureAlgorithm::Ed25519) => true,
            (Self::Rsa(_) | Self::P256(_) | Self::Ed25519(_), _) => false,
        }
    }
}

impl Key {
    /// Whether tokens of this algorithm may be verified with this key.
    pub(crate) fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm) && self.material.fits(algorithm.signature())
    }

    /// Whether `signature`, as JOSE writes it, is this key's over `message`.
    ///
    /// The host verifies where it can: RSA and ECDSA cost ten to forty times less there. The checks around it are
    /// ours in both cases, so that both give the same answers. Ed25519 is always ours, because the strict rules
    /// (RFC 8032 §5.1.7, no small-order points) are not what every host applies.
    pub(crate) fn verify(&self, host: &mut dyn Host, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            KeyMaterial::Rsa(key) => key.verify_pkcs1_sha256(host, message, signature),
            KeyMaterial::P256(key) => key.verify_sha256(host, message, signature),
            KeyMaterial::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }
}

impl RsaKey {
    fn verify_pkcs1_sha256(&self, host: &mut dyn Host, message: &[u8], signature: &[u8]) -> bool {
        // RFC 8017 §8.2.2, step 1: exactly the modulus' length.
        if signature.len() != self.modulus_bytes {
            return false;
        }
        host.verify_signature(SignatureAlgorithm::RsaPkcs1Sha256, &self.spki_der, message, signature).unwrap_or_else(
            || {
                let digest = Sha256::digest(message);
                self.key.verify(rsa::Pkcs1v15Sign::new::<Sha256>(), &digest, signature).is_ok()
            },
        )
    }
}

impl P256Key {
    fn verify_sha256(&self, host: &mut dyn Host, message: &[u8], signature: &[u8]) -> bool {
        // 64 bytes, both halves in 1..n-1 (CVE-2022-21449).
        let Ok(parsed) = p256::ecdsa::Signature::from_slice(signature) else {
            return false;
        };
        let (r, s) = parsed.split_bytes();
        let der = der::ecdsa_signature(&r, &s);
        host.verify_signature(SignatureAlgorithm::EcdsaP256Sha256, &self.spki_der, message, &der)
            .unwrap_or_else(|| self.key.verify(message, &parsed).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Json, JsonLimits};
    use crate::token::jwk;
    use crate::token::testing::{self, TestKey};

    /// A host that gives one answer and remembers what it was asked.
    #[derive(Default)]
    struct OneAnswer {
        answer: Option<bool>,
        asked: Vec<(SignatureAlgorithm, Vec<u8>, Vec<u8>)>,
    }

    impl Host for OneAnswer {
        fn now_nanos(&mut self) -> u64 {
            0
        }

        fn verify_signature(
            &mut self,
            algorithm: SignatureAlgorithm,
            spki_der: &[u8],
            message: &[u8],
            signature: &[u8],
        ) -> Option<bool> {
            assert_eq!(message, b"message");
            self.asked.push((algorithm, spki_der.to_vec(), signature.to_vec()));
            self.answer
        }

        fn fill_random(&mut self, _: &mut [u8]) {}
    }

    fn public(key: &TestKey) -> Key {
        jwk::read(&Json::parse(key.jwk("k").as_bytes(), &JsonLimits::JWKS).unwrap()).unwrap()
    }

    fn verify(key: &TestKey, signature: &[u8], answer: Option<bool>) -> (bool, OneAnswer) {
        let mut host = OneAnswer { answer, ..OneAnswer::default() };
        (public(key).verify(&mut host, b"message", signature), host)
    }

    #[test]
    fn the_host_is_asked_first_and_its_answer_is_final() {
        for key in [testing::rsa(1), testing::p256(1)] {
            let good = key.sign(b"message");
            let other = key.sign(b"other");
            assert!(verify(&key, &good, None).0);
            assert!(!verify(&key, &other, None).0);
            assert!(!verify(&key, &good, Some(false)).0, "no second opinion");
            assert!(verify(&key, &other, Some(true)).0);
            assert_eq!(verify(&key, &good, None).1.asked.len(), 1);
        }
    }

    #[test]
    fn the_host_gets_what_hosts_take() {
        let rsa = testing::rsa(1);
        let signature = rsa.sign(b"message");
        let (_, host) = verify(&rsa, &signature, None);
        let (algorithm, spki, given) = &host.asked[0];
        assert_eq!((*algorithm, given), (SignatureAlgorithm::RsaPkcs1Sha256, &signature));
        use rsa::pkcs8::DecodePublicKey as _;
        assert!(rsa::RsaPublicKey::from_public_key_der(spki).is_ok());

        let p256 = testing::p256(1);
        let signature = p256.sign(b"message");
        let (_, host) = verify(&p256, &signature, None);
        let (algorithm, spki, given) = &host.asked[0];
        assert_eq!(*algorithm, SignatureAlgorithm::EcdsaP256Sha256);
        let point = spki.strip_prefix(&der::P256_SPKI_PREFIX).unwrap();
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).unwrap();
        let parsed = p256::ecdsa::Signature::from_der(given).unwrap();
        assert_eq!(parsed.to_bytes().as_slice(), signature);
        assert!(key.verify(b"message", &parsed).is_ok());
    }

    #[test]
    fn malformed_signatures_do_not_reach_the_host() {
        let rsa = testing::rsa(1);
        for len in [0, 1, 64, 255, 257, 512] {
            let (valid, host) = verify(&rsa, &vec![1; len], Some(true));
            assert!(!valid && host.asked.is_empty(), "{len}");
        }
        let p256 = testing::p256(1);
        let order = p256::elliptic_curve::bigint::U256::from_be_hex(
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        );
        let order: [u8; 32] = p256::elliptic_curve::bigint::ArrayEncoding::to_be_byte_array(&order).into();
        for signature in [
            vec![],
            vec![0; 64],
            vec![1; 63],
            vec![1; 65],
            [[0; 32], [1; 32]].concat(),
            [[1; 32], [0; 32]].concat(),
            [order, [1; 32]].concat(),
            [[1; 32], order].concat(),
            vec![0xff; 64],
        ] {
            let (valid, host) = verify(&p256, &signature, Some(true));
            assert!(!valid && host.asked.is_empty(), "{signature:?}");
        }
    }

    #[test]
    fn ed25519_is_always_verified_here() {
        let key = testing::ed25519(1);
        let good = key.sign(b"message");
        let (valid, host) = verify(&key, &good, Some(false));
        assert!(valid && host.asked.is_empty());
        let (valid, _) = verify(&key, &key.sign(b"other"), Some(true));
        assert!(!valid);
        // S + L is the same number modulo the group order: a second spelling of the signature (RFC 8032 §5.1.7).
        let group_order: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let mut shifted = good;
        let mut carry = 0u16;
        for (byte, add) in shifted[32..].iter_mut().zip(group_order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
        assert!(!verify(&key, &shifted, Some(true)).0);
    }
}
