//! Envoy's statistics: one counter per reason, one histogram of the time that decisions take.
//!
//! In Envoy they are `wasmcustom.NAME`. A metric is defined when it is first needed, so that a worker has only those
//! that say something. A host without metrics costs nothing but its metrics: decisions do not depend on them.

use crate::proxy::{HostResult, MetricId, MetricKind, Proxy};
use palisade_gateway::{AnswerReport, Outcome};

/// Time from the request's headers to the decision, in microseconds.
const MICROSECONDS: &str = "palisade_decision_microseconds";

/// Decision records that a configured sink did not take.
const RECORDS_LOST: &str = "palisade_records_lost_total";

/// Requests that were allowed but answered 503, because the host did not change a header as it had to be.
const HEADER_CHANGES_REFUSED: &str = "palisade_header_changes_refused_total";

/// Answers that were replaced, because the session that they name could not be bound to its caller.
const SESSIONS_NOT_BOUND: &str = "palisade_sessions_not_bound_total";

/// Streams that were ended because whoever they belong to was revoked.
const STREAMS_ENDED: &str = "palisade_revoked_streams_total";

/// Items of lists that clients were shown, and those that they were not.
const ITEMS_SHOWN: &str = "palisade_list_items_total.result.shown";
const ITEMS_HIDDEN: &str = "palisade_list_items_total.result.hidden";

/// Tools that servers listed otherwise than the catalogue has them, and those that it does not have.
const TOOLS_DRIFTED: &str = "palisade_catalogue_total.finding.drifted";
const TOOLS_UNPINNED: &str = "palisade_catalogue_total.finding.unpinned";

/// Requests that servers sent to clients in a revision that has none, and that were left out.
const SERVER_REQUESTS: &str = "palisade_server_requests_dropped_total";

/// The metrics that were defined so far, and what the host said: a refusal is not asked for again.
#[derive(Debug, Default)]
pub struct Metrics {
    /// In order of first use. There are a few dozen reasons, and the common one comes early.
    counters: Vec<(&'static str, HostResult<MetricId>)>,
    microseconds: Option<HostResult<MetricId>>,
}

impl Metrics {
    /// None defined.
    #[must_use]
    pub const fn new() -> Self {
        Self { counters: Vec::new(), microseconds: None }
    }

    /// Counts a decision under its reason and records its duration.
    pub fn decided(&mut self, proxy: &mut impl Proxy, outcome: Outcome, micros: u64) {
        self.count(proxy, outcome.disposition().metric);
        let histogram =
            *self.microseconds.get_or_insert_with(|| proxy.define_metric(MetricKind::Histogram, MICROSECONDS));
        if let Ok(histogram) = histogram {
            // The id came from the host; should it not know it any more, there is nobody to tell.
            let _ = proxy.record(histogram, micros);
        }
    }

    /// Counts a decision record that was lost.
    pub fn record_lost(&mut self, proxy: &mut impl Proxy) {
        self.count(proxy, RECORDS_LOST);
    }

    /// Counts an allowed request that could not be forwarded as decided.
    pub fn header_change_refused(&mut self, proxy: &mut impl Proxy) {
        self.count(proxy, HEADER_CHANGES_REFUSED);
    }

    /// Counts an answer whose session could not be bound.
    pub fn session_not_bound(&mut self, proxy: &mut impl Proxy) {
        self.count(proxy, SESSIONS_NOT_BOUND);
    }

    /// Counts a stream that was ended.
    pub fn stream_ended(&mut self, proxy: &mut impl Proxy) {
        self.count(proxy, STREAMS_ENDED);
    }

    /// Counts what became of the lists in an answer.
    pub fn answered(&mut self, proxy: &mut impl Proxy, report: &AnswerReport<'_>) {
        let AnswerReport { record: _, level: _, shown, hidden, drifted, unpinned, server_requests, refused } = *report;
        self.add(proxy, ITEMS_SHOWN, shown);
        self.add(proxy, ITEMS_HIDDEN, hidden);
        self.add(proxy, TOOLS_DRIFTED, drifted);
        self.add(proxy, TOOLS_UNPINNED, unpinned);
        self.add(proxy, SERVER_REQUESTS, server_requests);
        if let Some(outcome) = refused {
            self.count(proxy, outcome.disposition().metric);
        }
    }

    fn count(&mut self, proxy: &mut impl Proxy, name: &'static str) {
        self.add(proxy, name, 1);
    }

    fn add(&mut self, proxy: &mut impl Proxy, name: &'static str, by: u64) {
        if by == 0 {
            return;
        }
        let known = self.counters.iter().find(|(known, _)| *known == name);
        let counter = match known {
            Some((_, counter)) => *counter,
            None => {
                let counter = proxy.define_metric(MetricKind::Counter, name);
                self.counters.push((name, counter));
                counter
            }
        };
        if let Ok(counter) = counter {
            let _ = proxy.increment(counter, i64::try_from(by).unwrap_or(i64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeProxy;
    use crate::proxy::Status;

    #[test]
    fn counts_by_reason_and_defines_once() {
        let mut proxy = FakeProxy::default();
        let mut metrics = Metrics::new();
        metrics.decided(&mut proxy, Outcome::Allowed, 5);
        metrics.decided(&mut proxy, Outcome::Denied, 6);
        metrics.decided(&mut proxy, Outcome::Allowed, 7);
        metrics.record_lost(&mut proxy);
        assert_eq!(proxy.metric(Outcome::Allowed.disposition().metric), 2);
        assert_eq!(proxy.metric(Outcome::Denied.disposition().metric), 1);
        assert_eq!(proxy.metric(MICROSECONDS), 18);
        assert_eq!(proxy.metric(RECORDS_LOST), 1);
        assert_eq!(proxy.metric_definitions, 4);
    }

    #[test]
    fn a_host_without_metrics_is_asked_once() {
        let mut proxy = FakeProxy { metrics: Err(Status::INTERNAL_FAILURE), ..FakeProxy::default() };
        let mut metrics = Metrics::new();
        for _ in 0..3 {
            metrics.decided(&mut proxy, Outcome::Allowed, 5);
        }
        assert_eq!(proxy.metric_definitions, 2);
    }
}
