//! Rows about bundles: opening, size, memory, building.

use core::hint::black_box;

use palisade_engine::CompiledPolicySet;

use crate::Result;
use crate::allocations::count;
use crate::cedar::{self, Cedar};
use crate::measure::{Lane, medians};
use crate::palisade;
use crate::report::{Row, Target, time};
use crate::workload::Workload;
use crate::workload::synthetic::{Family, workload};

/// Policies, beside which there are twice as many entities.
const POLICIES: usize = 10_000;

/// cedar-policy's protobuf `decode_unchecked` of 10,000 policies, natively: 89 ms when it was measured on such a
/// machine. The experimental feature that it needs is not built here.
const PROTOBUF: f64 = 89e6;

/// Measures the rows.
///
/// # Errors
/// Where an engine fails.
pub fn rows() -> Result<Vec<Row>> {
    let workload = workload(Family::Scoped, POLICIES, 1);
    let cedar = Cedar::load(&workload)?;
    let bytes = palisade::build(&cedar)?.bytes;
    let mut rows = opening(&workload, &bytes)?;
    rows.extend(memory(&workload, &bytes)?);
    rows.push(building(&workload, &cedar)?);
    Ok(rows)
}

fn opening(workload: &Workload, bytes: &[u8]) -> Result<Vec<Row>> {
    let open = Lane::new(1, || {
        black_box(CompiledPolicySet::open(black_box(bytes))?);
        Ok(())
    });
    let parse = Lane::new(1, || {
        black_box(cedar::parse(black_box(workload))?);
        Ok(())
    });
    let (open, parse) = match medians(vec![open, parse], 9)?.as_slice() {
        [open, parse] => (*open, *parse),
        _ => return Err("two lanes have two medians".into()),
    };
    Ok(vec![
        Row {
            name: "open 10,000 policies and 20,000 entities: times faster than protobuf".into(),
            measured: Some(PROTOBUF / open),
            target: Target::AtLeast(10.0),
            detail: format!("native, {} against a recorded {}", time(open), time(PROTOBUF)),
        },
        Row {
            name: "open the same: times faster than parsing the policies".into(),
            measured: Some(parse / open),
            target: Target::None,
            detail: format!("{} / {}", time(parse), time(open)),
        },
        Row {
            name: "open the same in a fresh wasm VM".into(),
            measured: None,
            target: Target::AtLeast(10.0),
            detail: "not built yet".into(),
        },
    ])
}

fn memory(workload: &Workload, bytes: &[u8]) -> Result<Vec<Row>> {
    let source = workload.policies.len() + workload.entities_json().to_string().len();
    let (set, usage) = count(|| CompiledPolicySet::open(bytes));
    drop(set?);
    let size = bytes.len() as f64;
    Ok(vec![
        Row {
            name: "bundle size, times Cedar text and entity JSON".into(),
            measured: Some(size / source as f64),
            target: Target::AtMost(1.0),
            detail: format!("{} / {source} bytes", bytes.len()),
        },
        Row {
            name: "memory held per opened bundle, times its size".into(),
            measured: Some(usage.kept as f64 / size),
            target: Target::AtMost(1.5),
            detail: format!("{} bytes, {} at the peak", usage.kept, usage.peak),
        },
    ])
}

fn building(workload: &Workload, cedar: &Cedar) -> Result<Row> {
    let schema = cedar::schema(workload)?;
    let theirs = Lane::new(1, || {
        let policies = cedar::parse(black_box(workload))?;
        cedar::validate(&policies, schema.clone())
    });
    let ours = Lane::new(1, || {
        let policies = cedar::parse(black_box(workload))?;
        cedar::validate(&policies, schema.clone())?;
        black_box(palisade::compile_set(&policies, &cedar.entities)?);
        Ok(())
    });
    let (theirs, ours) = match medians(vec![theirs, ours], 5)?.as_slice() {
        [theirs, ours] => (*theirs, *ours),
        _ => return Err("two lanes have two medians".into()),
    };
    Ok(Row {
        name: "build of 10,000 policies, times Cedar's parse and validation".into(),
        measured: Some(ours / theirs),
        target: Target::AtMost(2.0),
        detail: format!("{} / {}", time(ours), time(theirs)),
    })
}
