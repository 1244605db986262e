//! Private keys: the ones that sign bundles and the development ones that sign tokens.

mod pem;
mod public;

pub(crate) use public::{SECRET_MEMBERS, curve_placeholder};
pub use public::{has_secret, jwk_set};

use std::fmt;

use jwt_simple::prelude::{ES256KeyPair, Ed25519KeyPair, EdDSAKeyPairLike, RS256KeyPair};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};

/// A key algorithm, with the names that JOSE (RFC 7518, RFC 8037) and the command use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519; JOSE `EdDSA`.
    Ed25519,
    /// ECDSA on P-256 with SHA-256; JOSE `ES256`.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256; JOSE `RS256`. Tokens only: bundles are not signed with it.
    Rs256,
}

impl Algorithm {
    /// The name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Es256 => "es256",
            Self::Rs256 => "rs256",
        }
    }

    /// The JOSE `alg` value.
    #[must_use]
    pub fn jose(self) -> &'static str {
        match self {
            Self::Ed25519 => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm with a JOSE name.
    #[must_use]
    pub fn from_jose(name: &str) -> Option<Self> {
        [Self::Ed25519, Self::Es256, Self::Rs256].into_iter().find(|algorithm| algorithm.jose() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Size of generated RSA keys in bits.
const RSA_BITS: usize = 2048;

/// Why a key cannot be read or used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Not the PEM of a PKCS#8 private key of a supported algorithm.
    Unreadable,
    /// A PEM block of another kind, for instance an encrypted or a public key.
    WrongLabel(String),
    /// The algorithm does not sign bundles.
    NotForBundles(Algorithm),
    /// The library failed: no randomness, or an internal error.
    Library(String),
}

impl KeyError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable => "key.unreadable",
            Self::WrongLabel(_) => "key.wrong_kind",
            Self::NotForBundles(_) => "key.not_for_bundles",
            Self::Library(_) => "key.library",
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => {
                f.write_str("not a PKCS#8 private key in PEM form of Ed25519, P-256 or RSA (2048 to 4096 bits)")
            }
            Self::WrongLabel(label) => {
                write!(f, "`{label}` found where `PRIVATE KEY` (PKCS#8) is needed")
            }
            Self::NotForBundles(algorithm) => {
                write!(f, "{algorithm} keys do not sign bundles; use ed25519 or es256")
            }
            Self::Library(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for KeyError {}

/// A private key. It never prints itself.
pub struct PrivateKey(pub(crate) KeyPair);

pub(crate) enum KeyPair {
    Ed25519(Ed25519KeyPair),
    Es256(ES256KeyPair),
    Rs256(Box<RS256KeyPair>),
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.algorithm())
    }
}

impl PrivateKey {
    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// When RSA key generation fails.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        Ok(Self(match algorithm {
            Algorithm::Ed25519 => KeyPair::Ed25519(Ed25519KeyPair::generate()),
            Algorithm::Es256 => KeyPair::Es256(ES256KeyPair::generate()),
            Algorithm::Rs256 => KeyPair::Rs256(Box::new(RS256KeyPair::generate(RSA_BITS).map_err(library)?)),
        }))
    }

    /// Reads a PKCS#8 private key (RFC 5958) in PEM form (RFC 7468).
    ///
    /// # Errors
    ///
    /// When the text is something else, or the algorithm is not supported.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        pem::check_label(text)?;
        if let Ok(pair) = Ed25519KeyPair::from_pem(text) {
            return Ok(Self(KeyPair::Ed25519(pair)));
        }
        if let Ok(pair) = ES256KeyPair::from_pem(text) {
            return Ok(Self(KeyPair::Es256(pair)));
        }
        match RS256KeyPair::from_pem(text) {
            Ok(pair) => Ok(Self(KeyPair::Rs256(Box::new(pair)))),
            Err(_) => Err(KeyError::Unreadable),
        }
    }

    /// Writes the key as PKCS#8 in PEM form.
    ///
    /// # Errors
    ///
    /// When the library cannot encode it.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let text = match &self.0 {
            // The library would add the public key as a second block.
            KeyPair::Ed25519(pair) => pair.key_pair().as_ref().sk.to_pem(),
            KeyPair::Es256(pair) => pair.to_pem().map_err(library)?,
            KeyPair::Rs256(pair) => pair.to_pem().map_err(library)?,
        };
        Ok(format!("{}\n", text.trim_end()))
    }

    /// The key's algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            KeyPair::Ed25519(_) => Algorithm::Ed25519,
            KeyPair::Es256(_) => Algorithm::Es256,
            KeyPair::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// Signs bytes as bundles need it: Ed25519 (RFC 8032), or ECDSA with SHA-256 as `r || s`, 64 bytes each.
    ///
    /// Both are deterministic (ES256 by RFC 6979), so that signing twice gives the same bundle.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotForBundles`] for RSA keys.
    pub fn sign_bundle(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        match &self.0 {
            KeyPair::Ed25519(pair) => Ok(*pair.key_pair().as_ref().sk.sign(message, None)),
            KeyPair::Es256(pair) => {
                let key = SigningKey::from_slice(&pair.to_bytes()).map_err(library)?;
                let signature: Signature = key.sign(message);
                Ok(signature.to_bytes().into())
            }
            KeyPair::Rs256(_) => Err(KeyError::NotForBundles(Algorithm::Rs256)),
        }
    }
}

pub(crate) fn library(error: impl fmt::Display) -> KeyError {
    KeyError::Library(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Algorithm; 3] = [Algorithm::Ed25519, Algorithm::Es256, Algorithm::Rs256];

    #[test]
    fn keys_survive_pem() {
        for algorithm in ALL {
            let key = PrivateKey::generate(algorithm).unwrap();
            let pem = key.to_pem().unwrap();
            assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{pem}");
            assert!(pem.ends_with("-----END PRIVATE KEY-----\n"));
            let read = PrivateKey::from_pem(&pem).unwrap();
            assert_eq!(read.algorithm(), algorithm);
            assert_eq!(read.public_jwk("k").unwrap(), key.public_jwk("k").unwrap());
        }
    }

    #[test]
    fn bundle_signatures_are_deterministic() {
        for algorithm in [Algorithm::Ed25519, Algorithm::Es256] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let other = PrivateKey::generate(algorithm).unwrap();
            let first = key.sign_bundle(b"message").unwrap();
            assert_eq!(first, key.sign_bundle(b"message").unwrap());
            assert_ne!(first, key.sign_bundle(b"massage").unwrap());
            assert_ne!(first, other.sign_bundle(b"message").unwrap());
        }
    }

    #[test]
    fn rsa_does_not_sign_bundles() {
        let key = PrivateKey::generate(Algorithm::Rs256).unwrap();
        let refused = KeyError::NotForBundles(Algorithm::Rs256);
        assert_eq!(key.sign_bundle(b"message"), Err(refused.clone()));
        assert_eq!(key.trust_key().unwrap_err(), refused);
    }

    #[test]
    fn what_is_no_private_key_is_refused() {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let pem = key.to_pem().unwrap();
        let cases = [
            (String::new(), "key.unreadable"),
            ("hello".to_owned(), "key.unreadable"),
            (pem.replace("PRIVATE", "PUBLIC"), "key.wrong_kind"),
            (pem.replace("PRIVATE", "ENCRYPTED PRIVATE"), "key.wrong_kind"),
            (pem.replace("PRIVATE", "RSA PRIVATE"), "key.wrong_kind"),
            (pem.replace("M", "N"), "key.unreadable"),
            (pem[..pem.len() / 2].to_owned(), "key.unreadable"),
        ];
        for (text, code) in cases {
            assert_eq!(PrivateKey::from_pem(&text).unwrap_err().code(), code, "{text}");
        }
    }

    #[test]
    fn debug_output_has_no_secret() {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        assert_eq!(format!("{key:?}"), "PrivateKey(ed25519)");
    }
}
