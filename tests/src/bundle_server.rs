//! `palisade serve`, running.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::Process;
use crate::wait;

/// The server. Dropping it ends it.
#[derive(Debug)]
pub struct BundleServer {
    process: Process,
    folder: PathBuf,
    /// Where it serves files.
    pub address: SocketAddr,
}

impl BundleServer {
    /// Serves `folder` on a free port of 127.0.0.1, with further `options`. Its output goes to the file `output`.
    ///
    /// # Errors
    ///
    /// It does not come up; the error holds what it said.
    pub fn start(cli: &Path, folder: &Path, options: &[&str], output: &Path) -> Result<Self> {
        Self::start_at("127.0.0.1:0", cli, folder, options, output)
    }

    /// As [`BundleServer::start`], at an address of one's own.
    ///
    /// # Errors
    ///
    /// It does not come up; the error holds what it said.
    pub fn start_at(listen: &str, cli: &Path, folder: &Path, options: &[&str], output: &Path) -> Result<Self> {
        let folder_text = folder.display().to_string();
        let mut arguments = vec!["serve", &folder_text, "--listen", listen, "--format", "json"];
        arguments.extend(options);
        let process = Process::start(cli, arguments, output)?;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { process, folder: folder.to_owned(), address };
        server.address = server.listens("files")?;
        Ok(server)
    }

    /// The address at which it listens for a purpose.
    ///
    /// # Errors
    ///
    /// It does not listen for that.
    pub fn listens(&mut self, purpose: &str) -> Result<SocketAddr> {
        let event = self.event("listening", |event| event["purpose"] == purpose)?;
        event.get("address").and_then(Value::as_str).context("no address")?.parse().context("no address")
    }

    /// Puts a copy of a file in place, by a rename.
    ///
    /// # Errors
    ///
    /// The file cannot be copied.
    pub fn publish(&self, name: &str, file: &Path) -> Result<()> {
        self.publish_bytes(name, &fs::read(file)?)
    }

    /// Puts bytes in place, by a rename.
    ///
    /// # Errors
    ///
    /// The folder cannot be written.
    pub fn publish_bytes(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let temporary = self.folder.join(format!(".{name}.tmp"));
        fs::write(&temporary, bytes)?;
        fs::rename(&temporary, self.folder.join(name)).context("cannot publish")
    }

    /// All events so far that have this name.
    ///
    /// # Errors
    ///
    /// Its output is not lines of JSON.
    pub fn events(&self, name: &str) -> Result<Vec<Value>> {
        let output = self.process.output()?;
        // The last line may still be on its way.
        let lines = output.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let events: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}")))
            .collect::<Result<_>>()?;
        Ok(events.into_iter().filter(|event| event["event"] == name).collect())
    }

    /// Waits for an event.
    ///
    /// # Errors
    ///
    /// It does not come.
    pub fn event(&mut self, name: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Value> {
        wait::until(&format!("an event `{name}`"), || {
            self.process.check_running("`palisade serve`")?;
            Ok(self.events(name)?.into_iter().find(|event| is_meant(event)))
        })
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        self.process.terminate()
    }

    /// Sends SIGKILL and waits for the end.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }
}
