//! What renews trust: freshness documents and roots.
//!
//! In Envoy they are `wasmcustom.palisade_freshness_events_total.result.RESULT` and `palisade_root_events_total`, where a result
//! is `refreshed`, `ahead`, `rotated` or the code of what went wrong.

use crate::named_metrics::NamedMetrics;
use crate::proxy::{LogLevel, Proxy};
use palisade_gateway::{Refreshed, Renewal, RenewalEvent};

/// Counts and logs what happened.
pub(super) fn report(what: Renewal, event: &RenewalEvent, proxy: &mut impl Proxy, metrics: &mut NamedMetrics) {
    let (name, counter) = match what {
        Renewal::Freshness => ("freshness document", "palisade_freshness_events_total.result."),
        Renewal::Root => ("root", "palisade_root_events_total.result."),
    };
    metrics.count(proxy, &[counter, event.code()]);
    let (level, text) = match event {
        RenewalEvent::Refreshed(Refreshed::Renewed(_) | Refreshed::Unchanged) => return,
        RenewalEvent::Refreshed(Refreshed::Ahead(version)) => {
            (LogLevel::Warn, format!("{name}: version {version} of the bundle is out, and has not come yet"))
        }
        RenewalEvent::Rotated(version, true) => (LogLevel::Info, format!("root {version} says who may sign")),
        RenewalEvent::Rotated(version, false) => {
            let text = format!("root {version} says who may sign, and no bundle is signed so: every request is denied");
            (LogLevel::Critical, text)
        }
        RenewalEvent::NotFetched(error) => (LogLevel::Warn, format!("{name} not fetched: {error}")),
        RenewalEvent::Refused(error) => (LogLevel::Error, format!("{name} refused: {error}")),
        RenewalEvent::SharedUnreadable => (LogLevel::Warn, format!("{name} of another worker does not read")),
    };
    proxy.log(level, format!("palisade: {text}").as_bytes());
}
