//! DPoP: every block of `cases/dpop.txt` is a request with a proof, and has its own reason.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use palisade_gateway::token::SignatureAlgorithm;
use palisade_gateway::{Expected, Gateway, Host, Shared, SharedMemory};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::cases::{self, Case};
use crate::keys::{self, TestKey, b64};
use crate::world::{Ask, NOW, begin, finish, gateway, gateway_with, memory, send, send_at, send_body, send_to};

const CHALLENGE_ALGS: &str = "algs=\"ES256 ES384 RS256 EdDSA\"";

#[test]
fn every_case_has_its_reason() {
    let mut gateway = gateway();
    let mut reasons = std::collections::BTreeSet::new();
    for (number, mut case) in cases::read(include_str!("../cases/dpop.txt")).into_iter().enumerate() {
        let name = case.require("case");
        let expected = case.require("expect");
        let ask = ask(&mut case, number);
        case.finish();
        let answer = send(&mut gateway, &ask);
        assert_eq!(answer.reason, expected, "{name}");
        let challenge = match expected.as_str() {
            "policy.allow" => None,
            "proof.not_bound" => Some("Bearer error=\"invalid_token\", resource_metadata=\"https://repos.internal/.well-known/oauth-protected-resource\"".to_owned()),
            "proof.sent_as_bearer" | "proof.not_bound_to_dpop" | "dpop.key_mismatch" => {
                Some(format!("DPoP error=\"invalid_token\", {CHALLENGE_ALGS}"))
            }
            reason if reason.starts_with("token.") => Some(format!(
                "DPoP error=\"invalid_token\", resource_metadata=\"https://repos.internal/.well-known/oauth-protected-resource\", {CHALLENGE_ALGS}"
            )),
            _ => Some(format!("DPoP error=\"invalid_dpop_proof\", {CHALLENGE_ALGS}")),
        };
        assert_eq!(answer.status, if challenge.is_some() { 401 } else { 200 }, "{name}");
        assert_eq!(answer.header("www-authenticate"), challenge.as_deref(), "{name}");
        assert_eq!(answer.header("dpop-nonce"), None, "{name}");
        reasons.insert(expected);
    }
    let all: Vec<_> = REASONS.iter().filter(|reason| !reasons.contains(**reason)).collect();
    assert!(all.is_empty(), "no case for {all:?}");
}

/// Every reason for which a proof can be refused, but those of nonces, replays and certificates.
const REASONS: [&str; 22] = [
    "proof.not_bound",
    "proof.sent_as_bearer",
    "proof.not_bound_to_dpop",
    "dpop.key_mismatch",
    "dpop.missing",
    "dpop.repeated",
    "dpop.too_large",
    "dpop.malformed",
    "dpop.typ",
    "dpop.alg",
    "dpop.header_forbidden",
    "dpop.jwk",
    "dpop.jwk_private",
    "dpop.signature",
    "dpop.claim_missing",
    "dpop.claim_type",
    "dpop.htm",
    "dpop.htu",
    "dpop.iat",
    "dpop.ath",
    "token.cnf",
    "token.cnf_unknown",
];

fn key(name: &str) -> TestKey {
    match name {
        "a" => keys::p256(11),
        "b" => keys::p256(12),
        "es384" => keys::p384(11),
        "rs" => keys::rsa(2),
        "ed" => keys::ed25519(11),
        other => panic!("no key `{other}`"),
    }
}

/// The public key as a JWK without `kid`.
pub(crate) fn jwk(key: &TestKey) -> Value {
    let mut jwk: Value = serde_json::from_str(&key.jwk("x")).unwrap();
    jwk.as_object_mut().unwrap().remove("kid");
    jwk
}

/// RFC 7638, by way of a sorted map.
pub(crate) fn thumbprint(key: &TestKey) -> String {
    let members: std::collections::BTreeMap<String, Value> = serde_json::from_value(jwk(key)).unwrap();
    b64(Sha256::digest(serde_json::to_string(&members).unwrap()))
}

fn token(cnf: Option<Value>, issuer: &str) -> String {
    let mut claims =
        json!({"iss": issuer, "aud": "https://gateway", "sub": "fixer", "iat": NOW - 10, "exp": NOW + 300});
    if let Some(cnf) = cnf {
        claims["cnf"] = cnf;
    }
    keys::p256(1).token(r#"{"alg":"ES256","kid":"es"}"#, &claims.to_string())
}

fn bound(key: &TestKey) -> String {
    token(Some(json!({"jkt": thumbprint(key)})), "https://issuer")
}

fn claims(token: &str, jti: &str) -> Map<String, Value> {
    let claims = json!({
        "jti": jti, "htm": "GET", "htu": "https://repos.internal/repos/site", "iat": NOW, "ath": b64(Sha256::digest(token)),
    });
    claims.as_object().unwrap().clone()
}

fn proof(key: &TestKey, claims: &Map<String, Value>) -> String {
    let header = json!({"typ": "dpop+jwt", "alg": key.algorithm().name(), "jwk": jwk(key)});
    key.token(&header.to_string(), &Value::Object(claims.clone()).to_string())
}

fn ask(case: &mut Case, number: usize) -> Ask {
    let key = key(case.take("key").as_deref().unwrap_or("a"));
    let signer = case.take("signer").map(|name| self::key(&name));
    let cnf = match case.take("cnf").as_deref() {
        None => Some(json!({"jkt": thumbprint(&key)})),
        Some("none") => None,
        Some("b") => Some(json!({"jkt": thumbprint(&self::key("b"))})),
        Some(text) => Some(serde_json::from_str(text).unwrap()),
    };
    let token = token(cnf, case.take("issuer").as_deref().unwrap_or("https://issuer"));
    let alg = key.algorithm();
    let alg = if alg.name() == "Ed25519" { "EdDSA" } else { alg.name() };
    let mut header = json!({"typ": "dpop+jwt", "alg": alg, "jwk": jwk(&key)}).as_object().unwrap().clone();
    if let Some(merge) = case.take("header") {
        let merge: Map<String, Value> = serde_json::from_str(&merge).unwrap();
        header.extend(merge);
    }
    if let Some(member) = case.take("jwk") {
        let member: Map<String, Value> = serde_json::from_str(&member).unwrap();
        header.get_mut("jwk").unwrap().as_object_mut().unwrap().extend(member);
    }
    if case.take("drop-header").is_some_and(|name| header.remove(&name).is_none()) {
        panic!("no such header member");
    }
    let mut claims = claims(&token, &format!("proof-{number}"));
    if let Some(merge) = case.take("merge") {
        let merge: Map<String, Value> = serde_json::from_str(&merge).unwrap();
        claims.extend(merge);
    }
    for name in case.take("drop").iter().flat_map(|names| names.split(' ')) {
        assert!(claims.remove(name).is_some(), "no claim `{name}` to drop");
    }
    if let Some(offset) = case.take("iat") {
        claims.insert("iat".to_owned(), json!(i64::try_from(NOW).unwrap() + offset.parse::<i64>().unwrap()));
    }
    let header = Value::Object(header).to_string();
    let proof = signer.as_ref().unwrap_or(&key).token(&header, &Value::Object(claims).to_string());

    let scheme = case.take("scheme").unwrap_or_else(|| "DPoP".to_owned());
    let path = case.take("path").unwrap_or_else(|| "/repos/site".to_owned());
    let mut ask = Ask::bare("GET", &path).header("authorization", format!("{scheme} {token}"));
    if let Some(host) = case.take("host") {
        ask.host = Box::leak(host.into_boxed_str());
    }
    match case.take("proof").as_deref() {
        None => ask.header("dpop", proof),
        Some("none") => ask,
        Some("twice") => ask.header("dpop", &proof).header("DPoP", &proof),
        Some("joined") => ask.header("dpop", format!("{proof}, {proof}")),
        Some("long") => ask.header("dpop", format!("{proof}{}", "A".repeat(4096))),
        Some("token") => ask.header("dpop", &token),
        Some("changed") => {
            let (input, signature) = proof.rsplit_once('.').unwrap();
            let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            signature[7] ^= 1;
            ask.header("dpop", format!("{input}.{}", b64(signature)))
        }
        Some(text) => ask.header("dpop", text),
    }
}

fn send_proof(gateway: &mut Gateway, token: &str, proof: &str, seconds: u64) -> crate::world::Answer {
    let ask = Ask::bare("GET", "/repos/site").header("authorization", format!("DPoP {token}")).header("dpop", proof);
    send_at(gateway, &ask, seconds)
}

#[test]
fn a_proof_is_good_for_one_request() {
    let mut gateway = gateway();
    let key = key("a");
    let token = bound(&key);
    let first = proof(&key, &claims(&token, "one"));
    assert_eq!(send_proof(&mut gateway, &token, &first, NOW).reason, "policy.allow");
    for later in [0, 1, 59, 60] {
        let again = send_proof(&mut gateway, &token, &first, NOW + later);
        assert_eq!((again.reason, again.status, again.cached), ("dpop.replayed", 401, true), "{later}");
    }
    assert_eq!(send_proof(&mut gateway, &token, &first, NOW + 61).reason, "dpop.iat");
    // The same id from another proof of the same key is a replay, too; another key's is not.
    let mut other = claims(&token, "one");
    other.insert("iat".to_owned(), json!(NOW + 1));
    assert_eq!(send_proof(&mut gateway, &token, &proof(&key, &other), NOW).reason, "dpop.replayed");
    let stranger = self::key("b");
    let theirs = bound(&stranger);
    let answer = send_proof(&mut gateway, &theirs, &proof(&stranger, &claims(&theirs, "one")), NOW);
    assert_eq!(answer.reason, "policy.allow");
}

const PING: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// The headers of [`PING`], with a proof of that id.
fn ping(key: &TestKey, token: &str, id: &str) -> Ask {
    let mut claims = claims(token, id);
    claims.insert("htm".to_owned(), json!("POST"));
    claims.insert("htu".to_owned(), json!("https://repos.internal/mcp/http403"));
    let ask = Ask::bare("POST", "/mcp/http403").header("authorization", format!("DPoP {token}"));
    ask.header("dpop", proof(key, &claims)).header("content-type", "application/json")
}

#[test]
fn a_proof_is_good_for_the_headers_and_the_body_of_one_request() {
    let mut gateway = gateway();
    let key = key("a");
    let token = bound(&key);
    let ask = ping(&key, &token, "with-a-body");
    assert_eq!(send_body(&mut gateway, &ask, PING).reason, "policy.allow");
    assert_eq!(send_body(&mut gateway, &ask, PING).reason, "dpop.replayed");
}

#[test]
fn a_proof_whose_body_is_awaited_is_used_up_for_others() {
    let mut gateway = gateway();
    let key = key("a");
    let token = bound(&key);
    let ask = ping(&key, &token, "awaited");
    let first = begin(&mut gateway, &ask);
    assert_eq!(send_body(&mut gateway, &ask, PING).reason, "dpop.replayed");
    assert_eq!(finish(&mut gateway, &ask, PING, first, NOW).reason, "policy.allow");
    assert_eq!(send_body(&mut gateway, &ask, PING).reason, "dpop.replayed");
    // And the proof is judged as of then, like the token.
    let slow = ping(&key, &token, "slow");
    let second = begin(&mut gateway, &slow);
    assert_eq!(finish(&mut gateway, &slow, PING, second, NOW + 299).reason, "dpop.iat");
}

#[test]
fn a_refused_proof_is_not_used_up() {
    let mut gateway = gateway();
    let key = key("a");
    let token = bound(&key);
    let good = proof(&key, &claims(&token, "later"));
    let ask = Ask::bare("POST", "/deploy/x").header("authorization", format!("DPoP {token}")).header("dpop", &good);
    assert_eq!(send(&mut gateway, &ask).reason, "dpop.htm");
    assert_eq!(send_proof(&mut gateway, &token, &good, NOW).reason, "policy.allow");
}

#[test]
fn proofs_that_cannot_be_remembered_are_refused() {
    // Two in each of 1024 buckets: some third one comes soon.
    let mut gateway = gateway_with(r#","dpop":{"replay_entries":1}"#);
    let key = key("a");
    let token = bound(&key);
    let with = |jti: &str, iat: u64| {
        let mut claims = claims(&token, jti);
        claims.insert("iat".to_owned(), json!(iat));
        proof(&key, &claims)
    };
    let mut jtis = (0..2000).map(|n| n.to_string());
    let (jti, full) = jtis
        .find_map(|jti| {
            let answer = send_proof(&mut gateway, &token, &with(&jti, NOW), NOW);
            (answer.reason != "policy.allow").then_some((jti, answer))
        })
        .expect("no bucket has three");
    assert_eq!((full.reason, full.status), ("dpop.replay_cache_full", 503));
    assert_eq!(full.header("www-authenticate"), None);
    assert!(full.header("retry-after").is_some());
    assert_eq!(send_proof(&mut gateway, &token, &with("0", NOW), NOW).reason, "dpop.replayed");
    // Room comes with time.
    let later = NOW + 66;
    assert_eq!(send_proof(&mut gateway, &token, &with(&jti, later), later).reason, "policy.allow");
}

#[test]
fn a_proof_is_good_once_for_all_workers_and_under_the_next_bundle() {
    let key = key("a");
    let token = bound(&key);
    let used = proof(&key, &claims(&token, "shared"));
    assert_eq!(send_proof(&mut gateway(), &token, &used, NOW).reason, "policy.allow");
    // Another worker, and one with another configuration.
    for mut other in [gateway(), gateway_with(r#","dpop":{"replay_entries":1},"on_forbid_error":"skip""#)] {
        let answer = send_proof(&mut other, &token, &used, NOW);
        assert_eq!((answer.reason, answer.status), ("dpop.replayed", 401));
    }
}

#[test]
fn where_the_memory_of_proofs_fails_nothing_is_let_through() {
    let key = key("a");
    let token = bound(&key);
    let mut gateway = gateway();
    let first = proof(&key, &claims(&token, "first"));
    let ask = Ask::bare("GET", "/repos/site").header("authorization", format!("DPoP {token}")).header("dpop", &first);
    let answer = send_to(&mut gateway, &ask, &mut Forgetful);
    assert_eq!((answer.reason, answer.status), ("dpop.replay_memory", 503));
    assert!(answer.header("retry-after").is_some());
    // Only proofs need it.
    assert_eq!(send_to(&mut gateway, &Ask::new("GET", "/repos/site"), &mut Forgetful).reason, "policy.allow");

    // Another filter of the proxy has written over everything.
    let mut memory = memory();
    for bucket in 0..1024 {
        assert!(memory.share(&format!("palisade.replay.dpop.{bucket}"), b"junk", Expected::Anything));
    }
    let answer = send_proof(&mut gateway, &token, &first, NOW);
    assert_eq!((answer.reason, answer.status), ("dpop.replay_unknown", 503));
    assert_eq!(send_proof(&mut gateway, &token, &first, NOW).reason, "dpop.replay_unknown");
    let later = NOW + 121;
    let mut claims = claims(&token, "first");
    claims.insert("iat".to_owned(), json!(later));
    assert_eq!(send_proof(&mut gateway, &token, &proof(&key, &claims), later).reason, "policy.allow");
}

/// A host without shared memory.
struct Forgetful;

impl SharedMemory for Forgetful {
    fn shared(&mut self, _: &str) -> Shared {
        Shared::Unsupported
    }

    fn share(&mut self, _: &str, _: &[u8], _: Expected) -> bool {
        false
    }
}

impl Host for Forgetful {
    fn now_nanos(&mut self) -> u64 {
        NOW * 1_000_000_000
    }

    fn verify_signature(&mut self, _: SignatureAlgorithm, _: &[u8], _: &[u8], _: &[u8]) -> Option<bool> {
        None
    }

    fn client_certificate(&mut self) -> Option<[u8; 32]> {
        None
    }

    fn client_certificate_der(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn fill_random(&mut self, _: &mut [u8]) {}
}

#[test]
fn where_nonces_are_asked_for_a_proof_has_ours() {
    let secret = STANDARD.encode([7; 32]);
    let tail = format!(r#","dpop":{{"nonce_key":"{secret}"}}"#);
    let mut gateway = gateway_with(&tail);
    let key = key("a");
    let token = bound(&key);
    let with = |jti: &str, nonce: Option<Value>, iat: u64| {
        let mut claims = claims(&token, jti);
        claims.insert("iat".to_owned(), json!(iat));
        if let Some(nonce) = nonce {
            claims.insert("nonce".to_owned(), nonce);
        }
        proof(&key, &claims)
    };
    let asked = send_proof(&mut gateway, &token, &with("1", None, NOW), NOW);
    assert_eq!((asked.reason, asked.status), ("dpop.nonce_missing", 401));
    assert_eq!(asked.header("www-authenticate"), Some("DPoP error=\"use_dpop_nonce\""));
    let nonce = asked.header("dpop-nonce").unwrap().to_owned();
    assert_eq!(send_proof(&mut gateway, &token, &with("2", Some(json!(nonce)), NOW), NOW).reason, "policy.allow");
    // Another worker with the same key takes it, too; one with another does not.
    let answer = send_proof(&mut gateway_with(&tail), &token, &with("3", Some(json!(nonce)), NOW), NOW);
    assert_eq!(answer.reason, "policy.allow");
    let other = gateway_with(&tail.replace(&secret, &STANDARD.encode([8; 32])));
    for (mut gateway, nonce, at) in [
        (other, json!(nonce), NOW),
        (gateway_with(&tail), json!(nonce), NOW + 120),
        (gateway_with(&tail), json!(""), NOW),
        (gateway_with(&tail), json!(7), NOW),
        (gateway_with(&tail), Value::Null, NOW),
    ] {
        let answer = send_proof(&mut gateway, &token, &with("4", Some(nonce), at), at);
        assert_eq!((answer.reason, answer.status), ("dpop.nonce", 401));
        assert_eq!(answer.header("www-authenticate"), Some("DPoP error=\"use_dpop_nonce\""));
        assert!(answer.header("dpop-nonce").is_some());
    }
    // Nothing else gives a nonce away.
    let mut claims = claims(&token, "5");
    claims.insert("htm".to_owned(), json!("POST"));
    assert_eq!(send_proof(&mut gateway, &token, &proof(&key, &claims), NOW).header("dpop-nonce"), None);
}

#[test]
fn every_changed_character_of_a_proof_is_refused() {
    let mut gateway = gateway();
    let key = key("a");
    let token = bound(&key);
    let good = proof(&key, &claims(&token, "mutated"));
    for at in 0..good.len() {
        let old = good.as_bytes()[at];
        for new in [b'A', b'.', b'-', old ^ 1] {
            if new == old {
                continue;
            }
            let mut changed = good.clone().into_bytes();
            changed[at] = new;
            let changed = String::from_utf8_lossy(&changed).into_owned();
            let answer = send_proof(&mut gateway, &token, &changed, NOW);
            assert_eq!(answer.status, 401, "character {at} as {new:#x}: {}", answer.reason);
        }
    }
    assert_eq!(send_proof(&mut gateway, &token, &good, NOW).reason, "policy.allow");
}
