//! What a request asks: one question to Cedar.

use std::borrow::Cow;

use super::denial::A2aReply;
use super::error::A2aError;
use super::facts::{A2aFacts, Binding};
use super::message::{self, repeats};
use super::open::OpenA2a;
use super::operation::{GET_AGENT_CARD, Operation};
use super::rest::{self, RestCall};
use super::service::Service;
use super::version::A2aVersion;
use crate::header_map::HeaderMap;
use crate::json::{JsonDocument, JsonKind, JsonView};
use crate::limits;
use crate::route::{OpenCall, RequestPath};
use crate::rpc::{self, Message, RpcError};
use crate::section::TenantMode;

/// A request, without its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct A2aRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) headers: HeaderMap<'a>,
    /// The path as it stands in the request line.
    pub(crate) raw_path: &'a [u8],
    pub(crate) path: &'a RequestPath,
    pub(crate) query: Option<&'a [u8]>,
}

/// The question.
#[derive(Clone, Debug)]
pub(crate) struct AskedOperation<'a> {
    pub(crate) call: &'a OpenCall,
    /// The entity type of the task that is the resource; without it, the agent is.
    pub(crate) task_type: Option<&'a str>,
    pub(crate) facts: A2aFacts<'a>,
}

/// The members of the envelope. What only looks like one of them is refused there.
const ENVELOPE: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// The media types of JSON-RPC, and those of REST, which has one of its own since 1.0 (§11.1).
const RPC_TYPES: &[&str] = &["application/json"];
const REST_TYPES: &[&str] = &["application/json", "application/a2a+json"];

/// Checks what can be checked without the body that is to come.
pub(crate) fn before_body(a2a: &OpenA2a, request: &A2aRequest<'_>) -> Result<(), A2aError> {
    check_origin(a2a, request)?;
    let service = Service::read(request)?;
    let call = rest_call(a2a, request)?;
    if let Some(call) = &call {
        declared(a2a, call.row()?)?;
        check_version(a2a, service.stated, call.version)?;
    }
    let media_types = if call.is_some() { REST_TYPES } else { RPC_TYPES };
    Ok(rpc::check_content(request.headers, a2a.max_body, media_types)?)
}

/// Whether a path is that of the public card, and anybody may have it.
pub(crate) fn is_public_card(a2a: &OpenA2a, request: &A2aRequest<'_>) -> bool {
    let call = if a2a.card.public { rest_call(a2a, request) } else { Ok(None) };
    matches!(call, Ok(Some(call)) if call == RestCall::card())
}

/// The binding of a request: below the endpoint's own path it is REST, whatever becomes of it.
pub(crate) fn binding(a2a: &OpenA2a, request: &A2aRequest<'_>) -> Binding {
    if matches!(rest_call(a2a, request), Ok(None)) { Binding::JsonRpc } else { Binding::Rest }
}

/// Reads a request. What is known of it for an answer stands in `reply` as soon as it is.
pub(crate) fn read<'a>(
    a2a: &'a OpenA2a,
    request: &A2aRequest<'a>,
    body: Option<&'a [u8]>,
    document: &'a mut JsonDocument,
    reply: &mut A2aReply<'a>,
) -> Result<AskedOperation<'a>, A2aError> {
    check_origin(a2a, request)?;
    let mut service = Service::read(request)?;
    let mut facts = match rest_call(a2a, request)? {
        None => {
            let root = document.read(body.unwrap_or_default()).map_err(RpcError::from)?;
            reply.id = rpc::request_id(root);
            let (operation, version, params) = method(root)?;
            check_version(a2a, service.stated, Some(version))?;
            let mut facts = A2aFacts::new(operation, version, Binding::JsonRpc);
            reply.begin(&facts);
            message::read(a2a, params, &mut facts)?;
            facts
        }
        Some(call) => {
            let version = check_version(a2a, service.stated, call.version)?;
            let mut facts = A2aFacts::new(call.row()?, version, Binding::Rest);
            facts.task = call.task.map(Cow::Borrowed);
            facts.tenant = call.tenant.map(Cow::Borrowed);
            reply.begin(&facts);
            rest_body(a2a, body, document, &mut facts)?;
            // Of several configurations, the path says which.
            facts.push_config = call.push_config.map(Cow::Borrowed).or(facts.push_config);
            facts
        }
    };
    reply.begin(&facts);
    facts.extensions.append(&mut service.extensions);
    if facts.extensions.len() > limits::MESSAGE_LIST {
        return Err(A2aError::Extensions);
    }
    repeats(service.tenant.as_deref(), facts.tenant.as_deref(), A2aError::TenantMismatch)?;
    if let Some(context) = service.context {
        if facts.operation.has_task() || facts.binding == Binding::JsonRpc {
            return Err(A2aError::Query);
        }
        facts.context = Some(context).filter(|context| !context.is_empty());
    }
    // The card is the agent's own, whoever its tenants are.
    if facts.operation.name != GET_AGENT_CARD {
        check_tenant(a2a, facts.tenant.as_deref())?;
    }

    let open = declared(a2a, facts.operation)?;
    let task_type = match (&open.task, &facts.task) {
        (Some(task_type), Some(_)) => Some(task_type.as_str()),
        (Some(_), None) if !open.on_agent => return Err(A2aError::MemberMissing),
        (Some(_) | None, _) => None,
    };
    Ok(AskedOperation { call: &open.call, task_type, facts })
}

fn check_origin(a2a: &OpenA2a, request: &A2aRequest<'_>) -> Result<(), A2aError> {
    if rpc::origin_is_listed(request.headers, &a2a.origins) { Ok(()) } else { Err(A2aError::Origin) }
}

fn declared<'a>(a2a: &'a OpenA2a, operation: &Operation) -> Result<&'a super::open::OpenOperation, A2aError> {
    a2a.operation(operation.name).ok_or(A2aError::OperationUndeclared)
}

/// What the path says; `None` for the endpoint itself, where JSON-RPC is spoken.
fn rest_call<'a>(a2a: &OpenA2a, request: &A2aRequest<'a>) -> Result<Option<RestCall<'a>>, A2aError> {
    let elsewhere = a2a.card.path.as_deref();
    let is_card = elsewhere == Some(request.path.text());
    let mut below = Vec::new();
    while let Some(segment) = request.path.segment(a2a.base + below.len()) {
        below.push(segment);
    }
    if !is_card && matches!(below.as_slice(), [] | [""]) {
        return Ok(None);
    }
    // Nothing that is sent there needs escapes, and not every server reads them before it looks for `:` and `/`.
    if request.raw_path.contains(&b'%') {
        return Err(A2aError::Path);
    }
    if is_card {
        return Ok(Some(RestCall::card()));
    }
    let call = RestCall::read(request.method, &below, a2a.tenant != TenantMode::Refuse)?;
    // There is one card.
    if call == RestCall::card() && elsewhere.is_some() {
        return Err(A2aError::OperationUnknown);
    }
    Ok(Some(call))
}

/// The version of a request: the one of its form, with which what the client states has to agree. What has no version of its
/// own may be asked for in any that the route has.
fn check_version(a2a: &OpenA2a, stated: Option<A2aVersion>, form: Option<A2aVersion>) -> Result<A2aVersion, A2aError> {
    let version = match (stated, form) {
        (Some(stated), Some(form)) if stated != form => return Err(A2aError::VersionMismatch),
        // An agent takes such a request for one of 0.3 (§3.6.2).
        (None, Some(A2aVersion::V1_0)) => return Err(A2aError::VersionMissing),
        (_, Some(form)) => form,
        (Some(stated), None) => stated,
        (None, None) => a2a.versions.last().copied().ok_or(A2aError::VersionUnsupported)?,
    };
    if a2a.versions.contains(&version) { Ok(version) } else { Err(A2aError::VersionUnsupported) }
}

/// The operation that a message of JSON-RPC asks for.
fn method(root: JsonView<'_>) -> Result<(&'static Operation, A2aVersion, Option<JsonView<'_>>), A2aError> {
    if root.kind() == JsonKind::Array {
        return Err(A2aError::Batch);
    }
    match rpc::message(root, &ENVELOPE)? {
        Message::Call { id: Some(_), method, params } => {
            let (operation, version) = Operation::of_method(&method).ok_or(A2aError::OperationUnknown)?;
            Ok((operation, version, params))
        }
        Message::Call { id: None, .. } => Err(RpcError::IdMissing.into()),
        // Agents ask their callers nothing.
        Message::Response => Err(RpcError::Member.into()),
    }
}

/// Reads the body of a REST request. Those about a task may go without; those with a message or a configuration may not.
fn rest_body<'a>(
    a2a: &'a OpenA2a,
    body: Option<&'a [u8]>,
    document: &'a mut JsonDocument,
    facts: &mut A2aFacts<'a>,
) -> Result<(), A2aError> {
    let params = match body {
        None | Some([]) => None,
        Some(body) => {
            let root = document.read(body).map_err(RpcError::from)?;
            if root.kind() != JsonKind::Object {
                return Err(RpcError::NotAnObject.into());
            }
            Some(root)
        }
    };
    message::read(a2a, params, facts)
}

fn check_tenant(a2a: &OpenA2a, tenant: Option<&str>) -> Result<(), A2aError> {
    match (a2a.tenant, tenant) {
        (TenantMode::Refuse, Some(_)) => Err(A2aError::TenantUnexpected),
        (TenantMode::Required, None) => Err(A2aError::TenantMissing),
        (TenantMode::Optional | TenantMode::Required, Some(tenant)) => rest::checked_tenant(tenant).map(drop),
        (TenantMode::Refuse | TenantMode::Optional, None) => Ok(()),
    }
}
