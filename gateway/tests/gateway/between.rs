//! What happens between a request's headers and its body: whatever changes counts, and what others ask changes nothing.

use palisade_gateway::{Admitted, Gateway};
use serde_json::Value;

use crate::keys;
use crate::world::{Answer, Ask, CLAIMS, NOW, begin, finish, gateway, send, send_at, send_body};

const CALL: &[u8] =
    br#"{"jsonrpc":"2.0","id":"q","method":"tools/call","params":{"name":"lookup","arguments":{"key":"a1"}}}"#;
const OTHER_CALL: &[u8] =
    br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"lookup","arguments":{"key":"secret"}}}"#;

/// What somebody calls a tool with.
fn ask_of(subject: &str, path: &str) -> Ask {
    let claims = CLAIMS.replace("fixer", subject);
    let token = keys::p256(1).token(r#"{"alg":"ES256","kid":"es"}"#, &claims);
    let ask = Ask::bare("POST", path).header("authorization", format!("Bearer {token}"));
    ask.header("content-type", "application/json").header("mcp-protocol-version", "2025-11-25")
}

/// All of an answer but what is of its own time.
fn told(mut answer: Answer) -> (u16, Vec<(String, String)>, Option<String>, Value) {
    let record = answer.record.as_object_mut().unwrap();
    for member in ["decision_id", "time", "micros"] {
        assert!(record.remove(member).is_some(), "{member}");
    }
    answer.headers.retain(|(_, value)| *value != answer.id);
    let body = answer.body.map(|body| body.replace(&answer.id, "ID"));
    (answer.status, answer.headers, body, answer.record)
}

#[test]
fn a_token_that_expires_meanwhile_does_not_count() {
    let mut gateway = gateway();
    let ask = ask_of("fixer", "/mcp/http403");
    for (seconds, reason) in [(329, "policy.allow"), (330, "token.expired"), (1700, "token.expired")] {
        let admitted = begin(&mut gateway, &ask);
        assert_eq!(finish(&mut gateway, &ask, CALL, admitted, NOW + seconds).reason, reason, "{seconds}");
    }
    // Nor does one that is not good yet, should the clock be set back.
    let admitted = begin(&mut gateway, &ask);
    assert_eq!(finish(&mut gateway, &ask, CALL, admitted, NOW - 60).reason, "token.issued_in_future");
}

/// What others ask in between: by other ways, on other routes, well and badly.
fn others(gateway: &mut Gateway) -> Vec<(Ask, Admitted)> {
    let stranger = ask_of("stranger", "/mcp/coaz");
    let waiting = begin(gateway, &stranger);
    send(gateway, &Ask::new("GET", "/repos/site"));
    send(gateway, &Ask::new("GET", "/repos/..%2fsite"));
    send(gateway, &Ask { host: "other.example:1:2", ..Ask::new("GET", &"/x".repeat(100)) });
    send(gateway, &Ask::bare("GET", "/"));
    send_at(gateway, &Ask::new("GET", "/repos/site"), NOW + 60);
    send_body(gateway, &ask_of("somebody", "/mcp/hide"), OTHER_CALL);
    send_body(gateway, &ask_of("somebody", "/mcp/tool_error"), b"[");
    send_body(gateway, &stranger.clone().header("origin", "https://evil.example"), CALL);
    let last = ask_of("fixer", "/mcp/tool_error").header("x-intent", "leak");
    let last_waiting = begin(gateway, &last);
    vec![(stranger, waiting), (last, last_waiting)]
}

#[test]
fn what_others_ask_meanwhile_changes_nothing() {
    for (body, reason) in [(CALL, "policy.allow"), (OTHER_CALL, "policy.deny"), (&b"{"[..], "json.syntax")] {
        let ask = ask_of("fixer", "/mcp/http403");
        let mut alone = gateway();
        let admitted = begin(&mut alone, &ask);
        let undisturbed = finish(&mut alone, &ask, body, admitted, NOW);
        assert_eq!(undisturbed.reason, reason);
        let expected = told(undisturbed);

        let mut gateway = gateway();
        let admitted = begin(&mut gateway, &ask);
        let waiting = others(&mut gateway);
        let theirs = told(finish(&mut gateway, &ask, body, admitted, NOW));
        assert_eq!(theirs, expected, "{reason}");
        // Nor has it changed what became of them.
        for (other, admitted) in waiting {
            let mut alone = self::gateway();
            let own = begin(&mut alone, &other);
            let expected = told(finish(&mut alone, &other, OTHER_CALL, own, NOW));
            assert_eq!(told(finish(&mut gateway, &other, OTHER_CALL, admitted, NOW)), expected);
        }
    }
}
