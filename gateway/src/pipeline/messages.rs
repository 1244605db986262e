//! The steps for an MCP server: what the body asks, and one answer for all of it.

use std::rc::Rc;

use super::{Body, Panel, Progress, Refusal};
use crate::answer::Caller;
use crate::entity_text;
use crate::evaluate::{Named, Question};
use crate::head::Head;
use crate::header_map::{self, HeaderBuffer, HeaderMap};
use crate::identity::Identity;
use crate::json::JsonDocument;
use crate::mcp::{self, AskedCall, McpError, OpenMcp, RpcReply, SessionKey, SessionUse, Transport};
use crate::outcome::{Outcome, Unavailable};
use crate::record::Facts;
use crate::route::ContextInput;
use crate::section::DelegationMode;
use crate::shared_memory::SharedMemory;
use crate::token::Issuer;

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
    pub(super) mcp: &'a Rc<OpenMcp>,
    pub(super) sessions: &'a SessionKey,
    pub(super) panel: Panel<'a>,
    pub(super) buffers: &'a mut MessageBuffers,
    pub(super) identity: &'a Rc<Identity>,
    pub(super) issuer: &'a Issuer,
    pub(super) delegation: DelegationMode,
}

impl<'a> Messages<'a> {
    /// Reads the body and asks policy about everything in it. Only if all of it is allowed is the request.
    pub(super) fn steps(
        self,
        head: &Head<'a>,
        body: Body<'a>,
        input: ContextInput<'a>,
        memory: &mut dyn SharedMemory,
        facts: &mut Facts<'a>,
    ) -> Result<Progress, Refusal<'a>> {
        let Self { mcp, sessions, mut panel, buffers, identity, issuer, delegation } = self;
        let MessageBuffers { document, server_id, subject_id, resource_text } = buffers;
        server_id.clear();
        mcp.server_id.write(input.path, server_id);

        let mut reply = RpcReply::new(mcp.denial, &mcp.revisions);
        let transport = Transport::read(mcp, input.headers);
        let calls = read(mcp, head, body, &transport, document, &mut reply);
        facts.rpc = Some(reply);
        let Some(calls) = calls? else {
            return Ok(Progress::NeedsBody { limit: usize::try_from(mcp.max_body).unwrap_or(usize::MAX) });
        };

        if let Some(first) = calls.first() {
            let binding = || sessions.binding(&mcp.server_type, server_id, input.identity);
            facts.session = SessionUse::of(&transport, first.facts.revision, binding)?;
        }

        if calls.iter().any(|asked| mcp.has_drifted(server_id, asked, memory)) {
            return Err(McpError::ToolDrifted.into());
        }
        let count = calls.len();
        let lists = calls.iter().find(|asked| mcp::may_list(asked.facts.method)).map(|asked| asked.facts.revision);
        let mut result = Ok(Outcome::Denied);
        for asked in calls {
            facts.action = Some(&asked.call.action_text);
            let server = Named { entity_type: &mcp.server_type, id: server_id };
            let resource = asked.resource(server, subject_id);
            resource_text.clear();
            entity_text::push(resource_text, resource.entity_type, resource.id);
            result = ask(&mut panel, &asked, resource, server, input, facts);
            facts.message = Some((count, asked.facts));
            if !matches!(result, Ok(Outcome::Allowed)) {
                break;
            }
        }
        facts.resource = Some(resource_text);
        if let (Ok(Outcome::Allowed), Some(revision)) = (&result, lists) {
            facts.lists = Some(Box::new(Caller {
                policies: panel.bundle.shared_policies(),
                mcp: Rc::clone(mcp),
                on_forbid_error: panel.on_forbid_error,
                identity: Rc::clone(identity),
                principal: Rc::clone(&issuer.principal),
                actors: issuer.delegation.clone(),
                delegation,
                revision,
                server_id: server_id.clone(),
                location: input.location.map(str::to_owned),
                host: input.host.to_owned(),
                path: input.path.clone(),
                query: input.query.map(<[u8]>::to_vec),
                headers: readable(input.headers),
                transaction: input.transaction.cloned(),
                now_ms: input.now_ms,
            }));
        }
        panel.close(facts);
        result.map(Progress::Decided)
    }
}

/// The headers that a context may read, to be kept.
fn readable(headers: HeaderMap<'_>) -> HeaderBuffer {
    let readable = headers.iter().filter(|header| !header_map::is_credential(header.name));
    HeaderBuffer::from_pairs(readable.map(|header| (header.name, header.value)))
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
    let input = ContextInput { message: Some(&asked.facts), ..input };
    let question = Question {
        call: asked.call,
        resource,
        parent: asked.parent(server),
        arguments: asked.arguments,
        unknown: None,
    };
    Ok(panel.ask(question, &input, facts)?)
}

/// What is asked; `None` while the body is still to come.
fn read<'a>(
    mcp: &'a OpenMcp,
    head: &Head<'a>,
    body: Body<'a>,
    transport: &Transport<'a>,
    document: &'a mut JsonDocument,
    reply: &mut RpcReply<'a>,
) -> Result<Option<Vec<AskedCall<'a>>>, Refusal<'a>> {
    if head.method != "POST" {
        return match body {
            Body::None => Ok(Some(vec![mcp::without_body(mcp, head.method, transport)?])),
            Body::Pending | Body::Whole(_) | Body::TooLarge | Body::Unreadable => Err(McpError::BodyUnexpected.into()),
        };
    }
    transport.before_body()?;
    let bytes = match body {
        Body::None => &[],
        Body::Pending => return Ok(None),
        Body::Whole(bytes) if u32::try_from(bytes.len()).is_ok_and(|length| length <= mcp.max_body) => bytes,
        Body::Whole(_) | Body::TooLarge => return Err(McpError::BodyTooLarge.into()),
        Body::Unreadable => return Err(Unavailable::BodyUnreadable.into()),
    };
    Ok(Some(mcp::read(mcp, transport, bytes, document, reply)?))
}
