//! The engine's wasm module in V8, with V8's flags as Envoy sets them: everything is compiled, and optimised, at load.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::meter::Meter;

/// A process with one VM, in which a policy set is open.
pub struct Vm {
    meter: Meter,
    /// How long opening took, the first thing that the VM did.
    pub opening: Duration,
}

impl Vm {
    /// Starts a VM and opens the policies in it.
    ///
    /// # Errors
    /// Where Node.js, the module that `make engine-wasm` builds, or one of the files cannot be run or read.
    pub fn start((policies, transcript): &(PathBuf, PathBuf)) -> Result<Self> {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new("node");
        command.args(["--no-liftoff", "--no-wasm-lazy-compilation"]).arg(benches.join("vm/measure.mjs"));
        command.args([&benches.join("../target/engine.wasm"), policies, transcript]);
        let mut meter = Meter::start(&mut command)?;
        let opening = meter.answer()?;
        Ok(Self { meter, opening })
    }

    /// The CPU time of a call of one of the module's measuring exports.
    ///
    /// # Errors
    /// Where the VM has ended.
    pub fn call(&mut self, export: &str, passes: u32) -> Result<Duration> {
        self.meter.ask(&format!("{export} {passes}"))
    }
}

/// Files that a VM reads: policies, and requests.
///
/// # Errors
/// Where they cannot be written.
pub fn files(policies: &[u8], transcript: &[u8]) -> Result<(PathBuf, PathBuf)> {
    let folder = crate::folder()?;
    let paths = (folder.join("measured.policies"), folder.join("measured.transcript"));
    std::fs::write(&paths.0, policies)?;
    std::fs::write(&paths.1, transcript)?;
    Ok(paths)
}
