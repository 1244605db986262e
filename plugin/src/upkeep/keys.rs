//! Fetched keys: fetches by issuer and result, and the age of each issuer's keys.
//!
//! In Envoy they are `wasmcustom.palisade_jwks_refresh_total.issuer.ALIAS.result.RESULT` and
//! `wasmcustom.palisade_jwks_age_seconds.issuer.ALIAS`; of a candidate's new issuers,
//! `wasmcustom.palisade_candidate_jwks_refresh_total.issuer.ALIAS.result.RESULT`. Both parts of the names come from the bundle and from this code,
//! never from the network, so there are only so many.

use crate::named_metrics::NamedMetrics;
use crate::proxy::{LogLevel, Proxy};
use palisade_gateway::{KeyEvent, KeyEventKind, RefreshError};

/// Tells the ages of keys, in seconds. An issuer without keys has no age.
pub(super) fn ages<'a>(
    ages: impl Iterator<Item = (&'a str, Option<u64>)>,
    proxy: &mut impl Proxy,
    metrics: &mut NamedMetrics,
) {
    for (issuer, age) in ages {
        if let Some(age) = age {
            metrics.set(proxy, &["palisade_jwks_age_seconds.issuer.", issuer], age);
        }
    }
}

/// Whose keys: how they are named in statistics, and in the log.
pub(super) type Kind = [&'static str; 2];
pub(super) const DECIDING: Kind = ["palisade_jwks_refresh_total.issuer.", "issuer"];
/// Of issuers that only the candidate has.
pub(super) const CANDIDATE: Kind = ["palisade_candidate_jwks_refresh_total.issuer.", "the candidate's issuer"];

/// Counts and logs what happened.
pub(super) fn report([metric, whose]: Kind, event: &KeyEvent, proxy: &mut impl Proxy, metrics: &mut NamedMetrics) {
    let KeyEvent { issuer, kind } = event;
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
    metrics.count(proxy, &[metric, issuer, ".result.", result]);
    if let Some((level, text)) = line {
        proxy.log(level, format!("palisade: keys of {whose} `{issuer}`: {text}").as_bytes());
    }
}
