//! The `palisade` command, run as a user runs it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

/// The command under test.
#[derive(Clone, Debug)]
pub struct Palisade {
    program: PathBuf,
}

impl Palisade {
    /// The command at `program`.
    #[must_use]
    pub fn new(program: &Path) -> Self {
        Self { program: program.to_owned() }
    }

    /// Runs the command and returns what it did, whatever that was.
    ///
    /// # Errors
    ///
    /// The program cannot be started.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Output> {
        Command::new(&self.program)
            .args(arguments)
            .output()
            .with_context(|| format!("cannot start `{}`", self.program.display()))
    }

    /// Runs the command, which must succeed, and returns its standard output.
    ///
    /// # Errors
    ///
    /// The program cannot be started, or its exit code is not 0; the error holds its standard error.
    pub fn succeed<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<String> {
        let arguments: Vec<A> = arguments.into_iter().collect();
        let output = self.run(&arguments)?;
        if !output.status.success() {
            let words: Vec<_> = arguments.iter().map(|word| word.as_ref().to_string_lossy()).collect();
            let complaint = String::from_utf8_lossy(&output.stderr);
            bail!("`palisade {}`: {}\n{complaint}", words.join(" "), output.status);
        }
        String::from_utf8(output.stdout).context("standard output is not text")
    }
}
