//! The value that the unknown is taken to have, place by place: made up where it is asked for, changed where another is
//! needed.

use crate::error::DecideError;
use crate::ids::{AggregateId, StringId};
use crate::machine::{Halt, INTERNAL, Machine};
use crate::unknown::{Kind, PlaceId, Unknown};
use crate::value::Value;

use super::values;

/// What there is at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// Nothing was asked yet.
    Open,
    /// No value.
    Absent,
    /// A value; for a record, anything: its value is that of its fields.
    Value(Value),
}

/// Values for the places of an unknown.
#[derive(Default)]
pub(super) struct Attempt {
    slots: Vec<Slot>,
    /// The values of records, while one is made of its fields.
    built: Vec<Value>,
}

/// Stands for the value of a record in its slot.
pub(super) const RECORD: Value = Value::Bool(false);

impl Attempt {
    /// Forgets all values.
    pub(super) fn clear(&mut self, unknown: Option<&Unknown>) {
        self.slots.clear();
        self.slots.resize(unknown.map_or(0, Unknown::len), Slot::Open);
    }

    pub(super) fn slot(&self, place: PlaceId) -> Slot {
        self.slots.get(place.index()).copied().unwrap_or(Slot::Open)
    }

    /// Takes a place to have this; returns what it had.
    pub(super) fn put(&mut self, place: PlaceId, slot: Slot) -> Slot {
        match self.slots.get_mut(place.index()) {
            Some(old) => core::mem::replace(old, slot),
            None => Slot::Open,
        }
    }

    /// The value at a place. Where nothing was asked yet, what need not be there is not.
    pub(super) fn value(
        &mut self,
        machine: &mut Machine<'_>,
        unknown: &Unknown,
        place: PlaceId,
    ) -> Result<Option<Value>, Halt> {
        match self.slot(place) {
            Slot::Value(value) => return Ok(Some(value)),
            Slot::Absent => return Ok(None),
            Slot::Open => {}
        }
        if !unknown.is_required(place) {
            self.put(place, Slot::Absent);
            return Ok(None);
        }
        let value = values::first(machine, unknown, place)?;
        self.put(place, Slot::Value(value));
        Ok(Some(value))
    }

    /// The value at a place, whole: a record is made of its fields.
    pub(super) fn whole(
        &mut self,
        machine: &mut Machine<'_>,
        unknown: &Unknown,
        place: PlaceId,
    ) -> Result<Value, Halt> {
        let inside = unknown.inside(place);
        machine.charge(inside.len())?;
        self.built.clear();
        self.built.resize(unknown.len(), RECORD);
        // What is inside has higher numbers.
        for at in inside.rev().map(PlaceId::new) {
            let value = match unknown.kind(at).ok_or(INTERNAL)? {
                Kind::Record(range) => {
                    let start = machine.arena.fields.len();
                    for field in unknown.fields(range) {
                        if self.value(machine, unknown, field.place)?.is_some() {
                            let name = match field.name.id {
                                Some(name) => name,
                                None => intern(machine, &field.name.text)?,
                            };
                            let value = *self.built.get(field.place.index()).ok_or(INTERNAL)?;
                            machine.arena.fields.push((name, value));
                        }
                    }
                    close_record(machine, start)?
                }
                // What is not there is left out by the record around it.
                _ => self.value(machine, unknown, at)?.unwrap_or(RECORD),
            };
            *self.built.get_mut(at.index()).ok_or(INTERNAL)? = value;
        }
        self.built.get(place.index()).copied().ok_or(INTERNAL)
    }
}

/// The record of the fields from `start` on.
pub(super) fn close_record(machine: &mut Machine<'_>, start: usize) -> Result<Value, Halt> {
    if let Some(own) = machine.arena.fields.get_mut(start..) {
        own.sort_unstable_by_key(|(name, _)| *name);
    }
    let own = machine.arena.fields.get(start..).unwrap_or_default();
    let depth = own.iter().map(|(_, value)| machine.data().depth(*value)).max().unwrap_or_default();
    let id = machine.arena.close(true, start, depth + 1);
    checked(machine, Value::Record(AggregateId::new(machine.set.aggregates.len() + id)))
}

/// The id of a text, which the request need not have had before.
pub(super) fn intern(machine: &mut Machine<'_>, text: &str) -> Result<StringId, Halt> {
    let id = machine.arena.string_id(&machine.set.strings, text);
    checked(machine, id)
}

/// What was made, unless the request outgrew a limit by it.
pub(super) fn checked<T>(machine: &Machine<'_>, made: T) -> Result<T, Halt> {
    if machine.arena.overflowed { Err(Halt::Stop(DecideError::RequestTooLarge)) } else { Ok(made) }
}
