//! Status lists of issuers: fetches by issuer and result, how many lists there are, and how old the oldest is.
//!
//! In Envoy they are `wasmcustom.palisade_status_list_refresh_total.issuer.ALIAS.result.RESULT` and the gauges below. The URL of a
//! list is in no name, because tokens choose it.

use super::not_fetched;
use crate::named_metrics::NamedMetrics;
use crate::proxy::{LogLevel, Proxy};
use palisade_gateway::{StatusListAges, StatusListError, StatusListEvent, StatusListEventKind};

/// How many lists of an issuer tokens may be looked up in: those that the bundle names, and those that tokens have named.
const KNOWN: &str = "palisade_status_lists.issuer.";
/// How many of them this worker does not have.
const MISSING: &str = "palisade_status_lists_missing.issuer.";
/// How old the oldest of those that it has is, in seconds.
const AGE: &str = "palisade_status_list_age_seconds.issuer.";

/// Sets the gauges.
pub(super) fn ages<'a>(
    ages: impl Iterator<Item = (&'a str, StatusListAges)>,
    proxy: &mut impl Proxy,
    metrics: &mut NamedMetrics,
) {
    // A worker whose requests named no list has nothing to say of those that others have.
    for (issuer, StatusListAges { known, held, oldest_seconds }) in ages.filter(|(_, ages)| ages.known > 0) {
        metrics.set(proxy, &[KNOWN, issuer], known);
        metrics.set(proxy, &[MISSING, issuer], known.saturating_sub(held));
        metrics.set(proxy, &[AGE, issuer], oldest_seconds);
    }
}

/// Whether somebody's status may have turned.
pub(super) fn may_revoke(event: &StatusListEvent) -> bool {
    match event.kind {
        StatusListEventKind::Fetched { changed, .. } => changed,
        StatusListEventKind::Taken => true,
        StatusListEventKind::Failed { .. }
        | StatusListEventKind::SharedRefused(_)
        | StatusListEventKind::Dropped(_) => false,
    }
}

/// Counts and logs what happened.
pub(super) fn report(event: &StatusListEvent, proxy: &mut impl Proxy, metrics: &mut NamedMetrics) {
    let StatusListEvent { issuer, uri, kind } = event;
    let (result, line) = match *kind {
        StatusListEventKind::Fetched { entries, changed } => {
            ("ok", changed.then(|| (LogLevel::Info, format!("{entries} places"))))
        }
        // Told by the worker that fetched it.
        StatusListEventKind::Taken => return,
        StatusListEventKind::Failed { error, failures } => {
            (short(error), Some((loudness(error), format!("{error}; failures in a row: {failures}"))))
        }
        StatusListEventKind::SharedRefused(error) => {
            ("shared_refused", Some((LogLevel::Warn, format!("another worker's is not taken: {error}"))))
        }
        StatusListEventKind::Dropped(error) => {
            ("dropped", Some((LogLevel::Warn, format!("it counts no more, since keys have changed: {error}"))))
        }
    };
    metrics.count(proxy, &["palisade_status_list_refresh_total.issuer.", issuer, ".result.", result]);
    if let Some((level, text)) = line {
        proxy.log(level, format!("palisade: status list `{uri}` of issuer `{issuer}`: {text}").as_bytes());
    }
}

/// The result in the name of a counter.
fn short(error: StatusListError) -> &'static str {
    let code = error.code();
    code.split_once('.').map_or(code, |(_, result)| result)
}

/// How loudly it is told that there is no list.
fn loudness(error: StatusListError) -> LogLevel {
    match error {
        StatusListError::Fetch(error) => not_fetched(&error),
        // Those get better by themselves.
        StatusListError::KeysUnavailable | StatusListError::KeyUnknown | StatusListError::Expired => LogLevel::Warn,
        StatusListError::TooLarge
        | StatusListError::Malformed
        | StatusListError::Type
        | StatusListError::Algorithm
        | StatusListError::Signature
        | StatusListError::Subject
        | StatusListError::Issuer
        | StatusListError::Times
        | StatusListError::Bits
        | StatusListError::Encoding
        | StatusListError::Compression
        | StatusListError::Inflated
        | StatusListError::Rollback
        | StatusListError::Full
        | StatusListError::SharedUnreadable => LogLevel::Error,
    }
}
