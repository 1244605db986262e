//! Sessions of MCP's revisions before the stateless era: whose they are, and what upstream and client see of their ids.

use palisade_gateway::Gateway;
use serde_json::json;

use crate::world::{Answer, Ask, CLAIMS, gateway, gateway_with, send_body, token_with};

const SESSION: &str = "mcp-session-id";

fn ping_as(gateway: &mut Gateway, claims: &str, session: Option<&str>) -> Answer {
    let ask = Ask::bare("POST", "/mcp/http403").header("authorization", format!("Bearer {}", token_with(claims)));
    let ask = ask.header("content-type", "application/json");
    let ask = session.into_iter().fold(ask, |ask, id| ask.header(SESSION, id));
    send_body(gateway, &ask, br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
}

fn ping(gateway: &mut Gateway, session: Option<&str>) -> Answer {
    ping_as(gateway, CLAIMS, session)
}

/// What a client gets for a session that the server calls `id`.
fn begin(gateway: &mut Gateway, id: &str) -> String {
    ping(gateway, None).session.unwrap().wrap(id.as_bytes()).unwrap()
}

#[test]
fn the_server_sees_its_own_id_and_the_client_never() {
    let mut gateway = gateway();
    let begun = ping(&mut gateway, None);
    assert_eq!((begun.reason, begun.header(SESSION)), ("policy.allow", None));
    let id = begin(&mut gateway, "s-1");
    assert_ne!(id, "s-1");
    let within = ping(&mut gateway, Some(&id));
    assert_eq!((within.reason, within.header(SESSION)), ("policy.allow", Some("s-1")));
    assert_eq!(within.session.unwrap().wrap(b"s-1").unwrap(), id, "answers of the server name the session again");
    assert!(!within.record.to_string().contains("s-1"), "{}", within.record);
}

#[test]
fn nobody_is_in_a_session_of_another() {
    let mut gateway = gateway();
    let id = begin(&mut gateway, "s-1");
    let other = CLAIMS.replace("fixer", "tester");
    assert_ne!(other, CLAIMS);
    let by_client = CLAIMS.replacen('{', r#"{"client_id":"other","#, 1);
    for claims in [&other, &by_client] {
        assert_eq!(ping_as(&mut gateway, claims, None).reason, "policy.allow", "{claims}");
        let stolen = ping_as(&mut gateway, claims, Some(&id));
        assert_eq!((stolen.reason, stolen.status), ("mcp.session_unknown", 404), "{claims}");
        assert_eq!(stolen.session.map(|_| "bound"), None);
        let body: serde_json::Value = serde_json::from_str(&stolen.body.unwrap()).unwrap();
        assert_eq!((&body["id"], &body["error"]["code"]), (&json!(1), &json!(-32600)));
        assert_eq!(body["error"]["data"]["reason"], json!("unknown_session"));
    }
    for guess in ["s-1", ".s-1", &id[1..], &format!("{id}0"), &id.replace("s-1", "s-2")] {
        assert_eq!(ping(&mut gateway, Some(guess)).reason, "mcp.session_unknown", "{guess}");
    }
    assert_eq!(ping(&mut gateway, Some(&id)).reason, "policy.allow");
}

#[test]
fn a_revision_without_sessions_has_none() {
    let mut gateway = gateway();
    let id = begin(&mut gateway, "s-1");
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    });
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}});
    for session in [None, Some(id.as_str()), Some("s-1")] {
        let ask = Ask::new("POST", "/mcp/http403").header("content-type", "application/json");
        let ask = ask.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/list");
        let ask = session.into_iter().fold(ask, |ask, id| ask.header(SESSION, id));
        let answer = send_body(&mut gateway, &ask, list.to_string().as_bytes());
        assert_eq!((answer.reason, answer.session.map(|_| "bound")), ("policy.allow", None));
        assert_eq!(answer.stripped.contains(&SESSION.to_owned()), session.is_some(), "a server could take it for one");
    }
}

#[test]
fn gateways_with_one_key_know_each_others_sessions() {
    let with = |key: &str| gateway_with(&format!(r#","mcp":{{"session_key":"{key}"}}"#));
    let (one, other) = ("A".repeat(42) + "E=", "A".repeat(42) + "I=");
    let id = begin(&mut with(&one), "s-1");
    assert_eq!(ping(&mut with(&one), Some(&id)).reason, "policy.allow");
    assert_eq!(ping(&mut with(&other), Some(&id)).reason, "mcp.session_unknown");
    assert_eq!(ping(&mut gateway(), Some(&id)).reason, "mcp.session_unknown");
}
