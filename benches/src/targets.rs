//! The performance targets of the engine, measured row by row.

pub mod applications;
pub mod bundle;
pub mod families;
pub mod lists;
pub mod loaded;
pub mod wasm;

use crate::Result;
use crate::report::Row;

type Part = (&'static str, fn() -> Result<Vec<Row>>);

const PARTS: [Part; 5] = [
    ("families", families::rows),
    ("applications", applications::rows),
    ("wasm", wasm::rows),
    ("lists", lists::rows),
    ("bundle", bundle::rows),
];

/// Measures the rows of the parts that are named, or all; `seen` is handed each as it is there.
///
/// # Errors
/// Where an engine fails, or the two disagree.
pub fn measure(named: &[String], mut seen: impl FnMut(&Row)) -> Result<Vec<Row>> {
    let all = !PARTS.iter().any(|(name, _)| named.iter().any(|other| other == name));
    let mut rows = Vec::new();
    for (name, part) in PARTS {
        if !all && !named.iter().any(|other| other == name) {
            continue;
        }
        for row in part()? {
            seen(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}
