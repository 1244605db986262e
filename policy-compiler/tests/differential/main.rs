//! Differential tests by generation: on every generated case the engine must give cedar-policy's answer, to the policy.
//!
//! The seed is fixed, so a run repeats; `PALISADE_DIFFERENTIAL_SEED` changes it, and `PALISADE_DIFFERENTIAL_FACTOR`
//! multiplies the number of cases (`make fuzz` goes on without end). A case that disagrees is shrunk and kept under
//! `tests/cases/eval`, where `eval_cases` asks it for ever after.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it did"
)]

mod compare;
mod explained;
mod expression;
mod hostile;
mod policy;
mod prospect;
mod random;
mod redundant;
mod shrink;
mod typed;
mod vm;
mod wasm;
mod world;
mod written;

use compare::{Case, disagreement};
use random::Random;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        Err(_) => default,
    }
}

/// The seed of this run, and the choices of one case of a family.
fn seeded(family: u64, number: u64) -> (u64, Random) {
    let seed = setting("PALISADE_DIFFERENTIAL_SEED", 20_261_121);
    (seed, Random::new(seed ^ (family << 56) ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

/// Generates `count` cases and compares the answers to all their requests.
fn run(family: u64, count: u64, generate: impl Fn(&mut Random) -> Case) {
    let count = count * setting("PALISADE_DIFFERENTIAL_FACTOR", 1);
    let mut allowed = 0;
    let mut requests = 0;
    let mut erring = 0;
    for number in 0..count {
        let (seed, mut random) = seeded(family, number);
        let case = generate(&mut random);
        match disagreement(&case) {
            Ok(summary) => {
                requests += summary.requests;
                allowed += summary.allowed;
                erring += summary.erring;
            }
            Err(found) => {
                let name = format!("found-{seed}-{family}-{number}");
                let line = shrink::shrink(case).to_line(&name);
                let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/eval");
                std::fs::write(format!("{folder}/{name}.jsonl"), format!("{line}\n")).expect("the case is kept");
                panic!("{name}: {found}\nshrunk and kept under tests/cases/eval:\n{line}");
            }
        }
    }
    println!("{count} cases, {requests} requests: {allowed} allowed, {erring} with errors");
    // A generator that only makes trivial cases would test nothing.
    let enough = requests / 20;
    assert!(allowed > enough && requests - allowed > enough && erring > enough, "the answers are too uniform");
}

#[test]
fn single_policies() {
    run(1, 4000, |random| Case::generate(random, 1));
}

#[test]
fn small_sets() {
    run(2, 1500, |random| Case::generate(random, 12));
}

#[test]
fn sets_of_hundreds() {
    run(3, 25, |random| Case::generate(random, 300));
}

#[test]
fn sets_of_thousands() {
    run(4, 2, |random| Case::generate(random, 2000));
}

#[test]
fn sets_that_a_schema_types() {
    run(5, 600, |random| Case::typed(random, 12));
}
