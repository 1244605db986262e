//! The reference evaluator: crate `cedar-policy` itself.

use cedar_policy::{AuthorizationError, Authorizer, Decision, Entities, PolicySet, Request};

use super::{Answer, Decide, Loaded};

pub(super) struct Reference {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
}

impl Reference {
    pub(super) fn new(loaded: &Loaded) -> Self {
        Self { authorizer: Authorizer::new(), policies: loaded.policies.clone(), entities: loaded.entities.clone() }
    }
}

impl Decide for Reference {
    fn decide(&mut self, request: &Request) -> Result<Answer, String> {
        let response = self.authorizer.is_authorized(request, &self.policies, &self.entities);
        let diagnostics = response.diagnostics();
        let reasons = diagnostics.reason().map(ToString::to_string).collect();
        let errors = diagnostics
            .errors()
            .map(|AuthorizationError::PolicyEvaluationError(error)| error.policy_id().to_string())
            .collect();
        Ok(Answer::new(response.decision() == Decision::Allow, reasons, errors))
    }
}
