//! The deployments of `envoy-config/` that the tests run.

use std::path::{Path, PathBuf};

/// A folder with a policy project and its gateway. All of them trust the same issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Example {
    /// Agents that call internal APIs.
    #[default]
    Quickstart,
    /// Agents that call tools.
    Mcp,
    /// Agents that ask agents.
    A2a,
}

impl Example {
    /// Its folder in this source tree.
    #[must_use]
    pub fn folder(self) -> PathBuf {
        let name = match self {
            Self::Quickstart => "quickstart",
            Self::Mcp => "mcp",
            Self::A2a => "a2a",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../envoy-config").join(name)
    }
}
