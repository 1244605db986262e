//! The JSON-RPC 2.0 envelope, as MCP narrows it.

use std::borrow::Cow;

use super::denial::RpcIds;
use super::error::McpError;
use super::fold::looks_like;
use super::revision::Revision;
use crate::json::{JsonKind, JsonView};
use crate::limits;

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

/// One message.
#[derive(Clone, Debug)]
pub(super) enum Message<'a> {
    /// A request, or a notification if there is no id.
    Call { id: Option<&'a str>, method: Cow<'a, str>, params: Option<JsonView<'a>> },
    /// A response to a request of the server.
    Response,
}

/// The ids to answer to: best effort, before anything has been checked.
pub(super) fn ids(body: JsonView<'_>) -> RpcIds<'_> {
    let id = |message: JsonView<'_>| message.get("method").and(message.get("id")).filter(|id| is_id(*id)).is_some();
    match body.kind() {
        JsonKind::Array => {
            let messages = body.elements().take(limits::BATCH_MESSAGES).filter(|message| id(*message));
            RpcIds::Batch(messages.filter_map(|message| message.get("id")).map(JsonView::raw).collect())
        }
        _ if id(body) => body.get("id").map_or(RpcIds::None, |id| RpcIds::One(id.raw())),
        _ => RpcIds::None,
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
    if view.kind() != JsonKind::Object {
        return Err(McpError::NotAnObject);
    }
    let (mut version, mut id, mut method, mut params) = (None, None, None, None);
    let (mut result, mut error) = (None, None);
    for (name, value) in view.members() {
        let slot = match &*name {
            "jsonrpc" => &mut version,
            "id" => &mut id,
            "method" => &mut method,
            "params" => &mut params,
            "result" => &mut result,
            "error" => &mut error,
            other if is_look_alike(other) => return Err(McpError::LookAlike),
            _ => return Err(McpError::RpcMember),
        };
        *slot = Some(value);
    }
    if version.and_then(JsonView::string).as_deref() != Some("2.0") {
        return Err(McpError::RpcVersion);
    }
    if id.is_some_and(|id| !is_id(id)) {
        return Err(McpError::RpcId);
    }
    if result.is_some() || error.is_some() {
        return response(id, method.or(params), result, error, revision);
    }
    let method = method.and_then(JsonView::string).ok_or(McpError::RpcMethod)?;
    if let Some(params) = params {
        check_params(params)?;
    }
    Ok(Message::Call { id: id.map(JsonView::raw), method, params })
}

fn response<'a>(
    id: Option<JsonView<'a>>,
    of_requests: Option<JsonView<'a>>,
    result: Option<JsonView<'a>>,
    error: Option<JsonView<'a>>,
    revision: Revision,
) -> Result<Message<'a>, McpError> {
    if revision.is_modern() {
        return Err(McpError::Response);
    }
    if of_requests.is_some() || (result.is_some() && error.is_some()) {
        return Err(McpError::RpcMember);
    }
    if id.is_none() {
        return Err(McpError::RpcId);
    }
    Ok(Message::Response)
}

/// An id is a string or an integer, never null (MCP, base protocol). Integers of any size are echoed as they stand.
fn is_id(id: JsonView<'_>) -> bool {
    match id.kind() {
        JsonKind::String => id.raw().len() <= limits::RPC_ID_BYTES,
        JsonKind::Number => !id.raw().contains(['.', 'e', 'E']),
        JsonKind::Null | JsonKind::True | JsonKind::False | JsonKind::Array | JsonKind::Object => false,
    }
}

/// `params` is an object; it and the protocol's own objects in it have no look-alikes.
fn check_params(params: JsonView<'_>) -> Result<(), McpError> {
    if params.kind() != JsonKind::Object {
        return Err(McpError::RpcParams);
    }
    let has_look_alike = |object: JsonView<'_>| object.members().any(|(name, _)| is_look_alike(&name));
    let own = ["_meta", "ref", "notifications"].into_iter().filter_map(|name| params.get(name));
    if has_look_alike(params) || own.into_iter().any(has_look_alike) {
        return Err(McpError::LookAlike);
    }
    Ok(())
}

fn is_look_alike(name: &str) -> bool {
    PROTOCOL_MEMBERS.iter().any(|known| looks_like(name, known))
}
