//! Standard output and standard error.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use super::{Exit, Failure};
use crate::diagnostic::{Findings, render_all};
use crate::source::Sources;

/// The two streams of the process. Data is buffered until [`Console::close`]; diagnostics are not.
pub(super) struct Console {
    out: BufWriter<Stdout>,
    colour: bool,
}

impl Console {
    /// Colour on standard error when it is a terminal and neither `NO_COLOR` (no-color.org) nor `TERM=dumb` says no.
    pub(super) fn from_environment() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let terminal = io::stderr().is_terminal() && !dumb;
        Self { out: BufWriter::new(io::stdout()), colour: !refused && (forced || terminal) }
    }

    /// Writes a line of data.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "{text}").map_err(Failure::output)
    }

    /// Writes a JSON value on lines of its own.
    pub(super) fn json(&mut self, value: &serde_json::Value) -> Result<(), Failure> {
        self.line(&format!("{value:#}"))
    }

    /// Writes bytes of data as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes).map_err(Failure::output)
    }

    /// Hands out what was written so far, for answers that another process waits for.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::output)
    }

    /// Writes a line for people to standard error. A closed standard error is not worth failing for.
    pub(super) fn note(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Writes findings to standard error.
    pub(super) fn findings(&self, sources: &Sources, findings: &Findings) {
        self.note(&render_all(sources, findings, self.colour));
    }

    /// Ends the run: flushes data, reports a failure, gives the exit code.
    pub(super) fn close(&mut self, outcome: Result<Exit, Failure>) -> Exit {
        let flushed = outcome.and_then(|exit| self.flush().map(|()| exit));
        match flushed {
            Ok(exit) => exit,
            // The reader of a pipe went away, which is its right: nothing to report.
            Err(failure) if failure.is_broken_pipe() => Exit::Error,
            Err(failure) => {
                let prefix = if self.colour { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
                self.note(&format!("{prefix}[{}]: {failure}", failure.code()));
                Exit::Error
            }
        }
    }
}
