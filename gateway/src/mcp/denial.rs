//! Denials in the form that an MCP client reads: JSON-RPC, with the request's own id.

use std::borrow::Cow;

use super::revision::Revision;
use crate::cure::Cure;
use crate::decision_id::DecisionId;
use crate::outcome::ClientReason;
use crate::record::push_json;
use crate::rpc::{self, RpcIds};
use crate::section::Denial;

/// What a reply needs to know of the request.
#[derive(Clone, Debug)]
pub(crate) struct RpcReply<'a> {
    pub(crate) denial: Denial,
    pub(crate) supported: &'a [Revision],
    /// The revision that the client named, as it stands in the header.
    pub(crate) requested: Option<&'a [u8]>,
    pub(crate) revision: Option<Revision>,
    pub(crate) ids: RpcIds<'a>,
    /// The method and what it is about, if there is only one message.
    pub(crate) method: Option<&'static str>,
    pub(crate) subject: Option<Cow<'a, str>>,
}

impl<'a> RpcReply<'a> {
    pub(crate) fn new(denial: Denial, supported: &'a [Revision]) -> Self {
        Self { denial, supported, requested: None, revision: None, ids: RpcIds::None, method: None, subject: None }
    }
}

/// What there is to say of a denial.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Denied<'a> {
    pub(crate) client: ClientReason,
    /// The argument that does not fit.
    pub(crate) argument: Option<&'a str>,
    pub(crate) cure: Cure<'a>,
    pub(crate) id: DecisionId,
}

/// Writes the body of a reply; returns its status, which is `status` unless the form has one of its own.
pub(crate) fn write(out: &mut String, reply: &RpcReply<'_>, status: u16, denied: &Denied<'_>) -> u16 {
    let form = form(reply, denied.client);
    match &reply.ids {
        RpcIds::Batch(ids) if !ids.is_empty() => {
            out.push('[');
            for (index, rpc_id) in ids.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                message(out, reply, form, denied, Some(rpc_id));
            }
            out.push(']');
        }
        RpcIds::One(rpc_id) => message(out, reply, form, denied, Some(rpc_id)),
        RpcIds::None | RpcIds::Batch(_) => message(out, reply, form, denied, None),
    }
    if form == Denial::Http403 { status } else { 200 }
}

/// The form for this very reply. Only what policy decided takes another form than its status, and only in an answer to
/// one request: a notification has no answer that could say no.
fn form(reply: &RpcReply<'_>, client: ClientReason) -> Denial {
    let is_policy = match client {
        ClientReason::AccessDenied => true,
        // That arguments are wrong would say that the tool is there.
        ClientReason::InvalidArguments => reply.denial == Denial::Hide,
        _ => false,
    };
    if !is_policy || !matches!(reply.ids, RpcIds::One(_)) {
        return Denial::Http403;
    }
    match reply.denial {
        Denial::Http403 => Denial::Http403,
        Denial::Coaz => Denial::Coaz,
        Denial::Hide if matches!(reply.method, Some("tools/call" | "prompts/get" | "resources/read")) => Denial::Hide,
        Denial::ToolError if reply.method == Some("tools/call") => Denial::ToolError,
        Denial::Hide | Denial::ToolError => Denial::Http403,
    }
}

fn message(out: &mut String, reply: &RpcReply<'_>, form: Denial, denied: &Denied<'_>, rpc_id: Option<&str>) {
    let Denied { client, argument: _, cure, id } = *denied;
    rpc::push_head(out, rpc_id);
    if form == Denial::ToolError {
        out.push_str(",\"result\":{\"content\":[{\"type\":\"text\",\"text\":");
        push_json(out, &text(reply, denied));
        out.push_str("}],\"isError\":true");
        if reply.revision.is_some_and(Revision::is_modern) {
            out.push_str(",\"resultType\":\"complete\"");
        }
        out.push_str("}}");
        return;
    }
    let (code, text) = match form {
        Denial::Hide => (hidden_code(reply), hidden_text(reply)),
        Denial::Coaz => ("-32001", text(reply, denied)),
        Denial::Http403 | Denial::ToolError => (client.rpc_code(), text(reply, denied)),
    };
    out.push_str(",\"error\":{\"code\":");
    out.push_str(code);
    out.push_str(",\"message\":");
    push_json(out, &text);
    // What does not exist has no decision.
    if form != Denial::Hide {
        out.push_str(",\"data\":{\"reason\":\"");
        out.push_str(client.as_str());
        out.push_str("\",\"decision_id\":\"");
        out.push_str(id.as_str());
        out.push('"');
        if client == ClientReason::UnsupportedVersion {
            versions(out, reply);
        }
        if let Some(advice) = cure.advice {
            out.push_str(",\"advice\":");
            push_json(out, advice);
        }
        if !cure.scopes.is_empty() {
            out.push_str(",\"scope\":");
            push_json(out, &cure.scopes.join(" "));
        }
        out.push('}');
    }
    out.push_str("}}");
}

fn versions(out: &mut String, reply: &RpcReply<'_>) {
    out.push_str(",\"supported\":[");
    for (index, revision) in reply.supported.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_json(out, revision.as_str());
    }
    out.push(']');
    if let Some(requested) = reply.requested {
        out.push_str(",\"requested\":");
        push_json(out, &String::from_utf8_lossy(requested));
    }
}

/// What a server says of a thing that it does not have.
fn hidden_code(reply: &RpcReply<'_>) -> &'static str {
    let is_legacy = reply.revision.is_none_or(|revision| !revision.is_modern());
    if is_legacy && reply.method == Some("resources/read") { "-32002" } else { "-32602" }
}

fn hidden_text(reply: &RpcReply<'_>) -> String {
    let subject = reply.subject.as_deref().unwrap_or_default();
    match reply.method {
        Some("tools/call") => format!("Unknown tool: {subject}"),
        Some("prompts/get") => format!("Unknown prompt: {subject}"),
        Some(_) | None => "Resource not found".to_owned(),
    }
}

/// The sentence that the model may get to see: what was refused, and what to do; nothing about why.
fn text(reply: &RpcReply<'_>, denied: &Denied<'_>) -> String {
    let Denied { client, argument, cure, id } = *denied;
    let what = match (reply.method, reply.subject.as_deref()) {
        (Some("tools/call"), Some(tool)) => format!("the call of tool \"{tool}\""),
        (Some(method), Some(subject)) => format!("\"{method}\" of \"{subject}\""),
        (Some(method), None) => format!("\"{method}\""),
        (None, _) => "this request".to_owned(),
    };
    match client {
        ClientReason::AccessDenied => cure.denial(&what, id),
        ClientReason::InsufficientScope if !cure.scopes.is_empty() => {
            let advice = cure.advice.map(|advice| format!(" {advice}")).unwrap_or_default();
            format!("Insufficient scope: {what} needs a token with scope \"{}\".{advice}", cure.scopes.join(" "))
        }
        ClientReason::InvalidArguments => match argument {
            Some(argument) => {
                format!("Invalid arguments: {what} has a missing, unknown or mistyped argument \"{argument}\".")
            }
            None => format!("Invalid arguments: {what} has arguments that are not an object."),
        },
        ClientReason::MethodNotFound => "Method not found".to_owned(),
        _ => client.title().to_owned(),
    }
}
