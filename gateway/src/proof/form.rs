//! The form that all proofs have: one compact JWT, whose header says what it is and brings nothing along that could change how it
//! is read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::json::Json;
use crate::limits;
use crate::token::{Algorithm, CompactJws, CompactText, CredentialError, FORBIDDEN_MEMBERS};

/// Why a header is not one proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormError {
    Missing,
    Repeated,
    TooLarge,
    Malformed,
}

/// Why a claim is not what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClaimError {
    Missing,
    Type,
}

/// Decodes the one proof of a header.
pub(super) fn decode(proof: Result<Option<&[u8]>, CredentialError>) -> Result<CompactText<'_>, FormError> {
    let value = proof.map_err(|_| FormError::Repeated)?.ok_or(FormError::Missing)?;
    CompactText::read(value, limits::PROOF_BYTES).map_err(|error| match error {
        CredentialError::Repeated => FormError::Repeated,
        CredentialError::TooLarge => FormError::TooLarge,
        CredentialError::Missing
        | CredentialError::Certificate
        | CredentialError::Scheme
        | CredentialError::TwoMethods
        | CredentialError::InQuery
        | CredentialError::Malformed => FormError::Malformed,
    })
}

/// Reads a proof.
pub(super) fn read<'d>(text: &'d CompactText<'_>) -> Result<CompactJws<'d>, FormError> {
    CompactJws::read(text).map_err(|_| FormError::Malformed)
}

/// Whether a header has `crit`, or a member that brings a key along or changes how the proof is read. `allowed` is one that this
/// kind of proof has.
pub(super) fn has_forbidden(header: &Json, allowed: Option<&str>) -> bool {
    let forbidden = |name: &&str| Some(*name) != allowed && header.get(name).is_some();
    header.get("crit").is_some() || FORBIDDEN_MEMBERS.iter().any(forbidden)
}

/// Whether `typ` is a media type, with or without its `application/` (RFC 7515 §4.1.9).
pub(super) fn is_of_type(header: &Json, short: &str) -> bool {
    let typ = header.get("typ").and_then(Json::as_str).unwrap_or_default();
    let (prefix, rest) = typ.split_at_checked("application/".len()).unwrap_or(("", typ));
    let typ = if prefix.eq_ignore_ascii_case("application/") { rest } else { typ };
    typ.eq_ignore_ascii_case(short)
}

/// The algorithm that a header names.
pub(super) fn algorithm(header: &Json) -> Option<Algorithm> {
    header.get("alg").and_then(Json::as_str).and_then(Algorithm::from_name)
}

/// A claim that must be text.
pub(super) fn text<'j>(claims: &'j Json<'_>, name: &str) -> Result<&'j str, ClaimError> {
    claims.get(name).ok_or(ClaimError::Missing)?.as_str().ok_or(ClaimError::Type)
}

/// `jti`: text that is neither empty nor too long.
pub(super) fn id<'j>(claims: &'j Json<'_>) -> Result<&'j str, ClaimError> {
    let jti = text(claims, "jti")?;
    if jti.is_empty() || jti.len() > limits::PROOF_JTI_BYTES { Err(ClaimError::Type) } else { Ok(jti) }
}

/// Whether text is the SHA-256 digest of these bytes, in base64url.
pub(super) fn is_digest(text: &str, bytes: &[u8]) -> bool {
    let mut expected = [0; 43];
    let _ = URL_SAFE_NO_PAD.encode_slice(Sha256::digest(bytes), &mut expected);
    text.as_bytes() == expected
}
