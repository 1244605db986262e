//! From the expression graph to code.

use std::collections::HashMap;

use palisade_engine::{Instruction, Opcode, ProgramId};

use super::error::CompileError;
use super::expression::{Expression, ExpressionId, Expressions};
use super::guard::{Probe, Step, Subject};
use super::translate::Policy;

/// The code of a policy set.
#[derive(Default)]
pub(crate) struct Programs {
    pub(crate) code: Vec<Instruction>,
    pub(crate) ends: Vec<u32>,
    /// The program of each policy's condition; equal conditions share one.
    pub(crate) of_policies: Vec<ProgramId>,
    /// The program of each probe that needs one.
    pub(crate) of_probes: Vec<Option<ProgramId>>,
}

impl Programs {
    /// How many instructions a program has.
    pub(crate) fn length(&self, program: ProgramId) -> usize {
        let end = |at: Option<usize>| at.and_then(|at| self.ends.get(at)).map_or(0, |end| *end as usize);
        end(Some(program.index())) - end(program.index().checked_sub(1))
    }

    fn push(&mut self, code: &[Instruction]) -> ProgramId {
        self.code.extend_from_slice(code);
        self.ends.push(position(self.code.len()));
        ProgramId::new(position(self.ends.len() - 1))
    }
}

fn position(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Writes the programs of all policies and probes.
pub(crate) fn assemble(
    policies: &[Policy],
    probes: &[Probe],
    expressions: &Expressions,
) -> Result<Programs, CompileError> {
    let slots = shared_slots(policies, probes, expressions);
    let mut programs = Programs::default();
    let mut known: HashMap<ExpressionId, ProgramId> = HashMap::new();
    for policy in policies {
        let program = match known.get(&policy.condition) {
            Some(program) => *program,
            None => {
                let mut writer = Writer { expressions, slots: &slots, code: Vec::new() };
                writer.expression(policy.condition);
                writer.push(Opcode::Return, 0);
                let program = programs.push(&writer.code);
                known.insert(policy.condition, program);
                program
            }
        };
        programs.of_policies.push(program);
    }
    for probe in probes {
        let program = match probe.subject {
            Subject::Principal | Subject::Resource => None,
            Subject::Expression { ref before, key } => {
                let mut writer = Writer { expressions, slots: &slots, code: Vec::new() };
                writer.probe(before, key);
                Some(programs.push(&writer.code))
            }
        };
        programs.of_probes.push(program);
    }
    Ok(programs)
}

/// Instructions below which computing a value again costs no more than remembering it.
const WORTH_SHARING: usize = 4;

/// Gives a slot to every expression that several programs, or several places of one, would compute.
fn shared_slots(policies: &[Policy], probes: &[Probe], expressions: &Expressions) -> HashMap<ExpressionId, u16> {
    let mut uses = vec![0_u32; expressions.len()];
    let mut waiting = Vec::new();
    // Each node is entered once, so a node's uses are its distinct places in the graph.
    let mut reach = |id: ExpressionId, waiting: &mut Vec<ExpressionId>| {
        if let Some(count) = uses.get_mut(id.index()) {
            *count += 1;
            if *count == 1 {
                waiting.push(id);
            }
        }
    };
    let mut roots: Vec<ExpressionId> = policies.iter().map(|policy| policy.condition).collect();
    roots.sort_unstable();
    roots.dedup();
    for probe in probes {
        if let Subject::Expression { before, key } = &probe.subject {
            roots.push(*key);
            roots.extend(before.iter().map(|step| step.expression()));
        }
    }
    for root in roots {
        reach(root, &mut waiting);
        while let Some(id) = waiting.pop() {
            for operand in expressions.operands(id) {
                reach(operand, &mut waiting);
            }
        }
    }
    let mut weights = HashMap::new();
    let mut slots = HashMap::new();
    for (id, count) in expressions.ids().zip(&uses) {
        if *count > 1 && weight(id, expressions, &mut weights) >= WORTH_SHARING {
            let Ok(slot) = u16::try_from(slots.len()) else { break };
            if slot == u16::MAX {
                break;
            }
            slots.insert(id, slot);
        }
    }
    slots
}

/// Roughly the instructions of an expression.
fn weight(id: ExpressionId, expressions: &Expressions, known: &mut HashMap<ExpressionId, usize>) -> usize {
    if let Some(weight) = known.get(&id) {
        return *weight;
    }
    let operands = expressions.operands(id);
    let weight =
        operands.into_iter().fold(1_usize, |sum, operand| sum.saturating_add(weight(operand, expressions, known)));
    known.insert(id, weight);
    weight
}

struct Writer<'a> {
    expressions: &'a Expressions,
    slots: &'a HashMap<ExpressionId, u16>,
    code: Vec<Instruction>,
}

impl Writer<'_> {
    fn push(&mut self, opcode: Opcode, operand: u32) -> usize {
        self.code.push(Instruction::new(opcode, operand));
        self.code.len() - 1
    }

    /// Lets the jump at `from` lead to the next instruction.
    fn land(&mut self, from: usize) {
        let here = position(self.code.len());
        if let Some(jump) = self.code.get_mut(from) {
            jump.operand = here;
        }
    }

    /// The key of a probe, unless a condition before it is false.
    fn probe(&mut self, before: &[Step], key: ExpressionId) {
        let mut skips = Vec::new();
        for step in before {
            self.expression(step.expression());
            match step {
                Step::Touch(_) => {
                    self.push(Opcode::Pop, 0);
                }
                Step::Require(_) => skips.push(self.push(Opcode::Branch, 0)),
            }
        }
        self.expression(key);
        self.push(Opcode::Return, 0);
        if !skips.is_empty() {
            for skip in skips {
                self.land(skip);
            }
            self.push(Opcode::Skip, 0);
        }
    }

    fn expression(&mut self, id: ExpressionId) {
        let Some(slot) = self.slots.get(&id).copied() else { return self.compute(id) };
        let load = self.push(Opcode::LoadShared, 0);
        self.compute(id);
        let store = self.push(Opcode::StoreShared, 0);
        for at in [load, store] {
            if let Some(instruction) = self.code.get_mut(at) {
                instruction.slot = slot;
            }
        }
        self.land(load);
    }

    fn compute(&mut self, id: ExpressionId) {
        match self.expressions.get(id) {
            Expression::Constant(constant) => {
                self.push(Opcode::Constant, *constant);
            }
            Expression::Variable(variable) => {
                self.push(Opcode::Variable, *variable);
            }
            Expression::Unary(operator, a) => {
                self.expression(*a);
                self.push(*operator, 0);
            }
            Expression::Binary(Opcode::Equal, a, b) if self.constant(*b).is_some() || self.constant(*a).is_some() => {
                // Which side is the constant does not matter: constants cannot err.
                let (value, constant) = match self.constant(*b) {
                    Some(constant) => (*a, Some(constant)),
                    None => (*b, self.constant(*a)),
                };
                self.expression(value);
                self.push(Opcode::EqualConstant, constant.unwrap_or_default());
            }
            Expression::Binary(operator, a, b) => {
                self.expression(*a);
                self.expression(*b);
                self.push(*operator, 0);
            }
            Expression::Attribute(of, name) => {
                self.attribute(*of, name.get(), Opcode::VariableAttribute, Opcode::GetAttribute);
            }
            Expression::Has(of, name) => {
                self.attribute(*of, name.get(), Opcode::VariableHas, Opcode::HasAttribute);
            }
            Expression::IsType(of, name) => {
                self.expression(*of);
                self.push(Opcode::IsType, name.get());
            }
            Expression::Like(of, pattern) => {
                self.expression(*of);
                self.push(Opcode::Like, pattern.get());
            }
            Expression::And(operands) => self.chain(operands, Opcode::JumpIfFalse),
            Expression::Or(operands) => self.chain(operands, Opcode::JumpIfTrue),
            Expression::If(test, yes, no) => {
                self.expression(*test);
                let to_no = self.push(Opcode::Branch, 0);
                self.expression(*yes);
                let to_end = self.push(Opcode::Jump, 0);
                self.land(to_no);
                self.expression(*no);
                self.land(to_end);
            }
            Expression::Set(elements) => {
                elements.iter().for_each(|element| self.expression(*element));
                self.push(Opcode::MakeSet, position(elements.len()));
            }
            Expression::Record(shape, values) => {
                values.iter().for_each(|value| self.expression(*value));
                self.push(Opcode::MakeRecord, shape.get());
            }
        }
    }

    /// Pushes something about an attribute, in one instruction where it is a variable's.
    fn attribute(&mut self, of: ExpressionId, name: u32, of_variable: Opcode, of_value: Opcode) {
        match self.expressions.get(of) {
            Expression::Variable(variable) => {
                let slot = u16::try_from(*variable).unwrap_or(u16::MAX);
                self.code.push(Instruction { opcode: of_variable, slot, operand: name });
            }
            _ => {
                self.expression(of);
                self.push(of_value, name);
            }
        }
    }

    fn constant(&self, id: ExpressionId) -> Option<u32> {
        match self.expressions.get(id) {
            Expression::Constant(constant) => Some(*constant),
            _ => None,
        }
    }

    fn chain(&mut self, operands: &[ExpressionId], jump: Opcode) {
        let Some((last, before)) = operands.split_last() else { return };
        let mut jumps = Vec::with_capacity(before.len());
        for operand in before {
            self.expression(*operand);
            jumps.push(self.push(jump, 0));
        }
        self.expression(*last);
        if !self.expressions.is_boolean(*last) {
            self.push(Opcode::RequireBool, 0);
        }
        for at in jumps {
            self.land(at);
        }
    }
}
