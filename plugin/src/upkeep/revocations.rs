//! The list of what is revoked: what came of fetching it, and whether one is in force.
//!
//! In Envoy they are `wasmcustom.palisade_revocations_events_total.result.RESULT`, where a result is `installed`, `confirmed` or the
//! code of what went wrong, and the gauges below.

use super::{not_fetched, refused};
use crate::named_metrics::NamedMetrics;
use crate::proxy::{LogLevel, Proxy};
use palisade_gateway::ListEvent;
use palisade_gateway::revocation::Revocations;

/// Which list is in force; 0 for none.
const SERIAL: &str = "palisade_revocations_serial";
/// How many entries it has.
const ENTRIES: &str = "palisade_revocations_entries";
/// Whether the root no longer names enough of the keys that have signed it.
const DISOWNED: &str = "palisade_revocations_disowned";
/// How long it is in date, in seconds; 0 when it is not any more.
const EXPIRES_IN: &str = "palisade_revocations_expires_in_seconds";

/// Sets the gauges, where anything can be revoked.
pub(super) fn status(revocations: &Revocations, now_nanos: u64, proxy: &mut impl Proxy, metrics: &mut NamedMetrics) {
    let Some(list) = revocations.list() else { return };
    metrics.set(proxy, &[SERIAL], list.head().serial);
    metrics.set(proxy, &[ENTRIES], u64::try_from(list.count()).unwrap_or(u64::MAX));
    metrics.set(proxy, &[DISOWNED], u64::from(revocations.is_disowned()));
    metrics.set(proxy, &[EXPIRES_IN], list.head().expires.saturating_sub(now_nanos / 1_000_000_000));
}

/// Counts and logs what happened.
pub(super) fn report(event: &ListEvent, proxy: &mut impl Proxy, metrics: &mut NamedMetrics) {
    metrics.count(proxy, &["palisade_revocations_events_total.result.", event.code()]);
    let (level, text) = match event {
        ListEvent::Confirmed => return,
        ListEvent::Installed { serial, entries } => {
            (LogLevel::Info, format!("revocation list {serial} is in force, {entries} entries"))
        }
        ListEvent::Disowned { serial } => {
            let text = format!("nobody vouches any more for revocation list {serial}: what it revokes stays revoked");
            (LogLevel::Critical, text)
        }
        ListEvent::NotFetched { error, failures } => {
            (not_fetched(error), format!("revocation list not fetched: {error}; failures in a row: {failures}"))
        }
        ListEvent::Refused { error, failures } => {
            (refused(error), format!("revocation list refused: {error}; failures in a row: {failures}"))
        }
        ListEvent::SharedUnreadable => {
            (LogLevel::Warn, format!("{}: another worker's revocation list does not read", event.code()))
        }
    };
    proxy.log(level, format!("palisade: {text}").as_bytes());
}
