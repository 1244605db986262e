//! What kept policies from being evaluated, in groups: one for each thing that the index asked of the request.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::{PolicyId, PolicySet};
use cedar_policy_core::ast::{self, Expr, Var};
use palisade_engine::Standing;
use serde::Serialize;

use super::reference::disagreement;
use super::source::{ScopePart, scope_parts, source};
use super::values::{Evaluation, Valued, is_bool};
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
    /// An expression, and the false condition before it because of which it was not looked up.
    Key {
        key: &'p Expr,
        unmet: Option<&'p Expr>,
    },
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
        let scope = |wanted: Var| scope_parts(policy).into_iter().find(|part| part.variable == wanted);
        let (by, number, subject, text, reason) = match standing {
            Standing::OtherAction => {
                let ScopePart { variable, text, condition } = scope(Var::Action).ok_or_else(lost)?;
                (ExclusionBy::Action, 0, Subject::Variable(variable), text, Some(condition))
            }
            Standing::NoKey | Standing::OtherKey => {
                let GuardSource { probe, part } = guard.ok_or_else(lost)?;
                let of_scope = |variable| {
                    let ScopePart { text, condition, .. } = scope(variable)?;
                    Some((Subject::Variable(variable), text, Some(condition)))
                };
                let (subject, text, reason) = match part {
                    GuardPart::Principal => of_scope(Var::Principal).ok_or_else(lost)?,
                    GuardPart::Resource => of_scope(Var::Resource).ok_or_else(lost)?,
                    GuardPart::Condition { guard, key, before } => {
                        let unmet = before.into_iter().find(|condition| self.is_false(condition));
                        let no_key = standing == Standing::NoKey;
                        let reason = if no_key { unmet } else { Some(guard) };
                        (Subject::Key { key, unmet: unmet.filter(|_| no_key) }, source(guard), reason.cloned())
                    }
                };
                (ExclusionBy::Index, probe, subject, text, reason)
            }
            Standing::OutOfScope => {
                let uncovered = scope_parts(policy).into_iter().find(|part| self.is_false(&part.condition));
                let ScopePart { variable, text, condition } = uncovered.ok_or_else(lost)?;
                (ExclusionBy::Scope, place(variable), Subject::Variable(variable), text, Some(condition))
            }
            Standing::NotSatisfied | Standing::Satisfied | Standing::Erred => return Ok(()),
        };
        // What is told has to be so for cedar-policy as well.
        reason.filter(|reason| self.is_false(reason)).ok_or_else(lost)?;
        let evaluation = self.evaluation;
        let group = self.groups.entry((by, number, standing));
        let group = group.or_insert_with(|| group_of(evaluation, by, &subject));
        group.count += 1;
        group.policies.push(Guarded { policy: id.to_owned(), guard: text });
        Ok(())
    }

    fn is_false(&self, condition: &Expr) -> bool {
        is_bool(Some(&self.evaluation.interpret(condition)), false)
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
                }
                None => merged.push(group),
            }
        }
        merged.iter_mut().for_each(|group| group.policies.sort_by(|a, b| a.policy.cmp(&b.policy)));
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
fn group_of(evaluation: &Evaluation<'_>, by: ExclusionBy, subject: &Subject<'_>) -> Exclusion {
    let (subject, found) = match subject {
        Subject::Variable(variable) => (variable.to_string(), found(evaluation, &Expr::var(*variable))),
        Subject::Key { key, unmet: None } => (source(key), found(evaluation, key)),
        Subject::Key { key, unmet: Some(unmet) } => (source(key), Found::Unmet { unmet: source(unmet) }),
    };
    Exclusion { by, subject, found, count: 0, policies: Vec::new() }
}

fn found(evaluation: &Evaluation<'_>, key: &Expr) -> Found {
    match evaluation.interpret(key) {
        Ok(value) => Found::Value(Valued::new(&value)),
        Err(error) => Found::Error { error },
    }
}
