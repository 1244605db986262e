//! Each method of MCP asks policy about its own thing, in the revisions that have it.

use palisade_gateway::{
    HeaderBuffer, MCP_METHODS, McpMethod, McpRevision, NativeHost, Outcome, ReceivedBody, RequestHead,
};
use serde_json::{Value, json};

use crate::lists::{PROJECT, World};
use crate::world::NOW;

const SCHEMA: &str = r#"
    entity Agent, Server;
    entity Tool, Prompt, Resource, Task in [Server];
    action "server/discover", initialize, ping, "tools/list", "prompts/list", "resources/list", "resources/templates/list",
        "completion/complete", "logging/setLevel", "tasks/list", "notifications/initialized", "notifications/cancelled",
        "notifications/progress", "notifications/roots/list_changed", "client/response", "stream/open", "session/delete"
        appliesTo { principal: Agent, resource: Server };
    action "tools/call" appliesTo { principal: Agent, resource: Tool };
    action "prompts/get" appliesTo { principal: Agent, resource: Prompt };
    action "resources/read", "resources/subscribe", "resources/unsubscribe", "subscriptions/listen"
        appliesTo { principal: Agent, resource: Resource, context: { uri: String } };
    action "tasks/get", "tasks/update", "tasks/cancel", "tasks/result" appliesTo { principal: Agent, resource: Task };
"#;

/// What a method is asked about: the member of `params` that names it, the member's value, and the resource of the question.
fn subject(method: &str) -> Option<(&'static str, Value, &'static str)> {
    let found = match method {
        "tools/call" => ("name", json!("t"), r#"Tool::"s/t""#),
        "prompts/get" => ("name", json!("p"), r#"Prompt::"s/p""#),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
            ("uri", json!("doc://a"), r#"Resource::"s/doc://a""#)
        }
        "tasks/get" | "tasks/update" | "tasks/cancel" | "tasks/result" => ("taskId", json!("7"), r#"Task::"s/7""#),
        "subscriptions/listen" => {
            ("notifications", json!({"resourceSubscriptions": ["doc://a"]}), r#"Resource::"s/doc://a""#)
        }
        "completion/complete" => ("ref", json!({"type": "ref/prompt", "name": "p"}), r#"Server::"s""#),
        _ => return None,
    };
    Some(found)
}

/// A message with what its method needs, and the name that headers repeat.
struct Message {
    method: &'static str,
    revision: McpRevision,
    is_notification: bool,
    params: Value,
    name: Option<Value>,
}

impl Message {
    fn new(method: &McpMethod, revision: McpRevision) -> Self {
        let is_notification = method.name.starts_with("notifications/");
        let mut params = json!({});
        let mut name = None;
        if let Some((member, value, _)) = subject(method.name) {
            name = value.is_string().then(|| value.clone());
            params[member] = value;
        }
        if revision == McpRevision::R20260728 {
            params["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": revision.as_str(),
                                     "io.modelcontextprotocol/clientCapabilities": {}});
        }
        Self { method: method.name, revision, is_notification, params, name }
    }

    /// The reason code, action and resource of what comes of it.
    fn post(&self, world: &mut World) -> (&'static str, Value, Value) {
        let mut body = json!({"jsonrpc": "2.0", "method": self.method, "params": self.params});
        if !self.is_notification {
            body["id"] = json!("q");
        }
        let mut headers = world.headers("POST", "/mcp", self.revision.as_str(), json!({"sub": "alice"}));
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        headers.push(("mcp-method".to_owned(), self.method.to_owned()));
        if let Some(name) = &self.name {
            headers.push(("mcp-name".to_owned(), name.as_str().unwrap().to_owned()));
        }
        let headers = HeaderBuffer::from_pairs(headers);
        let body = body.to_string();
        let request = RequestHead { headers: headers.as_map() };
        let body = ReceivedBody::Whole(body.as_bytes());
        let verdict = world.gateway.finish(&request, body, None, &mut NativeHost::at(NOW));
        let record: Value = serde_json::from_str(verdict.record).unwrap();
        assert_eq!(verdict.outcome == Outcome::Allowed, verdict.disposition().reason == "policy.allow");
        (verdict.disposition().reason, record["action"].clone(), record["resource"].clone())
    }
}

/// Those that a message can name.
fn methods() -> impl Iterator<Item = &'static McpMethod> {
    MCP_METHODS.iter().filter(|method| !["client/response", "stream/open", "session/delete"].contains(&method.name))
}

#[test]
fn each_method_is_about_its_own_thing_in_its_revisions() {
    let mut world = World::of(PROJECT, SCHEMA, "@id(\"all\") permit(principal, action, resource);");
    let (mut asked, mut refused) = (0, 0);
    for method in methods() {
        let before = asked;
        for revision in McpRevision::ALL {
            let (reason, action, resource) = Message::new(method, revision).post(&mut world);
            if reason == "mcp.method_revision" {
                refused += 1;
                continue;
            }
            assert_eq!(reason, "policy.allow", "{} in {}", method.name, revision.as_str());
            assert_eq!(action, json!(format!("Action::\"{}\"", method.name)));
            let about = subject(method.name).map_or(r#"Server::"s""#, |(.., resource)| resource);
            assert_eq!(resource, json!(about), "{}", method.name);
            asked += 1;
        }
        assert!(asked > before, "{} is in some revision", method.name);
    }
    assert!(asked > 80 && refused > 30, "{asked} {refused}");
}

#[test]
fn a_method_without_what_it_is_about_asks_for_nothing() {
    let mut world = World::of(PROJECT, SCHEMA, "@id(\"all\") permit(principal, action, resource);");
    for method in methods() {
        let Some((member, ..)) = subject(method.name) else { continue };
        for revision in McpRevision::ALL {
            let good = || Message::new(method, revision);
            if good().post(&mut world).0 != "policy.allow" {
                continue;
            }
            for bad in [json!(7), json!(["a"]), json!({"name": 7}), json!(null), json!(true)] {
                // Nothing in particular is listened to.
                if method.name == "subscriptions/listen" && bad.is_object() {
                    continue;
                }
                let mut message = good();
                message.params[member] = bad;
                assert_eq!(message.post(&mut world).0, "mcp.subject", "{}: {}", method.name, message.params);
            }
            // What headers say is what the body says, of whatever kind it is.
            if revision == McpRevision::R20260728
                && let Some(name) = good().name
            {
                let name = name.as_str().unwrap();
                for other in [format!("{name}x"), name.to_uppercase() + " ", format!("={name}")] {
                    let message = Message { name: Some(json!(other)), ..good() };
                    let expected = if other.trim() == name { "policy.allow" } else { "mcp.header_mismatch" };
                    assert_eq!(message.post(&mut world).0, expected, "{}: {other}", method.name);
                }
                let message = Message { name: None, ..good() };
                assert_eq!(message.post(&mut world).0, "mcp.header_missing", "{}", method.name);
            }
        }
    }
}

/// A policy about one thing says nothing about others of its kind.
#[test]
fn what_policy_says_of_one_thing_is_about_that_thing() {
    for method in methods() {
        let Some((member, value, resource)) = subject(method.name).filter(|(_, _, resource)| resource.contains('/'))
        else {
            continue;
        };
        let policy =
            format!("@id(\"one\") permit(principal, action == Action::\"{}\", resource == {resource});", method.name);
        let mut world = World::of(PROJECT, SCHEMA, &policy);
        for revision in McpRevision::ALL {
            let mut message = Message::new(method, revision);
            if message.post(&mut world).0 != "policy.allow" {
                continue;
            }
            let other = match &value {
                Value::String(name) => json!(format!("{name}b")),
                _ => json!({"resourceSubscriptions": ["doc://a", "doc://ab"]}),
            };
            message.name = message.name.map(|_| other.clone());
            message.params[member] = other;
            assert_eq!(message.post(&mut world).0, "policy.deny", "{}", method.name);
        }
    }
}
