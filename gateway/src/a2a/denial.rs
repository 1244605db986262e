//! Denials in the form that an A2A client reads: an error of JSON-RPC (§9.5), or a status of REST (§11.6).

use super::facts::{A2aFacts, Binding};
use super::operation::Operation;
use super::version::A2aVersion;
use crate::cure::Cure;
use crate::decision_id::DecisionId;
use crate::outcome::{ClientReason, Disposition};
use crate::record::push_json;
use crate::rpc;
use crate::section::A2aDenial;

/// What a reply needs to know of the request.
#[derive(Clone, Debug)]
pub(crate) struct A2aReply<'a> {
    pub(crate) denial: A2aDenial,
    pub(crate) supported: &'a [A2aVersion],
    pub(crate) binding: Binding,
    /// The id of the request, as written in it.
    pub(crate) id: Option<&'a str>,
    pub(crate) version: Option<A2aVersion>,
    pub(crate) operation: Option<&'static Operation>,
    /// Whether a task was asked about.
    has_task: bool,
}

/// The body of a reply.
pub(crate) struct Written {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
}

impl<'a> A2aReply<'a> {
    pub(crate) fn new(denial: A2aDenial, supported: &'a [A2aVersion], binding: Binding) -> Self {
        Self { denial, supported, binding, id: None, version: None, operation: None, has_task: false }
    }

    /// Notes what is known of the operation.
    pub(super) fn begin(&mut self, facts: &A2aFacts<'_>) {
        self.version = Some(facts.version);
        self.operation = Some(facts.operation);
        self.has_task = facts.task.is_some();
    }

    /// Whether a denial is said in the words for a task that is not there.
    fn hides(&self, client: ClientReason) -> bool {
        self.denial == A2aDenial::Hide && self.has_task && client == ClientReason::AccessDenied
    }
}

/// Writes the body of a reply.
pub(crate) fn write(
    out: &mut String,
    reply: &A2aReply<'_>,
    disposition: Disposition,
    cure: Cure<'_>,
    id: DecisionId,
) -> Written {
    let client = disposition.client;
    let hides = reply.hides(client);
    // What would cure it would say that there is something.
    let cure = if hides { Cure::default() } else { cure };
    match reply.binding {
        Binding::JsonRpc => {
            rpc::push_head(out, Some(reply.id.unwrap_or("null")));
            out.push_str(",\"error\":{\"code\":");
            out.push_str(if hides { TASK_NOT_FOUND_CODE } else { rpc_code(client) });
            out.push_str(",\"message\":");
            push_json(out, &text(reply, client, hides, cure, id));
            out.push_str(",\"data\":[");
            error_info(out, reply, client, hides, cure, id);
            out.push_str("]}}");
            let status = if hides { 200 } else { disposition.status };
            Written { status, content_type: "application/json" }
        }
        Binding::Rest => {
            let status = if hides { 404 } else { disposition.status };
            out.push_str("{\"error\":{\"code\":");
            out.push_str(&status.to_string());
            out.push_str(",\"status\":\"");
            out.push_str(status_name(status));
            out.push_str("\",\"message\":");
            push_json(out, &text(reply, client, hides, cure, id));
            out.push_str(",\"details\":[");
            error_info(out, reply, client, hides, cure, id);
            out.push_str("]}}");
            let is_legacy = reply.version == Some(A2aVersion::V0_3);
            Written { status, content_type: if is_legacy { "application/json" } else { "application/a2a+json" } }
        }
    }
}

/// `TaskNotFoundError` (§5.4).
const TASK_NOT_FOUND_CODE: &str = "-32001";

/// The codes of JSON-RPC and of A2A where they say what happened, and else those that the other protocol gets.
fn rpc_code(client: ClientReason) -> &'static str {
    match client {
        // `VersionNotSupportedError` (§5.4).
        ClientReason::UnsupportedVersion => "-32009",
        ClientReason::HeaderMismatch => ClientReason::InvalidMessage.rpc_code(),
        other => other.rpc_code(),
    }
}

/// A `google.rpc.ErrorInfo`. Only errors of A2A are of its domain.
fn error_info(
    out: &mut String,
    reply: &A2aReply<'_>,
    client: ClientReason,
    hides: bool,
    cure: Cure<'_>,
    id: DecisionId,
) {
    out.push_str("{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"");
    if hides {
        // What does not exist has no decision.
        out.push_str("TASK_NOT_FOUND\",\"domain\":\"a2a-protocol.org\"}");
        return;
    }
    if client == ClientReason::UnsupportedVersion {
        out.push_str("VERSION_NOT_SUPPORTED\",\"domain\":\"a2a-protocol.org\",\"metadata\":{\"supported\":\"");
        for (index, version) in reply.supported.iter().enumerate() {
            out.push_str(if index > 0 { ", " } else { "" });
            out.push_str(version.as_str());
        }
        out.push_str("\",");
    } else {
        out.extend(client.as_str().chars().map(|letter| letter.to_ascii_uppercase()));
        out.push_str("\",\"domain\":\"palisade\",\"metadata\":{");
    }
    if let Some(advice) = cure.advice {
        out.push_str("\"advice\":");
        push_json(out, advice);
        out.push(',');
    }
    if !cure.scopes.is_empty() {
        out.push_str("\"scope\":");
        push_json(out, &cure.scopes.join(" "));
        out.push(',');
    }
    out.push_str("\"decisionId\":\"");
    out.push_str(id.as_str());
    out.push_str("\"}}");
}

/// The sentence that the caller gets to see: what was refused, and what to do; nothing about why.
fn text(reply: &A2aReply<'_>, client: ClientReason, hides: bool, cure: Cure<'_>, id: DecisionId) -> String {
    if hides {
        return "Task not found".to_owned();
    }
    let what = reply.operation.map_or("this request", |operation| operation.name);
    match client {
        ClientReason::AccessDenied => cure.denial(what, id),
        ClientReason::InsufficientScope if !cure.scopes.is_empty() => {
            format!("Insufficient scope: {what} needs a token with scope \"{}\".", cure.scopes.join(" "))
        }
        ClientReason::PushTarget => {
            format!("{what} is refused: push notifications may not go to that URL.")
        }
        ClientReason::MethodNotFound => "Method not found".to_owned(),
        _ => client.title().to_owned(),
    }
}

/// The statuses of the table in the words of `google.rpc.Code`.
fn status_name(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        503 => "UNAVAILABLE",
        _ => "INVALID_ARGUMENT",
    }
}
