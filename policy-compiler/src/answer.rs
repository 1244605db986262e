//! What an evaluator says about a request, in a form in which the engine's answer and cedar-policy's can be compared.

use cedar_policy::{AuthorizationError, Response};
use palisade_engine::{CompiledPolicySet, Effect, PolicyIndex};
use serde::Serialize;

/// What an evaluator says about one request. Ids are sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// Ids of the policies that determined the decision.
    pub reasons: Vec<String>,
    /// Ids of the policies that failed to evaluate.
    pub errors: Vec<String>,
}

impl Answer {
    /// What cedar-policy says.
    #[must_use]
    pub fn of_cedar(response: &Response) -> Self {
        let diagnostics = response.diagnostics();
        let errors = diagnostics.errors();
        Self::new(
            response.decision() == cedar_policy::Decision::Allow,
            diagnostics.reason().map(ToString::to_string).collect(),
            errors.map(|AuthorizationError::PolicyEvaluationError(error)| error.policy_id().to_string()).collect(),
        )
    }

    /// What the engine says, with the ids that `set` gives its policies.
    #[must_use]
    pub fn of_engine(set: &CompiledPolicySet, decision: &palisade_engine::Decision<'_>) -> Self {
        let ids = |policies: &[PolicyIndex]| policies.iter().map(|policy| set.policy_id(*policy).to_owned()).collect();
        Self::new(decision.effect() == Effect::Allow, ids(decision.reasons()), ids(decision.errors()))
    }

    fn new(allow: bool, mut reasons: Vec<String>, mut errors: Vec<String>) -> Self {
        reasons.sort_unstable();
        errors.sort_unstable();
        Self { decision: if allow { "allow" } else { "deny" }, reasons, errors }
    }
}
