//! The programs under test, which `make` builds or installs.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

/// Paths of the three programs that every whole-product test needs.
#[derive(Clone, Debug)]
pub struct Tools {
    /// A real Envoy: `PALISADE_ENVOY`.
    pub envoy: PathBuf,
    /// The filter: `PALISADE_WASM`.
    pub wasm: PathBuf,
    /// The `palisade` command: `PALISADE_CLI`.
    pub cli: PathBuf,
}

impl Tools {
    /// Reads the paths from the environment.
    ///
    /// # Errors
    ///
    /// As [`file`].
    pub fn from_env() -> Result<Self> {
        Ok(Self { envoy: file("PALISADE_ENVOY")?, wasm: file("PALISADE_WASM")?, cli: file("PALISADE_CLI")? })
    }
}

/// The folder that an environment variable names.
///
/// # Errors
///
/// It is not set or names no folder.
pub fn folder(variable: &str) -> Result<PathBuf> {
    let path = value(variable)?;
    ensure!(path.is_dir(), "`{variable}` names `{}`, which is no folder", path.display());
    Ok(path)
}

fn value(variable: &str) -> Result<PathBuf> {
    let value = env::var_os(variable).with_context(|| {
        format!("`{variable}` is not set: run `make test`, which builds and installs what tests need")
    })?;
    Ok(PathBuf::from(value))
}

/// The file that an environment variable names.
///
/// # Errors
///
/// It is not set or names no file. A missing prerequisite fails a test, it never skips one.
pub fn file(variable: &str) -> Result<PathBuf> {
    let path = value(variable)?;
    ensure!(path.is_file(), "`{variable}` names `{}`, which is no file", path.display());
    Ok(path)
}
