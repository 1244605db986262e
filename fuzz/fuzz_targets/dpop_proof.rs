//! Any bytes as a DPoP proof, and as the claims of one whose signature holds: no panic, and none is good twice.

#![no_main]

mod identity;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use palisade_gateway::ProofVerifier;
use palisade_gateway::section::DpopRules;
use palisade_gateway::token::Algorithm;

/// The thumbprint of [`identity::JWK`] (RFC 7638).
const THUMBPRINT: &str = "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U";

fuzz_target!(|data: &[u8]| {
    let rules = DpopRules {
        origins: vec!["https://gateway".to_owned()],
        algorithms: vec![Algorithm::Es256],
        max_age_seconds: 60,
        clock_skew_seconds: 5,
    };
    let mut host = identity::Gullible::default();
    let verifier = ProofVerifier::open(rules).unwrap();
    let key = URL_SAFE_NO_PAD.decode(THUMBPRINT).unwrap().try_into().unwrap();
    let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{}}}"#, identity::JWK));
    let (claims, signature) = (URL_SAFE_NO_PAD.encode(data), URL_SAFE_NO_PAD.encode([1; 64]));
    let made = format!("{header}.{claims}.{signature}");
    for proof in [data, made.as_bytes()] {
        let mut check = || {
            let request = ("GET", &b"gateway"[..], &b"/"[..]);
            verifier.verify(proof, request, (b"a.b.c", &key), &mut host)
        };
        if check().is_ok() {
            assert!(check().is_err());
        }
    }
});
