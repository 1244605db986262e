//! The keys that may sign bundles.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Verifier as _;

use super::check::SignatureCheck;
use super::digest::Digest;
use super::format;
use crate::limits;

/// Names a public key: the SHA-256 digest of its bytes. It finds a key; it never stands in for a verification.
pub type KeyId = Digest;

/// How a bundle is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerAlgorithm {
    /// Ed25519 (RFC 8032)
    Ed25519,
    /// ECDSA on P-256 with SHA-256
    Es256,
}

impl SignerAlgorithm {
    /// Its name in keys: `ed25519` or `es256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Es256 => "es256",
        }
    }

    /// The algorithm byte of the container.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ed25519 => format::ALGORITHM_ED25519,
            Self::Es256 => format::ALGORITHM_ES256,
        }
    }

    /// The algorithm of that byte.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            format::ALGORITHM_ED25519 => Some(Self::Ed25519),
            format::ALGORITHM_ES256 => Some(Self::Es256),
            _ => None,
        }
    }
}

/// What comes before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410 §4).
const ED25519_SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A public key that may sign bundles.
///
/// Written `ed25519:<base64 of the 32 bytes>` or `es256:<base64 of the SubjectPublicKeyInfo DER>`.
///
/// # Example
///
/// ```
/// use palisade_gateway::bundle::TrustKey;
/// assert!(TrustKey::parse("ed25519:not base64").is_err());
/// ```
#[derive(Clone, Debug)]
pub struct TrustKey {
    id: KeyId,
    text: String,
    key: Key,
}

#[derive(Clone, Debug)]
enum Key {
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
    Es256(Box<p256::ecdsa::VerifyingKey>),
}

/// Why a text is not a trust key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustKeyError {
    /// Neither `ed25519:` nor `es256:` at the start.
    Algorithm,
    /// Not canonical standard base64.
    Base64,
    /// Not a usable public key: wrong length, another curve, not on the curve, or of small order.
    Key,
}

impl fmt::Display for TrustKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Algorithm => "a trust key begins with `ed25519:` or `es256:`",
            Self::Base64 => "a trust key is standard base64",
            Self::Key => "not a usable public key",
        })
    }
}

impl std::error::Error for TrustKeyError {}

impl TrustKey {
    /// Reads a key as configuration writes it.
    ///
    /// # Errors
    ///
    /// When the text is not exactly one key in its one spelling.
    pub fn parse(text: &str) -> Result<Self, TrustKeyError> {
        let (algorithm, encoded) = text.split_once(':').ok_or(TrustKeyError::Algorithm)?;
        let algorithm = match algorithm {
            "ed25519" => SignerAlgorithm::Ed25519,
            "es256" => SignerAlgorithm::Es256,
            _ => return Err(TrustKeyError::Algorithm),
        };
        // The standard engine insists on padding and on zero trailing bits.
        let bytes = STANDARD.decode(encoded).map_err(|_| TrustKeyError::Base64)?;
        Self::from_public_key(algorithm, &bytes)
    }

    /// A key from its bytes: 32 bytes for Ed25519, a SubjectPublicKeyInfo for ES256.
    ///
    /// # Errors
    ///
    /// When the bytes are not a usable public key.
    pub fn from_public_key(algorithm: SignerAlgorithm, bytes: &[u8]) -> Result<Self, TrustKeyError> {
        let (prefix, key) = match algorithm {
            SignerAlgorithm::Ed25519 => {
                let bytes = bytes.try_into().map_err(|_| TrustKeyError::Key)?;
                let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| TrustKeyError::Key)?;
                if key.is_weak() {
                    return Err(TrustKeyError::Key);
                }
                ("ed25519", Key::Ed25519(Box::new(key)))
            }
            SignerAlgorithm::Es256 => {
                let point = bytes.strip_prefix(&crate::token::der::P256_SPKI_PREFIX).ok_or(TrustKeyError::Key)?;
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| TrustKeyError::Key)?;
                ("es256", Key::Es256(Box::new(key)))
            }
        };
        Ok(Self { id: Digest::of(bytes), text: format!("{prefix}:{}", STANDARD.encode(bytes)), key })
    }

    /// The id by which signatures name this key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The algorithm of this key. One key has one.
    #[must_use]
    pub fn algorithm(&self) -> SignerAlgorithm {
        match &self.key {
            Key::Ed25519(_) => SignerAlgorithm::Ed25519,
            Key::Es256(_) => SignerAlgorithm::Es256,
        }
    }

    /// The key as SubjectPublicKeyInfo (RFC 5280 §4.1.2.7; RFC 8410 for Ed25519) in PEM (RFC 7468).
    #[must_use]
    pub fn to_pem(&self) -> String {
        // What the text holds is what was read.
        let encoded = self.text.split_once(':').map_or("", |(_, encoded)| encoded);
        let bytes = STANDARD.decode(encoded).unwrap_or_default();
        let spki = match &self.key {
            Key::Ed25519(_) => [&ED25519_SPKI_PREFIX[..], &bytes].concat(),
            Key::Es256(_) => bytes,
        };
        let text = STANDARD.encode(spki);
        let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line));
        let body: Vec<_> = lines.collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", body.join("\n"))
    }

    /// Whether `signature` over `message` was made with this key.
    ///
    /// An ES256 signature is `r || s`, 64 bytes, or DER (RFC 3279 §2.2.3), as OpenSSL, cosign and key management services
    /// write it. A container has room for the first form only.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Key::Es256(key) => {
                es256_signature(signature).is_some_and(|signature| key.verify(message, &signature).is_ok())
            }
        }
    }

    /// Begins to check a signature over a message that comes in pieces: what [`TrustKey::verify`] does with a whole one.
    pub(crate) fn begin(&self, signature: &[u8]) -> SignatureCheck {
        match &self.key {
            Key::Ed25519(key) => SignatureCheck::ed25519(key, signature),
            Key::Es256(key) => SignatureCheck::es256(key, es256_signature(signature)),
        }
    }

    /// The bytes of the public key: 32 for Ed25519, a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in DER form for ES256.
    #[must_use]
    pub fn public_bytes(&self) -> Vec<u8> {
        match &self.key {
            Key::Ed25519(key) => key.as_bytes().to_vec(),
            Key::Es256(key) => [&crate::token::der::P256_SPKI_PREFIX, key.to_encoded_point(false).as_bytes()].concat(),
        }
    }
}

/// Reads an ES256 signature in either form.
fn es256_signature(bytes: &[u8]) -> Option<p256::ecdsa::Signature> {
    match bytes.len() {
        format::SIGNATURE_BYTES => p256::ecdsa::Signature::from_slice(bytes).ok(),
        _ => p256::ecdsa::Signature::from_der(bytes).ok(),
    }
}

impl fmt::Display for TrustKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The keys that may sign, and how many of them must.
#[derive(Clone, Debug)]
pub struct TrustSet {
    keys: Vec<TrustKey>,
    threshold: usize,
}

/// Why keys and a threshold are not a trust set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustSetError {
    /// No key, or more than the limit.
    Count,
    /// A key is listed twice: it would count once, which the author may not expect.
    Duplicate,
    /// The threshold is zero or more than there are keys.
    Threshold,
}

impl fmt::Display for TrustSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count => "there must be between 1 and 16 trust keys",
            Self::Duplicate => "a trust key is listed twice",
            Self::Threshold => "the threshold must be between 1 and the number of keys",
        })
    }
}

impl std::error::Error for TrustSetError {}

impl TrustSet {
    /// `threshold` of `keys` must sign.
    ///
    /// # Errors
    ///
    /// When there are no or too many keys, a key is listed twice, or the threshold cannot be met or asks nothing.
    pub fn new(keys: Vec<TrustKey>, threshold: usize) -> Result<Self, TrustSetError> {
        if keys.is_empty() || keys.len() > limits::BUNDLE_SIGNATURES {
            return Err(TrustSetError::Count);
        }
        if threshold == 0 || threshold > keys.len() {
            return Err(TrustSetError::Threshold);
        }
        for (index, key) in keys.iter().enumerate() {
            if keys.iter().skip(index + 1).any(|other| other.id == key.id) {
                return Err(TrustSetError::Duplicate);
            }
        }
        Ok(Self { keys, threshold })
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[TrustKey] {
        &self.keys
    }

    /// Whether these are as many of the keys as must sign.
    pub(crate) fn is_met_by(&self, signers: &[KeyId]) -> bool {
        self.keys.iter().filter(|key| signers.contains(&key.id)).count() >= self.threshold
    }

    /// How many distinct keys must have signed.
    #[must_use]
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// The key of that id.
    #[must_use]
    pub fn key(&self, id: &KeyId) -> Option<&TrustKey> {
        self.keys.iter().find(|key| key.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::testing;

    #[test]
    fn a_key_reads_back_as_written() {
        for text in [testing::ed25519(1).trust(), testing::es256(1).trust()] {
            assert_eq!(TrustKey::parse(&text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_not_exactly_a_key() {
        let ed = testing::ed25519(1).trust();
        let es = testing::es256(1).trust();
        let zero = STANDARD.encode([0u8; 32]);
        let one = STANDARD.encode([1u8]);
        let mut off_curve = STANDARD.decode(&es["es256:".len()..]).unwrap();
        *off_curve.last_mut().unwrap() ^= 1;
        for text in [
            String::new(),
            "ed25519".to_owned(),
            "rsa:AAAA".to_owned(),
            format!(" {ed}"),
            format!("{ed} "),
            ed.replace("ed25519:", "ED25519:"),
            ed.replace("ed25519:", "es256:"),
            es.replace("es256:", "ed25519:"),
            ed.trim_end_matches('=').to_owned(),
            format!("ed25519:{zero}"),
            format!("ed25519:{one}"),
            format!("es256:{}", STANDARD.encode(off_curve)),
            "es256:".to_owned(),
        ] {
            assert!(TrustKey::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_trust_set_asks_for_something_it_can_get() {
        let key = |n| TrustKey::parse(&testing::ed25519(n).trust()).unwrap();
        assert!(TrustSet::new(vec![key(1), key(2)], 2).is_ok());
        for (keys, threshold, error) in [
            (vec![], 1, TrustSetError::Count),
            (vec![key(1)], 0, TrustSetError::Threshold),
            (vec![key(1)], 2, TrustSetError::Threshold),
            (vec![key(1), key(2), key(1)], 2, TrustSetError::Duplicate),
            ((0..17).map(key).collect(), 1, TrustSetError::Count),
        ] {
            assert_eq!(TrustSet::new(keys, threshold).unwrap_err(), error);
        }
    }
}
