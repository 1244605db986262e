//! The keys of one issuer, and how a token finds its own.

use super::algorithm::Algorithm;
use super::error::TokenError;
use super::jwk::{self, JwkError, KeyPurpose};
use super::key::Key;
use crate::json::Json;
use crate::limits;

/// The usable keys of a JWK Set.
#[derive(Debug)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

/// A key of a JWK Set that is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectedKey {
    /// Its position in `keys`, from 0.
    pub index: usize,
    /// Why.
    pub error: JwkError,
}

/// Why a JSON value is not a JWK Set at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwksError {
    /// Not an object with an array `keys`.
    Malformed,
    /// More keys than the limit.
    Limit,
}

impl KeySet {
    /// Reads a JWK Set (RFC 7517 §5): the keys that can be used, and for each other one why not. Whether a rejected
    /// key spoils the set is the caller's decision.
    pub(crate) fn read(jwks: &Json, purpose: KeyPurpose) -> Result<(Self, Vec<RejectedKey>), JwksError> {
        let entries = jwks.get("keys").and_then(Json::as_array).ok_or(JwksError::Malformed)?;
        if entries.len() > limits::JWKS_KEYS {
            return Err(JwksError::Limit);
        }
        let mut keys = Vec::new();
        let mut rejected = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            // A `kid` that two keys share names neither, even if one of them would not have been used.
            let kid = entry.get("kid").and_then(Json::as_str);
            let same = entries.iter().filter(|other| kid.is_some() && other.get("kid").and_then(Json::as_str) == kid);
            let key = if same.count() > 1 { Err(JwkError::DuplicateKeyId) } else { jwk::read(entry, purpose) };
            match key {
                Ok(key) => keys.push(key),
                Err(error) => rejected.push(RejectedKey { index, error }),
            }
        }
        Ok((Self { keys }, rejected))
    }

    /// The usable keys, in the order of the set.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// How many keys can verify one of these algorithms.
    pub(crate) fn count(&self, algorithms: &[Algorithm]) -> usize {
        self.keys.iter().filter(|key| algorithms.iter().any(|algorithm| key.allows(*algorithm))).count()
    }

    /// The key for a token: the one its `kid` names, or the only one that fits where it names none.
    pub(crate) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&Key, TokenError> {
        match kid {
            Some(kid) => {
                let key = self.keys.iter().find(|key| key.kid.as_deref() == Some(kid));
                let key = key.ok_or(TokenError::KeyUnknown)?;
                if key.allows(algorithm) { Ok(key) } else { Err(TokenError::KeyMismatch) }
            }
            None => {
                let mut fitting = self.keys.iter().filter(|key| key.allows(algorithm));
                match (fitting.next(), fitting.next()) {
                    (Some(key), None) => Ok(key),
                    (None, _) => Err(TokenError::KeyUnknown),
                    (Some(_), Some(_)) => Err(TokenError::KeyAmbiguous),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonLimits;
    use crate::token::testing;

    fn read(keys: &[String]) -> Result<(KeySet, Vec<RejectedKey>), JwksError> {
        let text = format!("{{\"keys\":[{}]}}", keys.join(","));
        KeySet::read(&Json::parse(text.as_bytes(), &JsonLimits::JWKS).unwrap(), KeyPurpose::Signature)
    }

    #[test]
    fn a_token_finds_its_key_by_id() {
        let (set, rejected) = read(&[testing::p256(1).jwk("a"), testing::ed25519(1).jwk("b")]).unwrap();
        assert_eq!(rejected, []);
        assert!(set.find(Some("a"), Algorithm::Es256).is_ok());
        assert!(set.find(Some("b"), Algorithm::EdDsa).is_ok());
        for (kid, algorithm, error) in [
            ("a", Algorithm::EdDsa, TokenError::KeyMismatch),
            ("b", Algorithm::Es256, TokenError::KeyMismatch),
            ("a", Algorithm::Rs256, TokenError::KeyMismatch),
            ("A", Algorithm::Es256, TokenError::KeyUnknown),
            ("", Algorithm::Es256, TokenError::KeyUnknown),
            ("../a", Algorithm::Es256, TokenError::KeyUnknown),
        ] {
            assert_eq!(set.find(Some(kid), algorithm).unwrap_err(), error, "{kid}");
        }
    }

    #[test]
    fn without_an_id_exactly_one_key_must_fit() {
        let (set, _) = read(&[testing::p256(1).jwk("a"), testing::ed25519(1).jwk("b")]).unwrap();
        assert!(set.find(None, Algorithm::Es256).is_ok());
        assert_eq!(set.find(None, Algorithm::Rs256).unwrap_err(), TokenError::KeyUnknown);
        let (set, _) = read(&[testing::p256(1).jwk("a"), testing::p256(2).jwk("b")]).unwrap();
        assert_eq!(set.find(None, Algorithm::Es256).unwrap_err(), TokenError::KeyAmbiguous);
    }

    #[test]
    fn a_shared_id_names_neither_key() {
        let keys = [testing::p256(1).jwk("a"), testing::p256(2).jwk("b"), testing::ed25519(1).jwk("a")];
        let (set, rejected) = read(&keys).unwrap();
        let duplicate = |index| RejectedKey { index, error: JwkError::DuplicateKeyId };
        assert_eq!(rejected, [duplicate(0), duplicate(2)]);
        assert_eq!(set.find(Some("a"), Algorithm::Es256).unwrap_err(), TokenError::KeyUnknown);
    }

    #[test]
    fn what_is_not_a_set_is_refused() {
        for text in ["[]", "{}", "null", r#"{"keys":{}}"#, r#"{"Keys":[]}"#] {
            let json = Json::parse(text.as_bytes(), &JsonLimits::JWKS).unwrap();
            assert_eq!(KeySet::read(&json, KeyPurpose::Signature).unwrap_err(), JwksError::Malformed, "{text}");
        }
        let many: Vec<_> = (0..=limits::JWKS_KEYS).map(|_| "{}".to_owned()).collect();
        assert_eq!(read(&many).unwrap_err(), JwksError::Limit);
    }
}
