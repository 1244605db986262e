//! The rules of the measurement for tool calls: N teams, each of which may call one tool of a server, on paths below
//! `/work/`, and nobody who is suspended.

use serde_json::{Value, json};

use crate::rules::{self, Credential};

/// Tools, teams and policies.
pub(crate) const TOOLS: usize = 10;
/// Where the server is.
pub(crate) const PATH: &str = "/files/mcp";
/// The length of the body of a call, in bytes.
const BODY: usize = 450;

/// The Cedar schema.
pub(crate) fn schema() -> String {
    let tool = |n| {
        format!(
            "  action \"tool-{n}\" in [tools] appliesTo {{ principal: [Agent], resource: [Server],\n    \
             context: {{ input: {{ path: String, content: String }} }} }};\n"
        )
    };
    let tools: String = (0..TOOLS).map(tool).collect();
    format!(
        "entity Team;\nentity Agent in [Team] = {{ suspended: Bool }};\n\
         namespace Files {{\n  entity Server;\n  action tools;\n{tools}}}\n"
    )
}

/// The policies, as Cedar text.
pub(crate) fn cedar() -> String {
    let policy = |n| {
        format!(
            "@id(\"p{n}\")\npermit (principal in Team::\"team-{n}\", action == Files::Action::\"tool-{n}\", \
             resource == Files::Server::\"files\")\nwhen {{ context.input.path like \"/work/*\" }}\n\
             unless {{ principal.suspended }};\n"
        )
    };
    (0..TOOLS).map(policy).collect()
}

/// The policies for Envoy's `rbac` behind its `mcp` filter, and, where callers are told apart, `jwt_authn`.
pub(crate) fn rbac(by_caller: bool) -> Value {
    let policy = |n| {
        let field = |path: &[&str], value: Value| {
            let path: Value = path.iter().map(|key| json!({"key": key})).collect();
            json!({"metadata": {
                "filter": "envoy.filters.http.mcp", "path": path, "value": {"string_match": value},
            }})
        };
        let policy = json!({
            "permissions": [{"and_rules": {"rules": [
                field(&["method"], json!({"exact": "tools/call"})),
                field(&["params", "name"], json!({"exact": format!("tool-{n}")})),
                field(&["params", "arguments", "path"], json!({"prefix": "/work/"})),
            ]}}],
            "principals": [if by_caller { rules::member_of(n) } else { json!({"any": true}) }],
        });
        (format!("p{n}"), policy)
    };
    Value::Object((0..TOOLS).map(policy).collect())
}

/// A call of a tool, [`BODY`] bytes long.
pub(crate) fn body(tool: usize, path: &str) -> String {
    let call = |content: &str| {
        json!({"jsonrpc": "2.0", "id": 17, "method": "tools/call", "params": {
            "name": format!("tool-{tool}"), "arguments": {"path": path, "content": content},
        }})
        .to_string()
    };
    let rest = BODY.saturating_sub(call("").len());
    call(&"fn total(lines: &[Line]) -> Money { sum(lines) } ".chars().cycle().take(rest).collect::<String>())
}

/// One question, and its right answer.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) credential: Credential,
    /// The team of the caller.
    pub(crate) team: usize,
    pub(crate) body: String,
    pub(crate) allowed: bool,
}

/// Questions of every kind.
pub(crate) fn calls() -> Vec<Call> {
    let call = |number: usize| {
        let team = number % TOOLS;
        let good = "/work/checkout/src/cart.rs";
        let (credential, tool, path) = match number / TOOLS % 8 {
            0 | 1 => (Credential::Good, team, good),
            2 => (Credential::GoodRs256, team, good),
            3 => (Credential::Good, (team + 1) % TOOLS, good),
            4 => (Credential::Good, team, "/etc/passwd"),
            5 => (Credential::Suspended, team, good),
            6 => (Credential::Forged, team, good),
            _ => (Credential::None, team, good),
        };
        Call { credential, team, body: body(tool, path), allowed: number / TOOLS % 8 < 3 }
    };
    (0..2 * 8 * TOOLS).map(call).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_their_length() {
        assert_eq!(body(3, "/work/a").len(), BODY);
        assert!(calls().iter().all(|call| call.body.len() == BODY));
    }
}
