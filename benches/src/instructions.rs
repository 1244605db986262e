//! Counts the instructions of a decision with callgrind: the same on every run of the same machine code.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::cedar::Cedar;
use crate::palisade;
use crate::workload::Workload;

/// Passes over the requests of the shorter and of the longer run; their difference is free of start-up and warm-up.
const PASSES: [u64; 2] = [20, 120];

/// The measured program and where its inputs go.
pub struct Counter {
    guest: PathBuf,
    folder: PathBuf,
}

/// A workload as the measured program reads it.
pub struct Written {
    policies: PathBuf,
    requests: PathBuf,
    asks: u64,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Decisions of requests that were built before.
    Prebuilt,
    /// Building and deciding.
    Parts,
    /// Prospects that one request asks for, which was built before.
    List,
}

impl Mode {
    /// The name in reports and for the guest.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Prebuilt => "prebuilt",
            Self::Parts => "parts",
            Self::List => "list",
        }
    }
}

impl Counter {
    /// Builds the program that is measured, optimised, whatever profile this code has.
    ///
    /// # Errors
    /// Where it cannot be built.
    pub fn new(folder: &Path) -> Result<Self> {
        let target = folder.join("guest");
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--locked", "--release", "--package", "palisade-engine-guest"]);
        build.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", &target);
        if !build.status()?.success() {
            return Err("palisade-engine-guest does not build".into());
        }
        Ok(Self { guest: target.join("release/palisade-engine-guest"), folder: folder.to_owned() })
    }

    /// Compiles a workload and writes it down; no two of a counter have the same `name`.
    ///
    /// # Errors
    /// Where it cannot be compiled or written.
    pub fn write(&self, workload: &Workload, name: &str) -> Result<Written> {
        let policies = self.folder.join(format!("{name}.policies"));
        let requests = self.folder.join(format!("{name}.requests"));
        std::fs::write(&policies, palisade::build(&Cedar::load(workload)?)?.bytes)?;
        std::fs::write(&requests, palisade::transcript(&workload.asks).bytes())?;
        Ok(Written { policies, requests, asks: workload.asks.len() as u64 })
    }

    /// Instructions per decision, averaged over the workload's requests.
    ///
    /// # Errors
    /// Where valgrind is not installed, or the measured program fails.
    pub fn per_decision(&self, written: &Written, mode: Mode) -> Result<u64> {
        let Written { policies, requests, asks } = written;
        let [short, long] = PASSES;
        let count = |passes: u64| {
            let passes = passes.to_string();
            self.instructions(&[mode.label().as_ref(), policies.as_ref(), requests.as_ref(), passes.as_ref()])
        };
        Ok((count(long)? - count(short)?) / ((long - short) * asks))
    }

    fn instructions(&self, arguments: &[&std::ffi::OsStr]) -> Result<u64> {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(&self.guest)
            .args(arguments)
            .output()
            .map_err(|error| format!("valgrind cannot be run, install it: {error}"))?;
        let log = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("the measured program failed: {log}").into());
        }
        let count = log.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim().parse());
        Ok(count.ok_or("callgrind printed no count")??)
    }
}
