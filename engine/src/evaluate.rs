//! Runs programs: the loop, and the operators that most policies are made of.

use core::ops::Range;

use crate::compare::compare;
use crate::ids::StringId;
use crate::machine::{Data, Halt, INTERNAL, Machine, field};
use crate::opcode::{Instruction, Opcode};
use crate::operators;
use crate::stack::Stack;
use crate::value::Value;

impl Machine<'_> {
    /// Runs the program that lies at `range` to its end. `None` is the result of [`Opcode::Skip`].
    pub(crate) fn run(&mut self, range: &Range<u32>) -> Result<Option<Value>, Halt> {
        let code = self.set.programs.code(range).ok_or(INTERNAL)?;
        // Jumps lead forwards only, so this pays for every instruction that can run.
        self.charge(code.len())?;
        let values = core::mem::take(&mut self.stack);
        let result = self.execute(code, &mut Stack::new(values));
        self.stack = values;
        result
    }

    fn execute(&mut self, code: &[Instruction], stack: &mut Stack<'_>) -> Result<Option<Value>, Halt> {
        let set = self.set;
        let mut next = code.iter();
        loop {
            let Some(instruction) = next.next() else { return Err(INTERNAL) };
            let operand = instruction.operand;
            match instruction.opcode {
                Opcode::Constant => {
                    let Some(constant) = set.constants.get(operand as usize) else { return Err(INTERNAL) };
                    stack.push(*constant)?;
                }
                Opcode::Variable => {
                    let Some(variable) = self.variables.get(operand as usize) else { return Err(INTERNAL) };
                    stack.push(*variable)?;
                }
                Opcode::VariableAttribute => {
                    let Some(of) = self.variables.get(usize::from(instruction.slot)) else { return Err(INTERNAL) };
                    let Some(value) = attribute(self.data(), *of, StringId::new(operand))? else {
                        return Err(Halt::Erred);
                    };
                    stack.push(value)?;
                }
                Opcode::GetAttribute => {
                    let of = stack.pop()?;
                    let Some(value) = attribute(self.data(), of, StringId::new(operand))? else {
                        return Err(Halt::Erred);
                    };
                    stack.push(value)?;
                }
                Opcode::VariableHas => {
                    let Some(of) = self.variables.get(usize::from(instruction.slot)) else { return Err(INTERNAL) };
                    let has = attribute(self.data(), *of, StringId::new(operand))?.is_some();
                    stack.push(Value::Bool(has))?;
                }
                Opcode::HasAttribute => {
                    let of = stack.pop()?;
                    let has = attribute(self.data(), of, StringId::new(operand))?.is_some();
                    stack.push(Value::Bool(has))?;
                }
                Opcode::EqualConstant => {
                    let value = stack.pop()?;
                    let Some(constant) = set.constants.get(operand as usize) else { return Err(INTERNAL) };
                    let equal = self.equal(value, *constant)?;
                    stack.push(Value::Bool(equal))?;
                }
                Opcode::Equal => {
                    let (b, a) = (stack.pop()?, stack.pop()?);
                    let equal = self.equal(a, b)?;
                    stack.push(Value::Bool(equal))?;
                }
                Opcode::In => {
                    let (ancestor, entity) = (stack.pop()?, stack.pop()?);
                    let is_in = self.is_in(entity, ancestor)?;
                    stack.push(Value::Bool(is_in))?;
                }
                Opcode::JumpIfFalse | Opcode::JumpIfTrue => match stack.top()? {
                    Value::Bool(value) if value == (instruction.opcode == Opcode::JumpIfTrue) => {
                        next = jump(code, operand)?;
                    }
                    Value::Bool(_) => drop(stack.pop()?),
                    _ => return Err(Halt::Erred),
                },
                Opcode::Branch => match stack.pop()? {
                    Value::Bool(true) => {}
                    Value::Bool(false) => next = jump(code, operand)?,
                    _ => return Err(Halt::Erred),
                },
                Opcode::Jump => next = jump(code, operand)?,
                Opcode::RequireBool => {
                    let Value::Bool(_) = stack.top()? else { return Err(Halt::Erred) };
                }
                Opcode::Pop => drop(stack.pop()?),
                Opcode::LoadShared => {
                    let Some((generation, value)) = self.shared.get(usize::from(instruction.slot)) else {
                        return Err(INTERNAL);
                    };
                    if *generation == self.generation {
                        stack.push(*value)?;
                        next = jump(code, operand)?;
                    }
                }
                Opcode::StoreShared => {
                    let value = stack.top()?;
                    let Some(shared) = self.shared.get_mut(usize::from(instruction.slot)) else {
                        return Err(INTERNAL);
                    };
                    *shared = (self.generation, value);
                }
                Opcode::Return => return stack.pop().map(Some),
                Opcode::Skip => return Ok(None),
                Opcode::Less | Opcode::LessOrEqual => {
                    let (b, a) = (stack.pop()?, stack.pop()?);
                    let value = operators::order(instruction.opcode, a, b)?;
                    stack.push(value)?;
                }
                Opcode::Not => {
                    let Value::Bool(value) = stack.pop()? else { return Err(Halt::Erred) };
                    stack.push(Value::Bool(!value))?;
                }
                Opcode::GetTag
                | Opcode::HasTag
                | Opcode::Negate
                | Opcode::IsEmpty
                | Opcode::Add
                | Opcode::Subtract
                | Opcode::Multiply
                | Opcode::IsType
                | Opcode::Like
                | Opcode::Contains
                | Opcode::ContainsAll
                | Opcode::ContainsAny
                | Opcode::MakeSet
                | Opcode::MakeRecord
                | Opcode::Decimal
                | Opcode::Ip
                | Opcode::Datetime
                | Opcode::Duration
                | Opcode::DecimalLess
                | Opcode::DecimalLessOrEqual
                | Opcode::DecimalGreater
                | Opcode::DecimalGreaterOrEqual
                | Opcode::IsIpv4
                | Opcode::IsIpv6
                | Opcode::IsLoopback
                | Opcode::IsMulticast
                | Opcode::IsInRange
                | Opcode::Offset
                | Opcode::DurationSince
                | Opcode::ToDate
                | Opcode::ToTime
                | Opcode::ToMilliseconds
                | Opcode::ToSeconds
                | Opcode::ToMinutes
                | Opcode::ToHours
                | Opcode::ToDays => self.apply(*instruction, stack)?,
            }
        }
    }

    #[inline]
    pub(crate) fn equal(&mut self, a: Value, b: Value) -> Result<bool, Halt> {
        match (a, b) {
            (Value::String(a), Value::String(b)) => return Ok(a == b),
            (Value::Entity(a), Value::Entity(b)) => return Ok(a == b),
            (Value::Long(a), Value::Long(b)) => return Ok(a == b),
            _ => {}
        }
        self.deeply_equal(a, b)
    }

    #[inline(never)]
    fn deeply_equal(&mut self, a: Value, b: Value) -> Result<bool, Halt> {
        if let (Value::Set(id), Value::Set(_)) | (Value::Record(id), Value::Record(_)) = (a, b) {
            let size = self.data().elements_of(id).len() + self.data().fields_of(id).len();
            self.charge(size)?;
        }
        Ok(compare(&self.data(), a, b).is_eq())
    }

    pub(crate) fn is_in(&mut self, entity: Value, ancestor: Value) -> Result<bool, Halt> {
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
}

#[inline]
pub(crate) fn jump(code: &[Instruction], target: u32) -> Result<core::slice::Iter<'_, Instruction>, Halt> {
    match code.get(target as usize..) {
        Some(rest) => Ok(rest.iter()),
        None => Err(INTERNAL),
    }
}

/// An attribute of an entity or a record; `None` where it has none of that name, or the entity does not exist.
pub(crate) fn attribute(data: Data<'_>, of: Value, name: StringId) -> Result<Option<Value>, Halt> {
    match of {
        Value::Record(record) => Ok(field(data.fields_of(record), name)),
        Value::Entity(entity) => Ok(data.attributes(entity).and_then(|fields| field(fields, name))),
        _ => Err(Halt::Erred),
    }
}
