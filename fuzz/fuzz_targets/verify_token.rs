//! Any bytes as a token: it is refused or accepted, without panic, and never accepted with the real verifiers.

#![no_main]

mod identity;

use libfuzzer_sys::fuzz_target;
use palisade_gateway::NativeHost;

thread_local! {
    static VERIFIER: palisade_gateway::TokenVerifier = identity::verifier();
}

fuzz_target!(|data: &[u8]| {
    let report = VERIFIER.with(|verifier| verifier.verify(data, &mut NativeHost::at(identity::NOW)));
    // Nobody here has the private key.
    assert!(report.refusal.is_some());
    let _ = VERIFIER.with(|verifier| verifier.verify(data, &mut identity::Gullible::default()));
});
