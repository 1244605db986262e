//! Statistics of fetched keys: fetches by issuer and result, and the age of each issuer's keys.
//!
//! In Envoy they are `wasmcustom.palisade_jwks_refresh_total.issuer.ALIAS.result.RESULT` and
//! `wasmcustom.palisade_jwks_age_seconds.issuer.ALIAS`. Both parts of the names come from the bundle and from this code,
//! never from the network, so there are only so many.

use crate::proxy::{HostResult, MetricId, MetricKind, Proxy};

/// The metrics that were defined so far.
#[derive(Debug, Default)]
pub struct KeyMetrics {
    known: Vec<(String, HostResult<MetricId>)>,
    /// A name under construction; reused.
    name: String,
}

impl KeyMetrics {
    /// None defined.
    #[must_use]
    pub const fn new() -> Self {
        Self { known: Vec::new(), name: String::new() }
    }

    /// Counts a fetch.
    pub fn refreshed(&mut self, proxy: &mut impl Proxy, issuer: &str, result: &str) {
        if let Ok(counter) =
            self.find(proxy, MetricKind::Counter, ["refresh_total.issuer.", issuer, ".result.", result])
        {
            let _ = proxy.increment(counter, 1);
        }
    }

    /// Tells the ages of keys, in seconds. An issuer without keys has no age.
    pub fn ages<'a>(&mut self, proxy: &mut impl Proxy, ages: impl Iterator<Item = (&'a str, Option<u64>)>) {
        for (issuer, age) in ages {
            let Some(age) = age else { continue };
            if let Ok(gauge) = self.find(proxy, MetricKind::Gauge, ["age_seconds.issuer.", issuer, "", ""]) {
                let _ = proxy.record(gauge, age);
            }
        }
    }

    fn find(&mut self, proxy: &mut impl Proxy, kind: MetricKind, parts: [&str; 4]) -> HostResult<MetricId> {
        self.name.clear();
        self.name.push_str("palisade_jwks_");
        parts.into_iter().for_each(|part| self.name.push_str(part));
        if let Some((_, metric)) = self.known.iter().find(|(known, _)| *known == self.name) {
            return *metric;
        }
        let metric = proxy.define_metric(kind, &self.name);
        self.known.push((self.name.clone(), metric));
        metric
    }
}
