//! Why a request of an A2A route is refused before policy is asked.

use crate::rpc::{ContentFault, RpcError};

/// Why a request is refused. Section numbers are those of the specification of 1.0 unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum A2aError {
    /// The body is not announced as JSON of the binding.
    ContentType,
    /// The body is compressed, or otherwise encoded.
    ContentEncoding,
    /// The request comes from a web page of an origin that the route does not list.
    Origin,
    /// The request asks for another protocol on the connection.
    Upgrade,
    /// The body is larger than the route allows.
    BodyTooLarge,
    /// A request without content has a body.
    BodyUnexpected,
    /// The body is no acceptable message.
    Rpc(RpcError),
    /// An array: there are no batches.
    Batch,
    /// `A2A-Version` is there more than once, or stated twice in different ways.
    VersionMalformed,
    /// There is no `A2A-Version`, and the request is not of 0.3.
    VersionMissing,
    /// `A2A-Version` is not that of the method or the path.
    VersionMismatch,
    /// A version that is not known, or that the route does not list.
    VersionUnsupported,
    /// `A2A-Extensions` is there more than once, or is no list of names.
    Extensions,
    /// A parameter of the query that repeats what path or body say, or that readers could read differently.
    Query,
    /// No operation of the protocol.
    OperationUnknown,
    /// An operation for which the policy project declares no action.
    OperationUndeclared,
    /// A path that two readers could read differently: escapes, or ids with characters that mean something in paths.
    Path,
    /// A member that is needed is missing.
    MemberMissing,
    /// A member is not of its type, or too long.
    MemberType,
    /// The id of a task stands in two places, and not the same.
    TaskMismatch,
    /// The tenant stands in two places, and not the same, or in a body whose path has none.
    TenantMismatch,
    /// A tenant is named where none may be.
    TenantUnexpected,
    /// No tenant is named where one must be.
    TenantMissing,
    /// A tenant that is no plain name.
    TenantMalformed,
    /// The message names two skills.
    SkillMismatch,
    /// A URL for push notifications that two readers could read differently.
    PushUrl,
    /// There are several URLs for push notifications, or none where one is to be set.
    PushCount,
    /// A URL for push notifications by another scheme than allowed.
    PushScheme,
    /// A URL for push notifications with user information.
    PushUserinfo,
    /// A URL for push notifications to another port than allowed.
    PushPort,
    /// A URL for push notifications to an address that is not public, or in an odd spelling.
    PushAddress,
    /// A URL for push notifications to a host that is local or not listed.
    PushHost,
}

impl From<RpcError> for A2aError {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}

impl From<ContentFault> for A2aError {
    fn from(fault: ContentFault) -> Self {
        match fault {
            ContentFault::Type => Self::ContentType,
            ContentFault::Encoding => Self::ContentEncoding,
            ContentFault::Upgrade => Self::Upgrade,
            ContentFault::TooLarge => Self::BodyTooLarge,
        }
    }
}
