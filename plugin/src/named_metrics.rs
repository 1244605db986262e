//! Statistics whose names have parts that are known at run time only. Those parts come from bundles and from this code, never
//! from the network, so there are only so many.

use std::collections::{BTreeMap, BTreeSet};

use crate::proxy::{HostResult, MetricId, MetricKind, Proxy};

/// The metrics that were defined so far, and what the host said: a refusal is not asked for again.
#[derive(Debug, Default)]
pub struct NamedMetrics {
    known: BTreeMap<String, HostResult<MetricId>>,
    /// What has a metric of its own although there may be any number of its kind.
    admitted: BTreeSet<String>,
    /// A name under construction; reused.
    name: String,
}

impl NamedMetrics {
    /// None defined.
    #[must_use]
    pub const fn new() -> Self {
        Self { known: BTreeMap::new(), admitted: BTreeSet::new(), name: String::new() }
    }

    /// Whether something may have metrics of its own: the first `most` may, as long as the VM lives, and none after them.
    /// Hosts keep what was defined once.
    pub fn admits(&mut self, name: &str, most: usize) -> bool {
        if self.admitted.contains(name) {
            return true;
        }
        let is_new = self.admitted.len() < most;
        if is_new {
            self.admitted.insert(name.to_owned());
        }
        is_new
    }

    /// Adds one to a counter; its name is all parts together.
    pub fn count(&mut self, proxy: &mut impl Proxy, parts: &[&str]) {
        if let Ok(counter) = self.find(proxy, MetricKind::Counter, parts) {
            let _ = proxy.increment(counter, 1);
        }
    }

    /// Sets a gauge; its name is all parts together.
    pub fn set(&mut self, proxy: &mut impl Proxy, parts: &[&str], value: u64) {
        if let Ok(gauge) = self.find(proxy, MetricKind::Gauge, parts) {
            let _ = proxy.record(gauge, value);
        }
    }

    fn find(&mut self, proxy: &mut impl Proxy, kind: MetricKind, parts: &[&str]) -> HostResult<MetricId> {
        self.name.clear();
        parts.iter().for_each(|part| self.name.push_str(part));
        if let Some(metric) = self.known.get(&self.name) {
            return *metric;
        }
        let metric = proxy.define_metric(kind, &self.name);
        self.known.insert(self.name.clone(), metric);
        metric
    }
}
