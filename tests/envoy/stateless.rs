//! Agents of the stateless era of MCP (2026-07-28), made with the SDKs of TypeScript and Python, in front of a server of that era:
//! each request stands by itself, and says in headers what its body says.

use anyhow::{Context, Result, bail, ensure};
use palisade_tests::http1::{Request, Response};
use palisade_tests::mcp_tools::{Sdk, Session};
use palisade_tests::record::AccessLine;
use palisade_tests::tool_agents::Agents;
use palisade_tests::wait;
use serde_json::{Value, json};

use crate::fixture::shared_agents;

/// What the catalogue has of the tool `refund`.
const APPROVED: &str = "Pays a customer back, once somebody has confirmed it";

/// One test: the server has one description of its tools at a time.
#[test]
fn agents_without_sessions_and_a_server_of_their_era() -> Result<()> {
    let agents = shared_agents()?;
    for sdk in Sdk::STATELESS {
        sessions(agents, sdk).with_context(|| format!("{sdk:?}"))?;
    }
    headers_that_say_something_else(agents)
}

fn sessions(agents: &Agents, sdk: Sdk) -> Result<()> {
    let before = Counts::read(agents)?;
    let session = |path: &str, team: &str, steps: Value| -> Result<Session> {
        Ok(Session { url: agents.url(path), token: agents.token(team)?, steps })
    };
    let outcomes = sdk.take(&[
        session("desk", "engineering", engineering())?,
        session("desk/told", "engineering", json!([call("purge", json!({}))]))?,
        session("desk", "support", support())?,
        session("desk", "sales", json!([{"do": "tools"}]))?,
        // A server of the other era: the agent finds its way back.
        session("everything", "engineering", json!([{"do": "revision"}, call("echo", json!({"message": "old"}))]))?,
    ])?;
    let [of_engineering, told, of_support, of_sales, of_another_era] = outcomes.as_slice() else {
        bail!("{outcomes:?}");
    };
    assert_engineering(of_engineering)?;
    assert_support(of_support)?;
    assert_eq!(told.len(), 1, "{told:?}");
    ensure!(told[0]["result"]["isError"] == true && is_denial(&text(&told[0]), "purge"), "{told:?}");
    ensure!(matches!(of_sales.as_slice(), [one] if one.get("refused").is_some()), "{of_sales:?}");
    let [revision, echo] = of_another_era.as_slice() else { bail!("{of_another_era:?}") };
    ensure!(revision["result"]["revision"].as_str().is_some_and(|revision| revision < "2026"), "{revision}");
    assert_eq!(text(echo), "Echo: old");

    let expected = Counts {
        // Each half of a call that asks back is decided.
        refunds: before.refunds + 4,
        // Who has not seen a tool does not know which headers it asks for, is told, looks, and calls again.
        headers_missing: before.headers_missing + 1,
        drifted: before.drifted + 1,
    };
    wait::until("the records of the sessions", || {
        let counts = Counts::read(agents)?;
        ensure!(!counts.exceed(&expected), "{counts:?} instead of {expected:?}");
        Ok((counts == expected).then_some(()))
    })
}

fn call(name: &str, arguments: Value) -> Value {
    json!({"do": "call", "name": name, "arguments": arguments})
}

fn search() -> Value {
    call("search", json!({"query": "ink", "region": "Zürich"}))
}

fn refund() -> Value {
    call("refund", json!({"ticket": "T-7", "cents": 4000}))
}

fn engineering() -> Value {
    let reword = |words: &str| json!({"do": "watch", "name": "reword", "arguments": {"words": words}});
    json!([
        {"do": "revision"},
        {"do": "tools"},
        search(),
        // Asks back before it pays.
        refund(),
        // Out of bounds, of another type, unknown to the schema; tools that nobody may call, or nobody knows.
        call("refund", json!({"ticket": "T-7", "cents": 5001})),
        call("refund", json!({"ticket": "T-7", "cents": "40"})),
        call("refund", json!({"ticket": "T-7", "cents": 40, "to": "me"})),
        call("purge", json!({})),
        call("shell", json!({"command": "id"})),
        // The server changes what it says of a tool, and takes it back.
        reword("Pays whoever asks."),
        {"do": "tools"},
        refund(),
        reword(APPROVED),
        {"do": "tools"},
        refund(),
    ])
}

fn assert_engineering(outcomes: &[Value]) -> Result<()> {
    let [
        revision,
        tools,
        found,
        paid,
        too_much,
        mistyped,
        unknown,
        purge,
        shell,
        reworded,
        fewer,
        drifted,
        taken_back,
        all,
        again,
    ] = outcomes
    else {
        bail!("{outcomes:?}");
    };
    assert_eq!(revision["result"]["revision"], "2026-07-28");
    for (tools, names) in [
        (tools, &["search", "refund", "reword"][..]),
        (fewer, &["search", "reword"]),
        (all, &["search", "refund", "reword"]),
    ] {
        assert_listed(tools, names)?;
    }
    assert_eq!(text(found), "nothing about ink in Zürich", "{found}");
    for paid in [paid, again] {
        assert_eq!(text(paid), "4000 cents for T-7", "{paid}");
    }
    for (outcome, tool) in [(too_much, "refund"), (purge, "purge"), (shell, "shell"), (drifted, "refund")] {
        ensure!(says(outcome, -31403) && is_denial(&message(outcome), tool), "{outcome}");
    }
    for (outcome, argument) in [(mistyped, "cents"), (unknown, "to")] {
        ensure!(says(outcome, -32602) && message(outcome).contains("Invalid arguments"), "{outcome}");
        ensure!(message(outcome).replace('\\', "").contains(&format!("\"{argument}\"")), "{outcome}");
    }
    ensure!(reworded["result"]["changed"] == true && taken_back["result"]["changed"] == true, "{outcomes:?}");
    Ok(())
}

fn support() -> Value {
    json!([search(), {"do": "tools"}, call("refund", json!({"ticket": "T-7", "cents": 1}))])
}

fn assert_support(outcomes: &[Value]) -> Result<()> {
    let [found, tools, refund] = outcomes else { bail!("{outcomes:?}") };
    assert_eq!(text(found), "nothing about ink in Zürich", "{found}");
    assert_listed(tools, &["search"])?;
    ensure!(says(refund, -31403) && is_denial(&message(refund), "refund"), "{refund}");
    Ok(())
}

/// The tools are these, in this order, for this caller, for as long as the server said.
fn assert_listed(outcome: &Value, names: &[&str]) -> Result<()> {
    let result = &outcome["result"];
    let tools = result["tools"].as_array().with_context(|| format!("no tools in {outcome}"))?;
    let listed: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert_eq!(listed, names);
    assert_eq!((&result["cacheScope"], &result["ttlMs"]), (&json!("private"), &json!(60_000)));
    Ok(())
}

fn text(outcome: &Value) -> String {
    outcome["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}

fn message(outcome: &Value) -> String {
    outcome["error"]["message"].as_str().unwrap_or_default().to_owned()
}

/// Whether an agent is told this code. Of an answer with status 403, the SDK of TypeScript tells the text.
fn says(outcome: &Value, code: i32) -> bool {
    outcome["error"]["code"] == code || message(outcome).contains(&format!("\"code\":{code}"))
}

/// Whether an agent is told that policy denies the call of this tool.
fn is_denial(said: &str, tool: &str) -> bool {
    let said = said.replace('\\', "");
    said.contains("Access denied")
        && said.contains(&format!("the call of tool \"{tool}\""))
        && said.contains("decision")
}

/// How many records there are so far: of refunds that were let through, of headers that are missing, and of tools that are not
/// what was approved.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    refunds: usize,
    headers_missing: usize,
    drifted: usize,
}

impl Counts {
    fn read(agents: &Agents) -> Result<Self> {
        let log = agents.gateway.envoy.log()?;
        let complete = log.rsplit_once('\n').map_or("", |(lines, _)| lines);
        let lines = complete.lines().map(AccessLine::parse).filter_map(Result::transpose);
        let lines: Vec<AccessLine> = lines.collect::<Result<_>>()?;
        let of = |reason: &'static str| lines.iter().filter(move |line| line.text("reason") == Some(reason));
        let is_refund = |line: &&AccessLine| line.text("action") == Some("Desk::Action::\"refund\"");
        Ok(Self {
            refunds: of("policy.allow").filter(is_refund).count(),
            headers_missing: of("mcp.header_missing").count(),
            drifted: of("mcp.tool_drifted").count(),
        })
    }

    fn exceed(&self, expected: &Self) -> bool {
        self.refunds > expected.refunds
            || self.headers_missing > expected.headers_missing
            || self.drifted > expected.drifted
    }
}

/// A call of `search` that says everything twice, as it has to be. `None` leaves a header out.
struct Call<'a> {
    version: Option<&'a str>,
    method: Option<&'a str>,
    name: Option<&'a str>,
    region: Option<&'a str>,
    tool: &'a str,
    arguments: Value,
}

impl Call<'_> {
    fn good() -> Self {
        Self {
            version: Some("2026-07-28"),
            method: Some("tools/call"),
            name: Some("search"),
            region: Some("eu"),
            tool: "search",
            arguments: json!({"query": "ink", "region": "eu"}),
        }
    }

    fn send(&self, agents: &Agents) -> Result<Response> {
        let Self { version, method, name, region, tool, ref arguments } = *self;
        let mut request = Request::new("POST", "tools.internal", "/desk/mcp").bearer(&agents.token("engineering")?);
        request = request.header("content-type", "application/json");
        request = request.header("accept", "application/json, text/event-stream");
        for (header, value) in [
            ("MCP-Protocol-Version", version),
            ("Mcp-Method", method),
            ("Mcp-Name", name),
            ("Mcp-Param-Region", region),
        ] {
            if let Some(value) = value {
                request = request.header(header, value);
            }
        }
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
        let message = json!({"jsonrpc": "2.0", "id": "q", "method": "tools/call", "params": params});
        agents.gateway.send(&request.body(message.to_string()))
    }
}

fn headers_that_say_something_else(agents: &Agents) -> Result<()> {
    let good = Call::good().send(agents)?;
    ensure!(
        good.status == 200 && good.json()?.pointer("/result/content/0/text") == Some(&json!("nothing about ink in eu")),
        "{good:?}"
    );
    let mismatch = "mcp.header_mismatch";
    let missing = "mcp.header_missing";
    for (call, reason, code) in [
        // What a router by headers takes for a search is a purge.
        (Call { tool: "purge", arguments: json!({}), region: None, ..Call::good() }, mismatch, -32020),
        (Call { name: Some("purge"), ..Call::good() }, mismatch, -32020),
        (Call { name: Some("Search"), ..Call::good() }, mismatch, -32020),
        (Call { name: None, ..Call::good() }, missing, -32020),
        (Call { method: Some("tools/list"), ..Call::good() }, mismatch, -32020),
        (Call { method: None, ..Call::good() }, missing, -32020),
        (Call { region: Some("us"), ..Call::good() }, mismatch, -32020),
        (Call { region: None, ..Call::good() }, missing, -32020),
        (Call { version: Some("2025-11-25"), ..Call::good() }, "mcp.version_unsupported", -32022),
        (Call { version: None, ..Call::good() }, "mcp.version_missing", -32020),
    ] {
        let answer = call.send(agents)?;
        let message = answer.json()?;
        let line = agents.gateway.access_line(&answer)?;
        let is_said = answer.status == 400 && message["error"]["code"] == code;
        ensure!(is_said && line.text("reason") == Some(reason), "expected {reason}: {answer:?} {line:?}");
    }
    Ok(())
}
