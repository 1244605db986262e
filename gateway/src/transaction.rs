//! Transaction tokens (draft-ietf-oauth-transaction-tokens): which transaction a request is part of, as the trust domain's own
//! service says. They tell policies about the request, and never who sends it.

use crate::host::Host;
use crate::identity::{ClaimSlots, ClaimValue};
use crate::json::Json;
use crate::limits;
use crate::section::{SectionError, TransactionMode, TransactionTokens};
use crate::token::{
    ClaimRules, CompactJws, CompactText, CredentialError, JoseHeader, KeyPurpose, RawTerms, Terms, TokenClaims,
    TokenError, TokenType, check_registered,
};

/// Why a transaction token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionError {
    /// There is one where none may be.
    Refused,
    /// There is none where one must be.
    Missing,
    /// More than one `Txn-Token` header, or several values in one.
    Repeated,
    /// Not one signed JWT within the limits.
    Malformed,
    /// `typ` is not `txntoken+jwt`.
    Type,
    /// `iss` is not the one of the trust domain's service.
    Issuer,
    /// The token is not signed as it must be.
    Signature,
    /// The audience is not this trust domain.
    Audience,
    /// The token is expired, not yet valid, or lives too long.
    Time,
    /// A required claim is missing or has the wrong type.
    Claim,
    /// The transaction is revoked.
    Revoked,
}

/// The rules of a bundle, checked.
#[derive(Debug)]
pub(crate) struct TransactionRules {
    issuer: Option<String>,
    terms: Terms,
}

/// What a request's transaction token says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transaction {
    /// `txn`: what the requests of one transaction have in common.
    pub(crate) id: String,
    /// What the routes of the bundle read, in the order of their slots.
    pub(crate) claims: Vec<ClaimValue>,
}

impl TransactionRules {
    pub(crate) fn open(raw: TransactionTokens) -> Result<Self, SectionError> {
        let TransactionTokens { audience, issuer, algorithms, jwks, max_lifetime_seconds, clock_skew_seconds } = raw;
        let terms = RawTerms {
            audiences: vec![audience],
            multiple_audiences: false,
            algorithms,
            jwks: Some(&jwks),
            remote_jwks: None,
            purpose: KeyPurpose::Signature,
            rules: ClaimRules::STRICT,
            max_lifetime_seconds,
            clock_skew_seconds,
        };
        Ok(Self { issuer, terms: Terms::open(terms, "`transaction_tokens`")? })
    }

    fn verify(
        &self,
        value: &[u8],
        host: &mut dyn Host,
        now_ms: u64,
        slots: &ClaimSlots,
    ) -> Result<Transaction, TransactionError> {
        let text = CompactText::read(value, limits::TOKEN_BYTES).map_err(|error| match error {
            CredentialError::Repeated => TransactionError::Repeated,
            CredentialError::Missing
            | CredentialError::Certificate
            | CredentialError::Scheme
            | CredentialError::TwoMethods
            | CredentialError::InQuery
            | CredentialError::TooLarge
            | CredentialError::Malformed => TransactionError::Malformed,
        })?;
        let jws = CompactJws::read(&text).map_err(|_| TransactionError::Malformed)?;
        let header = JoseHeader::read(&jws.header).map_err(|error| match error {
            TokenError::Type => TransactionError::Type,
            _ => TransactionError::Signature,
        })?;
        if header.token_type != TokenType::Transaction {
            return Err(TransactionError::Type);
        }
        let issuer = jws.claims.get("iss").map(Json::as_str);
        if issuer.is_some_and(|issuer| issuer.is_none() || issuer != self.issuer.as_deref()) {
            return Err(TransactionError::Issuer);
        }
        self.terms.verify_signature(&jws, &header, host, now_ms).map_err(|_| TransactionError::Signature)?;
        check_registered(&jws.claims, &self.terms, now_ms).map_err(|error| match error {
            TokenError::Audience | TokenError::AudienceMissing | TokenError::AudienceMultiple => {
                TransactionError::Audience
            }
            TokenError::ClaimType => TransactionError::Claim,
            _ => TransactionError::Time,
        })?;
        let id = check_claims(&jws.claims)?;
        Ok(Transaction { id, claims: slots.read(&TokenClaims::of_nobody(jws.claims)) })
    }
}

/// Checks the claims that every transaction token has, and gives back `txn`.
fn check_claims(claims: &Json) -> Result<String, TransactionError> {
    let text = |name: &str| {
        let text = claims.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        text.ok_or(TransactionError::Claim)
    };
    for name in ["sub", "scope", "req_wl"] {
        text(name)?;
    }
    if claims.get("iat").is_none() {
        return Err(TransactionError::Claim);
    }
    // The authorization details and the environment are objects where they are there.
    if ["tctx", "rctx"].iter().any(|name| claims.get(name).is_some_and(|claim| claim.as_object().is_none())) {
        return Err(TransactionError::Claim);
    }
    text("txn").map(str::to_owned)
}

/// Reads the transaction token of a request, as its route asks for. `None` where the route takes none or there is none.
pub(crate) fn read(
    header: Result<Option<&[u8]>, CredentialError>,
    mode: TransactionMode,
    rules: Option<&TransactionRules>,
    slots: &ClaimSlots,
    host: &mut dyn Host,
    now_ms: u64,
) -> Result<Option<Transaction>, TransactionError> {
    let needs_one = match mode {
        TransactionMode::Strip => return Ok(None),
        TransactionMode::Refuse => {
            return if matches!(header, Ok(None)) { Ok(None) } else { Err(TransactionError::Refused) };
        }
        TransactionMode::Optional => false,
        TransactionMode::Required => true,
    };
    match (header, rules) {
        (Err(_), _) => Err(TransactionError::Repeated),
        (Ok(None), _) if needs_one => Err(TransactionError::Missing),
        (Ok(None), _) => Ok(None),
        (Ok(Some(value)), Some(rules)) => rules.verify(value, host, now_ms, slots).map(Some),
        // Opening a section refuses a route that reads them without rules.
        (Ok(Some(_)), None) => Err(TransactionError::Refused),
    }
}
