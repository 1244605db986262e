//! From the bytes of a body to what they ask for.

use std::borrow::Cow;

use super::ask::{self, AskedCall};
use super::denial::RpcReply;
use super::envelope;
use super::error::McpError;
use super::method::{CLIENT_RESPONSE, Method};
use super::mirror;
use super::open::OpenMcp;
use super::revision::Revision;
use super::transport::Transport;
use crate::json::{JsonDocument, JsonKind, JsonView};
use crate::limits;
use crate::rpc::{Message, RpcError};

/// Reads a body. As soon as they are known, the ids to answer to stand in `reply`.
pub(crate) fn read<'a>(
    mcp: &'a OpenMcp,
    transport: &Transport<'a>,
    body: &'a [u8],
    document: &'a mut JsonDocument,
    reply: &mut RpcReply<'a>,
) -> Result<Vec<AskedCall<'a>>, McpError> {
    reply.requested = transport.requested();
    let root = document.read(body).map_err(RpcError::from)?;
    reply.ids = envelope::ids(root);
    let revision = revision(mcp, transport, root)?;
    reply.revision = Some(revision);
    let messages = envelope::messages(root, revision)?;
    if let [Message::Call { method, params, .. }] = messages.as_slice()
        && root.kind() == JsonKind::Object
    {
        reply.method = Method::of_message(method).map(|method| method.name);
        reply.subject = subject(*params);
    }
    let mut calls = Vec::with_capacity(messages.len());
    for message in &messages {
        match message {
            Message::Response => {
                let method = Method::named(CLIENT_RESPONSE).ok_or(McpError::MethodUnknown)?;
                calls.push(ask::server_call(mcp, method, revision)?);
            }
            Message::Call { id, method, params } => {
                let method = Method::of_message(method).ok_or(McpError::MethodUnknown)?;
                if !method.is_in(revision) {
                    return Err(McpError::MethodRevision);
                }
                match (method.is_notification, id) {
                    (false, None) => return Err(RpcError::IdMissing.into()),
                    (true, Some(_)) => return Err(RpcError::IdUnexpected.into()),
                    (false, Some(_)) | (true, None) => {}
                }
                if !revision.is_modern() && mirror::says_modern(*params) {
                    return Err(McpError::HeaderMismatch);
                }
                ask::calls(mcp, transport.headers, revision, method, *params, &mut calls)?;
            }
        }
    }
    if calls.is_empty() || calls.len() > limits::BODY_CALLS {
        return Err(McpError::BatchContent);
    }
    Ok(calls)
}

/// The revision that the client speaks. Without the header it is 2025-03-26 (2025-06-18, transports); `initialize` comes
/// before anything is agreed on, so that any revision of its era will do.
fn revision(mcp: &OpenMcp, transport: &Transport<'_>, root: JsonView<'_>) -> Result<Revision, McpError> {
    if let Some(revision) = transport.version(mcp)? {
        return Ok(revision);
    }
    let legacy = mcp.revisions.iter().copied().find(|revision| !revision.is_modern());
    let Some(legacy) = legacy.filter(|_| !mirror::says_modern(root.get("params"))) else {
        return Err(McpError::VersionMissing);
    };
    let is_initialize = root.get("method").and_then(JsonView::string).as_deref() == Some("initialize");
    if mcp.revisions.contains(&Revision::R20250326) {
        Ok(Revision::R20250326)
    } else if is_initialize {
        Ok(legacy)
    } else {
        Err(McpError::VersionUnsupported)
    }
}

/// What a message is about, for the wording of a denial.
fn subject(params: Option<JsonView<'_>>) -> Option<Cow<'_, str>> {
    let member = |name| params.and_then(|params| params.get(name)).and_then(JsonView::string);
    member("name").or_else(|| member("uri")).filter(|subject| subject.len() <= limits::WORDING_BYTES)
}
