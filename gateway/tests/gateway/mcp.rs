//! MCP routes as their hosts see them. What policies make of messages is in the cases of `envoy-config/mcp`; here are the
//! forms of denials, the types of arguments, and hostile bodies by the thousand.

use palisade_gateway::Gateway;
use palisade_gateway::section::McpRoute;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::world::{Answer, Ask, CLAIMS, gateway, send, send_body, token_with};

/// The same server behind four paths, one for each form of denial. Only the first has all of it: tests flip every bit of
/// a bundle.
pub(crate) fn routes() -> Vec<McpRoute> {
    let mut routes = ["http403", "coaz", "hide", "tool_error"].map(route).to_vec();
    for route in routes.iter_mut().skip(1) {
        let kept = ["ping", "prompts/list", "resources/read"];
        route.methods.retain(|method| kept.contains(&method.method.as_str()));
        route.tools[0].input.truncate(1);
    }
    routes[1].tools[0].recorded = vec!["key".to_owned()];
    routes[2].record_arguments = false;
    routes
}

fn route(denial: &str) -> McpRoute {
    let method = |name: &str| json!({"method": name, "action": {"type": "Action", "id": name}, "context": []});
    let uri = json!([{"name": "uri", "source": {"message": "uri"}, "type": "string", "required": false}]);
    let document = |name: &str| {
        json!({"method": name, "action": {"type": "Action", "id": name}, "context": uri,
               "resource": {"type": "Document", "in_server": true}})
    };
    let field = |name: &str, of: Value, required: bool| json!({"name": name, "type": of, "required": required});
    let pair = json!({"record": [field("proj0", json!("string"), true), field("proj1", json!("long"), true)]});
    let choice = json!({"record": [field("typeChoice0", json!("long"), false), field("typeChoice1", json!({"set": "string"}), false),
        field("typeChoice2", json!({"record": [field("a", json!({"set": "long"}), true), field("b", json!("string"), true)]}), false),
        field("typeChoice3", json!({"entity": "Null"}), false)]});
    let route = json!({
        "path": format!("/mcp/{denial}"),
        "server": {"type": "McpServer", "id": "s"},
        "max_body_bytes": 100_000,
        "revisions": ["2025-03-26", "2025-11-25", "2026-07-28"],
        "denial": denial,
        "unknown_arguments": "deny",
        "origins": [],
        "methods": [
            method("ping"), method("tools/list"), method("prompts/get"), method("prompts/list"),
            document("resources/read"), document("subscriptions/listen"),
        ],
        "tools": [{
            "tool": "lookup", "action": {"type": "Action", "id": "lookup"}, "context": [],
            "input": [
                field("key", json!("string"), true), field("n", json!("long"), false),
                field("price", json!("decimal"), false), field("at", json!("datetime"), false),
                field("from", json!("ip"), false), field("tags", json!({"set": "string"}), false),
                field("pair", pair, false), field("kind", json!({"entity": "Kind"}), false),
                field("on", json!("bool"), false), field("wait", json!("duration"), false),
                field("any", choice, false),
            ],
        }],
    });
    serde_json::from_value(route).unwrap()
}

fn post(gateway: &mut Gateway, path: &str, body: impl AsRef<[u8]>) -> Answer {
    send_body(gateway, &Ask::new("POST", path).header("content-type", "application/json"), body.as_ref())
}

/// The answer to a message, with what the client reads.
fn answer(gateway: &mut Gateway, path: &str, message: &Value) -> (Answer, Value) {
    let answer = post(gateway, path, message.to_string());
    let body = answer.body.as_deref().map_or(Value::Null, |body| serde_json::from_str(body).unwrap());
    if body != Value::Null {
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("www-authenticate"), None);
    }
    assert_eq!(answer.record["status"], json!(answer.status));
    (answer, body)
}

fn lookup(arguments: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": "q", "method": "tools/call", "params": {"name": "lookup", "arguments": arguments}})
}

#[test]
fn each_form_of_denial_is_as_its_readers_expect() {
    let mut gateway = gateway();
    let denied = lookup(json!({"key": "secret"}));
    let (answer_403, body) = answer(&mut gateway, "/mcp/http403", &denied);
    assert_eq!((answer_403.status, answer_403.reason), (403, "policy.deny"));
    assert_eq!((&body["id"], &body["error"]["code"]), (&json!("q"), &json!(-31403)));
    assert_eq!(body["error"]["data"], json!({"reason": "access_denied", "decision_id": answer_403.id}));

    let (coaz, body) = answer(&mut gateway, "/mcp/coaz", &denied);
    assert_eq!((coaz.status, coaz.reason), (200, "policy.deny"));
    assert_eq!((&body["id"], &body["error"]["code"]), (&json!("q"), &json!(-32001)));

    let (hidden, body) = answer(&mut gateway, "/mcp/hide", &denied);
    assert_eq!((hidden.status, hidden.reason), (200, "policy.deny"));
    assert_eq!(
        body,
        json!({"jsonrpc": "2.0", "id": "q", "error": {"code": -32602, "message": "Unknown tool: lookup"}})
    );

    let (told, body) = answer(&mut gateway, "/mcp/tool_error", &denied);
    assert_eq!((told.status, told.reason), (200, "policy.deny"));
    assert_eq!((&body["id"], &body["result"]["isError"]), (&json!("q"), &json!(true)));
    assert!(body["result"]["content"][0]["text"].as_str().unwrap().contains(&told.id));
    assert_eq!(body["result"].get("resultType"), None);
}

#[test]
fn what_is_hidden_looks_like_what_is_not_there() {
    let mut gateway = gateway();
    let call = |name: &str, arguments: Value| json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}});
    let shape = |body: Value, name: &str| body.to_string().replace(name, "NAME");
    let absent = shape(answer(&mut gateway, "/mcp/hide", &call("absent", json!({}))).1, "absent");
    for arguments in [json!({"key": "secret"}), json!({}), json!({"key": 7}), json!({"key": "a", "x": 1}), json!([])] {
        let (answer, body) = answer(&mut gateway, "/mcp/hide", &call("lookup", arguments.clone()));
        assert_eq!((answer.status, shape(body, "lookup")), (200, absent.clone()), "{arguments}");
    }
    let read = |uri: &str| json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": uri}});
    let (_, body) = answer(&mut gateway, "/mcp/hide", &read("doc://open/draft"));
    assert_eq!(body["error"], json!({"code": -32002, "message": "Resource not found"}));
}

#[test]
fn other_forms_are_for_answers_to_one_request() {
    let mut gateway = gateway();
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    for path in ["/mcp/coaz", "/mcp/hide", "/mcp/tool_error"] {
        // A batch, a list, and a method that is not there: none of them is a denied call.
        let (batch, body) = answer(&mut gateway, path, &json!([ping, lookup(json!({"key": "x"}))]));
        assert_eq!(batch.status, 403, "{path}");
        let ids: Vec<&Value> = body.as_array().unwrap().iter().map(|error| &error["id"]).collect();
        assert_eq!(ids, [&json!(1), &json!("q")]);
        assert!(body.as_array().unwrap().iter().all(|error| error["error"]["code"] == -31403));
        let (unknown, body) = answer(&mut gateway, path, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/drop"}));
        assert_eq!((unknown.status, &body["error"]["code"]), (404, &json!(-32601)), "{path}");
    }
    let (list, _) = answer(&mut gateway, "/mcp/hide", &json!({"jsonrpc": "2.0", "id": 1, "method": "prompts/list"}));
    assert_eq!(list.status, 403);
}

#[test]
fn an_unsupported_revision_is_told_what_is_supported() {
    let mut gateway = gateway();
    let ask = |version: &str| {
        let ask = Ask::new("POST", "/mcp/http403").header("content-type", "application/json");
        ask.header("mcp-protocol-version", version)
    };
    let ping = br#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#;
    for version in ["2030-01-01\"}\u{7}é", "2024-11-05"] {
        let answer = send_body(&mut gateway, &ask(version), ping);
        assert_eq!((answer.reason, answer.status), ("mcp.version_unsupported", 400));
        let body: Value = serde_json::from_str(answer.body.as_deref().unwrap()).unwrap();
        assert_eq!((&body["id"], &body["error"]["code"]), (&json!(9), &json!(-32022)));
        let data = &body["error"]["data"];
        assert_eq!(data["supported"], json!(["2025-03-26", "2025-11-25", "2026-07-28"]));
        assert_eq!(data["requested"], json!(version));
    }
}

#[test]
fn a_denial_without_a_readable_id_has_none() {
    let mut gateway = gateway();
    for body in ["{", "[]", "null", r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, r#"{"jsonrpc":"2.0","id":1}"#] {
        let answer = post(&mut gateway, "/mcp/http403", body);
        let message: Value = serde_json::from_str(answer.body.as_deref().unwrap()).unwrap();
        assert_eq!(message.get("id"), None, "{body}");
        assert_eq!(answer.status, 400);
    }
}

#[test]
fn arguments_have_the_types_of_the_schema() {
    let mut gateway = gateway();
    let mut reason = |arguments: Value| {
        let (answer, _) = answer(&mut gateway, "/mcp/http403", &lookup(arguments));
        (answer.reason, answer.record.get("attribute").and_then(Value::as_str).unwrap_or_default().to_owned())
    };
    for arguments in [
        json!({"key": "a"}),
        json!({"key": "a", "n": 9}),
        json!({"key": "a", "n": -0}),
        json!({"key": "a", "price": 2}),
        json!({"key": "a", "price": 2.4999}),
        json!({"key": "a", "price": "2.4"}),
        json!({"key": "a", "at": "2026-11-22T10:00:00Z"}),
        json!({"key": "a", "at": "2026-11-22T10:00:00+01:00"}),
        json!({"key": "a", "from": "10.1.2.3", "tags": ["x", "y"], "pair": ["p", 2], "kind": "k", "on": true}),
        json!({"key": "a", "wait": "5m", "n": null}),
        json!({"key": "a", "any": 7}),
        json!({"key": "a", "any": ["x"]}),
        json!({"key": "a", "any": {"a": [1, 2], "b": "z"}}),
        json!({"key": "a", "any": null}),
    ] {
        assert_eq!(reason(arguments.clone()), ("policy.allow", String::new()), "{arguments}");
    }
    for arguments in [
        json!({"key": "b"}),
        json!({"key": "a", "n": 10}),
        json!({"key": "a", "price": 2.5}),
        json!({"key": "a", "price": 3}),
        json!({"key": "a", "at": "2027-01-01T00:00:00+00:00"}),
        json!({"key": "a", "at": "2026-12-31T23:30:00-01:00"}),
        json!({"key": "a", "from": "11.0.0.1"}),
        json!({"key": "a", "tags": []}),
        json!({"key": "a", "pair": ["p", 3]}),
        json!({"key": "a", "any": 8}),
        json!({"key": "a", "any": []}),
        json!({"key": "a", "any": {"a": [2], "b": "z"}}),
    ] {
        assert_eq!(reason(arguments.clone()).0, "policy.deny", "{arguments}");
    }
    for (arguments, at) in [
        (json!({"key": "a", "n": "9"}), "n"),
        (json!({"key": "a", "n": 9.5}), "n"),
        (json!({"key": "a", "n": 1e30}), "n"),
        (json!({"key": "a", "price": 2.49999}), "price"),
        (json!({"key": "a", "price": 1e2}), ""),
        (json!({"key": "a", "price": true}), "price"),
        (json!({"key": "a", "at": 1_700_000_000}), "at"),
        (json!({"key": "a", "at": "yesterday"}), "at"),
        (json!({"key": "a", "at": "2026-11-22T10:00:00:00"}), "at"),
        (json!({"key": "a", "from": "10.0.0.256"}), "from"),
        (json!({"key": "a", "tags": "x"}), "tags"),
        (json!({"key": "a", "tags": ["x", 1]}), "tags.1"),
        (json!({"key": "a", "pair": ["p"]}), "pair"),
        (json!({"key": "a", "pair": ["p", "2"]}), "pair.1"),
        (json!({"key": "a", "pair": ["p", 2, 3]}), "pair"),
        (json!({"key": "a", "kind": 1}), "kind"),
        (json!({"key": "a", "on": 1}), "on"),
        (json!({"key": "a", "wait": "PT5M"}), "wait"),
        (json!({"key": "a", "any": "7"}), "any"),
        (json!({"key": "a", "any": true}), "any"),
        (json!({"key": "a", "any": ["x", 1]}), "any"),
        // The record is left half way: nothing of it may stay behind.
        (json!({"key": "a", "any": {"a": [1]}}), "any"),
        (json!({"key": "a", "any": {"typeChoice0": 7}}), "any"),
    ] {
        if at.is_empty() {
            // serde_json writes 100.0, which is a decimal.
            assert_eq!(reason(arguments.clone()).0, "policy.deny", "{arguments}");
            continue;
        }
        assert_eq!(reason(arguments.clone()), ("mcp.argument_type", at.to_owned()), "{arguments}");
    }
}

#[test]
fn every_subscription_has_to_be_allowed() {
    let mut gateway = gateway();
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                      "io.modelcontextprotocol/clientCapabilities": {}});
    let mut listen = |notifications: Value| {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen",
                             "params": {"notifications": notifications, "_meta": meta}});
        let ask = Ask::new("POST", "/mcp/http403").header("content-type", "application/json");
        let ask = ask.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "subscriptions/listen");
        let answer = send_body(&mut gateway, &ask, message.to_string().as_bytes());
        (answer.reason, answer.record["resource"].as_str().unwrap_or_default().to_owned())
    };
    let open = "doc://open/a";
    assert_eq!(listen(json!({"toolsListChanged": true})).0, "policy.allow", "the server is in itself");
    assert_eq!(listen(json!({"resourceSubscriptions": [open, "doc://open/b"]})).0, "policy.allow");
    for (list, resource) in [
        (json!([open, "doc://closed/a"]), "Document::\"s/doc://closed/a\""),
        (json!(["doc://closed/a", open]), "Document::\"s/doc://closed/a\""),
        (json!([open, "doc://open/draft", open]), "Document::\"s/doc://open/draft\""),
    ] {
        let denied = listen(json!({"resourceSubscriptions": list}));
        assert_eq!(denied, ("policy.deny", resource.to_owned()));
    }
    assert_eq!(listen(json!({"resourceSubscriptions": "doc://open/a"})).0, "mcp.subject");
    assert_eq!(listen(json!({"resourceSubscriptions": [1]})).0, "mcp.subject");
    assert_eq!(listen(json!({"resourceSubscriptions": [open, "doc://open/../closed"]})).0, "mcp.uri");
    assert_eq!(listen(json!({"resourceSubscriptions": vec![open; 65]})).0, "mcp.batch_content");
    assert_eq!(listen(json!([])).0, "mcp.subject");
}

#[test]
fn a_caller_without_rights_is_told_before_the_body_is_read() {
    let mut gateway = gateway();
    let nobody = Ask::bare("POST", "/mcp/http403").header("content-type", "application/json");
    assert_eq!(send_body(&mut gateway, &nobody, b"{").reason, "token.missing");
    let claims = CLAIMS.replace("1800000300", "1799999000");
    let late = nobody.clone().header("authorization", format!("Bearer {}", token_with(&claims)));
    assert_eq!(send_body(&mut gateway, &late, b"{").status, 401);
    let ask = Ask::new("POST", "/mcp/http403").header("content-type", "application/json");
    assert_eq!(send(&mut gateway, &ask).reason, "json.empty", "the request ended with its headers");
}

#[test]
fn the_record_says_what_was_asked_and_not_with_which_arguments() {
    let mut gateway = gateway();
    let (answer, _) = answer(&mut gateway, "/mcp/http403", &lookup(json!({"key": "a-private-value"})));
    let digest = "b8e831af51411f7be71417994dfd4842a6bc342a89aef618570866d09d613178";
    let mcp = json!({"revision": "2025-03-26", "method": "tools/call", "subject": "lookup", "questions": 1,
                     "arguments": {"canonical": format!("sha256:{digest}")}});
    assert_eq!(answer.record["mcp"], mcp);
    assert!(!answer.record.to_string().contains("private"));
}

#[test]
fn values_are_recorded_where_the_bundle_names_them() {
    let mut gateway = gateway();
    let (allowed, _) = answer(&mut gateway, "/mcp/coaz", &lookup(json!({"key": "a-public-value"})));
    assert_eq!(allowed.record["mcp"]["arguments"]["values"], json!({"key": "a-public-value"}));
    let (denied, _) = answer(&mut gateway, "/mcp/coaz", &lookup(json!({"key": ["a", 1]})));
    assert_eq!(
        (denied.reason, &denied.record["mcp"]["arguments"]["values"]),
        ("mcp.argument_type", &json!({"key": "[\"a\",1]"}))
    );
    let (silent, _) = answer(&mut gateway, "/mcp/hide", &lookup(json!({"key": "a-private-value"})));
    assert_eq!((silent.reason, silent.record["mcp"].get("arguments")), ("policy.allow", None));
}

/// Whatever is done to a body that is allowed: it is refused, or it still asks for what is allowed.
#[test]
fn damaged_bodies_never_panic_nor_pass_for_another() {
    let mut gateway = gateway();
    let good = r#"{"jsonrpc":"2.0","id":"q","method":"tools/call","params":{"name":"lookup","arguments":{"key":"abc","n":3,"tags":["x"]}}}"#;
    assert_eq!(post(&mut gateway, "/mcp/http403", good).reason, "policy.allow");
    let ask = Ask::new("POST", "/mcp/http403").header("content-type", "application/json");
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let below = |random: &mut ChaCha8Rng, end: usize| usize::try_from(random.next_u64() % end as u64).unwrap();
    let (mut refused, mut allowed) = (0, 0);
    for _ in 0..5000 {
        let mut bytes = good.as_bytes().to_vec();
        for _ in 0..=below(&mut random, 2) {
            let at = below(&mut random, bytes.len());
            match below(&mut random, 5) {
                0 => bytes[at] ^= 1 << below(&mut random, 8),
                1 => bytes[at] = b"\"{}[]:,\\0e \xff"[below(&mut random, 12)],
                2 => {
                    bytes.remove(at);
                }
                3 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, u8::try_from(below(&mut random, 256)).unwrap()),
            }
        }
        let answer = send_body(&mut gateway, &ask, &bytes);
        if answer.reason == "policy.allow" {
            allowed += 1;
            // An independent reader finds a call of the tool with a key that policy allows, or a method of the session.
            let message: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(message["params"]["name"], "lookup");
            assert!(message["params"]["arguments"]["key"].as_str().unwrap().starts_with('a'));
        } else {
            refused += 1;
        }
    }
    assert!(refused > 4000 && allowed > 50, "{refused} {allowed}");
}
