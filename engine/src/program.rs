//! Programs and their verification: what runs can neither loop, nor underflow the stack, nor name what is not there.

use core::ops::Range;

use crate::aggregate::Lists;
use crate::error::{OpenError, OpenErrorKind};
use crate::format::Table;
use crate::ids::{ProgramId, ShapeId};
use crate::limits;
use crate::machine::Reads;
use crate::opcode::{Instruction, Opcode, Operand};

/// All programs of a policy set, verified.
pub(crate) struct Programs {
    code: Box<[Instruction]>,
    programs: Box<[Program]>,
    shared: u16,
    height: u32,
}

/// One program.
pub(crate) struct Program {
    /// Where its instructions lie.
    pub(crate) range: Range<u32>,
    /// Whether it can end in [`Opcode::Skip`], which only an index probe may.
    pub(crate) skips: bool,
    /// What it looks at.
    pub(crate) reads: Reads,
}

/// What instructions name.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    pub(crate) strings: u32,
    pub(crate) constants: u32,
    pub(crate) patterns: u32,
    pub(crate) shapes: &'a Lists,
}

impl Operands<'_> {
    /// The number of keys of a record shape.
    fn keys(&self, shape: u32) -> Result<u32, OpenErrorKind> {
        let keys = self.shapes.shape(ShapeId::new(shape)).ok_or(OpenErrorKind::DanglingId)?;
        u32::try_from(keys.len()).map_err(|_| OpenErrorKind::TooLarge)
    }
}

const BROKEN: OpenErrorKind = OpenErrorKind::BrokenProgram;

impl Programs {
    pub(crate) fn open(code: &[u8], ends: &[u32], operands: Operands<'_>) -> Result<Self, OpenError> {
        let (bytes, _) = code.as_chunks::<{ Table::Code.stride() }>();
        let mut programs = Vec::with_capacity(ends.len());
        let mut verifier = Verifier::new(operands, bytes.len());
        let mut start = 0;
        for (at, end) in ends.iter().enumerate() {
            let error = |kind| OpenError { section: Table::ProgramEnds.label(), at, kind };
            let body = bytes.get(start as usize..*end as usize).ok_or(error(OpenErrorKind::OutOfOrder))?;
            let (skips, reads) = verifier.verify(body).map_err(error)?;
            programs.push(Program { range: start..*end, skips, reads });
            start = *end;
        }
        if start as usize * Table::Code.stride() != code.len() {
            let kind = OpenErrorKind::TrailingBytes;
            return Err(OpenError { section: Table::Code.label(), at: start as usize, kind });
        }
        let Verifier { code, shared, height, .. } = verifier;
        Ok(Self { code: code.into(), programs: programs.into(), shared, height })
    }

    pub(crate) fn get(&self, id: ProgramId) -> Option<&Program> {
        self.programs.get(id.index())
    }

    /// The instructions of the program that lies there.
    #[inline]
    pub(crate) fn code(&self, range: &Range<u32>) -> Option<&[Instruction]> {
        self.code.get(range.start as usize..range.end as usize)
    }

    /// The most values that a program has on its stack at once.
    pub(crate) fn height(&self) -> usize {
        self.height as usize
    }

    /// How many shared values the programs use.
    pub(crate) fn shared(&self) -> usize {
        usize::from(self.shared)
    }
}

/// Principal, action, resource and context.
const VARIABLES: u16 = 4;

/// Stands for the height of an instruction that no path has reached yet; heights are far below.
const UNREACHED: u32 = u32::MAX;

/// Follows every path of a program at once: jumps lead forwards only, so one pass knows each height before it needs it.
struct Verifier<'a> {
    operands: Operands<'a>,
    /// The instructions of all programs so far.
    code: Vec<Instruction>,
    /// The stack's height where a jump lands, by instruction of the program at hand.
    landings: Vec<u32>,
    /// Of all programs so far.
    shared: u16,
    /// The most values that are on the stack at once, of all programs so far.
    height: u32,
}

impl<'a> Verifier<'a> {
    fn new(operands: Operands<'a>, instructions: usize) -> Self {
        Self { operands, code: Vec::with_capacity(instructions), landings: Vec::new(), shared: 0, height: 0 }
    }

    /// Checks one program; returns whether it can skip, and what it looks at.
    fn verify(&mut self, body: &[[u8; Table::Code.stride()]]) -> Result<(bool, Reads), OpenErrorKind> {
        self.landings.clear();
        self.landings.resize(body.len(), UNREACHED);
        let (mut skips, mut reads) = (false, Reads::NOTHING);
        // The height with which the instruction before goes on to this one, if it does.
        let mut height = 0;
        let mut highest = 0;
        for (at, bytes) in body.iter().enumerate() {
            let instruction = Instruction::decode(*bytes).ok_or(OpenErrorKind::UnknownCode)?;
            match self.landings.get(at).copied().ok_or(BROKEN)? {
                UNREACHED if height == UNREACHED => return Err(BROKEN),
                UNREACHED => {}
                landing if height == UNREACHED => height = landing,
                landing if height != landing => return Err(BROKEN),
                _ => {}
            }
            self.check_operand(instruction)?;
            reads = reads.with(instruction.reads());
            let (pops, pushes) = match instruction.opcode {
                Opcode::MakeSet => (instruction.operand, 1),
                Opcode::MakeRecord => (self.operands.keys(instruction.operand)?, 1),
                opcode => opcode.stack_effect(),
            };
            // Neither can wrap: a program pushes one value at a time, and heights are bounded.
            let next = height.checked_sub(pops).ok_or(BROKEN)?.wrapping_add(pushes);
            highest = highest.max(next);
            if next > limits::STACK_VALUES {
                return Err(OpenErrorKind::TooLarge);
            }
            height = match instruction.opcode {
                Opcode::JumpIfFalse | Opcode::JumpIfTrue => {
                    self.jump(at, instruction.operand, height)?;
                    next
                }
                Opcode::Branch => {
                    self.jump(at, instruction.operand, next)?;
                    next
                }
                Opcode::Jump => {
                    self.jump(at, instruction.operand, height)?;
                    UNREACHED
                }
                Opcode::LoadShared => {
                    self.jump(at, instruction.operand, height + 1)?;
                    height
                }
                Opcode::Return if height == 1 => UNREACHED,
                Opcode::Return => return Err(BROKEN),
                Opcode::Skip => {
                    skips = true;
                    UNREACHED
                }
                _ => next,
            };
            self.code.push(instruction);
        }
        // A jump of `LoadShared` carries one value more than the instruction leaves.
        self.height = self.height.max(highest + 1);
        // Falling off the end, or no instruction at all.
        if height == UNREACHED { Ok((skips, reads)) } else { Err(BROKEN) }
    }

    /// Joins a path that jumps from instruction `at` with those that were seen before; all must agree on the height.
    fn jump(&mut self, at: usize, target: u32, height: u32) -> Result<(), OpenErrorKind> {
        let target = target as usize;
        let landing = self.landings.get_mut(target).filter(|_| target > at).ok_or(BROKEN)?;
        if *landing == UNREACHED {
            *landing = height;
        }
        if *landing == height { Ok(()) } else { Err(BROKEN) }
    }

    #[inline]
    fn check_operand(&mut self, Instruction { opcode, slot, operand }: Instruction) -> Result<(), OpenErrorKind> {
        let named = match opcode.operand() {
            Operand::None => operand == 0,
            Operand::Constant => operand < self.operands.constants,
            Operand::Variable => operand < u32::from(VARIABLES),
            Operand::String => operand < self.operands.strings,
            Operand::Pattern => operand < self.operands.patterns,
            // Checked against the stack and the program's length.
            Operand::Count | Operand::Shape | Operand::Target => true,
            Operand::VariableAndString if slot < VARIABLES && operand < self.operands.strings => return Ok(()),
            Operand::VariableAndString => false,
            Operand::Slot if operand == 0 => return self.share(slot),
            Operand::Slot => false,
            Operand::SlotAndTarget => return self.share(slot),
        };
        match (named, slot) {
            (true, 0) => Ok(()),
            (true, _) => Err(OpenErrorKind::UnknownCode),
            (false, _) => Err(OpenErrorKind::DanglingId),
        }
    }

    fn share(&mut self, slot: u16) -> Result<(), OpenErrorKind> {
        self.shared = self.shared.max(slot.checked_add(1).ok_or(OpenErrorKind::TooLarge)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(program: &[(Opcode, u32)]) -> Result<Programs, OpenErrorKind> {
        let code: Vec<u8> =
            program.iter().flat_map(|(opcode, operand)| Instruction::new(*opcode, *operand).encode()).collect();
        let shapes = Lists::open([2].into(), [0, 1].into(), Table::ShapeEnds).map_err(|error| error.kind)?;
        let operands = Operands { strings: 1, constants: 1, patterns: 1, shapes: &shapes };
        Programs::open(&code, &[u32::try_from(program.len()).expect("short")], operands).map_err(|error| error.kind)
    }

    #[test]
    fn straight_and_branching_programs_pass() {
        use Opcode::*;
        assert!(open(&[(Constant, 0), (Return, 0)]).is_ok());
        assert!(open(&[(Variable, 3), (JumpIfFalse, 4), (Constant, 0), (RequireBool, 0), (Return, 0)]).is_ok());
        assert!(open(&[(Constant, 0), (Branch, 4), (Constant, 0), (Jump, 5), (Constant, 0), (Return, 0)]).is_ok());
        assert!(open(&[(Constant, 0), (Constant, 0), (MakeRecord, 0), (Return, 0)]).is_ok());
    }

    #[test]
    fn broken_programs_are_refused() {
        use Opcode::*;
        let broken = Some(OpenErrorKind::BrokenProgram);
        let kind = |program| open(program).err();
        assert_eq!(kind(&[]), broken);
        assert_eq!(kind(&[(Return, 0)]), broken, "empty stack");
        assert_eq!(kind(&[(Constant, 0)]), broken, "falls off the end");
        assert_eq!(kind(&[(Constant, 0), (Constant, 0), (Return, 0)]), broken, "leftover value");
        assert_eq!(kind(&[(Constant, 0), (Equal, 0), (Return, 0)]), broken, "underflow");
        assert_eq!(kind(&[(Constant, 0), (Jump, 0), (Return, 0)]), broken, "backward jump");
        assert_eq!(kind(&[(Constant, 0), (Jump, 3), (Return, 0)]), broken, "jump outside");
        assert_eq!(kind(&[(Constant, 0), (Return, 0), (Return, 0)]), broken, "unreachable");
        assert_eq!(
            kind(&[(Constant, 0), (Branch, 3), (Constant, 0), (Constant, 0), (Return, 0)]),
            broken,
            "paths disagree"
        );
        assert_eq!(kind(&[(MakeSet, 1), (Return, 0)]), broken);
        assert_eq!(kind(&[(MakeSet, u32::MAX), (Return, 0)]), broken);
        let dangling = Some(OpenErrorKind::DanglingId);
        assert_eq!(kind(&[(Constant, 1), (Return, 0)]), dangling);
        assert_eq!(kind(&[(Variable, 4), (Return, 0)]), dangling);
        assert_eq!(kind(&[(Variable, 0), (GetAttribute, 1), (Return, 0)]), dangling);
        assert_eq!(kind(&[(Variable, 0), (Like, 1), (Return, 0)]), dangling);
        assert_eq!(kind(&[(Constant, 0), (MakeRecord, 1), (Return, 0)]), dangling);
        assert_eq!(kind(&[(Variable, 0), (Not, 1), (Return, 0)]), dangling, "operand where none belongs");
    }

    #[test]
    fn fused_instructions_are_checked_like_their_parts() {
        let run = |opcode, slot, operand| {
            let first = Instruction { opcode, slot, operand };
            let code = [first, Instruction::new(Opcode::Return, 0)].map(Instruction::encode).concat();
            let shapes = Lists::open([].into(), [].into(), Table::ShapeEnds).expect("no shapes");
            let operands = Operands { strings: 1, constants: 1, patterns: 0, shapes: &shapes };
            Programs::open(&code, &[2], operands).err().map(|error| error.kind)
        };
        assert_eq!(run(Opcode::VariableAttribute, 3, 0), None);
        assert_eq!(run(Opcode::VariableHas, 0, 0), None);
        let dangling = Some(OpenErrorKind::DanglingId);
        assert_eq!(run(Opcode::VariableAttribute, 4, 0), dangling, "no such variable");
        assert_eq!(run(Opcode::VariableHas, u16::MAX, 0), dangling);
        assert_eq!(run(Opcode::VariableAttribute, 0, 1), dangling, "no such string");
        assert_eq!(run(Opcode::EqualConstant, 0, 0), Some(OpenErrorKind::BrokenProgram), "nothing to compare");
        assert_eq!(run(Opcode::Constant, 1, 0), Some(OpenErrorKind::UnknownCode), "a slot where none belongs");
        let dangling_constant = open(&[(Opcode::Constant, 0), (Opcode::EqualConstant, 1), (Opcode::Return, 0)]).err();
        assert_eq!(dangling_constant, dangling);
        assert!(open(&[(Opcode::Constant, 0), (Opcode::EqualConstant, 0), (Opcode::Return, 0)]).is_ok());
    }

    #[test]
    fn the_stack_has_a_limit() {
        let mut program = vec![(Opcode::Constant, 0); limits::STACK_VALUES as usize + 1];
        program.push((Opcode::MakeSet, limits::STACK_VALUES + 1));
        program.push((Opcode::Return, 0));
        assert_eq!(open(&program).err(), Some(OpenErrorKind::TooLarge));
    }
}
