//! Why a message of an MCP route is refused before policy is asked.

use crate::json::JsonFault;

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
    /// The body is not acceptable JSON.
    Json(JsonFault),
    /// A member is spelt like one of the protocol's but for case: another reader could take it for that.
    LookAlike,
    /// An array in a revision that has no batches.
    Batch,
    /// A batch without messages.
    BatchEmpty,
    /// A batch of more messages than one request may bring, or with `initialize` among them.
    BatchContent,
    /// A message that is not an object.
    NotAnObject,
    /// `jsonrpc` is not `"2.0"`.
    RpcVersion,
    /// `method` is missing or not a string.
    RpcMethod,
    /// `id` is neither a string nor an integer.
    RpcId,
    /// A member that JSON-RPC does not have, or not in this combination.
    RpcMember,
    /// `params` is not an object.
    RpcParams,
    /// A request without `id`, which would be carried out without an answer.
    IdMissing,
    /// A notification with `id`.
    IdUnexpected,
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
    /// `arguments` is not an object.
    Arguments,
    /// An argument that the schema requires is missing.
    ArgumentMissing,
    /// An argument is not of the type that the schema gives it.
    ArgumentType,
    /// An argument that the schema does not know, and so policy cannot see.
    ArgumentUnknown,
}

impl From<JsonFault> for McpError {
    fn from(fault: JsonFault) -> Self {
        Self::Json(fault)
    }
}
