//! What a client is told that would cure a denial: what the policies' authors wrote for it, and nothing else.

use palisade_gateway::section::{Authentication, GatewaySection, PolicyCure};
use palisade_gateway::{Gateway, NativeHost};
use serde_json::{Value, json};

use crate::keys;
use crate::world::{Answer, Ask, NOW, Parts, Signer, configuration, send, send_body};

const ADVICE: &str = "Drafts are for editors: ask one to \"open\" it.";

/// The world's gateway, with cures for two of its prohibitions.
fn gateway() -> Gateway {
    let cure = |policy: &str, advice: &str, scopes: &[&str]| PolicyCure {
        policy: policy.to_owned(),
        advice: Some(advice.to_owned()),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        authentication: None,
    };
    let authentication = Authentication { acr_values: vec!["gold".to_owned()], max_age_seconds: Some(300) };
    let frozen =
        PolicyCure { authentication: Some(authentication), ..cure("no-sanctioned-details", "Sign in again.", &[]) };
    let mut parts = Parts::new();
    let mut section = GatewaySection::parse(&parts.gateway).unwrap();
    section.cures = vec![
        cure("no-drafts", ADVICE, &["drafts:read", "edit"]),
        frozen,
        cure("no-exfiltration", "Say what the files are for, and ask again.", &[]),
    ];
    parts.gateway = section.encode().unwrap();
    parts.describe_sections();
    let key = Signer::ed25519(1);
    let configuration = configuration(&parts.sign(&[&key]), &[&key], 1, "");
    Gateway::configure(&configuration, &mut NativeHost::at(NOW)).unwrap()
}

fn read_draft(path: &str) -> (Answer, Value) {
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "doc://open/draft"},
    });
    let ask = Ask::new("POST", path).header("content-type", "application/json");
    let answer = send_body(&mut gateway(), &ask, message.to_string().as_bytes());
    let body = serde_json::from_str(answer.body.as_deref().unwrap()).unwrap();
    (answer, body)
}

#[test]
fn a_missing_scope_is_a_challenge_and_a_sentence() {
    for path in ["/mcp/http403", "/mcp/coaz", "/mcp/tool_error"] {
        let (answer, body) = read_draft(path);
        assert_eq!((answer.reason, answer.status), ("policy.scope_lacking", 403), "{path}");
        assert_eq!(
            (answer.policies.as_slice(), &answer.record["decision"]),
            (&["no-drafts".to_owned()][..], &json!("deny"))
        );
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with(r#"Bearer error="insufficient_scope", scope="drafts:read edit""#), "{challenge}");
        let error = &body["error"];
        assert_eq!(error["code"], json!(-31403));
        assert_eq!(error["data"]["reason"], json!("insufficient_scope"));
        assert_eq!((&error["data"]["scope"], &error["data"]["advice"]), (&json!("drafts:read edit"), &json!(ADVICE)));
        let text = error["message"].as_str().unwrap();
        assert!(text.contains("drafts:read edit") && text.contains(ADVICE) && !text.contains("no-drafts"), "{text}");
    }
}

#[test]
fn what_is_hidden_has_no_cure() {
    let (answer, body) = read_draft("/mcp/hide");
    assert_eq!((answer.reason, answer.status, answer.header("www-authenticate")), ("policy.deny", 200, None));
    assert_eq!(body["error"], json!({"code": -32002, "message": "Resource not found"}));
}

#[test]
fn advice_alone_changes_words_and_nothing_else() {
    let mut gateway = gateway();
    let leak = send(&mut gateway, &Ask::new("GET", "/repos/site").header("x-intent", "leak"));
    assert_eq!((leak.reason, leak.status), ("policy.deny", 403));
    assert_eq!(leak.header("www-authenticate"), None);
    let problem: Value = serde_json::from_str(&leak.body.unwrap()).unwrap();
    assert_eq!(problem["detail"], json!("Say what the files are for, and ask again."));
    // A denial by nobody's prohibition says as little as ever.
    let silent = send(&mut gateway, &Ask::new("PUT", "/repos/site/branches/main"));
    assert_eq!(silent.reason, "policy.deny");
    assert_eq!(serde_json::from_str::<Value>(&silent.body.unwrap()).unwrap().get("detail"), None);
}

#[test]
fn an_authentication_that_would_help_is_a_challenge() {
    let claims = json!({
        "iss": "https://as", "aud": "https://gateway", "sub": "a", "client_id": "a", "jti": "j", "iat": NOW - 10, "exp": NOW + 300,
        "authorization_details": [{"type": "sanctioned"}, {"type": "payment_initiation", "actions": ["pay"], "account": "a"}],
    });
    let token = keys::p256(1).token(r#"{"alg":"ES256","kid":"es","typ":"at+jwt"}"#, &claims.to_string());
    let ask = Ask::bare("GET", "/accounts/a/pay").header("authorization", format!("Bearer {token}"));
    let answer = send(&mut gateway(), &ask);
    assert_eq!((answer.reason, answer.status), ("policy.authentication_lacking", 401));
    assert_eq!(
        (answer.policies.as_slice(), &answer.record["decision"]),
        (&["no-sanctioned-details".to_owned()][..], &json!("deny"))
    );
    let challenge = r#"Bearer error="insufficient_user_authentication", acr_values="gold", max_age="300""#;
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
    let problem: Value = serde_json::from_str(&answer.body.unwrap()).unwrap();
    assert_eq!(
        (&problem["reason"], &problem["detail"]),
        (&json!("insufficient_user_authentication"), &json!("Sign in again."))
    );
}
