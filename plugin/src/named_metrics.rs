//! Statistics whose names have parts that are known at run time only. Those parts come from bundles and from this code, never
//! from the network, so there are only so many.

use crate::proxy::{HostResult, MetricId, MetricKind, Proxy};

/// The metrics that were defined so far, and what the host said: a refusal is not asked for again.
#[derive(Debug, Default)]
pub struct NamedMetrics {
    known: Vec<(String, HostResult<MetricId>)>,
    /// A name under construction; reused.
    name: String,
}

impl NamedMetrics {
    /// None defined.
    #[must_use]
    pub const fn new() -> Self {
        Self { known: Vec::new(), name: String::new() }
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
        if let Some((_, metric)) = self.known.iter().find(|(known, _)| *known == self.name) {
            return *metric;
        }
        let metric = proxy.define_metric(kind, &self.name);
        self.known.push((self.name.clone(), metric));
        metric
    }
}
