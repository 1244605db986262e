//! What a policy's author lets a client know of a denial.

use serde::{Deserialize, Serialize};

use super::route::Authentication;

/// What would cure a denial by one `forbid` policy, as far as that policy goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyCure {
    /// The policy's id.
    pub policy: String,
    /// A sentence for whoever asked, model or human. It is public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Scopes with which the policy would not have forbidden the request, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// How the user would have to be authenticated for the policy not to forbid the request (RFC 9470).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
}
