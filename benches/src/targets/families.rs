//! Rows about families of N similar policies.

use super::loaded::{Loaded, Pair, ours};
use crate::Result;
use crate::report::{Row, Target, time};
use crate::workload::synthetic::{Family, workload};

/// Requests of each workload: as many at 10,000 policies as at 10, so that both find the same in the caches.
const ASKS: usize = 10;

/// Requests of the row about callers that all differ.
const SPREAD: usize = 4096;

const ROUNDS: usize = 31;

/// Rounds where cedar-policy takes seconds.
const FEW: usize = 7;

/// Measures the rows.
///
/// # Errors
/// Where an engine fails, or the two disagree.
pub fn rows() -> Result<Vec<Row>> {
    let mut rows = scoped()?;
    for family in Family::GUARDED {
        rows.extend(guarded(family)?);
    }
    rows.extend(all_match()?);
    Ok(rows)
}

fn load(family: Family, count: usize) -> Result<Loaded> {
    Loaded::new(workload(family, count, ASKS))
}

fn both(pair: Pair) -> String {
    format!("{} / {}", time(pair.cedar), time(pair.ours))
}

fn faster(name: String, pair: Pair, target: Target) -> Row {
    Row { name, measured: Some(pair.ratio()), target, detail: both(pair) }
}

fn slower(name: String, (small, large): (f64, f64), bound: f64) -> Row {
    let detail = format!("{} / {}", time(large), time(small));
    Row { name, measured: Some(large / small), target: Target::AtMost(bound), detail }
}

fn scoped() -> Result<Vec<Row>> {
    let small = load(Family::Scoped, 10)?;
    let prebuilt = small.prebuilt(ROUNDS)?;
    let mut rows = vec![
        faster("scoped 10, prebuilt: times faster".into(), prebuilt, Target::AtLeast(30.0)),
        Row {
            name: "scoped 10, prebuilt: ns".into(),
            measured: Some(prebuilt.ours),
            target: Target::AtMost(500.0),
            detail: String::new(),
        },
        faster("scoped 10, built from parts: times faster".into(), small.from_parts(ROUNDS)?, Target::AtLeast(15.0)),
    ];
    for count in [100, 1000] {
        let pair = load(Family::Scoped, count)?.prebuilt(FEW)?;
        rows.push(faster(format!("scoped {count}, prebuilt: times faster"), pair, Target::None));
    }
    let large = load(Family::Scoped, 10_000)?;
    rows.push(slower("scoped 10,000: times our time at 10".into(), ours(&small, &large, ROUNDS)?, 1.2));
    let prebuilt = large.prebuilt(FEW)?;
    rows.push(faster("scoped 10,000: times faster".into(), prebuilt, Target::AtLeast(20_000.0)));
    let spread = Loaded::spread(workload(Family::Scoped, 10_000, SPREAD))?.ours_from_parts(FEW)?;
    rows.push(Row {
        name: "scoped 10,000, built from parts, 4,096 callers: ns".into(),
        measured: Some(spread),
        target: Target::None,
        detail: "each request finds its policies in no cache".into(),
    });
    Ok(rows)
}

fn guarded(family: Family) -> Result<Vec<Row>> {
    let label = family.label();
    let small = load(family, 10)?;
    let mut rows = vec![faster(format!("{label} 10: times faster"), small.prebuilt(ROUNDS)?, Target::None)];
    for count in [100, 1000] {
        let pair = load(family, count)?.prebuilt(FEW)?;
        rows.push(faster(format!("{label} {count}: times faster"), pair, Target::None));
    }
    let large = load(family, 10_000)?;
    rows.push(slower(format!("{label} 10,000: times our time at 10"), ours(&small, &large, ROUNDS)?, 1.5));
    rows.push(faster(format!("{label} 10,000: times faster"), large.prebuilt(FEW)?, Target::None));
    Ok(rows)
}

fn all_match() -> Result<Vec<Row>> {
    let label = Family::AllHit.label();
    let mut rows = Vec::new();
    for count in [10, 100, 1000, 10_000] {
        let pair = load(Family::AllHit, count)?.prebuilt(if count == 10_000 { FEW } else { ROUNDS })?;
        rows.push(faster(format!("{label} {count}: times faster"), pair, Target::AtLeast(20.0)));
    }
    let (small, large) = ours(&load(Family::AllHit, 1000)?, &load(Family::AllHit, 10_000)?, ROUNDS)?;
    let each = (small / 1000.0, large / 10_000.0);
    rows.push(slower(format!("{label}: time per policy at 10,000, times that at 1,000"), each, 1.5));
    Ok(rows)
}
