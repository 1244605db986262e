//! Issuers that are not ours: tokens made by the libraries that real ones use, and by a real one.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::tools;

/// Somebody who makes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// npm's `jose`, given claims.
    Jose,
    /// PyPI's `joserfc`, given claims.
    Joserfc,
    /// npm's `oidc-provider`, run as an issuer, and a client of it; given what `provider.mjs` describes.
    OidcProvider,
    /// npm's `jose` as the issuer of a trust domain and as its workloads; given what `workload.mjs` describes.
    TrustDomain,
    /// npm's `jose` and `@sd-jwt/jwt-status-list` as an issuer that keeps a status list; given what `statuses.mjs` describes.
    StatusLists,
}

/// What was made.
#[derive(Debug, Deserialize)]
pub struct Minted {
    /// The public keys, as a JWK Set.
    pub jwks: Value,
    /// Tokens, good and bad.
    pub tokens: Vec<ForeignToken>,
    /// Status lists by their names.
    #[serde(default)]
    pub lists: BTreeMap<String, String>,
}

/// A token that we did not make.
#[derive(Debug, Deserialize)]
pub struct ForeignToken {
    /// What it is.
    pub name: String,
    /// The file that the request with it is for, where that matters.
    pub file: Option<String>,
    /// The scheme of the `authorization` header. Default: `Bearer`.
    pub scheme: Option<String>,
    /// Whether it is a workload identity token, and its proof that of a workload.
    #[serde(default)]
    pub workload: bool,
    /// The token.
    pub token: String,
    /// The proof that goes with it, in the header `dpop` or `workload-proof-token`.
    pub proof: Option<String>,
    /// The reason that the gateway must record.
    pub reason: String,
}

impl Foreign {
    /// Has keys and tokens made.
    ///
    /// # Errors
    ///
    /// `PALISADE_ISSUERS` is not set, or the program failed.
    pub fn mint(self, options: &Value) -> Result<Minted> {
        let home = tools::folder("PALISADE_ISSUERS")?;
        let (mut command, script) = match self {
            Self::Jose => (Command::new("node"), "mint.mjs"),
            Self::OidcProvider => (Command::new("node"), "provider.mjs"),
            Self::TrustDomain => (Command::new("node"), "workload.mjs"),
            Self::StatusLists => (Command::new("node"), "statuses.mjs"),
            Self::Joserfc => {
                let mut command = Command::new("python3");
                command.args(["-W", "ignore"]).env("PYTHONPATH", home.join("python"));
                (command, "mint.py")
            }
        };
        command.arg(home.join(script)).arg(options.to_string());
        let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
        if !output.status.success() {
            bail!("{script}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        serde_json::from_slice(&output.stdout).with_context(|| format!("what {script} printed is not as expected"))
    }
}
