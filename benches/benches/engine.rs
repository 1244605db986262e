//! Criterion benchmark of single decisions and of opening, for work on the engine.

use core::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use palisade_benches::palisade::Prepared;
use palisade_benches::targets::loaded::Loaded;
use palisade_benches::workload::synthetic::{Family, workload};
use palisade_engine::Scratch;

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    for family in Family::ALL {
        for count in [10, 1000] {
            let Ok(loaded) = Loaded::new(workload(family, count, 10)) else { continue };
            let mut scratch = Scratch::new();
            let Some(ask) = loaded.asks().first() else { continue };
            group.bench_function(BenchmarkId::new(family.label(), count), |bencher| {
                let mut request = Prepared::new(loaded.set(), &mut scratch, ask, &[]);
                bencher.iter(|| black_box(&mut request).decide().map(|decision| decision.effect()));
            });
            group.bench_function(BenchmarkId::new(format!("{} from parts", family.label()), count), |bencher| {
                bencher.iter(|| {
                    let request = Prepared::new(loaded.set(), &mut scratch, black_box(ask), &[]);
                    request.decide_once().map(|decision| decision.effect())
                });
            });
        }
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    decisions(&mut criterion);
    criterion.final_summary();
}
