//! Published proofs: `tests/cases/dpop-vectors.txt`.

use super::dpop::{DpopRequest, DpopState, OpenDpop};
use super::replay::ReplayMemory;
use crate::cases;
use crate::host::NativeHost;
use crate::section::DpopRules;
use crate::token::{Algorithm, decode_base64url};

#[test]
fn published_proofs_hold_for_their_request_alone() {
    let rules = DpopRules {
        origins: vec!["https://resource.example.org".to_owned(), "https://server.example.com".to_owned()],
        algorithms: vec![Algorithm::Es256],
        max_age_seconds: 60,
        clock_skew_seconds: 5,
    };
    let rules = OpenDpop::open(rules).unwrap();
    let mut expectations = std::collections::BTreeSet::new();
    for mut case in cases::read(include_str!("../../tests/cases/dpop-vectors.txt")) {
        let mut or = |name: &str, default: &str| case.take(name).unwrap_or_else(|| default.to_owned());
        let method = or("method", "GET");
        let authority = or("authority", "resource.example.org");
        let path = or("path", "/protectedresource");
        let token = or("token", "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");
        let key = or("key", "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        let now: u64 = or("now", "1562262623").parse().unwrap();
        let (name, proof, expected) = (case.require("case"), case.require("proof"), case.require("expect"));
        case.finish();

        let request = DpopRequest {
            method: &method,
            authority: authority.as_bytes(),
            path: path.as_bytes(),
            // A token of this form is not one of ours; its digest is all that a proof is about.
            token: token.as_bytes(),
            key: &decode_base64url(&key).unwrap().try_into().unwrap(),
            is_admitted: false,
            now_ms: now * 1000,
        };
        let state = DpopState { replay: ReplayMemory::new(8), nonces: None };
        let mut host = NativeHost::at(now);
        let mut check = || rules.check(Ok(Some(proof.as_bytes())), &request, &state, &mut host);
        let found = |result: Result<(), super::ProofError>| match result {
            Ok(()) => "accepted".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(found(check()), expected, "{name}");
        let again = if expected == "accepted" { "Replayed" } else { &expected };
        assert_eq!(found(check()), again, "{name}, again");
        expectations.insert(expected);
    }
    assert!(expectations.len() >= 8);
}
