//! Why a request is decided as it is: which policies were candidates, what excluded the others, and the value of each
//! subexpression of those that matter.
//!
//! Which policies the index led to is what the engine itself did in this decision; guards are shown as they stand in
//! the source; values are computed by cedar-policy. Both answers are compared, so an explanation never tells of a
//! decision that was not made.

mod exclusion;
mod reference;
mod source;
mod text;
mod values;

use std::collections::HashMap;

use cedar_policy::{PolicyId, PolicySet, Request};
use palisade_engine::{CompiledPolicySet, PolicyIndex, Scratch, Standing};
use serde::Serialize;

pub use exclusion::{Exclusion, ExclusionBy, Found, Guarded};
pub use text::render;
pub use values::{Expression, Outcome, PolicyValues, Valued};

use crate::answer::Answer;
use crate::compile::{CompileError, Compiled, PolicySource, ask_why};
use exclusion::Exclusions;
use reference::{Reference, disagreement};
use source::Lines;
use values::Evaluation;

/// Which policies to show with the values of their subexpressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those that decided: the determining and the erring ones; where the decision is a denial by default, the permits
    /// that were candidates. At most so many.
    Deciding(usize),
    /// These, by id.
    Named(Vec<String>),
}

/// Why a request is decided as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The principal in Cedar's syntax.
    pub principal: String,
    /// The action in Cedar's syntax.
    pub action: String,
    /// The resource in Cedar's syntax.
    pub resource: String,
    /// The context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Valued>,
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// The determining policies by id: the satisfied forbids, or if there are none the satisfied permits.
    pub reasons: Vec<String>,
    /// The policies that erred, by id.
    pub errors: Vec<Failed>,
    /// Whether a forbid is among them. A gateway then denies, unless it is told to skip such policies as Cedar does.
    pub forbid_error: bool,
    /// How many policies there are.
    pub policies: usize,
    /// The steps that the engine took.
    pub steps: u64,
    /// The policies that were evaluated, by id.
    pub candidates: Vec<Candidate>,
    /// The others, by what excluded them.
    pub excluded: Vec<Exclusion>,
    /// The values of subexpressions.
    pub explained: Vec<PolicyValues>,
    /// Deciding policies that are not among `explained`, because they are too many.
    pub unexplained: usize,
}

/// A policy that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Its id.
    pub policy: String,
    /// Cedar's words.
    pub message: String,
}

/// A policy that was evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Its id.
    pub policy: String,
    /// `permit` or `forbid`.
    pub effect: &'static str,
    /// What came of it.
    pub outcome: CandidateOutcome,
}

/// What came of evaluating a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateOutcome {
    /// It is true of the request.
    Satisfied,
    /// It is false.
    NotSatisfied,
    /// It could not be evaluated.
    Errored,
}

impl Explanation {
    /// Leaves no more than so many policies in each group of excluded ones; the counts stay.
    #[must_use]
    pub fn with_at_most(mut self, policies: usize) -> Self {
        self.excluded.iter_mut().for_each(|group| group.policies.truncate(policies));
        self
    }

    /// Names the file of each policy whose values are shown.
    #[must_use]
    pub fn with_files(mut self, file: impl Fn(&str) -> Option<String>) -> Self {
        self.explained.iter_mut().for_each(|values| values.file = file(&values.policy));
        self
    }
}

impl CandidateOutcome {
    /// The outcome in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Satisfied => "satisfied",
            Self::NotSatisfied => "not satisfied",
            Self::Errored => "errored",
        }
    }
}

/// Explains the decision of `compiled`, which was made from `source`, on a request.
///
/// # Errors
/// `explain.unknown_policy` where a wanted policy is not there, `explain.disagreement` where cedar-policy answers
/// otherwise than the compiled policies, and what [`ask`](crate::compile::ask) refuses.
pub fn explain(
    compiled: &mut Compiled,
    source: PolicySource<'_>,
    request: &Request,
    wanted: &Wanted,
) -> Result<Explanation, CompileError> {
    let set = CompiledPolicySet::open(&compiled.bytes)
        .map_err(|error| CompileError::new("compile.rejected", error.to_string()))?;
    let mut scratch = Scratch::new();
    let (decision, standings) = ask_why(&set, &mut scratch, request)?;
    let reference = Reference::new(source, request);
    reference.agree(&set, &decision)?;
    let evaluation = Evaluation::new(request, source.entities);
    let mut exclusions = Exclusions::new(&evaluation, source.policies);
    let mut candidates = Vec::new();
    for (at, standing) in (0..).map(PolicyIndex::new).zip(standings) {
        let id = set.policy_id(at);
        match candidate_outcome(standing) {
            Some(outcome) => {
                let effect = effect(set.policy(at).is_some_and(|(_, is_forbid)| is_forbid));
                candidates.push(Candidate { policy: id.to_owned(), effect, outcome });
            }
            None => exclusions.add(id, standing, compiled.guard_source(at, source.policies))?,
        }
    }
    let deciding = deciding(&reference.answer, &candidates);
    let (chosen, unexplained) = match wanted {
        Wanted::Deciding(most) => (deciding.get(..*most).unwrap_or(&deciding), deciding.len().saturating_sub(*most)),
        Wanted::Named(ids) => (ids.as_slice(), 0),
    };
    Ok(Explanation {
        principal: evaluation.principal(),
        action: evaluation.action(),
        resource: evaluation.resource(),
        context: evaluation.context(),
        decision: reference.answer.decision,
        excluded: exclusions.finish(),
        explained: values(&evaluation, source.policies, &candidates, chosen)?,
        reasons: reference.answer.reasons,
        errors: reference.failed,
        forbid_error: decision.forbid_error(),
        policies: set.policy_count(),
        steps: decision.steps(),
        candidates,
        unexplained,
    })
}

const fn candidate_outcome(standing: Standing) -> Option<CandidateOutcome> {
    match standing {
        Standing::OtherAction | Standing::NoKey | Standing::OtherKey | Standing::OutOfScope => None,
        Standing::NotSatisfied => Some(CandidateOutcome::NotSatisfied),
        Standing::Satisfied => Some(CandidateOutcome::Satisfied),
        Standing::Erred => Some(CandidateOutcome::Errored),
    }
}

const fn effect(is_forbid: bool) -> &'static str {
    if is_forbid { "forbid" } else { "permit" }
}

/// The ids of the policies that decided. Where no policy is satisfied, these are the permits that could have been.
fn deciding(answer: &Answer, candidates: &[Candidate]) -> Vec<String> {
    let permits = candidates.iter().filter(|candidate| candidate.effect == "permit");
    let near =
        permits.filter(|candidate| answer.reasons.is_empty() && candidate.outcome == CandidateOutcome::NotSatisfied);
    answer.reasons.iter().chain(&answer.errors).chain(near.map(|candidate| &candidate.policy)).cloned().collect()
}

/// The values of policies, whose outcomes must be the engine's.
fn values(
    evaluation: &Evaluation<'_>,
    policies: &PolicySet,
    candidates: &[Candidate],
    ids: &[String],
) -> Result<Vec<PolicyValues>, CompileError> {
    let outcomes: HashMap<_, _> = candidates.iter().map(|found| (found.policy.as_str(), found.outcome)).collect();
    let mut lines = Lines::default();
    let values = ids.iter().map(|id| {
        let policy = policies.policy(&PolicyId::new(id)).ok_or_else(|| unknown(policies, id))?;
        let values = evaluation.policy(id, policy, &mut lines);
        // What the index excludes is neither satisfied nor erring.
        let ours = outcomes.get(id.as_str()).copied().unwrap_or(CandidateOutcome::NotSatisfied);
        if ours == values.outcome {
            return Ok(values);
        }
        let (ours, theirs) = (ours.as_str(), values.outcome.as_str());
        Err(disagreement(format!("of policy `{id}` the compiled policies say {ours}, cedar-policy says {theirs}")))
    });
    values.collect()
}

fn unknown(policies: &PolicySet, id: &str) -> CompileError {
    let template = policies.template(&PolicyId::new(id)).is_some();
    let hint = if template { "; it is a template: name one of its links" } else { "" };
    CompileError::new("explain.unknown_policy", format!("there is no policy `{id}`{hint}"))
}

#[cfg(test)]
mod tests;
