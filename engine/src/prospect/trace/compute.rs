//! Operators where no test gives the answer: they are applied to the values that the unknown is taken to have.

use super::{Break, ERRED, Origin, Term, Tracer};
use crate::evaluate::attribute;
use crate::ids::StringId;
use crate::machine::{Halt, INTERNAL, Machine};
use crate::opcode::{Instruction, Opcode};
use crate::operators;
use crate::prospect::attempt::{close_record, intern};
use crate::prospect::trail::Places;
use crate::stack::Stack;
use crate::unknown::{Kind, PlaceId};
use crate::value::Value;

impl Tracer<'_> {
    /// Computes from the topmost `count` values.
    pub(super) fn computed(
        &mut self,
        machine: &mut Machine<'_>,
        instruction: Instruction,
        count: usize,
    ) -> Result<Term, Break> {
        let from = self.height.checked_sub(count).ok_or(INTERNAL)?;
        let mut places = Places::NONE;
        for at in from..self.height {
            let term = *self.terms.get(at).ok_or(INTERNAL)?;
            let (value, more) = self.concrete(machine, term)?;
            places = places.with(more);
            // What stands at a place is of one type, whatever it is.
            let is_typed = !matches!(term.origin, Origin::Derived(_));
            if is_typed && !takes(instruction.opcode, at - from, value) {
                return Err(ERRED);
            }
            if let Some(term) = self.terms.get_mut(at) {
                *term = Term::known(value);
            }
        }
        let buffer = core::mem::take(&mut machine.stack);
        let mut stack = Stack::new(buffer);
        let operands = self.terms.get(from..self.height).unwrap_or_default();
        let result = operands.iter().try_for_each(|term| stack.push(term.value));
        let result = result.and_then(|()| apply(machine, instruction, &mut stack));
        machine.stack = buffer;
        self.height = from;
        match result {
            Ok(value) if places.is_empty() => Ok(Term::known(value)),
            Ok(value) => Ok(Term { value, origin: Origin::Derived(places) }),
            Err(Halt::Erred) => self.erred(places),
            Err(stop @ Halt::Stop(_)) => Err(stop.into()),
        }
    }

    pub(super) fn compute(
        &mut self,
        machine: &mut Machine<'_>,
        instruction: Instruction,
        of: &[Term],
    ) -> Result<Term, Break> {
        of.iter().try_for_each(|term| self.push(*term))?;
        self.computed(machine, instruction, of.len())
    }

    /// The value of a term as it is taken to be, and the places that it comes from.
    fn concrete(&mut self, machine: &mut Machine<'_>, term: Term) -> Result<(Value, Places), Break> {
        match term.origin {
            Origin::Known => Ok((term.value, Places::NONE)),
            Origin::Derived(places) => Ok((term.value, places)),
            Origin::Place(place) => {
                let unknown = self.unknown()?;
                let places = match unknown.kind(place).ok_or(INTERNAL)? {
                    Kind::Record(_) => Places::ALL,
                    _ => Places::of(place),
                };
                Ok((self.attempt.whole(machine, unknown, place)?, places))
            }
            Origin::Context => Ok((self.context(machine, term.value)?, Places::ALL)),
        }
    }

    /// The context with the unknown in it.
    fn context(&mut self, machine: &mut Machine<'_>, known: Value) -> Result<Value, Break> {
        let unknown = self.unknown()?;
        let value = self.attempt.whole(machine, unknown, PlaceId::ROOT)?;
        let name = match unknown.attribute().id {
            Some(name) => name,
            None => intern(machine, &unknown.attribute().text)?,
        };
        let start = machine.arena.fields.len();
        if let Value::Record(record) = known {
            for at in 0..machine.data().fields_of(record).len() {
                let field = *machine.data().fields_of(record).get(at).ok_or(INTERNAL)?;
                if field.0 != name {
                    machine.arena.fields.push(field);
                }
            }
        }
        machine.arena.fields.push((name, value));
        Ok(close_record(machine, start)?)
    }
}

/// Whether an operator takes an operand of this value's type; with any other, it errs.
const fn takes(operator: Opcode, operand: usize, value: Value) -> bool {
    match operator {
        Opcode::Negate | Opcode::Add | Opcode::Subtract | Opcode::Multiply => matches!(value, Value::Long(_)),
        Opcode::Less | Opcode::LessOrEqual => {
            matches!(value, Value::Long(_) | Value::Datetime(_) | Value::Duration(_))
        }
        Opcode::GetAttribute | Opcode::HasAttribute => matches!(value, Value::Entity(_) | Value::Record(_)),
        Opcode::GetTag | Opcode::HasTag if operand == 0 => matches!(value, Value::Entity(_)),
        Opcode::In if operand == 1 => matches!(value, Value::Entity(_) | Value::Set(_)),
        Opcode::In | Opcode::IsType => matches!(value, Value::Entity(_)),
        Opcode::GetTag
        | Opcode::HasTag
        | Opcode::Like
        | Opcode::Decimal
        | Opcode::Ip
        | Opcode::Datetime
        | Opcode::Duration => matches!(value, Value::String(_)),
        Opcode::Contains if operand == 1 => true,
        Opcode::IsEmpty | Opcode::Contains | Opcode::ContainsAll | Opcode::ContainsAny => {
            matches!(value, Value::Set(_))
        }
        Opcode::DecimalLess | Opcode::DecimalLessOrEqual | Opcode::DecimalGreater | Opcode::DecimalGreaterOrEqual => {
            matches!(value, Value::Decimal(_))
        }
        Opcode::IsIpv4 | Opcode::IsIpv6 | Opcode::IsLoopback | Opcode::IsMulticast | Opcode::IsInRange => {
            matches!(value, Value::Ip(_))
        }
        Opcode::Offset if operand == 1 => matches!(value, Value::Duration(_)),
        Opcode::Offset | Opcode::DurationSince | Opcode::ToDate | Opcode::ToTime => matches!(value, Value::Datetime(_)),
        Opcode::ToMilliseconds | Opcode::ToSeconds | Opcode::ToMinutes | Opcode::ToHours | Opcode::ToDays => {
            matches!(value, Value::Duration(_))
        }
        Opcode::Constant
        | Opcode::Variable
        | Opcode::VariableAttribute
        | Opcode::VariableHas
        | Opcode::Not
        | Opcode::Equal
        | Opcode::EqualConstant
        | Opcode::MakeSet
        | Opcode::MakeRecord
        | Opcode::JumpIfFalse
        | Opcode::JumpIfTrue
        | Opcode::Branch
        | Opcode::Jump
        | Opcode::RequireBool
        | Opcode::Pop
        | Opcode::LoadShared
        | Opcode::StoreShared
        | Opcode::Return
        | Opcode::Skip => true,
    }
}

/// Applies an operator to concrete values, as a decision does.
fn apply(machine: &mut Machine<'_>, instruction: Instruction, stack: &mut Stack<'_>) -> Result<Value, Halt> {
    let name = StringId::new(instruction.operand);
    match instruction.opcode {
        Opcode::GetAttribute => {
            let of = stack.pop()?;
            attribute(machine.data(), of, name)?.ok_or(Halt::Erred)
        }
        Opcode::HasAttribute => {
            let of = stack.pop()?;
            Ok(Value::Bool(attribute(machine.data(), of, name)?.is_some()))
        }
        Opcode::Equal => {
            let (b, a) = (stack.pop()?, stack.pop()?);
            machine.equal(a, b).map(Value::Bool)
        }
        Opcode::In => {
            let (ancestor, entity) = (stack.pop()?, stack.pop()?);
            machine.is_in(entity, ancestor).map(Value::Bool)
        }
        Opcode::Less | Opcode::LessOrEqual => {
            let (b, a) = (stack.pop()?, stack.pop()?);
            operators::order(instruction.opcode, a, b)
        }
        _ => {
            machine.apply(instruction, stack)?;
            stack.pop()
        }
    }
}
