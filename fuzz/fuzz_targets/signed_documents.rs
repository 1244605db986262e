//! Any bytes as a root or a freshness document: no panic, and none is believed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade_gateway::bundle::{FRESHNESS_TYPE, Freshness, ROOT_TYPE, Root, RootFile, TrustKey, TrustSet};
use palisade_gateway::limits;
use palisade_gateway::signed::SignedDocument;

/// The P-256 key of RFC 7515 A.3.
const KEY: &str = "es256:MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==";

thread_local! {
    static TRUST: TrustSet = TrustSet::new(vec![TrustKey::parse(KEY).unwrap()], 1).unwrap();
}

fuzz_target!(|data: &[u8]| {
    if let Ok(document) = SignedDocument::read(data, limits::BUNDLE_BYTES) {
        for payload_type in [ROOT_TYPE, FRESHNESS_TYPE] {
            // Nobody here has the private key.
            assert!(TRUST.with(|trust| document.verify(trust, payload_type).is_err()));
        }
    }
    // A root vouches for itself, with keys that somebody has.
    assert!(Root::trusted(data).is_err());
    assert!(TRUST.with(|trust| Freshness::verify(data, trust, 0).is_err()));
    if let Ok(root) = serde_json::from_slice::<RootFile>(data) {
        let _ = Root::check(&root);
    }
});
