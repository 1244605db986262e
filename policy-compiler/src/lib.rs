//! Compiles Cedar policy projects into bundles.
