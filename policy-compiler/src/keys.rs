//! Private keys: the ones that sign bundles and the development ones that sign tokens.

mod pem;
mod public;

pub(crate) use public::{SECRET_MEMBERS, p521_placeholder};
pub use public::{has_secret, jwk_set};

use std::fmt;

use jwt_simple::prelude::{ES256KeyPair, ES384KeyPair, Ed25519KeyPair, EdDSAKeyPairLike, RS256KeyPair};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use palisade_gateway::token::Algorithm as TokenAlgorithm;

/// A key algorithm, with the names that JOSE (RFC 7518, RFC 8037) and the command use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519; JOSE `EdDSA`.
    Ed25519,
    /// ECDSA on P-256 with SHA-256; JOSE `ES256`.
    Es256,
    /// ECDSA on P-384 with SHA-384; JOSE `ES384`. Tokens only: bundles are not signed with it.
    Es384,
    /// RSA; JOSE `RS256` unless another of its algorithms is chosen. Tokens only.
    Rs256,
}

impl Algorithm {
    /// The name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Es256 => "es256",
            Self::Es384 => "es384",
            Self::Rs256 => "rs256",
        }
    }

    /// The JOSE `alg` value.
    #[must_use]
    pub fn jose(self) -> &'static str {
        match self {
            Self::Ed25519 => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
        }
    }

    /// The kind of key that makes tokens of a JOSE algorithm. `None` for P-521, of which this command makes no keys.
    #[must_use]
    pub fn of_token(algorithm: TokenAlgorithm) -> Option<Self> {
        match algorithm {
            TokenAlgorithm::EdDsa | TokenAlgorithm::Ed25519 => Some(Self::Ed25519),
            TokenAlgorithm::Es256 => Some(Self::Es256),
            TokenAlgorithm::Es384 => Some(Self::Es384),
            TokenAlgorithm::Es512 => None,
            TokenAlgorithm::Rs256
            | TokenAlgorithm::Rs384
            | TokenAlgorithm::Rs512
            | TokenAlgorithm::Ps256
            | TokenAlgorithm::Ps384
            | TokenAlgorithm::Ps512 => Some(Self::Rs256),
        }
    }

    /// The JOSE algorithm that its keys are for unless another is chosen.
    fn token(self) -> TokenAlgorithm {
        match self {
            Self::Ed25519 => TokenAlgorithm::EdDsa,
            Self::Es256 => TokenAlgorithm::Es256,
            Self::Es384 => TokenAlgorithm::Es384,
            Self::Rs256 => TokenAlgorithm::Rs256,
        }
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
    /// Tokens of this JOSE algorithm are not made with this kind of key.
    NotForTokens(TokenAlgorithm),
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
            Self::NotForTokens(_) => "key.not_for_tokens",
            Self::Library(_) => "key.library",
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => {
                f.write_str("not a PKCS#8 private key in PEM form of Ed25519, P-256, P-384 or RSA (2048 to 4096 bits)")
            }
            Self::WrongLabel(label) => {
                write!(f, "`{label}` found where `PRIVATE KEY` (PKCS#8) is needed")
            }
            Self::NotForBundles(algorithm) => {
                write!(f, "{algorithm} keys do not sign bundles; use ed25519 or es256")
            }
            Self::NotForTokens(algorithm) => write!(f, "no {} tokens can be made with this key", algorithm.name()),
            Self::Library(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for KeyError {}

/// A private key. It never prints itself.
pub struct PrivateKey {
    pub(crate) pair: KeyPair,
    token: TokenAlgorithm,
}

pub(crate) enum KeyPair {
    Ed25519(Ed25519KeyPair),
    Es256(ES256KeyPair),
    Es384(Box<ES384KeyPair>),
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
        let pair = match algorithm {
            Algorithm::Ed25519 => KeyPair::Ed25519(Ed25519KeyPair::generate()),
            Algorithm::Es256 => KeyPair::Es256(ES256KeyPair::generate()),
            Algorithm::Es384 => KeyPair::Es384(Box::new(ES384KeyPair::generate())),
            Algorithm::Rs256 => KeyPair::Rs256(Box::new(RS256KeyPair::generate(RSA_BITS).map_err(library)?)),
        };
        Ok(Self { pair, token: algorithm.token() })
    }

    /// Makes a new key for tokens of a JOSE algorithm.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotForTokens`] for P-521, and when RSA key generation fails.
    pub fn generate_for(token: TokenAlgorithm) -> Result<Self, KeyError> {
        let algorithm = Algorithm::of_token(token).ok_or(KeyError::NotForTokens(token))?;
        Self::generate(algorithm)?.for_tokens(token)
    }

    /// The key for tokens of another JOSE algorithm than its usual one.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotForTokens`] where the algorithm is for another kind of key.
    pub fn for_tokens(self, token: TokenAlgorithm) -> Result<Self, KeyError> {
        if Algorithm::of_token(token) == Some(self.algorithm()) {
            Ok(Self { token, ..self })
        } else {
            Err(KeyError::NotForTokens(token))
        }
    }

    /// The JOSE algorithm of the tokens that it signs.
    #[must_use]
    pub fn token_algorithm(&self) -> TokenAlgorithm {
        self.token
    }

    /// Reads a PKCS#8 private key (RFC 5958) in PEM form (RFC 7468).
    ///
    /// # Errors
    ///
    /// When the text is something else, or the algorithm is not supported.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        pem::check_label(text)?;
        let of = |pair: KeyPair, algorithm: Algorithm| Ok(Self { pair, token: algorithm.token() });
        if let Ok(pair) = Ed25519KeyPair::from_pem(text) {
            return of(KeyPair::Ed25519(pair), Algorithm::Ed25519);
        }
        if let Ok(pair) = ES256KeyPair::from_pem(text) {
            return of(KeyPair::Es256(pair), Algorithm::Es256);
        }
        if let Ok(pair) = ES384KeyPair::from_pem(text) {
            return of(KeyPair::Es384(Box::new(pair)), Algorithm::Es384);
        }
        match RS256KeyPair::from_pem(text) {
            Ok(pair) => of(KeyPair::Rs256(Box::new(pair)), Algorithm::Rs256),
            Err(_) => Err(KeyError::Unreadable),
        }
    }

    /// Writes the key as PKCS#8 in PEM form.
    ///
    /// # Errors
    ///
    /// When the library cannot encode it.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let text = match &self.pair {
            // The library would add the public key as a second block.
            KeyPair::Ed25519(pair) => pair.key_pair().as_ref().sk.to_pem(),
            KeyPair::Es256(pair) => pair.to_pem().map_err(library)?,
            KeyPair::Es384(pair) => pair.to_pem().map_err(library)?,
            KeyPair::Rs256(pair) => pair.to_pem().map_err(library)?,
        };
        Ok(format!("{}\n", text.trim_end()))
    }

    /// The key's algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &self.pair {
            KeyPair::Ed25519(_) => Algorithm::Ed25519,
            KeyPair::Es256(_) => Algorithm::Es256,
            KeyPair::Es384(_) => Algorithm::Es384,
            KeyPair::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// Signs bytes as bundles need it: Ed25519 (RFC 8032), or ECDSA with SHA-256 as `r || s`, 64 bytes each.
    ///
    /// Both are deterministic (ES256 by RFC 6979), so that signing twice gives the same bundle.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotForBundles`] for RSA and P-384 keys.
    pub fn sign_bundle(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        match &self.pair {
            KeyPair::Ed25519(pair) => Ok(*pair.key_pair().as_ref().sk.sign(message, None)),
            KeyPair::Es256(pair) => {
                let key = SigningKey::from_slice(&pair.to_bytes()).map_err(library)?;
                let signature: Signature = key.sign(message);
                Ok(signature.to_bytes().into())
            }
            KeyPair::Es384(_) | KeyPair::Rs256(_) => Err(KeyError::NotForBundles(self.algorithm())),
        }
    }

    /// Signs bytes as documents have it: as [`PrivateKey::sign_bundle`], but ES256 in DER form (RFC 3279 §2.2.3), which other
    /// tools for DSSE expect.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotForBundles`] for RSA and P-384 keys.
    pub fn sign_document(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let raw = self.sign_bundle(message)?;
        match &self.pair {
            KeyPair::Es256(_) => Ok(Signature::from_slice(&raw).map_err(library)?.to_der().as_bytes().to_vec()),
            KeyPair::Ed25519(_) | KeyPair::Es384(_) | KeyPair::Rs256(_) => Ok(raw.to_vec()),
        }
    }
}

pub(crate) fn library(error: impl fmt::Display) -> KeyError {
    KeyError::Library(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Algorithm; 4] = [Algorithm::Ed25519, Algorithm::Es256, Algorithm::Es384, Algorithm::Rs256];

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
    fn others_do_not_sign_bundles() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es384] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let refused = KeyError::NotForBundles(algorithm);
            assert_eq!(key.sign_bundle(b"message"), Err(refused.clone()));
            assert_eq!(key.trust_key().unwrap_err(), refused);
        }
    }

    #[test]
    fn a_key_is_for_algorithms_of_its_kind() {
        for token in TokenAlgorithm::ALL {
            match PrivateKey::generate_for(token) {
                Ok(key) => {
                    assert_eq!((key.token_algorithm(), Algorithm::of_token(token)), (token, Some(key.algorithm())))
                }
                Err(error) => assert_eq!((error, token), (KeyError::NotForTokens(token), TokenAlgorithm::Es512)),
            }
        }
        let key = PrivateKey::generate(Algorithm::Es256).unwrap();
        let error = key.for_tokens(TokenAlgorithm::Rs256).unwrap_err();
        assert_eq!((error.code(), error), ("key.not_for_tokens", KeyError::NotForTokens(TokenAlgorithm::Rs256)));
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
