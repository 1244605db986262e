//! One request: its entities and values, then its decision.

use crate::arena::{Arena, Definition, small};
use crate::compare::compare;
use crate::decide::{Evaluate, Outcome, decide};
use crate::decision::{Decision, Effect};
use crate::error::DecideError;
use crate::explain::Observer;
use crate::extension::{ExtensionError, parse_datetime, parse_decimal, parse_duration, parse_ip};
use crate::ids::{AggregateId, EntityId, IpId, StringId};
use crate::limits;
use crate::machine::{Data, Machine, field};
use crate::policy_set::CompiledPolicySet;
use crate::prospect::{Buffers, OnForbidError, Prospect, Survey};
use crate::unknown::Unknown;
use crate::value::Value;

/// The buffers of a worker, reused by one request after the other: once they have grown, deciding allocates nothing.
#[derive(Default)]
pub struct Scratch {
    arena: Arena,
    stack: Vec<Value>,
    shared: Vec<(u32, Value)>,
    outcome: Outcome,
    prospect: Buffers,
    /// Tells this decision's shared values from those of earlier ones.
    generation: u32,
}

impl Scratch {
    /// Empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a decision over `set`.
    fn renew(&mut self, set: &CompiledPolicySet) {
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            // After four billion decisions, old stamps could look new.
            self.shared.clear();
            self.outcome.probes.clear();
            self.generation = 1;
        }
        if self.shared.len() < set.programs.shared() {
            self.shared.resize(set.programs.shared(), (0, Value::Bool(false)));
        }
        if self.stack.len() < set.programs.height() {
            self.stack.resize(set.programs.height(), Value::Bool(false));
        }
        self.outcome.clear(set.index.probe_count());
    }

    /// Decides; what evaluation adds to the arena is gone afterwards.
    fn decide<'s>(
        &'s mut self,
        set: &'s CompiledPolicySet,
        principal: EntityId,
        action: EntityId,
        resource: EntityId,
        context: Value,
        observer: impl Observer,
    ) -> Result<Decision<'s>, DecideError> {
        if self.arena.overflowed {
            return Err(DecideError::RequestTooLarge);
        }
        self.renew(set);
        let mark = self.arena.mark();
        let mut machine = Machine {
            set,
            arena: &mut self.arena,
            stack: &mut self.stack,
            shared: &mut self.shared,
            generation: self.generation,
            steps_left: set.step_limit,
            variables: [principal.into(), action.into(), resource.into(), context],
        };
        let decided = decide(&mut machine, &mut self.outcome, Evaluate, observer, principal, action, resource);
        let steps = set.step_limit - machine.steps_left;
        self.arena.rewind(mark);
        let observer = decided?;
        let effect = self.outcome.finish();
        observer.finished(&self.outcome);
        let Outcome { permits, forbids, errors, forbid_error, .. } = &self.outcome;
        let reasons = if forbids.is_empty() { permits } else { forbids };
        debug_assert!(effect == Effect::Deny || !reasons.is_empty(), "an allow has a reason");
        Ok(Decision { effect, reasons, errors, forbid_error: *forbid_error, steps })
    }

    /// Asks whether some value of the unknown would allow; what that adds to the arena is gone afterwards.
    fn prospect(
        &mut self,
        set: &CompiledPolicySet,
        [principal, action, resource]: [EntityId; 3],
        context: Value,
        unknown: Option<&Unknown>,
        on_forbid_error: OnForbidError,
    ) -> Result<Prospect, DecideError> {
        if self.arena.overflowed {
            return Err(DecideError::RequestTooLarge);
        }
        self.renew(set);
        let (mark, interned) = (self.arena.mark(), self.arena.interned());
        let mut machine = Machine {
            set,
            arena: &mut self.arena,
            stack: &mut self.stack,
            shared: &mut self.shared,
            generation: self.generation,
            steps_left: set.step_limit,
            variables: [principal.into(), action.into(), resource.into(), context],
        };
        let mut survey = Survey::new(&mut self.prospect, unknown, on_forbid_error, set.programs.height());
        let surveyed = decide(&mut machine, &mut self.outcome, &mut survey, (), principal, action, resource);
        let prospect = surveyed.and_then(|()| survey.finish(&mut machine, &mut self.outcome));
        self.arena.rewind(mark);
        self.arena.forget(interned);
        prospect
    }
}

/// A request under construction. Ids and values belong to the request that made them; those of another denote other
/// things or nothing, never anything outside this request.
pub struct Request<'a> {
    set: &'a CompiledPolicySet,
    scratch: &'a mut Scratch,
    ancestor_redefined: bool,
}

impl<'a> Request<'a> {
    /// Begins a request, whatever the scratch was used for before.
    pub fn new(set: &'a CompiledPolicySet, scratch: &'a mut Scratch) -> Self {
        scratch.arena.clear();
        scratch.prospect.recall.clear();
        Self { set, scratch, ancestor_redefined: false }
    }

    pub(crate) const fn policy_set(&self) -> &'a CompiledPolicySet {
        self.set
    }

    const fn data(&self) -> Data<'_> {
        Data { set: self.set, arena: &self.scratch.arena }
    }

    fn intern(&mut self, text: &str) -> StringId {
        self.scratch.arena.string_id(&self.set.strings, text)
    }

    /// The entity `type_name::"id"`; it need not exist. `type_name` is fully qualified.
    pub fn entity(&mut self, type_name: &str, id: &str) -> EntityId {
        let (type_name, id) = (self.intern(type_name), self.intern(id));
        match self.set.entities.find(type_name, id) {
            Some(entity) => entity,
            None => EntityId::new(self.set.entities.len() + self.scratch.arena.intern_entity(type_name, id)),
        }
    }

    /// A string.
    pub fn string(&mut self, text: &str) -> Value {
        Value::String(self.intern(text))
    }

    /// A `decimal`, such as `12.34`.
    ///
    /// # Errors
    /// Where Cedar's constructor refuses the text.
    pub fn decimal(&mut self, text: &str) -> Result<Value, ExtensionError> {
        parse_decimal(text).map(Value::Decimal)
    }

    /// A `datetime`, such as `2026-11-21T22:50:00Z`.
    ///
    /// # Errors
    /// Where Cedar's constructor refuses the text.
    pub fn datetime(&mut self, text: &str) -> Result<Value, ExtensionError> {
        parse_datetime(text).map(Value::Datetime)
    }

    /// A `duration`, such as `1h30m`.
    ///
    /// # Errors
    /// Where Cedar's constructor refuses the text.
    pub fn duration(&mut self, text: &str) -> Result<Value, ExtensionError> {
        parse_duration(text).map(Value::Duration)
    }

    /// An `ipaddr`, such as `10.0.0.0/8`.
    ///
    /// # Errors
    /// Where Cedar's constructor refuses the text.
    pub fn ip(&mut self, text: &str) -> Result<Value, ExtensionError> {
        let network = parse_ip(text)?;
        let addresses = &mut self.scratch.arena.addresses;
        addresses.push(network);
        Ok(Value::Ip(IpId::new(self.set.aggregates.address_count() + small(addresses.len() - 1))))
    }

    /// The set of `elements`; order and repetition do not matter.
    pub fn set(&mut self, elements: &[Value]) -> Value {
        let depth = elements.iter().map(|element| self.data().depth(*element)).max().unwrap_or_default();
        let start = self.scratch.arena.cells.len();
        for element in elements {
            let data = self.data();
            let own = data.arena.cells.get(start..).unwrap_or_default();
            if let Err(at) = own.binary_search_by(|other| compare(&data, *other, *element)) {
                self.scratch.arena.cells.insert(start + at, *element);
            }
        }
        Value::Set(self.close(false, start, depth))
    }

    /// The record of `fields`. Of several with the same key, the last counts.
    pub fn record(&mut self, fields: &[(&str, Value)]) -> Value {
        let depth = fields.iter().map(|(_, value)| self.data().depth(*value)).max().unwrap_or_default();
        let start = self.scratch.arena.fields.len();
        for (key, value) in fields {
            let key = self.intern(key);
            let own = self.scratch.arena.fields.get_mut(start..).unwrap_or_default();
            match own.binary_search_by_key(&key, |(name, _)| *name) {
                Ok(at) => {
                    if let Some(known) = own.get_mut(at) {
                        known.1 = *value;
                    }
                }
                Err(at) => self.scratch.arena.fields.insert(start + at, (key, *value)),
            }
        }
        Value::Record(self.close(true, start, depth))
    }

    fn close(&mut self, is_record: bool, start: usize, depth: u32) -> AggregateId {
        AggregateId::new(self.set.aggregates.len() + self.scratch.arena.close(is_record, start, depth + 1))
    }

    /// Says what the request knows of an entity: its attributes (a record) and its direct parents.
    ///
    /// Where the policy set's store has the entity too, the store wins: its attributes stay as they are, those that
    /// it lacks are added, and the parents of both count. Defining an entity twice replaces the first definition's
    /// attributes only where they differ in key. Parents must be defined before their children.
    ///
    /// An entity that others already have as an ancestor cannot be defined: their hierarchy was computed without it,
    /// and [`decide`](Self::decide) reports [`DecideError::AncestorRedefined`].
    pub fn define(&mut self, entity: EntityId, attributes: Value, parents: &[EntityId]) {
        self.scratch.prospect.recall.clear();
        let is_ancestor = self.set.entities.get(entity).is_some_and(|known| known.is_ancestor)
            || self.scratch.arena.ancestors.contains(&entity);
        self.ancestor_redefined |= is_ancestor;
        if self.scratch.arena.definitions.len() >= limits::REQUEST_ENTITIES {
            self.scratch.arena.overflowed = true;
            return;
        }
        let ancestors = self.merge_ancestors(entity, parents);
        let attributes = self.merge_attributes(entity, attributes);
        let definitions = &mut self.scratch.arena.definitions;
        definitions.retain(|definition| definition.entity != entity);
        definitions.push(Definition { entity, attributes, ancestors });
    }

    /// The ancestors that the entity has already, the parents, and their ancestors; sorted where they are collected.
    fn merge_ancestors(&mut self, entity: EntityId, parents: &[EntityId]) -> (u32, u32) {
        let start = self.scratch.arena.ancestors.len();
        self.push_ancestors(entity);
        for parent in parents {
            self.scratch.arena.ancestors.push(*parent);
            self.push_ancestors(*parent);
        }
        let ancestors = &mut self.scratch.arena.ancestors;
        if let Some(own) = ancestors.get_mut(start..) {
            own.sort_unstable();
        }
        let mut kept = start;
        for at in start..ancestors.len() {
            let known = kept > start && ancestors.get(kept - 1) == ancestors.get(at);
            if !known {
                ancestors.swap(kept, at);
                kept += 1;
            }
        }
        ancestors.truncate(kept);
        (small(start), small(kept))
    }

    fn push_ancestors(&mut self, entity: EntityId) {
        let Arena { definitions, ancestors, .. } = &mut self.scratch.arena;
        match definitions.iter().find(|definition| definition.entity == entity) {
            Some(Definition { ancestors: (start, end), .. }) => {
                ancestors.extend_from_within(*start as usize..*end as usize);
            }
            None => ancestors.extend_from_slice(self.set.entities.ancestors(entity)),
        }
    }

    /// The attributes that the entity has already, and those of `attributes` that it lacks.
    fn merge_attributes(&mut self, entity: EntityId, attributes: Value) -> AggregateId {
        let start = self.scratch.arena.fields.len();
        let mut depth = 0;
        let known = self.data().attributes(entity).map(<[_]>::len).unwrap_or_default();
        for at in 0..known {
            if let Some(field) = self.data().attributes(entity).and_then(|fields| fields.get(at)).copied() {
                depth = depth.max(self.data().depth(field.1));
                self.scratch.arena.fields.push(field);
            }
        }
        let added = match attributes {
            Value::Record(record) => self.data().fields_of(record).len(),
            _ => 0,
        };
        for at in 0..added {
            let Value::Record(record) = attributes else { break };
            let data = self.data();
            let Some((key, value)) = data.fields_of(record).get(at).copied() else { break };
            let known = data.arena.fields.get(start..start + known).unwrap_or_default();
            if field(known, key).is_none() {
                depth = depth.max(data.depth(value));
                self.scratch.arena.fields.push((key, value));
            }
        }
        if let Some(own) = self.scratch.arena.fields.get_mut(start..) {
            own.sort_unstable_by_key(|(key, _)| *key);
        }
        self.close(true, start, depth)
    }

    /// Cedar's decision.
    ///
    /// # Errors
    /// Where there is none: the request is over a limit, redefines an ancestor, or spends its budget. To be treated
    /// as a denial.
    pub fn decide(
        self,
        principal: EntityId,
        action: EntityId,
        resource: EntityId,
        context: Value,
    ) -> Result<Decision<'a>, DecideError> {
        self.observe(principal, action, resource, context, ())
    }

    /// Decides before the eyes of an observer.
    pub(crate) fn observe(
        self,
        principal: EntityId,
        action: EntityId,
        resource: EntityId,
        context: Value,
        observer: impl Observer,
    ) -> Result<Decision<'a>, DecideError> {
        if self.ancestor_redefined {
            return Err(DecideError::AncestorRedefined);
        }
        self.scratch.decide(self.set, principal, action, resource, context, observer)
    }

    /// Cedar's decision on one of several calls that share this request's entities and values, such as those of a
    /// batch. Each has steps of its own; none sees what another computed.
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    pub fn decide_call(
        &mut self,
        principal: EntityId,
        action: EntityId,
        resource: EntityId,
        context: Value,
    ) -> Result<Decision<'_>, DecideError> {
        if self.ancestor_redefined {
            return Err(DecideError::AncestorRedefined);
        }
        self.scratch.decide(self.set, principal, action, resource, context, ())
    }
    /// Whether the request could be allowed with some value of an attribute of the context that is not known yet, such
    /// as the arguments of a tool that is merely listed. `context` is the rest of it; without an unknown, all of it.
    /// With [`OnForbidError::Deny`], an error in a forbid policy counts as a denial.
    ///
    /// The request's entities and values are shared with other questions, as in [`decide_call`](Self::decide_call).
    ///
    /// # Errors
    /// As [`decide`](Self::decide). To be treated as [`Prospect::Impossible`].
    pub fn prospect(
        &mut self,
        principal: EntityId,
        action: EntityId,
        resource: EntityId,
        context: Value,
        unknown: Option<&Unknown>,
        on_forbid_error: OnForbidError,
    ) -> Result<Prospect, DecideError> {
        if self.ancestor_redefined {
            return Err(DecideError::AncestorRedefined);
        }
        self.scratch.prospect(self.set, [principal, action, resource], context, unknown, on_forbid_error)
    }
}
