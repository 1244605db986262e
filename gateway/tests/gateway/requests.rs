//! Requests that are decided by policies.

use serde_json::json;

use crate::keys;
use crate::world::{Ask, CLAIMS, NOW, gateway, gateway_with, send, send_at, token_with};

#[test]
fn a_permitted_request_is_forwarded_with_the_verified_identity() {
    let mut gateway = gateway();
    let answer = send(&mut gateway, &Ask::new("GET", "/repos/site"));
    assert_eq!((answer.reason, answer.status), ("policy.allow", 200));
    assert_eq!(answer.policies, ["read"]);
    assert_eq!(answer.body, None);
    assert_eq!(answer.header("x-palisade-principal"), Some("Agent::\"dev/fixer\""));
    assert_eq!(answer.header("x-palisade-decision-id"), Some(answer.id.as_str()));
    let record = &answer.record;
    assert_eq!(record["decision_id"], json!(answer.id));
    assert_eq!(record["time"], json!("2027-01-15T08:00:00.000000Z"));
    assert_eq!(record["principal"], json!("Agent::\"dev/fixer\""));
    assert_eq!(record["action"], json!("Action::\"read\""));
    assert_eq!(record["resource"], json!("Repository::\"site\""));
    assert_eq!(record["effect"], json!("allow"));
    assert_eq!(record["decision"], json!("allow"));
    assert_eq!(record["policies"], json!(["read"]));
    assert_eq!(record["errors"], json!([]));
    assert_eq!(record["bundle"]["version"], json!(7));
    assert_eq!(
        record["token"],
        json!({"verified": true, "cached": false, "issuer": "dev", "profile": "oauth-lenient", "kid": "es", "alg": "ES256"})
    );
}

#[test]
fn claims_path_and_parents_reach_the_policies() {
    let mut gateway = gateway();
    let own = send(&mut gateway, &Ask::new("PUT", "/repos/site/branches/fix/1"));
    assert_eq!((own.reason, own.policies.as_slice()), ("policy.allow", &["write-own-branch".to_owned()][..]));
    let other = send(&mut gateway, &Ask::new("PUT", "/repos/site/branches/main"));
    assert_eq!((other.reason, other.status), ("policy.deny", 403));
    assert!(other.policies.is_empty());

    let outside = token_with(&CLAIMS.replace("[\"web\"]", "[\"ops\"]"));
    let ask = Ask::bare("PUT", "/repos/site/branches/fix/1").header("authorization", format!("Bearer {outside}"));
    assert_eq!(send(&mut gateway, &ask).reason, "policy.deny");
}

#[test]
fn a_forbid_wins() {
    let mut gateway = gateway();
    let answer = send(&mut gateway, &Ask::new("GET", "/repos/site").header("x-intent", "leak"));
    assert_eq!((answer.reason, answer.policies.as_slice()), ("policy.deny", &["no-exfiltration".to_owned()][..]));
    assert_eq!(answer.record["policies"], json!(["no-exfiltration"]));
}

#[test]
fn an_erroring_forbid_denies_unless_configured_otherwise() {
    let ask = Ask::new("POST", "/deploy/production");
    let strict = send(&mut gateway(), &ask);
    assert_eq!((strict.reason, strict.status), ("policy.forbid_error", 403));
    assert_eq!(strict.errors, ["frozen"]);
    assert_eq!(strict.record["decision"], json!("allow"), "Cedar's own answer stays visible");
    assert_eq!(strict.record["effect"], json!("deny"));

    let skipping = send(&mut gateway_with(r#","on_forbid_error":"skip""#), &ask);
    assert_eq!((skipping.reason, skipping.status), ("policy.allow", 200));
    assert_eq!(skipping.errors, ["frozen"]);
}

#[test]
fn context_comes_from_headers_query_claims_and_clock() {
    let mut gateway = gateway();
    let ask = Ask::new("GET", "/look?x=%20&q=abc").header("X-Ticket", "11");
    assert_eq!(send(&mut gateway, &ask).reason, "policy.allow");
    let ask = Ask::new("GET", "/look?q=b").header("x-ticket", "11");
    assert_eq!(send(&mut gateway, &ask).reason, "policy.deny");
    let ask = Ask::new("GET", "/look?q=abc").header("x-ticket", "10");
    assert_eq!(send(&mut gateway, &ask).reason, "policy.deny");
}

#[test]
fn all_algorithms_of_the_issuer_verify() {
    let mut gateway = gateway();
    for (key, header) in [
        (keys::p256(1), r#"{"alg":"ES256","kid":"es"}"#),
        (keys::rsa(1), r#"{"alg":"RS256","kid":"rs"}"#),
        (keys::rsa(1), r#"{"alg":"RS384","kid":"rs"}"#),
        (keys::rsa(1), r#"{"alg":"RS512"}"#),
        (keys::rsa(1), r#"{"alg":"PS256","kid":"rs"}"#),
        (keys::rsa(1), r#"{"alg":"PS384"}"#),
        (keys::rsa(2), r#"{"alg":"RS256","kid":"rs-only-rs256"}"#),
        (keys::p384(1), r#"{"alg":"ES384","kid":"es384"}"#),
        (keys::p521(1), r#"{"alg":"ES512","kid":"es512"}"#),
        (keys::ed25519(1), r#"{"alg":"EdDSA","kid":"ed"}"#),
        (keys::ed25519(1), r#"{"alg":"Ed25519","kid":"ed"}"#),
        (keys::ed25519(1), r#"{"alg":"Ed25519"}"#),
    ] {
        let token = key.token(header, CLAIMS);
        let ask = Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {token}"));
        assert_eq!(send(&mut gateway, &ask).reason, "policy.allow", "{header}");
    }
}

#[test]
fn a_token_is_verified_once() {
    let mut gateway = gateway();
    let ask = Ask::new("GET", "/repos/site");
    assert!(!send(&mut gateway, &ask).cached);
    let again = send(&mut gateway, &ask);
    assert!(again.cached);
    assert_eq!(again.record["token"]["verified"], json!(true));
    assert_eq!(again.record["token"]["kid"], json!("es"));
    // Until it expires: 300 seconds of life and 30 of skew.
    assert_eq!(send_at(&mut gateway, &ask, NOW + 329).reason, "policy.allow");
    let late = send_at(&mut gateway, &ask, NOW + 330);
    assert_eq!((late.reason, late.cached), ("token.expired", false));
    assert_eq!(late.record["token"]["verified"], json!(false));

    let mut uncached = gateway_with(r#","token_cache":{"max_entries":0}"#);
    assert_eq!(send(&mut uncached, &ask).reason, "policy.allow");
    assert!(!send(&mut uncached, &ask).cached);
}

#[test]
fn a_configuration_starts_without_the_old_ones_tokens() {
    let ask = Ask::new("GET", "/repos/site");
    let mut first = gateway();
    send(&mut first, &ask);
    assert!(!send(&mut gateway(), &ask).cached);
}

/// The class of GHSA-g53w-w6mj-hrpp: a client that sends the headers which only the filter may set.
#[test]
fn the_client_cannot_speak_for_us() {
    let mut gateway = gateway();
    let ask = Ask::new("GET", "/repos/site")
        .header("x-palisade-principal", "Agent::\"dev/root\"")
        .header("X-PALISADE-Decision-Id", "forged")
        .header("x-palisade-anything", b"\xff");
    let answer = send(&mut gateway, &ask);
    assert_eq!(answer.removed, ["x-palisade-principal", "X-PALISADE-Decision-Id", "x-palisade-anything"]);
    assert_eq!(answer.header("x-palisade-principal"), Some("Agent::\"dev/fixer\""));
}

#[test]
fn principals_are_safe_in_headers() {
    let mut gateway = gateway();
    let claims = CLAIMS.replace("fixer", "spiffe://a/é\\\"\\\\b");
    let ask = Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {}", token_with(&claims)));
    let answer = send(&mut gateway, &ask);
    assert_eq!(answer.header("x-palisade-principal"), Some("Agent::\"dev/spiffe://a/\\u{e9}\\\"\\\\b\""));
}

#[test]
fn unrelated_headers_may_be_any_bytes() {
    let mut gateway = gateway();
    let ask = Ask::new("GET", "/repos/site").header("x-mode", b"\xff\xfe").header("x-\u{e9}", b"\0\r\n");
    assert_eq!(send(&mut gateway, &ask).reason, "policy.allow");
}

#[test]
fn decision_ids_differ() {
    let mut gateway = gateway();
    let ask = Ask::bare("GET", "/");
    let ids: std::collections::BTreeSet<_> = (0..100).map(|_| send(&mut gateway, &ask).id).collect();
    assert_eq!(ids.len(), 100);
}
