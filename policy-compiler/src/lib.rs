//! Compiles Cedar policy projects into bundles.

pub mod compile;
pub mod listing;
