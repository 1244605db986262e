//! Key sets that the gateway fetches: its wishes carried to the proxy, and what came of them told to the operator.

use crate::background::Background;
use crate::fetch::{FetchProxy, Fetched};
use crate::key_metrics::KeyMetrics;
use crate::proxy::LogLevel;
use palisade_gateway::{Gateway, KeyEvent, KeyEventKind, RefreshError, limits};

/// Takes what other workers have, and what earlier configurations had.
pub fn join<'a>(
    gateway: &mut Gateway,
    before: impl IntoIterator<Item = &'a Gateway>,
    proxy: &mut impl Background,
    metrics: &mut KeyMetrics,
) {
    let mut events = Vec::new();
    gateway.join_workers(before, &mut FetchProxy { proxy }, &mut events);
    report(&events, proxy, metrics);
}

/// Looks after the keys.
pub fn poll(gateway: &mut Gateway, proxy: &mut impl Background, metrics: &mut KeyMetrics) {
    let mut events = Vec::new();
    gateway.poll_keys(&mut FetchProxy { proxy }, &mut events);
    report(&events, proxy, metrics);
    // Without a clock there are no ages.
    if let Ok(now_nanos) = proxy.now_nanos() {
        metrics.ages(proxy, gateway.key_ages(now_nanos));
    }
}

/// Takes a response of `headers` headers and `body_size` bytes.
pub fn respond(
    gateway: &mut Gateway,
    call: u32,
    headers: u32,
    body_size: usize,
    proxy: &mut impl Background,
    metrics: &mut KeyMetrics,
) {
    let mut events = Vec::new();
    let fetched = Fetched::take(headers, body_size, limits::JWKS_BYTES, proxy);
    gateway.take_keys(call, fetched.response(), &mut FetchProxy { proxy }, &mut events);
    report(&events, proxy, metrics);
}

fn report(events: &[KeyEvent], proxy: &mut impl Background, metrics: &mut KeyMetrics) {
    for KeyEvent { issuer, kind } in events {
        let (result, line) = match *kind {
            KeyEventKind::Fetched { usable: 0, changed, .. } => {
                ("revoked", changed.then(|| (LogLevel::Error, "jwks.revoked: its trust domain has no key".to_owned())))
            }
            KeyEventKind::Fetched { usable, defective, changed } => {
                let level = if defective == 0 { LogLevel::Info } else { LogLevel::Warn };
                let text = format!("jwks.changed: {usable} usable keys, {defective} defective ones left out");
                ("ok", changed.then_some((level, text)))
            }
            KeyEventKind::Failed { error, failures } => {
                // These need somebody: waiting does not help.
                let level = match error {
                    RefreshError::NotSent | RefreshError::NoUsableKey | RefreshError::Rollback => LogLevel::Error,
                    RefreshError::NoResponse
                    | RefreshError::Status(_)
                    | RefreshError::TooLarge
                    | RefreshError::Malformed
                    | RefreshError::TooManyKeys => LogLevel::Warn,
                };
                let result = error.code().trim_start_matches("jwks.");
                (result, Some((level, format!("{error}; failures in a row: {failures}"))))
            }
            KeyEventKind::SharedRefused => {
                ("shared_refused", Some((LogLevel::Warn, "jwks.shared_refused: another worker's document".to_owned())))
            }
        };
        metrics.refreshed(proxy, issuer, result);
        if let Some((level, text)) = line {
            proxy.log(level, format!("palisade: keys of issuer `{issuer}`: {text}").as_bytes());
        }
    }
}
