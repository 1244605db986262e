//! The steps for an MCP server: what the body asks, and one answer for all of it.

use super::{Body, Panel, Progress, Refusal};
use crate::entity_text;
use crate::evaluate::{Named, Question};
use crate::head::Head;
use crate::json::JsonDocument;
use crate::mcp::{self, AskedCall, CallResource, McpError, OpenMcp, RpcReply, SessionKey, SessionUse};
use crate::outcome::{Outcome, Unavailable};
use crate::record::Facts;
use crate::route::ContextInput;

/// Buffers that are reused from request to request.
#[derive(Debug, Default)]
pub(super) struct MessageBuffers {
    document: JsonDocument,
    server_id: String,
    subject_id: String,
    resource_text: String,
}

/// What the steps work with.
pub(super) struct Messages<'a> {
    pub(super) mcp: &'a OpenMcp,
    pub(super) sessions: &'a SessionKey,
    pub(super) panel: Panel<'a>,
    pub(super) buffers: &'a mut MessageBuffers,
}

impl<'a> Messages<'a> {
    /// Reads the body and asks policy about everything in it. Only if all of it is allowed is the request.
    pub(super) fn steps(
        self,
        head: &Head<'a>,
        body: Body<'a>,
        input: ContextInput<'a>,
        facts: &mut Facts<'a>,
    ) -> Result<Progress, Refusal<'a>> {
        let Self { mcp, sessions, mut panel, buffers } = self;
        let MessageBuffers { document, server_id, subject_id, resource_text } = buffers;
        server_id.clear();
        mcp.server_id.write(input.path, server_id);

        let mut reply = RpcReply::new(mcp.denial, &mcp.revisions);
        let calls = read(mcp, head, body, input, document, &mut reply);
        facts.rpc = Some(reply);
        let Some(calls) = calls? else {
            return Ok(Progress::NeedsBody { limit: usize::try_from(mcp.max_body).unwrap_or(usize::MAX) });
        };

        if let Some(first) = calls.first() {
            let binding = || sessions.binding(&mcp.server_type, server_id, input.identity);
            facts.session = SessionUse::of(input.headers, first.facts.revision, binding)?;
        }

        let count = calls.len();
        let mut result = Ok(Outcome::Denied);
        for asked in calls {
            facts.action = Some(&asked.call.action_text);
            let server = Named { entity_type: &mcp.server_type, id: server_id };
            let resource = resource(&asked, server, subject_id);
            resource_text.clear();
            entity_text::push(resource_text, resource.entity_type, resource.id);
            result = ask(&mut panel, &asked, resource, server, input, facts);
            facts.message = Some((count, asked.facts));
            if !matches!(result, Ok(Outcome::Allowed)) {
                break;
            }
        }
        facts.resource = Some(resource_text);
        panel.close(facts);
        result.map(Progress::Decided)
    }
}

/// One question, about everybody whose rights decide.
fn ask<'a>(
    panel: &mut Panel<'a>,
    asked: &AskedCall<'a>,
    resource: Named<'_>,
    server: Named<'_>,
    input: ContextInput<'a>,
    facts: &mut Facts<'a>,
) -> Result<Outcome, Refusal<'a>> {
    let parent = match asked.resource {
        CallResource::Subject { in_server: true, .. } => Some(server),
        CallResource::Subject { in_server: false, .. } | CallResource::Server => None,
    };
    let input = ContextInput { message: Some(&asked.facts), ..input };
    let question = Question { call: asked.call, resource, parent, arguments: asked.arguments };
    Ok(panel.ask(question, &input, facts)?)
}

fn resource<'s>(asked: &'s AskedCall<'_>, server: Named<'s>, subject_id: &'s mut String) -> Named<'s> {
    match asked.resource {
        CallResource::Server => server,
        CallResource::Subject { entity_type, .. } => {
            // The server's id has no `/`, so the first one ends it.
            subject_id.clear();
            subject_id.push_str(server.id);
            subject_id.push('/');
            subject_id.push_str(asked.facts.subject());
            Named { entity_type, id: subject_id }
        }
    }
}

/// What is asked; `None` while the body is still to come.
fn read<'a>(
    mcp: &'a OpenMcp,
    head: &Head<'a>,
    body: Body<'a>,
    input: ContextInput<'a>,
    document: &'a mut JsonDocument,
    reply: &mut RpcReply<'a>,
) -> Result<Option<Vec<AskedCall<'a>>>, Refusal<'a>> {
    if head.method != "POST" {
        return match body {
            Body::None => Ok(Some(vec![mcp::without_body(mcp, head.method, input.headers)?])),
            Body::Pending | Body::Whole(_) | Body::TooLarge | Body::Unreadable => Err(McpError::BodyUnexpected.into()),
        };
    }
    mcp::before_body(mcp, input.headers)?;
    let bytes = match body {
        Body::None => &[],
        Body::Pending => return Ok(None),
        Body::Whole(bytes) if u32::try_from(bytes.len()).is_ok_and(|length| length <= mcp.max_body) => bytes,
        Body::Whole(_) | Body::TooLarge => return Err(McpError::BodyTooLarge.into()),
        Body::Unreadable => return Err(Unavailable::BodyUnreadable.into()),
    };
    Ok(Some(mcp::read(mcp, input.headers, bytes, document, reply)?))
}
