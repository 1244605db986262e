//! Tokens that name who acts for their subject.

use serde_json::{Value, json};

use crate::keys;
use crate::world::{Answer, Ask, NOW, gateway, gateway_with_section, send};

fn ask(path: &str, sub: &str, act: &str) -> Ask {
    let mut claims =
        json!({"iss": "https://users", "aud": "https://gateway", "sub": sub, "iat": NOW, "exp": NOW + 300});
    if !act.is_empty() {
        claims["act"] = serde_json::from_str(act).unwrap();
    }
    let token = keys::p256(1).token(r#"{"alg":"ES256","kid":"es"}"#, &claims.to_string());
    Ask::bare("GET", path).header("authorization", format!("Bearer {token}"))
}

fn answer(path: &str, sub: &str, act: &str) -> Answer {
    let mut gateway = gateway();
    let ask = ask(path, sub, act);
    let first = send(&mut gateway, &ask);
    let second = send(&mut gateway, &ask);
    assert_eq!((first.reason, &first.policies), (second.reason, &second.policies), "{path} {sub} {act}");
    second
}

const BOT: &str = r#"{"sub":"bot"}"#;
const ROGUE: &str = r#"{"sub":"rogue"}"#;
const BOT_AFTER_HELPER: &str = r#"{"sub":"bot","model":"m1","act":{"iss":"https://issuer","sub":"helper"}}"#;
const BOT_AFTER_ROGUE: &str = r#"{"sub":"bot","act":{"sub":"rogue"}}"#;
const BOT_AFTER_STRANGER: &str = r#"{"sub":"bot","act":{"sub":"stranger"}}"#;

#[test]
fn the_mode_says_whose_rights_decide() {
    for (path, sub, act, reason) in [
        ("/relay/every", "ann", "", "policy.allow"),
        ("/relay/every", "eve", "", "policy.deny"),
        ("/relay/every", "ann", BOT, "policy.allow"),
        ("/relay/every", "ann", BOT_AFTER_HELPER, "policy.allow"),
        ("/relay/every", "eve", BOT, "policy.deny"),
        ("/relay/every", "ann", ROGUE, "policy.deny"),
        ("/relay/every", "ann", BOT_AFTER_ROGUE, "policy.deny"),
        ("/relay/every", "ann", BOT_AFTER_STRANGER, "policy.deny"),
        ("/relay/actor", "eve", BOT, "policy.allow"),
        ("/relay/actor", "ann", ROGUE, "policy.deny"),
        ("/relay/actor", "eve", BOT_AFTER_ROGUE, "policy.allow"),
        ("/relay/actor", "ann", "", "policy.allow"),
        ("/relay/actor", "eve", "", "policy.deny"),
        ("/relay/subject", "ann", ROGUE, "policy.allow"),
        ("/relay/subject", "eve", BOT, "policy.deny"),
        ("/relay/nobody", "ann", "", "policy.allow"),
        ("/relay/nobody", "ann", BOT, "delegation.refused"),
    ] {
        let answer = answer(path, sub, act);
        assert_eq!(answer.reason, reason, "{path} {sub} {act}");
        assert_eq!(answer.status, if reason == "policy.allow" { 200 } else { 403 }, "{path} {sub} {act}");
        assert!(answer.all("www-authenticate").is_empty());
    }
}

#[test]
fn a_chain_holds_what_its_weakest_member_holds() {
    // Every chain of up to three actors: allowed if and only if each by itself is.
    let mut gateway = gateway();
    let people = ["bot", "rogue", "stranger"];
    let mut asked = 0;
    for subject in ["ann", "eve"] {
        for chain in 0..64usize {
            let picks: Vec<&str> = [chain % 4, chain / 4 % 4, chain / 16]
                .into_iter()
                .filter_map(|pick| people.get(pick).copied())
                .collect();
            let distinct: std::collections::BTreeSet<_> = picks.iter().collect();
            if distinct.len() < picks.len() {
                continue;
            }
            let act = picks.iter().rev().fold(String::new(), |inner, sub| match inner.as_str() {
                "" => format!(r#"{{"sub":"{sub}"}}"#),
                inner => format!(r#"{{"sub":"{sub}","act":{inner}}}"#),
            });
            let allowed = subject == "ann" && picks.iter().all(|actor| *actor == "bot");
            let answer = send(&mut gateway, &ask("/relay/every", subject, &act));
            assert_eq!(answer.reason == "policy.allow", allowed, "{subject} {act}");
            asked += 1;
        }
    }
    assert!(asked > 50);
}

#[test]
fn the_record_names_everybody() {
    let allowed = answer("/relay/every", "ann", BOT_AFTER_HELPER);
    assert_eq!(allowed.policies, ["cleared"]);
    assert_eq!(allowed.header("x-palisade-principal"), Some("User::\"users/ann\""));
    assert_eq!(allowed.header("x-palisade-actor"), Some("Agent::\"users/bot\""));
    assert_eq!(
        allowed.record["delegation"],
        json!({"mode": "every_hop", "subject": "User::\"users/ann\"",
               "actors": ["Agent::\"users/bot\"", "Agent::\"dev/helper\""], "denied_for": null})
    );
    let denied = answer("/relay/every", "ann", BOT_AFTER_ROGUE);
    assert_eq!(denied.policies, ["no-rogues"]);
    assert_eq!(denied.record["delegation"]["denied_for"], json!("Agent::\"users/rogue\""));
    assert_eq!(denied.record["principal"], json!("User::\"users/ann\""));

    let actor = answer("/relay/actor", "eve", BOT);
    assert_eq!(actor.header("x-palisade-principal"), Some("Agent::\"users/bot\""));
    assert_eq!(actor.record["principal"], json!("Agent::\"users/bot\""));
    assert_eq!(actor.record["delegation"]["subject"], json!("User::\"users/eve\""));

    let refused = answer("/relay/nobody", "ann", BOT);
    assert_eq!(refused.record["delegation"]["mode"], json!("refuse"));
    let alone = answer("/relay/every", "ann", "");
    assert_eq!(alone.record.get("delegation"), None);
    assert_eq!(alone.header("x-palisade-actor"), None);
}

#[test]
fn the_upstream_is_told_what_the_route_says_and_nothing_by_the_client() {
    const OURS: [&str; 3] = ["x-palisade-principal", "x-palisade-decision-id", "x-palisade-actor"];
    for (list, told) in [
        (json!(["principal", "decision_id", "actor"]), [true, true, true]),
        (json!(["principal"]), [true, false, false]),
        (json!(["actor", "decision_id"]), [false, true, true]),
        (json!([]), [false, false, false]),
    ] {
        let mut gateway = gateway_with_section(|section| {
            for route in section["routes"].as_array_mut().unwrap() {
                if route["path"] == "/relay/every" {
                    route["rules"]["upstream_headers"] = list.clone();
                }
            }
        })
        .unwrap();
        let ask = OURS.into_iter().fold(ask("/relay/every", "ann", BOT), |ask, name| ask.header(name, "forged"));
        for token_is in ["new", "known"] {
            let answer = send(&mut gateway, &ask);
            assert_eq!(answer.reason, "policy.allow", "{list}");
            assert_eq!(answer.removed, OURS, "{list}, {token_is}");
            assert_eq!(OURS.map(|name| answer.header(name).is_some()), told, "{list}, {token_is}");
            assert!(OURS.iter().all(|name| answer.header(name) != Some("forged")), "{list}, {token_is}");
            assert!(answer.record["principal"].is_string(), "the record says it anyway");
        }
    }
}

#[test]
fn policies_see_the_chain() {
    for (path, sub, act, reason, attribute) in [
        ("/chain", "ann", BOT_AFTER_HELPER, "policy.allow", Value::Null),
        ("/chain", "eve", BOT_AFTER_HELPER, "policy.deny", Value::Null),
        ("/chain", "ann", BOT, "policy.deny", Value::Null),
        ("/chain", "ann", "", "policy.deny", Value::Null),
        ("/acted", "ann", "", "context.missing", json!("actor")),
        ("/acted", "ann", BOT, "policy.deny", Value::Null),
        ("/mistyped", "ann", BOT, "context.type", json!("actor")),
        ("/mistyped", "ann", "", "context.missing", json!("actor")),
    ] {
        let answer = answer(path, sub, act);
        assert_eq!(answer.reason, reason, "{path} {sub} {act}");
        assert_eq!(answer.record.get("attribute").cloned().unwrap_or_default(), attribute, "{path} {sub} {act}");
    }
}

#[test]
fn chains_that_make_no_sense_are_refused() {
    let long = format!("\"{}\"", "x".repeat(2049));
    let long = format!("{{\"sub\":{long}}}");
    for (act, reason) in [
        ("null", "delegation.malformed"),
        ("\"bot\"", "delegation.malformed"),
        ("[{\"sub\":\"bot\"}]", "delegation.malformed"),
        (r#"{"sub":"bot","act":"helper"}"#, "delegation.malformed"),
        (r#"{"sub":"bot","act":null}"#, "delegation.malformed"),
        (r#"{"sub":"bot","iss":7}"#, "delegation.malformed"),
        ("{}", "delegation.actor_id"),
        (r#"{"sub":""}"#, "delegation.actor_id"),
        (r#"{"sub":7}"#, "delegation.actor_id"),
        (r#"{"sub":"a\u0000"}"#, "delegation.actor_id"),
        (r#"{"client_id":"bot"}"#, "delegation.actor_id"),
        (&long, "delegation.actor_id"),
        (r#"{"sub":"bot","act":{}}"#, "delegation.actor_id"),
        (r#"{"sub":"bot","model":7}"#, "identity.attribute_type"),
        (r#"{"iss":"https://nobody","sub":"bot"}"#, "delegation.issuer"),
        (r#"{"iss":"https://as","sub":"bot"}"#, "delegation.issuer"),
        (r#"{"iss":"https://users/","sub":"bot"}"#, "delegation.issuer"),
        (r#"{"sub":"bot","act":{"iss":"https://as","sub":"x"}}"#, "delegation.issuer"),
        (r#"{"sub":"ann2","act":{"sub":"ann2"}}"#, "delegation.loop"),
        (r#"{"sub":"ann"}"#, "delegation.loop"),
        (r#"{"iss":"https://users","sub":"ann"}"#, "delegation.loop"),
        (r#"{"sub":"bot","act":{"sub":"rogue","act":{"iss":"https://users","sub":"bot"}}}"#, "delegation.loop"),
        (r#"{"sub":"a","act":{"sub":"b","act":{"sub":"c","act":{"sub":"d"}}}}"#, "delegation.depth"),
    ] {
        for path in ["/relay/every", "/relay/subject", "/relay/nobody"] {
            let answer = answer(path, "ann", act);
            assert_eq!((answer.reason, answer.status, answer.cached), (reason, 403, false), "{act}");
        }
    }
    // The same name from two issuers is two people.
    let twice = r#"{"sub":"helper","act":{"iss":"https://issuer","sub":"helper"}}"#;
    assert_eq!(answer("/relay/subject", "ann", twice).reason, "policy.allow");
}

#[test]
fn times_and_audiences_inside_mean_nothing() {
    let act = r#"{"sub":"bot","exp":1,"nbf":99999999999,"aud":"https://other","may_act":{"sub":"x"}}"#;
    assert_eq!(answer("/relay/every", "ann", act).reason, "policy.allow");
}

#[test]
fn an_issuer_that_says_nothing_of_actors_may_name_none() {
    let mut gateway = gateway();
    let claims = crate::world::CLAIMS.replace("\"sub\"", "\"act\":{\"sub\":\"bot\"},\"sub\"");
    let token = keys::p256(1).token(r#"{"alg":"ES256","kid":"es"}"#, &claims);
    let ask = Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {token}"));
    let answer = send(&mut gateway, &ask);
    assert_eq!((answer.reason, answer.status), ("delegation.unexpected", 403));
}
