//! An A2A agent and its client, made with the SDK that the project publishes.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::process::{self, Process};
use crate::{tools, wait};

/// A running agent: JSON-RPC at `/planner`, REST below it, of 1.0 and of 0.3. Dropping it ends it.
#[derive(Debug)]
pub struct Agent {
    _process: Process,
    address: SocketAddr,
}

impl Agent {
    /// Starts it on a free port.
    ///
    /// # Errors
    ///
    /// `PALISADE_AGENTS` is not set, or it did not start.
    pub fn start(home: &Path) -> Result<Self> {
        let folder = tools::folder("PALISADE_AGENTS")?;
        // It takes no listening socket and reports no port: a port that was free a moment ago has to do.
        let address = process::free_address()?;
        let path = format!("PYTHONPATH={}", folder.join("python").display());
        let (script, port) = (folder.join("server.py"), address.port().to_string());
        let arguments =
            [path.as_ref(), "python3".as_ref(), "-W".as_ref(), "ignore".as_ref(), script.as_os_str(), port.as_ref()];
        let mut process = Process::start(Path::new("env"), arguments, &home.join("agent.log"))?;
        wait::until("the agent to listen", || {
            process.check_running("the agent")?;
            Ok(TcpStream::connect(address).ok())
        })?;
        Ok(Self { _process: process, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What a client speaks.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// `JSONRPC` or `HTTP+JSON`.
    pub binding: &'static str,
    /// `1.0` or `0.3`.
    pub version: &'static str,
}

/// What came of the steps of a session.
#[derive(Debug)]
pub struct Session(Vec<Value>);

impl Session {
    /// Runs the session of `client.py` against a gateway.
    ///
    /// # Errors
    ///
    /// `PALISADE_AGENTS` is not set, or the client failed.
    pub fn run(gateway: SocketAddr, token: &str, dialect: Dialect) -> Result<Self> {
        let folder = tools::folder("PALISADE_AGENTS")?;
        let Dialect { binding, version } = dialect;
        let options =
            json!({"url": format!("http://{gateway}"), "token": token, "binding": binding, "version": version});
        let mut command = Command::new("python3");
        command.args(["-W", "ignore"]).env("PYTHONPATH", folder.join("python"));
        let output = command.arg(folder.join("client.py")).arg(options.to_string()).output();
        let output = output.with_context(|| format!("cannot start {command:?}"))?;
        if !output.status.success() {
            bail!("client.py: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        let lines = String::from_utf8(output.stdout)?;
        let steps = lines.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned()));
        Ok(Self(steps.collect::<Result<_>>()?))
    }

    /// What a step came to.
    ///
    /// # Errors
    ///
    /// There was no such step, or it failed.
    pub fn result(&self, step: &str) -> Result<&Value> {
        self.find(step)?.get("result").with_context(|| format!("`{step}` failed: {:?}", self.0))
    }

    /// What a step failed with.
    ///
    /// # Errors
    ///
    /// There was no such step, or it went well.
    pub fn error(&self, step: &str) -> Result<&str> {
        let error = self.find(step)?.get("error").and_then(Value::as_str);
        error.with_context(|| format!("`{step}` went well: {:?}", self.0))
    }

    fn find(&self, step: &str) -> Result<&Value> {
        let found = self.0.iter().find(|line| line.get("step").and_then(Value::as_str) == Some(step));
        found.with_context(|| format!("no step `{step}`: {:?}", self.0))
    }
}
