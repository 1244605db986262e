//! Trees of values, and explanations that must not come to be.

use cedar_policy::{Context, Entities, PolicySet};

use super::*;
use crate::compile::compile;

fn policies(text: &str) -> PolicySet {
    text.parse().expect("parses")
}

fn request(context: &str) -> Request {
    let entity = |text: &str| text.parse().expect("an entity");
    let context = Context::from_json_str(context, None).expect("a context");
    Request::new(entity(r#"User::"ann""#), entity(r#"Action::"read""#), entity(r#"Page::"home""#), context, None)
        .expect("a request")
}

/// Compiles some policies and explains others by them.
fn explain_as(compiled: &str, explained: &str, wanted: &Wanted) -> Result<Explanation, CompileError> {
    let (compiled, explained, entities) = (policies(compiled), policies(explained), Entities::empty());
    let source = |policies| PolicySource { policies, entities: &entities, step_limit: 1000 };
    explain(&mut compile(source(&compiled)).expect("compiles"), source(&explained), &request("{}"), wanted)
}

/// The values in a condition, each operand indented.
fn tree(condition: &str, context: &str) -> Vec<String> {
    fn list(expression: &Expression, depth: usize, lines: &mut Vec<String>) {
        let outcome = match &expression.outcome {
            Outcome::Value(value) => value.text.clone(),
            Outcome::Error { .. } => "error".to_owned(),
            Outcome::NotEvaluated => "-".to_owned(),
        };
        if !expression.is_plain {
            lines.push(format!("{:1$}{2} = {outcome}", "", depth, expression.source));
        }
        expression.operands.iter().for_each(|operand| list(operand, depth + 1, lines));
    }
    let policies = policies(&format!("permit(principal, action, resource) when {{ {condition} }};"));
    let entities = Entities::empty();
    let source = PolicySource { policies: &policies, entities: &entities, step_limit: 1000 };
    let wanted = Wanted::Named(vec!["policy0".to_owned()]);
    let mut compiled = compile(source).expect("compiles");
    let explained = explain(&mut compiled, source, &request(context), &wanted).expect("explains").explained;
    let mut lines = Vec::new();
    explained.iter().flat_map(|values| &values.conditions).for_each(|part| list(part, 0, &mut lines));
    lines
}

#[test]
fn what_cedar_does_not_come_to_has_no_value() {
    let cases: [(&str, &[&str]); 11] = [
        ("context.a && context.b", &["context.a = false", "context.b = -"]),
        (
            "(context.b || context.a) == true",
            &[
                "(context.b || context.a) == true = true",
                " context.b || context.a = true",
                "  context.b = true",
                "  context.a = -",
            ],
        ),
        ("context.none && context.b", &["context.none = error", "context.b = -"]),
        ("1 && context.b", &["context.b = -"]),
        ("context.b && 1", &["context.b = true"]),
        (
            "if context.b then context.a else context.none",
            &[
                "if context.b then context.a else context.none = false",
                " context.b = true",
                " context.a = false",
                " context.none = -",
            ],
        ),
        (
            "if 1 then context.a else context.b",
            &["if 1 then context.a else context.b = error", " context.a = -", " context.b = -"],
        ),
        (
            "context.none == context.a",
            &["context.none == context.a = error", " context.none = error", " context.a = -"],
        ),
        (
            "[context.a, context.none, context.b].isEmpty()",
            &[
                "[context.a, context.none, context.b].isEmpty() = error",
                " [context.a, context.none, context.b] = error",
                "  context.a = false",
                "  context.none = error",
                "  context.b = -",
            ],
        ),
        // Cedar evaluates fields in the order of their names.
        (
            "{z: context.a, b: context.none} == 1",
            &[
                "{z: context.a, b: context.none} == 1 = error",
                " {z: context.a, b: context.none} = error",
                "  context.none = error",
                "  context.a = -",
            ],
        ),
        ("context has a.b.c", &["context has a.b.c = error"]),
    ];
    for (condition, expected) in cases {
        assert_eq!(tree(condition, r#"{"a": false, "b": true}"#), expected, "{condition}");
    }
}

#[test]
fn operators_that_cedar_rewrites_are_shown_as_written() {
    let cases: [(&str, &[&str]); 5] = [
        ("context.n > 3", &["context.n > 3 = true", " context.n = 4"]),
        ("context.n >= 5", &["context.n >= 5 = false", " context.n = 4"]),
        ("context.n != 4", &["context.n != 4 = false", " context.n = 4"]),
        ("!(context.n == 4)", &["!(context.n == 4) = false", " context.n == 4 = true", "  context.n = 4"]),
        (r#"principal is User in Team::"a""#, &["principal is User = true", r#"principal in Team::"a" = false"#]),
    ];
    for (condition, expected) in cases {
        assert_eq!(tree(condition, r#"{"n": 4}"#), expected, "{condition}");
    }
}

#[test]
fn texts_over_several_lines_become_one() {
    assert_eq!(tree("context\n  .n ==\n 4", r#"{"n": 4}"#).first().map(String::as_str), Some("context .n == 4 = true"));
    // Joined, the comment would hide the rest, and the string would be another.
    assert_eq!(tree("context.n // n\n == 4", r#"{"n": 4}"#).first().map(String::as_str), Some("context.n == 4 = true"));
    let broken = tree("context.n == \"a\nb\"", r#"{"n": 4}"#);
    assert_eq!(broken.first().map(String::as_str), Some(r#"context.n == "a\nb" = false"#));
}

#[test]
fn a_decision_that_cedar_does_not_make_is_not_explained() {
    let everything = Wanted::Deciding(usize::MAX);
    let permit = "permit(principal, action, resource);";
    let cases = [
        (permit, "forbid(principal, action, resource);"),
        (permit, r#"permit(principal == User::"bob", action, resource);"#),
        (permit, "permit(principal, action, resource) when { context.none };"),
        (r#"permit(principal, action == Action::"write", resource);"#, permit),
        (r#"permit(principal, action, resource) when { principal == User::"bob" };"#, permit),
    ];
    for (compiled, explained) in cases {
        let refused = explain_as(compiled, explained, &everything).map_err(|error| error.code);
        assert_eq!(refused.err(), Some("explain.disagreement"), "{compiled} as {explained}");
    }
}

/// The decision can be the same, and still a policy be false for another reason than the one the index saw.
#[test]
fn exclusions_that_the_source_does_not_bear_out_are_not_told() {
    let (compiled, explained) = (
        r#"permit(principal, action, resource) when { principal == User::"bob" && context has a };"#,
        "permit(principal, action, resource) when { context has a };",
    );
    let refused = explain_as(compiled, explained, &Wanted::Deciding(1)).map_err(|error| error.code);
    assert_eq!(refused.err(), Some("explain.disagreement"));
    let missing = explain_as(compiled, "", &Wanted::Deciding(1)).map_err(|error| error.code);
    assert_eq!(missing.err(), Some("explain.disagreement"));
}

#[test]
fn only_policies_that_are_there_can_be_named() {
    let named = |id: &str| Wanted::Named(vec![id.to_owned()]);
    let text = r"permit(principal, action, resource); permit(principal == ?principal, action, resource);";
    for unknown in ["", "policy2", "policy1"] {
        let refused = explain_as(text, text, &named(unknown)).map_err(|error| error.code);
        assert_eq!(refused.err(), Some("explain.unknown_policy"), "{unknown}");
    }
    assert_eq!(explain_as(text, text, &named("policy0")).expect("explains").explained.len(), 1);
}

#[test]
fn a_spent_budget_is_no_explanation() {
    let text = r#"permit(principal, action, resource) when { context.text like "*a*b*c*d*e*" };"#;
    let (policies, entities) = (policies(text), Entities::empty());
    let source = PolicySource { policies: &policies, entities: &entities, step_limit: 20 };
    let mut compiled = compile(source).expect("compiles");
    let long = format!(r#"{{"text": "{}"}}"#, "abcd".repeat(1000));
    let refused = explain(&mut compiled, source, &request(&long), &Wanted::Deciding(1)).map_err(|error| error.code);
    assert_eq!(refused.err(), Some(palisade_engine::DecideError::BudgetSpent.code()));
}
