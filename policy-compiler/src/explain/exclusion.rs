//! What kept policies from being evaluated, in groups: one for each thing that the index asked of the request.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::{PolicyId, PolicySet};
use cedar_policy_core::ast::{self, Expr, Var};
use palisade_engine::Standing;
use serde::Serialize;

use super::disagreement;
use super::values::{Evaluation, ScopePart, Valued, is_bool, scope_parts, source};
use crate::compile::{CompileError, GuardPart, GuardSource};

/// Policies that the same question to the request excluded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exclusion {
    /// What asked.
    pub by: ExclusionBy,
    /// What was asked for, as a policy writes it: `action`, `principal`, `context.tool`.
    pub subject: String,
    /// What the request has there.
    pub found: Found,
    /// How many policies there are.
    pub count: usize,
    /// The policies, by id; perhaps only the first.
    pub policies: Vec<Guarded>,
}

/// What excluded a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExclusionBy {
    /// The index holds it under other actions.
    Action,
    /// The index holds it under other keys.
    Index,
    /// The index led to it, and its scope does not cover the request.
    Scope,
}

/// What a request has where a guard looks.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Found {
    /// A value that no guard of these policies asks for.
    Value(Valued),
    /// Nothing was looked up, since a condition before the guard is false.
    Unmet {
        /// The text of that condition.
        unmet: String,
    },
    /// Cedar's words, where there is no value. No guard excludes a policy then, so this is not to be met.
    Error {
        /// What is wrong.
        error: String,
    },
}

impl Found {
    fn text(&self) -> &str {
        match self {
            Self::Value(value) => &value.text,
            Self::Unmet { unmet: text } | Self::Error { error: text } => text,
        }
    }
}

/// A policy with the guard that excluded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guarded {
    /// Its id.
    pub policy: String,
    /// The guard as it stands in the source, or as Cedar prints it.
    pub guard: String,
}

/// What a group shares; groups come in this order: actions, then probe by probe, then scopes.
type GroupKey = (ExclusionBy, usize, Standing);

/// What was asked for.
enum Subject<'p> {
    Variable(Var),
    Key { key: &'p Expr, before: Vec<&'p Expr> },
}

/// Collects excluded policies.
pub(super) struct Exclusions<'a> {
    evaluation: &'a Evaluation<'a>,
    policies: &'a PolicySet,
    groups: BTreeMap<GroupKey, Exclusion>,
}

impl<'a> Exclusions<'a> {
    pub(super) fn new(evaluation: &'a Evaluation<'a>, policies: &'a PolicySet) -> Self {
        Self { evaluation, policies, groups: BTreeMap::new() }
    }

    /// Adds a policy that was not evaluated.
    ///
    /// # Errors
    /// Where the policy's source has nothing to explain it by: the compiler, the engine and cedar-policy disagree.
    pub(super) fn add(
        &mut self,
        id: &str,
        standing: Standing,
        guard: Option<GuardSource<'_>>,
    ) -> Result<(), CompileError> {
        let lost = || disagreement(format!("nothing in the source of policy `{id}` excludes it from the candidates"));
        let policy: &ast::Policy = self.policies.policy(&PolicyId::new(id)).ok_or_else(lost)?.as_ref();
        let (by, number, subject, text) = match standing {
            Standing::OtherAction => {
                let scope = policy.action_constraint().to_string();
                (ExclusionBy::Action, 0, Subject::Variable(Var::Action), scope)
            }
            Standing::NoKey | Standing::OtherKey => {
                let GuardSource { probe, part } = guard.ok_or_else(lost)?;
                let (subject, text) = match part {
                    GuardPart::Principal => {
                        (Subject::Variable(Var::Principal), policy.principal_constraint().to_string())
                    }
                    GuardPart::Resource => (Subject::Variable(Var::Resource), policy.resource_constraint().to_string()),
                    GuardPart::Condition { guard, key, before } => (Subject::Key { key, before }, source(guard)),
                };
                (ExclusionBy::Index, probe, subject, text)
            }
            Standing::OutOfScope => {
                let ScopePart { variable, text, .. } = self.uncovered(policy).ok_or_else(lost)?;
                (ExclusionBy::Scope, place(variable), Subject::Variable(variable), text)
            }
            Standing::NotSatisfied | Standing::Satisfied | Standing::Erred => return Ok(()),
        };
        let evaluation = self.evaluation;
        let group = self.groups.entry((by, number, standing));
        let group = group.or_insert_with(|| group_of(evaluation, by, standing, &subject));
        group.count += 1;
        group.policies.push(Guarded { policy: id.to_owned(), guard: text });
        Ok(())
    }

    /// The first part of a policy's scope that does not cover the request.
    fn uncovered(&self, policy: &ast::Policy) -> Option<ScopePart> {
        let covers = |part: &ScopePart| is_bool(Some(&self.evaluation.interpret(&part.condition)), true);
        scope_parts(policy).into_iter().find(|part| !covers(part))
    }

    /// The groups, in order. What several probes ask for in the same words becomes one.
    pub(super) fn finish(self) -> Vec<Exclusion> {
        let mut places: HashMap<(ExclusionBy, String, String), usize> = HashMap::new();
        let mut merged: Vec<Exclusion> = Vec::new();
        for group in self.groups.into_values() {
            let key = (group.by, group.subject.clone(), group.found.text().to_owned());
            let at = *places.entry(key).or_insert(merged.len());
            match merged.get_mut(at) {
                Some(first) => {
                    first.count += group.count;
                    first.policies.extend(group.policies);
                    first.policies.sort_by(|a, b| a.policy.cmp(&b.policy));
                }
                None => merged.push(group),
            }
        }
        merged
    }
}

/// The order of a scope.
const fn place(variable: Var) -> usize {
    match variable {
        Var::Principal => 0,
        Var::Action => 1,
        Var::Resource => 2,
        Var::Context => 3,
    }
}

/// A group without policies.
fn group_of(evaluation: &Evaluation<'_>, by: ExclusionBy, standing: Standing, subject: &Subject<'_>) -> Exclusion {
    let (subject, found) = match subject {
        Subject::Variable(variable) => (variable.to_string(), found(evaluation, &Expr::var(*variable))),
        Subject::Key { key, before } => {
            let is_false = |condition: &&&Expr| is_bool(Some(&evaluation.interpret(condition)), false);
            let unmet = before.iter().filter(|_| standing == Standing::NoKey).find(is_false);
            let found = unmet.map_or_else(|| found(evaluation, key), |unmet| Found::Unmet { unmet: source(unmet) });
            (source(key), found)
        }
    };
    Exclusion { by, subject, found, count: 0, policies: Vec::new() }
}

fn found(evaluation: &Evaluation<'_>, key: &Expr) -> Found {
    match evaluation.interpret(key) {
        Ok(value) => Found::Value(Valued::new(&value)),
        Err(error) => Found::Error { error },
    }
}
