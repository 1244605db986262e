//! Proof of possession: that the caller holds the key which a token is bound to.
//!
//! What a token is bound to stands in the token, so it is known once the token is verified; that the caller holds the key
//! is checked for each request, whether or not the token was found in the cache.

mod confirmation;
mod dpop;
mod error;
mod form;
mod nonce;
mod replay;
mod target;
mod thumbprint;
#[cfg(test)]
mod vectors;
mod workload;

pub use error::ProofError;
pub use workload::WorkloadProofError;

pub(crate) use confirmation::Confirmation;
pub(crate) use dpop::{DpopRequest, DpopState, OpenDpop};
pub(crate) use nonce::{Nonce, NonceKey};
pub(crate) use replay::ReplayMemory;
pub(crate) use thumbprint::thumbprint;
pub(crate) use workload::{OpenWorkloadProof, WorkloadRequest};

use crate::host::Host;
use crate::section::Binding;
use crate::token::{CredentialError, Scheme};

/// A request whose token holds, before its caller has proved anything.
pub(crate) struct Claimed<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) confirmation: &'a Confirmation,
    /// What the issuer's tokens must be.
    pub(crate) binding: Binding,
    /// The `DPoP` header, or why there is not at most one.
    pub(crate) proof: Result<Option<&'a [u8]>, CredentialError>,
    pub(crate) request: DpopRequest<'a>,
}

/// Checks that the caller holds every key that the token is bound to.
pub(crate) fn prove(
    claimed: &Claimed<'_>,
    rules: Option<&OpenDpop>,
    state: &DpopState,
    host: &mut dyn Host,
) -> Result<(), ProofError> {
    if claimed.binding == Binding::Required && !claimed.confirmation.is_bound() {
        return Err(ProofError::NotBound);
    }
    if let Some(bound) = claimed.confirmation.certificate {
        match host.client_certificate() {
            Some(presented) if presented == bound => {}
            Some(_) => return Err(ProofError::CertificateMismatch),
            None => return Err(ProofError::CertificateMissing),
        }
    }
    match (claimed.scheme, claimed.confirmation.dpop_key, rules) {
        (Scheme::Bearer, None, _) => Ok(()),
        // The scheme is accepted only where there are rules; without them nothing that is bound gets through.
        (Scheme::Bearer, Some(_), _) | (Scheme::Dpop, Some(_), None) => Err(ProofError::SentAsBearer),
        (Scheme::Dpop, None, _) => Err(ProofError::NotBoundToDpop),
        (Scheme::Dpop, Some(_), Some(rules)) => rules.check(claimed.proof, &claimed.request, state, host),
    }
}
