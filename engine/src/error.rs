//! What can go wrong, as small values: sentences are the command's business.

use core::fmt;

/// Why bytes are not a compiled policy set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenError {
    /// What was being read.
    pub section: &'static str,
    /// The entry's number in its section, or a byte offset where no entry had begun.
    pub at: usize,
    /// What was wrong with it.
    pub kind: OpenErrorKind,
}

/// The ways in which bytes can fail to be a compiled policy set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenErrorKind {
    /// The bytes end early.
    Truncated,
    /// Bytes are left over.
    TrailingBytes,
    /// The magic number is another.
    NotAPolicySet,
    /// Written for another version of the engine's format.
    UnsupportedFormat,
    /// More than the engine's limits allow.
    TooLarge,
    /// Text is not UTF-8, or an offset lies inside a character.
    NotUtf8,
    /// An id names an entry that does not exist (yet).
    DanglingId,
    /// A tag, opcode or flag that the format does not know.
    UnknownCode,
    /// Entries are not in the order that the format requires, or occur twice.
    OutOfOrder,
    /// A lookup table does not find what it should.
    BrokenLookup,
    /// A program jumps backwards or outside, or its stack does not balance.
    BrokenProgram,
    /// Values or programs are nested deeper than the limit.
    TooDeep,
    /// A policy that no index entry leads to.
    Unreachable,
}

impl OpenErrorKind {
    /// The stable code of this kind, for logs and tests.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Truncated => "policies.truncated",
            Self::TrailingBytes => "policies.trailing_bytes",
            Self::NotAPolicySet => "policies.magic",
            Self::UnsupportedFormat => "policies.format",
            Self::TooLarge => "policies.too_large",
            Self::NotUtf8 => "policies.utf8",
            Self::DanglingId => "policies.dangling_id",
            Self::UnknownCode => "policies.unknown_code",
            Self::OutOfOrder => "policies.order",
            Self::BrokenLookup => "policies.lookup",
            Self::BrokenProgram => "policies.program",
            Self::TooDeep => "policies.too_deep",
            Self::Unreachable => "policies.unreachable",
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} at {}", self.kind.code(), self.section, self.at)
    }
}

impl core::error::Error for OpenError {}

/// Why a request got no decision. Every caller must treat it as a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecideError {
    /// Evaluation took more steps than the bundle allows.
    BudgetSpent,
    /// The request's data exceeds a limit.
    RequestTooLarge,
    /// A request defined an entity that other entities already have as an ancestor, whose hierarchy was computed
    /// without it.
    AncestorRedefined,
    /// The policy set contradicts what was verified when it was opened. Cannot happen; denies if it does.
    Internal,
}

impl DecideError {
    /// The stable code of this error, for logs and tests.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BudgetSpent => "engine.budget_spent",
            Self::RequestTooLarge => "engine.request_too_large",
            Self::AncestorRedefined => "engine.ancestor_redefined",
            Self::Internal => "engine.internal",
        }
    }
}

impl fmt::Display for DecideError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl core::error::Error for DecideError {}
