//! Why a message of an MCP route is refused before policy is asked.

use crate::rpc::{ContentFault, RpcError};

/// Why a message is refused. Section numbers are those of the specification of 2026-07-28 unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum McpError {
    /// The body is not announced as `application/json`.
    ContentType,
    /// The body is compressed, or otherwise encoded.
    ContentEncoding,
    /// The request comes from a web page of an origin that the route does not list.
    Origin,
    /// `Mcp-Session-Id` is there more than once, or is no session's id.
    Session,
    /// `Mcp-Session-Id` names no session that this caller got here.
    SessionUnknown,
    /// The request asks for another protocol on the connection.
    Upgrade,
    /// The body is larger than the route allows.
    BodyTooLarge,
    /// A request without content has a body.
    BodyUnexpected,
    /// GET or DELETE in a revision that has neither.
    HttpMethod,
    /// `MCP-Protocol-Version` is there more than once, or not text.
    VersionMalformed,
    /// There is no `MCP-Protocol-Version`, and every revision of the route needs one.
    VersionMissing,
    /// A revision that is not known, or that the route does not list.
    VersionUnsupported,
    /// The body is no acceptable message.
    Rpc(RpcError),
    /// An array in a revision that has no batches.
    Batch,
    /// A batch without messages.
    BatchEmpty,
    /// A batch of more messages than one request may bring, or with `initialize` among them.
    BatchContent,
    /// A response, in a revision in which clients send none.
    Response,
    /// `_meta` lacks what every request of the revision carries.
    Meta,
    /// A header that the revision requires is missing.
    HeaderMissing,
    /// A header that must be there once is there more often.
    HeaderRepeated,
    /// A header's value has bytes that it may not have, or bad Base64.
    HeaderEncoding,
    /// A header says something else than the body.
    HeaderMismatch,
    /// No method of the protocol.
    MethodUnknown,
    /// A method of another revision.
    MethodRevision,
    /// A method for which the policy project declares no action.
    MethodUndeclared,
    /// The name, URI or task that the method is about is missing or not a string.
    Subject,
    /// A URI that two readers could read differently: dot segments in any spelling, control characters.
    Uri,
    /// A tool for which the policy project declares no action.
    ToolUnknown,
    /// A tool that is not in the catalogue, where only what is in it may be called.
    ToolUnpinned,
    /// A tool whose definition is not the catalogue's by now, where only what was approved may be called.
    ToolDrifted,
    /// `arguments` is not an object.
    Arguments,
    /// An argument that the schema requires is missing.
    ArgumentMissing,
    /// An argument is not of the type that the schema gives it.
    ArgumentType,
    /// An argument that the schema does not know, and so policy cannot see.
    ArgumentUnknown,
}

impl From<RpcError> for McpError {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}

impl From<ContentFault> for McpError {
    fn from(fault: ContentFault) -> Self {
        match fault {
            ContentFault::Type => Self::ContentType,
            ContentFault::Encoding => Self::ContentEncoding,
            ContentFault::Upgrade => Self::Upgrade,
            ContentFault::TooLarge => Self::BodyTooLarge,
        }
    }
}
