use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::algorithms::RS256KeyPair;
use palisade_gateway::revocation::EntryKind;
use serde_json::{Value, json};
use std::sync::LazyLock;

use super::*;

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://idp.example";

/// Made once: it takes a while.
static KEY: LazyLock<RS256KeyPair> = LazyLock::new(|| RS256KeyPair::generate(2048).unwrap());
static OTHER: LazyLock<RS256KeyPair> = LazyLock::new(|| RS256KeyPair::generate(2048).unwrap());

fn jwk(key: &RS256KeyPair, kid: &str) -> Value {
    let components = key.public_key().to_components();
    let (n, e) = (URL_SAFE_NO_PAD.encode(components.n), URL_SAFE_NO_PAD.encode(components.e));
    json!({"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "n": n, "e": e})
}

fn key_set(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({"keys": keys}).to_string().as_bytes())
}

fn transmitters() -> Vec<Transmitter> {
    let keys = key_set(&[jwk(&KEY, "k1")]).unwrap();
    vec![Transmitter { issuer: ISSUER.to_owned(), audience: "https://gateways.example".to_owned(), keys }]
}

fn header() -> Value {
    json!({"typ": "secevent+jwt", "alg": "RS256", "kid": "k1"})
}

fn claims(event: &str, payload: Value, subject: Value) -> Value {
    let name = format!("https://schemas.openid.net/secevent/caep/event-type/{event}");
    json!({
        "iss": ISSUER, "aud": "https://gateways.example", "jti": "e1", "iat": NOW - 5,
        "sub_id": subject, "events": {name: payload},
    })
}

fn revoked() -> Value {
    claims(
        "session-revoked",
        json!({"event_timestamp": NOW - 10}),
        json!({"format": "iss_sub", "iss": ISSUER, "sub": "u1"}),
    )
}

fn sign_with(key: &RS256KeyPair, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = raw_signature(key, &signed);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// PKCS #1 v1.5 with SHA-256, of exactly these bytes.
fn raw_signature(key: &RS256KeyPair, signed: &str) -> Vec<u8> {
    use ring::rand::SystemRandom;
    use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
    let pair = RsaKeyPair::from_pkcs8(&key.to_der().unwrap()).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    signature
}

fn verify(token: &str) -> Result<Event, SetError> {
    Transmitter::verify(&transmitters(), token.as_bytes(), NOW).map(|(_, event)| event)
}

fn refusal(header: &Value, claims: &Value) -> &'static str {
    verify(&sign_with(&KEY, header, claims)).unwrap_err().code()
}

fn event(claims: &Value) -> Event {
    verify(&sign_with(&KEY, &header(), claims)).unwrap()
}

#[test]
fn events_become_entries() {
    let subject = |value: Value| event(&claims("session-revoked", json!({}), value));
    for (event, kind, id, before) in [
        (event(&revoked()), EntryKind::Subject, "u1", Some(NOW - 9)),
        (subject(json!({"format": "email", "email": "a@b.example"})), EntryKind::Subject, "a@b.example", Some(NOW - 4)),
        (subject(json!({"format": "opaque", "id": "x"})), EntryKind::Subject, "x", Some(NOW - 4)),
        (subject(json!({"format": "jwt_id", "iss": ISSUER, "jti": "t"})), EntryKind::Token, "t", None),
        (
            subject(json!({"format": "complex", "user": {"format": "iss_sub", "iss": ISSUER, "sub": "u2"},
                           "tenant": {"format": "opaque", "id": "t"}})),
            EntryKind::Subject,
            "u2",
            Some(NOW - 4),
        ),
        (
            subject(json!({"format": "complex", "user": {"format": "email", "email": "a@b.example"},
                           "session": {"format": "opaque", "id": "s"}})),
            EntryKind::Session,
            "s",
            None,
        ),
        (
            event(&claims(
                "credential-change",
                json!({"change_type": "revoke"}),
                json!({"format": "opaque", "id": "x"}),
            )),
            EntryKind::Subject,
            "x",
            Some(NOW - 4),
        ),
        (
            event(&claims(
                "risk-level-change",
                json!({"current_level": "HIGH"}),
                json!({"format": "opaque", "id": "x"}),
            )),
            EntryKind::Subject,
            "x",
            Some(NOW - 4),
        ),
    ] {
        let entry = event.revocation("dev").unwrap();
        assert_eq!((entry.kind, entry.issuer.as_deref(), entry.id.as_deref()), (kind, Some("dev"), Some(id)));
        assert_eq!(entry.issued_before, before, "{event:?}");
        assert_eq!(entry.check(), Ok(()));
    }
}

#[test]
fn what_is_no_reason_to_revoke_is_taken() {
    let subject = json!({"format": "opaque", "id": "x"});
    let mut verification = claims("x", json!({}), subject.clone());
    verification["events"] = json!({"https://schemas.openid.net/secevent/ssf/event-type/verification": {"state": "s"}});
    for claims in [
        claims("risk-level-change", json!({"current_level": "LOW"}), subject.clone()),
        claims("session-established", json!({}), subject.clone()),
        claims("session-revoked", json!({}), json!({"format": "phone_number", "phone_number": "+1"})),
        claims("session-revoked", json!({}), json!({"format": "complex", "tenant": subject})),
        verification,
    ] {
        assert_eq!(event(&claims).revocation("dev"), None, "{claims}");
    }
}

#[test]
fn an_event_of_the_future_revokes_nothing_of_the_future() {
    let mut claims = revoked();
    claims["events"]["https://schemas.openid.net/secevent/caep/event-type/session-revoked"]["event_timestamp"] =
        json!(NOW * 2);
    assert_eq!(event(&claims).at, NOW);
    claims["iat"] = json!(NOW + 61);
    assert_eq!(refusal(&header(), &claims), "invalid_request");
}

#[test]
fn claims_that_are_missing_or_mistyped_are_refused() {
    for (pointer, value, code) in [
        ("/iss", json!("https://other.example"), "invalid_issuer"),
        ("/iss", json!(7), "invalid_request"),
        ("/aud", json!("https://other.example"), "invalid_audience"),
        ("/aud", json!(["https://other.example"]), "invalid_audience"),
        ("/aud", json!(["https://gateways.example", 7]), "invalid_request"),
        ("/aud", json!({}), "invalid_request"),
        ("/jti", json!(""), "invalid_request"),
        ("/jti", json!(7), "invalid_request"),
        ("/iat", json!("1"), "invalid_request"),
        ("/iat", json!(-1), "invalid_request"),
        ("/sub", json!("u1"), "invalid_request"),
        ("/exp", json!(NOW + 60), "invalid_request"),
        ("/events", json!({}), "invalid_request"),
        ("/events", json!([]), "invalid_request"),
        ("/events", json!({"a": {}, "b": {}}), "invalid_request"),
        ("/events", json!({"a": 1}), "invalid_request"),
        ("/sub_id", json!({}), "invalid_request"),
        ("/sub_id", json!({"format": "iss_sub", "iss": ISSUER}), "invalid_request"),
        ("/sub_id", json!({"format": "opaque", "id": ""}), "invalid_request"),
        ("/sub_id", json!({"format": "iss_sub", "iss": "https://other.example", "sub": "u1"}), "access_denied"),
        ("/sub_id", json!({"format": "jwt_id", "iss": "https://other.example", "jti": "t"}), "access_denied"),
    ] {
        let mut claims = revoked();
        claims[&pointer[1..]] = value.clone();
        assert_eq!(refusal(&header(), &claims), code, "{pointer} {value}");
    }
    for name in ["iss", "aud", "jti", "iat", "events", "sub_id"] {
        let mut claims = revoked();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(refusal(&header(), &claims), "invalid_request", "{name}");
    }
    let mut claims = revoked();
    claims["events"] =
        json!({"https://schemas.openid.net/secevent/caep/event-type/risk-level-change": {"current_level": "high"}});
    assert_eq!(refusal(&header(), &claims), "invalid_request");
}

#[test]
fn headers_of_other_tokens_are_refused() {
    for (name, value, code) in [
        ("typ", json!("JWT"), "invalid_request"),
        ("typ", json!("at+jwt"), "invalid_request"),
        ("typ", Value::Null, "invalid_request"),
        ("alg", json!("none"), "invalid_request"),
        ("alg", json!("HS256"), "invalid_request"),
        ("alg", json!("rs256"), "invalid_request"),
        ("crit", json!(["x"]), "invalid_request"),
        ("b64", json!(true), "invalid_request"),
        ("kid", json!("k2"), "invalid_key"),
        ("kid", Value::Null, "invalid_key"),
    ] {
        let mut header = header();
        header[name] = value.clone();
        assert_eq!(refusal(&header, &revoked()), code, "{name} {value}");
    }
    let mut typed = header();
    typed["typ"] = json!("Application/SecEvent+JWT");
    assert!(verify(&sign_with(&KEY, &typed, &revoked())).is_ok());
}

#[test]
fn only_the_transmitter_s_key_signs() {
    let forged = sign_with(&OTHER, &header(), &revoked());
    assert_eq!(verify(&forged).unwrap_err().code(), "invalid_key");
    let good = sign_with(&KEY, &header(), &revoked());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[0] ^= 1;
    let altered = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&bytes));
    assert_eq!(verify(&altered).unwrap_err().code(), "invalid_key");
    for token in [
        "",
        "a.b.c",
        "..",
        signed,
        &format!("{good}.x"),
        &format!("{good} "),
        &format!("{good}="),
        "{\"payload\":\"\"}",
    ] {
        assert_eq!(verify(token).unwrap_err().code(), "invalid_request", "{token}");
    }
}

#[test]
fn key_sets_are_rsa_and_clear() {
    let good = jwk(&KEY, "k1");
    let changed = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    assert_eq!(key_set(&[good.clone(), jwk(&OTHER, "k1")]).unwrap_err(), KeySetError::Ambiguous);
    for key in [
        changed("kty", json!("EC")),
        changed("alg", json!("RS512")),
        changed("use", json!("enc")),
        changed("kid", Value::Null),
        changed("n", json!("not base64!")),
        changed("d", json!("AQAB")),
    ] {
        assert_eq!(key_set(std::slice::from_ref(&key)).unwrap_err(), KeySetError::NoKey, "{key}");
    }
    for text in ["", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[],\"keys\":[]}"] {
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), KeySetError::Malformed, "{text}");
    }
    // A short key is in the set and signs nothing.
    let short = key_set(&[changed("n", json!("AQAB"))]).unwrap();
    assert_eq!(short.verify("k1", b"x", b"y"), Some(false));
}
