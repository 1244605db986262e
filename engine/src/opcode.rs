//! The instruction set: one table, shared by the compiler that writes programs and the engine that verifies and runs
//! them.

use crate::machine::Reads;

/// What an instruction's operand means, which decides how it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    None,
    Constant,
    Variable,
    String,
    Pattern,
    Count,
    Shape,
    Target,
    SlotAndTarget,
    Slot,
    VariableAndString,
}

macro_rules! opcodes {
    ($($(#[$doc:meta])* $name:ident = ($operand:ident, $pops:literal => $pushes:literal),)*) => {
        /// What an instruction does. Operands come off the evaluation stack, results go onto it.
        ///
        /// Jumps lead forwards only, so a program of n instructions takes n steps at most.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Opcode { $($(#[$doc])* $name,)* }

        impl Opcode {
            /// Every opcode, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            #[inline]
            pub(crate) const fn operand(self) -> Operand {
                match self { $(Self::$name => Operand::$operand,)* }
            }

            /// How many values the instruction takes off the stack and puts onto it, where neither depends on the
            /// operand.
            #[inline]
            pub(crate) const fn stack_effect(self) -> (u32, u32) {
                match self { $(Self::$name => ($pops, $pushes),)* }
            }

        }
    };
}

opcodes! {
    /// Push constant number `operand`.
    Constant = (Constant, 0 => 1),
    /// Push the principal, action, resource or context (0 to 3).
    Variable = (Variable, 0 => 1),
    /// Pop an entity or record, push its attribute named by string `operand`.
    GetAttribute = (String, 1 => 1),
    /// Pop an entity or record, push whether it has the attribute named by string `operand`.
    HasAttribute = (String, 1 => 1),
    /// Pop a tag name and an entity, push the tag's value.
    GetTag = (None, 2 => 1),
    /// Pop a tag name and an entity, push whether the entity has the tag.
    HasTag = (None, 2 => 1),
    /// Pop a boolean, push its negation.
    Not = (None, 1 => 1),
    /// Pop a long, push its negation.
    Negate = (None, 1 => 1),
    /// Pop a set, push whether it is empty.
    IsEmpty = (None, 1 => 1),
    /// Pop two longs, push their sum.
    Add = (None, 2 => 1),
    /// Pop two longs, push their difference.
    Subtract = (None, 2 => 1),
    /// Pop two longs, push their product.
    Multiply = (None, 2 => 1),
    /// Pop two values, push whether they are equal.
    Equal = (None, 2 => 1),
    /// Pop two longs, datetimes or durations, push whether the first is less.
    Less = (None, 2 => 1),
    /// Pop two longs, datetimes or durations, push whether the first is less or equal.
    LessOrEqual = (None, 2 => 1),
    /// Pop an entity or a set of entities and below it an entity, push whether the latter is in the former.
    In = (None, 2 => 1),
    /// Pop an entity, push whether its type is string `operand`.
    IsType = (String, 1 => 1),
    /// Pop a string, push whether it matches pattern `operand`.
    Like = (Pattern, 1 => 1),
    /// Pop a value and below it a set, push whether the set contains the value.
    Contains = (None, 2 => 1),
    /// Pop two sets, push whether the first contains all of the second.
    ContainsAll = (None, 2 => 1),
    /// Pop two sets, push whether the first contains any of the second.
    ContainsAny = (None, 2 => 1),
    /// Pop `operand` values, push the set of them.
    MakeSet = (Count, 0 => 0),
    /// Pop a value for each key of shape `operand`, push the record of them.
    MakeRecord = (Shape, 0 => 0),
    /// The left side of `&&`: a false top jumps to `operand` and stays; a true one is popped.
    JumpIfFalse = (Target, 1 => 0),
    /// The left side of `||`: a true top jumps to `operand` and stays; a false one is popped.
    JumpIfTrue = (Target, 1 => 0),
    /// The test of `if`: pop a boolean; a false one jumps to `operand`.
    Branch = (Target, 1 => 0),
    /// Jump to `operand`.
    Jump = (Target, 0 => 0),
    /// The right side of `&&` and `||`: the top must be a boolean.
    RequireBool = (None, 1 => 1),
    /// Pop and forget a value.
    Pop = (None, 1 => 0),
    /// If shared value `slot` is known, push it and jump to `operand`.
    LoadShared = (SlotAndTarget, 0 => 0),
    /// Remember the top as shared value `slot` for the rest of this decision.
    StoreShared = (Slot, 1 => 1),
    /// End of a program: the top is its result.
    Return = (None, 1 => 0),
    /// End of an index probe's program: no key, so none of the probe's policies can be true or err.
    Skip = (None, 0 => 0),
    /// Pop a string, push the `decimal` it denotes.
    Decimal = (None, 1 => 1),
    /// Pop a string, push the `ipaddr` it denotes.
    Ip = (None, 1 => 1),
    /// Pop a string, push the `datetime` it denotes.
    Datetime = (None, 1 => 1),
    /// Pop a string, push the `duration` it denotes.
    Duration = (None, 1 => 1),
    /// Pop two decimals, push whether the first is less.
    DecimalLess = (None, 2 => 1),
    /// Pop two decimals, push whether the first is less or equal.
    DecimalLessOrEqual = (None, 2 => 1),
    /// Pop two decimals, push whether the first is greater.
    DecimalGreater = (None, 2 => 1),
    /// Pop two decimals, push whether the first is greater or equal.
    DecimalGreaterOrEqual = (None, 2 => 1),
    /// Pop an address, push whether it is IPv4.
    IsIpv4 = (None, 1 => 1),
    /// Pop an address, push whether it is IPv6.
    IsIpv6 = (None, 1 => 1),
    /// Pop an address, push whether it is a loopback address or range.
    IsLoopback = (None, 1 => 1),
    /// Pop an address, push whether it is a multicast address or range.
    IsMulticast = (None, 1 => 1),
    /// Pop two address ranges, push whether the first lies in the second.
    IsInRange = (None, 2 => 1),
    /// Pop a duration and below it a datetime, push their sum.
    Offset = (None, 2 => 1),
    /// Pop two datetimes, push the duration from the second to the first.
    DurationSince = (None, 2 => 1),
    /// Pop a datetime, push its day's beginning.
    ToDate = (None, 1 => 1),
    /// Pop a datetime, push the time since its day's beginning.
    ToTime = (None, 1 => 1),
    /// Pop a duration, push its milliseconds.
    ToMilliseconds = (None, 1 => 1),
    /// Pop a duration, push its whole seconds.
    ToSeconds = (None, 1 => 1),
    /// Pop a duration, push its whole minutes.
    ToMinutes = (None, 1 => 1),
    /// Pop a duration, push its whole hours.
    ToHours = (None, 1 => 1),
    /// Pop a duration, push its whole days.
    ToDays = (None, 1 => 1),
    /// Push the attribute named by string `operand` of variable `slot`: [`Variable`](Self::Variable) and
    /// [`GetAttribute`](Self::GetAttribute) in one.
    VariableAttribute = (VariableAndString, 0 => 1),
    /// Push whether variable `slot` has the attribute named by string `operand`.
    VariableHas = (VariableAndString, 0 => 1),
    /// Pop a value, push whether it equals constant `operand`.
    EqualConstant = (Constant, 1 => 1),
}

impl Opcode {
    /// The opcode with this code.
    #[must_use]
    #[inline]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// This opcode's code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// One instruction: eight bytes in the format (`opcode u8`, a zero byte, `slot u16`, `operand u32`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub opcode: Opcode,
    /// The shared value or the variable concerned; zero where the opcode speaks of neither.
    pub slot: u16,
    /// An id, a count or a jump's target, counted from the program's first instruction.
    pub operand: u32,
}

impl Instruction {
    /// An instruction without a slot.
    #[must_use]
    pub const fn new(opcode: Opcode, operand: u32) -> Self {
        Self { opcode, slot: 0, operand }
    }

    /// The variable that it pushes, or something of it.
    #[inline]
    pub(crate) const fn reads(self) -> Reads {
        match self.opcode.operand() {
            Operand::Variable => Reads::of(self.operand),
            Operand::VariableAndString => Reads::of(self.slot as u32),
            _ => Reads::NOTHING,
        }
    }

    /// The instruction's bytes.
    #[must_use]
    pub const fn encode(self) -> [u8; 8] {
        let [s0, s1] = self.slot.to_le_bytes();
        let [o0, o1, o2, o3] = self.operand.to_le_bytes();
        [self.opcode.code(), 0, s0, s1, o0, o1, o2, o3]
    }

    /// The instruction that `bytes` encode; `None` for an unknown opcode or a spare byte that is not zero.
    #[must_use]
    #[inline]
    pub fn decode(bytes: [u8; 8]) -> Option<Self> {
        let [code, spare, s0, s1, o0, o1, o2, o3] = bytes;
        let opcode = Opcode::from_code(code)?;
        (spare == 0).then_some(Self {
            opcode,
            slot: u16::from_le_bytes([s0, s1]),
            operand: u32::from_le_bytes([o0, o1, o2, o3]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_positions() {
        for (position, opcode) in Opcode::ALL.iter().copied().enumerate() {
            assert_eq!(usize::from(opcode.code()), position);
            assert_eq!(Opcode::from_code(opcode.code()), Some(opcode));
        }
        assert_eq!(Opcode::from_code(58), None);
    }

    #[test]
    fn instructions_round_trip_and_spare_bits_are_refused() {
        let instruction = Instruction { opcode: Opcode::LoadShared, slot: 513, operand: u32::MAX };
        let mut bytes = instruction.encode();
        assert_eq!(Instruction::decode(bytes), Some(instruction));
        bytes[1] = 1;
        assert_eq!(Instruction::decode(bytes), None);
        assert_eq!(Instruction::decode([0xFF; 8]), None);
    }
}
