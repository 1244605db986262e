//! What the gateway makes of tokens and key sets by themselves, for people who have to find out why one is refused.
//!
//! The same code as on the way of a request: there is no second verifier.

use std::borrow::Cow;

use crate::bundle::ActiveBundle;
use crate::header_map::HeaderMap;
use crate::host::Host;
use crate::identity::{ClaimSlots, identify};
use crate::json::Json;
use crate::limits;
use crate::outcome::{Outcome, Unavailable, WorkloadError};
use crate::proof::{
    Confirmation, DpopRequest, DpopState, OpenDpop, OpenWorkloadProof, ProofError, ReplayMemory, WorkloadProofError,
    WorkloadRequest,
};
use crate::section::{DpopRules, GatewaySection, OpenSection, SectionError, TokenSlot};
use crate::status_list::{StatusClaim, StatusList, StatusListError, TokenStatus, judge as judge_status};
use crate::token::{
    self, Algorithm, CompactJws, CompactText, CredentialError, IssuerTable, JoseHeader, JwkError, JwksError,
    KeyPurpose, KeySet, RejectedKey, TokenError, TokenFacts, TokenType,
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
    /// What it is bound to: `none`, `dpop`, `certificate`, `dpop_and_certificate` or `workload_key`.
    pub binding: Option<&'static str>,
    /// The thumbprint (RFC 7638, SHA-256) of the key that signs its proofs.
    pub key_thumbprint: Option<[u8; 32]>,
    /// From when to when it is accepted, in milliseconds since the Unix epoch, with the clock skew that its issuer is granted.
    pub accepted: Option<(u64, u64)>,
    /// The attribute at which it failed.
    pub attribute: Option<String>,
    /// Where its status is to be looked up, and what stands there.
    pub status: Option<TokenStatusReport>,
}

impl ActiveBundle {
    /// Verifies a token with what there is beside it: as it would stand after `Bearer` or `DPoP`, or in `Workload-Identity-Token`
    /// where its `typ` says that it belongs there.
    #[must_use]
    pub fn verify_token(&self, token: &[u8], beside: &BesideToken<'_>, host: &mut dyn Host) -> TokenReport {
        TokenReport::of(token, beside, &self.judge(), host)
    }

    fn judge(&self) -> Judge<'_> {
        Judge { issuers: self.issuers(), slots: &self.slots().token, workload_proof: self.workload_proof() }
    }
}

/// What a token is verified with, where it is at hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct BesideToken<'a> {
    /// The proof beside a workload identity token.
    pub proof: Option<WorkloadProof<'a>>,
    /// The token of the status list that it names.
    pub status_list: Option<&'a [u8]>,
}

/// What a token says of its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenStatusReport {
    /// The URL of the list.
    pub uri: String,
    /// The place in it.
    pub index: u64,
    /// What stands there: `None` where there is no such place, or the list was not at hand.
    pub status: Option<TokenStatus>,
    /// Why the list that was at hand is not taken.
    pub error: Option<StatusListError>,
}

/// A workload proof token, and the request that it is for.
#[derive(Clone, Copy, Debug)]
pub struct WorkloadProof<'a> {
    /// The proof.
    pub proof: &'a [u8],
    /// The request's authority.
    pub authority: &'a [u8],
    /// The request's path, without query.
    pub path: &'a [u8],
    /// The headers that `oth` may name.
    pub headers: HeaderMap<'a>,
}

/// What tokens are verified by.
struct Judge<'a> {
    issuers: &'a IssuerTable,
    slots: &'a ClaimSlots,
    workload_proof: Option<&'a OpenWorkloadProof>,
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
        TokenReport::of(token, &BesideToken::default(), &self.judge(), host)
    }

    /// Verifies the token of the status list at `uri`, as one of the issuer with this alias.
    ///
    /// # Errors
    ///
    /// When the bundle does not let the issuer have this list, or the token fails a check.
    pub fn read_status_list(
        &self,
        (alias, uri): (&str, &str),
        token: &[u8],
        host: &mut dyn Host,
    ) -> Result<StatusList, StatusListError> {
        let (_, issuer) = self.0.issuers.named(alias).ok_or(StatusListError::Issuer)?;
        if !issuer.status.lists().is_some_and(|rules| rules.allows(uri)) {
            return Err(StatusListError::Subject);
        }
        let now_ms = host.now_nanos() / 1_000_000;
        StatusList::read(token, uri, issuer, host, now_ms)
    }

    fn judge(&self) -> Judge<'_> {
        let OpenSection { issuers, slots, workload_proof, .. } = &self.0;
        Judge { issuers, slots: &slots.token, workload_proof: workload_proof.as_ref() }
    }
}

impl TokenReport {
    fn of(token: &[u8], beside: &BesideToken<'_>, judge: &Judge<'_>, host: &mut dyn Host) -> Self {
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
            key_thumbprint: None,
            accepted: None,
            attribute: None,
            status: None,
        };
        report.refusal = report.fill(token, beside, judge, host, &mut facts).err();
        report.issuer = facts.issuer.map(str::to_owned);
        report.kid = facts.kid.map(Cow::into_owned);
        report.algorithm = facts.algorithm;
        report
    }

    fn fill<'a>(
        &mut self,
        token: &[u8],
        beside: &BesideToken<'_>,
        judge: &Judge<'a>,
        host: &mut dyn Host,
        facts: &mut TokenFacts<'a>,
    ) -> Result<(), Outcome> {
        let Judge { issuers, slots, workload_proof } = *judge;
        let now_ms = host.now_nanos() / 1_000_000;
        let text = CompactText::read(token, limits::TOKEN_BYTES)?;
        let slot = slot_of(&text);
        let refused = |error| match slot {
            TokenSlot::Authorization => Outcome::Token(error),
            TokenSlot::Workload => Outcome::Workload(WorkloadError::Token(error)),
        };
        let mut verified = token::verify(&text, slot, issuers, host, now_ms, facts).map_err(refused)?;
        let status = verified.status.take();
        self.accepted = Some((verified.validity.from_ms, verified.validity.until_ms));
        self.binding = Some(verified.confirmation.name());
        let issuer = issuers.get(verified.issuer).ok_or(Outcome::Unavailable(Unavailable::Internal))?;
        self.profile = Some(issuer.profile.name());
        let identity = identify(verified, issuer, issuers, slots, false).map_err(|fault| {
            self.attribute = fault.attribute.map(str::to_owned);
            Outcome::Identity(fault.error)
        })?;
        self.key_thumbprint = identity.confirmation.key_thumbprint();
        if let Some(proof) = &beside.proof {
            proof.check(&text, &identity.confirmation, workload_proof, host, now_ms)?;
        }
        self.principal = Some(identity.subject.text);
        self.actors = identity.actors.into_iter().map(|actor| actor.text).collect();
        let Some(StatusClaim { uri, index }) = status else { return Ok(()) };
        let report = self.status.insert(TokenStatusReport { uri, index, status: None, error: None });
        let Some(list) = beside.status_list else { return Ok(()) };
        match StatusList::read(list, &report.uri, issuer, host, now_ms) {
            Ok(list) => {
                report.status = list.get(index);
                judge_status(report.status).map_err(refused)
            }
            Err(error) => {
                report.error = Some(error);
                Err(refused(TokenError::StatusUnavailable))
            }
        }
    }
}

/// The slot that a token belongs in, by what its header says of it.
fn slot_of(text: &CompactText<'_>) -> TokenSlot {
    let jws = CompactJws::read(text);
    let header = jws.as_ref().ok().and_then(|jws| JoseHeader::read(&jws.header).ok());
    match header {
        Some(header) if header.token_type == TokenType::Workload => TokenSlot::Workload,
        Some(_) | None => TokenSlot::Authorization,
    }
}

impl WorkloadProof<'_> {
    fn check(
        &self,
        token: &CompactText<'_>,
        confirmation: &Confirmation,
        rules: Option<&OpenWorkloadProof>,
        host: &mut dyn Host,
        now_ms: u64,
    ) -> Result<(), Outcome> {
        let refused = |error| Outcome::Workload(WorkloadError::Proof(error));
        let Self { proof, authority, path, headers } = *self;
        // A proof beside any other token is one without its own.
        let key = confirmation.workload_key.as_deref().ok_or(refused(WorkloadProofError::TokenMissing))?;
        let rules = rules.ok_or(Outcome::Unavailable(Unavailable::Internal))?;
        let mut authorization = headers.values("authorization");
        let access_token = match (authorization.next(), authorization.next()) {
            (None, _) => None,
            (Some(value), None) => Some(token::read_access_token(value)?),
            (Some(_), Some(_)) => return Err(CredentialError::Repeated.into()),
        };
        let mut transactions = headers.values("txn-token");
        let transaction = match (transactions.next(), transactions.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(CredentialError::Repeated),
        };
        // One look uses nothing up.
        let is_admitted = true;
        let token = token.as_bytes();
        let request =
            WorkloadRequest { headers, authority, path, token, key, access_token, transaction, is_admitted, now_ms };
        rules.check(Ok(Some(proof)), &request, &ReplayMemory::new(1), host).map_err(refused)
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
        let token = token.as_bytes();
        let now_ms = host.now_nanos() / 1_000_000;
        let request = DpopRequest { method, authority, path, token, key, is_admitted: false, now_ms };
        self.rules.check(Ok(Some(proof)), &request, &self.state, host)
    }
}

/// A token that was only read. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq)]
pub struct UnverifiedToken {
    /// The JOSE header.
    pub header: Json<'static>,
    /// The claims.
    pub claims: Json<'static>,
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
        let CompactJws { header, claims, signature, .. } = CompactJws::read(&text)?;
        Ok(Self { header: header.into_owned(), claims: claims.into_owned(), signature_bytes: signature.len() })
    }
}

/// One key of a JWK Set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyReport {
    /// Its position, from 0.
    pub index: usize,
    /// Its id.
    pub kid: Option<String>,
    /// Its SHA-256 thumbprint (RFC 7638), where it is used: by this it can be revoked, whatever its id.
    pub thumbprint: Option<[u8; 32]>,
    /// The algorithms that it verifies, or why it is not used.
    pub algorithms: Result<Vec<Algorithm>, JwkError>,
}

/// What the keys of a set are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Signatures of tokens.
    Signatures,
    /// JWT-SVIDs, in the bundle of a SPIFFE trust domain.
    JwtSvids,
    /// WIT-SVIDs, in such a bundle.
    WitSvids,
}

/// Reads a JWK Set as a gateway does, key by key.
///
/// # Errors
///
/// When it is no JWK Set, or has too many keys.
pub fn inspect_keys(jwks: &Json, key_use: KeyUse) -> Result<Vec<KeyReport>, JwksError> {
    let purpose = match key_use {
        KeyUse::Signatures => KeyPurpose::Signature,
        KeyUse::JwtSvids => KeyPurpose::JwtSvid,
        KeyUse::WitSvids => KeyPurpose::WitSvid,
    };
    let (set, rejected) = KeySet::read(jwks, purpose)?;
    let entries = jwks.get("keys").and_then(Json::as_array).unwrap_or_default();
    let mut used = set.keys().iter();
    let report = |(index, entry): (usize, &Json<'_>)| {
        let why = rejected.iter().find(|rejected| rejected.index == index).map(|RejectedKey { error, .. }| *error);
        let mut thumbprint = None;
        let algorithms = match why {
            Some(error) => Err(error),
            // The keys that are used come in the order of the set.
            None => {
                let key = used.next();
                thumbprint = key.map(|key| key.thumbprint);
                let allows = |algorithm: &Algorithm| key.is_some_and(|key| key.allows(*algorithm));
                Ok(Algorithm::ALL.into_iter().filter(allows).collect())
            }
        };
        let kid = entry.get("kid").and_then(Json::as_str).map(str::to_owned);
        KeyReport { index, kid, thumbprint, algorithms }
    };
    Ok(entries.iter().enumerate().map(report).collect())
}
