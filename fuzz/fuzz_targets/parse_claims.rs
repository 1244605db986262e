//! Any bytes as the claims of a token whose signature holds: they become a principal or are refused, without panic.

#![no_main]

mod identity;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static VERIFIER: palisade_gateway::TokenVerifier = identity::verifier();
}

fuzz_target!(|data: &[u8]| {
    for header in [r#"{"alg":"ES256","typ":"at+jwt"}"#, r#"{"alg":"ES256"}"#] {
        let [header, claims] = [header.as_bytes(), data].map(|part| URL_SAFE_NO_PAD.encode(part));
        let signature = URL_SAFE_NO_PAD.encode([1; 64]);
        let token = format!("{header}.{claims}.{signature}");
        let report = VERIFIER.with(|verifier| verifier.verify(token.as_bytes(), &mut identity::Gullible::default()));
        // Whoever is accepted has a name and an end.
        if report.refusal.is_none() {
            assert!(report.principal.is_some() && report.accepted.is_some());
        }
    }
});
