//! The compiler against cedar-policy on small policy sets; `tests/differential.rs` does so by generation.

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use palisade_engine::{CompiledPolicySet, Effect, Scratch};

use super::{PolicySource, ask, compile};

fn request(context: &str) -> Request {
    let uid = |text: &str| text.parse::<EntityUid>().expect(text);
    let context = Context::from_json_str(context, None).expect("context");
    Request::new(uid(r#"User::"alice""#), uid(r#"Action::"read""#), uid(r#"Doc::"plan""#), context, None)
        .expect("request")
}

/// Asks both engines; returns what both say as `allow [reasons] [errors]`.
fn agree(policies: &str, context: &str) -> String {
    let policies: PolicySet = policies.parse().expect("policies");
    let entities = r#"[
        {"uid": {"type": "User", "id": "alice"}, "attrs": {"age": 30, "team": {"__entity": {"type": "Team", "id": "a"}}},
         "parents": [{"type": "Team", "id": "a"}], "tags": {"role": "dev"}},
        {"uid": {"type": "Team", "id": "a"}, "attrs": {}, "parents": [{"type": "Org", "id": "o"}]},
        {"uid": {"type": "Doc", "id": "plan"}, "attrs": {"public": true}, "parents": []}]"#;
    let entities = Entities::from_json_str(entities, None).expect("entities");
    let compiled =
        compile(PolicySource { policies: &policies, entities: &entities, step_limit: 100_000 }).expect("compiles");
    let set = CompiledPolicySet::open(&compiled.bytes).expect("opens");
    let request = request(context);
    let mut scratch = Scratch::new();
    let ours = ask(&set, &mut scratch, &request).expect("decides");
    let ids = |list: &[_]| list.iter().map(|policy| set.policy_id(*policy).to_owned()).collect::<Vec<_>>();
    let ours = (ours.effect() == Effect::Allow, ids(ours.reasons()), ids(ours.errors()));

    let response = Authorizer::new().is_authorized(&request, &policies, &entities);
    let mut reasons: Vec<_> = response.diagnostics().reason().map(ToString::to_string).collect();
    let mut errors: Vec<_> = response
        .diagnostics()
        .errors()
        .map(|cedar_policy::AuthorizationError::PolicyEvaluationError(error)| error.policy_id().to_string())
        .collect();
    reasons.sort();
    errors.sort();
    let theirs = (response.decision() == Decision::Allow, reasons, errors);
    assert_eq!(ours, theirs, "{policies}");
    format!("{} {:?} {:?}", if ours.0 { "allow" } else { "deny" }, ours.1, ours.2)
}

#[test]
fn scopes() {
    assert_eq!(agree("permit(principal, action, resource);", "{}"), r#"allow ["policy0"] []"#);
    let sets = r#"
        permit(principal in Org::"o", action == Action::"read", resource is Doc);
        permit(principal == User::"bob", action, resource);
        permit(principal is User in Team::"a", action in [Action::"write", Action::"read"], resource == Doc::"plan");
        permit(principal, action in [], resource);"#;
    assert_eq!(agree(sets, "{}"), r#"allow ["policy0", "policy2"] []"#);
}

#[test]
fn forbid_wins_and_errors_are_reported() {
    let set = r#"
        permit(principal, action, resource);
        forbid(principal, action, resource) when { principal.age > 18 };
        forbid(principal, action, resource) when { context.missing };
        permit(principal, action, resource) when { context.missing == 1 };"#;
    assert_eq!(agree(set, "{}"), r#"deny ["policy1"] ["policy2", "policy3"]"#);
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
        let set = format!("permit(principal, action, resource) when {{ {case} }};");
        agree(&set, r#"{"address": "10.1.2.3", "a": true, "b": false}"#);
        agree(&set, r#"{"address": 5, "a": false, "b": true}"#);
        let unless = format!("forbid(principal, action, resource) unless {{ {case} }};");
        agree(&unless, "{}");
    }
}

#[test]
fn guards_do_not_hide_errors() {
    let set = r#"
        permit(principal, action, resource) when { context.task == "a" };
        permit(principal, action, resource) when { context.task == "b" };
        permit(principal, action, resource) when { context has task && context.task == "b" };
        permit(principal, action, resource) when { principal.team.name == "x" && context.task == "b" };
        permit(principal, action, resource) when { principal.hasTag("role") && principal.getTag("role") == "dev" };
        permit(principal, action, resource) when { context.amount < 5 && context.task == "b" };
        permit(principal, action, resource) when { context.task == "a" || context.task == "b" };
        permit(principal, action, resource) when { ["b", "c"].contains(context.task) };
        permit(principal, action, resource) when { context.task in Team::"a" };
        permit(principal, action, resource) unless { context.task != "b" };"#;
    for context in ["{}", r#"{"task": "a"}"#, r#"{"task": "b"}"#, r#"{"task": 1}"#, r#"{"task": "b", "amount": "x"}"#] {
        agree(set, context);
    }
}

#[test]
fn the_same_source_gives_the_same_bytes() {
    let policies: PolicySet = r#"
        permit(principal in Team::"a", action, resource) when { context.x == {a: 1, b: [1, 2]} };
        forbid(principal, action == Action::"z", resource) when { principal.age > 3 || principal.age < 1 };"#
        .parse()
        .expect("policies");
    let build = || {
        let entities = r#"[{"uid": {"type": "U", "id": "a"}, "attrs": {"b": 1, "a": [1, 2], "c": {"x": 1}},
            "parents": [{"type": "T", "id": "2"}, {"type": "T", "id": "1"}]}]"#;
        let entities = Entities::from_json_str(entities, None).expect("entities");
        compile(PolicySource { policies: &policies, entities: &entities, step_limit: 1000 }).expect("compiles").bytes
    };
    let first = build();
    for _ in 0..5 {
        assert!(build() == first, "bytes differ from run to run");
    }
}

#[test]
fn what_cannot_run_is_refused_with_its_place() {
    let deep = format!(
        "permit(principal, action, resource) when {{ {}true{} }};",
        "if true then (".repeat(300),
        ") else false".repeat(300)
    );
    // Cedar's parser needs far more stack for this than a test thread has.
    let errors = std::thread::Builder::new()
        .stack_size(512 << 20)
        .spawn(move || {
            let policies: PolicySet = deep.parse().expect("parses");
            compile(PolicySource { policies: &policies, entities: &Entities::empty(), step_limit: 100_000 })
                .expect_err("too deep")
        })
        .expect("thread")
        .join()
        .expect("no panic");
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert_eq!((error.code, error.policy.as_deref()), ("compile.too_deep", Some("policy0")));
    assert!(error.span.is_some());

    let policies: PolicySet = "permit(principal, action, resource) when { context.a == 1 };".parse().expect("parses");
    let errors = compile(PolicySource { policies: &policies, entities: &Entities::empty(), step_limit: 3 })
        .expect_err("over budget");
    assert_eq!(errors.first().map(|error| error.code), Some("compile.over_budget"));
}
