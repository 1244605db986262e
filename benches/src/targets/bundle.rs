//! Rows about bundles: opening, size, memory, building.

use core::hint::black_box;
use std::path::Path;
use std::process::Command;

use palisade_engine::CompiledPolicySet;

use crate::Result;
use crate::allocations::count;
use crate::cedar::{self, Cedar};
use crate::measure::{Lane, medians};
use crate::meter::Meter;
use crate::palisade;
use crate::report::{Row, Target, time};
use crate::vm::{self, Vm};
use crate::workload::Workload;
use crate::workload::synthetic::{Family, workload};

/// Policies, beside which there are twice as many entities.
const POLICIES: usize = 10_000;

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
    let native = Lane::new(1, || {
        black_box(CompiledPolicySet::open(black_box(bytes))?);
        Ok(())
    });
    let parse = Lane::new(1, || {
        black_box(cedar::parse(black_box(workload))?);
        Ok(())
    });
    let mut protobuf = protobuf(workload)?;
    let files = vm::files(bytes, &[])?;
    let in_vm = Vm::start(&files).err();
    let protobuf = Lane::elsewhere(1, |passes| (0..passes).map(|_| protobuf.ask("")).sum());
    let mut lanes = vec![native, parse, protobuf];
    if in_vm.is_none() {
        // Each in a VM of its own, which has done nothing before.
        lanes.push(Lane::elsewhere(1, |passes| (0..passes).map(|_| Ok(Vm::start(&files)?.opening)).sum()));
    }
    let medians = medians(lanes, 9)?;
    let [native, parse, protobuf, vm @ ..] = medians.as_slice() else {
        return Err("every lane has a median".into());
    };
    let detail = |ours: f64| format!("{} / {}", time(*protobuf), time(ours));
    Ok(vec![
        Row {
            name: "open 10,000 policies and 20,000 entities, fresh wasm VM: times faster than protobuf".into(),
            measured: vm.first().map(|vm| protobuf / vm),
            target: Target::AtLeast(10.0),
            detail: vm.first().map_or_else(
                || in_vm.map(|error| error.to_string()).unwrap_or_default(),
                |vm| format!("{}, decoded natively, of the policies alone", detail(*vm)),
            ),
        },
        Row {
            name: "open the same natively: times faster than protobuf".into(),
            measured: Some(protobuf / native),
            target: Target::AtLeast(10.0),
            detail: detail(*native),
        },
        Row {
            name: "open the same natively: times faster than parsing the policies".into(),
            measured: Some(parse / native),
            target: Target::None,
            detail: format!("{} / {}", time(*parse), time(*native)),
        },
    ])
}

/// cedar-policy decoding the policies from its protobuf format.
fn protobuf(workload: &Workload) -> Result<Meter> {
    let policies = crate::folder()?.join("measured.cedar");
    std::fs::write(&policies, &workload.policies)?;
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/protobuf/release/palisade-bench-protobuf");
    Meter::start(Command::new(program).arg(policies)).map_err(|error| format!("{error}; run `make bench`").into())
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
