//! Schemas from live MCP servers, of both eras.

use serde_json::{Value, json};

use crate::mcp_server::{Asked, Server, events, json_reply, refusal, result, tool};
use crate::palisade::{Run, Workshop};

fn catalogue(workshop: &Workshop) -> Vec<String> {
    let catalogue: Value = serde_json::from_str(&workshop.text("c.json")).unwrap();
    catalogue["tools"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn a_stateless_server_is_asked_page_by_page() {
    let server = Server::start(|asked| match asked.body["params"]["cursor"].as_str() {
        None => result(asked, &json!({"tools": [tool("a")], "nextCursor": "", "ttlMs": 1, "cacheScope": "public"})),
        Some("") => events(asked, &json!({"tools": [tool("b")], "nextCursor": "2"})),
        Some(_) => result(asked, &json!({"tools": [tool("c")]})),
    });
    let workshop = Workshop::new();
    workshop.write("token", "secret-token\n");
    let schema = workshop.ok(&format!("schema from-mcp {} --bearer-file token --catalogue c.json", server.url));
    assert_eq!(catalogue(&workshop), ["a", "b", "c"]);
    assert!(schema.contains("action \"c\" in [Action::\"call_tool\"]"), "{schema}");
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    for asked in asked {
        assert_eq!(
            (asked.header("mcp-protocol-version"), asked.header("mcp-method")),
            (Some("2026-07-28"), Some("tools/list"))
        );
        assert_eq!(asked.header("authorization"), Some("Bearer secret-token"));
        assert_eq!(asked.body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    }
}

fn legacy(asked: &Asked) -> crate::mcp_server::Reply {
    if asked.method == "DELETE" {
        return json_reply(200, &Value::Null);
    }
    let in_session = asked.header("mcp-session-id") == Some("s-1");
    match (asked.body["method"].as_str().unwrap(), in_session) {
        ("initialize", false) => {
            let (status, mut headers, body) =
                events(asked, &json!({"protocolVersion": "2025-06-18", "capabilities": {}}));
            headers.push(("mcp-session-id", "s-1".to_owned()));
            (status, headers, body)
        }
        ("notifications/initialized", true) => (202, vec![], String::new()),
        ("tools/list", true) if asked.body["params"].get("cursor").is_none() => {
            events(asked, &json!({"tools": [tool("a")], "nextCursor": "next"}))
        }
        ("tools/list", true) => result(asked, &json!({"tools": [tool("b")]})),
        _ => refusal(400, -32000),
    }
}

#[test]
fn an_older_server_gets_a_session_and_its_end() {
    let server = Server::start(legacy);
    let workshop = Workshop::new();
    let command = workshop
        .command(&["schema", "from-mcp", &server.url, "--catalogue", "c.json", "--bearer-env", "T"])
        .env("T", "t")
        .output();
    assert!(command.unwrap().status.success());
    assert_eq!(catalogue(&workshop), ["a", "b"]);
    let asked = server.asked();
    let said: Vec<&str> = asked.iter().map(|asked| asked.body["method"].as_str().unwrap_or(&asked.method)).collect();
    assert_eq!(said, ["tools/list", "initialize", "notifications/initialized", "tools/list", "tools/list", "DELETE"]);
    for asked in &asked[2..] {
        assert_eq!(
            (asked.header("mcp-session-id"), asked.header("mcp-protocol-version")),
            (Some("s-1"), Some("2025-06-18"))
        );
        assert_eq!((asked.header("mcp-method"), asked.body["params"].get("_meta")), (None, None));
        assert_eq!(asked.header("authorization"), Some("Bearer t"));
    }
}

#[test]
fn servers_that_do_not_answer_are_told() {
    let workshop = Workshop::new();
    let fails = |code: &str, server: Server| workshop.fails(&format!("schema from-mcp {}", server.url), 1, code);
    fails("mcp.unauthorized", Server::start(|_| refusal(401, 1)));
    fails("mcp.unauthorized", Server::start(|_| refusal(403, 1)));
    fails("mcp.refused", Server::start(|_| refusal(400, -32600)));
    fails("mcp.answer", Server::start(|_| (200, vec![], "<html>".to_owned())));
    fails("mcp.answer", Server::start(|asked| result(asked, &json!({"tools": 1}))));
    fails("mcp.answer", Server::start(|asked| result(asked, &json!({}))));
    // A list without end, and one that goes in circles.
    fails("mcp.pages", Server::start(|asked| result(asked, &json!({"tools": [], "nextCursor": "again"}))));
    // The token must not follow a redirect.
    let other = Server::start(|asked| result(asked, &json!({"tools": []})));
    let to = other.url.clone();
    let moved = Server::start(move |_| (307, vec![("location", to.clone())], String::new()));
    workshop.fails(&format!("schema from-mcp {}", moved.url), 1, "mcp.answer");
    assert!(other.asked().is_empty());

    workshop.fails("schema from-mcp http://tools.example/mcp", 1, "mcp.url");
    workshop.fails("schema from-mcp http://127.0.0.1:1/mcp", 1, "mcp.http");
    workshop.fails(&format!("schema from-mcp {} --bearer-env NO_SUCH_VARIABLE", other.url), 1, "mcp.token");
    assert!(other.asked().is_empty());
}

#[test]
fn a_generated_schema_and_catalogue_make_a_project() {
    let workshop = Workshop::new();
    workshop.write("tools.json", json!({"tools": [tool("read-file"), tool("write_file")]}).to_string());
    workshop.ok("schema from-mcp tools.json --namespace Files -o files.cedarschema --catalogue files.catalogue.json");
    let issuer = "[[issuers]]\nalias = \"dev\"\nissuer = \"https://i.example\"\naudiences = [\"a\"]\nalgorithms = [\"ES256\"]\n\
                  jwks = \"none.json\"\nmax_token_lifetime = \"15m\"\n[issuers.principal]\ntype = \"Files::Agent\"\nid = \"sub\"\n";
    let route = "[[routes]]\nprotocol = \"mcp\"\npath = \"/mcp\"\nresource = { type = \"Files::Server\", id = \"files\" }\n\
                 catalogue = \"files.catalogue.json\"\nrecord_values = { read-file = [\"path\"] }\n";
    let head = "name = \"n\"\nschema = \"files.cedarschema\"\npolicies = [\"p.cedar\"]\nlifetime = \"1d\"\n";
    workshop.write("palisade.toml", format!("{head}{issuer}{route}"));
    let policy = "permit (principal, action == Files::Action::\"read-file\", resource) when { context.input has path && context.input.path like \"/a/*\" };\n\
                  permit (principal, action == Files::Action::\"tools/list\", resource);\n";
    workshop.write("p.cedar", policy);
    workshop.ok("check .");
    workshop.write("p.cedar", policy.replace("has path && ", "has path && context.input.pat == 1 && "));
    workshop.fails("check .", 3, "validate.unknown_attribute");
    let Run { code, err, .. } = workshop.run("schema from-mcp tools.json --stub files.cedarschema");
    assert_eq!((code, err.contains("schema.stub")), (1, true), "{err}");
}

#[test]
fn headers_that_repeat_arguments_are_compared_as_the_generator_says() {
    let workshop = Workshop::with_bundle();
    let (zone, odd) = ("Zone.1", "A!#$%&'*+-.^_`|~9");
    let argument = |header: &str| json!({"type": "string", "x-mcp-header": header});
    let input = json!({"type": "object", "properties": {"zone": argument(zone), "odd": argument(odd)}});
    workshop.write("tools.json", json!({"tools": [{"name": "move", "inputSchema": input}]}).to_string());
    let Run { code, err, .. } = workshop.run("schema from-mcp tools.json --namespace Desk -o desk.cedarschema");
    assert_eq!(code, 0, "{err}");
    let (_, setting) = err.split_once("the route compares them where it has `").unwrap();
    let (setting, _) = setting.lines().next().unwrap().rsplit_once('`').unwrap();

    let issuer = "[[issuers]]\nalias = \"dev\"\nissuer = \"https://i.example\"\naudiences = [\"a\"]\nalgorithms = [\"ES256\"]\n\
                  jwks = \"issuer.jwks.json\"\nmax_token_lifetime = \"15m\"\n[issuers.principal]\ntype = \"Desk::Agent\"\nid = \"sub\"\n";
    let route =
        "[[routes]]\nprotocol = \"mcp\"\npath = \"/mcp\"\nresource = { type = \"Desk::Server\", id = \"desk\" }\n";
    let head = "name = \"n\"\nschema = \"desk.cedarschema\"\npolicies = [\"p.cedar\"]\ntests = [\"t.json\"]\nlifetime = \"1d\"\n";
    workshop.write("palisade.toml", format!("{head}{issuer}{route}{setting}\n"));
    workshop.write("p.cedar", "@id(\"all\") permit (principal, action == Desk::Action::\"move\", resource);");

    let headers = |zone: Option<&str>, odd_name: &str, odd: &str| {
        let mut headers = json!([
            ["mcp-protocol-version", "2026-07-28"],
            ["mcp-method", "tools/call"],
            ["mcp-name", "move"],
            [format!("Mcp-Param-{odd_name}"), odd],
        ]);
        headers.as_array_mut().unwrap().extend(zone.map(|value| json!(["Mcp-Param-Zone.1", value])));
        headers
    };
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                      "io.modelcontextprotocol/clientCapabilities": {}});
    let params = json!({"name": "move", "arguments": {"zone": "eu", "odd": "x"}, "_meta": meta});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let case = |name: &str, headers: Value, expect: Value| {
        json!({"name": name, "request": {"method": "POST", "host": "desk.example", "path": "/mcp", "headers": headers, "body": body},
               "token": {"issuer": "dev", "key": "dev-es256", "claims": {"sub": "a"}}, "expect": expect})
    };
    let allowed = || json!({"status": 200, "decision": "allow", "reason": "policy.allow", "policies": ["all"]});
    let denied = |reason: &str| json!({"status": 400, "decision": "deny", "reason": reason, "rpc_error": -32020});
    let cases = json!([
        case("both say the same", headers(Some("eu"), odd, "x"), allowed()),
        case("in other letters", headers(Some("eu"), &odd.to_lowercase(), "x"), allowed()),
        case("another zone", headers(Some("us"), odd, "x"), denied("mcp.header_mismatch")),
        case("no zone", headers(None, odd, "x"), denied("mcp.header_missing")),
        case("another value under the odd name", headers(Some("eu"), odd, "y"), denied("mcp.header_mismatch")),
        case(
            "a name that differs in one character",
            headers(Some("eu"), &odd.replace('.', "-"), "x"),
            denied("mcp.header_missing")
        ),
    ]);
    workshop.write("t.json", cases.to_string());
    workshop.ok("check .");
    workshop.ok("test .");
}

#[test]
fn a_generated_schema_and_routes_make_a_project_that_decides() {
    let workshop = Workshop::with_bundle();
    let document = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/schema.in/orders.yaml");
    // Without the one path that cannot be a route's.
    let text = std::fs::read_to_string(document).unwrap().replace("/exports/{name}.csv", "/exports/{name}");
    let text = text.replace(
        "get: { operationId: export }",
        "get: { operationId: export, parameters: [{ name: name, in: path, schema: { type: string } }] }",
    );
    workshop.write("orders.yaml", text);
    workshop.ok("schema from-openapi orders.yaml --namespace Shop -o shop.cedarschema --routes routes.toml");
    let issuer = "[[issuers]]\nalias = \"dev\"\nissuer = \"https://i.example\"\naudiences = [\"a\"]\nalgorithms = [\"ES256\"]\n\
                  jwks = \"issuer.jwks.json\"\nmax_token_lifetime = \"15m\"\n[issuers.principal]\ntype = \"Shop::Agent\"\nid = \"sub\"\n\n";
    let head = "name = \"n\"\nschema = \"shop.cedarschema\"\npolicies = [\"p.cedar\"]\ntests = [\"t.json\"]\nlifetime = \"1d\"\n";
    workshop.write("palisade.toml", format!("{head}{issuer}{}", workshop.text("routes.toml")));
    let policies = "@id(\"few\") permit (principal == Shop::Agent::\"dev/a\", action == Shop::Action::\"listOrders\", resource) when { context.limit <= 10 };\n\
                    @id(\"line\") permit (principal, action in Shop::Action::\"tag:line items\", resource == Shop::Lines::\"17/2\");\n";
    workshop.write("p.cedar", policies);
    let case = |name: &str, method: &str, path: &str, scope: &str, expect: Value| {
        json!({"name": name, "request": {"method": method, "host": "eu.shop.example", "path": path},
               "token": {"issuer": "dev", "key": "dev-es256", "claims": {"sub": "a", "scope": scope}}, "expect": expect})
    };
    let allowed =
        |policy: &str| json!({"status": 200, "decision": "allow", "reason": "policy.allow", "policies": [policy]});
    let denied = |status: u16, reason: &str| json!({"status": status, "decision": "deny", "reason": reason});
    let cases = json!([
        case("a few orders", "GET", "/v2/orders?limit=10&state=open", "orders", allowed("few")),
        case("many orders", "GET", "/v2/orders?limit=11", "orders", denied(403, "policy.deny")),
        case("all orders", "GET", "/v2/orders", "orders", denied(403, "context.missing")),
        case("a number that is none", "GET", "/v2/orders?limit=ten", "orders", denied(403, "context.type")),
        case("without the scope", "GET", "/v2/orders?limit=1", "other", denied(403, "scope.insufficient")),
        case("one's own line", "DELETE", "/v2/orders/17/lines/2", "orders", allowed("line")),
        case("another line", "DELETE", "/v2/orders/17/lines/3", "orders", denied(403, "policy.deny")),
        case("a line that is no number", "DELETE", "/v2/orders/17/lines/two", "orders", denied(403, "context.type")),
        case("writing with the scope for reading", "POST", "/v2/orders", "orders", denied(403, "scope.insufficient")),
        case("another base path", "GET", "/orders?limit=1", "orders", denied(403, "route.unknown")),
    ]);
    workshop.write("t.json", cases.to_string());
    workshop.ok("check .");
    workshop.ok("test .");
}
