//! Verification: from a compact token to claims that an issuer of the bundle vouches for.

use std::borrow::Cow;

use super::algorithm::Algorithm;
use super::authorization_details;
use super::claims::{self, Validity};
use super::compact::CompactText;
use super::error::TokenError;
use super::header::{self, JoseHeader, TokenType};
use super::issuer::{Issuer, IssuerIndex, IssuerTable};
use super::jws::CompactJws;
use super::profile;
use super::token_claims::TokenClaims;
use crate::host::Host;
use crate::json::Json;
use crate::proof::Confirmation;
use crate::section::TokenSlot;
use crate::status_list::StatusClaim;

/// The claims of a token whose signature, issuer, audience and times hold.
#[derive(Debug)]
pub(crate) struct VerifiedToken<'d> {
    pub(crate) issuer: IssuerIndex,
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<Cow<'d, str>>,
    /// The thumbprint of the key that signed it.
    pub(crate) signer: [u8; 32],
    pub(crate) claims: TokenClaims<'d>,
    pub(crate) validity: Validity,
    pub(crate) confirmation: Confirmation,
    /// Where its status is to be looked up.
    pub(crate) status: Option<StatusClaim>,
}

/// What a token says of itself, for the decision record. Until the token is verified these are mere assertions.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenFacts<'a> {
    /// The alias of the issuer, where the bundle knows it.
    pub(crate) issuer: Option<&'a str>,
    /// The profile of that issuer.
    pub(crate) profile: Option<&'static str>,
    pub(crate) kid: Option<Cow<'a, str>>,
    pub(crate) algorithm: Option<Algorithm>,
    /// The thumbprint of the key that it is bound to; once it is verified.
    pub(crate) key: Option<[u8; 32]>,
}

/// Verifies a token that came in a slot.
pub(crate) fn verify<'d, 'a: 'd>(
    text: &'d CompactText<'_>,
    slot: TokenSlot,
    issuers: &'a IssuerTable,
    host: &mut dyn Host,
    now_ms: u64,
    facts: &mut TokenFacts<'a>,
) -> Result<VerifiedToken<'d>, TokenError> {
    let jws = CompactJws::read(text)?;
    let kid = header::claimed_kid(&jws.header);
    facts.kid = kid.clone().map(|kid| Cow::Owned(kid.into_owned()));
    let header = JoseHeader::read(&jws.header)?;
    let algorithm = header.algorithm;
    facts.algorithm = Some(algorithm);

    let (index, issuer) = match slot {
        // What is made for the other slot is refused before anything else is said of it.
        TokenSlot::Authorization if header.token_type == TokenType::Workload => return Err(TokenError::Type),
        TokenSlot::Workload if header.token_type != TokenType::Workload => return Err(TokenError::Type),
        TokenSlot::Authorization => select_issuer(&jws.claims, issuers)?,
        TokenSlot::Workload => select_workloads(&jws.claims, issuers)?,
    };
    facts.issuer = Some(&issuer.alias);
    facts.profile = Some(issuer.profile.name());
    profile::check_header(&issuer.profile, &header)?;
    let signer = issuer.terms.verify_signature(&jws, &header, host, now_ms)?;
    let validity = claims::check(&jws.claims, &issuer.terms, now_ms)?.at_most(issuer.terms.keys.usable_until_ms());
    let found = profile::check_claims(&issuer.profile, &jws.claims)?;
    let confirmation = Confirmation::read(&jws.claims, &issuer.profile)?;
    authorization_details::check(&jws.claims)?;
    let status = StatusClaim::read(&jws.claims, &issuer.status)?;
    let claims = TokenClaims::new(jws.claims, issuer, &confirmation, found);
    Ok(VerifiedToken { issuer: index, algorithm, kid, signer, claims, validity, confirmation, status })
}

/// The issuer that the claims name. They are not verified yet; the name only selects whose keys must have signed.
fn select_issuer<'a>(claims: &Json, issuers: &'a IssuerTable) -> Result<(IssuerIndex, &'a Issuer), TokenError> {
    match claims.get("iss") {
        // A JWT-SVID may go without: the trust domain of its subject selects the keys then.
        None => {
            let domain = profile::subject_domain(claims).ok_or(TokenError::IssuerMissing)?;
            issuers.find_trust_domain(domain).ok_or(TokenError::IssuerUnknown)
        }
        Some(Json::String(iss)) => issuers.find(iss).ok_or(TokenError::IssuerUnknown),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) => {
            Err(TokenError::ClaimType)
        }
    }
}

/// The issuer of the trust domain that the subject is of. `iss` finds nothing: where there is one, it is the one that the bundle
/// has for this domain.
fn select_workloads<'a>(claims: &Json, issuers: &'a IssuerTable) -> Result<(IssuerIndex, &'a Issuer), TokenError> {
    let domain = profile::workload_domain(claims)?;
    let (index, issuer) = issuers.find_workload_domain(domain).ok_or(TokenError::TrustDomain)?;
    match claims.get("iss") {
        None => Ok((index, issuer)),
        Some(Json::String(iss)) if **iss == *issuer.issuer => Ok((index, issuer)),
        Some(Json::String(_)) => Err(TokenError::IssuerUnknown),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) => {
            Err(TokenError::ClaimType)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::NativeHost;
    use crate::section;
    use crate::token::testing;

    // What is refused and why is in `tests/cases/tokens.txt`; here is only what the record gets to see.

    fn facts_of(header: &str, claims: &str) -> (TokenFacts<'static>, Option<TokenError>) {
        let issuers = vec![section::testing::issuer("dev", "https://issuer")];
        let issuers = Box::leak(Box::new(IssuerTable::open(issuers).unwrap()));
        let token = testing::p256(1).token(header, claims);
        let text = CompactText::for_test(&token);
        let mut facts = TokenFacts::default();
        let error =
            verify(&text, TokenSlot::Authorization, issuers, &mut NativeHost::at(1000), 1_000_000, &mut facts).err();
        (facts, error)
    }

    #[test]
    fn facts_are_kept_as_far_as_reading_came() {
        let claims = r#"{"iss":"https://issuer","aud":"https://gateway","iat":1000,"exp":1100}"#;
        let (facts, error) = facts_of(r#"{"alg":"ES256","kid":"es"}"#, claims);
        assert_eq!(error, None);
        assert_eq!(facts.issuer, Some("dev"));
        assert_eq!(facts.algorithm, Some(Algorithm::Es256));
        assert_eq!(facts.kid.as_deref(), Some("es"));

        let (facts, error) = facts_of(r#"{"alg":"none","kid":"es"}"#, claims);
        assert_eq!(error, Some(TokenError::AlgorithmNotAllowed));
        assert_eq!((facts.issuer, facts.algorithm, facts.kid.as_deref()), (None, None, Some("es")));

        let (facts, error) = facts_of(r#"{"alg":"ES256"}"#, "{}");
        assert_eq!(error, Some(TokenError::IssuerMissing));
        assert_eq!((facts.issuer, facts.algorithm), (None, Some(Algorithm::Es256)));

        let (facts, error) = facts_of("{}{}", claims);
        assert_eq!(error, Some(TokenError::Json));
        assert!(facts.issuer.is_none() && facts.algorithm.is_none() && facts.kid.is_none());
    }
}
