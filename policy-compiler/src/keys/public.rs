//! Public halves: trust strings for bundles, JWKs (RFC 7517) for tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_gateway::bundle::{SignerAlgorithm, TrustKey};
use serde_json::{Map, Value, json};

use super::{KeyError, KeyPair, PrivateKey, library};

impl PrivateKey {
    /// The public key as bundles and the plugin's configuration name it; it prints as `ed25519:BASE64` or `es256:BASE64`.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotForBundles`] for RSA and P-384 keys.
    pub fn trust_key(&self) -> Result<TrustKey, KeyError> {
        let (algorithm, bytes) = match &self.pair {
            KeyPair::Ed25519(pair) => (SignerAlgorithm::Ed25519, pair.public_key().to_bytes()),
            KeyPair::Es256(pair) => (SignerAlgorithm::Es256, pair.public_key().to_der().map_err(library)?),
            KeyPair::Es384(_) | KeyPair::Rs256(_) => return Err(KeyError::NotForBundles(self.algorithm())),
        };
        TrustKey::from_public_key(algorithm, &bytes).map_err(library)
    }

    /// The public key as a JWK with `kid`, `alg` and `use`.
    ///
    /// # Errors
    ///
    /// When the library gives no JSON.
    pub fn public_jwk(&self, kid: &str) -> Result<Value, KeyError> {
        let text = match &self.pair {
            KeyPair::Ed25519(pair) => pair.public_key().to_jwk(),
            KeyPair::Es256(pair) => pair.public_key().to_jwk(),
            KeyPair::Es384(pair) => pair.public_key().to_jwk(),
            KeyPair::Rs256(pair) => pair.public_key().to_jwk(),
        };
        let mut jwk: Map<String, Value> = serde_json::from_str(&text).map_err(library)?;
        jwk.insert("kid".to_owned(), json!(kid));
        jwk.insert("alg".to_owned(), json!(self.token_algorithm().name()));
        jwk.insert("use".to_owned(), json!("sig"));
        Ok(Value::Object(jwk))
    }
}

/// A JWK on P-521, of which this command keeps no private keys, from a random scalar that is forgotten.
pub(crate) fn p521_placeholder() -> Option<Value> {
    let mut scalar = [0; 66];
    getrandom::fill(&mut scalar).ok()?;
    // A scalar has 521 bits.
    *scalar.first_mut()? &= 1;
    let key = p521::ecdsa::SigningKey::from_slice(&scalar).ok()?;
    let point = p521::ecdsa::VerifyingKey::from(&key).to_encoded_point(false);
    let [x, y] = [point.x()?, point.y()?].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
    Some(json!({"kty": "EC", "crv": "P-521", "x": x, "y": y, "kid": "placeholder", "use": "sig"}))
}

/// Members of a JWK that only private and symmetric keys have (RFC 7518 §6.2.2, §6.3.2, §6.4, RFC 9964).
pub(crate) const SECRET_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// Whether a JWK holds a private or symmetric key.
#[must_use]
pub fn has_secret(jwk: &Value) -> bool {
    SECRET_MEMBERS.iter().any(|member| jwk.get(member).is_some())
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
    use crate::keys::Algorithm;

    #[test]
    fn trust_keys_verify_what_the_key_signs() {
        for algorithm in [Algorithm::Ed25519, Algorithm::Es256] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let public = key.trust_key().unwrap();
            assert!(public.to_string().starts_with(&format!("{algorithm}:")));
            let signature = key.sign_bundle(b"message").unwrap();
            assert!(public.verify(b"message", &signature));
            assert!(!public.verify(b"massage", &signature));
        }
    }

    #[test]
    fn public_jwks_hold_no_private_members() {
        for algorithm in [Algorithm::Ed25519, Algorithm::Es256, Algorithm::Es384, Algorithm::Rs256] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let jwk = key.public_jwk("my-key").unwrap();
            assert_eq!(jwk["kid"], "my-key");
            assert_eq!(jwk["alg"], algorithm.jose());
            assert_eq!(jwk["use"], "sig");
            assert!(!has_secret(&jwk), "{algorithm}");
        }
    }

    #[test]
    fn placeholders_are_fresh_public_keys() {
        let (first, second) = (p521_placeholder().unwrap(), p521_placeholder().unwrap());
        assert_ne!(first["x"], second["x"]);
        assert_eq!(first["x"].as_str().unwrap().len(), 88);
        assert!(!has_secret(&first));
    }

    #[test]
    fn key_sets_are_sorted() {
        let set = jwk_set(vec![json!({"kid": "b"}), json!({"kid": "a"})]);
        assert_eq!(set, json!({"keys": [{"kid": "a"}, {"kid": "b"}]}));
    }
}
