//! Outcomes, and what each of them answers, logs and counts.

mod challenge;
mod reply;
mod table;

pub(crate) use challenge::ChallengeFacts;
pub use reply::Reply;
pub(crate) use reply::{ReplyBuffer, ReplyForm};
pub use table::{ClientReason, Disposition, LogLevel};

use crate::a2a::A2aError;
use crate::answer::AnswerError;
use crate::identity::{IdentityError, RequirementError};
use crate::mcp::McpError;
use crate::proof::{ProofError, WorkloadProofError};
use crate::revocation::EntryKind;
use crate::route::{ContextError, RouteError};
use crate::token::{CredentialError, TokenError};
use crate::transaction::TransactionError;

/// How a request ended. Exhaustive: a new way to end does not compile before the table has a row for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A policy permits, none forbids.
    Allowed,
    /// No policy permits, or one forbids.
    Denied,
    /// Policies forbid, and each of them says which scopes it wants.
    ScopeLacking,
    /// Policies forbid, and each of them asks for the same authentication of the user.
    AuthenticationLacking,
    /// A `forbid` policy could not be evaluated, and the configuration counts that as a prohibition.
    ForbidError,
    /// No usable credential.
    Credential(CredentialError),
    /// The token is refused.
    Token(TokenError),
    /// The caller has not proved that the token is theirs.
    Proof(ProofError),
    /// The workload identity token is refused, or the workload has not proved that it is its own.
    Workload(WorkloadError),
    /// The token, or something that it is about, is revoked.
    Revoked(EntryKind),
    /// The token gives no principal.
    Identity(IdentityError),
    /// No route.
    Route(RouteError),
    /// A message of an MCP route is refused before policy is asked.
    Mcp(McpError),
    /// A request of an A2A route is refused before policy is asked.
    A2a(A2aError),
    /// The token is not enough for the route.
    Requirement(RequirementError),
    /// The transaction token is refused.
    Transaction(TransactionError),
    /// The context cannot be built.
    Context(ContextError),
    /// The filter itself cannot decide.
    Unavailable(Unavailable),
    /// The answer to an allowed request is refused.
    Answer(AnswerError),
    /// The request's head cannot be read.
    Malformed,
    /// The request asked for the metadata of a protected resource and got it.
    Metadata,
    /// The request asked which bundle decides here and was told.
    Status,
    /// The request asked for an agent's card, which the bundle lets anybody have.
    Public,
}

/// Why a workload is not believed: what goes wrong in headers that no authentication scheme is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadError {
    /// There is not one token.
    Credential(CredentialError),
    /// The token is refused.
    Token(TokenError),
    /// The proof is refused.
    Proof(WorkloadProofError),
    /// The token, or something that it is about, is revoked.
    Revoked(EntryKind),
}

/// Why the filter itself cannot decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// There is no bundle.
    BundleMissing,
    /// The bundle expired while it was serving.
    BundleExpired,
    /// The clock shows a time before the bundle was built.
    BundleNotYetValid,
    /// The keys that signed the bundle are not trusted any more.
    BundleUntrusted,
    /// There must be a list of what is revoked, and there is none.
    RevocationsMissing,
    /// The list of what is revoked has expired.
    RevocationsExpired,
    /// The evaluation took more steps than it may.
    BudgetSpent,
    /// The Cedar request is larger than the engine takes.
    RequestTooLarge,
    /// The principal is an ancestor of other entities in the bundle, so its token cannot add to it.
    AncestorRedefined,
    /// The host does not hand over a body that it has announced.
    BodyUnreadable,
    /// A contradiction inside the filter. Cannot happen; denies if it does.
    Internal,
}

impl Outcome {
    /// Whether the request goes on to the upstream.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed | Self::Public)
    }

    /// What the gateway did with the request, in a word.
    pub(crate) fn effect(self) -> &'static str {
        match self {
            Self::Allowed | Self::Public => "allow",
            Self::Metadata | Self::Status => "answer",
            Self::Denied
            | Self::ScopeLacking
            | Self::AuthenticationLacking
            | Self::ForbidError
            | Self::Credential(_)
            | Self::Token(_)
            | Self::Proof(_)
            | Self::Workload(_)
            | Self::Revoked(_)
            | Self::Identity(_)
            | Self::Route(_)
            | Self::Mcp(_)
            | Self::A2a(_)
            | Self::Requirement(_)
            | Self::Transaction(_)
            | Self::Context(_)
            | Self::Unavailable(_)
            | Self::Answer(_)
            | Self::Malformed => "deny",
        }
    }
}

impl From<CredentialError> for Outcome {
    fn from(error: CredentialError) -> Self {
        Self::Credential(error)
    }
}

impl From<TokenError> for Outcome {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<ProofError> for Outcome {
    fn from(error: ProofError) -> Self {
        Self::Proof(error)
    }
}

impl From<WorkloadError> for Outcome {
    fn from(error: WorkloadError) -> Self {
        Self::Workload(error)
    }
}

impl From<RequirementError> for Outcome {
    fn from(error: RequirementError) -> Self {
        Self::Requirement(error)
    }
}

impl From<TransactionError> for Outcome {
    fn from(error: TransactionError) -> Self {
        Self::Transaction(error)
    }
}

impl From<RouteError> for Outcome {
    fn from(error: RouteError) -> Self {
        Self::Route(error)
    }
}

impl From<McpError> for Outcome {
    fn from(error: McpError) -> Self {
        Self::Mcp(error)
    }
}

impl From<A2aError> for Outcome {
    fn from(error: A2aError) -> Self {
        Self::A2a(error)
    }
}

impl From<ContextError> for Outcome {
    fn from(error: ContextError) -> Self {
        Self::Context(error)
    }
}

impl From<Unavailable> for Outcome {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error)
    }
}
