//! Tokens that are bound to a client certificate (RFC 8705 §3), and certificates that are credentials themselves.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cases;
use crate::keys::{self, b64};
use crate::world::{Answer, Ask, NOW, gateway, send, send_over, send_with_certificate, token};

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
fn a_certificate_without_an_identity_is_no_credential() {
    let mut gateway = gateway();
    let answer = send_with_certificate(&mut gateway, &Ask::bare("GET", "/repos/site"), [0; 32]);
    assert_eq!((answer.reason, answer.status), ("credential.certificate", 401));
    let unbound = Ask::new("GET", "/repos/site");
    assert_eq!(send_with_certificate(&mut gateway, &unbound, [0; 32]).reason, "policy.allow");
}

/// The certificates of `cases/certificates.txt`, by name.
fn der(name: &str) -> Vec<u8> {
    let mut all = cases::read(include_str!("../cases/certificates.txt"));
    let found = all.iter_mut().find_map(|case| (case.take("case")? == name).then(|| case.require("der")));
    STANDARD.decode(found.unwrap()).unwrap()
}

/// A certificate that is all right, the id in it, and when it begins, in seconds since the Unix epoch.
pub(crate) fn good() -> (Vec<u8>, &'static str, u64) {
    (der("a leaf with one URI"), "spiffe://example.org/ns/prod/sa/web", 1795318710)
}

fn over(name: &str, ask: &Ask) -> Answer {
    send_over(&mut gateway(), ask, &der(name), NOW)
}

#[test]
fn an_x509_svid_is_a_credential_where_its_trust_domain_says_so() {
    let mut gateway = gateway();
    let (good, ask) = (der("a leaf with one URI"), Ask::bare("GET", "/mesh"));
    let first = send_over(&mut gateway, &ask, &good, NOW);
    assert_eq!((first.reason, first.cached), ("policy.allow", false));
    assert_eq!(first.header("x-palisade-principal"), Some("Agent::\"td/spiffe://example.org/ns/prod/sa/web\""));
    assert_eq!(first.record["token"]["issuer"], json!("td"));
    assert_eq!(first.record["token"]["alg"], json!(null));
    assert!(send_over(&mut gateway, &ask, &good, NOW).cached);
    // Another certificate of the same workload is another entry, and the same principal.
    let other = send_over(&mut gateway, &ask, &der("a leaf with a DNS name besides"), NOW);
    assert_eq!((other.reason, other.cached), ("policy.allow", false));
    // A connection may outlive its certificate; the identity does not, remembered or not.
    for late in [NOW + 110 * 365 * 86_400, 1_700_000_000] {
        let answer = send_over(&mut gateway, &ask, &good, late);
        // The bundle would have expired long before, or not been made.
        assert_ne!(answer.status, 200, "{late}");
    }
}

#[test]
fn other_certificates_are_none() {
    for name in [
        "two URIs",
        "no URI",
        "an authority",
        "a key that signs certificates",
        "a URI that is no SPIFFE ID",
        "another trust domain",
        "no key usage",
    ] {
        let answer = over(name, &Ask::bare("GET", "/mesh"));
        assert_eq!((answer.reason, answer.status), ("credential.certificate", 401), "{name}");
        assert!(answer.header("www-authenticate").is_some());
    }
    // A digest without its certificate, and one with another.
    let answer = send_with_certificate(&mut gateway(), &Ask::bare("GET", "/mesh"), [7; 32]);
    assert_eq!(answer.reason, "credential.certificate");
}

#[test]
fn a_token_comes_before_a_certificate() {
    let good = "a leaf with one URI";
    // The caller is who the token says.
    let answer = over(good, &Ask::new("GET", "/repos/site"));
    assert_eq!(answer.header("x-palisade-principal"), Some("Agent::\"dev/fixer\""));
    // A token that does not hold is not made good by a certificate.
    for (value, reason) in [
        (format!("Bearer {}x", token()), "token.base64"),
        ("Bearer ".to_owned(), "credential.malformed"),
        ("Basic YTpi".to_owned(), "credential.scheme"),
        (String::new(), "credential.scheme"),
    ] {
        let answer = over(good, &Ask::bare("GET", "/mesh").header("authorization", value));
        assert_eq!(answer.reason, reason);
    }
    let twice = Ask::new("GET", "/mesh").header("authorization", "Bearer a.b.c");
    assert_eq!(over(good, &twice).reason, "credential.repeated");
    let in_query = Ask::bare("GET", "/mesh?access_token=x");
    assert_eq!(over(good, &in_query).reason, "credential.in_query");
}
