//! What clients are told: challenges, and the metadata that they point to.

use serde_json::{Value, json};

use crate::keys;
use crate::world::{Ask, CLAIMS, NOW, Parts, Signer, configuration, gateway, send};

const METADATA: &str = "resource_metadata=\"https://repos.internal/.well-known/oauth-protected-resource\"";
const ALGS: &str = "algs=\"ES256 ES384 RS256 EdDSA\"";

fn with(members: &str) -> String {
    let claims = CLAIMS.replace("\"sub\"", &format!("{members},\"sub\""));
    format!("Bearer {}", keys::p256(1).token(r#"{"alg":"ES256","kid":"es"}"#, &claims))
}

#[test]
fn without_credentials_every_accepted_scheme_is_offered() {
    let mut gateway = gateway();
    let answer = send(&mut gateway, &Ask::bare("GET", "/repos/site"));
    assert_eq!((answer.reason, answer.status), ("token.missing", 401));
    let bearer = format!("Bearer {METADATA}, scope=\"read write\"");
    assert_eq!(answer.all("www-authenticate"), [bearer.as_str(), &format!("DPoP {ALGS}")]);

    // The resource closest to the path, which names no scopes.
    let answer = send(&mut gateway, &Ask::bare("GET", "/look?q=a"));
    let bearer = "Bearer resource_metadata=\"https://repos.internal/.well-known/oauth-protected-resource/look\"";
    assert_eq!(answer.all("www-authenticate"), [bearer, &format!("DPoP {ALGS}")]);

    // A host without a resource, and one that is none: neither says more of the other.
    for host in ["other.internal", "", "a b", "repos.internal.evil"] {
        let mut ask = Ask::bare("GET", "/repos/site");
        ask.host = host;
        let answer = send(&mut gateway, &ask);
        assert_eq!(answer.reason, "token.missing", "{host}");
        assert_eq!(answer.all("www-authenticate"), ["Bearer", &format!("DPoP {ALGS}")], "{host}");
    }
}

#[test]
fn an_unknown_path_is_not_told_from_a_known_one_without_a_token() {
    let mut gateway = gateway();
    let known = send(&mut gateway, &Ask::bare("GET", "/scoped"));
    let unknown = send(&mut gateway, &Ask::bare("GET", "/nope"));
    assert_eq!(known.all("www-authenticate"), unknown.all("www-authenticate"));
    assert_eq!(known.status, unknown.status);
}

#[test]
fn missing_scopes_are_named_all_at_once() {
    let mut gateway = gateway();
    let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"read admin\", {METADATA}");
    for members in [
        "\"a\":1",
        "\"scope\":\"\"",
        "\"scope\":\"read\"",
        "\"scope\":\"admin write\"",
        "\"scope\":\"read administrator\"",
    ] {
        let ask = Ask::bare("GET", "/scoped").header("authorization", with(members));
        let answer = send(&mut gateway, &ask);
        assert_eq!((answer.reason, answer.status), ("scope.insufficient", 403), "{members}");
        assert_eq!(answer.all("www-authenticate"), [challenge.as_str()], "{members}");
        assert_eq!(answer.record["action"], json!("Action::\"read\""));
        assert_eq!(answer.record["decision"], Value::Null, "no policy was asked");
    }
    let ask = Ask::bare("GET", "/scoped").header("authorization", with("\"scope\":\"admin x read\""));
    let answer = send(&mut gateway, &ask);
    assert_eq!(answer.reason, "policy.allow");
    assert_eq!(answer.stripped, ["authorization"], "the route keeps the token from the upstream");
    let answer = send(&mut gateway, &ask.header("DPoP", "a").header("x", "y").header("dpop", "b"));
    assert_eq!((answer.reason, answer.stripped), ("policy.allow", vec!["authorization".to_owned(), "dpop".to_owned()]));
    assert!(send(&mut gateway, &Ask::new("GET", "/repos/site")).stripped.is_empty());
}

#[test]
fn a_user_must_be_authenticated_well_and_lately() {
    let mut gateway = gateway();
    let challenge = "Bearer error=\"insufficient_user_authentication\", acr_values=\"gold silver\", max_age=\"600\"";
    let (old, recent) = (NOW - 601, NOW - 600);
    for (members, reason) in [
        (format!("\"auth_time\":{recent}"), "authentication.context"),
        (format!("\"acr\":\"bronze\",\"auth_time\":{recent}"), "authentication.context"),
        (format!("\"acr\":\"Gold\",\"auth_time\":{recent}"), "authentication.context"),
        ("\"acr\":\"gold\"".to_owned(), "authentication.age"),
        (format!("\"acr\":\"gold\",\"auth_time\":{old}"), "authentication.age"),
    ] {
        let ask = Ask::bare("GET", "/stepped").header("authorization", with(&members));
        let answer = send(&mut gateway, &ask);
        assert_eq!((answer.reason, answer.status), (reason, 401), "{members}");
        assert_eq!(answer.all("www-authenticate"), [challenge], "{members}");
    }
    let ask = Ask::bare("GET", "/fresh").header("authorization", with(&format!("\"auth_time\":{old}")));
    let answer = send(&mut gateway, &ask);
    let challenge = "Bearer error=\"insufficient_user_authentication\", max_age=\"600\"";
    assert_eq!(answer.all("www-authenticate"), [challenge]);
    let members = format!("\"acr\":\"silver\",\"auth_time\":{recent}");
    let ask = Ask::bare("GET", "/stepped").header("authorization", with(&members));
    assert_eq!(send(&mut gateway, &ask).reason, "policy.allow");
}

#[test]
fn policies_deny_without_a_challenge() {
    let mut gateway = gateway();
    for ask in [Ask::new("PUT", "/repos/site/branches/main"), Ask::new("GET", "/nope"), Ask::new("POST", "/deploy/x")] {
        let answer = send(&mut gateway, &ask);
        assert_eq!(answer.status, 403);
        assert!(answer.all("www-authenticate").is_empty());
    }
}

#[test]
fn metadata_is_served_to_anybody() {
    let mut gateway = gateway();
    for (path, resource, scopes) in [
        ("/.well-known/oauth-protected-resource", "https://repos.internal/", json!(["read", "write"])),
        ("/.well-known/oauth-protected-resource?a=b", "https://repos.internal/", json!(["read", "write"])),
        ("/.well-known/oauth-protected-resource/look", "https://repos.internal/look", Value::Null),
    ] {
        for ask in
            [Ask::bare("GET", path), Ask::bare("HEAD", path), Ask::bare("GET", path).header("authorization", "x")]
        {
            let answer = send(&mut gateway, &ask);
            assert_eq!((answer.reason, answer.status), ("metadata.served", 200), "{path}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert_eq!(answer.record["effect"], json!("answer"));
            assert_eq!(answer.record["decision"], Value::Null);
            let body: Value = serde_json::from_str(answer.body.as_deref().unwrap()).unwrap();
            assert_eq!(body["resource"], json!(resource));
            assert_eq!(body["scopes_supported"], scopes);
            assert_eq!(body["bearer_methods_supported"], json!(["header"]));
            assert_eq!(body["dpop_signing_alg_values_supported"], json!(["ES256", "ES384", "RS256", "EdDSA"]));
        }
    }
    let answer = send(&mut gateway, &Ask::bare("GET", "/.well-known/oauth-protected-resource"));
    let body: Value = serde_json::from_str(answer.body.as_deref().unwrap()).unwrap();
    assert_eq!(body["authorization_servers"], json!(["https://issuer"]));
    assert_eq!(body["resource_name"], json!("Repositories \"internal\""));
}

#[test]
fn metadata_of_nothing_is_a_request_like_any_other() {
    let mut gateway = gateway();
    for (method, host, path) in [
        ("POST", "repos.internal", "/.well-known/oauth-protected-resource"),
        ("OPTIONS", "repos.internal", "/.well-known/oauth-protected-resource"),
        ("GET", "other.internal", "/.well-known/oauth-protected-resource"),
        ("GET", "repos.internal", "/.well-known/oauth-protected-resource/"),
        ("GET", "repos.internal", "/.well-known/oauth-protected-resource/nope"),
        ("GET", "repos.internal", "/.well-known/oauth-protected-resource/look/../look"),
        ("GET", "repos.internal", "/.well-known/oauth%2dprotected-resource"),
        ("GET", "repos.internal", "/x/.well-known/oauth-protected-resource"),
    ] {
        let mut ask = Ask::bare(method, path);
        ask.host = host;
        assert_eq!(send(&mut gateway, &ask).reason, "token.missing", "{method} {host}{path}");
    }
}

#[test]
fn where_nothing_is_configured_nothing_is_offered() {
    let key = Signer::ed25519(1);
    let mut parts = Parts::new();
    let mut section: Value = serde_json::from_slice(&parts.gateway).unwrap();
    section.as_object_mut().unwrap().remove("resources");
    section.as_object_mut().unwrap().remove("dpop");
    parts.gateway = serde_json::to_vec(&section).unwrap();
    parts.describe_sections();
    let configuration = configuration(&parts.sign(&[&key]), &[&key], 1, "");
    let mut gateway =
        palisade_gateway::Gateway::configure(&configuration, &mut palisade_gateway::NativeHost::at(NOW)).unwrap();

    let answer = send(&mut gateway, &Ask::bare("GET", "/repos/site"));
    assert_eq!(answer.all("www-authenticate"), ["Bearer"]);
    let answer = send(&mut gateway, &Ask::bare("GET", "/.well-known/oauth-protected-resource"));
    assert_eq!(answer.reason, "token.missing");
    // The scheme is not accepted, and a token that is bound to a key can be presented in no way.
    let bound = with("\"cnf\":{\"jkt\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}");
    let ask = Ask::bare("GET", "/repos/site").header("authorization", &bound);
    let answer = send(&mut gateway, &ask);
    assert_eq!(answer.reason, "proof.sent_as_bearer");
    assert_eq!(answer.all("www-authenticate"), ["Bearer error=\"invalid_token\""]);
    let ask = Ask::bare("GET", "/repos/site").header("authorization", bound.replace("Bearer", "DPoP"));
    let answer = send(&mut gateway, &ask);
    assert_eq!(answer.reason, "credential.scheme");
    assert_eq!(answer.all("www-authenticate"), ["Bearer"]);
}
