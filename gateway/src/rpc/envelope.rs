//! The JSON-RPC 2.0 envelope, as narrow as the protocols here have it.

use std::borrow::Cow;

use super::error::RpcError;
use super::fold::looks_like;
use crate::json::{JsonKind, JsonView};
use crate::limits;

/// One message.
#[derive(Clone, Debug)]
pub(crate) enum Message<'a> {
    /// A request, or a notification if there is no id.
    Call { id: Option<&'a str>, method: Cow<'a, str>, params: Option<JsonView<'a>> },
    /// A response to a request of the server.
    Response,
}

/// Whom to answer, as written in the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RpcIds<'a> {
    /// Nobody: a notification, or nothing readable.
    None,
    One(&'a str),
    Batch(Vec<&'a str>),
}

/// The id to answer to: best effort, before anything has been checked.
pub(crate) fn request_id(message: JsonView<'_>) -> Option<&str> {
    let id = message.get("method").and(message.get("id"));
    id.filter(|id| is_id(*id)).map(JsonView::raw)
}

/// Reads an envelope. `known` are the protocol's members: what only looks like one of them is refused. `params` is an
/// object, and no more is looked at.
pub(crate) fn message<'a>(view: JsonView<'a>, known: &[&str]) -> Result<Message<'a>, RpcError> {
    if view.kind() != JsonKind::Object {
        return Err(RpcError::NotAnObject);
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
            other if is_look_alike(other, known) => return Err(RpcError::LookAlike),
            _ => return Err(RpcError::Member),
        };
        *slot = Some(value);
    }
    if version.and_then(JsonView::string).as_deref() != Some("2.0") {
        return Err(RpcError::Version);
    }
    if id.is_some_and(|id| !is_id(id)) {
        return Err(RpcError::Id);
    }
    if result.is_some() || error.is_some() {
        let is_request = method.is_some() || params.is_some();
        if is_request || (result.is_some() && error.is_some()) {
            return Err(RpcError::Member);
        }
        return if id.is_some() { Ok(Message::Response) } else { Err(RpcError::Id) };
    }
    let method = method.and_then(JsonView::string).ok_or(RpcError::Method)?;
    if params.is_some_and(|params| params.kind() != JsonKind::Object) {
        return Err(RpcError::Params);
    }
    Ok(Message::Call { id: id.map(JsonView::raw), method, params })
}

/// Begins a message that answers: the version and, where there is one, the request's own id.
pub(crate) fn push_head(out: &mut String, id: Option<&str>) {
    out.push_str("{\"jsonrpc\":\"2.0\"");
    if let Some(id) = id {
        out.push_str(",\"id\":");
        out.push_str(id);
    }
}

/// Whether a name is spelt like one of the protocol's, but not the same.
pub(crate) fn is_look_alike(name: &str, known: &[&str]) -> bool {
    // One in ASCII looks like names of its own length only.
    let is_ascii = name.is_ascii();
    known.iter().any(|known| (name.len() == known.len() || !is_ascii) && looks_like(name, known))
}

/// An id is a string or an integer, never null. Integers of any size are echoed as they stand.
fn is_id(id: JsonView<'_>) -> bool {
    match id.kind() {
        JsonKind::String => id.raw().len() <= limits::RPC_ID_BYTES,
        JsonKind::Number => !id.raw().contains(['.', 'e', 'E']),
        JsonKind::Null | JsonKind::True | JsonKind::False | JsonKind::Array | JsonKind::Object => false,
    }
}
