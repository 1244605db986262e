//! What policies said before is given again to the same question, and to no other: whatever requests come in whatever order, they
//! are decided as by a gateway that asks its policies each time.

use std::collections::BTreeMap;

use palisade_gateway::Gateway;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::keys;
use crate::swaps::{bundle, same};
use crate::world::{Answer, Ask, CLAIMS, NOW, gateway, gateway_with, send, send_at};

/// Requests of the random walk.
const STEPS: usize = 4000;

/// Tokens that differ in what policies may read of them.
fn tokens() -> Vec<String> {
    let mut base: Value = serde_json::from_str(CLAIMS).unwrap();
    base["client_id"] = json!("c");
    base["jti"] = json!("j");
    let details = |locations: &[&str]| {
        let mut item = json!({"type": "payment_initiation", "actions": ["pay", "list"], "account": "a"});
        if !locations.is_empty() {
            item["locations"] = json!(locations);
        }
        json!([item])
    };
    let changes = [
        json!({}),
        json!({"task": {"branch": "main"}}),
        json!({"teams": ["ops"]}),
        json!({"sub": "other"}),
        json!({"iss": "https://as", "scope": "errands read admin", "authorization_details": details(&[])}),
        json!({"iss": "https://as", "sub": "c", "scope": "errands", "authorization_details": details(&["https://repos.internal/"])}),
        json!({"iss": "https://as", "authorization_details": details(&["https://other"])}),
        json!({"iss": "https://users", "sub": "ann"}),
        json!({"iss": "https://users", "sub": "ann", "act": {"sub": "bot", "model": "m1", "act": {"iss": "https://issuer", "sub": "helper"}}}),
        json!({"iss": "https://users", "sub": "ann", "act": {"sub": "rogue"}}),
        json!({"iss": "https://users", "sub": "eve", "act": {"sub": "bot"}}),
    ];
    let mint = |change: &Value| {
        let mut claims = base.clone();
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        keys::p256(1).token(r#"{"alg":"ES256","kid":"es","typ":"at+jwt"}"#, &claims.to_string())
    };
    changes.iter().map(mint).collect()
}

/// Requests that differ in one thing each from others among them.
fn asks() -> Vec<Ask> {
    let get = [
        "/repos/site",
        "/repos/site?x=1",
        "/repos/sit",
        "/repos/other",
        "/repos/s%69te",
        "/repos/si%2Bte",
        "/scoped",
        "/errand",
        "/relay/every",
        "/relay/actor",
        "/relay/subject",
        "/relay/nobody",
        "/chain",
        "/accounts/a/pay",
        "/accounts/a/list",
        "/accounts/b/pay",
        "/accounts/ap/ay",
        "/look/accounts/a/pay",
        "/ledgers/a",
        "/ledgers/b",
        "/look?q=abc",
        "/look?q=b",
        "/nothing",
    ];
    let mut asks: Vec<_> = get.iter().map(|path| Ask::bare("GET", path)).collect();
    asks.push(Ask::bare("HEAD", "/repos/site"));
    for path in ["/repos/site/branches/fix/1", "/repos/site/branches/main", "/repos/web/branches/main"] {
        asks.push(Ask::bare("PUT", path));
    }
    asks.push(Ask::bare("POST", "/deploy/production"));
    let elsewhere: Vec<_> = asks.iter().map(|ask| Ask { host: "other.internal", ..ask.clone() }).collect();
    asks.extend(elsewhere);
    for intent in ["", "leak", "fix", "lea\u{6b}"] {
        asks.push(Ask::bare("GET", "/repos/site").header("x-intent", intent));
    }
    asks.push(Ask::bare("GET", "/repos/site").header("x-intent", "fix").header("x-intent", "leak"));
    asks.push(Ask::bare("GET", "/look?q=abc").header("x-ticket", "11"));
    asks.push(Ask::bare("GET", "/look?q=abc").header("x-ticket", "1"));
    asks
}

/// All that is to be the same, as text.
fn comparable(answer: &Answer) -> String {
    let mut record = answer.record.clone();
    for fleeting in ["decision_id", "time", "micros"] {
        assert!(record.as_object_mut().unwrap().remove(fleeting).is_some(), "{fleeting}");
    }
    if let Some(token) = record["token"].as_object_mut() {
        token.remove("cached");
    }
    let Answer { reason, status, policies, errors, removed, stripped, .. } = answer;
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| name != "x-palisade-decision-id");
    format!("{reason} {status} {policies:?} {errors:?} {removed:?} {stripped:?} {headers:?} {record}")
}

/// Sends requests in a random order to a gateway that remembers, and compares with what `expected` answers.
fn walk(rest: &str, seed: u64) {
    let (tokens, asks) = (tokens(), asks());
    let mut remembering = gateway_with(rest);
    let mut forgetful = gateway_with(&format!(r#"{rest},"token_cache":{{"max_entries":0}}"#));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |end: usize| usize::try_from(random.next_u64() % u64::try_from(end).unwrap()).unwrap();
    let mut expected = BTreeMap::new();
    let (mut remembered, mut allowed, mut denied) = (0, 0, 0);
    // Nearby questions often, so that many of them are remembered at a time.
    let (mut token, mut near) = (0, 0);
    for step in 0..STEPS {
        match below(8) {
            0 => token = below(tokens.len()),
            1 => near = below(asks.len()),
            _ => {}
        }
        let at = (near + below(5)) % asks.len();
        let ask = asks[at].clone().header("authorization", format!("Bearer {}", tokens[token]));
        let answer = send(&mut remembering, &ask);
        let right = expected.entry((token, at)).or_insert_with(|| {
            let answer = send(&mut forgetful, &ask);
            assert!(!answer.remembered && !answer.cached);
            comparable(&answer)
        });
        assert_eq!(comparable(&answer), *right, "step {step}: token {token}, {ask:?}");
        assert!(!answer.remembered || (answer.reason == "policy.allow" && answer.cached));
        remembered += usize::from(answer.remembered);
        allowed += usize::from(answer.status == 200);
        denied += usize::from(answer.status != 200);
    }
    assert!(remembered * 3 > allowed && remembered < allowed, "{remembered} of {allowed}");
    assert!(denied * 5 > STEPS, "{denied}");
}

#[test]
fn whatever_comes_is_decided_as_if_nothing_were_remembered() {
    walk("", 1);
    walk(r#","on_forbid_error":"skip""#, 2);
}

/// Asks until the answer is remembered: of a token that was never seen before nothing is.
fn ask_twice(gateway: &mut Gateway, ask: &Ask) {
    for is_known in [false, true] {
        let answer = send(gateway, ask);
        assert_eq!((answer.reason, answer.cached, answer.remembered), ("policy.allow", is_known, false));
    }
}

#[test]
fn the_same_question_of_a_known_token_is_asked_once() {
    let mut gateway = gateway();
    let first = Ask::new("GET", "/repos/site");
    ask_twice(&mut gateway, &first);
    // The query, and another method of the route, are no part of what policies are asked here.
    for same in [first.clone(), Ask::new("GET", "/repos/site?page=2"), Ask::new("HEAD", "/repos/s%69te")] {
        let answer = send(&mut gateway, &same);
        assert!(answer.remembered && answer.reason == "policy.allow", "{same:?}");
        assert_eq!(answer.record["path"], json!(same.path.split('?').next().unwrap()));
        assert_eq!(answer.record["method"], json!(same.method));
        assert_eq!(answer.record["resource"], json!("Repository::\"site\""));
    }
    for other in [
        Ask::new("GET", "/repos/other"),
        Ask::new("GET", "/repos/site").header("x-intent", ""),
        Ask::new("GET", "/repos/site").header("x-intent", "leak"),
    ] {
        assert!(!send(&mut gateway, &other).remembered, "{other:?}");
    }
}

#[test]
fn denials_and_what_depends_on_the_time_are_asked_each_time() {
    let mut gateway = gateway();
    for (ask, reason) in [
        (Ask::new("PUT", "/repos/site/branches/main"), "policy.deny"),
        (Ask::new("POST", "/deploy/production"), "policy.forbid_error"),
        (Ask::new("GET", "/look?q=abc").header("x-ticket", "11"), "policy.allow"),
    ] {
        for _ in 0..3 {
            let answer = send(&mut gateway, &ask);
            assert_eq!((answer.reason, answer.remembered), (reason, false), "{ask:?}");
        }
    }
}

#[test]
fn what_was_allowed_ends_with_the_token_and_with_the_bundle() {
    let ask = Ask::new("GET", "/repos/site");
    let mut late = gateway();
    ask_twice(&mut late, &ask);
    assert!(send(&mut late, &ask).remembered);
    let expired = send_at(&mut late, &ask, NOW + 1000);
    assert_eq!((expired.reason, expired.remembered), ("token.expired", false));

    let mut swapped = gateway();
    ask_twice(&mut swapped, &ask);
    assert!(send(&mut swapped, &ask).remembered);
    let next = bundle(8, |section| {
        same(section);
        // What `GET /repos/site` was, is now something that nobody may.
        section.routes[0].action.id = "write".to_owned();
    });
    let host = &mut palisade_gateway::NativeHost::at(NOW);
    assert!(swapped.swap(&next, host, &mut Vec::new()).unwrap());
    for _ in 0..2 {
        let answer = send(&mut swapped, &ask);
        assert_eq!((answer.reason, answer.remembered), ("policy.deny", false));
    }
}
