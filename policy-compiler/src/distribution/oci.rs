//! Bundles as artifacts of OCI registries (image specification 1.1, distribution specification 1.1).

mod challenge;
mod manifest;
mod reference;

pub use challenge::Challenge;
pub use manifest::{Descriptor, EMPTY_CONFIG, Manifest, ManifestError};
pub use reference::{Reference, ReferenceError};
