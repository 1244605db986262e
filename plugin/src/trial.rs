//! What a candidate would have made of requests: counted by result and by policy, and some of the differences logged.
//!
//! In Envoy they are `wasmcustom.palisade_candidate_total.result.RESULT` and, of differences,
//! `wasmcustom.palisade_candidate_policy_total.policy.POLICY.result.RESULT`, with `_` for what a policy's id has besides letters,
//! digits and dashes.

use crate::named_metrics::NamedMetrics;
use crate::proxy::{LogLevel, Proxy};
use palisade_gateway::{Trial, limits};

/// Stands for all policies that have no counters of their own, because there are too many.
const OTHER: &str = "other";

/// Counts a trial, and logs its record if it has one.
pub(crate) fn report(trial: &Trial, proxy: &mut impl Proxy, metrics: &mut NamedMetrics) {
    let Trial { contrast, policies, record } = trial;
    let result = contrast.name();
    metrics.count(proxy, &["palisade_candidate_total.result.", result]);
    for policy in policies {
        let name: String =
            policy.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let name = if metrics.admits(&name, limits::CANDIDATE_POLICIES) { &name } else { OTHER };
        metrics.count(proxy, &["palisade_candidate_policy_total.policy.", name, ".result.", result]);
    }
    if let Some(record) = record {
        proxy.log(LogLevel::Warn, record.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeProxy;
    use palisade_gateway::Contrast;

    #[test]
    fn policies_have_counters_of_their_own_until_there_are_too_many() {
        let (mut proxy, mut metrics) = (FakeProxy::default(), NamedMetrics::new());
        let mut count = |policies: Vec<String>| {
            let trial = Trial { contrast: Contrast::AllowToDeny, policies, record: None };
            report(&trial, &mut proxy, &mut metrics);
        };
        let most = limits::CANDIDATE_POLICIES;
        (0..most + 100).for_each(|number| count(vec![format!("policy {number}")]));
        // Those that have one keep it.
        count(vec!["policy 0".to_owned(), format!("policy {most}")]);
        let name = |policy: &str| format!("palisade_candidate_policy_total.policy.{policy}.result.allow_to_deny");
        let of = |policy: &str| proxy.metric(&name(policy));
        assert_eq!((of("policy_0"), of("policy_1"), of(&format!("policy_{}", most - 1))), (2, 1, 1));
        assert_eq!(of("other"), 101);
        let none = name(&format!("policy_{most}"));
        assert!(proxy.metric_names.iter().all(|(_, known)| *known != none));
        let total = proxy.metric("palisade_candidate_total.result.allow_to_deny");
        assert_eq!(usize::try_from(total), Ok(most + 101));
    }
}
