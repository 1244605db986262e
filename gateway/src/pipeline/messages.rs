//! The steps for an MCP server: what the body asks, and one answer for all of it.

use std::borrow::Cow;

use palisade_engine::{Decision, Scratch};

use super::{Body, Progress, Refusal, outcome};
use crate::bundle::ActiveBundle;
use crate::configuration::OnForbidError;
use crate::entity_text;
use crate::evaluate::{EvaluateFault, Named, Question, evaluate};
use crate::head::Head;
use crate::json::JsonDocument;
use crate::mcp::{self, AskedCall, CallResource, McpError, OpenMcp, RpcReply};
use crate::outcome::Unavailable;
use crate::record::Facts;
use crate::route::ContextInput;
use crate::section::PrincipalMapping;
use crate::verdict::PolicyNames;

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
    pub(super) bundle: &'a ActiveBundle,
    pub(super) on_forbid_error: OnForbidError,
    pub(super) mapping: &'a PrincipalMapping,
    pub(super) mcp: &'a OpenMcp,
    pub(super) scratch: &'a mut Scratch,
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
        let Self { bundle, on_forbid_error, mapping, mcp, scratch, buffers } = self;
        let MessageBuffers { document, server_id, subject_id, resource_text } = buffers;
        server_id.clear();
        mcp.server_id.write(input.path, server_id);

        let mut reply = RpcReply::new(mcp.denial, &mcp.revisions);
        let calls = read(mcp, head, body, input, document, &mut reply);
        facts.rpc = Some(reply);
        let Some(mut calls) = calls? else {
            return Ok(Progress::NeedsBody { limit: usize::try_from(mcp.max_body).unwrap_or(usize::MAX) });
        };

        let ask = Ask { bundle, mapping, mcp, server_id };
        let settling = ask.settling(&calls, scratch, subject_id, on_forbid_error, input);
        let count = calls.len();
        if settling >= count {
            return Err(Unavailable::Internal.into());
        }
        let asked = calls.swap_remove(settling);
        facts.action = Some(&asked.call.action_text);
        facts.message = Some((count, asked.facts.clone()));
        resource_text.clear();
        let resource = ask.resource(&asked, subject_id);
        entity_text::push(resource_text, resource.entity_type, resource.id);
        facts.resource = Some(resource_text);

        let decision = ask.one(&asked, scratch, subject_id, input)?;
        facts.effect = Some(decision.effect());
        facts.policies = PolicyNames::new(bundle.policies(), decision.reasons());
        facts.errors = PolicyNames::new(bundle.policies(), decision.errors());
        Ok(Progress::Decided(outcome(&decision, on_forbid_error)))
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

/// What all questions of one body have in common.
#[derive(Clone, Copy)]
struct Ask<'a, 's> {
    bundle: &'a ActiveBundle,
    mapping: &'a PrincipalMapping,
    mcp: &'a OpenMcp,
    server_id: &'s str,
}

impl<'a> Ask<'a, '_> {
    /// Which of several questions settles the request: the first that is not allowed, or the last.
    ///
    /// A decision borrows the engine's memory, so that only one can be kept; the one that settles is asked again.
    fn settling(
        self,
        calls: &[AskedCall<'a>],
        scratch: &mut Scratch,
        subject_id: &mut String,
        on_forbid_error: OnForbidError,
        input: ContextInput<'a>,
    ) -> usize {
        let last = calls.len().saturating_sub(1);
        let allowed = |asked: &AskedCall<'a>| {
            let decision = self.one(asked, scratch, subject_id, input);
            decision.is_ok_and(|decision| outcome(&decision, on_forbid_error).is_allowed())
        };
        calls.get(..last).unwrap_or_default().iter().map(allowed).position(|allowed| !allowed).unwrap_or(last)
    }

    fn one<'s>(
        self,
        asked: &AskedCall<'a>,
        scratch: &'s mut Scratch,
        subject_id: &mut String,
        input: ContextInput<'a>,
    ) -> Result<Decision<'s>, Refusal<'a>>
    where
        'a: 's,
    {
        let AskedCall { call, resource: _, facts, arguments } = asked;
        let resource = self.resource(asked, subject_id);
        let parent = match asked.resource {
            CallResource::Subject { in_server: true, .. } => Some(self.server()),
            CallResource::Subject { in_server: false, .. } | CallResource::Server => None,
        };
        let input = ContextInput { message: Some(facts), ..input };
        let question = Question { call, resource, parent, arguments: *arguments };
        evaluate(self.bundle.policies(), scratch, self.mapping, question, &input).map_err(|fault| {
            let (outcome, attribute) = match fault {
                EvaluateFault::Context(fault) => (fault.error.into(), Some(fault.attribute.to_owned())),
                EvaluateFault::Argument(fault) => (fault.error.into(), Some(fault.path)),
                EvaluateFault::Unavailable(error) => (error.into(), None),
            };
            Refusal { outcome, attribute: attribute.map(Cow::Owned) }
        })
    }

    fn resource<'s>(&'s self, asked: &AskedCall<'a>, subject_id: &'s mut String) -> Named<'s> {
        match asked.resource {
            CallResource::Server => self.server(),
            CallResource::Subject { entity_type, .. } => {
                // The server's id has no `/`, so the first one ends it.
                subject_id.clear();
                subject_id.push_str(self.server_id);
                subject_id.push('/');
                subject_id.push_str(asked.facts.subject());
                Named { entity_type, id: subject_id }
            }
        }
    }

    fn server(&self) -> Named<'_> {
        Named { entity_type: &self.mcp.server_type, id: self.server_id }
    }
}
