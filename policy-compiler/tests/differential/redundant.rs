//! What the analysis says of policies, held against cedar-policy: a policy that can never be true never is, and without
//! all those that are called redundant, every decision is the same.

use cedar_policy::{Entities, PolicyId, PolicySet, Request};
use palisade_policy_compiler::compile::{Analysis, Redundancy, Redundant, analyse};
use serde_json::json;

use crate::compare::{Case, alone, cedar, requests};
use crate::expression::{Kind, expression};
use crate::policy::{action, guard, scope, template};
use crate::random::Random;
use crate::world::{entities, id, request, string_literal, uid, uid_text};

/// A policy in parts, so that relatives of it can be made.
#[derive(Clone)]
struct Parts {
    effect: &'static str,
    scopes: [String; 3],
    conjuncts: Vec<String>,
}

impl Parts {
    fn generate(random: &mut Random) -> Self {
        let scopes =
            [scope(random, "principal", "User", false), action(random), scope(random, "resource", "N::Doc", false)];
        let conjuncts = random.several(4, |random| match random.below(10) {
            0..=6 => guard(random),
            7 => "principal is User".to_owned(),
            8 => format!("!({})", guard(random)),
            _ => expression(random, Kind::Bool, 1),
        });
        Self { effect: random.pick(&["permit", "permit", "forbid"]), scopes, conjuncts }
    }

    /// A policy that asks for a little more or less than this one, or for something else.
    fn relative(&self, random: &mut Random) -> Self {
        let mut relative = self.clone();
        for _ in 0..=random.below(3) {
            relative.change(random);
        }
        relative
    }

    fn change(&mut self, random: &mut Random) {
        let at = random.below(self.conjuncts.len() + 1);
        match random.below(10) {
            0 => self.scopes[0] = scope(random, "principal", "User", true),
            1 => self.scopes[1] = action(random),
            2 => {
                let name = random.pick(&["principal", "action", "resource"]);
                let place = ["principal", "action", "resource"].iter().position(|other| *other == name);
                self.scopes[place.expect("one of them")] = name.to_owned();
            }
            3 => self.scopes[1] = format!("action in [{}, {}]", action_id(random), action_id(random)),
            4 => self.effect = if self.effect == "permit" { "forbid" } else { "permit" },
            5 => self.conjuncts.insert(at, guard(random)),
            6 if at < self.conjuncts.len() => self.conjuncts.rotate_left(at),
            7 if at < self.conjuncts.len() => {
                let negated = format!("!({})", self.conjuncts[at]);
                self.conjuncts.insert(at, negated);
            }
            _ if at < self.conjuncts.len() => drop(self.conjuncts.remove(at)),
            _ => {}
        }
    }

    fn text(&self) -> String {
        let Self { effect, scopes, conjuncts } = self;
        let clauses: Vec<_> = conjuncts.iter().map(|conjunct| format!("when {{ {conjunct} }}")).collect();
        format!("{effect}({}) {};", scopes.join(", "), clauses.join(" "))
    }
}

fn action_id(random: &mut Random) -> String {
    uid_text(&("Action", id(random)))
}

fn case(random: &mut Random) -> Case {
    let mut parts = vec![Parts::generate(random)];
    for _ in 0..random.below(7) + 1 {
        let base = parts[random.below(parts.len())].clone();
        parts.push(if random.chance(80) { base.relative(random) } else { Parts::generate(random) });
    }
    let mut requests: Vec<_> = (0..10).map(|_| request(random)).collect();
    // Some requests meet the first policy's scope by name, and find what conditions look for.
    for request in requests.iter_mut().skip(5) {
        request["context"]["name"] = json!(random.pick(&["a", "b"]));
        request["principal"] = json!({"type": "User", "id": random.pick(&["a", "b"])});
        request["resource"] = json!({"type": "N::Doc", "id": random.pick(&["a", "b"])});
    }
    let links = if random.chance(20) { vec![(template(random), vec![[uid(random), uid(random)]; 2])] } else { vec![] };
    Case {
        policies: parts.iter().map(Parts::text).collect(),
        templates: links,
        entities: entities(random, false),
        requests,
        typed: false,
    }
}

/// How often a statement was put to the test: its policy was true.
#[derive(Default, Debug)]
struct Tally {
    never: usize,
    overridden: usize,
    duplicate: usize,
    shadowed: usize,
}

/// What matters of an answer: the decision, and whether a gateway denies for an error of a `forbid`.
fn effect(policies: &PolicySet, request: &Request, store: &Entities) -> (bool, bool) {
    let (allow, _, errors) = cedar(request, policies, store);
    let forbid = |id: &String| {
        let policy = policies.policy(&PolicyId::new(id)).expect("a policy of the set");
        policy.effect() == cedar_policy::Effect::Forbid
    };
    (allow, allow && !errors.iter().any(forbid))
}

fn without(policies: &PolicySet, redundant: &[Redundant]) -> PolicySet {
    let mut rest = policies.clone();
    for Redundant { policy, .. } in redundant {
        let id = PolicyId::new(policy);
        match rest.policy(&id).expect("still there").is_static() {
            true => drop(rest.remove_static(id).expect("a static policy")),
            false => drop(rest.unlink(id).expect("a link")),
        }
    }
    rest
}

fn hold(case: &Case, tally: &mut Tally) {
    let (policies, store) = case.load();
    let rank = |id: &str| Some(id.trim_start_matches("policy").parse().unwrap_or(usize::MAX));
    let Analysis { never, redundant, .. } = analyse(&policies, &store, rank).expect("compiles");
    let rest = without(&policies, &redundant);
    for request in &requests(case) {
        let asked = || format!("{}\n{request}\n{never:?}\n{redundant:?}", case.to_line("redundant"));
        assert_eq!(effect(&policies, request, &store), effect(&rest, request, &store), "{}", asked());
        let is_true = |id: &str| {
            let policy = policies.policy(&PolicyId::new(id)).expect("a policy of the set");
            !alone(policy, &policies, request, &store).1.is_empty()
        };
        for statement in &never {
            assert!(!is_true(&statement.policy), "{}", asked());
            tally.never += 1;
        }
        for Redundant { policy, by, how } in &redundant {
            let was_true = is_true(policy);
            assert!(!was_true || is_true(by), "{}", asked());
            let count = match how {
                Redundancy::Overridden => &mut tally.overridden,
                Redundancy::Duplicate => &mut tally.duplicate,
                Redundancy::Shadowed => &mut tally.shadowed,
            };
            *count += usize::from(was_true);
        }
    }
}

#[test]
fn what_is_called_redundant_changes_no_decision() {
    let mut tally = Tally::default();
    for number in 0..700 * crate::setting("PALISADE_DIFFERENTIAL_FACTOR", 1) {
        let seed = crate::setting("PALISADE_DIFFERENTIAL_SEED", 20_261_121);
        let mut random = Random::new(seed ^ (5 << 56) ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        hold(&case(&mut random), &mut tally);
    }
    println!("{tally:?}");
    // A generator without relatives would test nothing.
    let Tally { never, overridden, duplicate, shadowed } = tally;
    assert!(never > 200 && overridden > 200 && duplicate > 50 && shadowed > 200, "too little was found");
}

/// An error of a `forbid` denies too, so a `forbid` that errs elsewhere has to stay.
#[test]
fn a_forbid_that_errs_on_its_own_stays() {
    let missing = format!("context[{}]", string_literal("missing"));
    let policies: PolicySet = format!(
        "forbid(principal, action, resource) when {{ {missing} == 1 }} when {{ principal is User }};
         forbid(principal, action, resource) when {{ principal is User }};
         permit(principal, action, resource) when {{ {missing} == 1 }} when {{ principal is User }};
         permit(principal, action, resource) when {{ principal is User }};"
    )
    .parse()
    .expect("policies");
    let rank = |id: &str| Some(id.trim_start_matches("policy").parse().unwrap_or(usize::MAX));
    let found = analyse(&policies, &Entities::empty(), rank).expect("compiles").redundant;
    let found: Vec<_> = found.iter().map(|found| (found.policy.as_str(), found.by.as_str(), found.how)).collect();
    let overridden = |policy, by| (policy, by, Redundancy::Overridden);
    assert_eq!(found, [overridden("policy2", "policy0"), overridden("policy3", "policy1")]);
}
