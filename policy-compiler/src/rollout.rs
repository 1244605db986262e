//! How a candidate's decisions differ from those of the bundle that decides, as the statistics of an Envoy count them.

use std::collections::BTreeMap;

const NAMESPACE: &str = "wasmcustom.";
const TOTAL: &str = "palisade_candidate_total.result.";
const POLICY: &str = "palisade_candidate_policy_total.policy.";
const EVENTS: &str = "palisade_candidate_events_total.result.";
const VERSION: &str = "palisade_bundle_version";

/// What decisions that do not differ are counted as.
const SAME: &str = "same";

/// What one Envoy has counted since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// The version of the bundle that decides; none where there is none.
    pub version: Option<u64>,
    /// Decisions by result: `same`, `allow_to_deny` and the like.
    pub results: BTreeMap<String, u64>,
    /// Decisions that differ, by policy and result. In policies' ids, `_` stands for what a statistic cannot have.
    pub policies: BTreeMap<(String, String), u64>,
    /// What came of fetching the candidate, by result.
    pub events: BTreeMap<String, u64>,
}

impl Rollout {
    /// Reads Envoy's statistics, a line each (`/stats`). Histograms and whatever is not ours are left out.
    #[must_use]
    pub fn parse(stats: &str) -> Self {
        let mut rollout = Self::default();
        for (name, count) in stats.lines().filter_map(counted) {
            if let Some(result) = name.strip_prefix(TOTAL) {
                rollout.results.insert(result.to_owned(), count);
            } else if let Some(result) = name.strip_prefix(EVENTS) {
                rollout.events.insert(result.to_owned(), count);
            } else if let Some((policy, result)) =
                name.strip_prefix(POLICY).and_then(|rest| rest.split_once(".result."))
            {
                rollout.policies.insert((policy.to_owned(), result.to_owned()), count);
            } else if name == VERSION {
                rollout.version = Some(count).filter(|version| *version > 0);
            }
        }
        rollout
    }

    /// How many decisions a candidate has been asked for.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.results.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// How many of them came out otherwise.
    #[must_use]
    pub fn differing(&self) -> u64 {
        self.asked().saturating_sub(self.results.get(SAME).copied().unwrap_or_default())
    }
}

/// A line of a counter or gauge of ours, without the namespace that Envoy gives it.
fn counted(line: &str) -> Option<(&str, u64)> {
    let (name, value) = line.rsplit_once(": ")?;
    Some((name.strip_prefix(NAMESPACE)?, value.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATS: &str = "\
cluster.x.upstream_rq_total: 7
wasmcustom.palisade_bundle_version: 41
wasmcustom.palisade_candidate_events_total.result.swapped: 2
wasmcustom.palisade_candidate_policy_total.policy.front-door.result.allow_to_deny: 10
wasmcustom.palisade_candidate_policy_total.policy.a_b.result.deny_to_allow: 1
wasmcustom.palisade_candidate_total.result.allow_to_deny: 10
wasmcustom.palisade_candidate_total.result.deny_to_allow: 1
wasmcustom.palisade_candidate_total.result.same: 89
wasmcustom.palisade_decision_microseconds: P0(nan,1) P100(nan,2)
";

    #[test]
    fn differences_are_counted() {
        let rollout = Rollout::parse(STATS);
        assert_eq!((rollout.version, rollout.asked(), rollout.differing()), (Some(41), 100, 11));
        assert_eq!(rollout.policies.get(&("front-door".to_owned(), "allow_to_deny".to_owned())), Some(&10));
        assert_eq!(rollout.policies.len(), 2);
        assert_eq!(rollout.events.get("swapped"), Some(&2));
    }

    #[test]
    fn what_does_not_read_counts_for_nothing() {
        for stats in [
            "",
            "palisade_candidate_total.result.allow_to_deny: 10",
            "other.palisade_candidate_total.result.allow_to_deny: 10",
            "wasmcustom.palisade_candidate_total.result.allow_to_deny: -1",
            "wasmcustom.palisade_candidate_total.result.allow_to_deny: P0(nan,1)",
            "wasmcustom.palisade_candidate_total.result.allow_to_deny",
            "wasmcustom.palisade_candidate_policy_total.policy.x: 1",
            "wasmcustom.palisade_bundle_version: 0",
            "<html>",
        ] {
            assert_eq!(Rollout::parse(stats), Rollout::default(), "{stats}");
        }
    }

    #[test]
    fn a_result_that_this_build_does_not_know_is_a_difference() {
        assert_eq!(Rollout::parse("wasmcustom.palisade_candidate_total.result.new: 3").differing(), 3);
    }
}
