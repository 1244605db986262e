//! Why a request is decided as it is: which policies were candidates, what excluded the others, and the value of each
//! subexpression of those that matter.
//!
//! Which policies the index led to is what the engine itself did in this decision; guards are shown as they stand in
//! the source; values are computed by cedar-policy. Both answers are compared, so an explanation never tells of a
//! decision that was not made.

mod exclusion;
mod text;
mod values;

use cedar_policy::{AuthorizationError, Authorizer, Decision, PolicyId, PolicySet, Request};
use palisade_engine::{CompiledPolicySet, Effect, PolicyIndex, Scratch, Standing};
use serde::Serialize;

pub use exclusion::{Exclusion, ExclusionBy, Found, Guarded};
pub use text::render;
pub use values::{Expression, Outcome, PolicyValues, Valued};

use crate::compile::{CompileError, Compiled, PolicySource, ask_why};
use crate::wording::report;
use exclusion::Exclusions;
use values::{Evaluation, Lines};

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
    let reference = reference(source, request);
    let ids = |policies: &[PolicyIndex]| -> Vec<String> {
        policies.iter().map(|policy| set.policy_id(*policy).to_owned()).collect()
    };
    let ours = (decision.effect() == Effect::Allow, ids(decision.reasons()), ids(decision.errors()));
    let erring: Vec<String> = reference.errors.iter().map(|error| error.policy.clone()).collect();
    let theirs = (reference.allow, reference.reasons.clone(), erring);
    if ours != theirs {
        return Err(disagreement(format!("the compiled policies say {ours:?}, cedar-policy says {theirs:?}")));
    }
    let standing: Vec<(PolicyIndex, Standing)> = (0..).map(PolicyIndex::new).zip(standings).collect();
    let evaluation = Evaluation::new(request, source.entities);
    let mut exclusions = Exclusions::new(&evaluation, source.policies);
    let mut candidates = Vec::new();
    for (at, standing) in &standing {
        match candidate_outcome(*standing) {
            Some(outcome) => {
                let effect = effect(set.policy(*at).is_some_and(|(_, is_forbid)| is_forbid));
                candidates.push(Candidate { policy: set.policy_id(*at).to_owned(), effect, outcome });
            }
            None => exclusions.add(set.policy_id(*at), *standing, compiled.guard_source(*at, source.policies))?,
        }
    }
    let deciding = deciding(&reference, &candidates);
    let chosen: Vec<String> = match wanted {
        Wanted::Deciding(most) => deciding.iter().take(*most).cloned().collect(),
        Wanted::Named(ids) => ids.clone(),
    };
    let excluded = exclusions.finish();
    let mut lines = Lines::default();
    let values = chosen.iter().map(|id| values(&evaluation, source.policies, &candidates, id, &mut lines));
    let explained = values.collect::<Result<_, _>>()?;
    Ok(Explanation {
        principal: evaluation.principal(),
        action: evaluation.action(),
        resource: evaluation.resource(),
        context: evaluation.context(),
        decision: if reference.allow { "allow" } else { "deny" },
        reasons: reference.reasons,
        errors: reference.errors,
        forbid_error: decision.forbid_error(),
        policies: set.policy_count(),
        steps: decision.steps(),
        candidates,
        excluded,
        unexplained: match wanted {
            Wanted::Deciding(most) => deciding.len().saturating_sub(*most),
            Wanted::Named(_) => 0,
        },
        explained,
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
fn deciding(reference: &Reference, candidates: &[Candidate]) -> Vec<String> {
    let erring = reference.errors.iter().map(|error| &error.policy);
    let permits = candidates.iter().filter(|candidate| candidate.effect == "permit");
    let near =
        permits.filter(|candidate| reference.reasons.is_empty() && candidate.outcome == CandidateOutcome::NotSatisfied);
    reference.reasons.iter().chain(erring).chain(near.map(|candidate| &candidate.policy)).cloned().collect()
}

/// The values of one policy, whose outcome must be the engine's.
fn values<'p>(
    evaluation: &Evaluation<'_>,
    policies: &'p PolicySet,
    candidates: &[Candidate],
    id: &str,
    lines: &mut Lines<'p>,
) -> Result<PolicyValues, CompileError> {
    let Some(policy) = policies.policy(&PolicyId::new(id)) else {
        let template = policies.template(&PolicyId::new(id)).is_some();
        let hint = if template { "; it is a template: name one of its links" } else { "" };
        return Err(CompileError::new("explain.unknown_policy", format!("there is no policy `{id}`{hint}")));
    };
    let values = evaluation.policy(id, policy, lines);
    let candidate = candidates.iter().find(|candidate| candidate.policy == id);
    // What the index excludes is neither satisfied nor erring.
    let ours = candidate.map_or(CandidateOutcome::NotSatisfied, |candidate| candidate.outcome);
    if ours == values.outcome {
        return Ok(values);
    }
    let (ours, theirs) = (ours.as_str(), values.outcome.as_str());
    Err(disagreement(format!("of policy `{id}` the compiled policies say {ours}, cedar-policy says {theirs}")))
}

fn disagreement(message: String) -> CompileError {
    CompileError::new("explain.disagreement", message)
}

/// cedar-policy's answer.
struct Reference {
    allow: bool,
    reasons: Vec<String>,
    errors: Vec<Failed>,
}

fn reference(source: PolicySource<'_>, request: &Request) -> Reference {
    let response = Authorizer::new().is_authorized(request, source.policies, source.entities);
    let failed = |AuthorizationError::PolicyEvaluationError(error): &AuthorizationError| Failed {
        policy: error.policy_id().to_string(),
        message: report(error.inner()),
    };
    let mut reasons: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
    let mut errors: Vec<Failed> = response.diagnostics().errors().map(failed).collect();
    reasons.sort_unstable();
    errors.sort_by(|a, b| a.policy.cmp(&b.policy));
    Reference { allow: response.decision() == Decision::Allow, reasons, errors }
}

#[cfg(test)]
mod tests;
