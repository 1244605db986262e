//! Transaction tokens: what a request is part of (draft-ietf-oauth-transaction-tokens).

use serde::{Deserialize, Serialize};

use crate::json::Json;
use crate::token::Algorithm;

/// Whose transaction tokens are read, as context beside an authenticated caller. They are never credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransactionTokens {
    /// The trust domain of this gateway: the only `aud` that is accepted.
    pub audience: String,
    /// The exact `iss` of tokens that have one. Default: tokens have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The algorithms that the service signs with.
    pub algorithms: Vec<Algorithm>,
    /// The JWK Set of the transaction token service.
    pub jwks: Json<'static>,
    /// The longest lifetime of a token, in seconds. They live for minutes.
    pub max_lifetime_seconds: u64,
    /// How far clocks may be apart, in seconds.
    pub clock_skew_seconds: u64,
}

/// What a route makes of the header `Txn-Token`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionMode {
    /// It is removed, unread: the upstream gets none that nobody checked. The default.
    #[default]
    Strip,
    /// A request that has one is refused: the edge of a trust domain, where clients have none to send.
    Refuse,
    /// One that is there must hold, and goes on as it is.
    Optional,
    /// There must be one that holds; it goes on as it is.
    Required,
}

impl TransactionMode {
    /// The name in bundles and project files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Strip => "strip",
            Self::Refuse => "refuse",
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }
}
