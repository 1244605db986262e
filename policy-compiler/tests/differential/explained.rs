//! Explanations of generated cases: each has to tell of the decision that cedar-policy makes, policy by policy.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Entities, EvalResult, Policy, PolicySet, Request};
use palisade_policy_compiler::compile::{PolicySource, compile};
use palisade_policy_compiler::explain::{
    CandidateOutcome, Exclusion, ExclusionBy, Explanation, Expression, Found, Outcome, PolicyValues, Wanted, explain,
};

use crate::compare::{Answer, Case, alone, answers, load_request};
use crate::random::Random;

/// What cedar-policy says of a policy when there is no other.
fn outcome_of(policy: &Policy, all: &PolicySet, request: &Request, entities: &Entities) -> CandidateOutcome {
    let (_, reasons, errors) = alone(policy, all, request, entities);
    match (reasons.as_slice(), errors.as_slice()) {
        ([], []) => CandidateOutcome::NotSatisfied,
        ([_], []) => CandidateOutcome::Satisfied,
        ([], [_]) => CandidateOutcome::Errored,
        other => panic!("one policy gave {other:?}"),
    }
}

fn check(case: &Case, most: Option<usize>, kinds: &mut BTreeSet<(ExclusionBy, bool)>) {
    let (policies, entities) = case.load();
    let source = PolicySource { policies: &policies, entities: &entities, step_limit: 10_000_000 };
    let mut compiled = compile(source).expect("compiles");
    let ids: Vec<String> = policies.policies().map(|policy| policy.id().to_string()).collect();
    let wanted = most.map_or(Wanted::Named(ids.clone()), Wanted::Deciding);
    for (json, answer) in case.requests.iter().zip(answers(case)) {
        let request = load_request(json, None);
        let explanation = explain(&mut compiled, source, &request, &wanted)
            .unwrap_or_else(|error| panic!("{error}\n{json}\n{}", case.to_line("explained")));
        let outcomes: BTreeMap<String, CandidateOutcome> = policies
            .policies()
            .map(|policy| (policy.id().to_string(), outcome_of(policy, &policies, &request, &entities)))
            .collect();
        let about = || format!("{json}\n{}", case.to_line("explained"));
        same_answer(&explanation, &answer, &about);
        every_policy_once(&explanation, &outcomes, &about);
        for group in &explanation.excluded {
            guards_are_false(group, &request, &entities);
            kinds.insert((group.by, matches!(group.found, Found::Unmet { .. })));
        }
        for values in &explanation.explained {
            assert_eq!(Some(&values.outcome), outcomes.get(&values.policy), "{}\n{}", values.policy, about());
            assert_eq!(values.outcome, of_parts(values), "the parts of {values:#?}\n{}", about());
        }
        if most.is_none() {
            assert_eq!(explanation.explained.len(), ids.len(), "{}", about());
        }
    }
}

fn same_answer(explanation: &Explanation, answer: &Answer, about: &impl Fn() -> String) {
    let errors = explanation.errors.iter().map(|error| error.policy.clone()).collect();
    let ours: Answer = (explanation.decision == "allow", explanation.reasons.clone(), errors);
    assert_eq!(&ours, answer, "{}", about());
}

/// Each policy is a candidate or excluded, and what is excluded is neither satisfied nor erring.
fn every_policy_once(
    explanation: &Explanation,
    outcomes: &BTreeMap<String, CandidateOutcome>,
    about: &impl Fn() -> String,
) {
    let mut rest = outcomes.clone();
    for candidate in &explanation.candidates {
        assert_eq!(rest.remove(&candidate.policy), Some(candidate.outcome), "{candidate:?}\n{}", about());
    }
    for group in &explanation.excluded {
        assert_eq!(group.count, group.policies.len(), "{group:?}\n{}", about());
        for policy in &group.policies {
            let outcome = rest.remove(&policy.policy);
            assert_eq!(outcome, Some(CandidateOutcome::NotSatisfied), "{policy:?}\n{}", about());
        }
    }
    assert!(rest.is_empty(), "nowhere: {rest:?}\n{}", about());
}

/// What is said to have excluded a policy is false of the request, so that the policy is false whatever follows.
fn guards_are_false(group: &Exclusion, request: &Request, entities: &Entities) {
    let is_false = |text: &str| {
        // The place of a negated condition is its whole clause.
        let clause = text.strip_prefix("unless").and_then(|clause| clause.trim().strip_prefix('{')?.strip_suffix('}'));
        let condition = clause.map_or_else(|| text.to_owned(), |condition| format!("!({condition})"));
        let parsed = condition.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let value = cedar_policy::eval_expression(request, entities, &parsed);
        assert_eq!(value.ok(), Some(EvalResult::Bool(false)), "{text} of {group:?}");
    };
    match &group.found {
        Found::Value(_) => group.policies.iter().for_each(|policy| is_false(&policy.guard)),
        Found::Unmet { unmet } => is_false(unmet),
        Found::Error { error } => panic!("{error} in {group:?}"),
    }
}

/// What the parts of a policy add up to.
fn of_parts(values: &PolicyValues) -> CandidateOutcome {
    let mut outcome = CandidateOutcome::Satisfied;
    for part in values.scope.iter().chain(&values.conditions) {
        let reached = outcome == CandidateOutcome::Satisfied;
        assert_eq!(reached, part.outcome != Outcome::NotEvaluated, "{part:?}");
        operands_of_what_was_not_reached_were_not_reached(part);
        outcome = match &part.outcome {
            Outcome::NotEvaluated => outcome,
            Outcome::Value(value) if value.text == "true" => CandidateOutcome::Satisfied,
            Outcome::Value(value) if value.text == "false" => CandidateOutcome::NotSatisfied,
            Outcome::Value(_) | Outcome::Error { .. } => CandidateOutcome::Errored,
        };
    }
    outcome
}

fn operands_of_what_was_not_reached_were_not_reached(expression: &Expression) {
    for operand in &expression.operands {
        if expression.outcome == Outcome::NotEvaluated {
            assert_eq!(operand.outcome, Outcome::NotEvaluated, "{expression:?}");
        }
        operands_of_what_was_not_reached_were_not_reached(operand);
    }
}

fn run(family: u64, count: u64, policies: usize, most: Option<usize>) {
    let mut kinds = BTreeSet::new();
    for number in 0..count {
        let mut random = Random::new(20_261_122 ^ (family << 56) ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        check(&Case::generate(&mut random, policies), most, &mut kinds);
    }
    // Explanations without exclusions would not put the index to the test.
    let all = [
        (ExclusionBy::Action, false),
        (ExclusionBy::Index, false),
        (ExclusionBy::Index, true),
        (ExclusionBy::Scope, false),
    ];
    assert_eq!(kinds, BTreeSet::from(all), "what excluded, and whether nothing was looked up");
}

#[test]
fn explanations_of_small_sets() {
    run(5, 150, 12, None);
}

#[test]
fn explanations_of_large_sets() {
    run(6, 3, 300, Some(4));
}
