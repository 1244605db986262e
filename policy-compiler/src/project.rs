//! A policy project: `palisade.toml` and the files that it names.
//!
//! [`ProjectFile`] is the parsed `palisade.toml`. With the texts of the files it names it becomes a [`Project`], whose
//! policies are parsed, named and strictly validated.

mod cedar;
mod duration;
mod file;
mod load;
mod policies;

pub use duration::{DurationError, parse_duration};
pub use file::{
    AttributesTable, IssuerTable, LimitsTable, ParentTable, PrincipalTable, ProjectFile, ResourceTable, RouteTable,
};
pub(crate) use file::{PROJECT_FILE, at};
pub use load::{Project, ProjectSources};
pub(crate) use load::{json_finding, seconds};
pub use policies::{NamedPolicies, PolicyPlace};
