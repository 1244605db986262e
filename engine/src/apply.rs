//! The operators that the loop leaves to a function of their own.

use crate::arena::small;
use crate::compare::compare;
use crate::error::DecideError;
use crate::extension::{parse_datetime, parse_decimal, parse_duration, parse_ip};
use crate::ids::{AggregateId, IpId, PatternId, ShapeId, StringId};
use crate::like;
use crate::machine::{Data, Halt, INTERNAL, Machine};
use crate::opcode::{Instruction, Opcode};
use crate::operators;
use crate::stack::Stack;
use crate::value::Value;

impl Machine<'_> {
    /// Applies an operator to the values on the stack. Not inlined, so that the loop stays small.
    #[inline(never)]
    pub(crate) fn apply(&mut self, instruction: Instruction, stack: &mut Stack<'_>) -> Result<(), Halt> {
        let set = self.set;
        let operand = instruction.operand;
        let result = match instruction.opcode {
            Opcode::GetTag | Opcode::HasTag => {
                let (name, of) = (stack.pop()?, stack.pop()?);
                let (Value::Entity(of), Value::String(name)) = (of, name) else { return Err(Halt::Erred) };
                let tag = self.data().tag(of, name);
                match instruction.opcode {
                    Opcode::HasTag => Value::Bool(tag.is_some()),
                    _ => tag.ok_or(Halt::Erred)?,
                }
            }
            Opcode::IsType => {
                let Value::Entity(entity) = stack.pop()? else { return Err(Halt::Erred) };
                let type_name = self.data().type_name(entity).ok_or(INTERNAL)?;
                Value::Bool(type_name.get() == operand)
            }
            Opcode::Like => {
                let Value::String(text) = stack.pop()? else { return Err(Halt::Erred) };
                let pattern = set.patterns.pattern(PatternId::new(operand)).ok_or(INTERNAL)?;
                let length = self.data().string(text).ok_or(INTERNAL)?.len();
                self.charge(length.saturating_mul(pattern.len()))?;
                let text = self.data().string(text).ok_or(INTERNAL)?;
                Value::Bool(like::matches(text, pattern))
            }
            Opcode::IsEmpty => {
                let Value::Set(set) = stack.pop()? else { return Err(Halt::Erred) };
                Value::Bool(self.data().elements_of(set).is_empty())
            }
            Opcode::Contains => {
                let (element, set) = (stack.pop()?, stack.pop()?);
                let Value::Set(set) = set else { return Err(Halt::Erred) };
                Value::Bool(self.contains(set, element)?)
            }
            Opcode::ContainsAll | Opcode::ContainsAny => {
                let (b, a) = (stack.pop()?, stack.pop()?);
                let (Value::Set(a), Value::Set(b)) = (a, b) else { return Err(Halt::Erred) };
                Value::Bool(self.contains_each(a, b, instruction.opcode == Opcode::ContainsAll)?)
            }
            Opcode::MakeSet => self.make_set(stack.take(operand as usize)?)?,
            Opcode::MakeRecord => {
                let keys = set.shapes.shape(ShapeId::new(operand)).ok_or(INTERNAL)?;
                self.make_record(keys, stack.take(keys.len())?)?
            }
            Opcode::Decimal | Opcode::Ip | Opcode::Datetime | Opcode::Duration => {
                let Value::String(text) = stack.pop()? else { return Err(Halt::Erred) };
                let length = self.data().string(text).ok_or(INTERNAL)?.len();
                self.charge(length)?;
                self.construct(instruction.opcode, text)?
            }
            operator => match operator.stack_effect() {
                (1, 1) => {
                    let operand = stack.pop()?;
                    operators::unary(operator, operand, self.data())?
                }
                _ => {
                    let (b, a) = (stack.pop()?, stack.pop()?);
                    operators::binary(operator, a, b, self.data())?
                }
            },
        };
        stack.push(result)
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

    pub(crate) fn contains(&mut self, set: AggregateId, element: Value) -> Result<bool, Halt> {
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

    pub(crate) fn make_set(&mut self, elements: &mut [Value]) -> Result<Value, Halt> {
        self.charge(elements.len())?;
        let Self { set, arena, .. } = self;
        let data = Data { set, arena };
        elements.sort_unstable_by(|a, b| compare(&data, *a, *b));
        let depth = elements.iter().map(|element| data.depth(*element)).max().unwrap_or_default();
        let start = arena.cells.len();
        for element in elements {
            let data = Data { set, arena };
            let own = arena.cells.get(start..).unwrap_or_default();
            if own.last().is_none_or(|last| compare(&data, *last, *element).is_ne()) {
                arena.cells.push(*element);
            }
        }
        let id = arena.close(false, start, depth + 1);
        if arena.overflowed {
            return Err(Halt::Stop(DecideError::RequestTooLarge));
        }
        Ok(Value::Set(AggregateId::new(set.aggregates.len() + id)))
    }

    fn make_record(&mut self, keys: &[u32], values: &[Value]) -> Result<Value, Halt> {
        self.charge(keys.len())?;
        let Self { set, arena, .. } = self;
        let data = Data { set, arena };
        let depth = values.iter().map(|value| data.depth(*value)).max().unwrap_or_default();
        let start = arena.fields.len();
        arena.fields.extend(keys.iter().map(|key| StringId::new(*key)).zip(values.iter().copied()));
        let id = arena.close(true, start, depth + 1);
        if arena.overflowed {
            return Err(Halt::Stop(DecideError::RequestTooLarge));
        }
        Ok(Value::Record(AggregateId::new(set.aggregates.len() + id)))
    }
}
