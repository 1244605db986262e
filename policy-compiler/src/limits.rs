//! Every bound of the compiler and the command, with its reason.

/// Deepest nesting of brackets in Cedar text. Cedar's parser spends about 8 KiB of stack on each level
/// (1,000 levels overflow 8 MiB), so this needs at most 160 MiB of [`PARSER_STACK_BYTES`].
pub const MAX_BRACKET_DEPTH: usize = 10_000;

/// Longest statement in bytes: bounds what nests without brackets, such as `if` and chains of operators.
pub const MAX_STATEMENT_BYTES: usize = 1 << 20;

/// Stack of the thread that parses policies, in bytes. Reserved, not committed: the kernel hands out what is touched.
pub const PARSER_STACK_BYTES: usize = 1 << 30;

/// Longest bundle name in bytes: it travels in configurations, logs and metrics.
pub const MAX_NAME_BYTES: usize = 64;

/// Questions that every build asks of cedar-policy and of the compiled policies alike. Enough to meet each policy of a
/// usual project several times, and a fraction of a second.
pub const SELF_CHECK_QUESTIONS: usize = 500;

/// Policies that one action may evaluate on each request before `palisade check` warns. A lookup costs about as much as a
/// few short conditions, so tens of them are lost in the cost of a request; beyond, each request pays for them.
pub const MANY_UNINDEXED: usize = 32;
