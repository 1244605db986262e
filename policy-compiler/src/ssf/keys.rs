//! The keys of a transmitter: RSA, at least 2048 bits, for RS256 (the interoperability profile of SSF).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_gateway::{Json, JsonLimits};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

/// Keys by their id.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Clone, Debug)]
struct Key {
    kid: String,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// Why a document is no key set to verify events with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetError {
    /// It is no JWK Set.
    Malformed,
    /// Two keys have one id.
    Ambiguous,
    /// It has no RSA key with an id that may verify RS256.
    NoKey,
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is no JWK Set",
            Self::Ambiguous => "two of its keys have one id",
            Self::NoKey => "it has no RSA key with an id that may verify RS256",
        })
    }
}

impl std::error::Error for KeySetError {}

impl KeySet {
    /// Reads a JWK Set (RFC 7517). Keys for something else are left out.
    ///
    /// # Errors
    ///
    /// When no key is left, or it is not clear which is meant by an id.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        let document = Json::parse(bytes, &JsonLimits::JWKS).map_err(|_| KeySetError::Malformed)?;
        let keys = document.get("keys").and_then(Json::as_array).ok_or(KeySetError::Malformed)?;
        let keys: Vec<Key> = keys.iter().filter_map(Key::read).collect();
        let is_repeated = |(index, key): (usize, &Key)| keys.iter().skip(index + 1).any(|other| other.kid == key.kid);
        if keys.iter().enumerate().any(is_repeated) {
            return Err(KeySetError::Ambiguous);
        }
        if keys.is_empty() { Err(KeySetError::NoKey) } else { Ok(Self { keys }) }
    }

    /// Whether the key of this id made an RS256 signature; `None` where there is no such key.
    pub(super) fn verify(&self, kid: &str, message: &[u8], signature: &[u8]) -> Option<bool> {
        let Key { kid: _, modulus, exponent } = self.keys.iter().find(|key| key.kid == kid)?;
        let public = RsaPublicKeyComponents { n: modulus, e: exponent };
        // ring refuses moduli of fewer than 2048 bits, and signatures that are not as long as the modulus.
        Some(public.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok())
    }
}

impl Key {
    fn read(jwk: &Json) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Json::as_str);
        let is_or_absent = |name: &str, wanted: &str| jwk.get(name).is_none() || text(name) == Some(wanted);
        let is_private = ["d", "p", "q", "dp", "dq", "qi"].iter().any(|name| jwk.get(name).is_some());
        if text("kty") != Some("RSA") || !is_or_absent("alg", "RS256") || !is_or_absent("use", "sig") || is_private {
            return None;
        }
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        Some(Self { kid: text("kid")?.to_owned(), modulus: bytes("n")?, exponent: bytes("e")? })
    }
}
