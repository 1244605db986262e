//! The deployments of `envoy-config/` that the tests run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

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
    /// The quickstart, with its bundles from a server.
    Fleet,
}

impl Example {
    /// Its folder in this source tree.
    #[must_use]
    pub fn folder(self) -> PathBuf {
        let name = match self {
            Self::Quickstart => "quickstart",
            Self::Mcp => "mcp",
            Self::A2a => "a2a",
            Self::Fleet => "fleet",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../envoy-config").join(name)
    }

    /// A copy of its project at `to`, without what builds left there, its project file changed by `change`.
    ///
    /// # Errors
    ///
    /// It cannot be copied, or the change changes nothing.
    pub fn changed(self, to: &Path, change: impl FnOnce(&str) -> String) -> Result<()> {
        copy(&self.folder(), to)?;
        let file = to.join("palisade.toml");
        let text = fs::read_to_string(&file)?;
        let changed = change(&text);
        ensure!(changed != text, "the project file of {self:?} is not as this test knows it");
        Ok(fs::write(&file, changed)?)
    }

    /// A copy of its project at `to`, without what builds left there, in which a file has `new` where it had `old`.
    ///
    /// # Errors
    ///
    /// It cannot be copied, or the file has `old` not exactly once.
    pub fn edited(self, to: &Path, file: &str, old: &str, new: &str) -> Result<()> {
        copy(&self.folder(), to)?;
        let file = to.join(file);
        let text = fs::read_to_string(&file)?;
        ensure!(text.matches(old).count() == 1, "`{}` should have one `{old}`", file.display());
        Ok(fs::write(&file, text.replace(old, new))?)
    }
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
