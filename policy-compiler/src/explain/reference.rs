//! cedar-policy's answer, and whether the engine's is the same.

use cedar_policy::{AuthorizationError, Authorizer, Request};
use palisade_engine::CompiledPolicySet;

use super::Failed;
use crate::answer::Answer;
use crate::compile::{CompileError, PolicySource};
use crate::wording::report;

/// cedar-policy's answer, and why policies failed: sorted by policy.
pub(super) struct Reference {
    pub(super) answer: Answer,
    pub(super) failed: Vec<Failed>,
}

impl Reference {
    pub(super) fn new(source: PolicySource<'_>, request: &Request) -> Self {
        let response = Authorizer::new().is_authorized(request, source.policies, source.entities);
        let failed = |AuthorizationError::PolicyEvaluationError(error): &AuthorizationError| Failed {
            policy: error.policy_id().to_string(),
            message: report(error.inner()),
        };
        let mut failed: Vec<Failed> = response.diagnostics().errors().map(failed).collect();
        failed.sort_by(|a, b| a.policy.cmp(&b.policy));
        Self { answer: Answer::of_cedar(&response), failed }
    }

    /// Compares the engine's answer with this one.
    ///
    /// # Errors
    /// `explain.disagreement` where they differ.
    pub(super) fn agree(
        &self,
        set: &CompiledPolicySet,
        decision: &palisade_engine::Decision<'_>,
    ) -> Result<(), CompileError> {
        let (ours, theirs) = (Answer::of_engine(set, decision), &self.answer);
        if ours == *theirs {
            return Ok(());
        }
        Err(disagreement(format!("the compiled policies say {ours:?}, cedar-policy says {theirs:?}")))
    }
}

/// The engine and cedar-policy do not say the same.
pub(super) fn disagreement(message: String) -> CompileError {
    CompileError::new("explain.disagreement", message)
}
