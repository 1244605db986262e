//! What the authors of policies let clients know: `@advice` and `@scope` of `forbid` policies.

use cedar_policy::Effect;
use palisade_gateway::section::PolicyCure;

use crate::diagnostic::{Diagnostic, Findings};
use crate::project::Project;

/// The cures of a project's policies, by policy. On a `permit` the annotations say nothing, which is a finding.
pub(super) fn build(project: &Project, findings: &mut Findings) -> Vec<PolicyCure> {
    let mut cures = Vec::new();
    for policy in project.policies.set.policies() {
        let id = policy.id().to_string();
        let advice = policy.annotation("advice").map(str::trim).filter(|advice| !advice.is_empty());
        let scopes: Vec<String> =
            policy.annotation("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        let Some(place) = project.policies.place(&id) else { continue };
        if policy.annotation("advice").or(policy.annotation("scope")).is_none() {
            continue;
        }
        let (is_forbid, says_nothing) = (policy.effect() == Effect::Forbid, advice.is_none() && scopes.is_empty());
        if !is_forbid || says_nothing {
            let message = match is_forbid {
                true => "`@advice` or `@scope` is empty: clients are told nothing",
                false => "`@advice` and `@scope` are for `forbid` policies: no denial is this policy's",
            };
            findings.push(Diagnostic::warning("policy.no_cure", message).at(&place.file, place.mark()));
            continue;
        }
        cures.push(PolicyCure { policy: id, advice: advice.map(str::to_owned), scopes });
    }
    cures.sort_by(|a, b| a.policy.cmp(&b.policy));
    cures
}
