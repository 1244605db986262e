//! Any bytes as a token: it is refused or accepted, without panic, and never accepted with the real verifiers.

#![no_main]

mod identity;

use libfuzzer_sys::fuzz_target;
use palisade_gateway::NativeHost;
use std::sync::LazyLock;

static VERIFIER: LazyLock<palisade_gateway::TokenVerifier> = LazyLock::new(identity::verifier);

fuzz_target!(|data: &[u8]| {
    let report = VERIFIER.verify(data, &mut NativeHost::at(identity::NOW));
    // Nobody here has the private key.
    assert!(report.refusal.is_some());
    let _ = VERIFIER.verify(data, &mut identity::Gullible::default());
});
