//! What the compiler promises beside Cedar's answers, which `tests/differential` compares.

use cedar_policy::{Entities, PolicySet};
use palisade_engine::{CompiledPolicySet, Decision, Effect, Request, Scratch, Value};

use super::{PolicySource, compile, self_check};

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

#[test]
fn long_has_chains_are_refused_before_they_grow() {
    let chain = |length: usize| {
        let text =
            format!("permit(principal, action, resource) when {{ context has {} }};", vec!["a"; length].join("."));
        let policies: PolicySet = text.parse().expect("parses");
        compile(PolicySource { policies: &policies, entities: &Entities::empty(), step_limit: 1_000_000 })
            .map(|compiled| compiled.policies)
            .map_err(|errors| errors.iter().map(|error| error.code).collect::<Vec<_>>())
    };
    assert_eq!(chain(100), Ok(1));
    assert_eq!(chain(10_000), Err(vec!["compile.too_deep"]));
}

#[test]
fn the_self_check_agrees_with_the_compiler_and_notices_other_bytes() {
    let parse = |text: &str| text.parse::<PolicySet>().expect("parses");
    let text = r#"
        permit(principal in Team::"a", action == Action::"read", resource is Doc)
            when { context.amount < 500 && principal.level >= 3 };
        permit(principal, action, resource == Doc::"d") when { context has task && context.task.branch like "task/*" };
        forbid(principal is Agent, action in [Action::"read", Action::"write"], resource) unless { context.ok };"#;
    let policies = parse(text);
    let entities =
        r#"[{"uid": {"type": "Agent", "id": "x"}, "attrs": {"level": 3}, "parents": [{"type": "Team", "id": "a"}]}]"#;
    let entities = Entities::from_json_str(entities, None).expect("entities");
    let source = PolicySource { policies: &policies, entities: &entities, step_limit: 1000 };
    let compiled = compile(source).expect("compiles");
    let agreed = self_check(&compiled, source, 200).expect("agrees");
    assert!(agreed > 150, "{agreed}");

    for (from, to) in
        [("< 500", "< 501"), ("level >= 3", "level > 3"), ("task/*", "task/*x"), ("unless { context.ok }", "")]
    {
        let other = parse(&text.replace(from, to));
        let other = PolicySource { policies: &other, entities: &entities, step_limit: 1000 };
        let error = self_check(&compiled, other, 200).expect_err("another policy set");
        assert_eq!(error.code, "compile.self_check", "{from}");
    }
}

#[test]
fn the_worst_case_is_counted_by_action() {
    let policies: PolicySet = r#"
        permit(principal, action == Action::"read", resource) when { context.a == 1 };
        permit(principal, action in Action::"all", resource);
        forbid(principal, action, resource) when { context.risk > 3 };"#
        .parse()
        .expect("parses");
    let entities =
        r#"[{"uid": {"type": "Action", "id": "read"}, "attrs": {}, "parents": [{"type": "Action", "id": "all"}]}]"#;
    let entities = Entities::from_json_str(entities, None).expect("entities");
    let compiled =
        compile(PolicySource { policies: &policies, entities: &entities, step_limit: 100 }).expect("compiles");
    let steps = |action: Option<&str>| {
        let case = compiled.worst_cases.iter().find(|case| case.action.as_deref() == action);
        case.map(|case| case.steps)
    };
    let any = steps(None).expect("any action");
    let (read, all) = (steps(Some(r#"Action::"read""#)), steps(Some(r#"Action::"all""#)));
    // `context.risk > 3` is `!(context.risk <= 3)`: five instructions and the policy itself.
    assert_eq!(any, 6);
    assert!(read > all && all > Some(any), "{read:?} {all:?}");
    assert_eq!(Some(compiled.worst_case_steps()), read);
}

#[test]
fn calls_of_one_request_do_not_see_each_other() {
    // The guard and both conditions share what they compute; the set and the address live in the request's arena.
    let policies: PolicySet = r#"
        permit(principal, action, resource)
            when { [context.amount + 1, 3].contains(3) && ip(context.from).isLoopback() };
        permit(principal, action, resource)
            when { [context.amount + 1, 3].contains(8) && ip(context.from).isLoopback() };
        forbid(principal, action, resource == Doc::"b");
        forbid(principal, action, resource) when { context.missing };"#
        .parse()
        .expect("policies");
    let compiled = compile(PolicySource { policies: &policies, entities: &Entities::empty(), step_limit: 1000 });
    let set = CompiledPolicySet::open(&compiled.expect("compiles").bytes).expect("opens");
    let mut scratch = Scratch::new();
    let mut request = Request::new(&set, &mut scratch);
    let [user, read, a, b] =
        [("User", "u"), ("Action", "read"), ("Doc", "a"), ("Doc", "b")].map(|(name, id)| request.entity(name, id));
    let from = request.string("127.0.0.1");
    let [small, large] = [2_i64, 7].map(|amount| request.record(&[("amount", Value::from(amount)), ("from", from)]));
    let mut steps = None;
    for _ in 0..3 {
        let reasons = |decision: Decision<'_>| decision.reasons().iter().map(|at| at.get()).collect::<Vec<_>>();
        let first = request.decide_call(user, read, a, small).expect("decides");
        assert_eq!((first.effect(), reasons(first)), (Effect::Allow, vec![0]));
        assert_eq!(*steps.get_or_insert(first.steps()), first.steps(), "each call pays for itself");
        let second = request.decide_call(user, read, a, large).expect("decides");
        assert_eq!((second.effect(), reasons(second)), (Effect::Allow, vec![0, 1]));
        let third = request.decide_call(user, read, b, small).expect("decides");
        assert_eq!((third.effect(), reasons(third)), (Effect::Deny, vec![2]));
        assert_eq!(third.errors().iter().map(|at| at.get()).collect::<Vec<_>>(), vec![3]);
    }
    assert_eq!(request.decide(user, read, a, large).expect("decides").reasons().len(), 2);
}
