//! Runs programs on the value that the unknown is taken to have, and writes down what they ask of it.
//!
//! Each value on the stack knows where it comes from. What does not come from the unknown is computed as in a decision,
//! by the same functions. Where a program asks something of the unknown that is a [`Test`], it goes on with the answer,
//! which is on the trail. Everything else that is made of the unknown is computed from the value that it is taken to
//! have; once that becomes a condition, or an error, it is on the trail as something that nobody can turn.

use core::ops::Range;

use crate::evaluate::attribute;
use crate::ids::{AggregateId, PatternId, ShapeId, StringId};
use crate::machine::{Halt, INTERNAL, Machine};
use crate::opcode::{Instruction, Opcode};
use crate::operators;
use crate::stack::Stack;
use crate::unknown::{Kind, PlaceId, Unknown};
use crate::value::Value;

use super::attempt::{Attempt, close_record, intern};
use super::trail::{Answer, Diverged, Places, Question, Test, Trail};
use super::values::{conforms, holds, is_simple};

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
    const fn known(value: Value) -> Self {
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
    Diverged,
}

impl From<Halt> for Break {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl From<Diverged> for Break {
    fn from(_: Diverged) -> Self {
        Self::Diverged
    }
}

const ERRED: Break = Break::Halt(Halt::Erred);

/// What runs on a value for the unknown, and what is known of the run.
pub(super) struct Tracer<'b> {
    /// Without one, everything is known.
    pub(super) unknown: Option<&'b Unknown>,
    pub(super) attempt: &'b mut Attempt,
    pub(super) trail: &'b mut Trail,
    pub(super) terms: &'b mut Vec<Term>,
}

impl<'b> Tracer<'b> {
    /// What a policy's conditions come to.
    pub(super) fn condition(&mut self, machine: &mut Machine<'_>, code: &Range<u32>) -> Result<Answer, Break> {
        let truth = match self.run(machine, code) {
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
        self.terms.clear();
        let met = self.trail.met;
        let mut next = 0;
        loop {
            let instruction = *code.get(next).ok_or(INTERNAL)?;
            next += 1;
            let operand = instruction.operand;
            match instruction.opcode {
                Opcode::Constant => {
                    let constant = *set.constants.get(operand as usize).ok_or(INTERNAL)?;
                    self.terms.push(Term::known(constant));
                }
                Opcode::Variable => {
                    let term = self.variable(machine, operand as usize)?;
                    self.terms.push(term);
                }
                Opcode::VariableAttribute => {
                    let of = self.variable(machine, usize::from(instruction.slot))?;
                    let term = self.attribute(machine, Instruction::new(Opcode::GetAttribute, operand), of)?;
                    self.terms.push(term);
                }
                Opcode::VariableHas => {
                    let of = self.variable(machine, usize::from(instruction.slot))?;
                    let term = self.has(machine, Instruction::new(Opcode::HasAttribute, operand), of)?;
                    self.terms.push(term);
                }
                Opcode::GetAttribute => {
                    let of = self.pop()?;
                    let term = self.attribute(machine, instruction, of)?;
                    self.terms.push(term);
                }
                Opcode::HasAttribute => {
                    let of = self.pop()?;
                    let term = self.has(machine, instruction, of)?;
                    self.terms.push(term);
                }
                Opcode::EqualConstant => {
                    let constant = *set.constants.get(operand as usize).ok_or(INTERNAL)?;
                    let a = self.pop()?;
                    let equal = Instruction::new(Opcode::Equal, 0);
                    let term = self.binary(machine, equal, a, Term::known(constant))?;
                    self.terms.push(term);
                }
                Opcode::JumpIfFalse | Opcode::JumpIfTrue => {
                    let top = self.pop()?;
                    let truth = self.truth(machine, top)?;
                    if truth == (instruction.opcode == Opcode::JumpIfTrue) {
                        self.terms.push(Term::truth(truth));
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
                    self.terms.push(Term::truth(truth));
                }
                Opcode::Not => {
                    let top = self.pop()?;
                    let truth = self.truth(machine, top)?;
                    self.terms.push(Term::truth(!truth));
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
                        self.terms.push(Term::known(value));
                        next = operand as usize;
                    }
                }
                Opcode::StoreShared => {
                    // Others may be asked about another value of the unknown, so only what does not depend on it lasts.
                    let top = *self.terms.last().ok_or(INTERNAL)?;
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
                    self.terms.push(term);
                }
                Opcode::MakeRecord => {
                    let keys = set.shapes.shape(ShapeId::new(operand)).ok_or(INTERNAL)?;
                    let term = self.computed(machine, instruction, keys.len())?;
                    self.terms.push(term);
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
                    self.terms.push(term);
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
                    self.terms.push(term);
                }
            }
        }
    }

    fn pop(&mut self) -> Result<Term, Break> {
        Ok(self.terms.pop().ok_or(INTERNAL)?)
    }

    fn unknown(&self) -> Result<&'b Unknown, Break> {
        Ok(self.unknown.ok_or(INTERNAL)?)
    }

    fn kind(&self, place: PlaceId) -> Result<&'b Kind, Break> {
        Ok(self.unknown()?.kind(place).ok_or(INTERNAL)?)
    }

    fn variable(&self, machine: &Machine<'_>, number: usize) -> Result<Term, Break> {
        const CONTEXT: usize = 3;
        let value = *machine.variables.get(number).ok_or(INTERNAL)?;
        let origin = if number == CONTEXT && self.unknown.is_some() { Origin::Context } else { Origin::Known };
        Ok(Term { value, origin })
    }

    /// Asks the value at a place.
    fn test(&mut self, machine: &mut Machine<'_>, place: PlaceId, test: Test) -> Result<bool, Break> {
        let value = self.attempt.value(machine, self.unknown()?, place)?;
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

    /// What stands below a name: at a place, in the context, or an error.
    fn attribute(&mut self, machine: &mut Machine<'_>, get: Instruction, of: Term) -> Result<Term, Break> {
        let name = StringId::new(get.operand);
        match of.origin {
            Origin::Context if self.unknown()?.attribute.id == Some(name) => Ok(Term::at(PlaceId::ROOT)),
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
    fn has(&mut self, machine: &mut Machine<'_>, has: Instruction, of: Term) -> Result<Term, Break> {
        let name = StringId::new(has.operand);
        Ok(Term::truth(match of.origin {
            Origin::Context if self.unknown()?.attribute.id == Some(name) => true,
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

    fn unary(&mut self, machine: &mut Machine<'_>, instruction: Instruction, a: Term) -> Result<Term, Break> {
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

    fn binary(&mut self, machine: &mut Machine<'_>, instruction: Instruction, a: Term, b: Term) -> Result<Term, Break> {
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

    /// Computes from the topmost `count` values.
    fn computed(&mut self, machine: &mut Machine<'_>, instruction: Instruction, count: usize) -> Result<Term, Break> {
        let from = self.terms.len().checked_sub(count).ok_or(INTERNAL)?;
        let mut places = Places::NONE;
        for at in from..self.terms.len() {
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
        let operands = self.terms.get(from..).unwrap_or_default();
        let result = operands.iter().try_for_each(|term| stack.push(term.value));
        let result = result.and_then(|()| apply(machine, instruction, &mut stack));
        machine.stack = buffer;
        self.terms.truncate(from);
        match result {
            Ok(value) if places.is_empty() => Ok(Term::known(value)),
            Ok(value) => Ok(Term { value, origin: Origin::Derived(places) }),
            Err(Halt::Erred) => self.erred(places),
            Err(stop @ Halt::Stop(_)) => Err(stop.into()),
        }
    }

    fn compute(&mut self, machine: &mut Machine<'_>, instruction: Instruction, of: &[Term]) -> Result<Term, Break> {
        self.terms.extend_from_slice(of);
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
        let name = match unknown.attribute.id {
            Some(name) => name,
            None => intern(machine, &unknown.attribute.text)?,
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
