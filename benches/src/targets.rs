//! The performance targets of the engine, measured row by row.

pub mod applications;
pub mod bundle;
pub mod families;
pub mod loaded;

use crate::Result;
use crate::report::Row;

/// Measures every row; `seen` is handed each as it is there.
///
/// # Errors
/// Where an engine fails, or the two disagree.
pub fn measure(mut seen: impl FnMut(&Row)) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for part in [families::rows, applications::rows, bundle::rows] {
        for row in part()? {
            seen(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}
