//! A decision allocates nothing once the buffers have grown.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use palisade_benches::allocations::{Counting, count};
use palisade_benches::cedar::Cedar;
use palisade_benches::palisade::{Prepared, build};
use palisade_benches::workload::synthetic::{Family, workload as synthetic};
use palisade_benches::workload::{Workload, gdrive, github, tinytodo};
use palisade_engine::{CompiledPolicySet, Scratch};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Decides every request of the workload with one scratch, from its parts, the principal's data included.
fn decide_all(set: &CompiledPolicySet, workload: &Workload, scratch: &mut Scratch) -> usize {
    let mut reasons = 0;
    for ask in &workload.asks {
        let mut request = Prepared::new(set, scratch, ask, &[]);
        request.decide().expect("decides");
        reasons += request.decide_once().expect("decides").reasons().len();
        let principal = workload.entity(&ask.principal).expect("a stored principal");
        reasons += Prepared::new(set, scratch, ask, &[principal]).decide_once().expect("decides").reasons().len();
    }
    reasons
}

// One test only: the counter counts what every thread allocates.
#[test]
fn warm_decisions_allocate_nothing() {
    let mut workloads: Vec<Workload> = Family::ALL.into_iter().map(|family| synthetic(family, 200, 20)).collect();
    workloads.extend([tinytodo::workload(20, 50), github::workload(20, true, 50), gdrive::workload(20, true, 50)]);
    for workload in workloads {
        let compiled = build(&Cedar::load(&workload).expect("loads")).expect("compiles");
        let set = CompiledPolicySet::open(&compiled.bytes).expect("opens");
        let mut scratch = Scratch::new();
        let (cold, first) = count(|| decide_all(&set, &workload, &mut scratch));
        let (warm, second) = count(|| decide_all(&set, &workload, &mut scratch));
        assert!(first.allocations > 0, "the counter counts");
        assert_eq!(cold, warm, "{}", workload.name);
        assert_eq!(second.allocations, 0, "{}", workload.name);
    }
}
