//! A status list token: a list that its issuer has signed (draft-ietf-oauth-status-list-21 §5.1).

use super::error::StatusListError;
use super::inflate::inflate;
use super::list::StatusList;
use crate::host::{Host, Unaided};
use crate::json::{Json, JsonLimits};
use crate::limits;
use crate::token::{
    CompactJws, CompactText, CredentialError, Issuer, JoseHeader, TokenError, TokenType, date_ms, decode_base64url,
};

impl StatusList {
    /// Verifies the token of the list at `uri` as one of its issuer's, and inflates what is in it.
    pub(crate) fn read(
        token: &[u8],
        uri: &str,
        issuer: &Issuer,
        host: &mut dyn Host,
        now_ms: u64,
    ) -> Result<Self, StatusListError> {
        let text = decode(token)?;
        let claims = verify(&text, issuer, host, now_ms)?;
        if claims.get("sub").and_then(Json::as_str) != Some(uri) {
            return Err(StatusListError::Subject);
        }
        if claims.get("iss").is_some_and(|iss| iss.as_str() != Some(&issuer.issuer)) {
            return Err(StatusListError::Issuer);
        }
        let Times { issued_ms, end_ms, ttl_ms } = Times::read(&claims, issuer.terms.clock_skew_ms, now_ms)?;
        let list = claims.get("status_list");
        let bits = match list.and_then(|list| list.get("bits")) {
            Some(Json::Number(bits)) => bits.as_u64().and_then(|bits| u8::try_from(bits).ok()),
            Some(Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_)) | None => None,
        };
        let bits = bits.filter(|bits| matches!(bits, 1 | 2 | 4 | 8)).ok_or(StatusListError::Bits)?;
        let lst = list.and_then(|list| list.get("lst")).and_then(Json::as_str).ok_or(StatusListError::Encoding)?;
        let bytes = inflate(&decode_base64url(lst).map_err(|_| StatusListError::Encoding)?)?;
        Ok(Self { bits, bytes, issued_ms, end_ms, ttl_ms })
    }

    /// Whether the keys that its issuer has now would still sign a list that they signed once.
    pub(super) fn reverify(token: &[u8], issuer: &Issuer, now_ms: u64) -> Result<(), StatusListError> {
        verify(&decode(token)?, issuer, &mut Unaided::at(now_ms), now_ms).map(|_| ())
    }
}

/// The text of a status list token.
fn decode(token: &[u8]) -> Result<CompactText<'_>, StatusListError> {
    CompactText::read(token, limits::STATUS_TOKEN_BYTES).map_err(|error| match error {
        CredentialError::TooLarge => StatusListError::TooLarge,
        _ => StatusListError::Malformed,
    })
}

/// The claims of a status list token whose signature holds.
fn verify<'d>(
    text: &'d CompactText<'_>,
    issuer: &Issuer,
    host: &mut dyn Host,
    now_ms: u64,
) -> Result<Json<'d>, StatusListError> {
    let jws = CompactJws::read_within(text, &JsonLimits::STATUS_LIST).map_err(|_| StatusListError::Malformed)?;
    let header = JoseHeader::read(&jws.header).map_err(refused)?;
    if header.token_type != TokenType::StatusList {
        return Err(StatusListError::Type);
    }
    issuer.terms.verify_signature(&jws, &header, host, now_ms).map_err(refused)?;
    Ok(jws.claims)
}

/// The id of the key that a token names, whatever else is wrong with it.
pub(super) fn claimed_key(token: &[u8]) -> Option<String> {
    let text = decode(token).ok()?;
    let jws = CompactJws::read_within(&text, &JsonLimits::STATUS_LIST).ok()?;
    JoseHeader::read(&jws.header).ok()?.kid.map(str::to_owned)
}

fn refused(error: TokenError) -> StatusListError {
    match error {
        TokenError::Type => StatusListError::Type,
        TokenError::AlgorithmNotAllowed => StatusListError::Algorithm,
        TokenError::KeysUnavailable => StatusListError::KeysUnavailable,
        TokenError::KeyUnknown | TokenError::KeyAmbiguous => StatusListError::KeyUnknown,
        TokenError::KeyMismatch | TokenError::Signature => StatusListError::Signature,
        _ => StatusListError::Malformed,
    }
}

struct Times {
    issued_ms: u64,
    end_ms: u64,
    ttl_ms: Option<u64>,
}

impl Times {
    fn read(claims: &Json, skew_ms: u64, now_ms: u64) -> Result<Self, StatusListError> {
        let time = |name| claims.get(name).map(|time| date_ms(time).ok_or(StatusListError::Times)).transpose();
        let issued_ms = time("iat")?.ok_or(StatusListError::Times)?;
        let latest_ms = now_ms.saturating_add(skew_ms);
        if issued_ms > latest_ms || time("nbf")?.is_some_and(|begin| begin > latest_ms) {
            return Err(StatusListError::Times);
        }
        let end_ms = time("exp")?.map_or(u64::MAX, |end| end.saturating_add(skew_ms));
        if end_ms <= now_ms {
            return Err(StatusListError::Expired);
        }
        let ttl_ms = time("ttl")?;
        if ttl_ms == Some(0) {
            return Err(StatusListError::Times);
        }
        Ok(Self { issued_ms, end_ms, ttl_ms })
    }
}
