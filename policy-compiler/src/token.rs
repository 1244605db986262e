//! Mints development tokens with jwt-simple. Production tokens come from an identity provider, never from here.

pub mod status_list;
pub mod workload;

use std::fmt;

use jwt_simple::prelude::{
    ECDSAP256KeyPairLike, ECDSAP384KeyPairLike, ES256KeyPair, ES384KeyPair, Ed25519KeyPair, EdDSAKeyPairLike,
    HeaderOptions, JWTClaims, PS256KeyPair, PS384KeyPair, PS512KeyPair, RS256KeyPair, RS384KeyPair, RS512KeyPair,
    RSAKeyPairLike,
};
use palisade_gateway::token::Algorithm;
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
    sign(key, kid.as_deref(), claims, &options)
}

/// Signs with a copy of the key that writes `kid` into the token: the library keeps the two together.
fn sign(
    key: &PrivateKey,
    kid: Option<&str>,
    claims: JWTClaims<Map<String, Value>>,
    options: &HeaderOptions,
) -> Result<String, TokenError> {
    macro_rules! sign_with {
        ($copy:expr) => {{
            let copy = $copy.map_err(library)?;
            let copy = match kid {
                Some(kid) => copy.with_key_id(kid),
                None => copy,
            };
            copy.sign_with_options(claims, options).map_err(library)
        }};
    }
    match (&key.pair, key.token_algorithm()) {
        (KeyPair::Ed25519(pair), _) => sign_with!(Ed25519KeyPair::from_bytes(&pair.to_bytes())),
        (KeyPair::Es256(pair), _) => sign_with!(ES256KeyPair::from_bytes(&pair.to_bytes())),
        (KeyPair::Es384(pair), _) => sign_with!(ES384KeyPair::from_bytes(&pair.to_bytes())),
        (KeyPair::Rs256(pair), algorithm) => {
            let der = pair.to_der().map_err(library)?;
            match algorithm {
                Algorithm::Rs384 => sign_with!(RS384KeyPair::from_der(&der)),
                Algorithm::Rs512 => sign_with!(RS512KeyPair::from_der(&der)),
                Algorithm::Ps256 => sign_with!(PS256KeyPair::from_der(&der)),
                Algorithm::Ps384 => sign_with!(PS384KeyPair::from_der(&der)),
                Algorithm::Ps512 => sign_with!(PS512KeyPair::from_der(&der)),
                // A key is for algorithms of its kind only.
                _ => sign_with!(RS256KeyPair::from_der(&der)),
            }
        }
    }
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
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::Es512) {
            let key = PrivateKey::generate_for(algorithm).unwrap();
            let header = Header { kid: Some("k1".to_owned()), ..Header::default() };
            let token = mint(&key, &header, claims.clone()).unwrap();
            // The library knows Ed25519 by its older name only.
            let named = if algorithm == Algorithm::Ed25519 { "EdDSA" } else { algorithm.name() };
            let expected = json!({"alg": named, "kid": "k1", "typ": "JWT"});
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
