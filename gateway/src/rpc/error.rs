//! Why a text is no message.

use crate::json::JsonFault;

/// Why a text is no acceptable JSON-RPC 2.0 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpcError {
    /// It is not acceptable JSON.
    Json(JsonFault),
    /// A member is spelt like one of the protocol's but for case: another reader could take it for that.
    LookAlike,
    /// It is not an object.
    NotAnObject,
    /// `jsonrpc` is not `"2.0"`.
    Version,
    /// `method` is missing or not a string.
    Method,
    /// `id` is neither a string nor an integer.
    Id,
    /// A member that JSON-RPC does not have, or not in this combination.
    Member,
    /// `params` is not an object.
    Params,
    /// A request without `id`, which would be carried out without an answer.
    IdMissing,
    /// A notification with `id`.
    IdUnexpected,
}

impl From<JsonFault> for RpcError {
    fn from(fault: JsonFault) -> Self {
        Self::Json(fault)
    }
}
