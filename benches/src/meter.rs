//! Another process that does work on demand and says how long it took: a line in, CPU nanoseconds out.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::Result;

/// A running process.
pub struct Meter {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Meter {
    /// Starts the process.
    ///
    /// # Errors
    /// Where it cannot be run.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| format!("{name} cannot be run: {error}"))?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Self { child, input, output })
    }

    /// Has it do what a line says.
    ///
    /// # Errors
    /// Where the process has ended.
    pub fn ask(&mut self, line: &str) -> Result<Duration> {
        writeln!(self.input, "{line}")?;
        self.answer()
    }

    /// The next answer.
    ///
    /// # Errors
    /// Where the process has ended.
    pub fn answer(&mut self) -> Result<Duration> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let nanoseconds = line.trim().parse().map_err(|_| "the process ended without an answer")?;
        Ok(Duration::from_nanos(nanoseconds))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
