//! What a program sees: the policy set's data with the request's on top, and the buffers it works in.

use crate::arena::{Arena, Definition};
use crate::compare::Compare;
use crate::error::DecideError;
use crate::extension::IpNetwork;
use crate::ids::{AggregateId, EntityId, IpId, StringId};
use crate::policy_set::CompiledPolicySet;
use crate::value::Value;

/// Why a program ended without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// Cedar's evaluation error: the policy is skipped and reported.
    Erred,
    /// The whole decision is off.
    Stop(DecideError),
}

/// A verified program asked for what is not there. Verification makes this impossible; if it happens all the same,
/// the decision is off and the caller denies.
pub(crate) const INTERNAL: Halt = Halt::Stop(DecideError::Internal);

/// The principal, action, resource and context of a request.
pub(crate) type Variables = [Value; 4];

/// Which of them programs look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reads(u8);

impl Reads {
    /// The number of the context among the variables.
    pub(crate) const CONTEXT: usize = 3;

    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const ALL: Self = Self(0b1111);

    /// One variable, or nothing where there is none of that number.
    pub(crate) const fn of(variable: u32) -> Self {
        Self(if variable < 4 { 1 << variable } else { 0 })
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, variable: usize) -> bool {
        variable < 4 && self.0 >> variable & 1 != 0
    }
}

/// The state of one decision.
pub(crate) struct Machine<'a> {
    pub(crate) set: &'a CompiledPolicySet,
    pub(crate) arena: &'a mut Arena,
    /// Room for the stack of any program of the set.
    pub(crate) stack: &'a mut [Value],
    /// Shared values with the generation in which each was computed.
    pub(crate) shared: &'a mut [(u32, Value)],
    pub(crate) generation: u32,
    pub(crate) steps_left: u64,
    pub(crate) variables: Variables,
}

impl<'a> Machine<'a> {
    pub(crate) fn data(&self) -> Data<'_> {
        Data { set: self.set, arena: self.arena }
    }

    /// Pays for work whose size depends on the data.
    pub(crate) fn charge(&mut self, steps: usize) -> Result<(), Halt> {
        self.steps_left = self.steps_left.checked_sub(steps as u64).ok_or(Halt::Stop(DecideError::BudgetSpent))?;
        Ok(())
    }
}

/// Read access to the policy set's and the request's data.
#[derive(Clone, Copy)]
pub(crate) struct Data<'a> {
    pub(crate) set: &'a CompiledPolicySet,
    pub(crate) arena: &'a Arena,
}

impl<'a> Data<'a> {
    pub(crate) fn string(self, id: StringId) -> Option<&'a str> {
        match id.get().checked_sub(self.set.strings.len()) {
            None => self.set.strings.get(id),
            Some(at) => self.arena.string(at as usize),
        }
    }

    /// The type of an entity.
    pub(crate) fn type_name(self, id: EntityId) -> Option<StringId> {
        match id.get().checked_sub(self.set.entities.len()) {
            None => self.set.entities.get(id).map(|entity| entity.type_name),
            Some(at) => self.arena.entities.get(at as usize).map(|(type_name, _)| *type_name),
        }
    }

    fn definition(self, id: EntityId) -> Option<&'a Definition> {
        self.arena.definitions.iter().find(|definition| definition.entity == id)
    }

    /// The entity's ancestors, ascending, itself not included.
    pub(crate) fn ancestors(self, id: EntityId) -> &'a [EntityId] {
        match self.definition(id) {
            Some(Definition { ancestors: (start, end), .. }) => {
                self.arena.ancestors.get(*start as usize..*end as usize).unwrap_or_default()
            }
            None => self.set.entities.ancestors(id),
        }
    }

    /// Cedar's `in` for two entities: reflexive, whether they exist or not.
    pub(crate) fn is_in(self, descendant: EntityId, ancestor: EntityId) -> bool {
        descendant == ancestor || self.ancestors(descendant).binary_search(&ancestor).is_ok()
    }

    /// The attributes of an entity; `None` where it is neither in the store nor defined by the request.
    pub(crate) fn attributes(self, id: EntityId) -> Option<&'a [(StringId, Value)]> {
        if let Some(definition) = self.definition(id) {
            return Some(self.fields_of(definition.attributes));
        }
        let entity = self.set.entities.get(id).filter(|entity| entity.in_store)?;
        Some(self.set.aggregates.fields_at(&entity.attributes))
    }

    /// A tag of an entity.
    pub(crate) fn tag(self, id: EntityId, name: StringId) -> Option<Value> {
        let entity = self.set.entities.get(id)?;
        field(self.set.aggregates.fields_at(&entity.tags), name)
    }

    fn aggregate<T>(
        self,
        id: AggregateId,
        of_set: impl Fn(&'a dyn Compare) -> &'a [T],
        pool: &'a [T],
        is_record: bool,
    ) -> &'a [T] {
        match id.get().checked_sub(self.set.aggregates.len()) {
            None => of_set(&self.set.aggregates),
            Some(at) => match self.arena.aggregates.get(at as usize) {
                Some(aggregate) if aggregate.is_record == is_record => pool.get(aggregate.range()).unwrap_or_default(),
                Some(_) | None => &[],
            },
        }
    }

    /// How deep a value nests; constants were checked when the set was opened and count as one.
    pub(crate) fn depth(self, value: Value) -> u32 {
        match value {
            Value::Set(id) | Value::Record(id) => match id.get().checked_sub(self.set.aggregates.len()) {
                None => 1,
                Some(at) => self.arena.depth(at as usize).unwrap_or_default(),
            },
            Value::Bool(_)
            | Value::Long(_)
            | Value::String(_)
            | Value::Entity(_)
            | Value::Decimal(_)
            | Value::Datetime(_)
            | Value::Duration(_)
            | Value::Ip(_) => 0,
        }
    }

    pub(crate) fn elements_of(self, id: AggregateId) -> &'a [Value] {
        self.aggregate(id, |set| set.elements(id), &self.arena.cells, false)
    }

    pub(crate) fn fields_of(self, id: AggregateId) -> &'a [(StringId, Value)] {
        self.aggregate(id, |set| set.fields(id), &self.arena.fields, true)
    }
}

impl Compare for Data<'_> {
    fn elements(&self, id: AggregateId) -> &[Value] {
        self.elements_of(id)
    }

    fn fields(&self, id: AggregateId) -> &[(StringId, Value)] {
        self.fields_of(id)
    }

    fn address(&self, id: IpId) -> Option<IpNetwork> {
        match id.get().checked_sub(self.set.aggregates.address_count()) {
            None => self.set.aggregates.address(id),
            Some(at) => self.arena.addresses.get(at as usize).copied(),
        }
    }
}

/// Fields up to which looking at each is faster than halving.
const LINEAR: usize = 8;

/// The field called `key`.
pub(crate) fn field(fields: &[(StringId, Value)], key: StringId) -> Option<Value> {
    if fields.len() <= LINEAR {
        return fields.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
    }
    let at = fields.binary_search_by_key(&key, |(name, _)| *name).ok()?;
    fields.get(at).map(|(_, value)| *value)
}
