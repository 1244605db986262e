//! Workload identity tokens with their proofs: every block of `cases/workload.txt` is a request, and has its own reason.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_gateway::Gateway;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::cases::{self, Case};
use crate::dpop::{jwk, thumbprint};
use crate::keys::{self, TestKey, b64};
use crate::world::{Answer, Ask, NOW, gateway, gateway_with, gateway_with_section, send, send_at, send_body};

#[test]
fn every_case_has_its_reason() {
    let mut gateway = gateway();
    let mut reasons = std::collections::BTreeSet::new();
    for (number, mut case) in cases::read(include_str!("../cases/workload.txt")).into_iter().enumerate() {
        let name = case.require("case");
        let expected = case.require("expect");
        let ask = ask(&mut case, number);
        case.finish();
        let answer = send(&mut gateway, &ask);
        assert_eq!(answer.reason, expected, "{name}");
        let client = match expected.as_str() {
            "policy.allow" => None,
            "credential.two_methods" | "credential.in_query" => Some("invalid_request"),
            "wpt.without_token" => Some("invalid_workload_identity_token"),
            reason if reason.starts_with("wpt.") => Some("invalid_workload_proof_token"),
            _ => Some("invalid_workload_identity_token"),
        };
        assert_eq!(answer.status, if client.is_some() { 400 } else { 200 }, "{name}");
        // No authentication scheme is about these headers.
        let challenge = (client == Some("invalid_request")).then_some("Bearer error=\"invalid_request\"");
        assert_eq!(answer.header("www-authenticate"), challenge, "{name}");
        let own = ["workload-identity-token", "workload-proof-token"].map(str::to_owned);
        match client {
            None => assert!(answer.stripped.ends_with(&own), "{name}"),
            Some(client) => {
                let body: Value = serde_json::from_str(answer.body.as_deref().unwrap()).unwrap();
                assert_eq!((&body["reason"], &body["status"]), (&json!(client), &json!(400)), "{name}");
                assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
            }
        }
        reasons.insert(expected);
    }
    let all: Vec<_> = REASONS.iter().filter(|reason| !reasons.contains(**reason)).collect();
    assert!(all.is_empty(), "no case for {all:?}");
}

/// Every reason for which a workload can be refused, but those of replays, and those that tokens of all kinds share.
const REASONS: [&str; 33] = [
    "credential.two_methods",
    "credential.repeated",
    "credential.malformed",
    "token.too_large",
    "token.typ",
    "token.kid_missing",
    "token.workload_id",
    "token.trust_domain",
    "token.issuer_unknown",
    "token.cnf",
    "token.cnf_missing",
    "token.cnf_jwk",
    "token.cnf_jwk_private",
    "token.cnf_jwk_alg",
    "wpt.without_token",
    "wpt.missing",
    "wpt.repeated",
    "wpt.too_large",
    "wpt.malformed",
    "wpt.typ",
    "wpt.alg",
    "wpt.header_forbidden",
    "wpt.signature",
    "wpt.claim_missing",
    "wpt.claim_type",
    "wpt.aud",
    "wpt.expired",
    "wpt.lifetime",
    "wpt.not_yet_valid",
    "wpt.wth",
    "wpt.ath",
    "wpt.tth",
    "wpt.oth",
];

fn key(name: &str) -> TestKey {
    match name {
        "a" => keys::p256(41),
        "b" => keys::p256(42),
        "es384" => keys::p384(41),
        "es512" => keys::p521(41),
        "rs" => keys::rsa(2),
        "ed" => keys::ed25519(41),
        other => panic!("no key `{other}`"),
    }
}

/// The thumbprint of the key `a`, in base64url, for the world's policies.
pub(crate) fn thumbprint_of_a() -> String {
    thumbprint(&key("a"))
}

/// `cnf` with a workload's key.
fn confirmation(key: &TestKey) -> Value {
    let mut jwk = jwk(key);
    jwk["alg"] = json!(key.algorithm().name());
    json!({ "jwk": jwk })
}

fn token_claims(issuer: &str, key: &TestKey) -> Map<String, Value> {
    let claims = match issuer {
        "wit" => json!({"sub": "wimse://example.org/ns/prod/web", "iss": "https://wit.example.org", "iat": NOW - 10}),
        "svid" => json!({"sub": "spiffe://svid.org/ns/prod/sa/web", "nbf": NOW - 10}),
        other => panic!("no issuer `{other}`"),
    };
    let mut claims = claims.as_object().unwrap().clone();
    claims.insert("exp".to_owned(), json!(NOW + 300));
    claims.insert("cnf".to_owned(), confirmation(key));
    claims
}

fn sign(key: &TestKey, header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
    key.token(&Value::Object(header.clone()).to_string(), &Value::Object(claims.clone()).to_string())
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// A token of the issuer `wit`, bound to a key.
fn token(key: &TestKey) -> String {
    let header = object(json!({"typ": "wit+jwt", "alg": "ES256", "kid": "wit"}));
    sign(&keys::p256(31), &header, &token_claims("wit", key))
}

/// A request of a workload that is all right, as often as there are numbers; its id, and the thumbprint of its key.
pub(crate) fn good(number: usize) -> (Ask, &'static str, String) {
    let mut nothing = cases::read("case: all right\n").remove(0);
    nothing.require("case");
    (ask(&mut nothing, number), "wimse://example.org/ns/prod/web", thumbprint_of_a())
}

fn hash(text: impl AsRef<[u8]>) -> Value {
    json!(b64(Sha256::digest(text)))
}

fn proof_claims(token: &str, jti: &str) -> Map<String, Value> {
    object(json!({"aud": "https://repos.internal/repos/site", "exp": NOW + 60, "jti": jti, "wth": hash(token)}))
}

fn proof(key: &TestKey, claims: &Map<String, Value>) -> String {
    sign(key, &object(json!({"typ": "wpt+jwt", "alg": key.algorithm().name()})), claims)
}

/// Members to set; text after `sha256:` stands for its digest.
fn merge(to: &mut Map<String, Value>, text: &str) {
    let members: Map<String, Value> = serde_json::from_str(text).unwrap();
    to.extend(members.into_iter().map(|(name, value)| (name, hashed(value))));
}

fn hashed(value: Value) -> Value {
    match value {
        Value::String(text) => text.strip_prefix("sha256:").map_or(json!(text), hash),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, hashed(value))).collect(),
        other => other,
    }
}

/// Takes `WHAT-header`, `WHAT-merge` and the like of a case, for a token or its proof.
fn change(case: &mut Case, what: &str, header: &mut Map<String, Value>, claims: &mut Map<String, Value>) {
    for (name, target) in [("header", &mut *header), ("merge", &mut *claims)] {
        if let Some(text) = case.take(&format!("{what}-{name}")) {
            merge(target, &text);
        }
    }
    for (name, target) in [("drop-header", header), ("drop", &mut *claims)] {
        for member in case.take(&format!("{what}-{name}")).iter().flat_map(|names| names.split(' ')) {
            assert!(target.remove(member).is_some(), "no `{member}` to drop");
        }
    }
    if let Some(offset) = case.take(&format!("{what}-exp")) {
        claims.insert("exp".to_owned(), json!(i64::try_from(NOW).unwrap() + offset.parse::<i64>().unwrap()));
    }
}

fn ask(case: &mut Case, number: usize) -> Ask {
    let issuer = case.take("issuer").unwrap_or_else(|| "wit".to_owned());
    let key = key(case.take("key").as_deref().unwrap_or("a"));
    let kid = if issuer == "svid" { "ws" } else { "wit" };
    let mut header = object(json!({"typ": "wit+jwt", "alg": "ES256", "kid": kid}));
    let mut claims = token_claims(&issuer, &key);
    change(case, "token", &mut header, &mut claims);
    if let Some(members) = case.take("jwk") {
        merge(claims.get_mut("cnf").unwrap()["jwk"].as_object_mut().unwrap(), &members);
    }
    if let Some(member) = case.take("drop-jwk") {
        assert!(claims.get_mut("cnf").unwrap()["jwk"].as_object_mut().unwrap().remove(&member).is_some());
    }
    let own = if issuer == "svid" { "svid" } else { "wit" };
    let token_key = match case.take("token-key").as_deref().unwrap_or(own) {
        "wit" => keys::p256(31),
        "svid" => keys::p256(32),
        "jwt-svid" => keys::p256(33),
        "stranger" => keys::p256(34),
        other => panic!("no key `{other}`"),
    };
    let token = sign(&token_key, &header, &claims);

    let path = case.take("path").unwrap_or_else(|| "/repos/site".to_owned());
    let mut header = object(json!({"typ": "wpt+jwt", "alg": key.algorithm().name()}));
    let mut claims = proof_claims(&token, &format!("proof-{number}"));
    change(case, "proof", &mut header, &mut claims);
    let signer = case.take("signer").map(|name| self::key(&name));
    let proof = sign(signer.as_ref().unwrap_or(&key), &header, &claims);

    let mut ask = Ask::bare("GET", &path);
    if let Some(host) = case.take("host") {
        ask.host = Box::leak(host.into_boxed_str());
    }
    for name in ["with", "with-2"] {
        if let Some(line) = case.take(name) {
            let (name, value) = line.split_once(':').unwrap();
            ask = ask.header(name, value.strip_prefix(' ').unwrap_or(value));
        }
    }
    const TOKEN: &str = "workload-identity-token";
    const PROOF: &str = "workload-proof-token";
    ask = match case.take("token").as_deref() {
        None => ask.header(TOKEN, &token),
        Some("none") => ask,
        Some("twice") => ask.header(TOKEN, &token).header("Workload-Identity-Token", &token),
        Some("joined") => ask.header(TOKEN, format!("{token}, {token}")),
        Some("long") => ask.header(TOKEN, format!("{token}{}", "A".repeat(8192))),
        Some("proof") => ask.header(TOKEN, &proof),
        Some("access") => ask.header(TOKEN, crate::world::token()),
        Some(text) => ask.header(TOKEN, text),
    };
    match case.take("proof").as_deref() {
        None => ask.header(PROOF, proof),
        Some("none") => ask,
        Some("twice") => ask.header(PROOF, &proof).header("Workload-Proof-Token", &proof),
        Some("joined") => ask.header(PROOF, format!("{proof}, {proof}")),
        Some("long") => ask.header(PROOF, format!("{proof}{}", "A".repeat(4096))),
        Some("token") => ask.header(PROOF, &token),
        Some("changed") => {
            let (input, signature) = proof.rsplit_once('.').unwrap();
            let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            signature[7] ^= 1;
            ask.header(PROOF, format!("{input}.{}", b64(signature)))
        }
        Some(text) => ask.header(PROOF, text),
    }
}

/// A request with a token and a proof.
fn request(path: &str, token: &str, proof: &str) -> Ask {
    Ask::bare("GET", path).header("workload-identity-token", token).header("workload-proof-token", proof)
}

fn send_proof(gateway: &mut Gateway, token: &str, proof: &str, seconds: u64) -> Answer {
    send_at(gateway, &request("/repos/site", token, proof), seconds)
}

#[test]
fn policies_and_records_know_the_workload() {
    let mut gateway = gateway();
    let key = key("a");
    let token = token(&key);
    let mut asked = |jti: &str, cached: bool| {
        let mut claims = proof_claims(&token, jti);
        claims.insert("aud".to_owned(), json!("https://repos.internal/workload"));
        let answer = send(&mut gateway, &request("/workload", &token, &proof(&key, &claims)));
        assert_eq!((answer.reason, answer.cached), ("policy.allow", cached));
        assert_eq!(answer.policies, ["workloads-in-prod"]);
        assert_eq!(
            answer.record["token"],
            json!({"verified": true, "cached": cached, "issuer": "wit", "profile": "wimse-wit-03", "kid": "wit", "alg": "ES256",
                   "key_thumbprint": thumbprint_of_a()})
        );
        let principal = "Agent::\"wit/wimse://example.org/ns/prod/web\"";
        assert_eq!(answer.record["principal"], json!(principal));
        assert_eq!(answer.header("x-palisade-principal"), Some(principal));
    };
    asked("cold", false);
    // What is cached is the token; its proof is as good as it is, each time.
    asked("warm", true);
    let stolen = proof(&self::key("b"), &proof_claims(&token, "stolen"));
    let answer = send_proof(&mut gateway, &token, &stolen, NOW);
    assert_eq!((answer.reason, answer.cached), ("wpt.signature", true));
    assert_eq!(answer.record["principal"], json!(null));
}

#[test]
fn what_one_slot_accepts_the_other_does_not() {
    let mut gateway = gateway();
    let key = key("a");
    let token = token(&key);
    let bearer = |token: &str| Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {token}"));
    // Before and after each of them has been seen in its own slot.
    for round in ["before", "after"] {
        let answer = send(&mut gateway, &bearer(&token));
        assert_eq!((answer.reason, answer.status), ("token.typ", 401), "{round}");
        let access = crate::world::token();
        let answer = send_proof(&mut gateway, &access, &proof(&key, &proof_claims(&access, round)), NOW);
        assert_eq!((answer.reason, answer.status), ("token.typ", 400), "{round}");
        let proof = proof(&key, &proof_claims(&token, round));
        assert_eq!(send_proof(&mut gateway, &token, &proof, NOW).reason, "policy.allow");
        assert_eq!(send(&mut gateway, &bearer(&access)).reason, "policy.allow");
        // A proof is no credential at all.
        assert_eq!(send(&mut gateway, &bearer(&proof)).status, 401, "{round}");
    }
}

#[test]
fn a_proof_is_good_for_one_request() {
    let mut gateway = gateway();
    let key = key("a");
    let token = token(&key);
    let mut claims = proof_claims(&token, "one");
    claims.insert("exp".to_owned(), json!(NOW + 300));
    let first = proof(&key, &claims);
    assert_eq!(send_proof(&mut gateway, &token, &first, NOW).reason, "policy.allow");
    for later in [0, 1, 60, 150, 299] {
        let again = send_proof(&mut gateway, &token, &first, NOW + later);
        assert_eq!((again.reason, again.status, again.cached), ("wpt.replayed", 400, true), "{later}");
    }
    assert_eq!(send_proof(&mut gateway, &token, &first, NOW + 305).reason, "wpt.expired");
    // The same id from another proof of the same key is a replay, too; another workload's is not.
    let mut other = proof_claims(&token, "one");
    other.insert("exp".to_owned(), json!(NOW + 299));
    assert_eq!(send_proof(&mut gateway, &token, &proof(&key, &other), NOW).reason, "wpt.replayed");
    let stranger = self::key("b");
    let theirs = self::token(&stranger);
    let answer = send_proof(&mut gateway, &theirs, &proof(&stranger, &proof_claims(&theirs, "one")), NOW);
    assert_eq!(answer.reason, "policy.allow");
}

#[test]
fn a_proof_is_good_for_the_headers_and_the_body_of_one_request() {
    let mut gateway = gateway();
    let key = key("a");
    let token = token(&key);
    let mut claims = proof_claims(&token, "with-a-body");
    claims.insert("aud".to_owned(), json!("https://repos.internal/mcp/http403"));
    let ask = Ask { method: "POST", ..request("/mcp/http403", &token, &proof(&key, &claims)) };
    let ask = ask.header("content-type", "application/json");
    let ping = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    assert_eq!(send_body(&mut gateway, &ask, ping).reason, "policy.allow");
    assert_eq!(send_body(&mut gateway, &ask, ping).reason, "wpt.replayed");
}

#[test]
fn a_refused_proof_is_not_used_up() {
    let mut gateway = gateway();
    let key = key("a");
    let token = token(&key);
    let good = proof(&key, &proof_claims(&token, "later"));
    assert_eq!(send(&mut gateway, &request("/mesh", &token, &good)).reason, "wpt.aud");
    assert_eq!(send_proof(&mut gateway, &token, &good, NOW).reason, "policy.allow");
}

#[test]
fn proofs_that_cannot_be_remembered_are_refused() {
    // Two in each of 1024 buckets: some third one comes soon.
    let mut gateway = gateway_with(r#","dpop":{"replay_entries":1}"#);
    let key = key("a");
    let token = token(&key);
    let with = |jti: &str| proof(&key, &proof_claims(&token, jti));
    let full = (0..2000)
        .map(|n| send_proof(&mut gateway, &token, &with(&n.to_string()), NOW))
        .find(|answer| answer.reason != "policy.allow")
        .expect("no bucket has three");
    assert_eq!((full.reason, full.status), ("wpt.replay_cache_full", 503));
    assert!(full.header("retry-after").is_some());
    assert_eq!(send_proof(&mut gateway, &token, &with("0"), NOW).reason, "wpt.replayed");
    // Another worker of the proxy knows it, too.
    assert_eq!(send_proof(&mut self::gateway(), &token, &with("0"), NOW).reason, "wpt.replayed");
}

#[test]
fn every_changed_character_of_a_token_or_proof_is_refused() {
    let mut gateway = gateway();
    let key = key("a");
    let token = token(&key);
    let good = proof(&key, &proof_claims(&token, "mutated"));
    for (which, text) in [("token", &token), ("proof", &good)] {
        for at in (0..text.len()).step_by(3) {
            let old = text.as_bytes()[at];
            for new in [b'.', old ^ 1] {
                if new == old {
                    continue;
                }
                let mut changed = text.clone().into_bytes();
                changed[at] = new;
                let changed = String::from_utf8_lossy(&changed).into_owned();
                let (token, proof) = if which == "token" { (&changed, &good) } else { (&token, &changed) };
                let answer = send_proof(&mut gateway, token, proof, NOW);
                assert_eq!(answer.status, 400, "{which}, character {at} as {new:#x}: {}", answer.reason);
            }
        }
    }
    assert_eq!(send_proof(&mut gateway, &token, &good, NOW).reason, "policy.allow");
}

#[test]
fn a_token_that_has_expired_is_refused_though_it_was_cached() {
    let mut gateway = gateway();
    let key = key("a");
    let token = token(&key);
    let at = |jti: &str, exp: u64| {
        let mut claims = proof_claims(&token, jti);
        claims.insert("exp".to_owned(), json!(exp));
        proof(&key, &claims)
    };
    assert_eq!(send_proof(&mut gateway, &token, &at("early", NOW + 60), NOW).reason, "policy.allow");
    let late = send_proof(&mut gateway, &token, &at("late", NOW + 400), NOW + 330);
    assert_eq!((late.reason, late.status), ("token.expired", 400));
}

#[test]
fn an_access_token_may_pass_by_where_the_bundle_says_so() {
    let key = key("a");
    let token = token(&key);
    let with = |jti: &str, ath: Option<&str>| {
        let mut claims = proof_claims(&token, jti);
        if let Some(access) = ath {
            claims.insert("ath".to_owned(), hash(access));
        }
        proof(&key, &claims)
    };
    let mut gateway =
        gateway_with_section(|section| section["workload_proof"]["access_token"] = json!("pass")).unwrap();
    let good = send(
        &mut gateway,
        &request("/repos/site", &token, &with("1", Some("opaque~1"))).header("authorization", "Bearer opaque~1"),
    );
    assert_eq!(good.reason, "policy.allow");
    assert_eq!(
        good.record["principal"],
        json!("Agent::\"wit/wimse://example.org/ns/prod/web\""),
        "whoever else it names"
    );
    assert_eq!(good.stripped, ["workload-identity-token", "workload-proof-token"]);
    // One that would be somebody's credential by itself is not read, either.
    let other = crate::world::token();
    let ask = request("/repos/site", &token, &with("2", Some(&other))).header("authorization", format!("DPoP {other}"));
    assert_eq!(send(&mut gateway, &ask).record["token"]["issuer"], json!("wit"));
    for (jti, ath, authorization, reason) in [
        ("3", None, "Bearer opaque", "wpt.ath"),
        ("4", Some("another"), "Bearer opaque", "wpt.ath"),
        ("5", Some("Bearer opaque"), "Bearer opaque", "wpt.ath"),
        ("6", Some("opaque"), "Basic opaque", "credential.scheme"),
        ("7", Some("opaque"), "opaque", "credential.scheme"),
        ("8", Some(""), "Bearer ", "credential.malformed"),
        ("9", Some("a"), "Bearer a, Bearer b", "credential.malformed"),
    ] {
        let ask = request("/repos/site", &token, &with(jti, ath)).header("authorization", authorization);
        assert_eq!(send(&mut gateway, &ask).reason, reason, "{jti}");
    }
    let twice = request("/repos/site", &token, &with("10", Some("a")));
    let twice = twice.header("authorization", "Bearer a").header("Authorization", "Bearer a");
    assert_eq!(send(&mut gateway, &twice).reason, "credential.repeated");
    // A route that keeps tokens from the upstream keeps all of them.
    let mut claims = proof_claims(&token, "11");
    claims.extend(object(json!({"aud": "https://repos.internal/scoped", "ath": hash("a")})));
    let mut gateway = gateway_with_section(|section| {
        section["workload_proof"]["access_token"] = json!("pass");
        section["workload_proof"]["forward"] = json!(true);
        for route in section["routes"].as_array_mut().unwrap() {
            if route["path"] == "/scoped" {
                route["rules"] = json!({"strip_token": true});
            }
        }
    })
    .unwrap();
    let ask = request("/scoped", &token, &proof(&key, &claims)).header("authorization", "Bearer a");
    let answer = send(&mut gateway, &ask.header("txn-token", ""));
    assert_eq!(answer.reason, "wpt.tth", "an empty transaction token is one, too");
    let answer =
        send(&mut gateway, &request("/scoped", &token, &proof(&key, &claims)).header("authorization", "Bearer a"));
    assert_eq!(answer.reason, "policy.allow");
    assert_eq!(answer.stripped, ["authorization", "workload-identity-token", "workload-proof-token"]);
    let answer = send_proof(&mut gateway, &token, &proof(&key, &proof_claims(&token, "12")), NOW);
    assert_eq!(
        (answer.reason, answer.stripped.as_slice()),
        ("policy.allow", &[][..]),
        "forwarded where the bundle says so"
    );
}

#[test]
fn a_transaction_token_is_covered_whatever_the_route_makes_of_it() {
    let mut gateway = gateway();
    let key = key("a");
    let token = token(&key);
    let mut claims = proof_claims(&token, "txn");
    claims.insert("tth".to_owned(), hash("anything"));
    let ask = request("/repos/site", &token, &proof(&key, &claims)).header("txn-token", "anything");
    let answer = send(&mut gateway, &ask);
    assert_eq!(answer.reason, "policy.allow");
    assert_eq!(answer.stripped, ["txn-token", "workload-identity-token", "workload-proof-token"]);
}

#[test]
fn without_rules_the_headers_mean_nothing() {
    let without = |section: &mut Value| {
        let issuers = section["issuers"].as_array_mut().unwrap();
        issuers.retain(|issuer| !matches!(issuer["alias"].as_str(), Some("wit" | "wsvid")));
        section.as_object_mut().unwrap().remove("workload_proof");
    };
    let mut gateway = gateway_with_section(without).unwrap();
    let key = key("a");
    let token = token(&key);
    let good = proof(&key, &proof_claims(&token, "1"));
    let answer = send_proof(&mut gateway, &token, &good, NOW);
    assert_eq!((answer.reason, answer.status), ("token.missing", 401));
    let answer = send(&mut gateway, &Ask::new("GET", "/repos/site").header("workload-identity-token", &token));
    assert_eq!((answer.reason, answer.stripped.len()), ("policy.allow", 0));
}

#[test]
fn rules_and_issuers_go_together_and_the_draft_has_its_name() {
    let rules = |change: fn(&mut Value)| gateway_with_section(|section| change(&mut section["workload_proof"]));
    assert!(rules(|_| ()).is_ok());
    let refused: [fn(&mut Value); 13] = [
        |rules| drop(rules.as_object_mut().unwrap().remove("draft")),
        |rules| rules["draft"] = json!("draft-ietf-wimse-wpt-03"),
        |rules| rules["draft"] = json!("wpt"),
        |rules| rules["origins"] = json!([]),
        |rules| rules["origins"] = json!(["repos.internal"]),
        |rules| rules["origins"] = json!(["https://repos.internal/path"]),
        |rules| rules["aliases"] = json!([""]),
        |rules| rules["algorithms"] = json!([]),
        |rules| rules["algorithms"] = json!(["HS256"]),
        |rules| rules["max_lifetime_seconds"] = json!(301),
        |rules| rules["max_lifetime_seconds"] = json!(0),
        |rules| rules["covered_headers"] = json!(["X-End-User"]),
        |rules| rules["covered_headers"] = json!(["x-palisade-principal"]),
    ];
    for (number, change) in refused.into_iter().enumerate() {
        assert!(rules(change).is_err(), "{number}");
    }
    let section = |change: fn(&mut Value)| gateway_with_section(change);
    assert!(section(|section| drop(section.as_object_mut().unwrap().remove("workload_proof"))).is_err());
    let no_issuers: fn(&mut Value) = |section| {
        let issuers = section["issuers"].as_array_mut().unwrap();
        issuers.retain(|issuer| !matches!(issuer["alias"].as_str(), Some("wit" | "wsvid")));
    };
    assert!(section(no_issuers).is_err());
}
