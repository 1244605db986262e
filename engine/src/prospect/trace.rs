//! Runs programs on the value that the unknown is taken to have, and writes down what they ask of it.
//!
//! Each value on the stack knows where it comes from. What does not come from the unknown is computed as in a decision,
//! by the same functions. Where a program asks something of the unknown that is a [`Test`], it goes on with the answer,
//! which is on the trail. Everything else that is made of the unknown is computed from the value that it is taken to
//! have; once that becomes a condition, or an error, it is on the trail as something that nobody can turn.

mod ask;
mod compute;

use core::ops::Range;

use crate::ids::ShapeId;
use crate::machine::{Halt, INTERNAL, Machine};
use crate::opcode::{Instruction, Opcode};
use crate::unknown::{Kind, PlaceId, Unknown};
use crate::value::Value;

use super::attempt::{Attempt, Slot};
use super::solve::Room;
use super::trail::{Answer, Places, Question, Refused, Test, Trail};
use super::values::{holds, suggest};

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
enum Origin {
    /// Not from the unknown.
    Known,
    /// It is what stands at a place of the unknown. The value is not there before it is asked for.
    Place(PlaceId),
    /// It is the context, in which the unknown is an attribute.
    Context,
    /// It was computed from what stands at these places.
    Derived(Places),
}

/// A value with its origin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    value: Value,
    origin: Origin,
}

impl Term {
    pub(super) const fn known(value: Value) -> Self {
        Self { value, origin: Origin::Known }
    }

    const fn truth(truth: bool) -> Self {
        Self::known(Value::Bool(truth))
    }

    const fn at(place: PlaceId) -> Self {
        Self { value: Value::Bool(false), origin: Origin::Place(place) }
    }

    /// The value, if it does not come from the unknown.
    pub(super) const fn if_known(self) -> Option<Value> {
        match self.origin {
            Origin::Known => Some(self.value),
            Origin::Place(_) | Origin::Context | Origin::Derived(_) => None,
        }
    }
}

/// Why a run ended without a value.
pub(super) enum Break {
    Halt(Halt),
    Refused(Refused),
}

impl From<Halt> for Break {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl From<Refused> for Break {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

const ERRED: Break = Break::Halt(Halt::Erred);

/// What runs on a value for the unknown, and what is known of the run.
pub(super) struct Tracer<'b> {
    /// Without one, everything is known.
    pub(super) unknown: Option<&'b Unknown>,
    pub(super) attempt: &'b mut Attempt,
    pub(super) trail: &'b mut Trail,
    /// Room for the stack of any program of the set, and how much of it is used.
    pub(super) terms: &'b mut [Term],
    pub(super) height: usize,
    pub(super) room: &'b mut Room,
    /// Whether what is asked should rather be true: then what nobody asked about yet is made so.
    pub(super) is_eager: bool,
}

impl<'b> Tracer<'b> {
    /// What a policy's conditions come to.
    pub(super) fn condition(&mut self, machine: &mut Machine<'_>, code: &Range<u32>) -> Result<Answer, Break> {
        let truth = match self.run(machine, code) {
            Ok(Some(Term { value: Value::Bool(truth), origin: Origin::Known })) => Ok(truth),
            Ok(Some(term)) => self.truth(machine, term),
            Ok(None) => return Err(INTERNAL.into()),
            Err(stopped) => Err(stopped),
        };
        match truth {
            Ok(truth) => Ok(truth.into()),
            Err(Break::Halt(Halt::Erred)) => Ok(Answer::Erred),
            Err(stopped) => Err(stopped),
        }
    }

    /// Runs the program that lies at `range` to its end. `None` is the result of [`Opcode::Skip`].
    pub(super) fn run(&mut self, machine: &mut Machine<'_>, range: &Range<u32>) -> Result<Option<Term>, Break> {
        let set = machine.set;
        let code = set.programs.code(range).ok_or(INTERNAL)?;
        machine.charge(code.len())?;
        self.height = 0;
        let met = self.trail.met;
        let mut next = 0;
        loop {
            let instruction = *code.get(next).ok_or(INTERNAL)?;
            next += 1;
            let operand = instruction.operand;
            match instruction.opcode {
                Opcode::Constant => {
                    let constant = *set.constants.get(operand as usize).ok_or(INTERNAL)?;
                    self.push(Term::known(constant))?;
                }
                Opcode::Variable => {
                    let term = self.variable(machine, operand as usize)?;
                    self.push(term)?;
                }
                Opcode::VariableAttribute => {
                    let of = self.variable(machine, usize::from(instruction.slot))?;
                    let term = self.attribute(machine, Instruction::new(Opcode::GetAttribute, operand), of)?;
                    self.push(term)?;
                }
                Opcode::VariableHas => {
                    let of = self.variable(machine, usize::from(instruction.slot))?;
                    let term = self.has(machine, Instruction::new(Opcode::HasAttribute, operand), of)?;
                    self.push(term)?;
                }
                Opcode::GetAttribute => {
                    let of = self.pop()?;
                    let term = self.attribute(machine, instruction, of)?;
                    self.push(term)?;
                }
                Opcode::HasAttribute => {
                    let of = self.pop()?;
                    let term = self.has(machine, instruction, of)?;
                    self.push(term)?;
                }
                Opcode::EqualConstant => {
                    let constant = *set.constants.get(operand as usize).ok_or(INTERNAL)?;
                    let a = self.pop()?;
                    let equal = Instruction::new(Opcode::Equal, 0);
                    let term = self.binary(machine, equal, a, Term::known(constant))?;
                    self.push(term)?;
                }
                Opcode::JumpIfFalse | Opcode::JumpIfTrue => {
                    let top = self.pop()?;
                    let truth = self.truth(machine, top)?;
                    if truth == (instruction.opcode == Opcode::JumpIfTrue) {
                        self.push(Term::truth(truth))?;
                        next = operand as usize;
                    }
                }
                Opcode::Branch => {
                    let test = self.pop()?;
                    if !self.truth(machine, test)? {
                        next = operand as usize;
                    }
                }
                Opcode::Jump => next = operand as usize,
                Opcode::RequireBool => {
                    let top = self.pop()?;
                    let truth = self.truth(machine, top)?;
                    self.push(Term::truth(truth))?;
                }
                Opcode::Not => {
                    let top = self.pop()?;
                    let truth = self.truth(machine, top)?;
                    self.push(Term::truth(!truth))?;
                }
                Opcode::Pop => {
                    // That it was computed without an error may be the unknown's doing.
                    let top = self.pop()?;
                    if let Origin::Derived(places) = top.origin {
                        self.trail.record(Question::Other(places), Answer::True)?;
                    }
                }
                Opcode::LoadShared => {
                    let (generation, value) = *machine.shared.get(usize::from(instruction.slot)).ok_or(INTERNAL)?;
                    if generation == machine.generation {
                        self.push(Term::known(value))?;
                        next = operand as usize;
                    }
                }
                Opcode::StoreShared => {
                    // Others may be asked about another value of the unknown, so only what does not depend on it lasts.
                    let top = *self.terms.get(self.height.wrapping_sub(1)).ok_or(INTERNAL)?;
                    if let Some(value) = top.if_known()
                        && self.trail.met == met
                    {
                        let shared = machine.shared.get_mut(usize::from(instruction.slot)).ok_or(INTERNAL)?;
                        *shared = (machine.generation, value);
                    }
                }
                Opcode::Return => return self.pop().map(Some),
                Opcode::Skip => return Ok(None),
                Opcode::MakeSet => {
                    let term = self.computed(machine, instruction, operand as usize)?;
                    self.push(term)?;
                }
                Opcode::MakeRecord => {
                    let keys = set.shapes.shape(ShapeId::new(operand)).ok_or(INTERNAL)?;
                    let term = self.computed(machine, instruction, keys.len())?;
                    self.push(term)?;
                }
                Opcode::Negate
                | Opcode::IsEmpty
                | Opcode::IsType
                | Opcode::Like
                | Opcode::Decimal
                | Opcode::Ip
                | Opcode::Datetime
                | Opcode::Duration
                | Opcode::IsIpv4
                | Opcode::IsIpv6
                | Opcode::IsLoopback
                | Opcode::IsMulticast
                | Opcode::ToDate
                | Opcode::ToTime
                | Opcode::ToMilliseconds
                | Opcode::ToSeconds
                | Opcode::ToMinutes
                | Opcode::ToHours
                | Opcode::ToDays => {
                    let a = self.pop()?;
                    let term = self.unary(machine, instruction, a)?;
                    self.push(term)?;
                }
                Opcode::GetTag
                | Opcode::HasTag
                | Opcode::Add
                | Opcode::Subtract
                | Opcode::Multiply
                | Opcode::Equal
                | Opcode::Less
                | Opcode::LessOrEqual
                | Opcode::In
                | Opcode::Contains
                | Opcode::ContainsAll
                | Opcode::ContainsAny
                | Opcode::DecimalLess
                | Opcode::DecimalLessOrEqual
                | Opcode::DecimalGreater
                | Opcode::DecimalGreaterOrEqual
                | Opcode::IsInRange
                | Opcode::Offset
                | Opcode::DurationSince => {
                    let (b, a) = (self.pop()?, self.pop()?);
                    let term = self.binary(machine, instruction, a, b)?;
                    self.push(term)?;
                }
            }
        }
    }

    #[inline]
    fn push(&mut self, term: Term) -> Result<(), Break> {
        let Some(free) = self.terms.get_mut(self.height) else { return Err(INTERNAL.into()) };
        *free = term;
        self.height = self.height.wrapping_add(1);
        Ok(())
    }

    #[inline]
    fn pop(&mut self) -> Result<Term, Break> {
        // Below zero is far above the buffer's length.
        self.height = self.height.wrapping_sub(1);
        match self.terms.get(self.height) {
            Some(term) => Ok(*term),
            None => Err(INTERNAL.into()),
        }
    }

    #[inline]
    fn unknown(&self) -> Result<&'b Unknown, Break> {
        Ok(self.unknown.ok_or(INTERNAL)?)
    }

    #[inline]
    fn kind(&self, place: PlaceId) -> Result<&'b Kind, Break> {
        Ok(self.unknown()?.kind(place).ok_or(INTERNAL)?)
    }

    #[inline]
    fn variable(&self, machine: &Machine<'_>, number: usize) -> Result<Term, Break> {
        const CONTEXT: usize = 3;
        let value = *machine.variables.get(number).ok_or(INTERNAL)?;
        let origin = if number == CONTEXT && self.unknown.is_some() { Origin::Context } else { Origin::Known };
        Ok(Term { value, origin })
    }

    /// Asks the value at a place.
    fn test(&mut self, machine: &mut Machine<'_>, place: PlaceId, test: Test) -> Result<bool, Break> {
        if self.trail.is_closed {
            return Err(Refused::Asked.into());
        }
        let unknown = self.unknown()?;
        if self.is_eager
            && matches!(self.attempt.slot(place), Slot::Open)
            && let Some(value) = suggest(machine, unknown, place, test, &mut self.room.text)?
        {
            self.attempt.put(place, Slot::Value(value));
        }
        let value = self.attempt.value(machine, unknown, place)?;
        let truth = holds(machine, value, test)?;
        self.trail.record(Question::Test(place, test), truth.into())?;
        Ok(truth)
    }

    /// A value as a condition.
    fn truth(&mut self, machine: &mut Machine<'_>, term: Term) -> Result<bool, Break> {
        match (term.origin, term.value) {
            (Origin::Known, Value::Bool(truth)) => Ok(truth),
            (Origin::Place(place), _) if *self.kind(place)? == Kind::Bool => {
                self.test(machine, place, Test::Equal(Value::Bool(true)))
            }
            (Origin::Derived(places), Value::Bool(truth)) => {
                self.trail.record(Question::Other(places), truth.into())?;
                Ok(truth)
            }
            (Origin::Derived(places), _) => self.erred(places),
            (Origin::Known | Origin::Place(_) | Origin::Context, _) => Err(ERRED),
        }
    }

    /// An error that comes of what stands at these places.
    fn erred<T>(&mut self, places: Places) -> Result<T, Break> {
        if !places.is_empty() {
            self.trail.record(Question::Other(places), Answer::Erred)?;
        }
        Err(ERRED)
    }
}
