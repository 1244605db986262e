//! Kinds of tokens: every block of `cases/profiles.txt` is sent and has its own reason.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::cases::{self, Case};
use crate::keys;
use crate::world::{Ask, NOW, gateway, send};

#[test]
fn every_case_has_its_reason() {
    let reasons = replay(include_str!("../cases/profiles.txt"));
    let all: Vec<_> = REASONS.iter().filter(|reason| !reasons.contains(**reason)).collect();
    assert!(all.is_empty(), "no case for {all:?}");
}

/// Sends what each case says, and gives back the reasons that came.
pub(crate) fn replay(cases: &str) -> BTreeSet<String> {
    let mut gateway = gateway();
    let mut reasons = BTreeSet::new();
    for mut case in cases::read(cases) {
        let name = case.require("case");
        let expected = case.require("expect");
        let path = case.take("path").unwrap_or_else(|| "/repos/site".to_owned());
        let host = match case.take("host").as_deref() {
            None => "repos.internal",
            Some("elsewhere.internal") => "elsewhere.internal",
            Some(other) => panic!("no host `{other}`"),
        };
        let token = mint(&mut case);
        case.finish();
        let ask = Ask { host, ..Ask::bare("GET", &path) }.header("authorization", format!("Bearer {token}"));
        for _ in 0..2 {
            let answer = send(&mut gateway, &ask);
            assert_eq!(answer.reason, expected, "{name}");
            let status = match expected.as_str() {
                "policy.allow" => 200,
                reason if reason.starts_with("token.") => 401,
                _ => 403,
            };
            assert_eq!(answer.status, status, "{name}");
        }
        reasons.insert(expected);
    }
    reasons
}

/// Every reason that only some kinds of tokens have.
const REASONS: [&str; 12] = [
    "token.typ",
    "token.kind",
    "token.header_member",
    "token.sub_missing",
    "token.client_id_missing",
    "token.jti_missing",
    "token.spiffe_id",
    "token.trust_domain",
    "token.kubernetes_legacy",
    "token.kubernetes_binding",
    "token.kubernetes_subject",
    "token.github_claim_missing",
];

fn mint(case: &mut Case) -> String {
    let issuer = case.require("issuer");
    let (key, header) = match issuer.as_str() {
        "as" => (keys::p256(1), r#"{"alg":"ES256","kid":"es","typ":"at+jwt"}"#),
        "dev" | "op" | "k8s" => (keys::p256(1), r#"{"alg":"ES256","kid":"es"}"#),
        "td" => (keys::p256(5), r#"{"alg":"ES256","kid":"td","typ":"JWT"}"#),
        "ci" => (keys::rsa(1), r#"{"alg":"RS256","kid":"rs","typ":"JWT"}"#),
        other => panic!("no issuer `{other}`"),
    };
    let key = match case.take("key").as_deref() {
        None => key,
        Some("es") => keys::p256(1),
        Some("rs") => keys::rsa(1),
        Some("ed") => keys::ed25519(1),
        Some("other-td") => keys::p256(6),
        Some(other) => panic!("no key `{other}`"),
    };
    let header = case.take("header").unwrap_or_else(|| header.to_owned());
    let mut claims = base(&issuer);
    if let Some(merge) = case.take("merge") {
        let merge: Map<String, Value> = serde_json::from_str(&merge).unwrap();
        claims.extend(merge);
    }
    for name in case.take("drop").iter().flat_map(|names| names.split(' ')) {
        assert!(claims.remove(name).is_some(), "no claim `{name}` to drop");
    }
    key.token(&header, &Value::Object(claims).to_string())
}

/// Claims of an issuer that are all right.
fn base(issuer: &str) -> Map<String, Value> {
    let own = match issuer {
        "dev" => json!({"iss": "https://issuer", "sub": "fixer"}),
        "as" => {
            json!({"iss": "https://as", "sub": "fixer", "client_id": "fixer", "jti": "j1", "scope": "read errands"})
        }
        "op" => json!({"iss": "https://op", "sub": "fixer"}),
        "td" => json!({"sub": "spiffe://example.org/ns/prod/sa/web"}),
        "k8s" => json!({
            "iss": "https://cluster", "sub": "system:serviceaccount:prod:web", "nbf": NOW - 10, "jti": "j1",
            "kubernetes.io": {
                "namespace": "prod", "serviceaccount": {"name": "web", "uid": "u1"}, "pod": {"name": "web-1", "uid": "u2"},
                "node": {"name": "n1", "uid": "u3"}, "warnafter": NOW,
            },
        }),
        "ci" => json!({
            "iss": "https://token.actions.githubusercontent.com", "sub": "repo:octo@1/site@2:ref:refs/heads/main",
            "repository_id": "2", "repository_owner_id": "1", "repository": "octo/site", "ref": "refs/heads/main",
            "ref_protected": "true", "event_name": "push", "jti": "j1",
        }),
        other => panic!("no issuer `{other}`"),
    };
    let mut claims = own.as_object().unwrap().clone();
    claims.extend(json!({"aud": "https://gateway", "iat": NOW - 10, "exp": NOW + 300}).as_object().unwrap().clone());
    claims
}
