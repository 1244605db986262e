//! Agents made with the SDKs of TypeScript and Python, in front of servers that others wrote.

use std::fs;

use anyhow::{Context, Result, ensure};
use palisade_tests::mcp_tools::{Sdk, Session};
use palisade_tests::tool_agents::Agents;
use serde_json::{Value, json};

use crate::fixture::shared_agents;

#[test]
fn both_sdks_have_the_sessions_that_policy_lets_them_have() -> Result<()> {
    let agents = shared_agents()?;
    for sdk in Sdk::ALL {
        let strangers = ["sales", "none"].into_iter().flat_map(|team| [("files", team), ("everything", team)]);
        let tools = || json!([{"do": "tools"}]);
        let mut sessions = vec![session(agents, "files", "engineering", files_steps(agents, sdk)?)?];
        sessions.push(session(agents, "everything", "engineering", everything_steps())?);
        for (server, team) in strangers {
            sessions.push(session(agents, server, team, tools())?);
        }
        let outcomes = sdk.take(&sessions)?;
        let [of_files, of_everything, of_strangers @ ..] = outcomes.as_slice() else {
            anyhow::bail!("{outcomes:?}");
        };
        files(agents, sdk, of_files).with_context(|| format!("{sdk:?} and the file server"))?;
        everything(of_everything).with_context(|| format!("{sdk:?} and the server of everything"))?;
        strangers_are_refused(of_strangers).with_context(|| format!("{sdk:?} without rights"))?;
    }
    Ok(())
}

/// A session of an agent of that team; of one without a token where the team is `none`.
fn session(agents: &Agents, server: &str, team: &str, steps: Value) -> Result<Session> {
    let token = if team == "none" { "not.a.token".to_owned() } else { agents.token(team)? };
    Ok(Session { url: agents.url(server), token, steps })
}

fn text(outcome: &Value) -> &str {
    outcome["result"]["content"][0]["text"].as_str().unwrap_or_default()
}

/// The names of a list, in order.
fn names<'a>(outcome: &'a Value, list: &str) -> Vec<&'a str> {
    let items = outcome["result"][list].as_array().into_iter().flatten();
    let mut names: Vec<&str> = items.filter_map(|item| item["name"].as_str()).collect();
    names.sort_unstable();
    names
}

/// Whether the model sees an error of a tool, made by the gateway.
fn is_denied(outcome: &Value) -> bool {
    outcome["result"]["isError"] == true && text(outcome).contains("decision")
}

/// Whether the agent is told that a call has other arguments than the tool. The SDK of TypeScript has all of it in a text.
fn is_invalid(outcome: &Value) -> bool {
    let message = outcome["error"]["message"].as_str().unwrap_or_default();
    (outcome["error"]["code"] == -32602 || message.contains("\"code\":-32602")) && message.contains("Invalid arguments")
}

fn files_steps(agents: &Agents, sdk: Sdk) -> Result<Value> {
    let draft = draft(agents, sdk)?;
    let call = |name: &str, arguments: Value| json!({"do": "call", "name": name, "arguments": arguments});
    Ok(json!([
        {"do": "tools"},
        call("read_text_file", json!({"path": agents.path("notes.txt")?})),
        call("write_file", json!({"path": draft, "content": "hello"})),
        call("read_text_file", json!({"path": draft, "head": 1})),
        // Out of bounds: another folder, another spelling, a file of the machine.
        call("write_file", json!({"path": agents.path("notes.txt")?, "content": "gone"})),
        call("write_file", json!({"path": agents.path("drafts/../notes.txt")?, "content": "gone"})),
        call("read_text_file", json!({"path": "/etc/hostname"})),
        // A tool that no policy permits, and one that nobody approved.
        call("move_file", json!({"source": agents.path("notes.txt")?, "destination": draft})),
        call("delete_everything", json!({})),
        // An argument of another type, and one that nobody knows.
        call("read_text_file", json!({"path": agents.path("notes.txt")?, "head": "1"})),
        call("write_file", json!({"path": draft, "content": "x", "mode": "0777"})),
    ]))
}

/// The file that an agent writes.
fn draft(agents: &Agents, sdk: Sdk) -> Result<String> {
    agents.path(&format!("drafts/{sdk:?}.txt"))
}

fn files(agents: &Agents, sdk: Sdk, outcomes: &[Value]) -> Result<()> {
    let [tools, notes, written, read, denied @ ..] = outcomes else {
        anyhow::bail!("{outcomes:?}");
    };
    assert_eq!(names(tools, "tools"), ["list_directory", "read_text_file", "write_file"], "{tools}");
    assert_eq!(text(notes), "buy milk\n", "{notes}");
    ensure!(written["result"]["isError"] != true, "{written}");
    assert_eq!(text(read), "hello", "{read}");
    assert_eq!(denied.len(), 7, "{denied:?}");
    let (by_policy, by_arguments) = denied.split_at(5);
    for outcome in by_policy {
        ensure!(is_denied(outcome), "{outcome}");
    }
    for outcome in by_arguments {
        ensure!(is_invalid(outcome), "{outcome}");
    }
    assert_eq!(fs::read_to_string(agents.root.join("notes.txt"))?, "buy milk\n");
    assert_eq!(fs::read_to_string(draft(agents, sdk)?)?, "hello");
    Ok(())
}

/// A resource that the server lists and policy permits, and one that it does not.
const RESOURCES: [&str; 2] = ["demo://resource/static/document/architecture.md", "demo://resource/dynamic/text/1"];

fn everything_steps() -> Value {
    json!([
        {"do": "tools"},
        {"do": "call", "name": "echo", "arguments": {"message": "through"}},
        {"do": "call", "name": "get-env", "arguments": {}},
        {"do": "prompts"},
        {"do": "prompt", "name": "simple-prompt", "arguments": {}},
        {"do": "prompt", "name": "args-prompt", "arguments": {"city": "x"}},
        {"do": "resources"},
        {"do": "read", "uri": RESOURCES[0]},
        {"do": "read", "uri": RESOURCES[1]},
    ])
}

fn everything(outcomes: &[Value]) -> Result<()> {
    let [tools, echo, env, prompts, prompt, other_prompt, resources, read, other_read] = outcomes else {
        anyhow::bail!("{outcomes:?}");
    };
    let tools = names(tools, "tools");
    ensure!(tools.contains(&"echo") && !tools.contains(&"get-env"), "{tools:?}");
    assert_eq!(text(echo), "Echo: through");
    ensure!(is_denied(env) && !env.to_string().contains("PATH"), "{env}");
    assert_eq!(names(prompts, "prompts"), ["simple-prompt"], "{prompts}");
    ensure!(prompt["result"]["messages"].as_array().is_some_and(|messages| !messages.is_empty()), "{prompt}");
    ensure!(other_prompt.get("result").is_none(), "{other_prompt}");
    let listed: Vec<&str> = resources["result"]["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|resource| resource["uri"].as_str())
        .collect();
    ensure!(listed.contains(&RESOURCES[0]), "{listed:?}");
    ensure!(listed.iter().all(|uri| uri.starts_with("demo://resource/static/")), "{listed:?}");
    ensure!(read["result"]["contents"].as_array().is_some_and(|contents| !contents.is_empty()), "{read}");
    ensure!(other_read.get("result").is_none(), "{other_read}");
    Ok(())
}

/// None of them begins a session.
fn strangers_are_refused(sessions: &[Vec<Value>]) -> Result<()> {
    assert_eq!(sessions.len(), 4, "{sessions:?}");
    for outcomes in sessions {
        ensure!(outcomes.iter().all(|outcome| outcome.get("result").is_none()), "{outcomes:?}");
        ensure!(outcomes.iter().any(|outcome| outcome.get("refused").is_some()), "{outcomes:?}");
    }
    Ok(())
}
