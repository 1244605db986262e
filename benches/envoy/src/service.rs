//! The authorization service that `ext_authz` asks.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::process::Process;

/// The running service; ends with this value.
pub(crate) struct Service {
    process: Process,
    /// Where it answers by each of the sources that it was given.
    pub(crate) ports: Vec<u16>,
}

impl Service {
    pub(crate) fn start(program: &Path, sources: &[PathBuf]) -> Result<Self> {
        let child = Command::new(program).args(sources).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut process = Process(child);
        let stdout = process.0.stdout.take().ok_or("the service has no output")?;
        let ports = BufReader::new(stdout).lines().take(sources.len()).map(|line| Ok(line?.trim().parse()?));
        let ports = ports.collect::<Result<Vec<u16>>>()?;
        if ports.len() != sources.len() {
            return Err("the authorization service ended while starting".into());
        }
        Ok(Self { process, ports })
    }

    /// CPU time so far, in nanoseconds.
    pub(crate) fn cpu_nanos(&self) -> Result<u64> {
        self.process.cpu_nanos(None)
    }
}
