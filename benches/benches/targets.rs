//! Prints every performance target with what was measured, and writes `target/bench/engine.json`.
//!
//! Arguments are ignored, so that `cargo bench` may pass its own. Exits 0 whatever holds: machines differ, and the
//! repeatable figures have tests and ceilings of their own.

#![expect(clippy::print_stdout, reason = "the report is the output")]

use std::path::Path;

use palisade_benches::allocations::Counting;
use palisade_benches::{Result, report, targets};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> Result<()> {
    let rows = targets::measure(|row| println!("{}", row.line()))?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("engine.json"), report::json(&rows))?;
    let missed = rows.iter().filter(|row| row.holds() == Some(false)).count();
    println!("{missed} targets missed or not measured; figures are in target/bench/engine.json");
    Ok(())
}
