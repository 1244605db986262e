//! A policy project: `palisade.toml` and the files that it names.
//!
//! [`ProjectFile`] is the parsed `palisade.toml`. With the texts of the files it names it becomes a [`Project`], whose
//! policies are parsed, named and strictly validated.

mod advice;
mod cedar;
mod duration;
mod entities;
mod file;
mod load;
mod policies;
mod schema;

pub use duration::{DurationError, parse_duration};
pub(crate) use entities::{json_finding, span_in};
pub use file::{
    AttributesTable, CardTable, DelegationTable, DpopTable, IssuerTable, LimitsTable, LintTable, ParamHeadersTable,
    ParentTable, PrincipalTable, ProjectFile, ProtectedResourceTable, RecordValuesTable, ResourceTable, RouteTable,
    StatusListsTable, TransactionTokensTable, WorkloadProofTable,
};
pub(crate) use file::{PROJECT_FILE, TRANSACTION_TOKENS, at, at_span};
pub(crate) use load::seconds;
pub use load::{Project, ProjectSources};
pub use policies::{NamedPolicies, PolicyPlace};
