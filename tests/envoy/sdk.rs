//! Agents made with the SDKs of TypeScript and Python, in front of servers that others wrote.

use std::fs;

use anyhow::{Context, Result, ensure};
use palisade_tests::mcp_tools::Sdk;
use palisade_tests::tool_agents::Agents;
use serde_json::{Value, json};

use crate::fixture::home;

#[test]
fn both_sdks_have_the_sessions_that_policy_lets_them_have() -> Result<()> {
    let home = home()?;
    let agents = Agents::start(home.path())?;
    for sdk in Sdk::ALL {
        files(&agents, sdk).with_context(|| format!("{sdk:?} and the file server"))?;
        everything(&agents, sdk).with_context(|| format!("{sdk:?} and the server of everything"))?;
        strangers(&agents, sdk).with_context(|| format!("{sdk:?} without rights"))?;
    }
    Ok(())
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

fn files(agents: &Agents, sdk: Sdk) -> Result<()> {
    let draft = agents.path(&format!("drafts/{sdk:?}.txt"))?;
    let call = |name: &str, arguments: Value| json!({"do": "call", "name": name, "arguments": arguments});
    let steps = json!([
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
    ]);
    let outcomes = sdk.session(&agents.url("files"), &agents.token("engineering")?, &steps)?;
    let [tools, notes, written, read, denied @ ..] = outcomes.as_slice() else {
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
    assert_eq!(fs::read_to_string(&draft)?, "hello");
    Ok(())
}

fn everything(agents: &Agents, sdk: Sdk) -> Result<()> {
    let steps = json!([
        {"do": "tools"},
        {"do": "call", "name": "echo", "arguments": {"message": "through"}},
        {"do": "call", "name": "get-env", "arguments": {}},
        {"do": "prompts"},
        {"do": "prompt", "name": "simple-prompt", "arguments": {}},
        {"do": "resources"},
    ]);
    let outcomes = sdk.session(&agents.url("everything"), &agents.token("engineering")?, &steps)?;
    let [tools, echo, env, prompts, prompt, resources] = outcomes.as_slice() else {
        anyhow::bail!("{outcomes:?}");
    };
    let tools = names(tools, "tools");
    ensure!(tools.contains(&"echo") && !tools.contains(&"get-env"), "{tools:?}");
    assert_eq!(text(echo), "Echo: through");
    ensure!(is_denied(env) && !env.to_string().contains("PATH"), "{env}");
    assert_eq!(names(prompts, "prompts"), ["simple-prompt"], "{prompts}");
    ensure!(prompt["result"]["messages"].as_array().is_some_and(|messages| !messages.is_empty()), "{prompt}");
    let listed = resources["result"]["resources"].as_array().into_iter().flatten();
    let uri =
        listed.filter_map(|resource| resource["uri"].as_str()).find(|uri| uri.starts_with("demo://resource/static/"));
    let uri = uri.with_context(|| format!("no static resource in {resources}"))?;

    let read = |uri: &str| json!({"do": "read", "uri": uri});
    let read_both = json!([read(uri), read("demo://resource/dynamic/text/1")]);
    let outcomes = sdk.session(&agents.url("everything"), &agents.token("engineering")?, &read_both)?;
    ensure!(outcomes[0]["result"]["contents"].as_array().is_some_and(|contents| !contents.is_empty()), "{outcomes:?}");
    ensure!(outcomes[1].get("result").is_none(), "{outcomes:?}");
    let other = json!([{"do": "prompt", "name": "args-prompt", "arguments": {"city": "x"}}]);
    let outcomes = sdk.session(&agents.url("everything"), &agents.token("engineering")?, &other)?;
    ensure!(outcomes[0].get("result").is_none(), "{outcomes:?}");
    Ok(())
}

/// Neither begins a session.
fn strangers(agents: &Agents, sdk: Sdk) -> Result<()> {
    let steps = json!([{"do": "tools"}]);
    for token in [agents.token("sales")?, "not.a.token".to_owned()] {
        for server in ["files", "everything"] {
            let outcomes = sdk.session(&agents.url(server), &token, &steps)?;
            ensure!(outcomes.iter().all(|outcome| outcome.get("result").is_none()), "{outcomes:?}");
            ensure!(outcomes.iter().any(|outcome| outcome.get("refused").is_some()), "{outcomes:?}");
        }
    }
    Ok(())
}
