//! One case, asked of all engines: cedar-policy, ours, and ours as a wasm module.

use std::collections::HashMap;

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, EntityUid, Policy, PolicyId, PolicySet, Request,
    Schema, SlotId, Template,
};
use palisade_engine::{CompiledPolicySet, Effect, Scratch};
use palisade_policy_compiler::compile::{PolicySource, ask, compile};
use serde_json::{Value, json};

use crate::policy::{policy, template};
use crate::random::Random;
use crate::typed;
use crate::wasm;
use crate::world::{entities, request, uid};

/// Policies, templates with their links, a store and requests.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) policies: Vec<String>,
    /// Template text, and the principal and resource of each link.
    pub(crate) templates: Vec<(String, Vec<Link>)>,
    pub(crate) entities: Vec<Value>,
    pub(crate) requests: Vec<Value>,
    /// Whether entities and requests are those of [`typed::schema`].
    pub(crate) typed: bool,
}

/// A link's principal and resource, each a type and an id.
type Link = [(&'static str, &'static str); 2];

/// What happened in a case on which all engines agree.
#[derive(Default)]
pub(crate) struct Summary {
    pub(crate) requests: usize,
    pub(crate) allowed: usize,
    pub(crate) erring: usize,
}

/// An answer: whether it is an allow, the determining policies, the erring policies.
pub(crate) type Answer = (bool, Vec<String>, Vec<String>);

impl Case {
    pub(crate) fn generate(random: &mut Random, policies: usize) -> Self {
        let crowded = policies > 50;
        let large = crowded || random.chance(5);
        let count = if crowded { policies } else { random.below(policies) + 1 };
        let templates = random.several(if policies > 1 { 3 } else { 1 }, |random| {
            (template(random), random.several(if crowded { 200 } else { 4 }, |random| [uid(random), uid(random)]))
        });
        Self {
            policies: (0..count).map(|_| policy(random, crowded)).collect(),
            templates,
            entities: entities(random, large),
            requests: (0..6).map(|_| request(random)).collect(),
            typed: false,
        }
    }

    pub(crate) fn load(&self) -> (PolicySet, Entities) {
        let mut set = PolicySet::new();
        for (number, text) in self.policies.iter().enumerate() {
            let policy = Policy::parse(Some(PolicyId::new(format!("policy{number}"))), text)
                .unwrap_or_else(|error| panic!("{text}\n{error:?}"));
            set.add(policy).expect("ids are distinct");
        }
        for (number, (text, links)) in self.templates.iter().enumerate() {
            let id = PolicyId::new(format!("template{number}"));
            let parsed = Template::parse(Some(id.clone()), text).unwrap_or_else(|error| panic!("{text}\n{error:?}"));
            let has_resource = parsed.slots().any(|slot| *slot == SlotId::resource());
            set.add_template(parsed).expect("ids are distinct");
            for (link, [principal, resource]) in links.iter().enumerate() {
                let entity = |(type_name, id): &(&str, &str)| {
                    EntityUid::from_json(json!({"type": type_name, "id": id})).expect("an entity")
                };
                let mut values = HashMap::from([(SlotId::principal(), entity(principal))]);
                if has_resource {
                    values.insert(SlotId::resource(), entity(resource));
                }
                set.link(id.clone(), PolicyId::new(format!("link{number}_{link}")), values).expect("links");
            }
        }
        let schema = self.typed.then(typed::schema);
        let entities = Entities::from_json_value(Value::Array(self.entities.clone()), schema).expect("entities load");
        for request in &self.requests {
            // What the schema refuses would fail here.
            let _conforming = load_request(request, schema);
        }
        (set, entities)
    }

    /// The case as a line for `palisade eval --cases`, with cedar-policy's answers.
    pub(crate) fn to_line(&self, name: &str) -> String {
        let policies = match self.templates.as_slice() {
            [] => Value::String(self.policies.join("\n")),
            // Text has no links; Cedar's JSON has.
            _ => self.load().0.to_json().expect("policies have a JSON form"),
        };
        let expect = answers(self).into_iter().map(|(allow, reasons, errors)| {
            json!({"decision": if allow { "allow" } else { "deny" }, "reasons": reasons, "errors": errors})
        });
        let expect: Vec<_> = expect.collect();
        json!({"name": name, "policies": policies, "entities": self.entities, "requests": self.requests, "expect": expect})
            .to_string()
    }
}

pub(crate) fn load_request(json: &Value, schema: Option<&Schema>) -> Request {
    let uid = |part: &str| EntityUid::from_json(json[part].clone()).expect("an entity");
    let context = Context::from_json_value(json["context"].clone(), None).expect("a context");
    Request::new(uid("principal"), uid("action"), uid("resource"), context, schema).expect("a request")
}

/// Asks all engines every request of the case; what they disagree on is the error.
pub(crate) fn disagreement(case: &Case) -> Result<Summary, String> {
    let (policies, entities) = case.load();
    let source = PolicySource { policies: &policies, entities: &entities, step_limit: 10_000_000 };
    let compiled = compile(source).map_err(|errors| format!("does not compile: {errors:?}"))?;
    let set = CompiledPolicySet::open(&compiled.bytes).map_err(|error| format!("does not open: {error}"))?;
    let mut scratch = Scratch::new();
    let mut summary = Summary::default();
    let mut native = Vec::new();
    for json in &case.requests {
        let request = load_request(json, None);
        let theirs = cedar(&request, &policies, &entities);
        let ours = ask(&set, &mut scratch, &request).map_err(|error| format!("{json}: {error}"))?;
        let ids = |list: &[_]| {
            let mut ids: Vec<_> = list.iter().map(|policy| set.policy_id(*policy).to_owned()).collect();
            ids.sort();
            ids
        };
        let ours: Answer = (ours.effect() == Effect::Allow, ids(ours.reasons()), ids(ours.errors()));
        if ours != theirs {
            return Err(format!("{json}\ncedar-policy: {theirs:?}\nours:         {ours:?}"));
        }
        native.push(ours);
        summary.requests += 1;
        summary.allowed += usize::from(theirs.0);
        summary.erring += usize::from(!theirs.2.is_empty());
    }
    for ((json, native), wasm) in case.requests.iter().zip(native).zip(wasm::answers(&compiled.bytes, &set, case)?) {
        if native != wasm {
            return Err(format!("{json}\nnative: {native:?}\nwasm:   {wasm:?}"));
        }
    }
    Ok(summary)
}

pub(crate) fn cedar(request: &Request, policies: &PolicySet, entities: &Entities) -> Answer {
    let response = Authorizer::new().is_authorized(request, policies, entities);
    let mut reasons: Vec<_> = response.diagnostics().reason().map(ToString::to_string).collect();
    let mut errors: Vec<_> = response
        .diagnostics()
        .errors()
        .map(|AuthorizationError::PolicyEvaluationError(error)| error.policy_id().to_string())
        .collect();
    reasons.sort();
    errors.sort();
    (response.decision() == Decision::Allow, reasons, errors)
}

/// cedar-policy's answer where there is no other policy.
pub(crate) fn alone(policy: &Policy, all: &PolicySet, request: &Request, entities: &Entities) -> Answer {
    let mut set = PolicySet::new();
    match policy.template_id() {
        None => set.add(policy.clone()).expect("one policy"),
        Some(template) => {
            set.add_template(all.template(template).expect("it is there").clone()).expect("one template");
            let values = policy.template_links().expect("a link has values");
            set.link(template.clone(), policy.id().clone(), values).expect("links");
        }
    }
    cedar(request, &set, entities)
}

/// cedar-policy's answer to each request of a case.
pub(crate) fn answers(case: &Case) -> Vec<Answer> {
    let (policies, entities) = case.load();
    case.requests.iter().map(|json| cedar(&load_request(json, None), &policies, &entities)).collect()
}

/// The compiled form of a case.
pub(crate) fn compiled(case: &Case) -> Vec<u8> {
    let (policies, entities) = case.load();
    let source = PolicySource { policies: &policies, entities: &entities, step_limit: 1_000_000 };
    compile(source).expect("compiles").bytes
}

/// The requests of a case, loaded.
pub(crate) fn requests(case: &Case) -> Vec<Request> {
    case.requests.iter().map(|json| load_request(json, None)).collect()
}
