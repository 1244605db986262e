//! Workload proof tokens (draft-ietf-wimse-wpt-02): a JWT that a workload signs for one request with the key that its identity token
//! is bound to.
//!
//! Later drafts put the proof elsewhere and answer otherwise; what is here is named by its draft wherever it is configured.

use super::confirmation::BoundKey;
use super::form::{self, ClaimError, FormError};
use super::replay::{Proof, ProofKind, ReplayMemory, Seen};
use super::target::Targets;
use crate::header_map::{self, HeaderMap};
use crate::header_name::is_header_name;
use crate::host::Host;
use crate::json::Json;
use crate::limits;
use crate::section::{BesideWorkload, SectionError, SectionErrorKind, WorkloadProofDraft, WorkloadProofRules};
use crate::token::{Algorithm, CredentialError, date_ms};

/// Why a workload has not proved that an identity token is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadProofError {
    /// A proof, and no identity token.
    TokenMissing,
    /// No `Workload-Proof-Token` header.
    Missing,
    /// More than one `Workload-Proof-Token` header, or several values in one.
    Repeated,
    /// The proof is longer than the limit.
    TooLarge,
    /// The proof is not one signed JWT.
    Malformed,
    /// `typ` is not `wpt+jwt`.
    Type,
    /// `alg` is not the one of the key, or not one that proofs may have.
    Algorithm,
    /// The header has `crit`, or a member that changes how the proof would be read.
    HeaderForbidden,
    /// The signature does not hold.
    Signature,
    /// `aud`, `exp`, `jti` or `wth` is missing.
    ClaimMissing,
    /// A claim has the wrong type, or `jti` is empty or too long.
    ClaimType,
    /// `aud` is not the request's target, nor another name of this gateway.
    Audience,
    /// `exp` has passed.
    Expired,
    /// `exp` is too far in the future.
    Lifetime,
    /// `nbf` or `iat` is in the future.
    NotYetValid,
    /// `wth` is not the digest of the identity token.
    TokenHash,
    /// `ath` is not the digest of the access token, or one of the two is missing.
    AccessTokenHash,
    /// `tth` is not the digest of the transaction token, or one of the two is missing.
    TransactionHash,
    /// An entry of `oth` is not the digest of a header that the request has once, or a header that needs one has none.
    OtherHash,
    /// The proof was used before.
    Replayed,
    /// There is no room to remember another proof, so this one could be repeated.
    ReplayCacheFull,
    /// The proof is older than what the memory of proofs knows, so it cannot be told from a repeated one.
    ReplayUnknown,
    /// The host has no memory of proofs, or took nothing into it.
    ReplayMemory,
}

/// How far in the future any bundle could let a proof expire, in milliseconds.
const NEWEST_MS: u64 = (limits::WORKLOAD_PROOF_SECONDS + limits::CLOCK_SKEW_SECONDS) * 1000;

/// The rules of a bundle, checked.
#[derive(Debug)]
pub(crate) struct OpenWorkloadProof {
    targets: Targets,
    aliases: Vec<String>,
    algorithms: Vec<Algorithm>,
    max_lifetime_ms: u64,
    clock_skew_ms: u64,
    covered_headers: Vec<String>,
    /// What `Authorization` means beside an identity token.
    pub(crate) access_token: BesideWorkload,
    /// Whether the upstream gets token and proof.
    pub(crate) forward: bool,
}

/// What a proof must be about.
pub(crate) struct WorkloadRequest<'a> {
    pub(crate) headers: HeaderMap<'a>,
    pub(crate) authority: &'a [u8],
    pub(crate) path: &'a [u8],
    /// The identity token, whose digest `wth` repeats.
    pub(crate) token: &'a [u8],
    /// The key that it is bound to.
    pub(crate) key: &'a BoundKey,
    /// The access token, where the request has one.
    pub(crate) access_token: Option<&'a [u8]>,
    /// The `Txn-Token` header, or why there is not at most one.
    pub(crate) transaction: Result<Option<&'a [u8]>, CredentialError>,
    /// Whether this very request was judged before, and its proof remembered.
    pub(crate) is_admitted: bool,
    pub(crate) now_ms: u64,
}

impl OpenWorkloadProof {
    pub(crate) fn open(rules: WorkloadProofRules) -> Result<Self, SectionError> {
        let WorkloadProofRules {
            draft: WorkloadProofDraft::Wpt02,
            origins,
            aliases,
            algorithms,
            max_lifetime_seconds,
            clock_skew_seconds,
            access_token,
            covered_headers,
            forward,
        } = rules;
        let error = |kind, what: &str| Err(SectionError::new(kind, format!("`{what}` of `workload_proof`")));
        let targets = Targets::open(&origins, "`workload_proof`")?;
        if aliases.iter().any(String::is_empty) {
            return error(SectionErrorKind::Empty, "aliases");
        }
        if aliases.len() > limits::AUDIENCES {
            return error(SectionErrorKind::Limit, "aliases");
        }
        if algorithms.is_empty() {
            return error(SectionErrorKind::Empty, "algorithms");
        }
        if !(1..=limits::WORKLOAD_PROOF_SECONDS).contains(&max_lifetime_seconds) {
            return error(SectionErrorKind::Range, "max_lifetime_seconds");
        }
        if clock_skew_seconds > limits::CLOCK_SKEW_SECONDS {
            return error(SectionErrorKind::Range, "clock_skew_seconds");
        }
        if covered_headers.len() > limits::COVERED_HEADERS {
            return error(SectionErrorKind::Limit, "covered_headers");
        }
        if !covered_headers.iter().all(|name| can_be_covered(name)) {
            return error(SectionErrorKind::Name, "covered_headers");
        }
        Ok(Self {
            targets,
            aliases,
            algorithms,
            max_lifetime_ms: max_lifetime_seconds.saturating_mul(1000),
            clock_skew_ms: clock_skew_seconds.saturating_mul(1000),
            covered_headers,
            access_token,
            forward,
        })
    }

    /// Checks a proof. The signature comes after everything that costs less, and a proof is remembered only once all else holds, so
    /// that nobody fills the memory without an identity token and its key.
    pub(crate) fn check(
        &self,
        proof: Result<Option<&[u8]>, CredentialError>,
        request: &WorkloadRequest<'_>,
        replay: &ReplayMemory,
        host: &mut dyn Host,
    ) -> Result<(), WorkloadProofError> {
        let text = form::decode(proof)?;
        let jws = form::read(&text)?;
        if form::has_forbidden(&jws.header, None) {
            return Err(WorkloadProofError::HeaderForbidden);
        }
        if !form::is_of_type(&jws.header, "wpt+jwt") || jws.header.get("cty").is_some() {
            return Err(WorkloadProofError::Type);
        }
        let algorithm = request.key.algorithm;
        if form::algorithm(&jws.header) != Some(algorithm) || !self.algorithms.contains(&algorithm) {
            return Err(WorkloadProofError::Algorithm);
        }
        let (jti, expires_ms) = self.claims(&jws.claims, request)?;
        if !request.key.material.verify(algorithm.signature(), host, jws.signing_input, jws.signature) {
            return Err(WorkloadProofError::Signature);
        }
        if request.is_admitted {
            return Ok(());
        }
        let proof = Proof {
            kind: ProofKind::Workload,
            key: &request.key.thumbprint,
            jti,
            stamp_ms: expires_ms,
            oldest_ms: request.now_ms.saturating_sub(self.clock_skew_ms),
            newest_ms: request.now_ms.saturating_add(NEWEST_MS),
        };
        match replay.insert(&proof, host) {
            Seen::New => Ok(()),
            Seen::Before => Err(WorkloadProofError::Replayed),
            Seen::NoRoom => Err(WorkloadProofError::ReplayCacheFull),
            Seen::Unknown => Err(WorkloadProofError::ReplayUnknown),
            Seen::NoMemory => Err(WorkloadProofError::ReplayMemory),
        }
    }

    /// Checks the claims and gives back `jti` and `exp`, in milliseconds.
    fn claims<'j>(
        &self,
        claims: &'j Json<'_>,
        request: &WorkloadRequest<'_>,
    ) -> Result<(&'j str, u64), WorkloadProofError> {
        let jti = form::id(claims)?;
        let token_hash = form::text(claims, "wth")?;
        let audience = match claims.get("aud").ok_or(WorkloadProofError::ClaimMissing)? {
            // A proof for several would be good at each of them.
            Json::Array(list) => match list.as_slice() {
                [only] => only.as_str(),
                _ => None,
            },
            single => single.as_str(),
        };
        let audience = audience.ok_or(WorkloadProofError::ClaimType)?;
        let expires = self.check_times(claims, request.now_ms)?;
        let is_alias = self.aliases.iter().any(|alias| alias == audience);
        if !is_alias && !self.targets.has(audience, request.authority, request.path) {
            return Err(WorkloadProofError::Audience);
        }
        if !form::is_digest(token_hash, request.token) {
            return Err(WorkloadProofError::TokenHash);
        }
        check_hash(claims, "ath", request.access_token, WorkloadProofError::AccessTokenHash)?;
        let transaction = request.transaction.map_err(|_| WorkloadProofError::TransactionHash)?;
        check_hash(claims, "tth", transaction, WorkloadProofError::TransactionHash)?;
        self.check_others(claims, request.headers)?;
        Ok((jti, expires))
    }

    /// Checks the times and gives back `exp`.
    fn check_times(&self, claims: &Json, now_ms: u64) -> Result<u64, WorkloadProofError> {
        let date = |claim: &Json| date_ms(claim).ok_or(WorkloadProofError::ClaimType);
        let expires = date(claims.get("exp").ok_or(WorkloadProofError::ClaimMissing)?)?;
        if now_ms >= expires.saturating_add(self.clock_skew_ms) {
            return Err(WorkloadProofError::Expired);
        }
        let latest_start = now_ms.saturating_add(self.clock_skew_ms);
        if expires > latest_start.saturating_add(self.max_lifetime_ms) {
            return Err(WorkloadProofError::Lifetime);
        }
        for name in ["nbf", "iat"] {
            if claims.get(name).map(date).transpose()?.is_some_and(|time| time > latest_start) {
                return Err(WorkloadProofError::NotYetValid);
            }
        }
        Ok(expires)
    }

    /// Checks `oth`: each of its entries is the digest of a header, and each header that needs an entry has one.
    fn check_others(&self, claims: &Json, headers: HeaderMap<'_>) -> Result<(), WorkloadProofError> {
        let entries = match claims.get("oth") {
            None => &[],
            Some(others) => others.as_object().ok_or(WorkloadProofError::ClaimType)?,
        };
        if entries.len() > limits::COVERED_HEADERS {
            return Err(WorkloadProofError::OtherHash);
        }
        for (name, hash) in entries {
            let hash = hash.as_str().ok_or(WorkloadProofError::ClaimType)?;
            let mut values = headers.values(name);
            let (Some(value), None, true) = (values.next(), values.next(), can_be_covered(name)) else {
                return Err(WorkloadProofError::OtherHash);
            };
            if !form::is_digest(hash, value.trim_ascii()) {
                return Err(WorkloadProofError::OtherHash);
            }
        }
        let is_covered = |name: &String| entries.iter().any(|(covered, _)| *covered == **name);
        let lacks_one = |name: &&String| !is_covered(name) && headers.values(name).next().is_some();
        match self.covered_headers.iter().find(lacks_one) {
            Some(_) => Err(WorkloadProofError::OtherHash),
            None => Ok(()),
        }
    }
}

/// A claim that is the digest of a token, where there is one, and is not there where there is none.
fn check_hash(
    claims: &Json,
    name: &str,
    token: Option<&[u8]>,
    error: WorkloadProofError,
) -> Result<(), WorkloadProofError> {
    match (claims.get(name), token) {
        (None, None) => Ok(()),
        (Some(Json::String(hash)), Some(token)) if form::is_digest(hash, token) => Ok(()),
        (Some(_) | None, _) => Err(error),
    }
}

/// Whether `oth` may have a header: by its name in lower case, and if it is not one that only this filter sets.
fn can_be_covered(name: &str) -> bool {
    is_header_name(name) && !header_map::is_reserved(name.as_bytes())
}

impl From<FormError> for WorkloadProofError {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Missing => Self::Missing,
            FormError::Repeated => Self::Repeated,
            FormError::TooLarge => Self::TooLarge,
            FormError::Malformed => Self::Malformed,
        }
    }
}

impl From<ClaimError> for WorkloadProofError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Missing => Self::ClaimMissing,
            ClaimError::Type => Self::ClaimType,
        }
    }
}
