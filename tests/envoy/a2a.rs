//! Agents that ask agents, in a real Envoy: decision cases, forms of denials, the public card, gRPC.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use palisade_tests::case::CaseFile;
use palisade_tests::example::Example;
use palisade_tests::gateway::{DECISION_ID, Gateway};
use palisade_tests::http1::Request;
use palisade_tests::http2::TrailerPost;
use palisade_tests::key::Algorithm;
use palisade_tests::outcome;
use palisade_tests::token::Token;
use serde_json::json;

use crate::fixture::shared_a2a;

const HOST: &str = "agents.internal";

fn token(gateway: &Gateway, teams: &[&str]) -> Result<String> {
    Ok(Token::coder().claim("teams", json!(teams)).sign(gateway.key(Algorithm::Es256)?))
}

#[test]
fn every_decision_case_comes_out_as_written() -> Result<()> {
    let gateway = shared_a2a()?;
    let (mut wrong, mut denied, mut all) = (String::new(), 0, 0);
    for CaseFile { name, cases } in CaseFile::read_all(&Example::A2a.folder())? {
        for case in cases {
            let observed = outcome::observe(gateway, &case).with_context(|| case.name.clone())?.outcome;
            all += 1;
            denied += usize::from(case.expect.decision == "deny");
            if observed != case.expect {
                writeln!(wrong, "{name}: {}\n  expected {:?}\n  observed {observed:?}", case.name, case.expect)?;
            }
        }
    }
    ensure!(wrong.is_empty(), "{wrong}");
    ensure!(denied > all / 2 && all > 200, "{denied} denials of {all}");
    Ok(())
}

#[test]
fn denials_are_in_the_form_of_the_binding() -> Result<()> {
    let gateway = shared_a2a()?;
    let token = token(gateway, &["engineering"])?;
    let body = r#"{"jsonrpc":"2.0","id":"q","method":"GetTask","params":{"id":"audit-2026"}}"#;
    let request = Request::new("POST", HOST, "/planner?form=rpc").bearer(&token).header("a2a-version", "1.0");
    let answer = gateway.send(&request.header("content-type", "application/json").body(body))?;
    assert_eq!((answer.status, answer.header("content-type")), (403, Some("application/json")));
    let message = answer.json()?;
    assert_eq!((&message["id"], &message["error"]["code"]), (&json!("q"), &json!(-31403)));
    let info = &message["error"]["data"][0];
    assert_eq!(info["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
    assert_eq!((&info["reason"], &info["domain"]), (&json!("ACCESS_DENIED"), &json!("palisade")));
    assert_eq!(info["metadata"]["decisionId"].as_str(), answer.header(DECISION_ID));
    assert!(gateway.upstream.received("/planner?form=rpc").is_empty());

    let request = Request::new("GET", HOST, "/planner/tasks/audit-2026").bearer(&token).header("a2a-version", "1.0");
    let answer = gateway.send(&request)?;
    assert_eq!((answer.status, answer.header("content-type")), (403, Some("application/a2a+json")));
    let error = &answer.json()?["error"];
    assert_eq!((&error["code"], &error["status"]), (&json!(403), &json!("PERMISSION_DENIED")));
    assert_eq!(error["details"][0]["reason"], "ACCESS_DENIED");
    for secret in ["no-frozen-task", "audit", "Team", "forbid"] {
        assert!(!error.to_string().contains(secret), "{error}");
    }
    let line = gateway.access_line(&answer)?;
    assert_eq!(line.text("resource"), Some("Planner::Task::\"planner/audit-2026\""));

    let request = Request::new("GET", HOST, "/planner/tasks/t").header("a2a-version", "1.0");
    let answer = gateway.send(&request)?;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").is_some(), "{answer:?}");
    Ok(())
}

#[test]
fn a_message_goes_through_byte_for_byte() -> Result<()> {
    let gateway = shared_a2a()?;
    let body = "{\"jsonrpc\" : \"2.0\",\t\"id\":9007199254740993,\"method\":\"SendMessage\",\"params\":{\"message\":{\"task_id\":\"t\\u002d1\",\"parts\":[]}}}";
    let target = "/planner?form=bytes";
    let request = Request::new("POST", HOST, target).bearer(&token(gateway, &["engineering"])?);
    let answer =
        gateway.send(&request.header("a2a-version", "1.0").header("content-type", "application/json").body(body))?;
    ensure!(answer.status == 200, "{answer:?}");
    let received = gateway.upstream.received(target);
    ensure!(received.len() == 1 && received[0].body == body.as_bytes(), "{received:?}");
    let line = gateway.access_line(&answer)?;
    assert_eq!(line.text("resource"), Some("Planner::Task::\"planner/t-1\""));
    Ok(())
}

#[test]
fn the_public_card_is_asked_for_in_nobodys_name() -> Result<()> {
    let gateway = shared_a2a()?;
    let target = "/.well-known/agent-card.json?name=public";
    let request = Request::new("GET", HOST, target).header("x-palisade-principal", "Agent::\"root\"");
    let answer = gateway.send(&request.header("authorization", "Bearer x").header("dpop", "y"))?;
    ensure!(answer.status == 200, "{answer:?}");
    let received = gateway.upstream.received(target);
    ensure!(received.len() == 1, "{received:?}");
    for header in ["x-palisade-principal", "authorization", "dpop"] {
        ensure!(received[0].header(header).is_none(), "{header}: {received:?}");
    }
    let line = gateway.access_line(&answer)?;
    ensure!(line.text("reason") == Some("card.public") && line.text("principal").is_none(), "{line:?}");
    // What is asked with it is asked by somebody.
    let upgrade = Request::new("GET", HOST, target).header("upgrade", "websocket").header("connection", "upgrade");
    ensure!(gateway.send(&upgrade)?.status >= 400, "an upgrade went through");
    ensure!(gateway.upstream.received(target).len() == 1, "an upgrade reached the upstream");
    Ok(())
}

#[test]
fn grpc_is_decided_by_service_and_method() -> Result<()> {
    let gateway = shared_a2a()?;
    let token = token(gateway, &["engineering"])?;
    let call = |path, token: Option<&str>| {
        let trailers = &[];
        TrailerPost { host: HOST, path, token, content_type: Some("application/grpc"), body: "\0\0\0\0\0", trailers }
            .send(gateway.envoy.address())
    };
    let (allowed, denied) = ("/inventory.v1.Inventory/Get?test", "/inventory.v1.Inventory/Reserve?test");
    let answer = call(allowed, Some(&token))?;
    ensure!(answer.status == 200 && answer.header("grpc-status").is_none(), "{answer:?}");
    ensure!(gateway.upstream.received(allowed).iter().any(|seen| seen.method == "POST"), "nothing arrived");
    // A denial arrives as a status of gRPC, which Envoy makes of the filter's answer: 7 for 403, 16 for 401.
    for (path, token, status) in [
        (denied, Some(token.as_str()), "7"),
        ("/inventory.v1.Inventory/Drop", Some(&token), "7"),
        ("/lf.a2a.v1.A2AService/GetTask", Some(&token), "7"),
        (allowed, None, "16"),
    ] {
        let answer = call(path, token)?;
        ensure!(answer.status == 200 && answer.header("grpc-status") == Some(status), "{path}: {answer:?}");
        ensure!(gateway.upstream.received(denied).is_empty(), "a denied call reached the upstream");
    }
    Ok(())
}
