//! What the operator sees: decision records, statistics, and answers that say little.

use anyhow::Result;
use palisade_tests::gateway::{DECISION_ID, Options};
use palisade_tests::http1::Request;
use serde_json::{Value, json};

use crate::fixture::{Own, assert_allowed, assert_denied, good_token, read, shared};

/// Every member that a record has, whatever was decided.
const MEMBERS: [&str; 16] = [
    "decision_id",
    "time",
    "bundle",
    "principal",
    "action",
    "decision",
    "resource",
    "effect",
    "reason",
    "policies",
    "errors",
    "status",
    "micros",
    "token",
    "method",
    "path",
];

fn assert_complete(record: &Value) {
    for member in MEMBERS {
        assert!(record.get(member).is_some(), "the record lacks `{member}`: {record}");
    }
    assert_eq!(record["bundle"]["name"], "quickstart");
    assert_eq!(record["bundle"]["version"], 1);
    let digest = record["bundle"]["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:"));
    assert_eq!(digest.map(str::len), Some(64), "{record}");
    assert!(record["micros"].is_u64(), "{record}");
}

#[test]
fn the_record_of_an_allowed_request_is_complete() -> Result<()> {
    let gateway = shared()?;
    let line = assert_allowed(gateway, &read("record-allow").bearer(&good_token(gateway)?))?;
    let record = line.record.unwrap_or_default();
    assert_complete(&record);
    assert_eq!(record["principal"], r#"Agent::"dev/coder-7""#);
    assert_eq!(record["action"], r#"Action::"read""#);
    assert_eq!(record["resource"], r#"Repository::"handbook""#);
    assert_eq!(record["policies"], json!(["read-repositories"]));
    assert_eq!(record["errors"], json!([]));
    assert_eq!((&record["method"], &record["path"]), (&"GET".into(), &"/repos/handbook/files/record-allow".into()));
    assert_eq!(record["status"], 200);
    assert_eq!(line.status, 200);
    Ok(())
}

#[test]
fn the_record_of_a_refused_token_is_complete() -> Result<()> {
    let line = assert_denied(shared()?, &read("record-deny"), 401, "token.missing")?;
    let record = line.record.unwrap_or_default();
    assert_complete(&record);
    assert_eq!(record["principal"], Value::Null);
    assert_eq!(record["status"], 401);
    Ok(())
}

#[test]
fn the_record_names_policies_that_could_not_be_evaluated() -> Result<()> {
    let gateway = shared()?;
    let request = Request::new("GET", "repos.internal", "/repos/nowhere/files/a").bearer(&good_token(gateway)?);
    let line = assert_denied(gateway, &request, 403, "policy.deny")?;
    let record = line.record.unwrap_or_default();
    assert_eq!(record["errors"], json!(["read-own-repositories", "read-repositories"]));
    assert_eq!(record["policies"], json!([]));
    Ok(())
}

#[test]
fn what_the_client_writes_cannot_break_the_record() -> Result<()> {
    let gateway = shared()?;
    // `access_line` parses the record as JSON; a broken one fails there.
    let target = r#"/repos/"},{"effect":"allow"#;
    let request = Request::new("GET", "repos.internal", target).bearer(&good_token(gateway)?);
    let line = assert_denied(gateway, &request, 403, "route.path_unsafe")?;
    assert_eq!(line.text("path"), Some(target));
    let long = format!("/long/{}", "x".repeat(20_000));
    let answer = gateway.send(&Request::new("GET", "repos.internal", &long).bearer(&good_token(gateway)?))?;
    assert_eq!(answer.status, 403);
    let line = gateway.access_line(&answer)?;
    assert!(line.text("path").is_some_and(|path| path.len() < 2_000), "an unbounded path in the record");
    Ok(())
}

#[test]
fn each_decision_has_its_own_id() -> Result<()> {
    let gateway = shared()?;
    let request = read("ids").bearer(&good_token(gateway)?);
    let first = assert_allowed(gateway, &request)?;
    let second = assert_allowed(gateway, &request)?;
    assert_ne!(first.text("decision_id"), second.text("decision_id"));
    Ok(())
}

#[test]
fn the_client_learns_nothing_about_policies() -> Result<()> {
    let gateway = shared()?;
    let target = "/repos/checkout/branches/main/files/a";
    let request = Request::new("PUT", "repos.internal", target).bearer(&good_token(gateway)?);
    let line = assert_denied(gateway, &request, 403, "policy.deny")?;
    assert!(!line.texts("policies").is_empty());
    let answer = gateway.send(&request)?;
    let body = String::from_utf8(answer.body)?;
    for secret in ["no-direct-writes", "Repository", "coder-7", "forbid"] {
        assert!(!body.contains(secret), "the answer tells `{secret}`: {body}");
    }
    Ok(())
}

#[test]
fn decisions_are_counted() -> Result<()> {
    let own = Own::start(Options::default())?;
    let gateway = &own.gateway;
    let token = good_token(gateway)?;
    for _ in 0..3 {
        assert_allowed(gateway, &read("counted").bearer(&token))?;
    }
    for _ in 0..2 {
        assert_denied(gateway, &read("counted-not"), 401, "token.missing")?;
    }
    for (reason, count) in [("policy.allow", 3), ("token.missing", 2), ("policy.deny", 0)] {
        let name = format!("wasmcustom.palisade_decisions_total.reason.{reason}");
        assert_eq!(gateway.envoy.await_stat(&name, count)?, count, "{reason}");
    }
    assert!(gateway.envoy.stats()?.contains("wasmcustom.palisade_decision_microseconds"));
    assert_eq!(gateway.envoy.stat("wasmcustom.palisade_records_lost_total")?, 0);
    Ok(())
}

#[test]
fn records_can_go_to_envoys_own_log() -> Result<()> {
    let own = Own::start(Options::default())?;
    let gateway = &own.gateway;
    assert!(gateway.replace_filter(&gateway.filter.clone().with_field("decision_log", json!(["log"]))?)?);
    let answer = palisade_tests::wait::until("the new configuration to decide", || {
        let answer = gateway.send(&read("own-log"))?;
        let id = answer.header(DECISION_ID).unwrap_or_default().to_owned();
        let log = gateway.envoy.log()?;
        let line = log.lines().find(|line| line.contains("wasm log palisade") && line.contains(&id));
        Ok(line.map(str::to_owned))
    })?;
    let record = answer.split_once(": {").map(|(_, rest)| format!("{{{rest}")).unwrap_or_default();
    assert_complete(&serde_json::from_str(&record)?);
    Ok(())
}
