//! Any bytes as a request to an A2A agent: no panic, and what is accepted means the same to another reader.
//!
//! The first line is the method and the target, the rest the body.

#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade_gateway::section::{A2aMember, A2aRoute};
use palisade_gateway::{HeaderBuffer, OperationReader};
use serde_json::Value;

const ROUTE: &str = include_str!("../../gateway/src/a2a/testing.json");

fuzz_target!(|data: &[u8]| {
    let line = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, body) = data.split_at(line);
    let body = body.get(1..).unwrap_or_default();
    let Some((method, target)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(' ')) else {
        return;
    };
    let path = target.split('?').next().unwrap_or_default();
    if path != "/planner" && !path.starts_with("/planner/") {
        return;
    }
    let route: A2aRoute = serde_json::from_str(ROUTE).unwrap();
    let mut reader = OperationReader::open(route).unwrap();
    let read = |reader: &mut OperationReader, version| {
        let headers = HeaderBuffer::from_pairs([("content-type", "application/json"), ("a2a-version", version)]);
        reader.read(method, target, headers.as_map(), body)
    };
    let Ok(members) = read(&mut reader, "1.0").or_else(|_| read(&mut reader, "0.3")) else {
        return;
    };
    let of = |member| members.iter().find(|(known, _)| *known == member).map(|(_, text)| text.as_str());
    if method == "POST" && !body.is_empty() {
        check_body(path, &serde_json::from_slice(body).unwrap(), &of);
    } else if let Some(task) = of(A2aMember::Task) {
        assert!(path.split('/').any(|segment| segment.split(':').next() == Some(task)), "{path}");
    }
    if let Some(host) = of(A2aMember::PushHost) {
        let url = of(A2aMember::PushUrl).unwrap();
        let rest = url.strip_prefix("https://").unwrap().to_ascii_lowercase();
        let end = rest.find(['/', '?', '#', '\\', '@']).unwrap_or(rest.len());
        assert_eq!(rest[..end].strip_suffix(":443").unwrap_or(&rest[..end]), host);
    }
});

/// The task and the tenant of a body, under any name that some reader may know them by.
fn check_body<'m>(path: &str, body: &Value, of: &impl Fn(A2aMember) -> Option<&'m str>) {
    let params = if path == "/planner" { body.get("params").unwrap_or(&Value::Null) } else { body };
    if path == "/planner" && of(A2aMember::Version) == Some("1.0") {
        assert_eq!(body["method"].as_str(), of(A2aMember::Operation));
    }
    let is_legacy_rest = path.starts_with("/planner/v1/");
    let message = if is_legacy_rest && params["message"].is_null() { &params["request"] } else { &params["message"] };
    let holder = match of(A2aMember::Operation) {
        Some("SendMessage" | "SendStreamingMessage") => message,
        Some("ListTasks" | "GetExtendedAgentCard") | None => return,
        Some(_) => params,
    };
    for name in ["taskId", "task_id"] {
        if let Some(named) = holder[name].as_str().filter(|named| !named.is_empty()) {
            assert_eq!(of(A2aMember::Task), Some(named));
        }
    }
    if let Some(tenant) = params["tenant"].as_str().filter(|tenant| !tenant.is_empty()) {
        assert_eq!(of(A2aMember::Tenant), Some(tenant));
    }
}
