//! What each kind of token must look like, beyond what all of them must.
//!
//! Kinds are told apart by configuration: the issuer of a token says which kind it is, and the token must agree. That
//! a token is of no other kind is confirmed by its `typ` and by the claims that only other kinds have (RFC 8725 §3.11).

mod github;
mod kubernetes;
mod oauth;
mod spiffe;
mod workload;

use std::borrow::Cow;

use super::error::TokenError;
use super::header::{JoseHeader, TokenType};
use super::terms::ClaimRules;
use crate::json::{Json, Member};
use crate::section::{Profile, SectionError, SectionErrorKind};
use crate::token::Algorithm;

pub(crate) use spiffe::ALGORITHMS as SVID_ALGORITHMS;
pub(super) use spiffe::{check as check_spiffe, subject_domain};
pub(super) use workload::domain as workload_domain;

/// Claims that only kinds of tokens have which are not for callers: security events (RFC 8417), status lists, DPoP and
/// workload proofs, transaction tokens.
const FOREIGN_CLAIMS: [&str; 6] = ["events", "status_list", "htm", "htu", "wth", "req_wl"];

/// Checks the header of a token whose issuer has a profile.
pub(super) fn check_header(profile: &Profile, header: &JoseHeader<'_>) -> Result<(), TokenError> {
    let fits = match profile {
        Profile::Oauth => matches!(header.token_type, TokenType::AccessToken),
        Profile::OauthLenient => {
            matches!(header.token_type, TokenType::Absent | TokenType::Jwt | TokenType::AccessToken)
        }
        Profile::Oidc | Profile::Kubernetes => matches!(header.token_type, TokenType::Absent | TokenType::Jwt),
        Profile::SpiffeJwtSvid { .. } => {
            matches!(header.token_type, TokenType::Absent | TokenType::Jwt | TokenType::Jose)
        }
        Profile::GithubActions => matches!(header.token_type, TokenType::Jwt),
        Profile::WimseWit03 { .. } | Profile::SpiffeWitSvid { .. } => matches!(header.token_type, TokenType::Workload),
    };
    if !fits {
        return Err(TokenError::Type);
    }
    // JWT-SVID §2: other members must not be there.
    if matches!(profile, Profile::SpiffeJwtSvid { .. }) && header.has_other_members {
        return Err(TokenError::HeaderMember);
    }
    // WIT-SVID §2.1: the key is named, and never looked for.
    if matches!(profile, Profile::SpiffeWitSvid { .. }) && header.kid.is_none() {
        return Err(TokenError::KeyIdMissing);
    }
    Ok(())
}

/// Checks the claims of a token whose signature holds, and says what follows from them: an object whose members are
/// named in [`super::TokenClaims`].
pub(super) fn check_claims<'t>(profile: &Profile, claims: &Json<'t>) -> Result<Vec<Member<'t>>, TokenError> {
    if FOREIGN_CLAIMS.iter().any(|name| claims.get(name).is_some()) {
        return Err(TokenError::OtherKind);
    }
    match profile {
        Profile::Oauth => oauth::check(claims, oauth::Strictness::Strict),
        Profile::OauthLenient => oauth::check(claims, oauth::Strictness::Lenient),
        Profile::Oidc => {
            required(claims, "sub", TokenError::SubjectMissing)?;
            present(claims, "iat", TokenError::IssuedAtMissing)?;
            Ok(Vec::new())
        }
        Profile::SpiffeJwtSvid { trust_domain, .. } => spiffe::check(claims, trust_domain),
        Profile::Kubernetes => kubernetes::check(claims),
        Profile::GithubActions => github::check(claims),
        Profile::WimseWit03 { trust_domain } => workload::check(claims, trust_domain),
        Profile::SpiffeWitSvid { trust_domain } => spiffe::check(claims, trust_domain),
    }
}

/// What the claims of a profile's tokens must say about time and audience.
pub(super) fn claim_rules(profile: &Profile) -> ClaimRules {
    match profile {
        Profile::Oauth | Profile::OauthLenient | Profile::Oidc | Profile::Kubernetes | Profile::GithubActions => {
            ClaimRules::STRICT
        }
        // JWT-SVID §3 asks for `exp` only.
        Profile::SpiffeJwtSvid { .. } => ClaimRules { needs_beginning: false, ..ClaimRules::STRICT },
        // Their proof says whom they are for.
        Profile::WimseWit03 { .. } => {
            ClaimRules { needs_beginning: false, needs_audience: false, ..ClaimRules::STRICT }
        }
        // WIT-SVID §3.6: `iat` does not say from when on it is valid.
        Profile::SpiffeWitSvid { .. } => {
            ClaimRules { needs_beginning: false, needs_audience: false, is_valid_from_issue: false }
        }
    }
}

/// What a profile demands of the issuer's own description.
pub(super) struct IssuerTerms<'a> {
    pub(super) issuer: &'a str,
    pub(super) audiences: &'a [String],
    pub(super) algorithms: &'a [Algorithm],
}

/// Checks an issuer's description by its profile; `alias` names it in the error.
pub(super) fn check_issuer(profile: &Profile, terms: &IssuerTerms<'_>, alias: &str) -> Result<(), SectionError> {
    let refused = |what: &str| {
        Err(SectionError::new(
            SectionErrorKind::Profile,
            format!("{what} of the issuer `{alias}`, whose profile is `{}`", profile.name()),
        ))
    };
    // Names that belong to one profile must not turn up under another: its rules would not be applied.
    if github::is_issuer(terms.issuer) != matches!(profile, Profile::GithubActions) {
        return refused("the name");
    }
    let is_identifier = terms.issuer.starts_with("spiffe:") || terms.issuer.starts_with("wimse:");
    if is_identifier && profile.trust_domain().is_none() {
        return refused("the name");
    }
    if profile.trust_domain().is_some_and(|domain| !super::workload_id::is_trust_domain(domain)) {
        return refused("the trust domain");
    }
    if terms.audiences.is_empty() && claim_rules(profile).needs_audience {
        return Err(SectionError::new(SectionErrorKind::Empty, format!("`audiences` of the issuer `{alias}`")));
    }
    match profile {
        Profile::Oauth | Profile::OauthLenient | Profile::Oidc | Profile::WimseWit03 { .. } => Ok(()),
        // WIT-SVID §3: no audience; what has one is none.
        Profile::SpiffeWitSvid { .. } if !terms.audiences.is_empty() => refused("an audience"),
        Profile::SpiffeJwtSvid { .. } | Profile::SpiffeWitSvid { .. } => {
            if !terms.algorithms.iter().all(|algorithm| spiffe::ALGORITHMS.contains(algorithm)) {
                return refused("the algorithms");
            }
            Ok(())
        }
        Profile::Kubernetes => {
            if kubernetes::is_legacy_issuer(terms.issuer) {
                return refused("the name");
            }
            let own = |audience: &String| audience == terms.issuer || kubernetes::is_server_audience(audience);
            if terms.audiences.iter().any(own) { refused("an audience") } else { Ok(()) }
        }
        Profile::GithubActions => {
            if terms.algorithms != [Algorithm::Rs256] {
                return refused("the algorithms");
            }
            let default = |audience: &String| github::is_default_audience(terms.issuer, audience);
            if terms.audiences.iter().any(default) { refused("an audience") } else { Ok(()) }
        }
    }
}

/// A claim that must be there and be a string that is not empty.
fn required<'a>(claims: &'a Json<'_>, name: &str, missing: TokenError) -> Result<&'a str, TokenError> {
    match optional(claims, name)? {
        None | Some("") => Err(missing),
        Some(text) => Ok(text),
    }
}

/// A claim that must be a string where it is there.
fn optional<'a>(claims: &'a Json<'_>, name: &str) -> Result<Option<&'a str>, TokenError> {
    claims.get(name).map(|claim| claim.as_str().ok_or(TokenError::ClaimType)).transpose()
}

/// A claim that must be there; its type has been checked.
fn present(claims: &Json, name: &str, missing: TokenError) -> Result<(), TokenError> {
    claims.get(name).map(|_| ()).ok_or(missing)
}

fn text(text: impl Into<String>) -> Json<'static> {
    Json::String(Cow::Owned(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(profile: &Profile, issuer: &str, audiences: &[&str], algorithms: &[Algorithm]) -> Option<SectionErrorKind> {
        let audiences: Vec<String> = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        let terms = IssuerTerms { issuer, audiences: &audiences, algorithms };
        check_issuer(profile, &terms, "x").err().map(|error| error.kind())
    }

    #[test]
    fn an_issuers_name_audience_and_algorithms_fit_its_profile() {
        use Algorithm::{EdDsa, Es256, Ps512, Rs256};
        let spiffe = |domain: &str| Profile::SpiffeJwtSvid { trust_domain: domain.to_owned(), x509: false };
        let github = "https://token.actions.githubusercontent.com";
        for (profile, issuer, audience, algorithms) in [
            (Profile::Oauth, "https://as", "https://gateway", &[Rs256][..]),
            (Profile::Oidc, "https://as", "https://gateway", &[EdDsa]),
            (spiffe("example.org"), "spiffe://example.org", "gateway", &[Es256, Ps512]),
            (spiffe("example.org"), "https://oidc.example.org", "gateway", &[Es256]),
            (Profile::WimseWit03 { trust_domain: "example.org".to_owned() }, "https://wit", "gateway", &[EdDsa]),
            (Profile::Kubernetes, "https://cluster", "gateway", &[Rs256]),
            (Profile::GithubActions, github, "gateway", &[Rs256]),
            (Profile::GithubActions, "https://ghes.example/_services/token", "gateway", &[Rs256]),
        ] {
            assert_eq!(kind(&profile, issuer, &[audience], algorithms), None, "{profile:?} {issuer}");
        }
        for (profile, issuer, audience, algorithms) in [
            (Profile::Oidc, github, "gateway", &[Rs256][..]),
            (Profile::OauthLenient, "https://ghes.example/_services/token", "gateway", &[Rs256]),
            (Profile::Oauth, "spiffe://example.org", "gateway", &[Rs256]),
            (Profile::GithubActions, "https://token.actions.githubusercontent.com.evil", "gateway", &[Rs256]),
            (Profile::GithubActions, "https:///_services/token", "gateway", &[Rs256]),
            (Profile::GithubActions, "https://a/b/_services/token", "gateway", &[Rs256]),
            (Profile::GithubActions, github, "https://github.com/octo-org", &[Rs256]),
            (Profile::GithubActions, "https://ghes.example/_services/token", "https://ghes.example/octo", &[Rs256]),
            (Profile::GithubActions, github, "gateway", &[Rs256, Es256]),
            (spiffe("example.org"), "spiffe://example.org", "gateway", &[EdDsa]),
            (spiffe("Example.org"), "spiffe://example.org", "gateway", &[Es256]),
            (spiffe(""), "spiffe://example.org", "gateway", &[Es256]),
            (spiffe("a/b"), "spiffe://example.org", "gateway", &[Es256]),
            (Profile::WimseWit03 { trust_domain: "a:b".to_owned() }, "https://wit", "gateway", &[Es256]),
            (Profile::SpiffeWitSvid { trust_domain: "example.org".to_owned() }, "https://wit", "gateway", &[Es256]),
            (Profile::Oidc, "wimse://example.org", "gateway", &[Es256]),
            (Profile::Kubernetes, "https://cluster", "https://cluster", &[Rs256]),
            (Profile::Kubernetes, "https://cluster", "https://kubernetes.default.svc", &[Rs256]),
            (Profile::Kubernetes, "https://cluster", "https://kubernetes.default.svc.cluster.local", &[Rs256]),
            (Profile::Kubernetes, "https://cluster", "kubernetes", &[Rs256]),
            (Profile::Kubernetes, "kubernetes/serviceaccount", "gateway", &[Rs256]),
        ] {
            let found = kind(&profile, issuer, &["https://other", audience], algorithms);
            assert_eq!(found, Some(SectionErrorKind::Profile), "{profile:?} {issuer} {audience}");
        }
    }

    #[test]
    fn a_wit_svid_has_no_audience_and_few_algorithms() {
        use Algorithm::{Ed25519, EdDsa, Es256, Ps384};
        let svid = |domain: &str| Profile::SpiffeWitSvid { trust_domain: domain.to_owned() };
        let of = |profile: &Profile, algorithms: &[Algorithm]| {
            let terms = IssuerTerms { issuer: "spiffe://example.org", audiences: &[], algorithms };
            check_issuer(profile, &terms, "x").err().map(|error| error.kind())
        };
        assert_eq!(of(&svid("example.org"), &[Es256, Ps384]), None);
        assert_eq!(of(&Profile::WimseWit03 { trust_domain: "example.org".to_owned() }, &[Ed25519]), None);
        for (profile, algorithms, expected) in [
            (svid("example.org"), &[EdDsa][..], SectionErrorKind::Profile),
            (svid("example.org"), &[Es256, Ed25519], SectionErrorKind::Profile),
            (svid("Example.org"), &[Es256], SectionErrorKind::Profile),
            (svid(""), &[Es256], SectionErrorKind::Profile),
            (
                Profile::SpiffeJwtSvid { trust_domain: "example.org".to_owned(), x509: false },
                &[Es256],
                SectionErrorKind::Empty,
            ),
        ] {
            assert_eq!(of(&profile, algorithms), Some(expected), "{profile:?} {algorithms:?}");
        }
    }
}
