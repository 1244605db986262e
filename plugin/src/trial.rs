//! What a candidate would have made of requests: counted by result and by policy, and some of the differences logged.
//!
//! In Envoy they are `wasmcustom.palisade_candidate_total.result.RESULT` and, of differences,
//! `wasmcustom.palisade_candidate_policy_total.policy.POLICY.result.RESULT`, with `_` for what a policy's id has besides letters,
//! digits and dashes.

use crate::named_metrics::NamedMetrics;
use crate::proxy::{LogLevel, Proxy};
use palisade_gateway::Trial;

/// Counts a trial, and logs its record if it has one.
pub(crate) fn report(trial: &Trial, proxy: &mut impl Proxy, metrics: &mut NamedMetrics) {
    let Trial { contrast, policies, record } = trial;
    let result = contrast.name();
    metrics.count(proxy, &["palisade_candidate_total.result.", result]);
    for policy in policies {
        let name: String =
            policy.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        metrics.count(proxy, &["palisade_candidate_policy_total.policy.", &name, ".result.", result]);
    }
    if let Some(record) = record {
        proxy.log(LogLevel::Warn, record.as_bytes());
    }
}
