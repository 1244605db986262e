//! Any bytes: opening a compiled policy set refuses them or accepts them, without panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade_engine::CompiledPolicySet;

fuzz_target!(|data: &[u8]| {
    let _ = CompiledPolicySet::open(data);
});
