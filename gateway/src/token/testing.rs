//! Tokens for tests: fixed keys, and a signer that signs whatever it is told to.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;
use rand_chacha::rand_core::SeedableRng as _;
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

// The module is compiled into this crate and, by its path, into the tests of the whole path.
use super::Algorithm;

/// A private key for tests.
pub(crate) enum TestKey {
    Rsa(&'static rsa::RsaPrivateKey),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(Box<p521::ecdsa::SigningKey>),
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

pub(crate) fn p384(seed: u8) -> TestKey {
    TestKey::P384(p384::ecdsa::SigningKey::from_slice(&[seed; 48]).unwrap())
}

pub(crate) fn p521(seed: u8) -> TestKey {
    let mut scalar = [seed; 66];
    scalar[0] = 0;
    TestKey::P521(Box::new(p521::ecdsa::SigningKey::from_slice(&scalar).unwrap()))
}

pub(crate) fn ed25519(seed: u8) -> TestKey {
    TestKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
}

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl TestKey {
    /// An algorithm that the key is for.
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::P384(_) => Algorithm::Es384,
            Self::P521(_) => Algorithm::Es512,
            Self::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The uncompressed point of a key on a curve.
    fn point(&self) -> (&'static str, Vec<u8>) {
        match self {
            Self::P256(key) => ("P-256", key.verifying_key().to_encoded_point(false).as_bytes().to_vec()),
            Self::P384(key) => ("P-384", key.verifying_key().to_encoded_point(false).as_bytes().to_vec()),
            Self::P521(key) => {
                let public = p521::ecdsa::VerifyingKey::from(&**key);
                ("P-521", public.to_encoded_point(false).as_bytes().to_vec())
            }
            Self::Rsa(_) | Self::Ed25519(_) => unreachable!(),
        }
    }

    /// The public key as a JWK, with its members in the order of RFC 7638 after `kid`.
    pub(crate) fn jwk(&self, kid: &str) -> String {
        match self {
            Self::Rsa(key) => {
                let (n, e) = (b64(key.n().to_bytes_be()), b64(key.e().to_bytes_be()));
                format!(r#"{{"kty":"RSA","kid":"{kid}","n":"{n}","e":"{e}"}}"#)
            }
            Self::P256(_) | Self::P384(_) | Self::P521(_) => {
                let (curve, point) = self.point();
                let (x, y) = point[1..].split_at(point.len() / 2);
                let (x, y) = (b64(x), b64(y));
                format!(r#"{{"kty":"EC","crv":"{curve}","kid":"{kid}","x":"{x}","y":"{y}"}}"#)
            }
            Self::Ed25519(key) => {
                let x = b64(key.verifying_key().to_bytes());
                format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}"#)
            }
        }
    }

    /// A signature as JOSE writes it, by [`TestKey::algorithm`].
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(_) => self.sign_as(Algorithm::Rs256, message),
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Self::P521(key) => {
                use rsa::signature::RandomizedSigner as _;
                let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
                let signature: p521::ecdsa::Signature = key.sign_with_rng(&mut random, message);
                signature.to_bytes().to_vec()
            }
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        }
    }

    /// A signature by another algorithm of the same key, where it has several.
    pub(crate) fn sign_as(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        let Self::Rsa(key) = self else {
            return self.sign(message);
        };
        match algorithm {
            Algorithm::Rs384 => key.sign(rsa::Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(message)),
            Algorithm::Rs512 => key.sign(rsa::Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(message)),
            Algorithm::Ps256 => return pss::<Sha256>(key, 32, message),
            Algorithm::Ps384 => return pss::<Sha384>(key, 48, message),
            Algorithm::Ps512 => return pss::<Sha512>(key, 64, message),
            _ => key.sign(rsa::Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message)),
        }
        .unwrap()
    }

    /// A compact token over header and claims, whatever they are. An RSA key signs by the header's `alg`.
    pub(crate) fn token(&self, header: &str, claims: &str) -> String {
        let named = Algorithm::ALL.into_iter().find(|algorithm| header.contains(&format!("\"{}\"", algorithm.name())));
        let input = format!("{}.{}", b64(header), b64(claims));
        format!("{input}.{}", b64(self.sign_as(named.unwrap_or(self.algorithm()), input.as_bytes())))
    }
}

/// A PSS signature with a salt of `salt_len` bytes.
pub(crate) fn pss<D>(key: &rsa::RsaPrivateKey, salt_len: usize, message: &[u8]) -> Vec<u8>
where
    D: sha2::Digest + rsa::signature::digest::DynDigest + Send + Sync + 'static,
{
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    key.sign_with_rng(&mut random, rsa::Pss::new_with_salt::<D>(salt_len), &D::digest(message)).unwrap()
}

/// HMAC-SHA256 (RFC 2104): the product has none, so the attack brings its own.
pub(crate) fn hmac(secret: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    if secret.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(secret));
    } else {
        block[..secret.len()].copy_from_slice(secret);
    }
    let pad = |byte: u8| block.map(|own| own ^ byte);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}
