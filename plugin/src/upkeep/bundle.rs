//! The bundle: what came of fetching it, which one decides, and how fresh that is.
//!
//! In Envoy they are `wasmcustom.palisade_bundle_events_total.result.RESULT`, where a result is `swapped`, `confirmed` or the
//! code of what went wrong, and the gauges below. Every worker sets the gauges; they agree within a second or two of a swap.

use super::{not_fetched, refused};
use crate::named_metrics::NamedMetrics;
use crate::proxy::{LogLevel, Proxy};
use palisade_gateway::{BundleEvent, BundleStatus};

/// Which bundle decides; 0 for none.
const VERSION: &str = "palisade_bundle_version";
/// The first 48 bits of its digest, which is as much as every reader of statistics keeps exactly.
const DIGEST: &str = "palisade_bundle_digest_prefix";
/// How long it will decide, in seconds; 0 when it does not any more.
const EXPIRES_IN: &str = "palisade_bundle_expires_in_seconds";
/// How long ago a server last said what there is, in seconds.
const CONFIRMED_AGE: &str = "palisade_bundle_confirmed_age_seconds";
/// Whether something went wrong since something last went well.
const FAILING: &str = "palisade_bundle_failing";

/// Sets the gauges.
pub(super) fn status(status: &BundleStatus<'_>, now_nanos: u64, proxy: &mut impl Proxy, metrics: &mut NamedMetrics) {
    let BundleStatus { bundle, confirmed_ms, last_error: _, is_failing, swaps: _ } = status;
    let now_ms = now_nanos / 1_000_000;
    metrics.set(proxy, &[VERSION], bundle.map_or(0, |bundle| bundle.version));
    if let Some(bundle) = bundle {
        let [a, b, c, d, e, f, ..] = *bundle.digest.as_bytes();
        metrics.set(proxy, &[DIGEST], u64::from_be_bytes([0, 0, a, b, c, d, e, f]));
        metrics.set(proxy, &[EXPIRES_IN], bundle.expires.saturating_sub(now_ms / 1000));
    }
    if let Some(confirmed_ms) = confirmed_ms {
        metrics.set(proxy, &[CONFIRMED_AGE], now_ms.saturating_sub(*confirmed_ms) / 1000);
    }
    metrics.set(proxy, &[FAILING], u64::from(*is_failing));
}

/// How a bundle is named: in statistics, and in the log; and what it does once it is there.
pub(super) type Kind = [&'static str; 3];
pub(super) const DECIDING: Kind = ["palisade_bundle_events_total.result.", "bundle", "decides"];
pub(super) const CANDIDATE: Kind =
    ["palisade_candidate_events_total.result.", "candidate", "is asked beside the one that decides"];

/// Counts and logs what happened.
pub(super) fn report(kind: Kind, event: &BundleEvent, proxy: &mut impl Proxy, metrics: &mut NamedMetrics) {
    let [metric, what, does] = kind;
    metrics.count(proxy, &[metric, event.code()]);
    let (level, text) = match event {
        BundleEvent::Confirmed => return,
        BundleEvent::Swapped { name, version, took_ms } => {
            (LogLevel::Info, format!("{what} `{name}` version {version} {does}, {took_ms} ms after it arrived"))
        }
        BundleEvent::Withdrawn => (LogLevel::Info, format!("{what} withdrawn")),
        BundleEvent::NotFetched { error, failures } => {
            (not_fetched(error), format!("{what} not fetched: {error}; failures in a row: {failures}"))
        }
        BundleEvent::Refused { error, failures } => {
            (refused(error), format!("{what} refused: {error}; failures in a row: {failures}"))
        }
        BundleEvent::SharedUnreadable => {
            (LogLevel::Warn, format!("{}: another worker's {what} does not read", event.code()))
        }
    };
    proxy.log(level, format!("palisade: {text}").as_bytes());
}
