//! Every bound of the engine, with its unit and reason.

/// Nesting of set and record values. Comparing two values recurses this deep at most; wasm shadow stacks are 1 MiB.
pub const VALUE_DEPTH: u32 = 128;

/// Nesting of expressions after `&&` and `||` chains are flattened. Cedar's own answer for deeper policies depends on
/// the thread's stack; the compiler refuses them.
pub const EXPRESSION_DEPTH: u32 = 256;

/// Values on the evaluation stack of one program. A set literal whose elements are not constants needs one for each.
pub const STACK_VALUES: u32 = 4096;

/// Steps that one decision may take when the bundle does not say: two orders of magnitude over 10,000 ordinary
/// policies evaluated one by one, and well under a second in wasm.
pub const DEFAULT_STEPS: u64 = 10_000_000;

/// Steps of the search for a value with which a request could be allowed: far above what usual policies need, and a
/// list of 500 tools that spends all of them takes a tenth of a second.
pub const PROSPECT_STEPS: u64 = 20_000;

/// Patterns of `like` that one text is held against in such a search, texts that it must not be included.
pub const TEXT_PATTERNS: usize = 16;

/// Elements of each of these patterns: their positions are the bits of a word.
pub const TEXT_PATTERN_ELEMENTS: usize = 63;

/// Sets of positions that are looked at before nothing is said.
pub const TEXT_STATES: usize = 1024;

/// Prospects that are kept for later questions of the same request. Tools of a server are of a few groups.
pub const PROSPECTS_KEPT: usize = 16;

/// Policies that these may have come to in all: more are a list that is slow anyway.
pub const PROSPECT_POLICIES_KEPT: usize = 1024;

/// Strings that one request may add to those of the policy set. A request's context is a few dozen.
pub const REQUEST_STRINGS: usize = 65_536;

/// Bytes of text that one request may add. Gateways cap bodies and headers far below.
pub const REQUEST_TEXT: usize = 16 * 1024 * 1024;

/// Entities that one request may define with attributes or parents: the caller, its actors, a resource.
pub const REQUEST_ENTITIES: usize = 64;

/// Values that one request may put into sets and records, those that policies build included.
pub const REQUEST_VALUES: usize = 1_048_576;

/// Bytes of a policy set: table offsets and ids are 32 bits wide.
pub const POLICY_SET_BYTES: usize = 1 << 30;

/// Bytes that opening a policy set takes from the heap at most, for each of its bytes; a few kilobytes come on top.
/// Tables of one word an entry grow most: lists of policies and of program ends.
pub const OPENING_FACTOR: usize = 6;
