//! The status route: which bundle decides here, and what went wrong last; and nothing besides.

use std::fs;

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::gateway::Options;
use palisade_tests::http1::{Connection, Request, Response};
use palisade_tests::issuer::{Answer, KeyServer};
use palisade_tests::quickstart::REPOS;
use palisade_tests::token::now;
use palisade_tests::wait;
use serde_json::Value;

use crate::field::{Field, TARGET};
use crate::fixture::{assert_denied, good_token, read};
use crate::workers::STATUS;

const DAY: i64 = 24 * 60 * 60;

fn start(server: &KeyServer) -> Result<Field> {
    Field::start_with(server.address(), Options::default(), |_| {
        Ok(["--status-path", STATUS].map(str::to_owned).to_vec())
    })
}

fn ask(field: &Field) -> Result<Response> {
    field.gateway.send(&Request::new("GET", REPOS, STATUS))
}

/// Waits until the gateway says this of itself.
fn await_status(field: &Field, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Value> {
    let mut last = Value::Null;
    let status = wait::until(what, || {
        last = ask(field)?.json()?;
        Ok(is_meant(&last).then(|| last.clone()))
    });
    status.with_context(|| format!("at last: {last}"))
}

#[test]
fn it_says_which_bundle_decides_and_what_went_wrong_last() -> Result<()> {
    let server = KeyServer::start(Answer::absent())?;
    let field = start(&server)?;
    let answer = ask(&field)?;
    ensure!((answer.status, answer.header("content-type")) == (200, Some("application/json")), "{answer:?}");
    ensure!(answer.header("cache-control") == Some("no-store"), "{answer:?}");
    let status = answer.json()?;
    ensure!(status["state"] == "missing" && status["bundle"].is_null(), "{status}");
    await_status(&field, "what went wrong", |status| status["last_error"] == "feed.status")?;

    let end = now() + 15;
    let recipe = Recipe { name: "short", version: 4, created: Some(end - 30 * DAY), ..Recipe::GOOD };
    let short = fs::read(field.gateway.workshop.bundle(recipe)?)?;
    server.put(TARGET, Answer::Tagged(short, "\"4\"".to_owned()));
    let status = await_status(&field, "the bundle", |status| status["state"] == "deciding")?;
    let bundle = &status["bundle"];
    ensure!(bundle["version"] == 4 && bundle["channel"] == "quickstart" && bundle["expires"] == end, "{status}");
    ensure!(
        status["last_error"].is_null() && status["confirmed_age_s"].as_u64().is_some_and(|age| age < 30),
        "{status}"
    );
    let record = field.gateway.access_line(&field.ask()?)?.record.context("no record")?;
    ensure!(record["bundle"]["digest"] == bundle["digest"], "{record} {status}");

    server.put(TARGET, Answer::Document(vec![0xa5; 4096]));
    let status = await_status(&field, "what went wrong", |status| status["last_error"] == "bundle.magic")?;
    ensure!(status["bundle"]["version"] == 4, "{status}");
    // Until its time is up, and not before.
    let status = await_status(&field, "its end", |status| status["state"] != "deciding")?;
    ensure!(status["state"] == "expired" && status["bundle"]["version"] == 4 && now() >= end, "{status}");
    let request = read("expired-status").bearer(&good_token(&field.gateway)?);
    assert_denied(&field.gateway, &request, 503, "bundle.expired")?;

    server.put(TARGET, field.document(5)?);
    let status = await_status(&field, "the next bundle", |status| status["state"] == "deciding")?;
    ensure!(status["bundle"]["version"] == 5 && status["last_error"].is_null(), "{status}");
    Ok(())
}

#[test]
fn it_opens_no_other_path() -> Result<()> {
    let server = KeyServer::start(Answer::absent())?;
    let field = start(&server)?;
    server.put(TARGET, field.document(1)?);
    field.await_version(1)?;
    let gateway = &field.gateway;
    let parent = "/.well-known/palisade";
    for (method, target) in [
        ("GET", format!("{STATUS}/")),
        ("GET", format!("{STATUS};a")),
        ("GET", format!("{STATUS}/more")),
        ("GET", format!("{STATUS}%00")),
        ("GET", format!("/{STATUS}")),
        ("GET", format!("{parent}/./status")),
        ("GET", format!("{parent}/x/../status")),
        ("GET", format!("{parent}/%73tatus")),
        ("GET", format!("{parent}/Status")),
        ("GET", format!("{parent}\\status")),
        ("GET", parent.to_owned()),
        ("GET", "/".to_owned()),
        ("POST", STATUS.to_owned()),
        ("PUT", STATUS.to_owned()),
        ("DELETE", STATUS.to_owned()),
        ("OPTIONS", STATUS.to_owned()),
        ("QUERY", STATUS.to_owned()),
    ] {
        let answer = gateway.send(&Request::new(method, REPOS, &target))?;
        ensure!((400..500).contains(&answer.status), "{method} {target}: {answer:?}");
        ensure!(!String::from_utf8_lossy(&answer.body).contains("deciding"), "{method} {target}: {answer:?}");
        ensure!(gateway.upstream.received(&target).is_empty(), "{method} {target} has reached the upstream");
    }
    // A token makes no difference, nor does a body, and the answer is nobody's but the filter's.
    for request in [
        Request::new("GET", REPOS, STATUS),
        Request::new("GET", REPOS, &format!("{STATUS}?a=b")),
        Request::new("GET", "elsewhere.example", STATUS),
        Request::new("GET", REPOS, STATUS).bearer("garbage"),
        Request::new("GET", REPOS, STATUS).bearer(&good_token(gateway)?).body("a body"),
    ] {
        let answer = gateway.send(&request)?;
        ensure!(answer.status == 200 && answer.json()?["state"] == "deciding", "{request:?}: {answer:?}");
    }
    let mut connection = Connection::open(gateway.envoy.address())?;
    let head = connection.exchange(&Request::new("HEAD", REPOS, STATUS))?;
    ensure!(head.status == 200 && head.body.is_empty(), "{head:?}");
    // And the connection goes on with requests that are judged.
    let next = connection.exchange(&read("after-status"))?;
    ensure!(next.status == 401, "{next:?}");
    ensure!(gateway.upstream.received(STATUS).is_empty(), "it has reached the upstream");
    Ok(())
}
