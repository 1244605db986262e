//! How tokens name those who act for their subject, and what routes make of it.

use serde::{Deserialize, Serialize};

use super::issuer::PrincipalMapping;

/// How the actors in `act` (RFC 8693 §4.1) of an issuer's tokens become entities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// How the members of one `act` object become an entity. Of the object, nothing else is looked at: what it says of times and
    /// audiences means nothing.
    pub actor: PrincipalMapping,
    /// The most actors that a token may name, one inside the other.
    pub max_depth: usize,
    /// Aliases of other issuers whose subjects may act here. An actor without `iss` is of the token's own issuer.
    #[serde(default)]
    pub issuers: Vec<String>,
}

/// Whose rights decide about a request with a token that names actors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DelegationMode {
    /// Nobody's: such a request is refused. The default.
    #[default]
    Refuse,
    /// The subject's: the principal is the subject, whoever acts.
    SubjectOnly,
    /// The current actor's: the principal is the outermost `act`.
    ActorOnly,
    /// The subject's and those of each actor: the policies are asked for every one of them, and all answers must be to allow. A chain
    /// never holds more than its weakest member.
    EveryHop,
}

impl DelegationMode {
    /// The name in bundles, project files and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::SubjectOnly => "subject_only",
            Self::ActorOnly => "actor_only",
            Self::EveryHop => "every_hop",
        }
    }
}
