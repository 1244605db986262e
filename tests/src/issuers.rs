//! Issuers that are not ours: tokens made by the libraries that real ones use.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::tools;

/// A library that makes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// npm's `jose`.
    Jose,
    /// PyPI's `joserfc`.
    Joserfc,
}

/// What a library made.
#[derive(Debug, Deserialize)]
pub struct Minted {
    /// The public keys, as a JWK Set.
    pub jwks: Value,
    /// Tokens, good and bad.
    pub tokens: Vec<ForeignToken>,
}

/// A token of a foreign library.
#[derive(Debug, Deserialize)]
pub struct ForeignToken {
    /// What it is.
    pub name: String,
    /// The token.
    pub token: String,
    /// The reason that the gateway must record.
    pub reason: String,
}

impl Library {
    /// Has the library make keys, and tokens with these claims.
    ///
    /// # Errors
    ///
    /// `PALISADE_ISSUERS` is not set, or the library failed.
    pub fn mint(self, claims: &Value) -> Result<Minted> {
        let home = tools::folder("PALISADE_ISSUERS")?;
        let claims = claims.to_string();
        let output = match self {
            Self::Jose => run("node", [home.join("mint.mjs").as_os_str(), claims.as_ref()], None)?,
            Self::Joserfc => {
                let arguments = ["-W", "ignore"].map(OsStr::new);
                let script = home.join("mint.py");
                let arguments = arguments.into_iter().chain([script.as_os_str(), claims.as_ref()]);
                run("python3", arguments, Some(home.join("python")))?
            }
        };
        serde_json::from_str(&output).context("what the library printed is not as expected")
    }
}

fn run<'a>(
    program: &str,
    arguments: impl IntoIterator<Item = &'a OsStr>,
    python_path: Option<PathBuf>,
) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(path) = &python_path {
        command.env("PYTHONPATH", path);
    }
    let output = command.output().with_context(|| format!("cannot start `{program}`"))?;
    if !output.status.success() {
        bail!("`{program}`: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).context("standard output is not text")
}

/// A copy of the quickstart whose issuer takes every algorithm, in `folder`.
///
/// # Errors
///
/// The quickstart cannot be copied, or its project file has changed.
pub fn project(folder: &Path) -> Result<PathBuf> {
    let project = folder.join("project");
    copy(&crate::quickstart::folder(), &project)?;
    let file = project.join("palisade.toml");
    let text = std::fs::read_to_string(&file)?;
    let all = r#"algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]"#;
    let changed = text.replace(r#"algorithms = ["ES256", "RS256", "EdDSA"]"#, all);
    if changed == text {
        bail!("the quickstart's `algorithms` are not as this test knows them");
    }
    std::fs::write(&file, changed)?;
    Ok(project)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?
        } else {
            std::fs::copy(entry.path(), target).map(drop)?
        }
    }
    Ok(())
}
