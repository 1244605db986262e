//! Verification keys. The kind of a key is fixed when it is loaded, so using an RSA key as anything else cannot be
//! written down.

use p256::ecdsa::signature::Verifier as _;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::algorithm::{Algorithm, Hash, SignatureAlgorithm};
use super::der;
use crate::host::Host;

/// One public key of an issuer.
#[derive(Debug)]
pub(crate) struct Key {
    /// The key's id, where it has one.
    pub(crate) kid: Option<String>,
    /// The only algorithm the key is for, where its JWK says so.
    pub(crate) algorithm: Option<Algorithm>,
    /// The SHA-256 of its required members (RFC 7638): its name where it has no id, or not one of its own.
    pub(crate) thumbprint: [u8; 32],
    pub(crate) material: KeyMaterial,
}

/// What a key is, ready to verify with.
#[derive(Debug)]
pub(crate) enum KeyMaterial {
    Rsa(Box<RsaKey>),
    Ec(Box<EcKey>),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
}

/// An RSA key, for the host and for us.
#[derive(Debug)]
pub(crate) struct RsaKey {
    pub(crate) spki_der: Vec<u8>,
    /// Big-endian, without leading zeros: its length is that of a signature, and its value an upper bound of one.
    pub(crate) modulus: Vec<u8>,
    pub(crate) key: rsa::RsaPublicKey,
}

/// A key on one of NIST's curves, for the host and for us.
#[derive(Debug)]
pub(crate) struct EcKey {
    pub(crate) spki_der: Vec<u8>,
    pub(crate) point: EcPoint,
}

/// A point that is known to lie on its curve.
pub(crate) enum EcPoint {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

impl KeyMaterial {
    /// Roughly the bytes of heap this takes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            // The numbers for us, beside the bytes for the host.
            Self::Rsa(key) => size_of::<RsaKey>() + key.spki_der.len() + 3 * key.modulus.len(),
            Self::Ec(key) => size_of::<EcKey>() + key.spki_der.len(),
            Self::Ed25519(_) => size_of::<ed25519_dalek::VerifyingKey>(),
        }
    }

    /// Whether signatures of this algorithm can be made with such a key.
    pub(crate) fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        match (self, algorithm) {
            (Self::Rsa(_), SignatureAlgorithm::RsaPkcs1(_) | SignatureAlgorithm::RsaPss(_))
            | (Self::Ed25519(_), SignatureAlgorithm::Ed25519) => true,
            (Self::Ec(key), algorithm) => key.point.algorithm() == algorithm,
            (Self::Rsa(_) | Self::Ed25519(_), _) => false,
        }
    }

    /// Whether `signature`, as JOSE writes it, is this key's over `message`. The algorithm is the caller's, from
    /// an allowlist; one that does not fit the key never verifies.
    ///
    /// The host verifies where it can: RSA and ECDSA cost ten to forty times less there. The checks around it are
    /// ours in both cases, so that both give the same answers. Ed25519 is always ours, because the strict rules
    /// (RFC 8032 §5.1.7, no small-order points) are not what every host applies.
    pub(crate) fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        host: &mut dyn Host,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        if !self.fits(algorithm) {
            return false;
        }
        match self {
            Self::Rsa(key) => key.verify(algorithm, host, message, signature),
            Self::Ec(key) => key.verify(host, message, signature),
            Self::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }
}

impl Key {
    /// Whether tokens of this algorithm may be verified with this key.
    pub(crate) fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm) && self.material.fits(algorithm.signature())
    }
}

impl RsaKey {
    fn verify(&self, algorithm: SignatureAlgorithm, host: &mut dyn Host, message: &[u8], signature: &[u8]) -> bool {
        // RFC 8017 §8.1.2 and §8.2.2, step 1: exactly the modulus' length. §5.2.2, step 1: a number below the modulus,
        // which is not checked by everybody's PSS; without it a signature would have two spellings.
        if signature.len() != self.modulus.len() || signature >= self.modulus.as_slice() {
            return false;
        }
        host.verify_signature(algorithm, &self.spki_der, message, signature)
            .unwrap_or_else(|| self.verify_here(algorithm, message, signature))
    }

    fn verify_here(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        use rsa::{Pkcs1v15Sign, Pss};
        let verified = match algorithm {
            SignatureAlgorithm::RsaPkcs1(Hash::Sha256) => {
                self.key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message), signature)
            }
            SignatureAlgorithm::RsaPkcs1(Hash::Sha384) => {
                self.key.verify(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(message), signature)
            }
            SignatureAlgorithm::RsaPkcs1(Hash::Sha512) => {
                self.key.verify(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(message), signature)
            }
            // `Pss::new` takes a salt of exactly the digest's length, as RFC 7518 §3.5 demands.
            SignatureAlgorithm::RsaPss(Hash::Sha256) => {
                self.key.verify(Pss::new::<Sha256>(), &Sha256::digest(message), signature)
            }
            SignatureAlgorithm::RsaPss(Hash::Sha384) => {
                self.key.verify(Pss::new::<Sha384>(), &Sha384::digest(message), signature)
            }
            SignatureAlgorithm::RsaPss(Hash::Sha512) => {
                self.key.verify(Pss::new::<Sha512>(), &Sha512::digest(message), signature)
            }
            SignatureAlgorithm::EcdsaP256Sha256
            | SignatureAlgorithm::EcdsaP384Sha384
            | SignatureAlgorithm::EcdsaP521Sha512
            | SignatureAlgorithm::Ed25519 => return false,
        };
        verified.is_ok()
    }
}

impl EcPoint {
    /// The one algorithm for the curve (RFC 7518 §3.4).
    fn algorithm(&self) -> SignatureAlgorithm {
        match self {
            Self::P256(_) => SignatureAlgorithm::EcdsaP256Sha256,
            Self::P384(_) => SignatureAlgorithm::EcdsaP384Sha384,
            Self::P521(_) => SignatureAlgorithm::EcdsaP521Sha512,
        }
    }
}

impl std::fmt::Debug for EcPoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.algorithm().fmt(f)
    }
}

impl EcKey {
    /// A JOSE signature has two halves of the curve's length, each in 1..n-1; reading them checks both, so neither a
    /// zero (CVE-2022-21449) nor DER gets any further.
    fn verify(&self, host: &mut dyn Host, message: &[u8], signature: &[u8]) -> bool {
        match &self.point {
            EcPoint::P256(key) => p256::ecdsa::Signature::from_slice(signature).is_ok_and(|parsed| {
                self.ask(host, message, signature).unwrap_or_else(|| key.verify(message, &parsed).is_ok())
            }),
            EcPoint::P384(key) => p384::ecdsa::Signature::from_slice(signature).is_ok_and(|parsed| {
                self.ask(host, message, signature).unwrap_or_else(|| key.verify(message, &parsed).is_ok())
            }),
            EcPoint::P521(key) => p521::ecdsa::Signature::from_slice(signature).is_ok_and(|parsed| {
                self.ask(host, message, signature).unwrap_or_else(|| key.verify(message, &parsed).is_ok())
            }),
        }
    }

    fn ask(&self, host: &mut dyn Host, message: &[u8], signature: &[u8]) -> Option<bool> {
        let (r, s) = signature.split_at_checked(signature.len() / 2)?;
        host.verify_signature(self.point.algorithm(), &self.spki_der, message, &der::ecdsa_signature(r, s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Json, JsonLimits};
    use crate::shared_memory::{Expected, Shared, SharedMemory};
    use crate::token::jwk::{self, KeyPurpose};
    use crate::token::testing::{self, TestKey};

    /// A host that gives one answer and remembers what it was asked.
    #[derive(Default)]
    struct OneAnswer {
        answer: Option<bool>,
        any_message: bool,
        asked: Vec<(SignatureAlgorithm, Vec<u8>, Vec<u8>)>,
    }

    impl SharedMemory for OneAnswer {
        fn shared(&mut self, _: &str) -> Shared {
            Shared::Unsupported
        }

        fn share(&mut self, _: &str, _: &[u8], _: Expected) -> bool {
            false
        }
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
            assert!(self.any_message || message == b"message");
            self.asked.push((algorithm, spki_der.to_vec(), signature.to_vec()));
            self.answer
        }

        fn client_certificate(&mut self) -> Option<[u8; 32]> {
            None
        }

        fn client_certificate_der(&mut self) -> Option<Vec<u8>> {
            None
        }

        fn fill_random(&mut self, _: &mut [u8]) {}
    }

    fn public(key: &TestKey) -> Key {
        jwk::read(&Json::parse(key.jwk("k").as_bytes(), &JsonLimits::JWKS).unwrap(), KeyPurpose::Signature).unwrap()
    }

    fn verify(key: &TestKey, signature: &[u8], answer: Option<bool>) -> (bool, OneAnswer) {
        let mut host = OneAnswer { answer, ..OneAnswer::default() };
        (public(key).material.verify(key.algorithm().signature(), &mut host, b"message", signature), host)
    }

    #[test]
    fn the_host_is_asked_first_and_its_answer_is_final() {
        for key in [testing::rsa(1), testing::p256(1), testing::p384(1), testing::p521(1)] {
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
        assert_eq!((*algorithm, given), (SignatureAlgorithm::RsaPkcs1(Hash::Sha256), &signature));
        use rsa::pkcs8::DecodePublicKey as _;
        assert!(rsa::RsaPublicKey::from_public_key_der(spki).is_ok());

        for key in [testing::p384(1), testing::p521(1)] {
            let signature = key.sign(b"message");
            let (_, host) = verify(&key, &signature, None);
            let (algorithm, spki, given) = &host.asked[0];
            assert_eq!(*algorithm, key.algorithm().signature());
            let (r, s) = signature.split_at(signature.len() / 2);
            assert_eq!(*given, der::ecdsa_signature(r, s));
            let point_len = 2 * r.len() + 1;
            assert_eq!(spki[spki.len() - point_len], 4);
        }

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
    fn all_rsa_algorithms_verify_and_none_stands_for_another() {
        let key = testing::rsa(1);
        let public = public(&key);
        let rsa: Vec<_> = Algorithm::ALL.into_iter().filter(|algorithm| public.allows(*algorithm)).collect();
        assert_eq!(rsa.len(), 6);
        for made in &rsa {
            let signature = key.sign_as(*made, b"message");
            for asked in &rsa {
                let mut host = OneAnswer::default();
                let verified = public.material.verify(asked.signature(), &mut host, b"message", &signature);
                assert_eq!(verified, made == asked, "{} as {}", made.name(), asked.name());
            }
        }
        for other in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::Ed25519] {
            let mut host = OneAnswer { answer: Some(true), ..OneAnswer::default() };
            assert!(!public.material.verify(other.signature(), &mut host, b"message", &[1; 256]));
            assert!(host.asked.is_empty());
        }
    }

    #[test]
    fn a_pss_salt_is_as_long_as_the_digest() {
        let key = testing::rsa(1);
        let TestKey::Rsa(private) = &key else { unreachable!() };
        let public = public(&key);
        for salt in [0, 20, 31, 32, 33, 48, 64] {
            let signature = testing::pss::<Sha256>(private, salt, b"message");
            let algorithm = Algorithm::Ps256.signature();
            let verified = public.material.verify(algorithm, &mut OneAnswer::default(), b"message", &signature);
            assert_eq!(verified, salt == 32, "{salt}");
        }
        let sha384 = testing::pss::<Sha384>(private, 32, b"message");
        for algorithm in [Algorithm::Ps256, Algorithm::Ps384] {
            let algorithm = algorithm.signature();
            assert!(!public.material.verify(algorithm, &mut OneAnswer::default(), b"message", &sha384));
        }
    }

    #[test]
    fn an_rsa_signature_has_one_spelling() {
        let key = testing::rsa(1);
        let TestKey::Rsa(private) = &key else { unreachable!() };
        let public = public(&key);
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
            // The signature and the modulus together are the same number modulo the modulus. They have the length of a
            // signature for some messages only, so ask until one of them does.
            let shifted = (0u32..64).find_map(|n| {
                let message = n.to_be_bytes();
                let signature = key.sign_as(algorithm, &message);
                let sum = rsa::BigUint::from_bytes_be(&signature) + rsa::traits::PublicKeyParts::n(*private);
                let sum = sum.to_bytes_be();
                (sum.len() == signature.len()).then_some((message, sum))
            });
            let (message, signature) = shifted.unwrap();
            let mut host = OneAnswer { any_message: true, answer: Some(true), ..OneAnswer::default() };
            assert!(!public.material.verify(algorithm.signature(), &mut host, &message, &signature));
            assert!(host.asked.is_empty());
        }
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
        for (key, half) in [(testing::p384(1), 48), (testing::p521(1), 66)] {
            let good = key.sign(b"message");
            for signature in [
                vec![],
                vec![0; 64],
                vec![0; 2 * half],
                [vec![0; half], vec![1; half]].concat(),
                [vec![1; half], vec![0; half]].concat(),
                vec![0xff; 2 * half],
                good[..2 * half - 1].to_vec(),
                [&good[..], &[0]].concat(),
                der::ecdsa_signature(&good[..half], &good[half..]),
            ] {
                let (valid, host) = verify(&key, &signature, Some(true));
                assert!(!valid && host.asked.is_empty(), "{signature:?}");
            }
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
