//! Operators where one side is a place of the unknown: where a test gives the answer, it is asked.

use super::{Break, ERRED, Origin, Term, Tracer};
use crate::evaluate::attribute;
use crate::ids::{AggregateId, PatternId, StringId};
use crate::machine::{INTERNAL, Machine};
use crate::opcode::{Instruction, Opcode};
use crate::prospect::trail::Test;
use crate::prospect::values::{conforms, is_simple};
use crate::unknown::{Kind, PlaceId};
use crate::value::Value;

impl Tracer<'_> {
    /// What stands below a name: at a place, in the context, or an error.
    pub(super) fn attribute(&mut self, machine: &mut Machine<'_>, get: Instruction, of: Term) -> Result<Term, Break> {
        let name = StringId::new(get.operand);
        match of.origin {
            Origin::Context if self.unknown()?.attribute().id == Some(name) => Ok(Term::at(PlaceId::ROOT)),
            Origin::Known | Origin::Context => match attribute(machine.data(), of.value, name)? {
                Some(value) => Ok(Term::known(value)),
                None => Err(ERRED),
            },
            Origin::Place(record) => {
                let Kind::Record(_) = self.kind(record)? else { return self.compute(machine, get, &[of]) };
                let Some(place) = self.field(record, name)? else { return Err(ERRED) };
                if self.unknown()?.is_required(place) || self.test(machine, place, Test::Present)? {
                    Ok(Term::at(place))
                } else {
                    Err(ERRED)
                }
            }
            Origin::Derived(_) => self.compute(machine, get, &[of]),
        }
    }

    /// Whether there is something below a name.
    pub(super) fn has(&mut self, machine: &mut Machine<'_>, has: Instruction, of: Term) -> Result<Term, Break> {
        let name = StringId::new(has.operand);
        Ok(Term::truth(match of.origin {
            Origin::Context if self.unknown()?.attribute().id == Some(name) => true,
            Origin::Known | Origin::Context => attribute(machine.data(), of.value, name)?.is_some(),
            Origin::Place(record) => {
                let Kind::Record(_) = self.kind(record)? else { return self.compute(machine, has, &[of]) };
                match self.field(record, name)? {
                    Some(place) => self.unknown()?.is_required(place) || self.test(machine, place, Test::Present)?,
                    None => false,
                }
            }
            Origin::Derived(_) => return self.compute(machine, has, &[of]),
        }))
    }

    fn field(&self, record: PlaceId, name: StringId) -> Result<Option<PlaceId>, Break> {
        let unknown = self.unknown()?;
        let Kind::Record(range) = self.kind(record)? else { return Ok(None) };
        Ok(unknown.fields(range).iter().find(|field| field.name.id == Some(name)).map(|field| field.place))
    }

    pub(super) fn unary(
        &mut self,
        machine: &mut Machine<'_>,
        instruction: Instruction,
        a: Term,
    ) -> Result<Term, Break> {
        if let Origin::Place(place) = a.origin {
            match (instruction.opcode, self.kind(place)?) {
                (Opcode::IsEmpty, Kind::Set) => return Ok(Term::truth(self.test(machine, place, Test::Empty)?)),
                (Opcode::Like, Kind::String) => {
                    let test = Test::Like(PatternId::new(instruction.operand));
                    return Ok(Term::truth(self.test(machine, place, test)?));
                }
                (Opcode::IsType, Kind::Entity(number)) => {
                    let name = self.unknown()?.entity_type(*number).ok_or(INTERNAL)?;
                    return Ok(Term::truth(name.id == Some(StringId::new(instruction.operand))));
                }
                _ => {}
            }
        }
        self.compute(machine, instruction, &[a])
    }

    pub(super) fn binary(
        &mut self,
        machine: &mut Machine<'_>,
        instruction: Instruction,
        a: Term,
        b: Term,
    ) -> Result<Term, Break> {
        match self.tested(machine, instruction.opcode, a, b)? {
            Some(truth) => Ok(Term::truth(truth)),
            None => self.compute(machine, instruction, &[a, b]),
        }
    }

    /// The answer to a binary operator, if it is one that a test gives.
    fn tested(&mut self, machine: &mut Machine<'_>, operator: Opcode, a: Term, b: Term) -> Result<Option<bool>, Break> {
        let (place, other, is_left) = match (a.origin, b.origin) {
            (Origin::Place(place), Origin::Known) => (place, b.value, true),
            (Origin::Known, Origin::Place(place)) => (place, a.value, false),
            _ => return Ok(None),
        };
        let kind = self.kind(place)?;
        match (operator, kind) {
            // Sets and records are compared with sets and records as a whole, which no test does.
            (Opcode::Equal, Kind::Set) if matches!(other, Value::Set(_)) => Ok(None),
            (Opcode::Equal, Kind::Record(_)) if matches!(other, Value::Record(_)) => Ok(None),
            (Opcode::Equal, kind) => {
                if conforms(machine.data(), self.unknown()?, kind, other) {
                    self.test(machine, place, Test::Equal(other)).map(Some)
                } else {
                    Ok(Some(false))
                }
            }
            (Opcode::Less | Opcode::LessOrEqual, Kind::Long | Kind::Datetime | Kind::Duration) => {
                let or_equal = operator == Opcode::LessOrEqual;
                match (kind, other) {
                    (Kind::Long, Value::Long(limit))
                    | (Kind::Datetime, Value::Datetime(limit))
                    | (Kind::Duration, Value::Duration(limit)) => {
                        self.order(machine, place, limit, is_left, or_equal).map(Some)
                    }
                    _ => Err(ERRED),
                }
            }
            (
                Opcode::DecimalLess
                | Opcode::DecimalLessOrEqual
                | Opcode::DecimalGreater
                | Opcode::DecimalGreaterOrEqual,
                Kind::Decimal,
            ) => {
                let Value::Decimal(limit) = other else { return Err(ERRED) };
                let is_less = matches!(operator, Opcode::DecimalLess | Opcode::DecimalLessOrEqual);
                let or_equal = matches!(operator, Opcode::DecimalLessOrEqual | Opcode::DecimalGreaterOrEqual);
                self.order(machine, place, limit, is_left == is_less, or_equal).map(Some)
            }
            (Opcode::Contains, kind) if !is_left && is_simple(kind) => {
                let Value::Set(set) = other else { return Err(ERRED) };
                self.test(machine, place, Test::Among(set)).map(Some)
            }
            (Opcode::Contains, Kind::Set) if is_left => self.contains(machine, place, other),
            (Opcode::ContainsAll | Opcode::ContainsAny, Kind::Set) if is_left => {
                let Value::Set(set) = other else { return Err(ERRED) };
                self.contains_each(machine, place, set, operator == Opcode::ContainsAll)
            }
            _ => Ok(None),
        }
    }

    /// Whether a number at a place is less than another, or the other less than it.
    fn order(
        &mut self,
        machine: &mut Machine<'_>,
        place: PlaceId,
        other: i64,
        is_left: bool,
        or_equal: bool,
    ) -> Result<bool, Break> {
        // What is not at most a number is greater.
        let limit = if is_left == or_equal { Some(other) } else { other.checked_sub(1) };
        match limit {
            Some(limit) => Ok(self.test(machine, place, Test::AtMost(limit))? == is_left),
            None => Ok(!is_left),
        }
    }

    /// Whether the set at a place contains a value. `None` where its elements are none that a test is made for.
    fn contains(&mut self, machine: &mut Machine<'_>, place: PlaceId, element: Value) -> Result<Option<bool>, Break> {
        let kind = self.kind(PlaceId::new(place.get() + 1))?;
        if !is_simple(kind) {
            return Ok(None);
        }
        if !conforms(machine.data(), self.unknown()?, kind, element) {
            return Ok(Some(false));
        }
        self.test(machine, place, Test::Contains(element)).map(Some)
    }

    /// Whether the set at a place contains all elements of another, or any.
    fn contains_each(
        &mut self,
        machine: &mut Machine<'_>,
        place: PlaceId,
        other: AggregateId,
        all: bool,
    ) -> Result<Option<bool>, Break> {
        let size = machine.data().elements_of(other).len();
        machine.charge(size)?;
        for at in 0..size {
            let element = *machine.data().elements_of(other).get(at).ok_or(INTERNAL)?;
            match self.contains(machine, place, element)? {
                Some(contains) if contains != all => return Ok(Some(!all)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
        Ok(Some(all))
    }
}
