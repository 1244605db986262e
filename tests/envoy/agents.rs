//! The A2A SDK on both sides of the gateway: sessions in both bindings and both versions.

use anyhow::{Result, ensure};
use palisade_tests::agents::{Agent, Dialect, Session};
use palisade_tests::example::Example;
use palisade_tests::gateway::Options;
use palisade_tests::key::Algorithm;
use palisade_tests::token::Token;
use serde_json::json;

use crate::fixture::{Own, home};

const DIALECTS: [Dialect; 4] = [
    Dialect { binding: "JSONRPC", version: "1.0" },
    Dialect { binding: "HTTP+JSON", version: "1.0" },
    Dialect { binding: "JSONRPC", version: "0.3" },
    Dialect { binding: "HTTP+JSON", version: "0.3" },
];

#[test]
fn sessions_of_the_sdk_come_through_and_what_is_denied_does_not() -> Result<()> {
    let home = home()?;
    let agent = Agent::start(home.path())?;
    let own = Own::start(Options { example: Example::A2a, other: Some(agent.address()), ..Options::default() })?;
    let gateway = &own.gateway;
    let token = |teams: &[&str]| -> Result<String> {
        Ok(Token::coder().claim("teams", json!(teams)).sign(gateway.key(Algorithm::Es256)?))
    };
    for dialect in DIALECTS {
        let session = Session::run(gateway.envoy.address(), &token(&["engineering", "leads"])?, dialect)?;
        ensure!(session.result("send")?[1] == json!(["heard: hello", "done"]), "{dialect:?}: {session:?}");
        // Had anybody kept the first event, nobody would have told the agent to go on.
        ensure!(session.result("stream")? == &json!(["heard: wait", "done"]), "{dialect:?}: {session:?}");
        ensure!(session.result("get")? == "TASK_STATE_COMPLETED", "{dialect:?}: {session:?}");
        ensure!(session.result("extended card")? == "planner, extended", "{dialect:?}: {session:?}");
        ensure!(session.result("cancel")? == "TASK_STATE_CANCELED", "{dialect:?}: {session:?}");
        if dialect.version == "1.0" {
            ensure!(session.result("list")? == true, "{dialect:?}: {session:?}");
        }
        for step in ["push", "get push"] {
            ensure!(session.result(step)? == "https://ci.hooks.example.org/a2a", "{dialect:?}: {session:?}");
        }
        // The SDK's own agent would have taken this one.
        for step in ["push to metadata", "send with push to metadata", "frozen"] {
            ensure!(session.error(step)?.contains("403"), "{dialect:?} {step}: {session:?}");
        }
        ensure!(session.error("absent")?.contains("not found"), "{dialect:?}: {session:?}");

        let session = Session::run(gateway.envoy.address(), &token(&["engineering"])?, dialect)?;
        ensure!(session.result("get")? == "TASK_STATE_COMPLETED", "{dialect:?}: {session:?}");
        ensure!(session.error("cancel")?.contains("403"), "{dialect:?}: {session:?}");

        let session = Session::run(gateway.envoy.address(), &token(&["sales"])?, dialect)?;
        for step in ["send", "stream", "extended card"] {
            ensure!(session.error(step)?.contains("403"), "{dialect:?} {step}: {session:?}");
        }
    }
    Ok(())
}
