//! Rows about the applications of Cedar's own benchmark.

use super::loaded::{Loaded, ours};
use crate::Result;
use crate::report::{Row, Target, time};
use crate::workload::{Workload, gdrive, github, tinytodo};

/// Requests of each application.
const ASKS: usize = 200;

const ROUNDS: usize = 21;

/// Entities of each type.
const SIZES: [usize; 3] = [5, 20, 50];

type Application = (&'static str, fn(usize) -> Workload);

const APPLICATIONS: [Application; 5] = [
    ("gdrive", |size| gdrive::workload(size, false, ASKS)),
    ("github", |size| github::workload(size, false, ASKS)),
    ("tinytodo", |size| tinytodo::workload(size, ASKS)),
    ("gdrive templates", |size| gdrive::workload(size, true, ASKS)),
    ("github templates", |size| github::workload(size, true, ASKS)),
];

/// Measures the rows.
///
/// # Errors
/// Where an engine fails, or the two disagree.
pub fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (label, workload) in APPLICATIONS {
        let loaded = SIZES.iter().map(|size| Loaded::new(workload(*size))).collect::<Result<Vec<_>>>()?;
        for (size, application) in SIZES.iter().zip(&loaded) {
            let pair = application.prebuilt(ROUNDS)?;
            let policies = application.set().policy_count();
            rows.push(Row {
                name: format!("{label} {size}: times faster"),
                measured: Some(pair.ratio()),
                target: Target::AtLeast(10.0),
                detail: format!("{} / {}, {policies} policies", time(pair.cedar), time(pair.ours)),
            });
        }
        if let (Some(first), Some(last)) = (loaded.first(), loaded.last()) {
            let (small, large) = ours(first, last, ROUNDS)?;
            rows.push(Row {
                name: format!("{label}: our time at 50 entities a type, times that at 5"),
                measured: Some(large / small),
                target: Target::AtMost(1.5),
                detail: format!("{} / {}", time(large), time(small)),
            });
        }
    }
    Ok(rows)
}
