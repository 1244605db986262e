//! The terms under which tokens of a signer are accepted: keys, algorithms, audiences and times.

use super::algorithm::Algorithm;
use super::error::TokenError;
use super::header::JoseHeader;
use super::jwk::KeyPurpose;
use super::jws::CompactJws;
use super::key_set::{JwksError, KeySet};
use crate::host::Host;
use crate::json::Json;
use crate::jwks::{IssuerKeys, RemoteKeys};
use crate::limits;
use crate::section::{RemoteJwks, SectionError, SectionErrorKind};

/// Terms as a section states them.
pub(crate) struct RawTerms<'a> {
    pub(crate) audiences: Vec<String>,
    pub(crate) multiple_audiences: bool,
    pub(crate) algorithms: Vec<Algorithm>,
    /// Either this or `remote_jwks` is there.
    pub(crate) jwks: Option<&'a Json<'a>>,
    pub(crate) remote_jwks: Option<RemoteJwks>,
    pub(crate) purpose: KeyPurpose,
    pub(crate) rules: ClaimRules,
    pub(crate) max_lifetime_seconds: u64,
    pub(crate) clock_skew_seconds: u64,
}

/// Terms that have been checked.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) audiences: Vec<String>,
    pub(crate) multiple_audiences: bool,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) keys: IssuerKeys,
    pub(crate) max_lifetime_ms: u64,
    pub(crate) clock_skew_ms: u64,
    pub(crate) rules: ClaimRules,
}

/// What a kind of token must say about time and audience, besides `exp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimRules {
    /// Whether it has `iat` or `nbf`.
    pub(crate) needs_beginning: bool,
    /// Whether it names an audience. One that it names is ours in any case.
    pub(crate) needs_audience: bool,
    /// Whether it is valid from `iat` on.
    pub(crate) is_valid_from_issue: bool,
}

impl ClaimRules {
    /// What most kinds must.
    pub(crate) const STRICT: Self = Self { needs_beginning: true, needs_audience: true, is_valid_from_issue: true };
}

impl Terms {
    /// Checks terms; `place` says whose they are.
    pub(crate) fn open(raw: RawTerms<'_>, place: &str) -> Result<Self, SectionError> {
        let RawTerms {
            audiences,
            multiple_audiences,
            algorithms,
            jwks,
            remote_jwks,
            purpose,
            rules,
            max_lifetime_seconds,
            clock_skew_seconds,
        } = raw;
        let error = |kind, what: &str| Err(SectionError::new(kind, format!("{what} of {place}")));
        if audiences.is_empty() && rules.needs_audience || audiences.iter().any(String::is_empty) {
            return error(SectionErrorKind::Empty, "`audiences`");
        }
        if audiences.len() > limits::AUDIENCES {
            return error(SectionErrorKind::Limit, "`audiences`");
        }
        if algorithms.is_empty() {
            return error(SectionErrorKind::Empty, "`algorithms`");
        }
        if !(1..=limits::TOKEN_LIFETIME_SECONDS).contains(&max_lifetime_seconds) {
            return error(SectionErrorKind::Range, "`max_lifetime_seconds`");
        }
        if clock_skew_seconds > limits::CLOCK_SKEW_SECONDS {
            return error(SectionErrorKind::Range, "`clock_skew_seconds`");
        }
        let keys = match (jwks, remote_jwks) {
            (Some(jwks), None) => IssuerKeys::Inline(inline_keys(jwks, purpose, &algorithms, place)?),
            (None, Some(remote)) => IssuerKeys::Remote(RemoteKeys::open(remote, place)?),
            (Some(_), Some(_)) | (None, None) => {
                return error(SectionErrorKind::Keys, "neither or both of `jwks` and `remote_jwks`");
            }
        };
        Ok(Self {
            audiences,
            multiple_audiences,
            algorithms,
            keys,
            max_lifetime_ms: max_lifetime_seconds.saturating_mul(1000),
            clock_skew_ms: clock_skew_seconds.saturating_mul(1000),
            rules,
        })
    }

    /// Checks algorithm, key and signature of a token. Returns the thumbprint of the key that signed it.
    pub(crate) fn verify_signature(
        &self,
        jws: &CompactJws<'_>,
        header: &JoseHeader<'_>,
        host: &mut dyn Host,
        now_ms: u64,
    ) -> Result<[u8; 32], TokenError> {
        if !self.algorithms.contains(&header.algorithm) {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        let key = self.keys.find(header.kid, header.algorithm, now_ms)?;
        if key.material.verify(header.algorithm.signature(), host, jws.signing_input, jws.signature) {
            Ok(key.thumbprint)
        } else {
            Err(TokenError::Signature)
        }
    }

    /// Terms for tests of claims: no keys, times in seconds.
    #[cfg(test)]
    pub(crate) fn for_claims_test(audiences: &[&str], max_lifetime: u64, skew: u64) -> Self {
        use crate::json::JsonLimits;
        let jwks = Json::parse(b"{\"keys\":[]}", &JsonLimits::JWKS).unwrap();
        Self {
            audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
            multiple_audiences: false,
            algorithms: vec![Algorithm::Es256],
            keys: IssuerKeys::Inline(KeySet::read(&jwks, KeyPurpose::Signature).unwrap().0),
            max_lifetime_ms: max_lifetime * 1000,
            clock_skew_ms: skew * 1000,
            rules: ClaimRules::STRICT,
        }
    }
}

/// The keys of a set that stands in the bundle.
fn inline_keys(
    jwks: &Json,
    purpose: KeyPurpose,
    algorithms: &[Algorithm],
    place: &str,
) -> Result<KeySet, SectionError> {
    let error = |kind, what: &str| Err(SectionError::new(kind, format!("{what} of {place}")));
    let (keys, rejected) = match KeySet::read(jwks, purpose) {
        Ok(read) => read,
        Err(JwksError::Malformed) => return error(SectionErrorKind::Keys, "`jwks`"),
        Err(JwksError::Limit) => return error(SectionErrorKind::Limit, "`jwks`"),
    };
    // Keys for other ends may lie in a signer's set; a defective one means that the set is not what was meant.
    if let Some(key) = rejected.iter().find(|key| !key.error.is_ignorable()) {
        return error(SectionErrorKind::Keys, &format!("key {} ({})", key.index, key.error.code()));
    }
    if keys.count(algorithms) == 0 {
        return error(SectionErrorKind::Keys, "no usable key in `jwks`");
    }
    Ok(keys)
}
