//! What the gateway makes of tokens and key sets by themselves, for people who have to find out why one is refused.
//!
//! The same code as on the way of a request: there is no second verifier.

use std::borrow::Cow;

use crate::bundle::ActiveBundle;
use crate::host::Host;
use crate::identity::{ClaimSlots, identify};
use crate::json::Json;
use crate::limits;
use crate::outcome::{Outcome, Unavailable};
use crate::proof::{DpopRequest, DpopState, OpenDpop, ProofError, ReplayMemory};
use crate::section::{DpopRules, GatewaySection, OpenSection, SectionError};
use crate::token::{
    self, Algorithm, CompactJws, CompactText, IssuerTable, JwkError, JwksError, KeyPurpose, KeySet, RejectedKey,
    TokenDigest, TokenFacts,
};

/// What the gateway makes of a token: how far it came, and what is known then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenReport {
    /// Why it is refused; `None` where it is accepted. A token that is bound to a key still needs a proof for each request.
    pub refusal: Option<Outcome>,
    /// The alias of its issuer.
    pub issuer: Option<String>,
    /// The profile of its issuer.
    pub profile: Option<&'static str>,
    /// Its key id, as it states it.
    pub kid: Option<String>,
    /// Its algorithm, as it states it.
    pub algorithm: Option<Algorithm>,
    /// The principal, as Cedar writes it.
    pub principal: Option<String>,
    /// Who acts for the subject, the current actor first.
    pub actors: Vec<String>,
    /// What it is bound to: `none`, `dpop`, `certificate` or `dpop_and_certificate`.
    pub binding: Option<&'static str>,
    /// From when to when it is accepted, in milliseconds since the Unix epoch, with the clock skew that its issuer is granted.
    pub accepted: Option<(u64, u64)>,
    /// The attribute at which it failed.
    pub attribute: Option<String>,
}

impl ActiveBundle {
    /// Verifies a token by itself, as it would stand after `Bearer` or `DPoP`.
    #[must_use]
    pub fn verify_token(&self, token: &[u8], host: &mut dyn Host) -> TokenReport {
        TokenReport::of(token, self.issuers(), &self.slots().token, host)
    }
}

/// The issuers of a gateway section, ready to verify tokens with, without a bundle around them.
#[derive(Debug)]
pub struct TokenVerifier(OpenSection);

impl TokenVerifier {
    /// Checks a section as opening a bundle does.
    ///
    /// # Errors
    ///
    /// When a bundle with this section would be refused.
    pub fn open(section: GatewaySection) -> Result<Self, SectionError> {
        OpenSection::open(section).map(Self)
    }

    /// Verifies a token by itself.
    #[must_use]
    pub fn verify(&self, token: &[u8], host: &mut dyn Host) -> TokenReport {
        TokenReport::of(token, &self.0.issuers, &self.0.slots.token, host)
    }
}

impl TokenReport {
    fn of(token: &[u8], issuers: &IssuerTable, slots: &ClaimSlots, host: &mut dyn Host) -> Self {
        let mut facts = TokenFacts::default();
        let mut report = Self {
            refusal: None,
            issuer: None,
            profile: None,
            kid: None,
            algorithm: None,
            principal: None,
            actors: Vec::new(),
            binding: None,
            accepted: None,
            attribute: None,
        };
        report.refusal = report.fill(token, issuers, slots, host, &mut facts).err();
        report.issuer = facts.issuer.map(str::to_owned);
        report.kid = facts.kid.map(Cow::into_owned);
        report.algorithm = facts.algorithm;
        report
    }

    fn fill<'a>(
        &mut self,
        token: &[u8],
        issuers: &'a IssuerTable,
        slots: &ClaimSlots,
        host: &mut dyn Host,
        facts: &mut TokenFacts<'a>,
    ) -> Result<(), Outcome> {
        let now_ms = host.now_nanos() / 1_000_000;
        let text = CompactText::read(token, limits::TOKEN_BYTES)?;
        let verified = token::verify(text, issuers, host, now_ms, facts)?;
        self.accepted = Some((verified.validity.from_ms, verified.validity.until_ms));
        self.binding = Some(verified.confirmation.name());
        let issuer = issuers.get(verified.issuer).ok_or(Outcome::Unavailable(Unavailable::Internal))?;
        self.profile = Some(issuer.profile.name());
        let identity = identify(verified, issuer, issuers, slots).map_err(|fault| {
            self.attribute = fault.attribute.map(str::to_owned);
            Outcome::Identity(fault.error)
        })?;
        self.principal = Some(identity.subject.text);
        self.actors = identity.actors.into_iter().map(|actor| actor.text).collect();
        Ok(())
    }
}

/// Rules for DPoP proofs. Which were used is remembered by the host.
#[derive(Debug)]
pub struct ProofVerifier {
    rules: OpenDpop,
    state: DpopState,
}

impl ProofVerifier {
    /// Checks rules as opening a bundle does.
    ///
    /// # Errors
    ///
    /// When a bundle with these rules would be refused.
    pub fn open(rules: DpopRules) -> Result<Self, SectionError> {
        let state = DpopState { replay: ReplayMemory::new(limits::REPLAY_ENTRIES), nonces: None };
        Ok(Self { rules: OpenDpop::open(rules)?, state })
    }

    /// Checks the proof of a request `method https://authority/path` with a token that is bound to the key of that thumbprint.
    ///
    /// # Errors
    ///
    /// Why the proof is refused.
    pub fn verify(
        &self,
        proof: &[u8],
        (method, authority, path): (&str, &[u8], &[u8]),
        (token, key): (&[u8], &[u8; 32]),
        host: &mut dyn Host,
    ) -> Result<(), ProofError> {
        let token = CompactText::read(token, limits::TOKEN_BYTES).map_err(|_| ProofError::TokenHash)?;
        let token = TokenDigest::of(token);
        let now_ms = host.now_nanos() / 1_000_000;
        let request = DpopRequest { method, authority, path, token, key, is_admitted: false, now_ms };
        self.rules.check(Ok(Some(proof)), &request, &self.state, host)
    }
}

/// A token that was only read. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq)]
pub struct UnverifiedToken {
    /// The JOSE header.
    pub header: Json,
    /// The claims.
    pub claims: Json,
    /// Length of the signature, in bytes.
    pub signature_bytes: usize,
}

impl UnverifiedToken {
    /// Reads a compact token.
    ///
    /// # Errors
    ///
    /// The refusal that a gateway would give for its form.
    pub fn read(token: &[u8]) -> Result<Self, Outcome> {
        let text = CompactText::read(token, limits::TOKEN_BYTES)?;
        let CompactJws { header, claims, signature, .. } = CompactJws::read(text)?;
        Ok(Self { header, claims, signature_bytes: signature.len() })
    }
}

/// One key of a JWK Set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyReport {
    /// Its position, from 0.
    pub index: usize,
    /// Its id.
    pub kid: Option<String>,
    /// The algorithms that it verifies, or why it is not used.
    pub algorithms: Result<Vec<Algorithm>, JwkError>,
}

/// Reads a JWK Set as a gateway does, key by key. `svid` is for the bundle of a SPIFFE trust domain.
///
/// # Errors
///
/// When it is no JWK Set, or has too many keys.
pub fn inspect_keys(jwks: &Json, svid: bool) -> Result<Vec<KeyReport>, JwksError> {
    let purpose = if svid { KeyPurpose::JwtSvid } else { KeyPurpose::Signature };
    let (set, rejected) = KeySet::read(jwks, purpose)?;
    let entries = jwks.get("keys").and_then(Json::as_array).unwrap_or_default();
    let mut used = set.keys().iter();
    let report = |(index, entry): (usize, &Json)| {
        let why = rejected.iter().find(|rejected| rejected.index == index).map(|RejectedKey { error, .. }| *error);
        let algorithms = match why {
            Some(error) => Err(error),
            // The keys that are used come in the order of the set.
            None => {
                let key = used.next();
                let allows = |algorithm: &Algorithm| key.is_some_and(|key| key.allows(*algorithm));
                Ok(Algorithm::ALL.into_iter().filter(allows).collect())
            }
        };
        KeyReport { index, kid: entry.get("kid").and_then(Json::as_str).map(str::to_owned), algorithms }
    };
    Ok(entries.iter().enumerate().map(report).collect())
}
