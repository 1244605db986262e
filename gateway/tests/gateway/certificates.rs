//! Tokens that are bound to a client certificate (RFC 8705 §3).

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::keys::{self, b64};
use crate::world::{Ask, NOW, gateway, send, send_with_certificate};

const CERTIFICATE: &[u8] = b"the DER form of a certificate";

fn ask(cnf: serde_json::Value) -> Ask {
    let claims = json!({"iss": "https://issuer", "aud": "https://gateway", "sub": "fixer", "iat": NOW, "exp": NOW + 300, "cnf": cnf});
    let token = keys::p256(1).token(r#"{"alg":"ES256","kid":"es"}"#, &claims.to_string());
    Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {token}"))
}

#[test]
fn a_bound_token_needs_its_certificate_each_time() {
    let mut gateway = gateway();
    let digest: [u8; 32] = Sha256::digest(CERTIFICATE).into();
    let ask = ask(json!({"x5t#S256": b64(digest)}));
    let challenge = "Bearer error=\"invalid_token\", resource_metadata=\"https://repos.internal/.well-known/oauth-protected-resource\"";
    // The order is that of an attack: the token is in the cache by the time it is stolen.
    assert_eq!(send_with_certificate(&mut gateway, &ask, digest).reason, "policy.allow");
    let stolen = send(&mut gateway, &ask);
    assert_eq!((stolen.reason, stolen.status, stolen.cached), ("proof.certificate_missing", 401, true));
    assert_eq!(stolen.header("www-authenticate"), Some(challenge));
    let other: [u8; 32] = Sha256::digest(b"another certificate").into();
    let stolen = send_with_certificate(&mut gateway, &ask, other);
    assert_eq!((stolen.reason, stolen.status), ("proof.certificate_mismatch", 401));
    assert_eq!(stolen.header("www-authenticate"), Some(challenge));
    assert!(send_with_certificate(&mut gateway, &ask, digest).cached);
}

#[test]
fn a_token_bound_twice_needs_both_proofs() {
    let mut gateway = gateway();
    let digest: [u8; 32] = Sha256::digest(CERTIFICATE).into();
    let ask = ask(json!({"x5t#S256": b64(digest), "jkt": b64(digest)}));
    assert_eq!(send(&mut gateway, &ask).reason, "proof.certificate_missing");
    assert_eq!(send_with_certificate(&mut gateway, &ask, digest).reason, "proof.sent_as_bearer");
}

#[test]
fn a_certificate_is_no_credential_by_itself() {
    let mut gateway = gateway();
    let answer = send_with_certificate(&mut gateway, &Ask::bare("GET", "/repos/site"), [0; 32]);
    assert_eq!(answer.reason, "token.missing");
    let unbound = Ask::new("GET", "/repos/site");
    assert_eq!(send_with_certificate(&mut gateway, &unbound, [0; 32]).reason, "policy.allow");
}
