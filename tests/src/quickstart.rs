//! The quickstart as shipped: where it lies and what its project file promises.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::example::Example;

/// The issuer in its palisade.toml.
pub const ISSUER: &str = "https://issuer.quickstart.example";
/// The audience in its palisade.toml.
pub const AUDIENCE: &str = "https://gateway.quickstart.example";
/// The issuer's alias in its palisade.toml.
pub const ALIAS: &str = "dev";
/// The host of the repository service.
pub const REPOS: &str = "repos.internal";
/// A path that [`crate::token::Token::coder`] may read.
pub const READABLE: &str = "/repos/handbook/files/README.md";

/// The folder `envoy-config/quickstart` of this source tree.
#[must_use]
pub fn folder() -> PathBuf {
    Example::Quickstart.folder()
}

/// A copy of the quickstart's project at `to`, without what builds left there, its project file changed by `change`.
///
/// # Errors
///
/// It cannot be copied, or the change changes nothing.
pub fn changed(to: &Path, change: impl FnOnce(&str) -> String) -> Result<()> {
    Example::Quickstart.changed(to, change)
}
