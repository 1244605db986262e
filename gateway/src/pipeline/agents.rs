//! The steps for an A2A agent: one operation, and one answer.

use super::{Body, Panel, Progress, Refusal};
use crate::a2a::{self, A2aError, A2aReply, A2aRequest, AskedOperation, OpenA2a};
use crate::entity_text;
use crate::evaluate::{Named, Question};
use crate::head::Head;
use crate::header_map::HeaderMap;
use crate::json::JsonDocument;
use crate::outcome::{Outcome, Unavailable};
use crate::record::Facts;
use crate::revocation::{EntryKind, Mark, Revocations};
use crate::route::{ContextInput, RequestPath};

/// Buffers that are reused from request to request.
#[derive(Debug, Default)]
pub(super) struct AgentBuffers {
    document: JsonDocument,
    agent_id: String,
    task_id: String,
    resource_text: String,
}

/// What the steps work with.
pub(super) struct Agents<'a> {
    pub(super) a2a: &'a OpenA2a,
    pub(super) panel: Panel<'a>,
    pub(super) revocations: &'a Revocations,
    pub(super) buffers: &'a mut AgentBuffers,
}

impl<'a> Agents<'a> {
    /// Reads the request and asks policy about it.
    pub(super) fn steps(
        self,
        head: &Head<'a>,
        body: Body<'a>,
        input: ContextInput<'a>,
        facts: &mut Facts<'a>,
    ) -> Result<Progress, Refusal<'a>> {
        let Self { a2a, mut panel, revocations, buffers } = self;
        let AgentBuffers { document, agent_id, task_id, resource_text } = buffers;
        let request = request(head, input.headers, input.path);
        let mut reply = A2aReply::new(a2a.denial, &a2a.versions, a2a::binding(a2a, &request));
        let asked = read(a2a, &request, body, document, &mut reply);
        facts.a2a = Some((reply, None));
        let Some(AskedOperation { call, task_type, facts: message_facts }) = asked? else {
            return Ok(Progress::NeedsBody { limit: usize::try_from(a2a.max_body).unwrap_or(usize::MAX) });
        };
        facts.action = Some(&call.action_text);

        if let (Some(owner), Some(id)) = (&mut facts.owner, message_facts.task.as_deref()) {
            let mark = Mark::of(EntryKind::Task, "", id);
            if let Some(revoked) = revocations.of_mark(&mark, input.now_ms / 1000) {
                facts.revoked = revocations.recorded(revoked);
                if let Some((_, message)) = &mut facts.a2a {
                    *message = Some(message_facts);
                }
                return Err(Outcome::Revoked(revoked.kind).into());
            }
            owner.set_task(mark);
        }

        agent_id.clear();
        a2a.agent_id.write(input.path, agent_id);
        if a2a.tenant_in_id {
            agent_id.push_str(message_facts.tenant.as_deref().unwrap_or_default());
        }
        let agent = Named { entity_type: &a2a.agent_type, id: agent_id };
        let (resource, parent) = match task_type {
            Some(entity_type) => {
                // The agent's id has no `/`, so the first one ends it.
                task_id.clear();
                task_id.push_str(agent.id);
                task_id.push('/');
                task_id.push_str(message_facts.task.as_deref().unwrap_or_default());
                (Named { entity_type, id: task_id }, Some(agent))
            }
            None => (agent, None),
        };
        resource_text.clear();
        entity_text::push(resource_text, resource.entity_type, resource.id);

        let result = {
            let input = ContextInput { a2a: Some(&message_facts), ..input };
            let question = Question { call, resource, parent, arguments: None, unknown: None };
            panel.ask(question, &input, facts).map_err(Refusal::from)
        };
        if let Some((_, message)) = &mut facts.a2a {
            *message = Some(message_facts);
        }
        facts.resource = Some(resource_text);
        panel.close(facts);
        result.map(Progress::Decided)
    }
}

/// Whether a request is for a card that anybody may have. It comes without a body, or not at all.
pub(super) fn public_card<'a>(
    a2a: &'a OpenA2a,
    head: &Head<'_>,
    headers: HeaderMap<'_>,
    body: Body<'_>,
    path: &RequestPath,
    facts: &mut Facts<'a>,
) -> Result<bool, Refusal<'a>> {
    let request = request(head, headers, path);
    if !a2a::is_public_card(a2a, &request) {
        return Ok(false);
    }
    facts.a2a = Some((A2aReply::new(a2a.denial, &a2a.versions, a2a::binding(a2a, &request)), None));
    // Nobody has looked at what credentials there are.
    facts.strip_token = true;
    facts.strip_workload = true;
    facts.strip_transaction = true;
    match body {
        Body::None => Ok(true),
        Body::Pending | Body::Whole(_) | Body::TooLarge | Body::Unreadable => Err(A2aError::BodyUnexpected.into()),
    }
}

fn request<'a>(head: &Head<'a>, headers: HeaderMap<'a>, path: &'a RequestPath) -> A2aRequest<'a> {
    A2aRequest { method: head.method, headers, raw_path: head.path, path, query: head.query }
}

/// What is asked; `None` while the body is still to come.
fn read<'a>(
    a2a: &'a OpenA2a,
    request: &A2aRequest<'a>,
    body: Body<'a>,
    document: &'a mut JsonDocument,
    reply: &mut A2aReply<'a>,
) -> Result<Option<AskedOperation<'a>>, Refusal<'a>> {
    let bytes = match body {
        Body::None => None,
        _ if request.method != "POST" => return Err(A2aError::BodyUnexpected.into()),
        Body::Pending => {
            a2a::before_body(a2a, request)?;
            return Ok(None);
        }
        Body::Whole(bytes) if u32::try_from(bytes.len()).is_ok_and(|length| length <= a2a.max_body) => {
            a2a::before_body(a2a, request)?;
            Some(bytes)
        }
        Body::Whole(_) | Body::TooLarge => return Err(A2aError::BodyTooLarge.into()),
        Body::Unreadable => return Err(Unavailable::BodyUnreadable.into()),
    };
    Ok(Some(a2a::read(a2a, request, bytes, document, reply)?))
}
