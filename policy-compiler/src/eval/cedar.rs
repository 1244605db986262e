//! The reference evaluator: crate `cedar-policy` itself.

use cedar_policy::{Authorizer, Entities, PolicySet, Request};

use super::{Decide, Loaded};
use crate::answer::Answer;

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
        Ok(Answer::of_cedar(&self.authorizer.is_authorized(request, &self.policies, &self.entities)))
    }
}
