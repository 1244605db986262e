//! Public halves: trust strings for bundles, JWKs (RFC 7517) for tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{Algorithm, KeyError, KeyPair, PrivateKey, library};

/// A public key that bundles may be signed with: Ed25519 (32 bytes) or P-256 (SubjectPublicKeyInfo, DER).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleKey {
    /// [`Algorithm::Ed25519`] or [`Algorithm::Es256`].
    pub algorithm: Algorithm,
    /// The key's bytes.
    pub bytes: Vec<u8>,
}

impl BundleKey {
    /// The form that `--trust` and the plugin's configuration take: `ed25519:BASE64` or `es256:BASE64`.
    #[must_use]
    pub fn trust_string(&self) -> String {
        format!("{}:{}", self.algorithm, STANDARD.encode(&self.bytes))
    }
}

impl PrivateKey {
    /// The public key as bundles name it.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotForBundles`] for RSA keys.
    pub fn bundle_key(&self) -> Result<BundleKey, KeyError> {
        let algorithm = self.algorithm();
        let bytes = match &self.0 {
            KeyPair::Ed25519(pair) => pair.public_key().to_bytes(),
            KeyPair::Es256(pair) => pair.public_key().to_der().map_err(library)?,
            KeyPair::Rs256(_) => return Err(KeyError::NotForBundles(algorithm)),
        };
        Ok(BundleKey { algorithm, bytes })
    }

    /// The public key as a JWK with `kid`, `alg` and `use`.
    ///
    /// # Errors
    ///
    /// When the library gives no JSON.
    pub fn public_jwk(&self, kid: &str) -> Result<Value, KeyError> {
        let text = match &self.0 {
            KeyPair::Ed25519(pair) => pair.public_key().to_jwk(),
            KeyPair::Es256(pair) => pair.public_key().to_jwk(),
            KeyPair::Rs256(pair) => pair.public_key().to_jwk(),
        };
        let mut jwk: Map<String, Value> = serde_json::from_str(&text).map_err(library)?;
        jwk.insert("kid".to_owned(), json!(kid));
        jwk.insert("alg".to_owned(), json!(self.algorithm().jose()));
        jwk.insert("use".to_owned(), json!("sig"));
        Ok(Value::Object(jwk))
    }
}

/// A JWK Set of public keys, sorted by `kid`.
#[must_use]
pub fn jwk_set(mut keys: Vec<Value>) -> Value {
    let kid = |key: &Value| {
        let kid = key.get("kid").and_then(Value::as_str);
        kid.unwrap_or_default().to_owned()
    };
    keys.sort_by_key(kid);
    json!({ "keys": keys })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_strings_name_the_algorithm() {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let key = key.bundle_key().unwrap();
        assert_eq!(key.bytes.len(), 32);
        assert!(key.trust_string().starts_with("ed25519:"));
        let key = PrivateKey::generate(Algorithm::Es256).unwrap();
        let key = key.bundle_key().unwrap();
        assert_eq!(key.bytes.len(), 91, "SubjectPublicKeyInfo of an uncompressed P-256 point");
        assert!(key.trust_string().starts_with("es256:"));
    }

    #[test]
    fn public_jwks_hold_no_private_members() {
        for algorithm in [Algorithm::Ed25519, Algorithm::Es256, Algorithm::Rs256] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let jwk = key.public_jwk("my-key").unwrap();
            assert_eq!(jwk["kid"], "my-key");
            assert_eq!(jwk["alg"], algorithm.jose());
            assert_eq!(jwk["use"], "sig");
            for member in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
                assert!(jwk.get(member).is_none(), "{algorithm} {member}");
            }
        }
    }

    #[test]
    fn key_sets_are_sorted() {
        let set = jwk_set(vec![json!({"kid": "b"}), json!({"kid": "a"})]);
        assert_eq!(set, json!({"keys": [{"kid": "a"}, {"kid": "b"}]}));
    }
}
