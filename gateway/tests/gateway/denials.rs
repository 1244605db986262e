//! Requests that never reach the policies, and what their senders learn.

use palisade_gateway::{HeaderMap, NativeHost, Outcome, RequestHead};

use crate::world::{Ask, CLAIMS, NOW, gateway, send, token, token_with};

/// Among them the class of CVE-2026-26308: only the first of several headers, or of several values in one, checked.
#[test]
fn credentials_are_exactly_one_bearer_token() {
    let mut gateway = gateway();
    let good = format!("Bearer {}", token());
    let get = || Ask::bare("GET", "/repos/site");
    let metadata = "resource_metadata=\"https://repos.internal/.well-known/oauth-protected-resource\"";
    let required = || Some(format!("Bearer {metadata}, scope=\"read write\""));
    let challenge = |error: &str| {
        let place = if error == "invalid_token" { format!(", {metadata}") } else { String::new() };
        Some(format!("Bearer error=\"{error}\"{place}"))
    };
    for (ask, reason, status, expected) in [
        (get(), "token.missing", 401, required()),
        (get().header("authorization", ""), "credential.scheme", 401, required()),
        (get().header("authorization", "Basic YTpi"), "credential.scheme", 401, required()),
        (get().header("proxy-authorization", &good), "token.missing", 401, required()),
        (get().header("authorization", "Bearer"), "credential.malformed", 401, challenge("invalid_token")),
        (get().header("authorization", b"Bearer \xff\xfe"), "credential.malformed", 401, challenge("invalid_token")),
        (get().header("authorization", b"\xff"), "credential.scheme", 401, required()),
        (
            get().header("authorization", &good).header("authorization", &good),
            "credential.repeated",
            400,
            challenge("invalid_request"),
        ),
        (
            get().header("authorization", &good).header("Authorization", "Basic YTpi"),
            "credential.repeated",
            400,
            challenge("invalid_request"),
        ),
        (
            get().header("authorization", format!("{good}, {good}")),
            "credential.repeated",
            400,
            challenge("invalid_request"),
        ),
        (Ask::new("GET", "/repos/site?a=1&access_token=x"), "credential.in_query", 400, challenge("invalid_request")),
    ] {
        let answer = send(&mut gateway, &ask);
        assert_eq!((answer.reason, answer.status), (reason, status));
        assert_eq!(answer.header("www-authenticate"), expected.as_deref(), "{reason}");
        // Where none was given, the other scheme is offered, too.
        let offers = if expected == required() { 2 } else { 1 };
        assert_eq!(answer.all("www-authenticate").len(), offers, "{reason}");
    }
}

#[test]
fn routes_are_matched_strictly_after_authentication() {
    let mut gateway = gateway();
    for (method, host, path, reason) in [
        ("GET", "repos.internal", "/nope", "route.unknown"),
        ("DELETE", "repos.internal", "/repos/site", "route.unknown"),
        ("get", "repos.internal", "/repos/site", "route.unknown"),
        ("GET", "other.internal", "/repos/site", "route.unknown"),
        ("GET", "", "/repos/site", "route.unknown"),
        ("GET", "repos.internal", "/repos/site/", "route.unknown"),
        ("GET", "repos.internal", "/repos/", "route.unknown"),
        ("GET", "repos.internal", "/repos/%2e%2e", "route.path_unsafe"),
        ("GET", "repos.internal", "/repos/a%2Fb", "route.path_unsafe"),
        ("GET", "repos.internal", "/repos//site", "route.path_unsafe"),
        ("GET", "repos.internal", "/repos/../repos/site", "route.path_unsafe"),
        ("OPTIONS", "repos.internal", "*", "route.path_unsafe"),
        ("CONNECT", "repos.internal:443", "", "route.path_unsafe"),
        ("GET", "evil@repos.internal", "/repos/site", "route.host_invalid"),
        ("GET", "REPOS.internal:8443", "/repos/site", "policy.allow"),
        ("HEAD", "repos.internal.", "/repos/site?x=y", "policy.allow"),
    ] {
        let mut ask = Ask::new(method, path);
        ask.host = host;
        assert_eq!(send(&mut gateway, &ask).reason, reason, "{method} {host}{path}");
        ask.headers.clear();
        assert_eq!(send(&mut gateway, &ask).reason, "token.missing", "{method} {host}{path}");
    }
}

#[test]
fn context_that_policies_need_must_be_there_once_and_readable() {
    let mut gateway = gateway();
    let look = |query: &str| Ask::new("GET", &format!("/look{query}"));
    for (ask, reason, attribute) in [
        (look("?q=a"), "context.missing", "ticket"),
        (look("?q=a").header("x-ticket", "1").header("x-ticket", "1"), "context.header_repeated", "ticket"),
        (look("?q=a").header("x-ticket", "1").header("X-TICKET", "2"), "context.header_repeated", "ticket"),
        (look("?q=a").header("x-ticket", b"\xff"), "context.header_not_utf8", "ticket"),
        (look("?q=a").header("x-ticket", "007"), "context.type", "ticket"),
        (look("?q=a").header("x-ticket", "1,2"), "context.type", "ticket"),
        (look("").header("x-ticket", "1"), "context.missing", "q"),
        (look("?Q=a").header("x-ticket", "1"), "context.missing", "q"),
        (look("?q=a&q=a").header("x-ticket", "1"), "context.query_repeated", "q"),
        (look("?q=%zz").header("x-ticket", "1"), "context.query_malformed", "q"),
    ] {
        let answer = send(&mut gateway, &ask);
        assert_eq!((answer.reason, answer.status), (reason, 403));
        assert_eq!(answer.record["attribute"], attribute);
        assert_eq!(answer.record["action"], "Action::\"look\"");
    }
    let claims = CLAIMS.replace("\"sub\"", "\"level\":\"high\",\"sub\"");
    let ask = Ask::bare("GET", "/look?q=a")
        .header("x-ticket", "1")
        .header("authorization", format!("Bearer {}", token_with(&claims)));
    let answer = send(&mut gateway, &ask);
    assert_eq!((answer.reason, &answer.record["attribute"]), ("context.type", &"level".into()));
}

#[test]
fn identities_that_the_bundle_cannot_read_are_denied() {
    let mut gateway = gateway();
    for (from, to, reason, attribute) in [
        ("\"sub\":\"fixer\"", "\"sub\":\"\"", "identity.id_invalid", None),
        ("\"sub\":\"fixer\",", "", "identity.id_missing", None),
        ("{\"branch\":\"fix/1\"}", "{}", "identity.attribute_missing", Some("task")),
        ("{\"branch\":\"fix/1\"}", "{\"branch\":1}", "identity.attribute_type", Some("task")),
        ("{\"branch\":\"fix/1\"}", "null", "identity.attribute_type", Some("task")),
        ("[\"web\"]", "{\"web\":true}", "identity.parents", Some("teams")),
    ] {
        assert!(CLAIMS.contains(from));
        let token = token_with(&CLAIMS.replace(from, to));
        let ask = Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {token}"));
        for _ in 0..2 {
            let answer = send(&mut gateway, &ask);
            assert_eq!((answer.reason, answer.status, answer.cached), (reason, 403, false), "{to}");
            assert_eq!(answer.record["attribute"].as_str(), attribute, "{to}");
        }
    }
}

#[test]
fn the_client_learns_little() {
    let mut gateway = gateway();
    let expired = token_with(&CLAIMS.replace("1800000300", "1799999900"));
    let bearer = |token: &str| format!("Bearer {token}");
    for (ask, status, word) in [
        (Ask::bare("GET", "/repos/site"), 401, "credentials_required"),
        (Ask::bare("GET", "/repos/site").header("authorization", bearer(&expired)), 401, "invalid_token"),
        (Ask::bare("GET", "/nope").header("authorization", bearer(&expired)), 401, "invalid_token"),
        (Ask::new("GET", "/nope"), 403, "access_denied"),
        (Ask::new("GET", "/repos/%2e%2e"), 403, "access_denied"),
        (Ask::new("PUT", "/repos/site/branches/main"), 403, "access_denied"),
        (Ask::new("GET", "/repos/site").header("x-intent", "leak"), 403, "access_denied"),
        (Ask::new("POST", "/deploy/production"), 403, "access_denied"),
        (Ask::new("GET", "/look"), 403, "access_denied"),
    ] {
        let answer = send(&mut gateway, &ask);
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-palisade-decision-id"), Some(answer.id.as_str()));
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        let body: serde_json::Value = serde_json::from_str(answer.body.as_deref().unwrap()).unwrap();
        let title = body["title"].as_str().unwrap().to_owned();
        // Nothing else is in the body: the same members and words for every request of the same coarse kind.
        assert_eq!(
            body,
            serde_json::json!({
                "type": "about:blank", "title": title, "status": status, "reason": word,
                "instance": format!("urn:uuid:{}", answer.id), "decision_id": answer.id,
            })
        );
    }
}

#[test]
fn the_record_never_has_the_token_or_the_query() {
    let mut gateway = gateway();
    let good = token();
    for ask in [
        Ask::new("GET", "/repos/site?password=hunter2"),
        Ask::new("GET", "/nope?password=hunter2"),
        Ask::bare("GET", "/repos/site?password=hunter2").header("authorization", format!("Bearer {good}x")),
        Ask::bare("GET", "/repos/site?password=hunter2").header("authorization", format!("Bearer {good},{good}")),
        Ask::bare("GET", "/repos/site?password=hunter2").header("authorization", format!("Basic {good}")),
    ] {
        let line = send(&mut gateway, &ask).record.to_string();
        for part in good.split('.') {
            assert!(!line.contains(part), "{line}");
        }
        assert!(!line.contains("hunter2"), "{line}");
    }
}

#[test]
fn what_is_no_request_is_refused() {
    let mut gateway = gateway();
    let mut host = NativeHost::at(NOW);
    let request = RequestHead { headers: HeaderMap::EMPTY };
    let verdict = gateway.decide(&request, &mut host);
    assert_eq!(verdict.disposition().reason, "request.malformed");
    assert_eq!(verdict.disposition().status, 400);

    for outcome in [Outcome::Malformed, Outcome::Allowed] {
        let verdict = gateway.refuse(outcome, &mut host);
        assert_eq!(verdict.disposition().reason, "request.malformed");
        assert!(matches!(verdict.action, palisade_gateway::Action::Reply(_)));
    }
    let unconfigured = palisade_gateway::Reply::unconfigured();
    assert_eq!((unconfigured.status, unconfigured.details), (503, "bundle.missing"));
}
