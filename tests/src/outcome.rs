//! What came out of a decision case, told in the words of the case.

use anyhow::{Context, Result};

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
    let outcome = Expectation {
        status: answer.status,
        decision: text("effect")?,
        reason: text("reason")?,
        policies: line.texts("policies"),
        // Compared only where the case has one.
        rpc_error: case.expect.rpc_error.and(rpc_error(&answer)),
    };
    Ok(Observed { outcome, errors: line.texts("errors") })
}
