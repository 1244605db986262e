//! The quickstart as shipped: where it lies and what its project file promises.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

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
    copy(&folder(), to)?;
    let file = to.join("palisade.toml");
    let text = fs::read_to_string(&file)?;
    let changed = change(&text);
    ensure!(changed != text, "the quickstart's project file is not as this test knows it");
    Ok(fs::write(&file, changed)?)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true if entry.file_name() == "build" => {}
            true => copy(&entry.path(), &target)?,
            false => drop(fs::copy(entry.path(), target)?),
        }
    }
    Ok(())
}
