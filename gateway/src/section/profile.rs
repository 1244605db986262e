//! The kinds of tokens that an issuer may be trusted for.

use serde::{Deserialize, Serialize};

/// What kind of token an issuer gives out. A token that is of another kind is refused, whoever signed it.
///
/// As JSON: the names below as a string, and `{"spiffe-jwt-svid": {"trust_domain": "example.org"}}` where there is a trust
/// domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Profile {
    /// JWT access tokens of OAuth 2.0 as RFC 9068 has them: `typ` is `at+jwt`, and `iss`, `exp`, `aud`, `sub`, `client_id`,
    /// `iat` and `jti` are there.
    Oauth,
    /// Access tokens of authorization servers that do not follow RFC 9068: `typ` may be absent or `JWT`, and only `iss`, `exp`,
    /// `aud` and one of `iat` and `nbf` must be there. The default, because it is what most issuers need; it relies on audiences
    /// to tell access tokens from other ones.
    #[default]
    OauthLenient,
    /// Generic OpenID Connect tokens: `typ` is absent or `JWT`; `iss`, `sub`, `aud`, `exp` and `iat` are there.
    Oidc,
    /// JWT-SVIDs of one SPIFFE trust domain.
    SpiffeJwtSvid {
        /// The trust domain, such as `example.org`. Keys of the issuer verify its identities and no other's.
        trust_domain: String,
        /// Whether X.509-SVIDs of the trust domain are credentials, too: the validated client certificate of a connection, for requests
        /// without a token. Default: no.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        x509: bool,
    },
    /// Projected service-account tokens of a Kubernetes cluster.
    Kubernetes,
    /// OpenID Connect tokens of GitHub Actions.
    GithubActions,
    /// Workload identity tokens of one trust domain, by draft-ietf-wimse-workload-creds-03. They come in a header of their own,
    /// and with a proof for each request ([`super::WorkloadProofRules`]).
    #[serde(rename = "wimse-wit-03")]
    WimseWit03 {
        /// The trust domain: the authority of its workloads' identifiers, `spiffe:` or `wimse:`.
        trust_domain: String,
    },
    /// WIT-SVIDs of one SPIFFE trust domain: what SPIFFE makes of workload identity tokens.
    SpiffeWitSvid {
        /// The trust domain, such as `example.org`.
        trust_domain: String,
    },
}

/// The part of a request in which a kind of token is presented. No kind has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSlot {
    /// The header `Authorization`.
    Authorization,
    /// The header `Workload-Identity-Token`.
    Workload,
}

impl Profile {
    /// The name in bundles, project files and records.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Oauth => "oauth",
            Self::OauthLenient => "oauth-lenient",
            Self::Oidc => "oidc",
            Self::SpiffeJwtSvid { .. } => "spiffe-jwt-svid",
            Self::Kubernetes => "kubernetes",
            Self::GithubActions => "github-actions",
            Self::WimseWit03 { .. } => "wimse-wit-03",
            Self::SpiffeWitSvid { .. } => "spiffe-wit-svid",
        }
    }

    /// All names, for messages.
    pub const NAMES: [&'static str; 8] = [
        "oauth",
        "oauth-lenient",
        "oidc",
        "spiffe-jwt-svid",
        "kubernetes",
        "github-actions",
        "wimse-wit-03",
        "spiffe-wit-svid",
    ];

    /// Where its tokens are presented.
    #[must_use]
    pub fn slot(&self) -> TokenSlot {
        match self {
            Self::Oauth
            | Self::OauthLenient
            | Self::Oidc
            | Self::SpiffeJwtSvid { .. }
            | Self::Kubernetes
            | Self::GithubActions => TokenSlot::Authorization,
            Self::WimseWit03 { .. } | Self::SpiffeWitSvid { .. } => TokenSlot::Workload,
        }
    }

    /// The trust domain whose workloads its tokens are about; `None` for kinds that know none.
    #[must_use]
    pub fn trust_domain(&self) -> Option<&str> {
        match self {
            Self::SpiffeJwtSvid { trust_domain, x509: _ }
            | Self::WimseWit03 { trust_domain }
            | Self::SpiffeWitSvid { trust_domain } => Some(trust_domain),
            Self::Oauth | Self::OauthLenient | Self::Oidc | Self::Kubernetes | Self::GithubActions => None,
        }
    }

    /// Whether its keys come as a SPIFFE bundle (SPIFFE Trust Domain and Bundle §4).
    #[must_use]
    pub fn has_spiffe_bundle(&self) -> bool {
        match self {
            Self::SpiffeJwtSvid { .. } | Self::SpiffeWitSvid { .. } => true,
            Self::Oauth
            | Self::OauthLenient
            | Self::Oidc
            | Self::Kubernetes
            | Self::GithubActions
            | Self::WimseWit03 { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_forms_read_and_write() {
        let mut names = Vec::new();
        for text in [
            r#""oauth""#,
            r#""oauth-lenient""#,
            r#""oidc""#,
            r#"{"spiffe-jwt-svid":{"trust_domain":"example.org"}}"#,
            r#""kubernetes""#,
            r#""github-actions""#,
            r#"{"wimse-wit-03":{"trust_domain":"example.org"}}"#,
            r#"{"spiffe-wit-svid":{"trust_domain":"example.org"}}"#,
        ] {
            let profile: Profile = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&profile).unwrap(), text);
            names.push(profile.name());
        }
        assert_eq!(names, Profile::NAMES);
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            r#""Oauth""#,
            r#""any""#,
            r#""spiffe-jwt-svid""#,
            r#"{"spiffe-jwt-svid":{}}"#,
            r#"{"spiffe-jwt-svid":{"trust_domain":"a","other":1}}"#,
            r#""wimse-wit-03""#,
            r#"{"wimse-wit":{"trust_domain":"a"}}"#,
            r#"{"wimse-wit-04":{"trust_domain":"a"}}"#,
            r#"{"wimse-wit03":{"trust_domain":"a"}}"#,
            r#"{"spiffe-wit-svid":{}}"#,
            r#"{"spiffe-wit-svid":{"trust_domain":"a","x509":true}}"#,
            "null",
        ] {
            assert!(serde_json::from_str::<Profile>(text).is_err(), "{text}");
        }
    }
}
