//! Tokens for tests: fixed keys, and a signer that signs whatever it is told to.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;
use rand_chacha::rand_core::SeedableRng as _;
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256};

/// A private key for tests.
pub(crate) enum TestKey {
    Rsa(&'static rsa::RsaPrivateKey),
    P256(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

/// One of two RSA keys of 2048 bits, generated once per test run.
pub(crate) fn rsa(seed: u8) -> TestKey {
    static KEYS: [OnceLock<rsa::RsaPrivateKey>; 2] = [OnceLock::new(), OnceLock::new()];
    let slot = &KEYS[usize::from(seed - 1)];
    TestKey::Rsa(slot.get_or_init(|| {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(u64::from(seed));
        rsa::RsaPrivateKey::new(&mut random, 2048).unwrap()
    }))
}

pub(crate) fn p256(seed: u8) -> TestKey {
    TestKey::P256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
}

pub(crate) fn ed25519(seed: u8) -> TestKey {
    TestKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
}

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl TestKey {
    /// The public key as a JWK.
    pub(crate) fn jwk(&self, kid: &str) -> String {
        match self {
            Self::Rsa(key) => {
                let (n, e) = (b64(key.n().to_bytes_be()), b64(key.e().to_bytes_be()));
                format!(r#"{{"kty":"RSA","kid":"{kid}","n":"{n}","e":"{e}"}}"#)
            }
            Self::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                let (x, y) = (b64(point.x().unwrap()), b64(point.y().unwrap()));
                format!(r#"{{"kty":"EC","crv":"P-256","kid":"{kid}","x":"{x}","y":"{y}"}}"#)
            }
            Self::Ed25519(key) => {
                let x = b64(key.verifying_key().to_bytes());
                format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}"#)
            }
        }
    }

    /// A signature as JOSE writes it.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.sign(rsa::Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message)).unwrap(),
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        }
    }

    /// A compact token over header and claims, whatever they are.
    pub(crate) fn token(&self, header: &str, claims: &str) -> String {
        let input = format!("{}.{}", b64(header), b64(claims));
        format!("{input}.{}", b64(self.sign(input.as_bytes())))
    }
}
