//! Status list tokens for development (draft-ietf-oauth-status-list). Production lists come from an identity provider.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::deflate::compress_to_vec_zlib;
use serde_json::{Map, Value, json};

use super::{Header, TokenError, mint as mint_token};
use crate::keys::PrivateKey;

/// How hard the list is compressed, from 0 to 10; 9 is what zlib has at most.
const LEVEL: u8 = 9;

/// Signs the list at `uri`, with eight bits for each status.
///
/// # Errors
///
/// When the library cannot sign.
pub fn mint(key: &PrivateKey, kid: &str, uri: &str, statuses: &[u8], now_seconds: u64) -> Result<String, TokenError> {
    let lst = URL_SAFE_NO_PAD.encode(compress_to_vec_zlib(statuses, LEVEL));
    let mut claims = Map::new();
    claims.insert("sub".to_owned(), Value::from(uri));
    claims.insert("iat".to_owned(), Value::from(now_seconds));
    claims.insert("status_list".to_owned(), json!({"bits": 8, "lst": lst}));
    let header = Header { kid: Some(kid.to_owned()), typ: Some("statuslist+jwt".to_owned()), cty: None };
    mint_token(key, &header, claims)
}
