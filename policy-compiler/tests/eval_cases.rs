//! Kept cases of `palisade eval`, each run through both engines and compared with what the file says.
//!
//! A line is a case as `palisade eval --cases` takes it, with a `name` and with `expect`: one answer for each request,
//! `{"decision", "reasons", "errors"}`, or `"refused"` where Cedar itself refuses to load or build.

#![expect(clippy::unwrap_used, reason = "a case that cannot be read fails the test")]

use std::path::Path;

use palisade_policy_compiler::eval::{AnswerLine, Engine, Outcome, run_case};
use palisade_policy_compiler::nesting::with_stack;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Expected {
    name: String,
    requests: Vec<Value>,
    expect: Vec<Value>,
}

#[test]
fn kept_cases_come_out_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/eval");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let wrong = with_stack(|| text.lines().flat_map(wrong_answers).collect::<Vec<String>>()).unwrap();
        assert!(wrong.is_empty(), "{}:\n{}", file.display(), wrong.join("\n"));
    }
}

fn wrong_answers(line: &str) -> Vec<String> {
    let Expected { name, requests, expect } = serde_json::from_str(line).unwrap();
    assert_eq!(requests.len(), expect.len(), "{name}: an answer for each request");
    let mut wrong = Vec::new();
    for engine in [Engine::Cedar, Engine::Compiled] {
        let got: Vec<Value> = run_case(0, line, engine).iter().map(comparable).collect();
        if got != expect {
            wrong.push(format!("{name}, {engine:?}: expected {}, got {}", json!(expect), json!(got)));
        }
    }
    wrong
}

fn comparable(line: &AnswerLine) -> Value {
    match &line.outcome {
        Outcome::Decided(answer) => json!(answer),
        Outcome::Refused { .. } => json!("refused"),
    }
}
