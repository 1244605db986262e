//! Every build asks cedar-policy and the compiled policies the same questions, and fails where they differ.
//!
//! The questions are made from the policies: for each policy in turn a request that meets its scope, with the values
//! that its conditions mention (and their neighbours) where they look for them. Some principals are described by the
//! request itself, as a gateway does it from a token.

use cedar_policy::{Authorizer, Context, Entities, Entity, EntityId as Eid, EntityTypeName, EntityUid, Request};
use palisade_engine::{CompiledPolicySet, EntityId, Scratch};
use serde_json::{Map, Value as Json, json};

use super::ask::ask_about;
use super::expression::Expressions;
use super::mention::{Mentions, mentions};
use super::tables::Tables;
use super::translate::{ActionScope, Policy, Scope};
use super::{CompileError, Compiled, PolicySource};
use crate::answer::Answer;

/// What the questions are made from.
pub(crate) struct Sampler {
    pub(crate) tables: Tables,
    pub(crate) policies: Vec<Policy>,
    pub(crate) expressions: Expressions,
}

/// An id that no store has.
const ABSENT: &str = "palisade-self-check";

/// Entities above which the store is not copied for the sake of one principal.
const SMALL_STORE: usize = 2_000;

/// Asks `count` requests of both engines; returns how many there were answers to.
///
/// # Errors
/// `compile.self_check` with the first request on which the answers differ.
pub fn self_check(compiled: &Compiled, source: PolicySource<'_>, count: usize) -> Result<usize, CompileError> {
    let set = CompiledPolicySet::open(&compiled.bytes)
        .map_err(|error| CompileError::new("compile.rejected", error.to_string()))?;
    let mut scratch = Scratch::new();
    let mut questions = Questions { sampler: &compiled.sampler, state: 1 };
    let mut agreed = 0;
    for number in 0..count {
        let Some(question) = questions.next(number, source.entities) else { continue };
        let Question { request, principal, json } = question;
        let described = principal.as_ref().filter(|_| source.entities.len() <= SMALL_STORE);
        let extended = match described {
            Some(entity) => match source.entities.clone().upsert_entities([entity.clone()], None) {
                Ok(extended) => Some(extended),
                Err(_) => continue,
            },
            None => None,
        };
        let entities = extended.as_ref().unwrap_or(source.entities);
        let theirs = Answer::of_cedar(&Authorizer::new().is_authorized(&request, source.policies, entities));
        let ours = Answer::of_engine(&set, &ask_about(&set, &mut scratch, &request, described)?);
        if ours != theirs {
            let message = format!("the compiled policies say {ours:?}, cedar-policy says {theirs:?}, of {json}");
            return Err(CompileError::new("compile.self_check", message));
        }
        agreed += 1;
    }
    Ok(agreed)
}

struct Question {
    request: Request,
    /// The principal's data, where the request brings it.
    principal: Option<Entity>,
    json: Json,
}

struct Questions<'a> {
    sampler: &'a Sampler,
    state: u64,
}

impl Questions<'_> {
    /// A number below `bound`, from a fixed sequence: a build asks the same each time.
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.state >> 33).unwrap_or_default() % bound.max(1)
    }

    fn next(&mut self, number: usize, store: &Entities) -> Option<Question> {
        let sampler = self.sampler;
        let policies = sampler.policies.len();
        // Two strides through the policies, so that large sets are sampled all over.
        let policy = sampler.policies.get((number * policies / 97 + number) % policies.max(1))?;
        let mentioned = mentions(policy.condition, &sampler.expressions, &sampler.tables);
        let principal = self.uid(policy.principal, number);
        let action = match &policy.action {
            ActionScope::Any => self.uid(Scope::Any, number),
            ActionScope::Equal(action) => self.row(*action),
            ActionScope::In(actions) => match actions.get(self.below(actions.len())) {
                Some(action) => self.member(*action),
                None => self.uid(Scope::Any, number),
            },
        };
        let resource = self.uid(policy.resource, number);
        let context = self.record(&mentioned, 3);
        let json = json!({"principal": uid_json(&principal), "action": uid_json(&action),
            "resource": uid_json(&resource), "context": context});
        let principal_uid = entity_uid(&principal)?;
        // As in a gateway: who is in the store, or above somebody there, is not described by a request.
        let describable = store.get(&principal_uid).is_none() && !self.is_ancestor(&principal);
        let described = (number % 2 == 1 && describable).then(|| {
            let parent = match policy.principal {
                Scope::In(group) | Scope::IsIn(_, group) => vec![uid_json(&self.row(group))],
                Scope::Any | Scope::Equal(_) | Scope::Is(_) => Vec::new(),
            };
            let attributes = self.record(&mentioned, 0);
            let json = json!({"uid": uid_json(&principal), "attrs": attributes, "parents": parent});
            Entity::from_json_value(json, None).ok()
        });
        let context = Context::from_json_value(context, None).ok()?;
        let (action, resource) = (entity_uid(&action)?, entity_uid(&resource)?);
        let request = Request::new(principal_uid, action, resource, context, None).ok()?;
        Some(Question { request, principal: described.flatten(), json })
    }

    /// An entity that the scope covers, or sometimes one that it does not.
    fn uid(&mut self, scope: Scope, number: usize) -> (String, String) {
        let tables = &self.sampler.tables;
        match scope {
            _ if number % 7 == 6 => self.any(),
            Scope::Any => self.any(),
            Scope::Equal(entity) => self.row(entity),
            Scope::In(group) => self.member(group),
            Scope::Is(type_name) => {
                let name = tables.text(type_name).to_owned();
                let known = tables.entities.iter().find(|row| row.in_store && row.type_name == type_name);
                match known.filter(|_| number.is_multiple_of(2)) {
                    Some(row) => (name, tables.text(row.id).to_owned()),
                    None => (name, ABSENT.to_owned()),
                }
            }
            Scope::IsIn(type_name, group) => {
                let member = self.member(group);
                let name = self.sampler.tables.text(type_name);
                if member.0 == name { member } else { (name.to_owned(), ABSENT.to_owned()) }
            }
        }
    }

    fn any(&mut self) -> (String, String) {
        let count = self.sampler.tables.entities.len();
        let at = u32::try_from(self.below(count)).unwrap_or_default();
        self.row(EntityId::new(at))
    }

    fn is_ancestor(&self, uid: &(String, String)) -> bool {
        let rows = 0..u32::try_from(self.sampler.tables.entities.len()).unwrap_or(u32::MAX);
        rows.map(EntityId::new).any(|entity| {
            let row = self.sampler.tables.entities.get(entity.index());
            row.is_some_and(|row| row.is_ancestor) && self.row(entity) == *uid
        })
    }

    fn row(&self, entity: EntityId) -> (String, String) {
        let tables = &self.sampler.tables;
        match tables.entities.get(entity.index()) {
            Some(row) => (tables.text(row.type_name).to_owned(), tables.text(row.id).to_owned()),
            None => ("Absent".to_owned(), ABSENT.to_owned()),
        }
    }

    /// An entity of the store in the group, or the group itself.
    fn member(&mut self, group: EntityId) -> (String, String) {
        let rows = &self.sampler.tables.entities;
        let start = self.below(rows.len());
        let mut from_start = (0..rows.len()).map(|step| (start + step) % rows.len().max(1));
        let found = from_start.find(|at| rows.get(*at).is_some_and(|row| row.ancestors.contains(&group)));
        match found.and_then(|at| u32::try_from(at).ok()) {
            Some(at) => self.row(EntityId::new(at)),
            None => self.row(group),
        }
    }

    /// A record that has what a condition looks for below `variable`: mostly the mentioned values, sometimes nothing.
    fn record(&mut self, mentioned: &Mentions, variable: u32) -> Json {
        let mut record = Map::new();
        for ((of, names), values) in mentioned {
            if *of != variable || names.is_empty() || self.below(8) == 0 {
                continue;
            }
            let value = match values.get(self.below(values.len())) {
                Some(value) => value.clone(),
                None => json!(self.below(2) == 0),
            };
            let names: Vec<&str> = names.iter().map(|name| self.sampler.tables.text(*name)).collect();
            insert(&mut record, &names, value);
        }
        Json::Object(record)
    }
}

/// Puts a value at a path, unless something else is in the way.
fn insert(record: &mut Map<String, Json>, path: &[&str], value: Json) {
    match path {
        [] => {}
        [last] => {
            record.entry(*last).or_insert(value);
        }
        [first, rest @ ..] => {
            if !record.get(*first).is_some_and(Json::is_object) {
                record.insert((*first).to_owned(), json!({}));
            }
            if let Some(inner) = record.get_mut(*first).and_then(Json::as_object_mut) {
                insert(inner, rest, value);
            }
        }
    }
}

fn uid_json((type_name, id): &(String, String)) -> Json {
    json!({"type": type_name, "id": id})
}

fn entity_uid((type_name, id): &(String, String)) -> Option<EntityUid> {
    let type_name: EntityTypeName = type_name.parse().ok()?;
    Some(EntityUid::from_type_name_and_id(type_name, Eid::new(id)))
}
