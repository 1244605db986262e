//! cedar-policy's answer, and whether the engine's is the same.

use cedar_policy::{AuthorizationError, Authorizer, Decision, Request};
use palisade_engine::{CompiledPolicySet, Effect, PolicyIndex};

use super::Failed;
use crate::compile::{CompileError, PolicySource};
use crate::wording::report;

/// cedar-policy's answer. Ids are sorted.
pub(super) struct Reference {
    pub(super) allow: bool,
    pub(super) reasons: Vec<String>,
    pub(super) errors: Vec<Failed>,
}

impl Reference {
    pub(super) fn new(source: PolicySource<'_>, request: &Request) -> Self {
        let response = Authorizer::new().is_authorized(request, source.policies, source.entities);
        let failed = |AuthorizationError::PolicyEvaluationError(error): &AuthorizationError| Failed {
            policy: error.policy_id().to_string(),
            message: report(error.inner()),
        };
        let mut reasons: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        let mut errors: Vec<Failed> = response.diagnostics().errors().map(failed).collect();
        reasons.sort_unstable();
        errors.sort_by(|a, b| a.policy.cmp(&b.policy));
        Self { allow: response.decision() == Decision::Allow, reasons, errors }
    }

    /// Compares the engine's answer with this one.
    ///
    /// # Errors
    /// `explain.disagreement` where they differ.
    pub(super) fn agree(
        &self,
        set: &CompiledPolicySet,
        decision: palisade_engine::Decision<'_>,
    ) -> Result<(), CompileError> {
        let ids = |policies: &[PolicyIndex]| {
            let mut ids: Vec<&str> = policies.iter().map(|policy| set.policy_id(*policy)).collect();
            ids.sort_unstable();
            ids
        };
        let ours = (decision.effect() == Effect::Allow, ids(decision.reasons()), ids(decision.errors()));
        let reasons: Vec<&str> = self.reasons.iter().map(String::as_str).collect();
        let errors: Vec<&str> = self.errors.iter().map(|error| error.policy.as_str()).collect();
        let theirs = (self.allow, reasons, errors);
        if ours == theirs {
            return Ok(());
        }
        Err(disagreement(format!("the compiled policies say {ours:?}, cedar-policy says {theirs:?}")))
    }
}

/// The engine and cedar-policy do not say the same.
pub(super) fn disagreement(message: String) -> CompileError {
    CompileError::new("explain.disagreement", message)
}
