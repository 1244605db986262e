//! Who is asking: from the token of a request, a workload's identity token, or the certificate of the connection.

use sha2::{Digest as _, Sha256};

use crate::bundle::ActiveBundle;
use crate::certificate::Svid;
use crate::head::Head;
use crate::host::Host;
use crate::identity::{Identity, SvidFacts, identify, identify_svid};
use crate::limits;
use crate::outcome::{Outcome, Unavailable, WorkloadError};
use crate::pipeline::Refusal;
use crate::proof::{self, Claimed, DpopRequest, DpopState, OpenWorkloadProof, WorkloadProofError, WorkloadRequest};
use crate::record::Facts;
use crate::revocation::Revocations;
use crate::section::{BesideWorkload, TokenSlot};
use crate::status_list::Lists;
use crate::token::{
    self, CompactText, CredentialError, Known, Presented, TokenCache, TokenClaims, TokenError, TokenFacts, Validity,
    VerifiedToken, WorkloadId,
};

/// When a request is judged.
#[derive(Clone, Copy)]
pub(crate) struct When {
    /// Whether it was judged before its body came.
    pub(crate) is_admitted: bool,
    pub(crate) now_ms: u64,
}

/// What is said of those who call, besides what their credentials say.
#[derive(Clone, Copy)]
pub(crate) struct Standing<'s> {
    pub(crate) revocations: &'s Revocations,
    pub(crate) lists: &'s Lists,
}

/// Finds out who is asking: from the cache, or by verifying the token; that the token is theirs, and that it is
/// not revoked.
#[expect(clippy::too_many_arguments, reason = "the request, and each thing that the caller could be known by")]
pub(crate) fn authenticate<'a>(
    head: &Head<'a>,
    bundle: &'a ActiveBundle,
    cache: &'a mut TokenCache,
    dpop: &DpopState,
    standing: Standing<'_>,
    host: &mut dyn Host,
    when: When,
    facts: &mut Facts<'a>,
) -> Result<Known<'a>, Refusal<'a>> {
    let When { is_admitted, now_ms } = when;
    if let Some(rules) = bundle.workload_proof()
        && let Some(token) = workload_token(head)?
    {
        return authenticate_workload(token, rules, head, bundle, cache, dpop, standing, host, when, facts);
    }
    let value = match head.authorization {
        Err(CredentialError::Missing) if bundle.issuers().accepts_certificates() => {
            return authenticate_connection(head, bundle, cache, standing, host, now_ms, facts);
        }
        authorization => authorization?,
    };
    if head.query.is_some_and(token::in_query) {
        return Err(CredentialError::InQuery.into());
    }
    let (scheme, text) = token::read_scheme(value, bundle.dpop().is_some())?;
    token::bounded(text, limits::TOKEN_BYTES)?;
    let presented = Presented::token(text, TokenSlot::Authorization);
    let known = remembered(presented, cache, standing, now_ms, facts, |facts| {
        let token = CompactText::read(text, limits::TOKEN_BYTES)?;
        facts.challenge.scheme = Some(scheme);
        let stated = facts.token.insert(TokenFacts::default());
        let verified = token::verify(&token, TokenSlot::Authorization, bundle.issuers(), host, now_ms, stated)?;
        identity_of(verified, bundle, standing, now_ms, facts)
    })?;
    let identity: &'a Identity = known.identity;
    facts.challenge.scheme = Some(scheme);
    let binding = bundle.issuers().get(identity.issuer).ok_or(Unavailable::Internal)?.binding;
    let request = DpopRequest {
        method: head.method,
        authority: head.authority,
        path: head.path,
        token: text,
        key: identity.confirmation.dpop_key.as_ref().unwrap_or(&[0; 32]),
        is_admitted,
        now_ms,
    };
    let claimed = Claimed { scheme, confirmation: &identity.confirmation, binding, proof: head.dpop, request };
    match proof::prove(&claimed, bundle.dpop(), dpop, host) {
        Ok(()) => {
            check_standing(identity, TokenSlot::Authorization, bundle, standing, now_ms, facts)?;
            Ok(known)
        }
        Err(error) => {
            facts.challenge.nonce = dpop.nonces.as_ref().map(|nonces| nonces.nonce(now_ms));
            Err(error.into())
        }
    }
}

/// The workload identity token of a request. A proof without one is of no use to anybody, and is not passed over.
fn workload_token<'a>(head: &Head<'a>) -> Result<Option<&'a [u8]>, WorkloadError> {
    match (head.workload_token, head.workload_proof) {
        (Err(error), _) => Err(WorkloadError::Credential(error)),
        (Ok(Some(token)), _) => Ok(Some(token)),
        (Ok(None), Ok(None)) => Ok(None),
        (Ok(None), Ok(Some(_)) | Err(_)) => Err(WorkloadError::Proof(WorkloadProofError::TokenMissing)),
    }
}

/// Finds out which workload is asking. Whatever else the request brings, in `Authorization` or by its connection, the caller is
/// the workload or nobody.
#[expect(clippy::too_many_arguments, reason = "what `authenticate` works with, and the token with its rules")]
fn authenticate_workload<'a>(
    value: &'a [u8],
    rules: &OpenWorkloadProof,
    head: &Head<'a>,
    bundle: &'a ActiveBundle,
    cache: &'a mut TokenCache,
    dpop: &DpopState,
    standing: Standing<'_>,
    host: &mut dyn Host,
    when: When,
    facts: &mut Facts<'a>,
) -> Result<Known<'a>, Refusal<'a>> {
    let When { is_admitted, now_ms } = when;
    let access_token = match (head.authorization, rules.access_token) {
        (Err(CredentialError::Missing), _) => None,
        (Err(error), _) => return Err(error.into()),
        (Ok(_), BesideWorkload::Refuse) => return Err(CredentialError::TwoMethods.into()),
        (Ok(value), BesideWorkload::Pass) => Some(token::read_access_token(value)?),
    };
    if head.query.is_some_and(token::in_query) {
        return Err(CredentialError::InQuery.into());
    }
    token::bounded(value, limits::TOKEN_BYTES).map_err(WorkloadError::Credential)?;
    let presented = Presented::token(value, TokenSlot::Workload);
    let known = remembered(presented, cache, standing, now_ms, facts, |facts| {
        let token = CompactText::read(value, limits::TOKEN_BYTES).map_err(WorkloadError::Credential)?;
        let stated = facts.token.insert(TokenFacts::default());
        let verified = token::verify(&token, TokenSlot::Workload, bundle.issuers(), host, now_ms, stated);
        identity_of(verified.map_err(WorkloadError::Token)?, bundle, standing, now_ms, facts)
    })?;
    let identity: &'a Identity = known.identity;
    let request = WorkloadRequest {
        headers: head.headers,
        authority: head.authority,
        path: head.path,
        token: value,
        // Every token that is verified in this slot has a key.
        key: identity.confirmation.workload_key.as_deref().ok_or(Unavailable::Internal)?,
        access_token,
        transaction: head.transaction,
        is_admitted,
        now_ms,
    };
    rules.check(head.workload_proof, &request, &dpop.replay, host).map_err(WorkloadError::Proof)?;
    check_standing(identity, TokenSlot::Workload, bundle, standing, now_ms, facts)?;
    Ok(known)
}

/// Refuses an identity about which the revocation list in force has an entry, or whose status is not good: last, so that only who
/// holds the credential is told anything.
fn check_standing<'a>(
    identity: &'a Identity,
    slot: TokenSlot,
    bundle: &ActiveBundle,
    standing: Standing<'_>,
    now_ms: u64,
    facts: &mut Facts<'a>,
) -> Result<(), Outcome> {
    if let Some(revoked) = identity.revoked.get().filter(|revoked| revoked.holds_at(now_ms / 1000)) {
        facts.principal = Some(&identity.subject.text);
        facts.revoked = standing.revocations.recorded(revoked);
        return Err(match slot {
            TokenSlot::Authorization => Outcome::Revoked(revoked.kind),
            TokenSlot::Workload => WorkloadError::Revoked(revoked.kind).into(),
        });
    }
    let Some(status) = &identity.status else { return Ok(()) };
    let issuer = bundle.issuers().get(identity.issuer);
    let rules = issuer.and_then(|issuer| issuer.status.lists()).ok_or(Unavailable::Internal)?;
    status.check(rules, now_ms).map_err(|(error, status)| {
        facts.principal = Some(&identity.subject.text);
        facts.status = Some(status);
        match slot {
            TokenSlot::Authorization => Outcome::Token(error),
            TokenSlot::Workload => WorkloadError::Token(error).into(),
        }
    })
}

/// Who a verified token stands for, and for how long.
fn identity_of<'a>(
    mut verified: VerifiedToken<'_>,
    bundle: &'a ActiveBundle,
    standing: Standing<'_>,
    now_ms: u64,
    facts: &mut Facts<'a>,
) -> Result<(Validity, Identity), Refusal<'a>> {
    facts.token_verified = true;
    let validity = verified.validity;
    let issuer = bundle.issuers().get(verified.issuer).ok_or(Unavailable::Internal)?;
    let Standing { revocations, lists } = standing;
    let claim = verified.status.take();
    let traced = revocations.is_configured();
    let slot = issuer.profile.slot();
    let mut identity = identify(verified, issuer, bundle.issuers(), &bundle.slots().token, traced)?;
    if let Some(claim) = claim {
        // What cannot be looked after is not kept either: it is tried again.
        let full = || match slot {
            TokenSlot::Authorization => Outcome::Token(TokenError::StatusUnavailable),
            TokenSlot::Workload => WorkloadError::Token(TokenError::StatusUnavailable).into(),
        };
        identity.status = Some(lists.refer(claim, issuer, now_ms).ok_or_else(full)?);
    }
    Ok((validity, identity))
}

/// Finds out who is asking from the connection's validated client certificate, for a request without a token.
fn authenticate_connection<'a>(
    head: &Head<'a>,
    bundle: &'a ActiveBundle,
    cache: &'a mut TokenCache,
    standing: Standing<'_>,
    host: &mut dyn Host,
    now_ms: u64,
    facts: &mut Facts<'a>,
) -> Result<Known<'a>, Refusal<'a>> {
    let sha256 = host.client_certificate().ok_or(CredentialError::Missing)?;
    if head.query.is_some_and(token::in_query) {
        return Err(CredentialError::InQuery.into());
    }
    let presented = Presented::certificate(&sha256);
    let known = remembered(presented, cache, standing, now_ms, facts, |_| {
        let der = host.client_certificate_der().filter(|der| Sha256::digest(der)[..] == sha256);
        // Validated when the connection began, which may be long ago.
        let svid = der.and_then(|der| Svid::read(&der)).filter(|svid| svid.validity.contains(now_ms));
        let Svid { id, validity } = svid.ok_or(CredentialError::Certificate)?;
        let domain = WorkloadId::read_spiffe(&id).ok_or(CredentialError::Certificate)?.trust_domain;
        let (index, issuer) = bundle
            .issuers()
            .find_trust_domain(domain)
            .filter(|(_, issuer)| issuer.accepts_certificates())
            .ok_or(CredentialError::Certificate)?;
        let claims = TokenClaims::of_svid(&id, issuer, sha256)?;
        let svid = SvidFacts { sha256, issued_ms: validity.from_ms };
        let (slots, traced) = (&bundle.slots().token, standing.revocations.is_configured());
        Ok((validity, identify_svid(&claims, &svid, index, bundle.issuers(), slots, traced)?))
    })?;
    check_standing(known.identity, TokenSlot::Authorization, bundle, standing, now_ms, facts)?;
    Ok(known)
}

/// The identity behind a credential: from the cache, or worked out, held against what is revoked, and kept there. A revoked one is
/// kept, too: who goes on sending it costs no further signature.
fn remembered<'a>(
    presented: Presented<'_>,
    cache: &'a mut TokenCache,
    standing: Standing<'_>,
    now_ms: u64,
    facts: &mut Facts<'a>,
    work_out: impl FnOnce(&mut Facts<'a>) -> Result<(Validity, Identity), Refusal<'a>>,
) -> Result<Known<'a>, Refusal<'a>> {
    let slot = match cache.find(presented, now_ms) {
        Some(slot) => {
            facts.token_cached = true;
            slot
        }
        None => {
            let (validity, identity) = work_out(facts)?;
            standing.revocations.assess(&identity, now_ms / 1000);
            cache.insert(presented, validity, identity, now_ms)
        }
    };
    let known = cache.take(slot).ok_or(Unavailable::Internal)?;
    facts.token_verified = true;
    facts.credential = Some(&known.identity.recorded);
    Ok(known)
}
