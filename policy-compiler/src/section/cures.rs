//! What the authors of policies let clients know: `@advice`, `@scope`, `@acr_values` and `@max_authentication_age` of `forbid`
//! policies.

use cedar_policy::Effect;
use palisade_gateway::section::{Authentication, PolicyCure};

use crate::diagnostic::{Diagnostic, Findings};
use crate::project::{Project, parse_duration};

/// Annotations that clients are told of.
const ANNOTATIONS: [&str; 4] = ["advice", "scope", "acr_values", "max_authentication_age"];

/// The cures of a project's policies, by policy. On a `permit` the annotations say nothing, which is a finding.
pub(super) fn build(project: &Project, findings: &mut Findings) -> Vec<PolicyCure> {
    let mut cures = Vec::new();
    for policy in project.policies.set.policies() {
        let id = policy.id().to_string();
        let advice = policy.annotation("advice").map(str::trim).filter(|advice| !advice.is_empty());
        let words = |name: &str| -> Vec<String> {
            policy.annotation(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        };
        let scopes = words("scope");
        let age = policy.annotation("max_authentication_age").map(parse_duration);
        let Some(place) = project.policies.place(&id) else { continue };
        if ANNOTATIONS.iter().all(|name| policy.annotation(name).is_none()) {
            continue;
        }
        if let Some(Err(error)) = &age {
            let message = format!("`@max_authentication_age` is no duration: {error}");
            findings.push(Diagnostic::error("policy.cure_refused", message).at(&place.file, place.mark()));
        }
        let authentication =
            Authentication { acr_values: words("acr_values"), max_age_seconds: age.and_then(Result::ok) };
        let needs_one = !authentication.acr_values.is_empty() || authentication.max_age_seconds.is_some();
        let authentication = needs_one.then_some(authentication);
        let says_nothing = advice.is_none() && scopes.is_empty() && authentication.is_none();
        let is_forbid = policy.effect() == Effect::Forbid;
        if !is_forbid || says_nothing {
            let message = match is_forbid {
                true => "`@advice`, `@scope` or `@acr_values` is empty: clients are told nothing",
                false => "what clients are told is for `forbid` policies: no denial is this policy's",
            };
            findings.push(Diagnostic::warning("policy.no_cure", message).at(&place.file, place.mark()));
            continue;
        }
        cures.push(PolicyCure { policy: id, advice: advice.map(str::to_owned), scopes, authentication });
    }
    cures.sort_by(|a, b| a.policy.cmp(&b.policy));
    cures
}
