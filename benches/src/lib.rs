//! Measures the engine side by side with cedar-policy: the policy families, both engines behind one interface, and
//! the statistics.
//!
//! `cargo bench --bench targets` prints the performance targets and what was measured; `--bench engine` is a criterion
//! benchmark of the same decisions, for work on the engine itself.

pub mod allocations;
pub mod cedar;
pub mod measure;
pub mod palisade;
pub mod report;
pub mod targets;
pub mod workload;

/// A failure of a benchmark: always a defect of the benchmark or of an engine, so its text is all there is.
pub type Result<T> = core::result::Result<T, Box<dyn core::error::Error>>;
