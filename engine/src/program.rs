//! Programs and their verification: what runs can neither loop, nor underflow the stack, nor name what is not there.

use core::ops::Range;

use crate::error::{OpenError, OpenErrorKind};
use crate::format::Table;
use crate::ids::ProgramId;
use crate::limits;
use crate::opcode::{Instruction, Opcode, Operand};
use crate::reader::entries;

/// All programs of a policy set, verified.
pub(crate) struct Programs {
    code: Box<[Instruction]>,
    programs: Box<[Program]>,
    shared: u16,
    height: u32,
}

struct Program {
    range: Range<u32>,
    skips: bool,
}

/// The sizes of what instructions name.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    pub(crate) strings: u32,
    pub(crate) constants: usize,
    pub(crate) patterns: usize,
    /// The number of keys of each record shape.
    pub(crate) shape_keys: &'a dyn Fn(u32) -> Option<u32>,
}

impl Programs {
    pub(crate) fn open(code: &[u8], ends: &[u32], operands: Operands<'_>) -> Result<Self, OpenError> {
        let code = entries(code, Table::Code, |reader| {
            Instruction::decode(reader.array()?).ok_or(reader.error(OpenErrorKind::UnknownCode))
        })?;
        let mut programs = Vec::with_capacity(ends.len());
        let mut start = 0;
        let (mut shared, mut height) = (0, 0);
        // Reused for every program: the stack height with which each instruction is reached.
        let mut heights = Vec::new();
        for (at, end) in ends.iter().enumerate() {
            let error = |kind| OpenError { section: Table::ProgramEnds.label(), at, kind };
            let body = code.get(start as usize..*end as usize).ok_or(error(OpenErrorKind::OutOfOrder))?;
            let verified = verify(body, &mut heights, operands).map_err(error)?;
            shared = shared.max(verified.shared);
            height = height.max(verified.height);
            programs.push(Program { range: start..*end, skips: verified.skips });
            start = *end;
        }
        if start as usize != code.len() {
            let kind = OpenErrorKind::TrailingBytes;
            return Err(OpenError { section: Table::Code.label(), at: start as usize, kind });
        }
        Ok(Self { code, programs: programs.into(), shared, height })
    }

    /// The program's instructions.
    pub(crate) fn code(&self, id: ProgramId) -> Option<&[Instruction]> {
        let range = &self.programs.get(id.index())?.range;
        self.code.get(range.start as usize..range.end as usize)
    }

    /// Whether a program can end in [`Opcode::Skip`], which only an index probe may; `None` for no program.
    pub(crate) fn skips(&self, id: ProgramId) -> Option<bool> {
        self.programs.get(id.index()).map(|program| program.skips)
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

struct Verified {
    skips: bool,
    shared: u16,
    /// The most values that are on the stack at once.
    height: u32,
}

/// Principal, action, resource and context.
const VARIABLES: u16 = 4;

/// Follows every path of a program at once: jumps lead forwards only, so one pass knows each height before it needs it.
fn verify(code: &[Instruction], heights: &mut Vec<u32>, operands: Operands<'_>) -> Result<Verified, OpenErrorKind> {
    const BROKEN: OpenErrorKind = OpenErrorKind::BrokenProgram;
    heights.clear();
    heights.resize(code.len(), UNREACHED);
    let mut verified = Verified { skips: false, shared: 0, height: 0 };
    let mut reached = Some(0);
    for (at, instruction) in code.iter().enumerate() {
        let height = match reached {
            Some(height) => meet(heights, at, height)?,
            None => heights.get(at).copied().filter(|height| *height != UNREACHED).ok_or(BROKEN)?,
        };
        check_operand(*instruction, operands)?;
        let (pops, pushes) = match instruction.opcode {
            Opcode::MakeSet => (instruction.operand, 1),
            Opcode::MakeRecord => ((operands.shape_keys)(instruction.operand).ok_or(OpenErrorKind::DanglingId)?, 1),
            opcode => opcode.stack_effect(),
        };
        let next = height.checked_sub(pops).ok_or(BROKEN)? + pushes;
        if next > limits::STACK_VALUES {
            return Err(OpenErrorKind::TooLarge);
        }
        // A jump of `LoadShared` carries one value more than the instruction leaves.
        verified.height = verified.height.max(next + 1);
        let mut jump = |height| {
            let target = instruction.operand as usize;
            if target <= at || target >= code.len() { Err(BROKEN) } else { meet(heights, target, height) }
        };
        reached = match instruction.opcode {
            Opcode::JumpIfFalse | Opcode::JumpIfTrue => {
                jump(height)?;
                Some(next)
            }
            Opcode::Branch => {
                jump(next)?;
                Some(next)
            }
            Opcode::Jump => {
                jump(height)?;
                None
            }
            Opcode::LoadShared => {
                jump(height + 1)?;
                Some(height)
            }
            Opcode::Return if height == 1 => None,
            Opcode::Return => return Err(BROKEN),
            Opcode::Skip => {
                verified.skips = true;
                None
            }
            _ => Some(next),
        };
        match instruction.opcode.operand() {
            Operand::SlotAndTarget | Operand::Slot => {
                verified.shared = verified.shared.max(instruction.slot.checked_add(1).ok_or(OpenErrorKind::TooLarge)?);
            }
            Operand::VariableAndString if instruction.slot >= VARIABLES => return Err(OpenErrorKind::DanglingId),
            Operand::VariableAndString => {}
            _ if instruction.slot != 0 => return Err(OpenErrorKind::UnknownCode),
            _ => {}
        }
    }
    // Falling off the end, or no instruction at all.
    if reached.is_some() { Err(BROKEN) } else { Ok(verified) }
}

/// Stands for the height of an instruction that no path has reached yet; heights are far below.
const UNREACHED: u32 = u32::MAX;

/// Joins a path that reaches instruction `at` with those that were seen before; all must agree on the stack's height.
#[inline]
fn meet(heights: &mut [u32], at: usize, height: u32) -> Result<u32, OpenErrorKind> {
    let known = heights.get_mut(at).ok_or(OpenErrorKind::BrokenProgram)?;
    if *known == UNREACHED {
        *known = height;
    }
    if *known == height { Ok(height) } else { Err(OpenErrorKind::BrokenProgram) }
}

fn check_operand(instruction: Instruction, operands: Operands<'_>) -> Result<(), OpenErrorKind> {
    let operand = instruction.operand;
    let valid = match instruction.opcode.operand() {
        Operand::None | Operand::Slot => operand == 0,
        Operand::Constant => (operand as usize) < operands.constants,
        Operand::Variable => operand < u32::from(VARIABLES),
        Operand::String | Operand::VariableAndString => operand < operands.strings,
        Operand::Pattern => (operand as usize) < operands.patterns,
        // Checked against the stack and the program's length.
        Operand::Count | Operand::Shape | Operand::Target | Operand::SlotAndTarget => true,
    };
    if valid { Ok(()) } else { Err(OpenErrorKind::DanglingId) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(program: &[(Opcode, u32)]) -> Result<Programs, OpenErrorKind> {
        let code: Vec<u8> =
            program.iter().flat_map(|(opcode, operand)| Instruction::new(*opcode, *operand).encode()).collect();
        let shape_keys = |shape: u32| (shape == 0).then_some(2);
        let operands = Operands { strings: 1, constants: 1, patterns: 1, shape_keys: &shape_keys };
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
            let operands = Operands { strings: 1, constants: 1, patterns: 0, shape_keys: &|_| None };
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
