//! Our engine before the same workloads.

use palisade_engine::{CompiledPolicySet, Decision, EntityId, OnForbidError, Request, Scratch, Value};
use palisade_engine_guest::{Handle, Transcript};
use palisade_policy_compiler::compile::{Compiled, PolicySource, compile};

use crate::Result;
use crate::cedar::Cedar;
use crate::workload::{Ask, Entity, Field, Uid};

/// Steps that a decision may take: these workloads are not about the budget.
const STEPS: u64 = 10_000_000;

/// Compiles what cedar-policy has loaded.
///
/// # Errors
/// Where the compiler refuses it.
pub fn build(cedar: &Cedar) -> Result<Compiled> {
    compile_set(&cedar.policies, &cedar.entities)
}

/// Compiles policies over a store.
///
/// # Errors
/// Where the compiler refuses them.
pub fn compile_set(policies: &cedar_policy::PolicySet, entities: &cedar_policy::Entities) -> Result<Compiled> {
    compile(PolicySource { policies, entities, step_limit: STEPS })
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ").into())
}

/// A request that is ready to ask, as often as one likes.
pub struct Prepared<'a> {
    request: Request<'a>,
    principal: EntityId,
    action: EntityId,
    resource: EntityId,
    context: Value,
}

fn uid(request: &mut Request<'_>, uid: &Uid) -> EntityId {
    request.entity(uid.type_name, &uid.id)
}

fn field(request: &mut Request<'_>, field: &Field) -> Value {
    match field {
        Field::Bool(value) => Value::from(*value),
        Field::Long(value) => Value::from(*value),
        Field::Text(text) => request.string(text),
        Field::Entity(entity) => uid(request, entity).into(),
        Field::Entities(entities) => {
            let mut elements = [Value::Bool(false); FIELDS];
            for (slot, entity) in elements.iter_mut().zip(entities) {
                *slot = uid(request, entity).into();
            }
            request.set(elements.get(..entities.len()).unwrap_or_default())
        }
    }
}

/// Fields, elements and parents that an entity of these workloads has at most.
const FIELDS: usize = 8;

fn record(request: &mut Request<'_>, fields: &[(&'static str, Field)]) -> Value {
    let mut values = [("", Value::Bool(false)); FIELDS];
    for (slot, (name, value)) in values.iter_mut().zip(fields) {
        *slot = (name, field(request, value));
    }
    request.record(values.get(..fields.len()).unwrap_or_default())
}

impl<'a> Prepared<'a> {
    /// Builds a request from its parts; `given` are the entities that come with it, parents before children.
    pub fn new(set: &'a CompiledPolicySet, scratch: &'a mut Scratch, ask: &Ask, given: &[&Entity]) -> Self {
        let mut request = Request::new(set, scratch);
        for entity in given {
            let attributes = record(&mut request, &entity.attributes);
            let mut parents = [EntityId::default(); FIELDS];
            for (slot, parent) in parents.iter_mut().zip(&entity.parents) {
                *slot = uid(&mut request, parent);
            }
            let entity_id = uid(&mut request, &entity.uid);
            request.define(entity_id, attributes, parents.get(..entity.parents.len()).unwrap_or_default());
        }
        let principal = uid(&mut request, &ask.principal);
        let action = uid(&mut request, &ask.action);
        let resource = uid(&mut request, &ask.resource);
        let context = record(&mut request, &ask.context);
        Self { request, principal, action, resource, context }
    }

    /// Decides.
    ///
    /// # Errors
    /// Where the engine refuses to.
    pub fn decide(&mut self) -> Result<Decision<'_>> {
        Ok(self.request.decide_call(self.principal, self.action, self.resource, self.context)?)
    }

    /// Decides, for the only time.
    ///
    /// # Errors
    /// Where the engine refuses to.
    pub fn decide_once(self) -> Result<Decision<'a>> {
        Ok(self.request.decide(self.principal, self.action, self.resource, self.context)?)
    }
}

/// Requests for the engine behind a boundary.
#[must_use]
pub fn transcript<'w>(asks: impl IntoIterator<Item = &'w Ask>) -> Transcript {
    let mut transcript = Transcript::new();
    for ask in asks {
        let [principal, action, resource] =
            [&ask.principal, &ask.action, &ask.resource].map(|uid| transcript.entity(uid.type_name, &uid.id));
        let fields: Vec<_> = ask.context.iter().map(|(name, field)| (*name, written(&mut transcript, field))).collect();
        let context = transcript.record(&fields);
        match &ask.input {
            None => transcript.decide(principal, action, resource, context),
            Some(of) => {
                transcript.prospect([principal, action, resource, context], "input", of, OnForbidError::Deny);
            }
        }
    }
    transcript
}

fn written(transcript: &mut Transcript, field: &Field) -> Handle {
    match field {
        Field::Bool(value) => transcript.bool(*value),
        Field::Long(value) => transcript.long(*value),
        Field::Text(text) => transcript.string(text),
        Field::Entity(uid) => transcript.entity(uid.type_name, &uid.id),
        Field::Entities(uids) => {
            let elements: Vec<_> = uids.iter().map(|uid| transcript.entity(uid.type_name, &uid.id)).collect();
            transcript.set(&elements)
        }
    }
}
