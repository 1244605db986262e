//! The messages of a body, as MCP narrows JSON-RPC.

use super::error::McpError;
use super::revision::Revision;
use crate::json::{JsonKind, JsonView};
use crate::limits;
use crate::rpc::{self, Message, RpcError, RpcIds, is_look_alike};

/// The members that mean something to the protocol, wherever they stand. What only looks like one of them is refused
/// in the envelope, in `params` and in what `params` has of the protocol's own.
const PROTOCOL_MEMBERS: [&str; 20] = [
    "jsonrpc",
    "id",
    "method",
    "params",
    "result",
    "error",
    "name",
    "uri",
    "arguments",
    "_meta",
    "taskId",
    "cursor",
    "inputResponses",
    "requestState",
    "ref",
    "type",
    "notifications",
    "resourceSubscriptions",
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientCapabilities",
];

/// The ids to answer to: best effort, before anything has been checked.
pub(super) fn ids(body: JsonView<'_>) -> RpcIds<'_> {
    match body.kind() {
        JsonKind::Array => {
            RpcIds::Batch(body.elements().take(limits::BATCH_MESSAGES).filter_map(rpc::request_id).collect())
        }
        _ => rpc::request_id(body).map_or(RpcIds::None, RpcIds::One),
    }
}

/// The messages of a body, and whether it is a batch.
pub(super) fn messages<'a>(body: JsonView<'a>, revision: Revision) -> Result<Vec<Message<'a>>, McpError> {
    if body.kind() != JsonKind::Array {
        return Ok(vec![message(body, revision)?]);
    }
    if !revision.has_batches() {
        return Err(McpError::Batch);
    }
    let messages: Vec<Message<'a>> = body
        .elements()
        .take(limits::BATCH_MESSAGES + 1)
        .map(|view| message(view, revision))
        .collect::<Result<_, _>>()?;
    if messages.is_empty() {
        return Err(McpError::BatchEmpty);
    }
    // `initialize` decides what all that follows means, so it stands alone (2025-03-26, lifecycle).
    let is_initialize =
        |message: &Message<'_>| matches!(message, Message::Call { method, .. } if method == "initialize");
    if messages.len() > limits::BATCH_MESSAGES || messages.iter().any(is_initialize) {
        return Err(McpError::BatchContent);
    }
    Ok(messages)
}

fn message<'a>(view: JsonView<'a>, revision: Revision) -> Result<Message<'a>, McpError> {
    let message = rpc::message(view, &PROTOCOL_MEMBERS)?;
    match &message {
        Message::Response if revision.is_modern() => return Err(McpError::Response),
        Message::Call { params: Some(params), .. } => check_params(*params)?,
        Message::Response | Message::Call { params: None, .. } => {}
    }
    Ok(message)
}

/// Neither `params` nor the protocol's own objects in it have look-alikes.
fn check_params(params: JsonView<'_>) -> Result<(), RpcError> {
    let has_look_alike =
        |object: JsonView<'_>| object.members().any(|(name, _)| is_look_alike(&name, &PROTOCOL_MEMBERS));
    let own = ["_meta", "ref", "notifications"].into_iter().filter_map(|name| params.get(name));
    if has_look_alike(params) || own.into_iter().any(has_look_alike) {
        return Err(RpcError::LookAlike);
    }
    Ok(())
}
