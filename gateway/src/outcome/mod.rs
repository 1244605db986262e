//! Outcomes, and what each of them answers, logs and counts.

mod reply;
mod table;

pub use reply::Reply;
pub(crate) use reply::{ReplyBuffer, ReplyForm};
pub use table::{ClientReason, Disposition, LogLevel};

use crate::identity::IdentityError;
use crate::mcp::McpError;
use crate::route::{ContextError, RouteError};
use crate::token::{CredentialError, TokenError};

/// How a request ended. Exhaustive: a new way to end does not compile before the table has a row for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A policy permits, none forbids.
    Allowed,
    /// No policy permits, or one forbids.
    Denied,
    /// A `forbid` policy could not be evaluated, and the configuration counts that as a prohibition.
    ForbidError,
    /// No usable credential.
    Credential(CredentialError),
    /// The token is refused.
    Token(TokenError),
    /// The token gives no principal.
    Identity(IdentityError),
    /// No route.
    Route(RouteError),
    /// A message of an MCP route is refused before policy is asked.
    Mcp(McpError),
    /// The context cannot be built.
    Context(ContextError),
    /// The filter itself cannot decide.
    Unavailable(Unavailable),
    /// The request's head cannot be read.
    Malformed,
}

/// Why the filter itself cannot decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// There is no bundle.
    BundleMissing,
    /// The bundle expired while it was serving.
    BundleExpired,
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
        self == Self::Allowed
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
