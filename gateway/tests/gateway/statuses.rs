//! Tokens that name a status list: what the list says of them decides, after all else about them was good, and nobody else is
//! concerned.

use palisade_gateway::section::{GatewaySection, OnUnavailable, StatusLists, StatusMode};
use palisade_gateway::{Action, Gateway, NativeHost, RequestHead, StatusListError};
use serde_json::{Map, Value, json};

use crate::keys;
use crate::world::{
    Answer, Ask, NOW, Parts, Signer, begin, configuration, finish, memory, send, send_at, send_with_certificate,
};

const URI: &str = "https://issuer/lists/1";
/// Two bits each: a place for 0, 1, 2 and 3, and one that is not used. The compressed form was made with Python's zlib.
const LST: &str = "eNp7wgAAAcoA5Q";
const CLUSTERS: &str = r#","status_list_clusters":{"issuer":"lists","wit.example.org":"lists"}"#;

/// A bundle in which the issuer with this alias has lists.
fn parts(alias: &str, change: impl FnOnce(&mut StatusLists)) -> Parts {
    let mut parts = Parts::new();
    let mut section = GatewaySection::parse(&parts.gateway).unwrap();
    let issuer = section.issuers.iter_mut().find(|issuer| issuer.alias == alias).unwrap();
    let mut lists = StatusLists::at(vec!["https://issuer/lists/".to_owned()]);
    change(&mut lists);
    issuer.status_lists = Some(lists);
    parts.gateway = section.encode().unwrap();
    parts.describe_sections();
    parts
}

fn configure(parts: &Parts, rest: &str) -> Result<Gateway, &'static str> {
    let key = Signer::ed25519(1);
    let configuration = configuration(&parts.sign(&[&key]), &[&key], 1, rest);
    Gateway::configure(&configuration, &mut NativeHost::at(NOW)).map_err(|error| error.code())
}

fn gateway(change: impl FnOnce(&mut StatusLists)) -> Gateway {
    configure(&parts("dev", change), CLUSTERS).unwrap()
}

/// A list, signed with the key `es` of the world's issuers.
fn list(iat: u64, bits: u8, lst: &str) -> String {
    let claims = json!({"sub": URI, "iat": iat, "status_list": {"bits": bits, "lst": lst}});
    keys::p256(1).token(r#"{"alg":"ES256","kid":"es","typ":"statuslist+jwt"}"#, &claims.to_string())
}

fn offer(gateway: &mut Gateway, token: &str) -> Result<(), StatusListError> {
    let mut host = NativeHost::at(NOW).with_memory(memory());
    gateway.offer_status_list(("dev", URI), token.as_bytes(), &mut host)
}

fn claims() -> Map<String, Value> {
    let claims =
        json!({"iss": "https://issuer", "aud": "https://gateway", "sub": "fixer", "iat": NOW - 10, "exp": NOW + 300});
    claims.as_object().unwrap().clone()
}

fn token(more: Value) -> String {
    let mut claims = claims();
    claims.extend(more.as_object().unwrap().clone());
    keys::p256(1).token(r#"{"alg":"ES256","kid":"es"}"#, &Value::Object(claims).to_string())
}

fn at(index: u64) -> Value {
    json!({"status": {"status_list": {"idx": index, "uri": URI}}})
}

fn bearer(token: &str) -> Ask {
    Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {token}"))
}

/// Asks twice, so that the second is from the cache.
fn twice(gateway: &mut Gateway, ask: &Ask) -> Answer {
    let first = send(gateway, ask);
    let second = send(gateway, ask);
    assert_eq!((first.reason, first.status), (second.reason, second.status));
    assert!(second.cached, "{}", second.reason);
    second
}

#[test]
fn a_list_that_comes_while_a_body_is_awaited_counts() {
    let mut gateway = gateway(|_| ());
    let ask = bearer(&token(at(1)));
    let ask = Ask { method: "POST", path: "/mcp/http403".to_owned(), ..ask }.header("content-type", "application/json");
    let ping = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    // Of one bit each, the same list says nothing against it.
    offer(&mut gateway, &list(NOW - 10, 1, LST)).unwrap();
    let (first, second) = (begin(&mut gateway, &ask), begin(&mut gateway, &ask));
    assert_eq!(finish(&mut gateway, &ask, ping, first, NOW).reason, "policy.allow");
    offer(&mut gateway, &list(NOW, 2, LST)).unwrap();
    assert_eq!(finish(&mut gateway, &ask, ping, second, NOW).reason, "token.status_invalid");
}

#[test]
fn the_place_in_the_list_decides() {
    let mut gateway = gateway(|_| ());
    let asks: Vec<Ask> = [0, 1, 2, 3, 7, 8, u64::MAX].map(|index| bearer(&token(at(index)))).into();
    for ask in &asks {
        let answer = twice(&mut gateway, ask);
        assert_eq!((answer.reason, answer.status), ("token.status_unavailable", 503));
        assert_eq!(answer.header("www-authenticate"), None);
    }
    offer(&mut gateway, &list(NOW, 2, LST)).unwrap();
    let mut answers = asks.iter().map(|ask| twice(&mut gateway, ask)).collect::<Vec<_>>().into_iter();
    let allowed = answers.next().unwrap();
    assert_eq!((allowed.reason, allowed.record.get("status_list")), ("policy.allow", None));
    for (index, reason, value) in [
        (1, "token.status_invalid", json!(1)),
        (2, "token.status_suspended", json!(2)),
        (3, "token.status_application", json!(3)),
    ] {
        let answer = answers.next().unwrap();
        assert_eq!((answer.reason, answer.status), (reason, 401));
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
        assert_eq!(answer.record["status_list"], json!({"uri": URI, "idx": index, "value": value}));
        assert_eq!(answer.record["principal"], "Agent::\"dev/fixer\"");
        let body = answer.body.unwrap();
        assert!(!body.contains("status_") && !body.contains("lists"), "clients are not told: {body}");
    }
    assert_eq!(answers.next().unwrap().reason, "policy.allow");
    for index in [8, u64::MAX] {
        let answer = answers.next().unwrap();
        assert_eq!((answer.reason, answer.status), ("token.status_out_of_range", 401));
        assert_eq!(answer.record["status_list"], json!({"uri": URI, "idx": index, "value": null}));
    }
}

#[test]
fn a_known_token_is_held_against_the_list_of_this_moment() {
    let mut gateway = gateway(|_| ());
    offer(&mut gateway, &list(NOW - 9, 2, LST)).unwrap();
    let (fine, turned) = (bearer(&token(at(0))), bearer(&token(at(1))));
    assert_eq!(twice(&mut gateway, &turned).reason, "token.status_invalid");
    // All are good: two zero bytes.
    offer(&mut gateway, &list(NOW - 8, 2, "eNpjYAAAAAIAAQ")).unwrap();
    assert_eq!(twice(&mut gateway, &turned).reason, "policy.allow");
    offer(&mut gateway, &list(NOW - 7, 2, LST)).unwrap();
    assert_eq!(twice(&mut gateway, &turned).reason, "token.status_invalid");
    assert_eq!(twice(&mut gateway, &fine).reason, "policy.allow");
    for (token, error) in [
        (list(NOW - 8, 2, "eNpjYAAAAAIAAQ"), StatusListError::Rollback),
        (list(NOW - 6, 3, LST), StatusListError::Bits),
        (list(NOW - 6, 2, "AAAA"), StatusListError::Compression),
        (token(at(0)), StatusListError::Type),
        (list(NOW - 6, 2, LST).replace('.', ".."), StatusListError::Malformed),
    ] {
        assert_eq!(offer(&mut gateway, &token), Err(error));
        assert_eq!(twice(&mut gateway, &turned).reason, "token.status_invalid", "{error}");
    }
    // In time, nobody knows any more.
    assert_eq!(send_at(&mut gateway, &bearer(&token(json!({"exp": NOW + 300}))), NOW).reason, "policy.allow");
}

#[test]
fn who_must_be_in_a_list_is() {
    for (mode, without, malformed) in [
        (StatusMode::Optional, "policy.allow", "token.status_malformed"),
        (StatusMode::Required, "token.status_missing", "token.status_malformed"),
        (StatusMode::Ignore, "policy.allow", "policy.allow"),
    ] {
        let mut gateway = gateway(|lists| {
            lists.mode = mode;
            if mode == StatusMode::Ignore {
                lists.uris.clear();
            }
        });
        assert_eq!(twice_or_once(&mut gateway, json!({})), without, "{mode:?}");
        for status in
            [json!("active"), json!({}), json!({"status_list": {}}), json!({"status_list": {"idx": -1, "uri": URI}})]
        {
            assert_eq!(twice_or_once(&mut gateway, json!({"status": status})), malformed, "{mode:?} {status}");
        }
        let elsewhere = json!({"status": {"status_list": {"idx": 0, "uri": "https://elsewhere/lists/1"}}});
        let expected = if mode == StatusMode::Ignore { "policy.allow" } else { "token.status_uri" };
        assert_eq!(twice_or_once(&mut gateway, elsewhere), expected, "{mode:?}");
    }
}

fn twice_or_once(gateway: &mut Gateway, more: Value) -> &'static str {
    let ask = bearer(&token(more));
    let first = send(gateway, &ask).reason;
    assert_eq!(send(gateway, &ask).reason, first);
    first
}

#[test]
fn an_issuer_of_which_the_bundle_says_nothing_has_no_lists() {
    let mut gateway = configure(&Parts::new(), "").unwrap();
    assert_eq!(twice_or_once(&mut gateway, at(0)), "token.status_unexpected");
    assert_eq!(twice_or_once(&mut gateway, json!({"status": {"status_list": null}})), "token.status_unexpected");
    assert_eq!(twice_or_once(&mut gateway, json!({"status": "active"})), "policy.allow");
    assert_eq!(offer(&mut gateway, &list(NOW, 2, LST)), Err(StatusListError::Subject));
    assert!(!gateway.needs_polling());
}

#[test]
fn a_list_of_one_issuer_is_none_of_another() {
    let mut gateway = gateway(|_| ());
    offer(&mut gateway, &list(NOW, 2, LST)).unwrap();
    assert!(gateway.needs_polling());
    let mut host = NativeHost::at(NOW);
    for (list_of, error) in [
        (("op", URI), StatusListError::Subject),
        (("nobody", URI), StatusListError::Issuer),
        (("dev", "https://issuer/other/1"), StatusListError::Subject),
        (("dev", "https://issuer/lists/2"), StatusListError::Subject),
    ] {
        assert_eq!(gateway.offer_status_list(list_of, list(NOW, 2, LST).as_bytes(), &mut host), Err(error));
    }
    let mut claims = claims();
    claims.extend(at(0).as_object().unwrap().clone());
    claims.insert("iss".to_owned(), json!("https://op"));
    let other = keys::p256(1).token(r#"{"alg":"ES256","kid":"es"}"#, &Value::Object(claims).to_string());
    assert_eq!(send(&mut gateway, &bearer(&other)).reason, "token.status_unexpected");
}

#[test]
fn only_who_holds_the_credential_is_told() {
    let mut gateway = gateway(|_| ());
    offer(&mut gateway, &list(NOW, 2, LST)).unwrap();
    let mut bound = at(1);
    bound["cnf"] = json!({"x5t#S256": keys::b64([7; 32])});
    let ask = bearer(&token(bound));
    assert_eq!(send(&mut gateway, &ask).reason, "proof.certificate_missing");
    assert_eq!(send_with_certificate(&mut gateway, &ask, [8; 32]).reason, "proof.certificate_mismatch");
    assert_eq!(send_with_certificate(&mut gateway, &ask, [7; 32]).reason, "token.status_invalid");
    // What is wrong with the token itself comes first.
    for (more, reason) in [
        (json!({"exp": NOW - 100, "iat": NOW - 200}), "token.expired"),
        (json!({"aud": "https://elsewhere"}), "token.audience"),
        (json!({"status_list": {}}), "token.kind"),
    ] {
        let mut all = at(1);
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(send(&mut gateway, &bearer(&token(all))).reason, reason);
    }
}

#[test]
fn a_workload_hears_of_it_in_its_own_way() {
    let parts = parts("wit", |lists| lists.mode = StatusMode::Required);
    let mut gateway = configure(&parts, CLUSTERS).unwrap();
    let answer = send(&mut gateway, &crate::workload::good(0).0);
    assert_eq!((answer.reason, answer.status), ("token.status_missing", 400));
    assert_eq!(answer.header("www-authenticate"), None);
}

#[test]
fn streams_of_those_whose_status_turned_end() {
    let mut gateway = gateway(|_| ());
    offer(&mut gateway, &list(NOW - 2, 2, "eNpjYAAAAAIAAQ")).unwrap();
    let owner = |gateway: &mut Gateway, more: Value| {
        let headers = bearer(&token(more)).buffer();
        let verdict = gateway.decide(&RequestHead { headers: headers.as_map() }, &mut NativeHost::at(NOW));
        assert!(matches!(verdict.action, Action::Forward(_)), "{:?}", verdict.outcome);
        verdict.owner
    };
    let (fine, turned) = (owner(&mut gateway, at(0)).unwrap(), owner(&mut gateway, at(1)).unwrap());
    let beyond = owner(&mut gateway, at(7)).unwrap();
    assert!(owner(&mut gateway, json!({})).is_none(), "nothing can happen to it");
    let ends = |gateway: &Gateway, owner| gateway.ends(owner, NOW * 1_000_000_000).map(|o| o.disposition().reason);
    assert_eq!(ends(&gateway, &turned), None);
    offer(&mut gateway, &list(NOW, 2, LST)).unwrap();
    assert_eq!(ends(&gateway, &fine), None);
    assert_eq!(ends(&gateway, &turned), Some("token.status_invalid"));
    assert_eq!(ends(&gateway, &beyond), None);
    // A gateway that has no such list ends nothing by it.
    let other = configure(&Parts::new(), "").unwrap();
    assert_eq!(ends(&other, &turned), None);
}

#[test]
fn another_bundle_goes_on_with_the_lists() {
    let mut gateway = gateway(|_| ());
    offer(&mut gateway, &list(NOW, 2, LST)).unwrap();
    let revoked = bearer(&token(at(1)));
    assert_eq!(send(&mut gateway, &revoked).reason, "token.status_invalid");
    let swap = |gateway: &mut Gateway, mut parts: Parts, version: u64| {
        parts.manifest.version = version;
        let bundle = parts.sign(&[&Signer::ed25519(1)]);
        gateway.swap(&bundle, &mut NativeHost::at(NOW).with_memory(memory()), &mut Vec::new())
    };
    let next = parts("dev", |lists| lists.on_unavailable = OnUnavailable::Allow);
    assert_eq!(swap(&mut gateway, next, 8), Ok(true));
    assert_eq!(send(&mut gateway, &revoked).reason, "token.status_invalid", "whatever would be if there were none");
    // One that does not let the issuer have lists forgets them.
    assert_eq!(swap(&mut gateway, Parts::new(), 9), Ok(true));
    assert_eq!(send(&mut gateway, &revoked).reason, "token.status_unexpected");
    assert_eq!(swap(&mut gateway, parts("dev", |_| ()), 10), Ok(true));
    assert_eq!(send(&mut gateway, &revoked).reason, "token.status_unavailable");
    // One whose lists nobody could fetch is refused.
    let elsewhere = parts("dev", |lists| lists.uris.push("https://nowhere/lists/".to_owned()));
    assert_eq!(swap(&mut gateway, elsewhere, 11).unwrap_err().code(), "config.status_list_cluster");
}

#[test]
fn lists_need_a_cluster() {
    for (rest, code) in [
        ("", "config.status_list_cluster"),
        (r#","status_list_clusters":{"elsewhere":"lists"}"#, "config.status_list_cluster"),
        (r#","jwks_clusters":{"issuer":"lists"}"#, "config.status_list_cluster"),
        (r#","status_list_clusters":{"issuer":1}"#, "config.syntax"),
    ] {
        assert_eq!(configure(&parts("dev", |_| ()), rest).err(), Some(code), "{rest}");
    }
    assert!(configure(&parts("dev", |_| ()), r#","status_list_clusters":{"dev":"lists"}"#).is_ok());
}
