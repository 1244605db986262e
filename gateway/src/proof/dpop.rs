//! DPoP proofs (RFC 9449 §4.3): a JWT that the caller signs for one request with the key its token is bound to.

use super::error::ProofError;
use super::form::{self, ClaimError, FormError};
use super::nonce::NonceKey;
use super::replay::{Proof, ProofKind, ReplayMemory, Seen};
use super::target::Targets;
use super::thumbprint::thumbprint;
use crate::host::Host;
use crate::json::Json;
use crate::limits;
use crate::section::{DpopRules, SectionError, SectionErrorKind};
use crate::token::{Algorithm, CredentialError, JwkError, KeyPurpose, date_ms, read_jwk};

/// The rules of a bundle, checked.
#[derive(Debug)]
pub(crate) struct OpenDpop {
    targets: Targets,
    algorithms: Vec<Algorithm>,
    /// Their names, as challenges list them.
    names: String,
    max_age_ms: u64,
    clock_skew_ms: u64,
}

/// What a proof must be about.
pub(crate) struct DpopRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) authority: &'a [u8],
    pub(crate) path: &'a [u8],
    /// The token, whose digest `ath` repeats.
    pub(crate) token: &'a [u8],
    /// The thumbprint of the key that the token is bound to.
    pub(crate) key: &'a [u8; 32],
    /// Whether this very request was judged before, and its proof remembered.
    pub(crate) is_admitted: bool,
    pub(crate) now_ms: u64,
}

/// What is kept for proofs.
#[derive(Debug)]
pub(crate) struct DpopState {
    pub(crate) replay: ReplayMemory,
    /// Where nonces are asked for, what makes them.
    pub(crate) nonces: Option<NonceKey>,
}

impl OpenDpop {
    pub(crate) fn open(rules: DpopRules) -> Result<Self, SectionError> {
        let DpopRules { origins, algorithms, max_age_seconds, clock_skew_seconds } = rules;
        let error = |kind, what: &str| Err(SectionError::new(kind, format!("`{what}` of `dpop`")));
        let targets = Targets::open(&origins, "`dpop`")?;
        if algorithms.is_empty() {
            return error(SectionErrorKind::Empty, "algorithms");
        }
        if !(1..=limits::DPOP_MAX_AGE_SECONDS).contains(&max_age_seconds) {
            return error(SectionErrorKind::Range, "max_age_seconds");
        }
        if clock_skew_seconds > limits::CLOCK_SKEW_SECONDS {
            return error(SectionErrorKind::Range, "clock_skew_seconds");
        }
        Ok(Self {
            targets,
            names: algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(" "),
            algorithms,
            max_age_ms: max_age_seconds.saturating_mul(1000),
            clock_skew_ms: clock_skew_seconds.saturating_mul(1000),
        })
    }

    /// The algorithms, as challenges list them (RFC 9449 §5.1).
    pub(crate) fn algorithms(&self) -> &str {
        &self.names
    }

    /// Checks a proof. The numbers are those of RFC 9449 §4.3. The signature comes after everything that costs less, and a proof is
    /// remembered only once all else holds, so that nobody fills the memory without a token and its key.
    pub(crate) fn check(
        &self,
        proof: Result<Option<&[u8]>, CredentialError>,
        request: &DpopRequest<'_>,
        state: &DpopState,
        host: &mut dyn Host,
    ) -> Result<(), ProofError> {
        // 1: exactly one header; 2: one well-formed JWT.
        let text = form::decode(proof)?;
        let jws = form::read(&text)?;
        let (algorithm, jwk) = self.header(&jws.header)?;
        let key = read_jwk(jwk, KeyPurpose::Signature).map_err(|error| match error {
            JwkError::Private => ProofError::KeyPrivate,
            _ => ProofError::Key,
        })?;
        if !key.allows(algorithm) {
            return Err(ProofError::Algorithm);
        }
        // 12, second half: the key is the one that the token is bound to.
        if thumbprint(jwk).as_ref() != Some(request.key) {
            return Err(ProofError::KeyMismatch);
        }
        let (jti, issued_at) = self.claims(&jws.claims, request, state.nonces.as_ref())?;
        // 6: the signature, by the key of the header.
        if !key.material.verify(algorithm.signature(), host, jws.signing_input, jws.signature) {
            return Err(ProofError::Signature);
        }
        // §11.1: once.
        if request.is_admitted {
            return Ok(());
        }
        let proof = Proof {
            kind: ProofKind::Dpop,
            key: request.key,
            jti,
            stamp_ms: issued_at,
            oldest_ms: request.now_ms.saturating_sub(self.max_age_ms),
            newest_ms: request.now_ms.saturating_add(limits::CLOCK_SKEW_SECONDS.saturating_mul(1000)),
        };
        match state.replay.insert(&proof, host) {
            Seen::New => Ok(()),
            Seen::Before => Err(ProofError::Replayed),
            Seen::NoRoom => Err(ProofError::ReplayCacheFull),
            Seen::Unknown => Err(ProofError::ReplayUnknown),
            Seen::NoMemory => Err(ProofError::ReplayMemory),
        }
    }

    /// 4: `typ`; 5: an algorithm that is asymmetric, as all are here, and allowed; 7: `jwk`, whose private members
    /// [`read_jwk`] looks for.
    fn header<'j>(&self, header: &'j Json<'j>) -> Result<(Algorithm, &'j Json<'j>), ProofError> {
        if form::has_forbidden(header, Some("jwk")) {
            return Err(ProofError::HeaderForbidden);
        }
        if !form::is_of_type(header, "dpop+jwt") {
            return Err(ProofError::Type);
        }
        let algorithm = form::algorithm(header);
        let algorithm =
            algorithm.filter(|algorithm| self.algorithms.contains(algorithm)).ok_or(ProofError::Algorithm)?;
        Ok((algorithm, header.get("jwk").ok_or(ProofError::Key)?))
    }

    /// Checks the claims and gives back `jti` and `iat`.
    fn claims<'j>(
        &self,
        claims: &'j Json<'_>,
        request: &DpopRequest<'_>,
        nonces: Option<&NonceKey>,
    ) -> Result<(&'j str, u64), ProofError> {
        // 3: required claims.
        let jti = form::id(claims)?;
        let method = form::text(claims, "htm")?;
        let target = form::text(claims, "htu")?;
        let issued_at = claims.get("iat").ok_or(ProofError::ClaimMissing)?;
        let issued_at = date_ms(issued_at).ok_or(ProofError::ClaimType)?;
        let token_hash = form::text(claims, "ath")?;
        // 8: the method; 9: the target, without query and fragment.
        if method != request.method {
            return Err(ProofError::Method);
        }
        if !self.targets.has(target, request.authority, request.path) {
            return Err(ProofError::Target);
        }
        // 11: the time.
        let earliest = request.now_ms.saturating_sub(self.max_age_ms);
        let latest = request.now_ms.saturating_add(self.clock_skew_ms);
        if !(earliest..=latest).contains(&issued_at) {
            return Err(ProofError::Time);
        }
        // 10: the nonce.
        if let Some(nonces) = nonces {
            match claims.get("nonce") {
                None => return Err(ProofError::NonceMissing),
                Some(Json::String(nonce)) if nonces.accepts(nonce, request.now_ms) => {}
                Some(_) => return Err(ProofError::Nonce),
            }
        }
        // 12, first half: the token.
        if !form::is_digest(token_hash, request.token) {
            return Err(ProofError::TokenHash);
        }
        Ok((jti, issued_at))
    }
}

impl From<FormError> for ProofError {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Missing => Self::Missing,
            FormError::Repeated => Self::Repeated,
            FormError::TooLarge => Self::TooLarge,
            FormError::Malformed => Self::Malformed,
        }
    }
}

impl From<ClaimError> for ProofError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Missing => Self::ClaimMissing,
            ClaimError::Type => Self::ClaimType,
        }
    }
}
