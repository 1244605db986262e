//! The row about lists: what it costs the whole filter, in V8, to reduce one to what its caller could be allowed.

use std::path::Path;
use std::process::Command;

use crate::measure::{Lane, medians};
use crate::meter::Meter;
use crate::report::{Row, Target, time};
use crate::workload::tools::{self, ListedTools};
use crate::{Result, folder};

const TOOLS: usize = 500;
const ROUNDS: usize = 21;

/// Measures the row.
///
/// # Errors
/// Where the gateway for it does not build.
pub fn rows() -> Result<Vec<Row>> {
    let listed = tools::listed(TOOLS)?;
    let row = |measured, detail| Row {
        name: format!("list of {TOOLS} tools, filtered in wasm: us for each"),
        measured,
        target: Target::AtMost(2.0),
        detail,
    };
    let mut filter = match start(&listed) {
        Ok(filter) => filter,
        Err(error) => return Ok(vec![row(None, error.to_string())]),
    };
    let lane = Lane::elsewhere(TOOLS, |passes| filter.ask(&passes.to_string()));
    let medians = medians(vec![lane], ROUNDS)?;
    let [nanoseconds] = medians.as_slice() else { return Err("a lane has a median".into()) };
    let bytes = listed.answer.len() / TOOLS;
    let detail = format!("{} for {bytes} bytes; request included", time(*nanoseconds));
    Ok(vec![row(Some(nanoseconds / 1000.0), detail)])
}

/// The filter, with the gateway's configuration.
fn start(listed: &ListedTools) -> Result<Meter> {
    let ListedTools { configuration, token, answer, shown } = listed;
    let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
    let module = benches.join("../target/palisade.wasm");
    if !module.exists() {
        return Err("target/palisade.wasm is not there".into());
    }
    let (configured, answered) = (folder()?.join("measured.configuration"), folder()?.join("measured.answer"));
    std::fs::write(&configured, configuration)?;
    std::fs::write(&answered, answer)?;
    let mut command = Command::new("node");
    command.args(["--no-liftoff", "--no-wasm-lazy-compilation"]).arg(benches.join("vm/filter.mjs"));
    command.args([&module, &configured]).arg(token).arg(&answered).args([shown.to_string(), tools::NOW.to_string()]);
    Meter::start(&mut command)
}
