//! Published signatures (`tests/cases/jws-vectors.txt`) and published tokens (`rfc-tokens.txt`).

use super::algorithm::Algorithm;
use super::credential::read_authorization;
use super::issuer::IssuerTable;
use super::testing::{b64, hmac};
use super::verify::{TokenFacts, verify};
use super::{base64url, jwk};
use crate::cases;
use crate::host::NativeHost;
use crate::json::{Json, JsonLimits};
use crate::outcome::Outcome;
use crate::section::TokenSlot;
use crate::section::testing::issuer;

#[test]
fn published_signatures_verify_and_hold_for_nothing_else() {
    let mut algorithms = std::collections::BTreeSet::new();
    for mut case in cases::read(include_str!("../../tests/cases/jws-vectors.txt")) {
        let name = case.require("case");
        let algorithm = Algorithm::from_name(&case.require("alg")).unwrap();
        let key = case.require("jwk");
        let key = Json::parse(key.as_bytes(), &JsonLimits::JWKS).unwrap();
        let key = jwk::read(&key, jwk::KeyPurpose::Signature).unwrap();
        let token = case.require("jws");
        case.finish();

        assert!(key.allows(algorithm), "{name}");
        let (input, signature) = token.rsplit_once('.').unwrap();
        let signature = base64url::decode(signature).unwrap();
        let verify = |input: &[u8], signature: &[u8]| {
            key.material.verify(algorithm.signature(), &mut NativeHost::new(), input, signature)
        };
        assert!(verify(input.as_bytes(), &signature), "{name}");
        assert!(!verify(&input.as_bytes()[1..], &signature), "{name}");
        for at in [0, signature.len() / 2, signature.len() - 1] {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert!(!verify(input.as_bytes(), &changed), "{name}, byte {at}");
        }
        for other in Algorithm::ALL {
            if other.signature() != algorithm.signature() {
                let verified =
                    key.material.verify(other.signature(), &mut NativeHost::new(), input.as_bytes(), &signature);
                assert!(!verified, "{name} as {}", other.name());
            }
        }
        algorithms.insert(algorithm.name());
    }
    assert!(algorithms.len() >= 5);
}

/// The key of a published signature, as a member of a JWK Set.
fn published_key(case: &str) -> String {
    let mut cases = cases::read(include_str!("../../tests/cases/jws-vectors.txt"));
    let mut found = cases.iter_mut().find_map(|known| (known.require("case") == case).then(|| known.require("jwk")));
    found.take().unwrap()
}

#[test]
fn published_tokens_are_refused_for_what_they_are() {
    let mut joe = issuer("joe", "joe");
    joe.algorithms = vec![Algorithm::Rs256, Algorithm::Es256];
    let keys = [published_key("RFC 7515 A.2 (RS256)"), published_key("RFC 7515 A.3 (ES256)")];
    joe.jwks = Some(serde_json::from_str(&format!("{{\"keys\":[{}]}}", keys.join(","))).unwrap());
    let issuers = IssuerTable::open(vec![joe]).unwrap();
    let mut reasons = std::collections::BTreeSet::new();
    for mut case in cases::read(include_str!("../../tests/cases/rfc-tokens.txt")) {
        let name = case.require("case");
        let token = case.require("token");
        let expected = case.require("expect");
        if let Some(secret) = case.take("secret") {
            let (input, mac) = token.rsplit_once('.').unwrap();
            assert_eq!(b64(hmac(&base64url::decode(&secret).unwrap(), input.as_bytes())), mac, "{name}");
        }
        case.finish();
        // The second for which RFC 7515 A.2 expires is 1300819380.
        let host = &mut NativeHost::at(1_300_819_000);
        let refusal = read_authorization(format!("Bearer {token}").as_bytes(), false)
            .map_err(Outcome::from)
            .and_then(|(_, text)| {
                verify(&text, TokenSlot::Authorization, &issuers, host, 1_300_819_000_000, &mut TokenFacts::default())
                    .map(drop)
                    .map_err(Outcome::from)
            })
            .unwrap_err();
        assert_eq!(refusal.disposition().reason, expected, "{name}");
        reasons.insert(expected);
    }
    assert!(reasons.len() >= 6);
}
