//! The issuer's keys, and the verification of tokens with them.

use std::collections::{HashMap, HashSet};

use jwt_simple::prelude::{
    Base64UrlSafeNoPadding, Deserialize, ES256PublicKey, ECDSAP256PublicKeyLike as _, RS256PublicKey,
    RSAPublicKeyLike as _, Serialize, Token, VerificationOptions,
};
use jwt_simple::reexports::ct_codecs::Decoder as _;
use serde_json::Value;

use crate::Fault;
use crate::tokens::Claims;

enum Key {
    Es256(ES256PublicKey),
    Rs256(RS256PublicKey),
}

/// The claims that are not registered ones.
#[derive(Deserialize, Serialize)]
struct Own {
    teams: Vec<String>,
    suspended: bool,
}

pub(crate) struct Keys {
    by_id: HashMap<String, Key>,
    options: VerificationOptions,
}

impl Keys {
    /// Reads a key set. Keys that are neither for ES256 nor for RS256 are left out.
    pub(crate) fn read(jwks: &Value, issuer: String, audience: String) -> Result<Self, Fault> {
        let mut by_id = HashMap::new();
        for key in jwks["keys"].as_array().ok_or("the key set has no keys")? {
            let field = |name: &str| -> Result<Vec<u8>, Fault> {
                let text = key[name].as_str().ok_or("a key lacks a member")?;
                Ok(Base64UrlSafeNoPadding::decode_to_vec(text, None)?)
            };
            let read = match key["kty"].as_str() {
                Some("EC") if key["crv"] == "P-256" => {
                    let point = [vec![4], field("x")?, field("y")?].concat();
                    Key::Es256(ES256PublicKey::from_bytes(&point)?)
                }
                Some("RSA") => Key::Rs256(RS256PublicKey::from_components(&field("n")?, &field("e")?)?),
                _ => continue,
            };
            by_id.insert(key["kid"].as_str().ok_or("a key has no id")?.to_owned(), read);
        }
        let options = VerificationOptions {
            allowed_issuers: Some(HashSet::from([issuer])),
            allowed_audiences: Some(HashSet::from([audience])),
            ..VerificationOptions::default()
        };
        Ok(Self { by_id, options })
    }

    /// Verifies a token; its claims, and when it expires, in seconds since the epoch.
    pub(crate) fn verify(&self, token: &str) -> Option<(Claims, u64)> {
        let metadata = Token::decode_metadata(token).ok()?;
        let options = Some(self.options.clone());
        let claims = match self.by_id.get(metadata.key_id()?)? {
            Key::Es256(key) => key.verify_token::<Own>(token, options).ok()?,
            Key::Rs256(key) => key.verify_token::<Own>(token, options).ok()?,
        };
        let Own { teams, suspended } = claims.custom;
        Some((Claims { subject: claims.subject?, teams, suspended }, claims.expires_at?.as_secs()))
    }
}
