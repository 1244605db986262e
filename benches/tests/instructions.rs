//! Instructions per decision stay under the ceilings of `instructions-ceiling`: `name ceiling` a line.
//!
//! `PALISADE_UPDATE_GOLDENS=1` rewrites the file, with some room over what was counted.

use std::fmt::Write as _;
use std::path::Path;

use palisade_benches::instructions::{Counter, Mode};
use palisade_benches::workload::synthetic::{Family, workload as synthetic};
use palisade_benches::workload::{Workload, gdrive, github, tinytodo};

/// Other versions of the compiler count a little differently.
const ROOM: u64 = 10;

fn workloads() -> Vec<Workload> {
    let mut all = Vec::new();
    for family in [Family::Scoped, Family::Context, Family::Attribute, Family::Tag] {
        all.push(synthetic(family, 10, 10));
        all.push(synthetic(family, 2000, 10));
    }
    all.push(synthetic(Family::AllHit, 100, 1));
    all.extend([gdrive::workload(20, false, 50), gdrive::workload(20, true, 50), tinytodo::workload(20, 50)]);
    all.extend([github::workload(20, false, 50), github::workload(20, true, 50)]);
    all
}

#[test]
fn instructions_per_decision_stay_under_their_ceilings() {
    let counter = Counter::new(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("the measured program builds");
    let mut counted = Vec::new();
    for workload in workloads() {
        for mode in [Mode::Prebuilt, Mode::Parts] {
            let instructions = counter.per_decision(&workload, mode).expect("counts");
            println!("{}, {}: {instructions}", workload.name, mode.label());
            counted.push((format!("{}, {}", workload.name, mode.label()), instructions));
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions-ceiling");
    if std::env::var_os("PALISADE_UPDATE_GOLDENS").is_some() {
        let mut text = String::new();
        for (name, instructions) in &counted {
            writeln!(text, "{name}: {}", instructions + instructions.div_ceil(ROOM)).expect("a string");
        }
        std::fs::write(&file, text).expect("written");
        return;
    }
    let ceilings = std::fs::read_to_string(&file).expect("the file of ceilings");
    let ceilings: Vec<(&str, u64)> = ceilings
        .lines()
        .map(|line| line.rsplit_once(": ").expect(line))
        .map(|(name, ceiling)| (name, ceiling.parse().expect(name)))
        .collect();
    assert_eq!(ceilings.len(), counted.len(), "every workload has a ceiling");
    for ((name, instructions), (known, ceiling)) in counted.iter().zip(ceilings) {
        assert_eq!(name, known);
        assert!(*instructions <= ceiling, "{name}: {instructions} instructions, over the ceiling of {ceiling}");
    }
}
