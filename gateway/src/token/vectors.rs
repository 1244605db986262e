//! Published signatures: `tests/cases/jws-vectors.txt`.

use super::algorithm::Algorithm;
use super::{jwk, jws};
use crate::cases;
use crate::host::NativeHost;
use crate::json::{Json, JsonLimits};

#[test]
fn published_signatures_verify_and_hold_for_nothing_else() {
    let mut algorithms = std::collections::BTreeSet::new();
    for mut case in cases::read(include_str!("../../tests/cases/jws-vectors.txt")) {
        let name = case.require("case");
        let algorithm = Algorithm::from_name(&case.require("alg")).unwrap();
        let key = Json::parse(case.require("jwk").as_bytes(), &JsonLimits::JWKS).unwrap();
        let key = jwk::read(&key, jwk::KeyPurpose::Signature).unwrap();
        let token = case.require("jws");
        case.finish();

        assert!(key.allows(algorithm), "{name}");
        let (input, signature) = token.rsplit_once('.').unwrap();
        let signature = jws::decode(signature).unwrap();
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
