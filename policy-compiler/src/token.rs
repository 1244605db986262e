//! Mints development tokens with jwt-simple. Production tokens come from an identity provider, never from here.

use std::fmt;

use jwt_simple::prelude::{
    ECDSAP256KeyPairLike, ES256KeyPair, Ed25519KeyPair, EdDSAKeyPairLike, HeaderOptions, JWTClaims, RS256KeyPair,
    RSAKeyPairLike,
};
use serde_json::{Map, Value};

use crate::keys::{KeyPair, PrivateKey};

/// The JOSE header (RFC 7515 §4) of a token. `alg` always follows from the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Key id.
    pub kid: Option<String>,
    /// `typ`; `JWT` when absent.
    pub typ: Option<String>,
    /// `cty`.
    pub cty: Option<String>,
}

/// Why a token is not minted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// A header field that this command does not set, or of the wrong type.
    Header(String),
    /// The library failed to sign.
    Library(String),
}

impl TokenError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Header(_) => "token.header",
            Self::Library(_) => "token.library",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(field) => {
                write!(f, "header field `{field}` cannot be set: only `kid`, `typ` and `cty`, as text or null")
            }
            Self::Library(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for TokenError {}

impl Header {
    /// Applies overrides: text sets a field, null removes it.
    ///
    /// # Errors
    ///
    /// For other fields and types. In particular `alg` cannot be forged here.
    pub fn apply(&mut self, overrides: &Map<String, Value>) -> Result<(), TokenError> {
        for (name, value) in overrides {
            let value = match value {
                Value::String(text) => Some(text.clone()),
                Value::Null => None,
                _ => return Err(TokenError::Header(name.clone())),
            };
            match name.as_str() {
                "kid" => self.kid = value,
                "typ" => self.typ = value,
                "cty" => self.cty = value,
                _ => return Err(TokenError::Header(name.clone())),
            }
        }
        Ok(())
    }
}

/// Signs a token with exactly these claims; nothing is added.
///
/// # Errors
///
/// When the library cannot sign.
pub fn mint(key: &PrivateKey, header: &Header, claims: Map<String, Value>) -> Result<String, TokenError> {
    let Header { kid, typ, cty } = header;
    let options = HeaderOptions { content_type: cty.clone(), signature_type: typ.clone() };
    // Registered claims travel with the custom ones: their types must not be forced, a test may need wrong ones.
    let claims = JWTClaims {
        issued_at: None,
        expires_at: None,
        invalid_before: None,
        issuer: None,
        subject: None,
        audiences: None,
        jwt_id: None,
        nonce: None,
        custom: claims,
    };
    let signed = match named(key, kid.as_deref())? {
        KeyPair::Ed25519(pair) => pair.sign_with_options(claims, &options),
        KeyPair::Es256(pair) => pair.sign_with_options(claims, &options),
        KeyPair::Rs256(pair) => pair.sign_with_options(claims, &options),
    };
    signed.map_err(library)
}

/// A copy of the key that writes `kid` into the tokens it signs: the library keeps the two together.
fn named(key: &PrivateKey, kid: Option<&str>) -> Result<KeyPair, TokenError> {
    Ok(match &key.0 {
        KeyPair::Ed25519(pair) => {
            let copy = Ed25519KeyPair::from_bytes(&pair.to_bytes()).map_err(library)?;
            KeyPair::Ed25519(match kid {
                Some(kid) => copy.with_key_id(kid),
                None => copy,
            })
        }
        KeyPair::Es256(pair) => {
            let copy = ES256KeyPair::from_bytes(&pair.to_bytes()).map_err(library)?;
            KeyPair::Es256(match kid {
                Some(kid) => copy.with_key_id(kid),
                None => copy,
            })
        }
        KeyPair::Rs256(pair) => {
            let der = pair.to_der().map_err(library)?;
            let copy = RS256KeyPair::from_der(&der).map_err(library)?;
            KeyPair::Rs256(Box::new(match kid {
                Some(kid) => copy.with_key_id(kid),
                None => copy,
            }))
        }
    })
}

fn library(error: impl fmt::Display) -> TokenError {
    TokenError::Library(error.to_string())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;
    use crate::keys::Algorithm;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn part(token: &str, index: usize) -> Value {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn claims_are_exactly_the_given_ones() {
        let claims = object(json!({"sub": 5, "aud": ["a", "a"], "exp": -3, "task": {"deep": [1.5]}}));
        for algorithm in [Algorithm::Ed25519, Algorithm::Es256, Algorithm::Rs256] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let header = Header { kid: Some("k1".to_owned()), ..Header::default() };
            let token = mint(&key, &header, claims.clone()).unwrap();
            let expected = json!({"alg": algorithm.jose(), "kid": "k1", "typ": "JWT"});
            assert_eq!(part(&token, 0), expected);
            assert_eq!(part(&token, 1), Value::Object(claims.clone()));
        }
    }

    #[test]
    fn header_overrides_are_few() {
        let mut header = Header::default();
        header.apply(&object(json!({"kid": "a", "typ": "at+jwt"}))).unwrap();
        header.apply(&object(json!({"kid": null}))).unwrap();
        assert_eq!(header.kid, None);
        assert_eq!(header.typ.as_deref(), Some("at+jwt"));
        for refused in [json!({"alg": "none"}), json!({"crit": []}), json!({"kid": 5}), json!({"jwk": {}})] {
            let error = header.apply(&object(refused)).unwrap_err();
            assert_eq!(error.code(), "token.header");
        }
    }
}
