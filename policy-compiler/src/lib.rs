//! Compiles Cedar policy projects into signed bundles.
//!
//! The library takes bytes and gives bytes; only [`command`] reads files, asks the clock or prints.

pub mod answer;
pub mod build;
pub mod bundle;
pub mod cases;
pub mod catalogue;
pub mod command;
pub mod compile;
pub mod diagnostic;
pub mod distribution;
pub mod doctor;
mod entity_ref;
pub mod eval;
pub mod explain;
pub mod keys;
pub mod limits;
pub mod links;
mod lint;
pub mod listing;
pub mod nesting;
pub mod project;
pub mod revocation;
pub mod rollout;
pub mod schema;
pub mod section;
pub mod signed;
pub mod source;
pub mod ssf;
pub mod token;
mod wording;
