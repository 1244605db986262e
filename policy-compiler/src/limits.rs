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

/// Most files that `palisade serve` hands out: channels have five or six, and a directory with more than this is the wrong one.
pub const SERVED_FILES: usize = 4096;

/// Most bytes of them together. They are kept in memory, so that requests never touch the disk.
pub const SERVED_BYTES: usize = 512 * 1024 * 1024;

/// Largest freshness or root document that is served, in bytes. Gateways have narrower limits, by the kind of document.
pub const SERVED_DOCUMENT_BYTES: usize = 1024 * 1024;

/// Versions of a file that are remembered, to say what a gateway has that is behind.
pub const SERVED_HISTORY: usize = 16;

/// Most clients whose progress is remembered. Each takes a few hundred bytes.
pub const SERVED_CLIENTS: usize = 10_000;

/// Most connections at a time: gateways that wait hold one for each file. Further ones wait in the kernel's queue.
pub const SERVED_CONNECTIONS: usize = 4096;

/// Most bytes that the head of a request may have. Those of gateways have a few hundred.
pub const SERVED_HEAD_BYTES: usize = 16 * 1024;

/// Most headers of a request, as in hyper's own default.
pub const SERVED_HEADERS: usize = 100;

/// Longest that a request waits for a change, in seconds. Proxies on the way cut off what is silent for longer.
pub const SERVED_WAIT_SECONDS: u64 = 60;

/// How long a connection may be without a request, or take for the head of one, in seconds: longer than the usual interval
/// between polls, so that connections are kept.
pub const SERVED_IDLE_SECONDS: u64 = 75;

/// How long a client may take for a TLS handshake, or take nothing of its answer, in seconds.
pub const SERVED_STALL_SECONDS: u64 = 20;

/// Lines of the access log that wait for a slow reader. Beyond, they are dropped and counted: requests do not wait for logs.
pub const SERVED_LOG_LINES: usize = 8192;

/// Most gateways whose status reports are kept, each of a few KiB at most.
pub const SERVED_REPORTS: usize = 4096;

/// How long a status report may be late, in seconds: the time that it takes to send one again, and some.
pub const REPORT_GRACE_SECONDS: u64 = 30;

/// How long a gateway that is overdue is still shown, in seconds.
pub const REPORT_FORGOTTEN_SECONDS: u64 = 3600;

/// Longest security event token that is taken, in bytes. Those of identity providers have one or two thousand.
pub const SIGNAL_BYTES: usize = 16 * 1024;
