//! Prints every performance target with what was measured, and writes `target/bench/engine.json`.
//!
//! The arguments that name a part (`families`, `applications`, `wasm`, `lists`, `bundle`) select it; without one, everything is
//! measured. Others are ignored, so that `cargo bench` may pass its own. Exits 0 whatever holds: machines differ, and
//! the repeatable figures have tests and ceilings of their own.

#![expect(clippy::print_stdout, reason = "the report is the output")]

use palisade_benches::allocations::Counting;
use palisade_benches::{Result, folder, report, targets};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> Result<()> {
    let rows = targets::measure(&std::env::args().skip(1).collect::<Vec<_>>(), |row| println!("{}", row.line()))?;
    std::fs::write(folder()?.join("engine.json"), report::json(&rows))?;
    let missed = rows.iter().filter(|row| row.holds() == Some(false)).count();
    println!("{missed} targets missed or not measured; figures are in target/bench/engine.json");
    Ok(())
}
