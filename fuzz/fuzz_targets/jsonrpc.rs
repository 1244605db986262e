//! Any bytes as the body of a request to an MCP server: no panic, and what is accepted means the same to another reader.

#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade_gateway::section::McpRoute;
use palisade_gateway::{HeaderBuffer, MessageReader};
use serde_json::Value;

const ROUTE: &str = include_str!("../../gateway/src/mcp/testing.json");

fuzz_target!(|data: &[u8]| {
    let route: McpRoute = serde_json::from_str(ROUTE).unwrap();
    let mut reader = MessageReader::open(route).unwrap();
    let headers = HeaderBuffer::from_pairs([("content-type", "application/json")]);
    let Ok(asked) = reader.read(headers.as_map(), data) else {
        return;
    };
    let body: Value = serde_json::from_slice(data).unwrap();
    let messages = body.as_array().cloned().unwrap_or_else(|| vec![body]);
    // Without the header of the stateless revision there are no subscriptions, so each message is one question.
    assert_eq!(asked.len(), messages.len());
    for ((method, subject), message) in asked.iter().zip(&messages) {
        if let Some(named) = message.get("method") {
            assert_eq!(named, method);
        }
        let params = message.get("params");
        let named = params.and_then(|params| params.get(if *method == "tools/call" { "name" } else { "uri" }));
        if !subject.is_empty() {
            assert_eq!(named.and_then(Value::as_str), Some(subject.as_str()));
        }
    }
});
