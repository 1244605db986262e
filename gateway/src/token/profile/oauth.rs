//! JWT access tokens of OAuth 2.0 (RFC 9068).

use std::borrow::Cow;

use super::super::claims::date_ms;
use super::super::error::TokenError;
use super::{optional, present, required};
use crate::json::{Json, Member};

/// How much of RFC 9068 must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// All of §2.2.
    Strict,
    /// What is there must have the right type.
    Lenient,
}

/// Checks the claims of RFC 9068 §2.2 that no other check looks at.
///
/// What follows: `$token.client_is_subject`, whether the client acts for itself. Where a client could choose the same
/// name as a user (RFC 9700 §4.15), policies tell the two apart by it.
pub(super) fn check<'t>(claims: &Json<'t>, strictness: Strictness) -> Result<Vec<Member<'t>>, TokenError> {
    if strictness == Strictness::Strict {
        required(claims, "sub", TokenError::SubjectMissing)?;
        required(claims, "client_id", TokenError::ClientIdMissing)?;
        required(claims, "jti", TokenError::TokenIdMissing)?;
        present(claims, "iat", TokenError::IssuedAtMissing)?;
    }
    for name in ["scope", "acr"] {
        optional(claims, name)?;
    }
    if claims.get("auth_time").is_some_and(|time| date_ms(time).is_none()) {
        return Err(TokenError::ClaimType);
    }
    if let Some(methods) = claims.get("amr") {
        let methods = methods.as_array().ok_or(TokenError::ClaimType)?;
        if methods.iter().any(|method| method.as_str().is_none()) {
            return Err(TokenError::ClaimType);
        }
    }
    let client_is_subject = match (optional(claims, "sub")?, optional(claims, "client_id")?) {
        (Some(subject), Some(client)) => subject == client,
        (Some(_) | None, None) | (None, Some(_)) => return Ok(Vec::new()),
    };
    Ok(vec![(Cow::Borrowed("client_is_subject"), Json::Bool(client_is_subject))])
}
