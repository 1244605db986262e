//! `make demo-mcp`: an agent's sessions with two real MCP servers behind a real Envoy, and its calls of one that has no sessions;
//! every step asked and every answer checked.
//!
//! Exits 0 only if everything came out as written.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use palisade_tests::http1::{Request, Response};
use palisade_tests::record::AccessLine;
use palisade_tests::tool_agents::Agents;
use palisade_tests::wait;
use serde_json::{Value, json};

fn main() -> ExitCode {
    match demonstrate(&mut io::stdout().lock()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One step of a session.
struct Step {
    server: &'static str,
    name: &'static str,
    method: &'static str,
    params: Value,
    expect: Expect,
}

/// What the gateway has to record, and what the agent has to read.
struct Expect {
    reason: &'static str,
    policies: &'static [&'static str],
    /// A part of the answer.
    answer: String,
}

/// What came out.
struct Outcome {
    reason: String,
    policies: Vec<String>,
    answer: String,
}

/// Returns how many steps came out differently.
fn demonstrate(out: &mut impl Write) -> Result<usize> {
    let home = tempfile::tempdir()?;
    writeln!(
        out,
        "Starting a file server, a server of everything and a help desk; asking for their tools; building and signing"
    )?;
    writeln!(out, "a bundle of their schema, their digests and some policies; starting Envoy …")?;
    let agents = Agents::start(home.path())?;
    writeln!(out, "Envoy with the filter: http://{}", agents.gateway.envoy.address())?;
    let (mut total, mut wrong) = (0_usize, 0_usize);
    let mut session: Option<Session<'_>> = None;
    for step in steps(&agents)? {
        let open = match session.take() {
            Some(session) if session.server == step.server => session,
            Some(_) | None => {
                writeln!(out, "\n{}", step.server)?;
                Session::open(&agents, step.server)?
            }
        };
        let outcome = open.take(&step)?;
        let good = step.expect.is_met(&outcome);
        total += 1;
        wrong += usize::from(!good);
        print(out, &step, &outcome, good)?;
        session = Some(open);
    }
    writeln!(out, "\n{} of {total} came out as written.", total - wrong)?;
    Ok(wrong)
}

impl Expect {
    fn is_met(&self, outcome: &Outcome) -> bool {
        let Self { reason, policies, answer } = self;
        outcome.reason == *reason && outcome.policies == *policies && outcome.answer.contains(answer)
    }
}

fn print(out: &mut impl Write, step: &Step, outcome: &Outcome, good: bool) -> Result<()> {
    let subject = ["name", "uri"].iter().find_map(|name| step.params.get(name)?.as_str()).unwrap_or_default();
    let arguments = step.params.get("arguments").map(Value::to_string).unwrap_or_default();
    let by =
        |policies: &[String]| if policies.is_empty() { String::new() } else { format!(" by {}", policies.join(", ")) };
    let expected: Vec<String> = step.expect.policies.iter().map(|name| (*name).to_owned()).collect();
    writeln!(out, "  {} {}", if good { "✓" } else { "✗" }, step.name)?;
    writeln!(out, "      asked     {}", format!("{} {subject} {arguments}", step.method).trim())?;
    writeln!(out, "      expected  {}{}; \u{201c}{}\u{201d}", step.expect.reason, by(&expected), step.expect.answer)?;
    let mut answer: String = outcome.answer.chars().take(120).collect();
    if answer.len() < outcome.answer.len() {
        answer.push('…');
    }
    writeln!(out, "      answered  {}{}; {answer}", outcome.reason, by(&outcome.policies))?;
    Ok(())
}

/// The server of the stateless era (2026-07-28).
const STATELESS: &str = "desk";

/// A session of one agent with one server, or what it does without.
struct Session<'a> {
    agents: &'a Agents,
    token: String,
    server: &'static str,
    id: Option<String>,
}

impl<'a> Session<'a> {
    fn open(agents: &'a Agents, server: &'static str) -> Result<Self> {
        let mut session = Self { agents, token: agents.token("engineering")?, server, id: None };
        if server == STATELESS {
            return Ok(session);
        }
        let before = session.records()?.len();
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {},
                            "clientInfo": {"name": "demo", "version": "0"}});
        let opened = session.post(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}))?;
        session.id = Some(opened.header("mcp-session-id").context("no session")?.to_owned());
        session.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        wait::until("the records of the session's beginning", || {
            Ok((session.records()?.len() == before + 2).then_some(()))
        })?;
        Ok(session)
    }

    fn post(&self, message: &Value) -> Result<Response> {
        let request = Request::new("POST", "tools.internal", &format!("/{}/mcp", self.server)).bearer(&self.token);
        let request = request.header("content-type", "application/json");
        let mut request = request.header("accept", "application/json, text/event-stream");
        if let Some(id) = &self.id {
            request = request.header("mcp-session-id", id).header("mcp-protocol-version", "2025-11-25");
        }
        if self.server == STATELESS {
            request = request.header("mcp-protocol-version", "2026-07-28");
            for (name, place) in [
                ("mcp-method", "/method"),
                ("mcp-name", "/params/name"),
                ("mcp-param-region", "/params/arguments/region"),
            ] {
                if let Some(value) = message.pointer(place).and_then(Value::as_str) {
                    request = request.header(name, value);
                }
            }
        }
        self.agents.gateway.send(&request.body(message.to_string()))
    }

    /// Takes a step: what the agent reads, and what the gateway recorded.
    fn take(&self, step: &Step) -> Result<Outcome> {
        let before = self.records()?.len();
        let mut params = step.params.clone();
        if let (STATELESS, Some(params)) = (self.server, params.as_object_mut()) {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            params.insert("_meta".to_owned(), meta);
        }
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": step.method, "params": params});
        let response = self.post(&message)?;
        let text = String::from_utf8(response.body)?;
        let messages =
            text.lines().filter_map(|line| serde_json::from_str::<Value>(line.trim_start_matches("data: ")).ok());
        let reply = messages.into_iter().find(|message| message.get("id") == Some(&json!(1)));
        let reply = reply.with_context(|| format!("no response in {text}"))?;
        // One request at a time, and one record for each.
        let record = wait::until("the record", || Ok(self.records()?.into_iter().nth(before)))?;
        let reason = record.text("reason").unwrap_or_default().to_owned();
        Ok(Outcome { reason, policies: record.texts("policies"), answer: read(&reply) })
    }

    fn records(&self) -> Result<Vec<AccessLine>> {
        let log = self.agents.gateway.envoy.log()?;
        let complete = log.rsplit_once('\n').map_or("", |(lines, _)| lines);
        let lines: Vec<Option<AccessLine>> = complete.lines().map(AccessLine::parse).collect::<Result<_>>()?;
        Ok(lines.into_iter().flatten().filter(|line| line.record.is_some()).collect())
    }
}

/// What the model reads of a reply: texts, the names in a list, or an error's message.
fn read(reply: &Value) -> String {
    let texts = |list: &str, member: &str| -> Option<String> {
        let list = reply.pointer(list)?.as_array()?;
        let texts: Vec<&str> = list.iter().filter_map(|item| item.get(member)?.as_str()).collect();
        Some(texts.join(" "))
    };
    let names = |list| texts(list, "name").map(|names| format!("[{names}]"));
    let message = || reply.pointer("/error/message").and_then(Value::as_str).map(str::to_owned);
    let lists = || names("/result/tools").or_else(|| names("/result/prompts"));
    texts("/result/content", "text").or_else(lists).or_else(message).unwrap_or_default()
}

fn steps(agents: &Agents) -> Result<Vec<Step>> {
    let notes = agents.path("notes.txt")?;
    let draft = agents.path("drafts/plan.txt")?;
    let call = |name, tool: &str, arguments: Value, expect| Step {
        server: "files",
        name,
        method: "tools/call",
        params: json!({"name": tool, "arguments": arguments}),
        expect,
    };
    let expect = |reason, policies, answer: &str| Expect { reason, policies, answer: answer.to_owned() };
    let denied = "policy.deny";
    Ok(vec![
        Step {
            server: "files",
            name: "the tools, of which the agent sees those that it could call",
            method: "tools/list",
            params: json!({}),
            expect: expect("policy.allow", &["files-sessions"], "[read_text_file write_file list_directory]"),
        },
        call(
            "a file below the root",
            "read_text_file",
            json!({"path": notes}),
            expect("policy.allow", &["read-below-root"], "buy milk"),
        ),
        call(
            "a new draft",
            "write_file",
            json!({"path": draft, "content": "1. milk"}),
            expect("policy.allow", &["write-drafts"], "Successfully wrote"),
        ),
        call(
            "the draft, read again",
            "read_text_file",
            json!({"path": draft}),
            expect("policy.allow", &["read-below-root"], "1. milk"),
        ),
        call(
            "a file outside of the drafts",
            "write_file",
            json!({"path": notes, "content": ""}),
            expect(denied, &[], "Access denied"),
        ),
        call(
            "a path with another reading",
            "write_file",
            json!({"path": agents.path("drafts/../notes.txt")?, "content": "x"}),
            expect(denied, &["no-dots"], "Access denied"),
        ),
        call(
            "a file of the machine",
            "read_text_file",
            json!({"path": "/etc/hostname"}),
            expect(denied, &[], "Access denied"),
        ),
        call(
            "an argument of another type",
            "read_text_file",
            json!({"path": [notes]}),
            expect("mcp.argument_type", &[], "path"),
        ),
        call(
            "an argument that no policy could see",
            "write_file",
            json!({"path": draft, "content": "x", "mode": "0777"}),
            expect("mcp.argument_unknown", &[], "mode"),
        ),
        call(
            "a tool that no policy permits",
            "move_file",
            json!({"source": notes, "destination": draft}),
            expect(denied, &[], "Access denied"),
        ),
        call(
            "a tool that nobody approved",
            "run_shell",
            json!({"command": "id"}),
            expect("mcp.tool_unpinned", &[], "Access denied"),
        ),
        Step {
            server: "everything",
            name: "the prompts of another server",
            method: "prompts/list",
            params: json!({}),
            expect: expect("policy.allow", &["everything-sessions"], "[simple-prompt]"),
        },
        Step {
            server: "everything",
            name: "a tool of that server",
            method: "tools/call",
            params: json!({"name": "echo", "arguments": {"message": "hello"}}),
            expect: expect("policy.allow", &["everything-tools"], "Echo: hello"),
        },
        Step {
            server: "everything",
            name: "the tool that is forbidden there",
            method: "tools/call",
            params: json!({"name": "get-env", "arguments": {}}),
            expect: expect(denied, &["no-environment"], "Access denied"),
        },
        Step {
            server: "everything",
            name: "a prompt that no policy permits",
            method: "prompts/get",
            params: json!({"name": "args-prompt", "arguments": {"city": "Paris"}}),
            expect: expect(denied, &[], "Access denied"),
        },
        Step {
            server: STATELESS,
            name: "the tools of a server without sessions",
            method: "tools/list",
            params: json!({}),
            expect: expect("policy.allow", &["desk-sessions"], "[search refund reword]"),
        },
        Step {
            server: STATELESS,
            name: "a call that says in headers what it says in its body",
            method: "tools/call",
            params: json!({"name": "search", "arguments": {"query": "ink", "region": "eu"}}),
            expect: expect("policy.allow", &["desk-search"], "nothing about ink in eu"),
        },
        Step {
            server: STATELESS,
            name: "an amount that is out of bounds",
            method: "tools/call",
            params: json!({"name": "refund", "arguments": {"ticket": "T-7", "cents": 5001}}),
            expect: expect(denied, &[], "Access denied"),
        },
    ])
}
