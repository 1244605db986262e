//! JWT-SVIDs (SPIFFE JWT-SVID).

use std::borrow::Cow;

use super::super::error::TokenError;
use super::super::workload_id::WorkloadId;
use super::{required, text};
use crate::json::{Json, Member};
use crate::token::Algorithm;

/// The algorithms that a JWT-SVID may have (JWT-SVID §2.1), and a WIT-SVID and its key (WIT-SVID §2.3, §3.2); EdDSA is not among
/// them.
pub(crate) const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

/// The trust domain of a subject that is a SPIFFE ID: it selects the keys where a token names no issuer.
pub(in super::super) fn subject_domain<'a>(claims: &'a Json<'_>) -> Option<&'a str> {
    WorkloadId::read_spiffe(claims.get("sub")?.as_str()?).map(|id| id.trust_domain)
}

/// Checks that the subject is an identity of the trust domain whose keys verified the token: keys of one domain say
/// nothing about another, not even a federated one.
///
/// What follows: `$spiffe.trust_domain`, `$spiffe.path` and `$spiffe.prefixes`.
pub(in super::super) fn check<'t>(claims: &Json<'t>, trust_domain: &str) -> Result<Vec<Member<'t>>, TokenError> {
    let subject = required(claims, "sub", TokenError::SubjectMissing)?;
    let id = WorkloadId::read_spiffe(subject).ok_or(TokenError::SpiffeId)?;
    if id.trust_domain != trust_domain {
        return Err(TokenError::TrustDomain);
    }
    Ok(parts(&id))
}

/// The parts of an identifier, as findings.
pub(super) fn parts(id: &WorkloadId<'_>) -> Vec<Member<'static>> {
    let prefixes = id.prefixes().into_iter().map(text).collect();
    vec![
        (Cow::Borrowed("trust_domain"), text(id.trust_domain)),
        (Cow::Borrowed("path"), text(id.path())),
        (Cow::Borrowed("prefixes"), Json::Array(prefixes)),
    ]
}
