//! Who is asking: from the token of a request, or from the certificate of its connection.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use crate::bundle::ActiveBundle;
use crate::certificate::Svid;
use crate::head::Head;
use crate::host::Host;
use crate::identity::{Identity, identify, identify_svid};
use crate::outcome::Unavailable;
use crate::pipeline::Refusal;
use crate::proof::{self, Claimed, DpopRequest, DpopState};
use crate::record::Facts;
use crate::token::{self, CredentialError, SpiffeId, TokenCache, TokenClaims, TokenDigest, TokenFacts, Validity};

/// When a request is judged.
#[derive(Clone, Copy)]
pub(crate) struct When {
    /// Whether it was judged before its body came.
    pub(crate) is_admitted: bool,
    pub(crate) now_ms: u64,
}

/// Finds out who is asking: from the cache, or by verifying the token, and then that the token is theirs.
pub(crate) fn authenticate<'a>(
    head: &Head<'a>,
    bundle: &'a ActiveBundle,
    cache: &'a mut TokenCache,
    dpop: &DpopState,
    host: &mut dyn Host,
    when: When,
    facts: &mut Facts<'a>,
) -> Result<&'a Identity, Refusal<'a>> {
    let When { is_admitted, now_ms } = when;
    let value = match head.authorization {
        Err(CredentialError::Missing) if bundle.issuers().accepts_certificates() => {
            return authenticate_connection(head, bundle, cache, host, now_ms, facts);
        }
        authorization => authorization?,
    };
    if head.query.is_some_and(token::in_query) {
        return Err(CredentialError::InQuery.into());
    }
    let (scheme, token) = token::read_authorization(value, bundle.dpop().is_some())?;
    facts.challenge.scheme = Some(scheme);
    let digest = TokenDigest::of(token);
    let identity = remembered(digest, bundle, cache, now_ms, facts, |facts| {
        let stated = facts.token.insert(TokenFacts::default());
        let verified = token::verify(token, bundle.issuers(), host, now_ms, stated)?;
        facts.token_verified = true;
        let validity = verified.validity;
        let issuer = bundle.issuers().get(verified.issuer).ok_or(Unavailable::Internal)?;
        Ok((validity, identify(verified, issuer, bundle.issuers(), &bundle.slots().token)?))
    })?;
    let binding = bundle.issuers().get(identity.issuer).ok_or(Unavailable::Internal)?.binding;
    let request = DpopRequest {
        method: head.method,
        authority: head.authority,
        path: head.path,
        token: digest,
        key: identity.confirmation.dpop_key.as_ref().unwrap_or(&[0; 32]),
        is_admitted,
        now_ms,
    };
    let claimed = Claimed { scheme, confirmation: identity.confirmation, binding, proof: head.dpop, request };
    match proof::prove(&claimed, bundle.dpop(), dpop, host) {
        Ok(()) => Ok(identity),
        Err(error) => {
            facts.challenge.nonce = dpop.nonces.as_ref().map(|nonces| nonces.nonce(now_ms));
            Err(error.into())
        }
    }
}

/// Finds out who is asking from the connection's validated client certificate, for a request without a token.
fn authenticate_connection<'a>(
    head: &Head<'a>,
    bundle: &'a ActiveBundle,
    cache: &'a mut TokenCache,
    host: &mut dyn Host,
    now_ms: u64,
    facts: &mut Facts<'a>,
) -> Result<&'a Identity, Refusal<'a>> {
    let sha256 = host.client_certificate().ok_or(CredentialError::Missing)?;
    if head.query.is_some_and(token::in_query) {
        return Err(CredentialError::InQuery.into());
    }
    remembered(TokenDigest::of_certificate(sha256), bundle, cache, now_ms, facts, |_| {
        let der = host.client_certificate_der().filter(|der| Sha256::digest(der)[..] == sha256);
        // Validated when the connection began, which may be long ago.
        let svid = der.and_then(|der| Svid::read(&der)).filter(|svid| svid.validity.contains(now_ms));
        let Svid { id, validity } = svid.ok_or(CredentialError::Certificate)?;
        let domain = SpiffeId::read(&id).ok_or(CredentialError::Certificate)?.trust_domain;
        let (index, issuer) = bundle
            .issuers()
            .find_trust_domain(domain)
            .filter(|(_, issuer)| issuer.accepts_certificates())
            .ok_or(CredentialError::Certificate)?;
        let claims = TokenClaims::of_svid(&id, issuer, sha256)?;
        Ok((validity, identify_svid(&claims, index, issuer, &bundle.slots().token)?))
    })
}

/// The identity behind a credential: from the cache, or worked out and kept there.
fn remembered<'a>(
    digest: TokenDigest,
    bundle: &'a ActiveBundle,
    cache: &'a mut TokenCache,
    now_ms: u64,
    facts: &mut Facts<'a>,
    work_out: impl FnOnce(&mut Facts<'a>) -> Result<(Validity, Identity), Refusal<'a>>,
) -> Result<&'a Identity, Refusal<'a>> {
    let slot = match cache.find(digest, now_ms) {
        Some(slot) => {
            facts.token_cached = true;
            slot
        }
        None => {
            let (validity, identity) = work_out(facts)?;
            cache.insert(digest, validity, identity, now_ms)
        }
    };
    let identity = cache.get(slot).ok_or(Unavailable::Internal)?;
    facts.token_verified = true;
    facts.token = Some(TokenFacts {
        issuer: bundle.issuers().get(identity.issuer).map(|issuer| issuer.alias.as_str()),
        kid: identity.kid.as_deref().map(Cow::Borrowed),
        algorithm: identity.algorithm,
    });
    Ok(identity)
}
