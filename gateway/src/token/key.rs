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
