//! Runs programs.

use crate::arena::small;
use crate::compare::compare;
use crate::error::DecideError;
use crate::extension::{parse_datetime, parse_decimal, parse_duration, parse_ip};
use crate::ids::{AggregateId, IpId, PatternId, ProgramId, ShapeId, StringId};
use crate::like;
use crate::machine::{Data, Halt, INTERNAL, Machine, field};
use crate::opcode::Opcode;
use crate::operators;
use crate::value::Value;

impl Machine<'_> {
    /// Runs a program to its end. `None` is the result of [`Opcode::Skip`].
    pub(crate) fn run(&mut self, program: ProgramId) -> Result<Option<Value>, Halt> {
        let set = self.set;
        let code = set.programs.code(program).ok_or(INTERNAL)?;
        // Jumps lead forwards only, so this pays for every instruction that can run.
        self.charge(code.len())?;
        self.stack.clear();
        let mut at = 0;
        loop {
            let instruction = code.get(at).ok_or(INTERNAL)?;
            let operand = instruction.operand;
            let target = operand as usize;
            at += 1;
            match instruction.opcode {
                Opcode::Constant => {
                    let constant = *set.constants.get(target).ok_or(INTERNAL)?;
                    self.stack.push(constant);
                }
                Opcode::Variable => {
                    let variable = *self.variables.get(target).ok_or(INTERNAL)?;
                    self.stack.push(variable);
                }
                Opcode::GetAttribute => {
                    let of = self.pop()?;
                    let value = attribute(self.data(), of, StringId::new(operand))?.ok_or(Halt::Erred)?;
                    self.stack.push(value);
                }
                Opcode::HasAttribute => {
                    let of = self.pop()?;
                    let has = attribute(self.data(), of, StringId::new(operand))?.is_some();
                    self.stack.push(Value::Bool(has));
                }
                Opcode::GetTag | Opcode::HasTag => {
                    let (name, of) = (self.pop()?, self.pop()?);
                    let (Value::Entity(of), Value::String(name)) = (of, name) else { return Err(Halt::Erred) };
                    let tag = self.data().tag(of, name);
                    self.stack.push(match instruction.opcode {
                        Opcode::HasTag => Value::Bool(tag.is_some()),
                        _ => tag.ok_or(Halt::Erred)?,
                    });
                }
                Opcode::Equal => {
                    let (b, a) = (self.pop()?, self.pop()?);
                    let equal = self.equal(a, b)?;
                    self.stack.push(Value::Bool(equal));
                }
                Opcode::In => {
                    let (ancestor, entity) = (self.pop()?, self.pop()?);
                    let is_in = self.is_in(entity, ancestor)?;
                    self.stack.push(Value::Bool(is_in));
                }
                Opcode::IsType => {
                    let Value::Entity(entity) = self.pop()? else { return Err(Halt::Erred) };
                    let type_name = self.data().type_name(entity).ok_or(INTERNAL)?;
                    self.stack.push(Value::Bool(type_name.get() == operand));
                }
                Opcode::Like => {
                    let Value::String(text) = self.pop()? else { return Err(Halt::Erred) };
                    let pattern = set.patterns.pattern(PatternId::new(operand)).ok_or(INTERNAL)?;
                    let length = self.data().string(text).ok_or(INTERNAL)?.len();
                    self.charge(length.saturating_mul(pattern.len()))?;
                    let text = self.data().string(text).ok_or(INTERNAL)?;
                    let matched = like::matches(text, pattern);
                    self.stack.push(Value::Bool(matched));
                }
                Opcode::IsEmpty => {
                    let set = self.pop_set()?;
                    let empty = self.data().elements_of(set).is_empty();
                    self.stack.push(Value::Bool(empty));
                }
                Opcode::Contains => {
                    let (element, set) = (self.pop()?, self.pop_set()?);
                    let contains = self.contains(set, element)?;
                    self.stack.push(Value::Bool(contains));
                }
                Opcode::ContainsAll | Opcode::ContainsAny => {
                    let (b, a) = (self.pop()?, self.pop()?);
                    let (Value::Set(a), Value::Set(b)) = (a, b) else { return Err(Halt::Erred) };
                    let result = self.contains_each(a, b, instruction.opcode == Opcode::ContainsAll)?;
                    self.stack.push(Value::Bool(result));
                }
                Opcode::MakeSet => self.make_set(target)?,
                Opcode::MakeRecord => self.make_record(ShapeId::new(operand))?,
                Opcode::JumpIfFalse | Opcode::JumpIfTrue => match self.stack.last() {
                    Some(Value::Bool(value)) if *value == (instruction.opcode == Opcode::JumpIfTrue) => at = target,
                    Some(Value::Bool(_)) => {
                        self.pop()?;
                    }
                    Some(_) => return Err(Halt::Erred),
                    None => return Err(INTERNAL),
                },
                Opcode::Branch => match self.pop()? {
                    Value::Bool(true) => {}
                    Value::Bool(false) => at = target,
                    _ => return Err(Halt::Erred),
                },
                Opcode::Jump => at = target,
                Opcode::RequireBool => match self.stack.last() {
                    Some(Value::Bool(_)) => {}
                    Some(_) => return Err(Halt::Erred),
                    None => return Err(INTERNAL),
                },
                Opcode::Pop => {
                    self.pop()?;
                }
                Opcode::LoadShared => {
                    let (generation, value) = *self.shared.get(usize::from(instruction.slot)).ok_or(INTERNAL)?;
                    if generation == self.generation {
                        self.stack.push(value);
                        at = target;
                    }
                }
                Opcode::StoreShared => {
                    let value = *self.stack.last().ok_or(INTERNAL)?;
                    let shared = self.shared.get_mut(usize::from(instruction.slot)).ok_or(INTERNAL)?;
                    *shared = (self.generation, value);
                }
                Opcode::Return => return self.pop().map(Some),
                Opcode::Skip => return Ok(None),
                Opcode::Decimal | Opcode::Ip | Opcode::Datetime | Opcode::Duration => {
                    let Value::String(text) = self.pop()? else { return Err(Halt::Erred) };
                    let length = self.data().string(text).ok_or(INTERNAL)?.len();
                    self.charge(length)?;
                    let value = self.construct(instruction.opcode, text)?;
                    self.stack.push(value);
                }
                Opcode::Not
                | Opcode::Negate
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
                    let operand = self.pop()?;
                    let value = operators::unary(instruction.opcode, operand, self.data())?;
                    self.stack.push(value);
                }
                Opcode::Add
                | Opcode::Subtract
                | Opcode::Multiply
                | Opcode::Less
                | Opcode::LessOrEqual
                | Opcode::DecimalLess
                | Opcode::DecimalLessOrEqual
                | Opcode::DecimalGreater
                | Opcode::DecimalGreaterOrEqual
                | Opcode::IsInRange
                | Opcode::Offset
                | Opcode::DurationSince => {
                    let (b, a) = (self.pop()?, self.pop()?);
                    let value = operators::binary(instruction.opcode, a, b, self.data())?;
                    self.stack.push(value);
                }
            }
        }
    }

    /// Applies an extension type's constructor.
    fn construct(&mut self, constructor: Opcode, text: StringId) -> Result<Value, Halt> {
        let text = self.data().string(text).ok_or(INTERNAL)?;
        let literal = match constructor {
            Opcode::Decimal => parse_decimal(text).map(Value::Decimal),
            Opcode::Datetime => parse_datetime(text).map(Value::Datetime),
            Opcode::Duration => parse_duration(text).map(Value::Duration),
            _ => parse_ip(text).map(|network| {
                let base = self.set.aggregates.address_count();
                self.arena.addresses.push(network);
                Value::Ip(IpId::new(base + small(self.arena.addresses.len() - 1)))
            }),
        };
        literal.map_err(|_| Halt::Erred)
    }

    fn pop_set(&mut self) -> Result<AggregateId, Halt> {
        match self.pop()? {
            Value::Set(set) => Ok(set),
            _ => Err(Halt::Erred),
        }
    }

    fn equal(&mut self, a: Value, b: Value) -> Result<bool, Halt> {
        if let (Value::Set(id), Value::Set(_)) | (Value::Record(id), Value::Record(_)) = (a, b) {
            let size = self.data().elements_of(id).len() + self.data().fields_of(id).len();
            self.charge(size)?;
        }
        Ok(compare(&self.data(), a, b).is_eq())
    }

    fn is_in(&mut self, entity: Value, ancestor: Value) -> Result<bool, Halt> {
        let Value::Entity(entity) = entity else { return Err(Halt::Erred) };
        match ancestor {
            Value::Entity(ancestor) => Ok(self.data().is_in(entity, ancestor)),
            Value::Set(set) => {
                let size = self.data().elements_of(set).len();
                self.charge(size)?;
                let data = self.data();
                let mut found = false;
                // Every element must be an entity, even behind one that matches.
                for element in data.elements_of(set) {
                    let Value::Entity(ancestor) = *element else { return Err(Halt::Erred) };
                    found = found || data.is_in(entity, ancestor);
                }
                Ok(found)
            }
            _ => Err(Halt::Erred),
        }
    }

    fn contains(&mut self, set: AggregateId, element: Value) -> Result<bool, Halt> {
        self.charge(1)?;
        let data = self.data();
        Ok(data.elements_of(set).binary_search_by(|probe| compare(&data, *probe, element)).is_ok())
    }

    /// Whether `a` contains all of `b`, or any.
    fn contains_each(&mut self, a: AggregateId, b: AggregateId, all: bool) -> Result<bool, Halt> {
        let size = self.data().elements_of(b).len();
        self.charge(size)?;
        for at in 0..size {
            let element = *self.data().elements_of(b).get(at).ok_or(INTERNAL)?;
            if self.contains(a, element)? != all {
                return Ok(!all);
            }
        }
        Ok(all)
    }

    fn make_set(&mut self, count: usize) -> Result<(), Halt> {
        self.charge(count)?;
        let from = self.stack.len().checked_sub(count).ok_or(INTERNAL)?;
        let Self { set, arena, stack, .. } = self;
        let elements = stack.get_mut(from..).ok_or(INTERNAL)?;
        let data = Data { set, arena };
        elements.sort_unstable_by(|a, b| compare(&data, *a, *b));
        let depth = elements.iter().map(|element| data.depth(*element)).max().unwrap_or_default();
        let start = arena.cells.len();
        for at in 0..elements.len() {
            let element = *elements.get(at).ok_or(INTERNAL)?;
            let data = Data { set, arena };
            let repeated = at > 0 && arena.cells.last().is_some_and(|last| compare(&data, *last, element).is_eq());
            if !repeated {
                arena.cells.push(element);
            }
        }
        let id = arena.close(false, start, depth + 1);
        if arena.overflowed {
            return Err(Halt::Stop(DecideError::RequestTooLarge));
        }
        let base = set.aggregates.len();
        stack.truncate(from);
        stack.push(Value::Set(AggregateId::new(base + id)));
        Ok(())
    }

    fn make_record(&mut self, shape: ShapeId) -> Result<(), Halt> {
        let keys = self.set.shapes.shape(shape).ok_or(INTERNAL)?;
        self.charge(keys.len())?;
        let from = self.stack.len().checked_sub(keys.len()).ok_or(INTERNAL)?;
        let Self { set, arena, stack, .. } = self;
        let values = stack.get(from..).ok_or(INTERNAL)?;
        let data = Data { set, arena };
        let depth = values.iter().map(|value| data.depth(*value)).max().unwrap_or_default();
        let start = arena.fields.len();
        arena.fields.extend(keys.iter().map(|key| StringId::new(*key)).zip(values.iter().copied()));
        let id = arena.close(true, start, depth + 1);
        if arena.overflowed {
            return Err(Halt::Stop(DecideError::RequestTooLarge));
        }
        let base = set.aggregates.len();
        stack.truncate(from);
        stack.push(Value::Record(AggregateId::new(base + id)));
        Ok(())
    }
}

/// An attribute of an entity or a record; `None` where it has none of that name, or the entity does not exist.
fn attribute(data: Data<'_>, of: Value, name: StringId) -> Result<Option<Value>, Halt> {
    match of {
        Value::Record(record) => Ok(field(data.fields_of(record), name)),
        Value::Entity(entity) => Ok(data.attributes(entity).and_then(|fields| field(fields, name))),
        _ => Err(Halt::Erred),
    }
}
