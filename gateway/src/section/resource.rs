//! What callers are told about this gateway, and how they prove that a token is theirs.

use serde::{Deserialize, Serialize};

use crate::token::Algorithm;

/// A protected resource of OAuth 2.0 (RFC 9728). The gateway serves its metadata and names it in challenges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtectedResource {
    /// The resource identifier: an `https` URL without query and fragment. Requests for its host, under its path, get its
    /// challenges.
    pub url: String,
    /// A name for people. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The issuers whose tokens it takes, as `authorization_servers` of the metadata. Default: none are named.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
    /// The scopes that callers should ask for: `scopes_supported`, and `scope` of the challenge. Default: none are named.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// How a DPoP proof must look (RFC 9449). Without these rules the scheme `DPoP` is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DpopRules {
    /// The origins under which clients know this gateway, such as `https://deploys.internal`: what `htu` must begin with. Never
    /// taken from the request alone.
    pub origins: Vec<String>,
    /// The algorithms that proofs may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// How long after its `iat` a proof is accepted, in seconds.
    pub max_age_seconds: u64,
    /// How far clocks may be apart, in seconds.
    pub clock_skew_seconds: u64,
}

/// Whether tokens of an issuer must be bound to a key of the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// A token that is bound needs its proof; one that is not is a bearer token. The default.
    #[default]
    Optional,
    /// A token without `cnf` is refused.
    Required,
}
