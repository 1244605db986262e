//! The instruction set: one table, shared by the compiler that writes programs and the engine that verifies and runs
//! them.

/// What an instruction does. Operands come off the evaluation stack, results go onto it.
///
/// Jumps lead forwards only, so a program of n instructions takes n steps at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// Push constant number `operand`.
    Constant,
    /// Push the principal, action, resource or context (0 to 3).
    Variable,
    /// Pop an entity or record, push its attribute named by string `operand`.
    GetAttribute,
    /// Pop an entity or record, push whether it has the attribute named by string `operand`.
    HasAttribute,
    /// Pop a tag name and an entity, push the tag's value.
    GetTag,
    /// Pop a tag name and an entity, push whether the entity has the tag.
    HasTag,
    /// Pop a boolean, push its negation.
    Not,
    /// Pop a long, push its negation.
    Negate,
    /// Pop a set, push whether it is empty.
    IsEmpty,
    /// Pop two longs, push their sum.
    Add,
    /// Pop two longs, push their difference.
    Subtract,
    /// Pop two longs, push their product.
    Multiply,
    /// Pop two values, push whether they are equal.
    Equal,
    /// Pop two longs, datetimes or durations, push whether the first is less.
    Less,
    /// Pop two longs, datetimes or durations, push whether the first is less or equal.
    LessOrEqual,
    /// Pop an entity or a set of entities and below it an entity, push whether the latter is in the former.
    In,
    /// Pop an entity, push whether its type is string `operand`.
    IsType,
    /// Pop a string, push whether it matches pattern `operand`.
    Like,
    /// Pop a value and below it a set, push whether the set contains the value.
    Contains,
    /// Pop two sets, push whether the first contains all of the second.
    ContainsAll,
    /// Pop two sets, push whether the first contains any of the second.
    ContainsAny,
    /// Pop `operand` values, push the set of them.
    MakeSet,
    /// Pop a value for each key of shape `operand`, push the record of them.
    MakeRecord,
    /// The left side of `&&`: a false top jumps to `operand` and stays; a true one is popped.
    JumpIfFalse,
    /// The left side of `||`: a true top jumps to `operand` and stays; a false one is popped.
    JumpIfTrue,
    /// The test of `if`: pop a boolean; a false one jumps to `operand`.
    Branch,
    /// Jump to `operand`.
    Jump,
    /// The right side of `&&` and `||`: the top must be a boolean.
    RequireBool,
    /// Pop and forget a value.
    Pop,
    /// If shared value `slot` is known, push it and jump to `operand`.
    LoadShared,
    /// Remember the top as shared value `slot` for the rest of this decision.
    StoreShared,
    /// End of a program: the top is its result.
    Return,
    /// End of an index probe's program: no key, so none of the probe's policies can be true or err.
    Skip,
    /// Pop a string, push the `decimal` it denotes.
    Decimal,
    /// Pop a string, push the `ipaddr` it denotes.
    Ip,
    /// Pop a string, push the `datetime` it denotes.
    Datetime,
    /// Pop a string, push the `duration` it denotes.
    Duration,
    /// Pop two decimals, push whether the first is less.
    DecimalLess,
    /// Pop two decimals, push whether the first is less or equal.
    DecimalLessOrEqual,
    /// Pop two decimals, push whether the first is greater.
    DecimalGreater,
    /// Pop two decimals, push whether the first is greater or equal.
    DecimalGreaterOrEqual,
    /// Pop an address, push whether it is IPv4.
    IsIpv4,
    /// Pop an address, push whether it is IPv6.
    IsIpv6,
    /// Pop an address, push whether it is a loopback address or range.
    IsLoopback,
    /// Pop an address, push whether it is a multicast address or range.
    IsMulticast,
    /// Pop two address ranges, push whether the first lies in the second.
    IsInRange,
    /// Pop a duration and below it a datetime, push their sum.
    Offset,
    /// Pop two datetimes, push the duration from the second to the first.
    DurationSince,
    /// Pop a datetime, push its day's beginning.
    ToDate,
    /// Pop a datetime, push the time since its day's beginning.
    ToTime,
    /// Pop a duration, push its milliseconds.
    ToMilliseconds,
    /// Pop a duration, push its whole seconds.
    ToSeconds,
    /// Pop a duration, push its whole minutes.
    ToMinutes,
    /// Pop a duration, push its whole hours.
    ToHours,
    /// Pop a duration, push its whole days.
    ToDays,
    /// Push the attribute named by string `operand` of variable `slot`: [`Variable`](Self::Variable) and
    /// [`GetAttribute`](Self::GetAttribute) in one.
    VariableAttribute,
    /// Push whether variable `slot` has the attribute named by string `operand`.
    VariableHas,
    /// Pop a value, push whether it equals constant `operand`.
    EqualConstant,
}

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

impl Opcode {
    /// Every opcode, in the order of their codes.
    pub const ALL: [Self; 58] = [
        Self::Constant,
        Self::Variable,
        Self::GetAttribute,
        Self::HasAttribute,
        Self::GetTag,
        Self::HasTag,
        Self::Not,
        Self::Negate,
        Self::IsEmpty,
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Equal,
        Self::Less,
        Self::LessOrEqual,
        Self::In,
        Self::IsType,
        Self::Like,
        Self::Contains,
        Self::ContainsAll,
        Self::ContainsAny,
        Self::MakeSet,
        Self::MakeRecord,
        Self::JumpIfFalse,
        Self::JumpIfTrue,
        Self::Branch,
        Self::Jump,
        Self::RequireBool,
        Self::Pop,
        Self::LoadShared,
        Self::StoreShared,
        Self::Return,
        Self::Skip,
        Self::Decimal,
        Self::Ip,
        Self::Datetime,
        Self::Duration,
        Self::DecimalLess,
        Self::DecimalLessOrEqual,
        Self::DecimalGreater,
        Self::DecimalGreaterOrEqual,
        Self::IsIpv4,
        Self::IsIpv6,
        Self::IsLoopback,
        Self::IsMulticast,
        Self::IsInRange,
        Self::Offset,
        Self::DurationSince,
        Self::ToDate,
        Self::ToTime,
        Self::ToMilliseconds,
        Self::ToSeconds,
        Self::ToMinutes,
        Self::ToHours,
        Self::ToDays,
        Self::VariableAttribute,
        Self::VariableHas,
        Self::EqualConstant,
    ];

    /// The opcode with this code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// This opcode's code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    pub(crate) const fn operand(self) -> Operand {
        match self {
            Self::Constant | Self::EqualConstant => Operand::Constant,
            Self::Variable => Operand::Variable,
            Self::GetAttribute | Self::HasAttribute | Self::IsType => Operand::String,
            Self::VariableAttribute | Self::VariableHas => Operand::VariableAndString,
            Self::Like => Operand::Pattern,
            Self::MakeSet => Operand::Count,
            Self::MakeRecord => Operand::Shape,
            Self::JumpIfFalse | Self::JumpIfTrue | Self::Branch | Self::Jump => Operand::Target,
            Self::LoadShared => Operand::SlotAndTarget,
            Self::StoreShared => Operand::Slot,
            Self::GetTag
            | Self::HasTag
            | Self::Not
            | Self::Negate
            | Self::IsEmpty
            | Self::Add
            | Self::Subtract
            | Self::Multiply
            | Self::Equal
            | Self::Less
            | Self::LessOrEqual
            | Self::In
            | Self::Contains
            | Self::ContainsAll
            | Self::ContainsAny
            | Self::RequireBool
            | Self::Pop
            | Self::Return
            | Self::Skip
            | Self::Decimal
            | Self::Ip
            | Self::Datetime
            | Self::Duration
            | Self::DecimalLess
            | Self::DecimalLessOrEqual
            | Self::DecimalGreater
            | Self::DecimalGreaterOrEqual
            | Self::IsIpv4
            | Self::IsIpv6
            | Self::IsLoopback
            | Self::IsMulticast
            | Self::IsInRange
            | Self::Offset
            | Self::DurationSince
            | Self::ToDate
            | Self::ToTime
            | Self::ToMilliseconds
            | Self::ToSeconds
            | Self::ToMinutes
            | Self::ToHours
            | Self::ToDays => Operand::None,
        }
    }

    /// How many values the instruction takes off the stack and puts onto it, where neither depends on the operand.
    pub(crate) const fn stack_effect(self) -> (u32, u32) {
        match self {
            Self::Constant | Self::Variable | Self::VariableAttribute | Self::VariableHas => (0, 1),
            Self::GetAttribute
            | Self::HasAttribute
            | Self::Not
            | Self::Negate
            | Self::IsEmpty
            | Self::IsType
            | Self::Like
            | Self::RequireBool
            | Self::StoreShared
            | Self::Decimal
            | Self::Ip
            | Self::Datetime
            | Self::Duration
            | Self::IsIpv4
            | Self::IsIpv6
            | Self::IsLoopback
            | Self::IsMulticast
            | Self::ToDate
            | Self::ToTime
            | Self::ToMilliseconds
            | Self::ToSeconds
            | Self::ToMinutes
            | Self::ToHours
            | Self::ToDays
            | Self::EqualConstant => (1, 1),
            Self::GetTag
            | Self::HasTag
            | Self::Add
            | Self::Subtract
            | Self::Multiply
            | Self::Equal
            | Self::Less
            | Self::LessOrEqual
            | Self::In
            | Self::Contains
            | Self::ContainsAll
            | Self::ContainsAny
            | Self::DecimalLess
            | Self::DecimalLessOrEqual
            | Self::DecimalGreater
            | Self::DecimalGreaterOrEqual
            | Self::IsInRange
            | Self::Offset
            | Self::DurationSince => (2, 1),
            Self::JumpIfFalse | Self::JumpIfTrue | Self::Branch | Self::Pop | Self::Return => (1, 0),
            Self::Jump | Self::LoadShared | Self::Skip | Self::MakeSet | Self::MakeRecord => (0, 0),
        }
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

    /// The instruction's bytes.
    #[must_use]
    pub const fn encode(self) -> [u8; 8] {
        let [s0, s1] = self.slot.to_le_bytes();
        let [o0, o1, o2, o3] = self.operand.to_le_bytes();
        [self.opcode.code(), 0, s0, s1, o0, o1, o2, o3]
    }

    /// The instruction that `bytes` encode; `None` for an unknown opcode or a spare byte that is not zero.
    #[must_use]
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
        for (position, opcode) in Opcode::ALL.into_iter().enumerate() {
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
