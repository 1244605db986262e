//! Cases written by hand: each operator, each shape of guard, with the answer where it is instructive.

use serde_json::{Value, json};

use crate::compare::{Case, answers, disagreement};

fn store() -> Vec<Value> {
    vec![
        json!({"uid": {"type": "User", "id": "alice"},
            "attrs": {"age": 30, "team": {"__entity": {"type": "Team", "id": "a"}}},
            "parents": [{"type": "Team", "id": "a"}], "tags": {"role": "dev"}}),
        json!({"uid": {"type": "Team", "id": "a"}, "attrs": {}, "parents": [{"type": "Org", "id": "o"}]}),
        json!({"uid": {"type": "Doc", "id": "plan"}, "attrs": {"public": true}, "parents": []}),
    ]
}

/// Alice reads the plan, in this context, under these policies.
fn case(policies: &[&str], context: &Value) -> Case {
    let request = json!({"principal": {"type": "User", "id": "alice"}, "action": {"type": "Action", "id": "read"},
        "resource": {"type": "Doc", "id": "plan"}, "context": context});
    Case {
        policies: policies.iter().map(|&text| text.to_owned()).collect(),
        templates: Vec::new(),
        entities: store(),
        requests: vec![request],
        typed: false,
    }
}

fn agree(policies: &[&str], context: &Value) {
    if let Err(found) = disagreement(&case(policies, context)) {
        panic!("{policies:?}\n{found}");
    }
}

/// What both engines say, as `allow [reasons] [errors]`.
fn answer(policies: &[&str]) -> String {
    let case = case(policies, &json!({}));
    agree(policies, &json!({}));
    let (allow, reasons, errors) = answers(&case).remove(0);
    format!("{} {reasons:?} {errors:?}", if allow { "allow" } else { "deny" })
}

/// As deep as values may nest; comparing them recurses, in wasm on a stack of 32 KiB.
#[test]
fn deep_values() {
    let nested = |depth: u32, core: &str| (0..depth).fold(json!(core), |value, _| json!([value]));
    let depth = palisade_engine::limits::VALUE_DEPTH - 1;
    let policies = ["permit(principal, action, resource) when { context.a == context.b };"];
    for other in ["x", "y"] {
        agree(&policies, &json!({"a": nested(depth, "x"), "b": nested(depth, other)}));
        let (a, b) = (nested(depth / 2, "x"), nested(depth / 2, other));
        let records = |value: Value| (0..depth / 2).fold(value, |value, _| json!({"f": value}));
        agree(&policies, &json!({"a": records(a), "b": records(b)}));
    }
}

#[test]
fn scopes() {
    assert_eq!(answer(&["permit(principal, action, resource);"]), r#"allow ["policy0"] []"#);
    let set = [
        r#"permit(principal in Org::"o", action == Action::"read", resource is Doc);"#,
        r#"permit(principal == User::"bob", action, resource);"#,
        r#"permit(principal is User in Team::"a", action in [Action::"write", Action::"read"], resource == Doc::"plan");"#,
        r#"permit(principal, action in [], resource);"#,
    ];
    assert_eq!(answer(&set), r#"allow ["policy0", "policy2"] []"#);
}

#[test]
fn forbid_wins_and_errors_are_reported() {
    let set = [
        "permit(principal, action, resource);",
        "forbid(principal, action, resource) when { principal.age > 18 };",
        "forbid(principal, action, resource) when { context.missing };",
        "permit(principal, action, resource) when { context.missing == 1 };",
    ];
    assert_eq!(answer(&set), r#"deny ["policy1"] ["policy2", "policy3"]"#);
}

#[test]
fn every_operator() {
    let cases = [
        r#"principal.age == 30 && principal.team in Org::"o""#,
        r#"principal has team && principal.team has name"#,
        r#"principal has team.name.x || true"#,
        r#"principal.hasTag("role") && principal.getTag("role") == "dev""#,
        r#"principal.getTag("none") == 1"#,
        r#"["dev", "ops"].contains(principal.getTag("role"))"#,
        r#"[1, [2], {a: 3}].containsAll([{a: 3}, [2, 2]])"#,
        r#"[principal, resource].containsAny([resource, 1])"#,
        r#"[principal.age, 30] == [30]"#,
        r#"{a: principal.age, b: [1]} == {b: [1, 1], a: 30}"#,
        r#"{a: 1, b: context.missing}.a == 1"#,
        r#"if principal.age < 3 then context.missing else principal is User"#,
        r#""alpha" like "al*a" && !("alpha" like "b*")"#,
        r#"principal.age * 9223372036854775807 > 1"#,
        r#"-principal.age + 31 - 1 == 0"#,
        r#"principal is User in Team::"a""#,
        r#"principal in [Team::"b", Org::"o"]"#,
        r#"principal in [Org::"o", 1]"#,
        r#"1 in Org::"o""#,
        r#"[].isEmpty() && ![principal].isEmpty()"#,
        r#"ip("10.0.0.1").isInRange(ip("10.0.0.0/8")) && ip("::1").isLoopback()"#,
        r#"ip(context.address).isIpv4()"#,
        r#"decimal("1.5").lessThan(decimal("1.50")) || decimal("1.5") == decimal("1.50")"#,
        r#"datetime("2024-10-15").offset(duration("1d")) == datetime("2024-10-16")"#,
        r#"datetime("2024-10-15T11:00:00Z").toTime() == duration("11h")"#,
        r#"datetime("2024-10-16").durationSince(datetime("2024-10-15")).toHours() == 24"#,
        r#"duration("nonsense") == 1"#,
        r#"context.a && 1"#,
        r#"1 && context.a"#,
        r#"context.b || 1"#,
        "principal.age",
    ];
    for case in cases {
        let when = format!("permit(principal, action, resource) when {{ {case} }};");
        agree(&[&when], &json!({"address": "10.1.2.3", "a": true, "b": false}));
        agree(&[&when], &json!({"address": 5, "a": false, "b": true}));
        let unless = format!("forbid(principal, action, resource) unless {{ {case} }};");
        agree(&[&unless], &json!({}));
    }
}

#[test]
fn guards_do_not_hide_errors() {
    let conditions = [
        r#"when { context.task == "a" }"#,
        r#"when { context.task == "b" }"#,
        r#"when { context has task && context.task == "b" }"#,
        r#"when { principal.team.name == "x" && context.task == "b" }"#,
        r#"when { principal.hasTag("role") && principal.getTag("role") == "dev" }"#,
        r#"when { context.amount < 5 && context.task == "b" }"#,
        r#"when { context.task == "a" || context.task == "b" }"#,
        r#"when { ["b", "c"].contains(context.task) }"#,
        r#"when { context.task in Team::"a" }"#,
        r#"unless { context.task != "b" }"#,
    ];
    let policies = conditions.map(|condition| format!("permit(principal, action, resource) {condition};"));
    let policies = policies.each_ref().map(String::as_str);
    for context in
        [json!({}), json!({"task": "a"}), json!({"task": "b"}), json!({"task": 1}), json!({"task": "b", "amount": "x"})]
    {
        agree(&policies, &context);
    }
}
