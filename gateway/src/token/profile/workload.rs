//! Workload identity tokens: those of draft-ietf-wimse-workload-creds-03, and WIT-SVIDs (SPIFFE WIT-SVID).

use std::borrow::Cow;

use super::super::error::TokenError;
use super::super::workload_id::WorkloadId;
use super::{required, spiffe, text};
use crate::json::{Json, Member};

/// The trust domain of a subject that identifies a workload: it selects the keys, and nothing else in the token does.
pub(in super::super) fn domain<'a>(claims: &'a Json<'_>) -> Result<&'a str, TokenError> {
    let subject = required(claims, "sub", TokenError::SubjectMissing)?;
    WorkloadId::read(subject).map(|id| id.trust_domain).ok_or(TokenError::WorkloadId)
}

/// Checks that the subject is a workload of the trust domain whose keys verified the token.
///
/// What follows: `$workload.scheme`, `.trust_domain`, `.path` and `.prefixes`.
pub(super) fn check<'t>(claims: &Json<'t>, trust_domain: &str) -> Result<Vec<Member<'t>>, TokenError> {
    let subject = required(claims, "sub", TokenError::SubjectMissing)?;
    let id = WorkloadId::read(subject).ok_or(TokenError::WorkloadId)?;
    if id.trust_domain != trust_domain {
        return Err(TokenError::TrustDomain);
    }
    let mut found = spiffe::parts(&id);
    found.push((Cow::Borrowed("scheme"), text(id.scheme.name())));
    Ok(found)
}
