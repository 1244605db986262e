//! What workload identity tokens and their proofs (draft-ietf-wimse-wpt-02) say besides what every token says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Header, TokenError, library};
use crate::keys::PrivateKey;

/// The header of a workload identity token.
#[must_use]
pub fn token_header(kid: &str) -> Header {
    Header { kid: Some(kid.to_owned()), typ: Some("wit+jwt".to_owned()), cty: None }
}

/// The header of a proof.
#[must_use]
pub fn proof_header() -> Header {
    Header { typ: Some("wpt+jwt".to_owned()), ..Header::default() }
}

/// `cnf`, which binds a token to the key of its workload: the public key, and the algorithm that it is for.
///
/// # Errors
///
/// When the key has no public form.
pub fn confirmation(key: &PrivateKey) -> Result<Value, TokenError> {
    let mut jwk = key.public_jwk("").map_err(library)?;
    if let Some(members) = jwk.as_object_mut() {
        members.remove("kid");
        members.remove("use");
    }
    Ok(json!({ "jwk": jwk }))
}

/// A digest as `wth`, `ath`, `tth` and the entries of `oth` have it.
#[must_use]
pub fn hash(token: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

/// The claims that a proof for a token has in any case: `jti`, which is fresh, and `wth`.
///
/// # Errors
///
/// When the system gives no randomness.
pub fn proof_claims(token: &str) -> Result<Map<String, Value>, TokenError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(library)?;
    let mut claims = Map::new();
    claims.insert("jti".to_owned(), URL_SAFE_NO_PAD.encode(random).into());
    claims.insert("wth".to_owned(), hash(token.as_bytes()).into());
    Ok(claims)
}
