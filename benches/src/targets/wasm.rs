//! Rows about the engine in wasm, beside the same code running natively on the same requests.

use core::hint::black_box;

use palisade_engine_guest::Session;

use crate::Result;
use crate::cedar::Cedar;
use crate::measure::{Lane, medians};
use crate::palisade;
use crate::report::{Row, Target, time};
use crate::vm::{self, Vm};
use crate::workload::synthetic::{Family, workload as synthetic};
use crate::workload::{Workload, gdrive, github};

const ROUNDS: usize = 21;

/// A way of asking: the module's export, the same natively, and how reports call it.
type Mode = (&'static str, fn(&Session, &[u8], u32) -> core::result::Result<u64, palisade_engine_guest::Failure>);

const MODES: [Mode; 2] =
    [("decide_prebuilt", Session::decide_prebuilt), ("decide_from_parts", Session::decide_from_parts)];

/// Measures the rows.
///
/// # Errors
/// Where the engine fails.
pub fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let scoped = [10, 10_000].map(|count| synthetic(Family::Scoped, count, 10));
    let guarded = Family::GUARDED.map(|family| synthetic(family, 1000, 10));
    let others = [synthetic(Family::AllHit, 1000, 1), gdrive::workload(50, true, 200), github::workload(50, true, 200)];
    for workload in scoped.into_iter().chain(guarded).chain(others) {
        rows.extend(compare(&workload)?);
    }
    Ok(rows)
}

fn compare(workload: &Workload) -> Result<Vec<Row>> {
    let bytes = palisade::build(&Cedar::load(workload)?)?.bytes;
    let transcript = palisade::transcript(&workload.asks);
    let mut vm = match Vm::start(&vm::files(&bytes, transcript.bytes())?) {
        Ok(vm) => vm,
        Err(error) => return Ok(MODES.map(|(export, _)| unmeasured(workload, export, &error.to_string())).into()),
    };
    let session = Session::open(&bytes).map_err(|error| format!("{error:?}"))?;
    let mut rows = Vec::new();
    for (export, native) in MODES {
        let transcript = transcript.bytes();
        let native = Lane::batched(workload.asks.len(), |passes| {
            black_box(native(&session, black_box(transcript), passes).map_err(|error| format!("{error:?}"))?);
            Ok(())
        });
        let wasm = Lane::elsewhere(workload.asks.len(), |passes| vm.call(export, passes));
        if let [native, wasm] = medians(vec![native, wasm], ROUNDS)?.as_slice() {
            rows.push(Row {
                name: name(workload, export),
                measured: Some(wasm / native),
                target: Target::AtMost(2.0),
                detail: format!("{} / {}", time(*wasm), time(*native)),
            });
        }
    }
    Ok(rows)
}

fn name(workload: &Workload, export: &str) -> String {
    format!("{}, {}, in wasm: times native", workload.name, export.replace('_', " "))
}

fn unmeasured(workload: &Workload, export: &str, why: &str) -> Row {
    Row { name: name(workload, export), measured: None, target: Target::AtMost(2.0), detail: why.to_owned() }
}
