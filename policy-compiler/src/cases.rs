//! Decision cases: requests with tokens and what must come of them, replayed through the gateway's own code.

mod answer;
mod file;
mod keys;
mod run;
mod statuses;
mod workloads;

pub use file::{Case, CaseAnswer, CaseFile, CaseProof, CaseRequest, CaseToken, Expectation, Expected};
pub use keys::{CaseKeys, KeySource};
pub use run::{Observed, Runner};
pub use statuses::CaseStatus;
