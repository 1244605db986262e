//! Golden tests of the command's text: `cli/*.trycmd`. `TRYCMD=overwrite cargo test --test cli` writes them anew.
#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::Value;

#[test]
fn golden() {
    trycmd::TestCases::new().env("NO_COLOR", "1").env("SOURCE_DATE_EPOCH", "1767225600").case("tests/cli/*.trycmd");
}

/// The case in the documentation is one of the example that it names, whose cases the gateway replays.
#[test]
fn the_case_in_the_documentation_is_real() {
    let shown = include_str!("../../docs/policies.md").split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let shown: Value = serde_json::from_str(shown).unwrap();
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../envoy-config/mcp/tests/answers.json")).unwrap();
    assert!(cases.contains(&shown), "{shown}");
}
