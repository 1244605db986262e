//! `authorization_details` (RFC 9396): every block of `cases/authorization-details.txt` is sent and has its own reason.

use crate::profiles::replay;

#[test]
fn every_case_has_its_reason() {
    let reasons = replay(include_str!("../cases/authorization-details.txt"));
    let all = [
        "policy.allow",
        "policy.deny",
        "token.authorization_details",
        "identity.attribute_type",
        "identity.attribute_invalid",
    ];
    let missing: Vec<_> = all.iter().filter(|reason| !reasons.contains(**reason)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}
