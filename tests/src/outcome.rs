//! What came out of a decision case, told in the words of the case.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::case::{Case, Expectation};
use crate::gateway::Gateway;
use crate::http1::Response;

/// What came out.
#[derive(Clone, Debug)]
pub struct Observed {
    /// What the case speaks about.
    pub outcome: Expectation,
    /// The policies that could not be evaluated.
    pub errors: Vec<String>,
}

/// The code of the JSON-RPC error in an answer.
fn rpc_error(answer: &Response) -> Option<i64> {
    answer.json().ok()?.pointer("/error/code")?.as_i64()
}

/// The names of the items in the lists of an answer, in the JSON of which it consists or in that of its events.
fn shown(answer: &Response) -> Vec<String> {
    let text = String::from_utf8_lossy(&answer.body);
    let is_stream = answer.header("content-type").is_some_and(|value| value.starts_with("text/event-stream"));
    let texts: Vec<&str> = match is_stream {
        true => text.lines().filter_map(|line| line.strip_prefix("data:")).collect(),
        false => vec![&text],
    };
    let messages = texts.into_iter().filter_map(|text| serde_json::from_str::<Value>(text).ok());
    let messages = messages.flat_map(|message| match message {
        Value::Array(messages) => messages,
        message => vec![message],
    });
    let lists = messages.filter_map(|mut message| match message.pointer_mut("/result/tools").map(Value::take) {
        Some(Value::Array(items)) => Some(items),
        Some(_) | None => None,
    });
    lists.flatten().map(|item| item.get("name").and_then(Value::as_str).unwrap_or("?").to_owned()).collect()
}

/// Sends a case through the gateway and reads its decision record.
///
/// # Errors
///
/// There was no answer, or the answer has no record.
pub fn observe(gateway: &Gateway, case: &Case) -> Result<Observed> {
    let request = case.request(&gateway.workshop.token_keys)?;
    let answer = gateway.send(&request)?;
    let line = gateway.access_line(&answer)?;
    let text = |name: &str| line.text(name).map(str::to_owned).with_context(|| format!("the record lacks `{name}`"));
    let refused = line.record.as_ref().and_then(|record| record.pointer("/answer/refused"));
    // What a case with an answer says of the status is about the request.
    let decided = line.record.as_ref().and_then(|record| record.get("status")).and_then(Value::as_u64);
    let decided = decided.filter(|_| case.answer.is_some()).and_then(|status| u16::try_from(status).ok());
    let outcome = Expectation {
        status: decided.unwrap_or(answer.status),
        decision: text("effect")?,
        reason: text("reason")?,
        policies: line.texts("policies"),
        // Compared only where the case has one.
        rpc_error: case.expect.rpc_error.and(rpc_error(&answer)),
        shown: case.expect.shown.as_ref().map(|_| shown(&answer)),
        answer_refused: refused.and_then(Value::as_str).map(str::to_owned),
    };
    Ok(Observed { outcome, errors: line.texts("errors") })
}
