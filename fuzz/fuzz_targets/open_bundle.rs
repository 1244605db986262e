//! Any bytes: opening a compiled policy set refuses them or accepts them, without panic.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use palisade_engine::CompiledPolicySet;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    palisade_fuzz::mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    let _ = CompiledPolicySet::open(data);
});
