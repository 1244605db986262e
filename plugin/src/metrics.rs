//! Envoy's statistics: one counter per reason, one histogram of the time that decisions take.
//!
//! In Envoy they are `wasmcustom.NAME`. A metric is defined when it is first needed, so that a worker has only those
//! that say something. A host without metrics costs nothing but its metrics: decisions do not depend on them.
//!
//! What is counted is told in batches, at the next tick or once there is enough of it: a call to the host between two
//! other things costs far more than one of many in a row. A host that does not tick is told at once.

use crate::proxy::{HostResult, MetricId, MetricKind, Proxy};
use palisade_gateway::{AnswerReport, Outcome, limits};

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

/// What was counted, and what the host was told of it.
#[derive(Debug, Default)]
pub struct Metrics {
    /// In order of first use. There are a few dozen reasons, and the common one comes early.
    counters: Vec<Counter>,
    /// What the host said to the histogram, once it was asked.
    histogram: Option<HostResult<MetricId>>,
    /// Microseconds of decisions that it is still to be told of.
    durations: Vec<u64>,
    /// Whether there are ticks, and counts may wait for one.
    has_ticks: bool,
}

#[derive(Debug)]
struct Counter {
    name: &'static str,
    /// What the host said to it, once it was asked: a refusal is not asked for again.
    id: Option<HostResult<MetricId>>,
    /// What the host is still to be told of.
    pending: u64,
}

impl Metrics {
    /// None defined.
    #[must_use]
    pub const fn new() -> Self {
        Self { counters: Vec::new(), histogram: None, durations: Vec::new(), has_ticks: false }
    }

    /// Whether counts may wait for the next tick, at which [`Metrics::flush`] is to be called.
    pub fn set_ticks(&mut self, has_ticks: bool) {
        self.has_ticks = has_ticks;
    }

    /// Tells the host of everything that was counted since the last time.
    #[inline(never)]
    pub fn flush(&mut self, proxy: &mut impl Proxy) {
        for Counter { name, id, pending } in self.counters.iter_mut().filter(|counter| counter.pending > 0) {
            let by = i64::try_from(std::mem::take(pending)).unwrap_or(i64::MAX);
            if let Ok(counter) = *id.get_or_insert_with(|| proxy.define_metric(MetricKind::Counter, name)) {
                // The id came from the host; should it not know it any more, there is nobody to tell.
                let _ = proxy.increment(counter, by);
            }
        }
        if self.durations.is_empty() {
            return;
        }
        let define = || proxy.define_metric(MetricKind::Histogram, MICROSECONDS);
        let histogram = *self.histogram.get_or_insert_with(define);
        for micros in self.durations.drain(..) {
            if let Ok(histogram) = histogram {
                let _ = proxy.record(histogram, micros);
            }
        }
    }

    /// Counts a decision under its reason and keeps its duration.
    pub fn decided(&mut self, proxy: &mut impl Proxy, outcome: Outcome, micros: u64) {
        self.durations.push(micros);
        self.count(proxy, outcome.disposition().metric);
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
        match self.counters.iter_mut().find(|counter| counter.name == name) {
            Some(counter) => counter.pending = counter.pending.saturating_add(by),
            None => self.counters.push(Counter { name, id: None, pending: by }),
        }
        if !self.has_ticks || self.durations.len() >= limits::METRICS_BATCH {
            self.flush(proxy);
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
    fn counts_wait_for_a_tick_and_none_is_lost_or_told_twice() {
        let mut proxy = FakeProxy::default();
        let mut metrics = Metrics::new();
        metrics.set_ticks(true);
        metrics.decided(&mut proxy, Outcome::Allowed, 5);
        metrics.decided(&mut proxy, Outcome::Allowed, 6);
        assert_eq!(proxy.metric_definitions, 0);
        for _ in 0..2 {
            metrics.flush(&mut proxy);
            assert_eq!(proxy.metric(Outcome::Allowed.disposition().metric), 2);
            assert_eq!(proxy.metric(MICROSECONDS), 11);
        }
        metrics.record_lost(&mut proxy);
        metrics.flush(&mut proxy);
        assert_eq!(proxy.metric(RECORDS_LOST), 1);
        assert_eq!(proxy.metric(MICROSECONDS), 11);
        assert_eq!(proxy.metric_definitions, 3);
    }

    #[test]
    fn no_more_than_a_batch_waits() {
        let mut proxy = FakeProxy::default();
        let mut metrics = Metrics::new();
        metrics.set_ticks(true);
        for _ in 1..limits::METRICS_BATCH {
            metrics.decided(&mut proxy, Outcome::Denied, 1);
        }
        assert_eq!(proxy.metric_definitions, 0);
        metrics.decided(&mut proxy, Outcome::Denied, 1);
        let batch = u64::try_from(limits::METRICS_BATCH).unwrap();
        assert_eq!(proxy.metric(MICROSECONDS), batch);
        assert_eq!(proxy.metric(Outcome::Denied.disposition().metric), batch);
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
