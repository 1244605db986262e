//! Agents that call tools, in a real Envoy: bodies however they arrive, and nothing forwarded before it is decided.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use palisade_tests::case::CaseFile;
use palisade_tests::example::Example;
use palisade_tests::gateway::{DECISION_ID, Gateway, Options};
use palisade_tests::http1::{Connection, Request, Response};
use palisade_tests::http2::TrailerPost;
use palisade_tests::key::Algorithm;
use palisade_tests::outcome;
use palisade_tests::record::AccessLine;
use palisade_tests::token::Token;
use palisade_tests::wait;
use serde_json::{Value, json};

use crate::fixture::{Own, shared_mcp};

const HOST: &str = "tools.internal";

const ALLOWED: &str =
    r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"read_file","arguments":{"path":"/work/a"}}}"#;
const DENIED: &str =
    r#"{"jsonrpc":"2.0","id":"d","method":"tools/call","params":{"name":"read_file","arguments":{"path":"/etc/a"}}}"#;

/// A target of a test's own: routes do not look at the query.
fn target(name: &str) -> String {
    format!("/files/mcp?{name}")
}

fn token(gateway: &Gateway) -> Result<String> {
    Ok(Token::coder().claim("teams", json!(["engineering"])).sign(gateway.key(Algorithm::Es256)?))
}

fn post(gateway: &Gateway, name: &str, body: &str) -> Result<Request> {
    let request = Request::new("POST", HOST, &target(name)).bearer(&token(gateway)?);
    Ok(request.header("content-type", "application/json").body(body))
}

/// The first line and the headers of a POST, with whatever says how its body comes.
fn head(gateway: &Gateway, name: &str, framing: &str) -> Result<String> {
    let (target, token) = (target(name), token(gateway)?);
    Ok(format!(
        "POST {target} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\n{framing}\r\n\r\n"
    ))
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// A message that policy allows is forwarded, and one that it does not is refused.
fn assert_decided(gateway: &Gateway, name: &str, answer: &Response, body: &str, allowed: bool) -> Result<()> {
    if allowed {
        assert_forwarded(gateway, name, answer, body).map(drop)
    } else {
        assert_refused(gateway, name, answer, 403, "policy.deny").map(drop)
    }
}

/// The call went through, once, and the upstream got the very bytes.
fn assert_forwarded(gateway: &Gateway, name: &str, answer: &Response, body: &str) -> Result<AccessLine> {
    ensure!(answer.status == 200, "{answer:?}");
    let received = gateway.upstream.received(&target(name));
    ensure!(received.len() == 1, "{} requests arrived", received.len());
    ensure!(received[0].body == body.as_bytes(), "the body was changed on its way");
    ensure!(received[0].header("x-palisade-principal") == Some("Agent::\"dev/coder-7\""));
    // The token was issued for the gateway, and not for the server.
    ensure!(!received[0].header_names().any(|name| name == "authorization"), "the server got the caller's token");
    let line = gateway.access_line(answer)?;
    ensure!(line.text("reason") == Some("policy.allow"), "{line:?}");
    Ok(line)
}

/// The filter answered in JSON-RPC, and nothing reached the upstream.
fn assert_refused(gateway: &Gateway, name: &str, answer: &Response, status: u16, reason: &str) -> Result<Value> {
    ensure!(answer.status == status, "{answer:?}");
    let line = gateway.access_line(answer)?;
    ensure!(line.text("reason") == Some(reason), "expected {reason}: {line:?}");
    ensure!(gateway.upstream.received(&target(name)).is_empty(), "a denied request reached the upstream");
    ensure!(answer.header("content-type") == Some("application/json"), "{answer:?}");
    ensure!(answer.header("cache-control") == Some("no-store"), "{answer:?}");
    let message = answer.json()?;
    ensure!(message["jsonrpc"] == "2.0", "{message}");
    ensure!(message["error"]["data"]["decision_id"].as_str() == answer.header(DECISION_ID), "{message}");
    Ok(message)
}

/// The worker's VM is the one that it started with, and decides.
fn assert_alive(gateway: &Gateway, name: &str) -> Result<()> {
    let answer = gateway.send(&post(gateway, name, ALLOWED)?)?;
    assert_forwarded(gateway, name, &answer, ALLOWED)?;
    for counter in ["vm_reload_success", "vm_reload_failure", "vm_reload_backoff"] {
        ensure!(gateway.envoy.stat(&format!("wasm.palisade.{counter}"))? == 0, "{counter}");
    }
    Ok(())
}

#[test]
fn every_decision_case_comes_out_as_written() -> Result<()> {
    let gateway = shared_mcp()?;
    let (mut wrong, mut denied, mut all) = (String::new(), 0, 0);
    for CaseFile { name, cases } in CaseFile::read_all(&Example::Mcp.folder())? {
        // Those with answers need a server that gives them: see `lists`.
        for case in cases.into_iter().filter(|case| case.answer.is_none()) {
            let observed = outcome::observe(gateway, &case).with_context(|| case.name.clone())?.outcome;
            all += 1;
            denied += usize::from(case.expect.decision == "deny");
            if observed != case.expect {
                writeln!(wrong, "{name}: {}\n  expected {:?}\n  observed {observed:?}", case.name, case.expect)?;
            }
        }
    }
    ensure!(wrong.is_empty(), "{wrong}");
    ensure!(denied > all / 2 && all > 150, "{denied} denials of {all}");
    Ok(())
}

#[test]
fn a_call_goes_through_byte_for_byte() -> Result<()> {
    let gateway = shared_mcp()?;
    let spaced = ALLOWED.replace(':', " :\t").replace("/work/a", "/work/\\u00e9\\ud83d\\ude00");
    let answer = gateway.send(&post(gateway, "bytes", &spaced)?)?;
    let line = assert_forwarded(gateway, "bytes", &answer, &spaced)?;
    assert_eq!(line.text("action"), Some("Files::Action::\"read_file\""));
    assert_eq!(line.text("resource"), Some("Files::Server::\"files\""));
    Ok(())
}

#[test]
fn a_denial_says_what_was_refused_and_not_why() -> Result<()> {
    let gateway = shared_mcp()?;
    let answer = gateway.send(&post(gateway, "denied", DENIED)?)?;
    let message = assert_refused(gateway, "denied", &answer, 403, "policy.deny")?;
    assert_eq!((&message["id"], &message["error"]["code"]), (&json!("d"), &json!(-31403)));
    let text = message["error"]["message"].as_str().context("no message")?;
    assert!(text.contains("read_file"), "{text}");
    for secret in ["files-read", "no-dots", "/work", "/etc", "Team", "forbid"] {
        assert!(!text.contains(secret), "{text}");
    }
    Ok(())
}

#[test]
fn a_tools_own_error_is_what_the_model_sees_where_the_route_asks_for_it() -> Result<()> {
    let gateway = shared_mcp()?;
    let body = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get-env","arguments":{}}}"#;
    let request = Request::new("POST", HOST, "/everything/mcp").bearer(&token(gateway)?);
    let answer = gateway.send(&request.header("content-type", "application/json").body(body))?;
    assert_eq!(answer.status, 200);
    let message = answer.json()?;
    assert_eq!((&message["id"], &message["result"]["isError"]), (&json!(7), &json!(true)));
    assert!(message["result"]["content"][0]["text"].as_str().context("no text")?.contains("get-env"));
    assert_eq!(gateway.access_line(&answer)?.texts("policies"), ["no-environment"]);
    Ok(())
}

#[test]
fn a_body_in_pieces_is_decided_as_a_whole() -> Result<()> {
    let gateway = shared_mcp()?;
    for (name, body, allowed) in [("pieces", ALLOWED, true), ("pieces-denied", DENIED, false)] {
        let mut connection = Connection::open(gateway.envoy.address())?;
        connection.write(head(gateway, name, &format!("content-length: {}", body.len()))?.as_bytes())?;
        for byte in body.as_bytes() {
            connection.write(&[*byte])?;
        }
        let answer = connection.read()?;
        assert_decided(gateway, name, &answer, body, allowed)?;
    }
    Ok(())
}

#[test]
fn a_body_in_chunks_is_decided_as_a_whole() -> Result<()> {
    let gateway = shared_mcp()?;
    for (name, body, allowed) in [("chunks", ALLOWED, true), ("chunks-denied", DENIED, false)] {
        let mut connection = Connection::open(gateway.envoy.address())?;
        let (first, second) = body.split_at(50);
        connection.write(head(gateway, name, "transfer-encoding: chunked")?.as_bytes())?;
        connection.write(format!("{}{}0\r\n\r\n", chunk(first), chunk(second)).as_bytes())?;
        let answer = connection.read()?;
        assert_decided(gateway, name, &answer, body, allowed)?;
    }
    Ok(())
}

#[test]
fn headers_are_not_forwarded_before_the_body_is_there() -> Result<()> {
    let gateway = shared_mcp()?;
    let mut connection = Connection::open(gateway.envoy.address())?;
    let (first, second) = DENIED.split_at(80);
    connection.write(head(gateway, "early", &format!("content-length: {}", DENIED.len()))?.as_bytes())?;
    connection.write(first.as_bytes())?;
    // One worker: by the time that others have been answered, what was written before them has been read.
    for number in 0..3 {
        assert_alive(gateway, &format!("early-other-{number}"))?;
    }
    assert!(gateway.upstream.received(&target("early")).is_empty());
    connection.write(second.as_bytes())?;
    assert_refused(gateway, "early", &connection.read()?, 403, "policy.deny").map(drop)
}

#[test]
fn a_client_that_waits_to_be_told_to_send_is_told() -> Result<()> {
    let gateway = shared_mcp()?;
    let mut connection = Connection::open(gateway.envoy.address())?;
    let framing = format!("content-length: {}\r\nexpect: 100-continue", ALLOWED.len());
    connection.write(head(gateway, "expect", &framing)?.as_bytes())?;
    assert_eq!(connection.read()?.status, 100);
    connection.write(ALLOWED.as_bytes())?;
    assert_forwarded(gateway, "expect", &connection.read()?, ALLOWED).map(drop)
}

#[test]
fn clients_that_leave_in_the_middle_harm_nobody() -> Result<()> {
    let gateway = shared_mcp()?;
    for number in 0..20 {
        let name = format!("leaver-{number}");
        let mut connection = Connection::open(gateway.envoy.address())?;
        connection.write(head(gateway, &name, &format!("content-length: {}", ALLOWED.len()))?.as_bytes())?;
        connection.write(ALLOWED.split_at(number * 4).0.as_bytes())?;
        drop(connection);
        assert!(gateway.upstream.received(&target(&name)).is_empty());
    }
    assert_alive(gateway, "leavers-next")
}

/// On a connection that goes on, and on which others are decided.
#[test]
fn http2_requests_that_are_given_up_in_the_middle_harm_nobody() -> Result<()> {
    let gateway = shared_mcp()?;
    let resets = || gateway.envoy.stat("http.gateway.downstream_rq_rx_reset");
    let (before, token) = (resets()?, token(gateway)?);
    let left: Vec<String> = (0..20).map(|number| target(&format!("reset-{number}"))).collect();
    let path = target("reset-next");
    let content_type = Some("application/json");
    let post = TrailerPost { host: HOST, path: &path, token: Some(&token), content_type, body: ALLOWED, trailers: &[] };
    let answer = post.send_after_resets(gateway.envoy.address(), &left)?;
    assert_forwarded(gateway, "reset-next", &answer, ALLOWED)?;
    // Envoy had begun each of them.
    wait::until("the resets", || Ok((resets()? >= before + 20).then_some(())))?;
    assert!(left.iter().all(|path| gateway.upstream.received(path).is_empty()));
    assert_alive(gateway, "resets-next")
}

#[test]
fn a_body_over_the_limit_is_refused_whether_or_not_it_is_announced() -> Result<()> {
    let gateway = shared_mcp()?;
    let large = ALLOWED.replace("/work/a", &format!("/work/{}", "a".repeat(20_000)));
    // Announced: refused before any of it is read.
    let mut connection = Connection::open(gateway.envoy.address())?;
    connection.write(head(gateway, "large", &format!("content-length: {}", large.len()))?.as_bytes())?;
    assert_refused(gateway, "large", &connection.read()?, 413, "mcp.body_too_large")?;
    // In chunks: refused as soon as there is too much, without an end in sight.
    let mut connection = Connection::open(gateway.envoy.address())?;
    connection.write(head(gateway, "large-chunks", "transfer-encoding: chunked")?.as_bytes())?;
    connection.write(chunk(&large).as_bytes())?;
    assert_refused(gateway, "large-chunks", &connection.read()?, 413, "mcp.body_too_large")?;
    assert_alive(gateway, "large-next")
}

#[test]
fn http2_bodies_end_with_frames_or_with_trailers() -> Result<()> {
    let gateway = shared_mcp()?;
    let token = token(gateway)?;
    let trailers: [&[(&str, &str)]; 2] = [&[("x-checksum", "abc")], &[]];
    for (number, trailers) in trailers.into_iter().enumerate() {
        let send = |name: &str, body| {
            let path = target(name);
            let content_type = Some("application/json");
            let post = TrailerPost { host: HOST, path: &path, token: Some(&token), content_type, body, trailers };
            post.send(gateway.envoy.address())
        };
        let name = format!("http2-{number}");
        assert_forwarded(gateway, &name, &send(&name, ALLOWED)?, ALLOWED)?;
        let name = format!("http2-denied-{number}");
        assert_refused(gateway, &name, &send(&name, DENIED)?, 403, "policy.deny")?;
        let name = format!("http2-empty-{number}");
        assert_refused(gateway, &name, &send(&name, "")?, 400, "json.empty")?;
    }
    Ok(())
}

#[test]
fn requests_on_one_connection_are_decided_one_by_one() -> Result<()> {
    let gateway = shared_mcp()?;
    let mut connection = Connection::open(gateway.envoy.address())?;
    for number in 0..5 {
        let name = format!("one-by-one-{number}");
        assert_forwarded(gateway, &name, &connection.exchange(&post(gateway, &name, ALLOWED)?)?, ALLOWED)?;
        let name = format!("one-by-one-denied-{number}");
        let answer = connection.exchange(&post(gateway, &name, DENIED)?)?;
        assert_refused(gateway, &name, &answer, 403, "policy.deny")?;
    }
    Ok(())
}

#[test]
fn a_caller_without_a_token_need_not_send_its_body() -> Result<()> {
    let gateway = shared_mcp()?;
    let mut connection = Connection::open(gateway.envoy.address())?;
    let head = format!("POST /files/mcp HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 100\r\n\r\n");
    connection.write(head.as_bytes())?;
    let answer = connection.read()?;
    assert_eq!(answer.status, 401);
    assert_eq!(gateway.access_line(&answer)?.text("reason"), Some("token.missing"));
    Ok(())
}

#[test]
fn an_upgrade_with_a_body_is_no_way_around() -> Result<()> {
    let gateway = shared_mcp()?;
    let request = post(gateway, "upgrade", ALLOWED)?.header("connection", "upgrade").header("upgrade", "websocket");
    let answer = gateway.send(&request)?;
    assert!(matches!(answer.status, 400 | 403), "{answer:?}");
    assert!(gateway.upstream.received(&target("upgrade")).is_empty());
    assert_alive(gateway, "upgrade-next")
}

#[test]
fn several_workers_decide_alike() -> Result<()> {
    let own = Own::start(Options { workers: 2, example: Example::Mcp, ..Options::default() })?;
    for number in 0..10 {
        let name = format!("workers-{number}");
        assert_forwarded(&own.gateway, &name, &own.gateway.send(&post(&own.gateway, &name, ALLOWED)?)?, ALLOWED)?;
        let answer = own.gateway.send(&post(&own.gateway, "workers-denied", DENIED)?)?;
        assert_refused(&own.gateway, "workers-denied", &answer, 403, "policy.deny")?;
    }
    Ok(())
}
