//! Who asked for a list, and all that asking about its items needs.

use std::borrow::Cow;
use std::rc::Rc;

use palisade_engine::{CompiledPolicySet, EntityId, Scratch};

use crate::configuration::OnForbidError;
use crate::evaluate::{Asked, Builder, Named, Question};
use crate::header_map::HeaderBuffer;
use crate::identity::{Identity, Person};
use crate::mcp::{CallResource, Known, Listed, ListedCall, OpenMcp, Revision};
use crate::pipeline::hops;
use crate::route::{ContextInput, RequestPath};
use crate::section::{Delegation, DelegationMode, PrincipalMapping};
use crate::transaction::Transaction;

/// Items that share one Cedar request. Each may define its resource, and the engine lets a request define a few dozen.
const TOGETHER: usize = 32;

/// What is kept of a request whose answer may hold lists: who asked, verified then, and what a question about an item needs of
/// the request. The policies and the route are those of the bundle that decided it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) policies: Rc<CompiledPolicySet>,
    pub(crate) mcp: Rc<OpenMcp>,
    pub(crate) on_forbid_error: OnForbidError,
    pub(crate) identity: Rc<Identity>,
    pub(crate) principal: Rc<PrincipalMapping>,
    pub(crate) actors: Option<Rc<Delegation>>,
    pub(crate) delegation: DelegationMode,
    pub(crate) revision: Revision,
    pub(crate) server_id: String,
    pub(crate) location: Option<String>,
    pub(crate) host: String,
    pub(crate) path: RequestPath,
    pub(crate) query: Option<Vec<u8>>,
    pub(crate) headers: HeaderBuffer,
    pub(crate) transaction: Option<Transaction>,
    /// When the list was asked for, in milliseconds since the Unix epoch.
    pub(crate) now_ms: u64,
}

impl Caller {
    /// Strikes out of `shown` the items of a list that would be denied, whatever the arguments, and those without a name.
    /// Everybody whose rights decide has to be one who could be allowed; that all of them could be by the same arguments is
    /// not asked.
    pub(super) fn strike(
        &self,
        listed: Listed,
        names: &[Option<Cow<'_, str>>],
        scratch: &mut Scratch,
        shown: &mut [bool],
    ) {
        let actor_mapping = self.actors.as_ref().map(|delegation| &delegation.actor);
        // Whoever may not ask for the list itself does not get here.
        let Ok((asks_subject, actors)) = hops(&self.identity, self.delegation) else {
            shown.fill(false);
            return;
        };
        let subject = asks_subject.then_some((&self.identity.subject, Some(&*self.principal)));
        for (person, mapping) in subject.into_iter().chain(actors.iter().map(|actor| (actor, actor_mapping))) {
            for (names, shown) in names.chunks(TOGETHER).zip(shown.chunks_mut(TOGETHER)) {
                self.strike_for(person, mapping, (listed, names), scratch, shown);
            }
        }
    }

    fn strike_for(
        &self,
        person: &Person,
        mapping: Option<&PrincipalMapping>,
        (listed, names): (Listed, &[Option<Cow<'_, str>>]),
        scratch: &mut Scratch,
        shown: &mut [bool],
    ) {
        let mut builder = Builder::new(&self.policies, scratch, self.location.as_deref());
        let Some(Ok(principal)) = mapping.map(|mapping| builder.principal(mapping, person)) else {
            shown.fill(false);
            return;
        };
        let server = builder.request.entity(&self.mcp.server_type, &self.server_id);
        let mut subject_id = String::new();
        for (name, shown) in names.iter().zip(shown).filter(|(_, shown)| **shown) {
            let asked = name.as_deref().and_then(|name| listed.question(&self.mcp, self.revision, name.into()).ok());
            *shown = asked.is_some_and(|asked| {
                self.could(&mut builder, [principal, server], &asked, &mut subject_id).unwrap_or(false)
            });
        }
    }

    /// `None` where it cannot be decided, and then it is not shown.
    fn could<'n>(
        &'n self,
        builder: &mut Builder<'_, 'n>,
        [principal, server_entity]: [EntityId; 2],
        listed: &ListedCall<'n>,
        subject_id: &mut String,
    ) -> Option<bool> {
        let ListedCall { asked, known, action } = listed;
        let part = match known {
            Known::All => None,
            Known::But(part) => Some(*part),
            Known::Little => return Some(true),
        };
        let server = Named { entity_type: &self.mcp.server_type, id: &self.server_id };
        let question = Question {
            call: asked.call,
            resource: asked.resource(server, subject_id),
            parent: asked.parent(server),
            arguments: None,
            unknown: part.map(|part| part.attribute.as_str()),
        };
        let input = ContextInput {
            location: self.location.as_deref(),
            headers: self.headers.as_map(),
            // Calls are posted, whatever brought the list.
            method: "POST",
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            identity: &self.identity,
            message: Some(&asked.facts),
            a2a: None,
            transaction: self.transaction.as_ref(),
            subject_type: &self.principal.entity_type,
            actor_type: self.actors.as_ref().map(|delegation| delegation.actor.entity_type.as_str()),
            now_ms: self.now_ms,
        };
        // Nearly every item of a list is asked about the server, and by an action that policies name.
        let Question { call, resource, .. } = &question;
        let resource = match asked.resource {
            CallResource::Server => server_entity,
            CallResource::Subject { .. } => builder.request.entity(resource.entity_type, resource.id),
        };
        let action = action.unwrap_or_else(|| builder.request.entity(&call.action.entity_type, &call.action.id));
        let Asked { action, resource, context } = builder.question_about([action, resource], question, &input).ok()?;
        let on_forbid_error = match self.on_forbid_error {
            OnForbidError::Deny => palisade_engine::OnForbidError::Deny,
            OnForbidError::Skip => palisade_engine::OnForbidError::Skip,
        };
        let part = part.map(|part| &part.part);
        let prospect = builder.request.prospect(principal, action, resource, context, part, on_forbid_error).ok()?;
        Some(prospect.is_possible())
    }
}
