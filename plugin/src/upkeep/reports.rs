//! Status reports: whether the server takes them.
//!
//! In Envoy it is `wasmcustom.palisade_status_reports_total.result.RESULT`, where a result is `sent` or the code of what went wrong.

use super::not_fetched;
use crate::named_metrics::NamedMetrics;
use crate::proxy::Proxy;
use palisade_gateway::ReportEvent;

/// Counts and logs what happened.
pub(super) fn report(event: &ReportEvent, proxy: &mut impl Proxy, metrics: &mut NamedMetrics) {
    metrics.count(proxy, &["palisade_status_reports_total.result.", event.code()]);
    if let ReportEvent::Failed { error, failures } = event {
        let text = format!("palisade: status not reported: {error}; failures in a row: {failures}");
        proxy.log(not_fetched(error), text.as_bytes());
    }
}
