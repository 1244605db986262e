//! Transaction tokens beside an authenticated caller.

use serde_json::{Map, Value, json};

use crate::keys;
use crate::world::{Ask, CLAIMS, NOW, gateway, send};

const HEADER: &str = r#"{"typ":"txntoken+jwt","alg":"ES256","kid":"tts"}"#;

fn claims(merge: &str, drop: &str) -> String {
    let claims = json!({
        "iss": "https://tts.internal", "aud": "trust.internal", "iat": NOW - 5, "exp": NOW + 60, "txn": "t-1", "sub": "ann",
        "scope": "pay", "req_wl": "spiffe://trust.internal/front", "tctx": {"amount": 50}, "rctx": {"ip": "10.0.0.1"},
    });
    let mut claims = claims.as_object().unwrap().clone();
    let merge: Map<String, Value> = serde_json::from_str(merge).unwrap();
    claims.extend(merge);
    if !drop.is_empty() {
        assert!(claims.remove(drop).is_some(), "{drop}");
    }
    Value::Object(claims).to_string()
}

fn token(header: &str, merge: &str, drop: &str) -> String {
    keys::p256(21).token(header, &claims(merge, drop))
}

/// A transaction token that is all right, of the transaction `t-1`.
pub(crate) fn good() -> String {
    token(HEADER, "{}", "")
}

#[test]
fn a_transaction_token_is_context() {
    let mut gateway = gateway();
    for path in ["/txn/optional", "/txn/required"] {
        let answer = send(&mut gateway, &Ask::new("GET", path).header("txn-token", good()));
        assert_eq!(answer.reason, "policy.allow", "{path}");
        assert_eq!(answer.record["transaction"], json!("t-1"));
        assert!(answer.stripped.is_empty() && answer.removed.is_empty(), "it goes on as it is");
        let large = token(HEADER, r#"{"tctx":{"amount":101}}"#, "");
        assert_eq!(send(&mut gateway, &Ask::new("GET", path).header("Txn-Token", large)).reason, "policy.deny");
        let mistyped = token(HEADER, r#"{"tctx":{"amount":"50"}}"#, "");
        let answer = send(&mut gateway, &Ask::new("GET", path).header("txn-token", mistyped));
        assert_eq!((answer.reason, &answer.record["attribute"]), ("context.type", &json!("amount")));
    }
    // What one request brought does not serve the next.
    let bare = send(&mut gateway, &Ask::new("GET", "/txn/optional"));
    assert_eq!((bare.reason, bare.record.get("transaction")), ("policy.deny", None));
    let missing = send(&mut gateway, &Ask::new("GET", "/txn/required"));
    assert_eq!((missing.reason, missing.status), ("transaction.missing", 400));
    let no_issuer = token(HEADER, "{}", "iss");
    assert_eq!(
        send(&mut gateway, &Ask::new("GET", "/txn/required").header("txn-token", no_issuer)).reason,
        "policy.allow"
    );
}

#[test]
fn it_is_no_credential() {
    let mut gateway = gateway();
    for ask in [
        Ask::bare("GET", "/txn/required").header("txn-token", good()),
        Ask::bare("GET", "/txn/optional").header("txn-token", good()),
    ] {
        assert_eq!(send(&mut gateway, &ask).reason, "token.missing");
    }
    let ask = Ask::bare("GET", "/txn/required").header("authorization", format!("Bearer {}", good()));
    assert_eq!(send(&mut gateway, &ask).reason, "token.issuer_unknown");
    // Nor is an issuer's own token of that kind.
    let same = keys::p256(1).token(r#"{"typ":"txntoken+jwt","alg":"ES256","kid":"es"}"#, CLAIMS);
    let ask = Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {same}"));
    assert_eq!(send(&mut gateway, &ask).reason, "token.typ");
}

#[test]
fn at_the_edge_there_is_none() {
    let mut gateway = gateway();
    let refused = send(&mut gateway, &Ask::new("GET", "/txn/refuse").header("txn-token", good()));
    assert_eq!((refused.reason, refused.status), ("transaction.refused", 400));
    let empty = send(&mut gateway, &Ask::new("GET", "/txn/refuse").header("Txn-Token", ""));
    assert_eq!(empty.reason, "transaction.refused");
    assert_eq!(send(&mut gateway, &Ask::new("GET", "/txn/refuse")).reason, "policy.allow");

    for value in [good(), "anything".to_owned(), String::new()] {
        let ask = Ask::new("GET", "/repos/site").header("txn-token", &value);
        let answer = send(&mut gateway, &ask);
        assert_eq!(
            (answer.reason, answer.stripped.as_slice()),
            ("policy.allow", &["txn-token".to_owned()][..]),
            "{value}"
        );
        let answer = send(&mut gateway, &ask.header("TXN-TOKEN", &value));
        assert_eq!(answer.stripped, ["txn-token"], "{value}");
    }
    assert!(send(&mut gateway, &Ask::new("GET", "/repos/site")).stripped.is_empty());
}

#[test]
fn what_does_not_hold_is_refused() {
    let mut gateway = gateway();
    let header = |header: &str| token(header, "{}", "");
    let merged = |merge: &str| token(HEADER, merge, "");
    let stranger = keys::p256(22).token(HEADER, &claims("{}", ""));
    let issuers_own = keys::p256(1).token(HEADER, &claims("{}", ""));
    let mut cases = vec![
        (String::new(), "transaction.malformed"),
        ("x".to_owned(), "transaction.malformed"),
        ("a.b.c".to_owned(), "transaction.malformed"),
        (format!("{}, {}", good(), good()), "transaction.repeated"),
        (header(r#"{"alg":"ES256","kid":"tts"}"#), "transaction.typ"),
        (header(r#"{"typ":"JWT","alg":"ES256","kid":"tts"}"#), "transaction.typ"),
        (header(r#"{"typ":"at+jwt","alg":"ES256","kid":"tts"}"#), "transaction.typ"),
        (header(r#"{"typ":"secevent+jwt","alg":"ES256","kid":"tts"}"#), "transaction.typ"),
        (header(r#"{"typ":"txntoken+jwt","alg":"none","kid":"tts"}"#), "transaction.signature"),
        (header(r#"{"typ":"txntoken+jwt","alg":"ES384","kid":"tts"}"#), "transaction.signature"),
        (header(r#"{"typ":"txntoken+jwt","alg":"ES256","kid":"other"}"#), "transaction.signature"),
        (header(r#"{"typ":"txntoken+jwt","alg":"ES256","kid":"tts","crit":["x"]}"#), "transaction.signature"),
        (stranger, "transaction.signature"),
        (issuers_own, "transaction.signature"),
        (merged(r#"{"iss":"https://evil"}"#), "transaction.issuer"),
        (merged(r#"{"iss":7}"#), "transaction.issuer"),
        (merged(r#"{"aud":"other.internal"}"#), "transaction.audience"),
        (merged(r#"{"aud":["trust.internal","other.internal"]}"#), "transaction.audience"),
        (merged(r#"{"aud":7}"#), "transaction.claim"),
        (merged(&format!(r#"{{"exp":{}}}"#, NOW - 5)), "transaction.time"),
        (merged(&format!(r#"{{"exp":{}}}"#, NOW + 300)), "transaction.time"),
        (merged(&format!(r#"{{"iat":{}}}"#, NOW + 6)), "transaction.time"),
        (merged(r#"{"exp":"soon"}"#), "transaction.claim"),
        (merged(r#"{"tctx":"x"}"#), "transaction.claim"),
        (merged(r#"{"rctx":[]}"#), "transaction.claim"),
        (merged(r#"{"txn":7}"#), "transaction.claim"),
        (merged(r#"{"txn":""}"#), "transaction.claim"),
        (merged(r#"{"scope":["pay"]}"#), "transaction.claim"),
        (token(HEADER, "{}", "aud"), "transaction.audience"),
        (token(HEADER, "{}", "exp"), "transaction.time"),
        (token(HEADER, "{}", "iat"), "transaction.time"),
        (token(HEADER, &format!(r#"{{"nbf":{NOW}}}"#), "iat"), "transaction.claim"),
    ];
    for name in ["txn", "sub", "scope", "req_wl"] {
        cases.push((token(HEADER, "{}", name), "transaction.claim"));
    }
    for (value, reason) in cases {
        for path in ["/txn/optional", "/txn/required"] {
            let answer = send(&mut gateway, &Ask::new("GET", path).header("txn-token", &value));
            assert_eq!((answer.reason, answer.status), (reason, 400), "{path} {value}");
            assert!(answer.all("www-authenticate").is_empty(), "no scheme is about this header");
            let body: Value = serde_json::from_str(answer.body.as_deref().unwrap()).unwrap();
            assert_eq!(body["reason"], json!("invalid_transaction_token"));
        }
    }
    let twice = Ask::new("GET", "/txn/optional").header("txn-token", good()).header("Txn-Token", good());
    assert_eq!(send(&mut gateway, &twice).reason, "transaction.repeated");
}
