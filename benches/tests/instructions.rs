//! Instructions per decision of the engine, counted by callgrind, stay under the ceilings of `instructions-ceiling`, a line
//! each: `workload, how its requests are asked: ceiling`. The same machine code gives the same count.
//!
//! `PALISADE_UPDATE_GOLDENS=1` rewrites the file, with some room over what was counted.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::num::NonZero;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use palisade_benches::instructions::{Counter, Mode};
use palisade_benches::workload::synthetic::{Family, workload as synthetic};
use palisade_benches::workload::{Workload, gdrive, github, listing, tinytodo};

/// Percent over what was counted: another version of the compiler makes slightly other code.
const ROOM: u64 = 10;

fn workloads() -> Vec<Workload> {
    let mut all = Vec::new();
    for family in [Family::Scoped, Family::Context, Family::Attribute, Family::Tag] {
        all.push(synthetic(family, 10, 10));
        all.push(synthetic(family, 2000, 10));
    }
    all.push(synthetic(Family::AllHit, 100, 1));
    all.extend([5, 50].map(|size| gdrive::workload(size, true, 200)));
    all.extend([5, 50].map(|size| github::workload(size, true, 200)));
    all.extend([gdrive::workload(20, false, 50), github::workload(20, false, 50), tinytodo::workload(20, 50)]);
    all.push(listing::workload(500));
    all
}

/// How a workload's requests are asked.
fn modes(workload: &Workload) -> &'static [Mode] {
    let tells = workload.asks.iter().any(|ask| ask.input.is_some());
    if tells { &[Mode::List] } else { &[Mode::Prebuilt, Mode::Parts] }
}

/// What each workload costs in each mode, in instructions per decision. Each core takes the next workload that nobody has: what is
/// counted does not depend on what else runs.
fn count() -> Vec<(String, u64)> {
    let counter = Counter::new(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("the measured program builds");
    let workloads = workloads();
    let queue = Mutex::new(workloads.iter().enumerate());
    let next = || queue.lock().expect("nobody panicked").next();
    let take = || {
        let mut counted = Vec::new();
        while let Some((number, workload)) = next() {
            let written = counter.write(workload, &format!("measured-{number}")).expect("it compiles");
            for mode in modes(workload) {
                let instructions = counter.per_decision(&written, *mode).expect("counts");
                counted.push((number, format!("{}, {}", workload.name, mode.label()), instructions));
            }
        }
        counted
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let mut counted: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(take)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("counts")).collect()
    });
    counted.sort_by_key(|(number, ..)| *number);
    counted.into_iter().map(|(_, name, instructions)| (name, instructions)).collect()
}

#[test]
fn instructions_per_decision_stay_under_their_ceilings() {
    let counted = count();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions-ceiling");
    if std::env::var_os("PALISADE_UPDATE_GOLDENS").is_some() {
        let mut text = String::new();
        for (name, instructions) in &counted {
            writeln!(text, "{name}: {}", instructions + instructions * ROOM / 100).expect("a string");
        }
        std::fs::write(&file, text).expect("written");
        return;
    }
    let text = std::fs::read_to_string(&file).expect("the file of ceilings");
    let ceilings: Vec<&str> = text.lines().collect();
    assert_eq!(ceilings.len(), counted.len(), "every workload has a ceiling");
    let mut over = Vec::new();
    for ((name, instructions), line) in counted.iter().zip(ceilings) {
        let (known, ceiling) = line.rsplit_once(": ").expect(line);
        assert_eq!(name, known);
        let ceiling: u64 = ceiling.parse().expect(line);
        println!("{name}: {instructions} of at most {ceiling}");
        if *instructions > ceiling {
            over.push(format!("{name}: {instructions} instructions, over the ceiling of {ceiling}"));
        }
    }
    assert!(over.is_empty(), "{}", over.join("\n"));
}
