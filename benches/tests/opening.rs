//! Opening a policy set takes a bounded multiple of its length from the heap, whatever its bytes are.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use palisade_benches::allocations::{Counting, count};
use palisade_benches::cedar::Cedar;
use palisade_benches::palisade::build;
use palisade_benches::workload::random::Random;
use palisade_benches::workload::synthetic::{Family, workload as synthetic};
use palisade_benches::workload::{gdrive, github, tinytodo};
use palisade_engine::CompiledPolicySet;
use palisade_engine::format::{COUNTS_AT, Table};
use palisade_engine::limits::OPENING_FACTOR;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What error values and a few short lists may take beside the tables.
const SLACK: usize = 4096;

/// Changed copies of each policy set.
const CHANGES: usize = 2000;

fn check(bytes: &[u8]) -> bool {
    let (opened, usage) = count(|| CompiledPolicySet::open(bytes));
    let peak = usize::try_from(usage.peak).expect("no less than nothing");
    assert!(peak <= bytes.len() * OPENING_FACTOR + SLACK, "{peak} bytes for {}", bytes.len());
    opened.is_ok()
}

/// The header of a policy set that has but one table, of as many entries as fit.
fn one_table(table: Table, like: &[u8]) -> Vec<u8> {
    let count = 10_000;
    let mut bytes = like[..COUNTS_AT].to_vec();
    for other in Table::ALL {
        let entries: u32 = if *other == table { count } else { 0 };
        bytes.extend(entries.to_le_bytes());
    }
    bytes.resize(bytes.len() + count as usize * table.stride(), 0);
    bytes
}

// One test only: the counter counts what every thread allocates.
#[test]
fn opening_takes_a_bounded_multiple_of_the_input() {
    let mut random = Random::new(20_261_122);
    let mut workloads: Vec<_> = Family::ALL.into_iter().map(|family| synthetic(family, 50, 1)).collect();
    workloads.extend([tinytodo::workload(20, 1), github::workload(20, true, 1), gdrive::workload(20, true, 1)]);
    let (mut opened, mut refused) = (0, 0);
    for workload in workloads {
        let bytes = build(&Cedar::load(&workload).expect("loads")).expect("compiles").bytes;
        assert!(check(&bytes), "{}", workload.name);
        for table in Table::ALL {
            check(&one_table(*table, &bytes));
        }
        for _ in 0..CHANGES {
            let mut changed = bytes.clone();
            let at = random.below(changed.len());
            changed[at] ^= 1 << random.below(8);
            if check(&changed) { opened += 1 } else { refused += 1 }
        }
    }
    assert!(opened > 100 && refused > 1000, "{opened} opened, {refused} refused");
}
