//! What a message asks for: one question to Cedar, or several.

use std::borrow::Cow;

use super::arguments::Arguments;
use super::error::McpError;
use super::method::{Method, SESSION_DELETE, STREAM_OPEN, Subject};
use super::mirror;
use super::open::{CallResource, OpenMcp, OpenTool};
use super::revision::Revision;
use super::transport::Transport;
use super::uri;
use crate::evaluate::Named;
use crate::header_map::HeaderMap;
use crate::json::{JsonKind, JsonView};
use crate::limits;
use crate::record::RecordedArguments;
use crate::route::OpenCall;

/// One question.
#[derive(Clone, Debug)]
pub(crate) struct AskedCall<'a> {
    pub(crate) call: &'a OpenCall,
    pub(crate) resource: &'a CallResource,
    pub(crate) facts: MessageFacts<'a>,
    /// The arguments of a tool that has an action of its own.
    pub(crate) arguments: Option<Arguments<'a>>,
}

impl AskedCall<'_> {
    /// The resource of the Cedar request. `subject_id` is where its id is written, if it needs one of its own.
    pub(crate) fn resource<'s>(&'s self, server: Named<'s>, subject_id: &'s mut String) -> Named<'s> {
        match self.resource {
            CallResource::Server => server,
            CallResource::Subject { entity_type, .. } => {
                // The server's id has no `/`, so the first one ends it.
                subject_id.clear();
                subject_id.push_str(server.id);
                subject_id.push('/');
                subject_id.push_str(self.facts.subject());
                Named { entity_type, id: subject_id }
            }
        }
    }

    /// The entity that the resource is in.
    pub(crate) fn parent<'s>(&self, server: Named<'s>) -> Option<Named<'s>> {
        match self.resource {
            CallResource::Subject { in_server: true, .. } => Some(server),
            CallResource::Subject { in_server: false, .. } | CallResource::Server => None,
        }
    }
}

/// What a message offers to the context, and to the record.
#[derive(Clone, Debug)]
pub(crate) struct MessageFacts<'a> {
    pub(crate) method: &'static str,
    pub(crate) revision: Revision,
    /// The name of a tool or a prompt.
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) uri: Option<Cow<'a, str>>,
    pub(crate) task: Option<Cow<'a, str>>,
    /// The arguments of a tool call, where they are recorded.
    pub(crate) arguments: Option<RecordedArguments<'a>>,
}

impl<'a> MessageFacts<'a> {
    pub(super) fn new(method: &'static str, revision: Revision) -> Self {
        Self { method, revision, name: None, uri: None, task: None, arguments: None }
    }

    /// What the method is about, whatever it is.
    pub(crate) fn subject(&self) -> &str {
        self.name.as_deref().or(self.uri.as_deref()).or(self.task.as_deref()).unwrap_or_default()
    }
}

/// What GET and DELETE ask for. Neither is in revisions of the stateless era.
pub(crate) fn without_body<'a>(
    mcp: &'a OpenMcp,
    http_method: &str,
    transport: &Transport<'_>,
) -> Result<AskedCall<'a>, McpError> {
    transport.check_caller()?;
    let stated = transport.version(mcp)?;
    let legacy = mcp.revisions.iter().copied().find(|revision| !revision.is_modern());
    let revision = stated.or(legacy).ok_or(McpError::HttpMethod)?;
    let method = Method::named(if http_method == "GET" { STREAM_OPEN } else { SESSION_DELETE });
    let method = method.filter(|method| method.is_in(revision)).ok_or(McpError::HttpMethod)?;
    server_call(mcp, method, revision)
}

/// A question about the server as a whole.
pub(super) fn server_call<'a>(
    mcp: &'a OpenMcp,
    method: &Method,
    revision: Revision,
) -> Result<AskedCall<'a>, McpError> {
    let open = mcp.method(method.name).ok_or(McpError::MethodUndeclared)?;
    let facts = MessageFacts::new(method.name, revision);
    Ok(AskedCall { call: &open.call, resource: &open.resource, facts, arguments: None })
}

/// What a request or a notification asks for. Adds to `calls`.
pub(super) fn calls<'a>(
    mcp: &'a OpenMcp,
    headers: HeaderMap<'_>,
    revision: Revision,
    method: &Method,
    params: Option<JsonView<'a>>,
    calls: &mut Vec<AskedCall<'a>>,
) -> Result<(), McpError> {
    let mut facts = MessageFacts::new(method.name, revision);
    match method.subject {
        Subject::Server => {}
        Subject::Tool | Subject::Prompt => facts.name = Some(subject(params, "name")?),
        Subject::Resource => facts.uri = Some(checked_uri(subject(params, "uri")?)?),
        Subject::Task => facts.task = Some(subject(params, "taskId")?),
        Subject::Reference => reference(params, &mut facts)?,
        Subject::Subscriptions => return subscriptions(mcp, headers, facts, params, calls),
    }
    if revision.is_modern() {
        let repeated = !matches!(method.subject, Subject::Server | Subject::Reference);
        mirror::check(headers, revision, method.name, params, repeated.then(|| facts.subject()))?;
    }
    if method.subject == Subject::Tool {
        calls.push(tool_call(mcp, headers, facts, params)?);
    } else {
        let open = mcp.method(method.name).ok_or(McpError::MethodUndeclared)?;
        calls.push(AskedCall { call: &open.call, resource: &open.resource, facts, arguments: None });
    }
    Ok(())
}

fn tool_call<'a>(
    mcp: &'a OpenMcp,
    headers: HeaderMap<'_>,
    facts: MessageFacts<'a>,
    params: Option<JsonView<'a>>,
) -> Result<AskedCall<'a>, McpError> {
    let given = params.and_then(|params| params.get("arguments"));
    if given.is_some_and(|given| given.kind() != JsonKind::Object) {
        return Err(McpError::Arguments);
    }
    let (mut asked, tool) = tool(mcp, facts)?;
    let values = tool.map_or(&[][..], |tool| &tool.recorded);
    asked.facts.arguments = mcp.record_arguments.then_some(RecordedArguments { given, values });
    if let Some(tool) = tool {
        if asked.facts.revision.is_modern() {
            mirror::check_params(headers, &tool.mirrored, given)?;
        }
        asked.arguments = Some(Arguments { given, input: &tool.input, unknown: mcp.unknown_arguments });
    }
    Ok(asked)
}

/// The question about a tool, by its name in `facts`, and the tool if it has an action of its own. Whoever calls it and
/// whoever lists it are decided about by this.
pub(super) fn tool<'a>(
    mcp: &'a OpenMcp,
    facts: MessageFacts<'a>,
) -> Result<(AskedCall<'a>, Option<&'a OpenTool>), McpError> {
    let name = facts.name.as_deref().unwrap_or_default();
    if mcp.catalogue.as_ref().is_some_and(|catalogue| !catalogue.lets_call(name)) {
        return Err(McpError::ToolUnpinned);
    }
    let own = mcp.tool(name);
    let (call, resource) = match own {
        Some(tool) => (&tool.call, &tool.resource),
        // Without an action of its own, it is one call among others, and its arguments are nobody's concern.
        None => mcp.method(facts.method).map(|open| (&open.call, &open.resource)).ok_or(McpError::ToolUnknown)?,
    };
    Ok((AskedCall { call, resource, facts, arguments: None }, own))
}

fn reference<'a>(params: Option<JsonView<'a>>, facts: &mut MessageFacts<'a>) -> Result<(), McpError> {
    let reference = params.and_then(|params| params.get("ref"));
    match &*subject(reference, "type")? {
        "ref/prompt" => facts.name = Some(subject(reference, "name")?),
        "ref/resource" => facts.uri = Some(checked_uri(subject(reference, "uri")?)?),
        _ => return Err(McpError::Subject),
    }
    Ok(())
}

/// Listening is asked for once for each resource, and at least once.
fn subscriptions<'a>(
    mcp: &'a OpenMcp,
    headers: HeaderMap<'_>,
    facts: MessageFacts<'a>,
    params: Option<JsonView<'a>>,
    calls: &mut Vec<AskedCall<'a>>,
) -> Result<(), McpError> {
    mirror::check(headers, facts.revision, facts.method, params, None)?;
    let open = mcp.method(facts.method).ok_or(McpError::MethodUndeclared)?;
    let wanted = params.and_then(|params| params.get("notifications"));
    if wanted.is_some_and(|wanted| wanted.kind() != JsonKind::Object) {
        return Err(McpError::Subject);
    }
    let list = wanted.and_then(|wanted| wanted.get("resourceSubscriptions"));
    if list.is_some_and(|list| list.kind() != JsonKind::Array) {
        return Err(McpError::Subject);
    }
    let before = calls.len();
    for uri in list.into_iter().flat_map(JsonView::elements) {
        if calls.len() - before == limits::BODY_CALLS {
            return Err(McpError::BatchContent);
        }
        let uri = checked_uri(uri.string().ok_or(McpError::Subject)?)?;
        let facts = MessageFacts { uri: Some(uri), ..facts.clone() };
        calls.push(AskedCall { call: &open.call, resource: &open.resource, facts, arguments: None });
    }
    if calls.len() == before {
        // About no resource in particular: the server is what is asked about.
        calls.push(AskedCall { call: &open.call, resource: &CallResource::Server, facts, arguments: None });
    }
    Ok(())
}

fn subject<'a>(of: Option<JsonView<'a>>, member: &str) -> Result<Cow<'a, str>, McpError> {
    let text = of.and_then(|of| of.get(member)).and_then(JsonView::string);
    text.filter(|text| is_subject(text)).ok_or(McpError::Subject)
}

/// Whether a name is of a length that can be asked for.
pub(super) fn is_subject(text: &str) -> bool {
    !text.is_empty() && text.len() <= limits::SUBJECT_BYTES
}

pub(super) fn checked_uri(uri: Cow<'_, str>) -> Result<Cow<'_, str>, McpError> {
    if uri.len() <= limits::SUBJECT_BYTES && uri::is_unambiguous(&uri) { Ok(uri) } else { Err(McpError::Uri) }
}
