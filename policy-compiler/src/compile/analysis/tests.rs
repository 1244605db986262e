//! Statements on written policies, and more of what must not be said.

use cedar_policy::{Entities, PolicySet};

use super::*;
use crate::compile::Miss;

/// Actions `read` and `list` are in the group `view`; everything else is unknown to the store.
fn analysis(text: &str) -> Analysis {
    let policies: PolicySet = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    let view = r#"{"type": "Action", "id": "view"}"#;
    let action = |id| format!(r#"{{"uid": {{"type": "Action", "id": "{id}"}}, "attrs": {{}}, "parents": [{view}]}}"#);
    let alice = r#"{"uid": {"type": "User", "id": "alice"}, "attrs": {}, "parents": [{"type": "Team", "id": "a"}]}"#;
    let store = format!("[{}, {}, {alice}]", action("read"), action("list"));
    let store = Entities::from_json_str(&store, None).expect("entities");
    let rank = |id: &str| id.trim_start_matches("policy").parse().ok();
    analyse(&policies, &store, rank).expect("compiles")
}

/// What is said of `permit`s with these scopes and conditions, numbered from 0, such as `1 Shadowed by 0`.
fn said(policies: &[(&str, &str)]) -> String {
    let text = |(scope, conditions): &(&str, &str)| {
        let (effect, scope) = scope.split_once('!').map_or(("permit", *scope), |(_, rest)| ("forbid", rest));
        format!("{effect}({scope}) {conditions};")
    };
    let text: Vec<String> = policies.iter().map(text).collect();
    let Analysis { never, redundant, .. } = analysis(&text.join("\n"));
    let number = |id: &str| id.trim_start_matches("policy").to_owned();
    let never = never.iter().map(|never| format!("{} never", number(&never.policy)));
    let redundant = redundant.iter().map(|found| {
        let Redundant { policy, by, how } = found;
        format!("{} {how:?} by {}", number(policy), number(by))
    });
    never.chain(redundant).collect::<Vec<_>>().join(", ")
}

const ALL: &str = "principal, action, resource";

#[test]
fn wider_scopes_cover() {
    let read = r#"principal, action == Action::"read", resource"#;
    let view = r#"principal, action in Action::"view", resource"#;
    let either = r#"principal, action in [Action::"view", Action::"write"], resource"#;
    let both = r#"principal, action in [Action::"read", Action::"list"], resource"#;
    let other = r#"principal, action in [Action::"read", Action::"write"], resource"#;
    let alice = r#"principal == User::"alice", action, resource"#;
    let below_alice = r#"principal in User::"alice", action, resource"#;
    let user = "principal is User, action, resource";
    let user_in = r#"principal is User in Team::"a", action, resource"#;
    let team = r#"principal in Team::"a", action, resource"#;
    for (narrow, wide) in [
        (read, ALL),
        (read, view),
        (read, either),
        (read, both),
        (view, either),
        (both, view),
        (both, either),
        (alice, below_alice),
        (alice, user),
        (user_in, user),
        (user_in, team),
    ] {
        assert_eq!(said(&[(wide, ""), (narrow, "")]), "1 Shadowed by 0", "{narrow} {wide}");
        assert_eq!(said(&[(narrow, ""), (wide, "")]), "0 Shadowed by 1", "{narrow} {wide}");
    }
    // Alice is in the team in the store, but a request may bring an Alice who is not.
    for (one, other) in
        [(alice, team), (alice, user_in), (team, user), (read, alice), (view, other), (below_alice, user)]
    {
        assert_eq!(said(&[(one, ""), (other, "")]), "", "{one} {other}");
    }
}

#[test]
fn fewer_conditions_cover() {
    let a = "context.a == 1";
    let b = "context.b";
    let when = |conditions: &[&str]| -> String {
        conditions.iter().map(|condition| format!("when {{ {condition} }}")).collect()
    };
    let both = format!("{a} && {b}");
    for (narrow, wide) in [
        (when(&[a, b]), when(&[a])),
        (when(&[a, b]), when(&[b])),
        (when(&[&both]), when(&[b])),
        (when(&[&both]), String::new()),
        (when(&["context has a.b && true"]), when(&["context has a"])),
        (when(&[r#"principal == User::"u""#]), when(&[r#"principal in User::"u""#])),
    ] {
        assert_eq!(said(&[(ALL, &narrow), (ALL, &wide)]), "0 Shadowed by 1", "{narrow} {wide}");
    }
    let either = format!("when {{ {a} || {b} }}");
    for (one, other) in [
        (when(&[a]), when(&[b])),
        (when(&[a]), when(&["context.a == 2"])),
        (when(&[a]), when(&["1 == context.a", b])),
        (when(&[a]), when(&["!(context.a == 1)"])),
        (when(&[a]), format!("unless {{ {a} }}")),
        (when(&[&both]), either.clone()),
        (when(&[r#"principal.name == "a""#]), when(&[r#"resource.name == "a""#])),
    ] {
        assert_eq!(said(&[(ALL, &one), (ALL, &other)]), "", "{one} {other}");
    }
}

#[test]
fn equal_policies_are_said_once() {
    assert_eq!(said(&[(ALL, ""), (ALL, "")]), "1 Duplicate by 0");
    assert_eq!(said(&[(ALL, ""), (ALL, "when { true }"), (ALL, "")]), "1 Duplicate by 0, 2 Duplicate by 0");
    let (ab, ba) = ("when { context.a && context.b }", "when { context.b } when { context.a }");
    assert_eq!(said(&[(ALL, ab), (ALL, ba)]), "1 Duplicate by 0");
    assert_eq!(said(&[("!principal, action, resource", ab), ("!principal, action, resource", ba)]), "");
    assert_eq!(said(&[(ALL, "unless { false }"), (ALL, "when { true }")]), "1 Duplicate by 0");
    let (set, other) = (r#"when { [2, 1, 2].contains(context.n) }"#, "when { [1, 2].contains(context.n) }");
    assert_eq!(said(&[(ALL, set), (ALL, other)]), "1 Duplicate by 0");
    assert_eq!(said(&[(ALL, set), (ALL, "when { [1, 3].contains(context.n) }")]), "");
}

#[test]
fn a_forbid_overrides_what_it_covers() {
    let forbid = "!principal, action, resource";
    let read = r#"principal, action == Action::"read", resource"#;
    assert_eq!(said(&[(forbid, ""), (read, "when { context.a }")]), "1 Overridden by 0");
    assert_eq!(said(&[(forbid, "when { context.a }"), (read, "when { context.a && context.b }")]), "1 Overridden by 0");
    assert_eq!(said(&[(forbid, ""), (read, ""), (ALL, "")]), "1 Overridden by 0, 2 Overridden by 0");
    assert_eq!(said(&[(forbid, "when { context.a }"), (read, "")]), "");
    assert_eq!(said(&[(forbid, "unless { context.a }"), (read, "when { context.a }")]), "");
    let forbid_read = r#"!principal, action == Action::"read", resource"#;
    assert_eq!(said(&[(forbid_read, ""), (ALL, "")]), "", "a permit does not make a forbid redundant");
}

#[test]
fn contradictions_are_never_true() {
    let alice = r#"principal == User::"alice", action, resource"#;
    for (scope, conditions) in [
        (ALL, "when { false }"),
        (ALL, "when { context.a && false }"),
        (ALL, "unless { true }"),
        (ALL, "when { context.a == 1 && 2 == context.a }"),
        (ALL, "when { context.a } unless { context.a }"),
        (ALL, "when { context.a != 1 } when { context.b } when { context.a == 1 }"),
        (ALL, r#"when { [1, 2].contains(context.a) && context.a == 3 }"#),
        (ALL, "when { context.a == 1 || context.a == 2 } when { context.a != 1 && context.a != 2 }"),
        (ALL, "when { [].contains(context.a) }"),
        (ALL, r#"when { context.a == "1" && context.a == 1 }"#),
        (ALL, r#"when { context.a == [1] && context.a == [2] }"#),
        (alice, r#"when { principal == User::"bob" }"#),
        (alice, r#"when { principal != User::"alice" }"#),
        ("principal, action in [], resource", ""),
    ] {
        assert_eq!(said(&[(scope, conditions)]), "0 never", "{scope} {conditions}");
    }
    for (scope, conditions) in [
        (ALL, "when { context.a == 1 || context.a == 2 }"),
        (ALL, "when { context.a == 1 && context.b == 2 }"),
        (ALL, "when { context.a == [1, 2] && context.a == [2, 1, 2] }"),
        (ALL, r#"when { context.a == decimal("1.0") && context.a == decimal("1.00") }"#),
        (ALL, r#"when { context.a == ip("1.1.1.1") && context.a == ip("1.1.1.1/32") }"#),
        (ALL, "when { [1, 2].contains(context.a) && context.a != 1 }"),
        (ALL, "when { context.a || false }"),
        (ALL, "unless { context.a == 1 } unless { context.a == 2 }"),
        (ALL, r#"when { principal in Team::"a" && principal in Team::"b" }"#),
        (alice, r#"when { resource == User::"bob" }"#),
        ("principal, action in [Action::\"read\"], resource", ""),
    ] {
        assert_eq!(said(&[(scope, conditions)]), "", "{scope} {conditions}");
    }
    // What can never be true covers nothing.
    assert_eq!(said(&[("!principal, action, resource", "when { false }"), (ALL, "")]), "0 never");
}

#[test]
fn the_guard_search_says_where_it_failed() {
    use NoGuard::{BehindAnError, NothingToLookUp, Unconditional};
    for (conditions, reason) in [
        ("", Unconditional),
        ("when { context.a }", NothingToLookUp(0, Miss::NoComparison)),
        ("when { context.a < 5 }", NothingToLookUp(0, Miss::NoComparison)),
        ("when { context.a == context.b }", NothingToLookUp(0, Miss::NoConstant)),
        ("when { principal in resource.owner }", NothingToLookUp(0, Miss::NoConstant)),
        ("when { context.set.contains(principal) }", NothingToLookUp(0, Miss::NoConstant)),
        ("when { context.a == [1] }", NothingToLookUp(0, Miss::NoKey)),
        ("when { [[1]].contains(context.a) }", NothingToLookUp(0, Miss::NoKeyInSet)),
        ("when { 1 == 1 }", NothingToLookUp(0, Miss::OnlyConstants)),
        ("when { context.a == 1 || context.b == 1 }", NothingToLookUp(0, Miss::Alternatives)),
        ("when { context.a != 1 }", NothingToLookUp(0, Miss::Negated)),
        ("when { context has a }", NothingToLookUp(0, Miss::Presence)),
        ("when { context has a && context.a > 1 }", NothingToLookUp(1, Miss::NoComparison)),
        ("when { context.a != 1 && context.b like \"x\" }", NothingToLookUp(0, Miss::Negated)),
        ("when { context.n < 5 && context.a == 1 }", BehindAnError { errs: 0, hidden: 1 }),
        ("when { context.n < 5 } when { context.m < 5 } when { context.a == 1 }", BehindAnError { errs: 0, hidden: 2 }),
    ] {
        let text = format!("permit(principal, action, resource) {conditions};");
        let Analysis { unindexed, .. } = analysis(&text);
        let found: Vec<_> = unindexed.iter().map(|found| found.reason).collect();
        assert_eq!(found, [reason], "{conditions}");
        for place in unindexed.iter().flat_map(|found| &found.conditions) {
            assert!(
                place.clone().is_none_or(|place| text.get(place).is_some_and(|text| text.starts_with("context")
                    || text.starts_with("principal")
                    || text.starts_with(['[', '1', '"']))),
                "{place:?}"
            );
        }
    }
}

#[test]
fn what_is_indexed_is_not_said() {
    for (scope, conditions) in [
        (r#"principal in Team::"a", action, resource"#, "when { context.a < 1 }"),
        ("principal, action, resource is Doc", "when { context.a < 1 }"),
        (ALL, "when { context.a == 1 && context.b < 1 }"),
        (ALL, "when { context has a && context.a == 1 }"),
        (ALL, r#"when { principal.hasTag("t") && principal.getTag("t") == "x" }"#),
        (ALL, "when { context.a == context.b && context.c == 1 }"),
        (ALL, "when { context.a == 1 || context.a == 2 }"),
    ] {
        let Analysis { unindexed, .. } = analysis(&format!("permit({scope}) {conditions};"));
        assert_eq!(unindexed, [], "{scope} {conditions}");
    }
}
