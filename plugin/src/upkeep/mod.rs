//! What the gateway does between requests, carried to the proxy: fetching, and telling the operator what came of it.

mod bundle;
mod keys;
mod renewal;
mod reports;
mod revocations;
mod status_lists;

use crate::background::Background;
use crate::fetch::{FetchProxy, Fetched};
use crate::named_metrics::NamedMetrics;
use crate::proxy::LogLevel;
use palisade_gateway::{ConfigError, Event, FetchError, Gateway, ListEvent};

/// Takes what other workers have, and what earlier configurations had.
pub fn join<'a>(
    gateway: &mut Gateway,
    before: impl IntoIterator<Item = &'a Gateway>,
    proxy: &mut impl Background,
    metrics: &mut NamedMetrics,
) {
    let mut events = Vec::new();
    gateway.join_workers(before, &mut FetchProxy { proxy }, &mut events);
    report(&events, proxy, metrics);
}

/// Does what is due; says whether somebody may have been revoked by it.
pub fn poll(gateway: &mut Gateway, proxy: &mut impl Background, metrics: &mut NamedMetrics) -> bool {
    let mut events = Vec::new();
    gateway.poll(&mut FetchProxy { proxy }, &mut events);
    let revoked = report(&events, proxy, metrics);
    measure(gateway, proxy, metrics);
    revoked
}

/// Takes a response of `headers` headers and `body_size` bytes; says whether somebody may have been revoked by it.
pub fn respond(
    gateway: &mut Gateway,
    call: u32,
    headers: u32,
    body_size: usize,
    proxy: &mut impl Background,
    metrics: &mut NamedMetrics,
) -> bool {
    let mut events = Vec::new();
    let fetched = Fetched::take(headers, body_size, gateway.response_limit(call), proxy);
    gateway.respond(call, fetched.response(), &mut FetchProxy { proxy }, &mut events);
    let revoked = report(&events, proxy, metrics);
    measure(gateway, proxy, metrics);
    revoked
}

/// How loudly it is told that something was not fetched.
fn not_fetched(error: &FetchError) -> LogLevel {
    match error {
        // This one needs somebody: waiting does not help.
        FetchError::NotSent => LogLevel::Error,
        FetchError::NoResponse | FetchError::Status(_) | FetchError::TooLarge | FetchError::ContentType => {
            LogLevel::Warn
        }
    }
}

/// How loudly it is told that something was refused.
pub fn refused(error: &ConfigError) -> LogLevel {
    if error.is_alarm() { LogLevel::Critical } else { LogLevel::Error }
}

/// Sets the gauges.
fn measure(gateway: &Gateway, proxy: &mut impl Background, metrics: &mut NamedMetrics) {
    // Without a clock there are no ages.
    if let Ok(now_nanos) = proxy.now_nanos() {
        keys::ages(gateway.key_ages(now_nanos), proxy, metrics);
        status_lists::ages(gateway.status_list_ages(now_nanos), proxy, metrics);
        bundle::status(&gateway.bundle_status(), now_nanos, proxy, metrics);
        revocations::status(gateway.revocations(), now_nanos, proxy, metrics);
    }
}

/// Tells of events; says whether another revocation list, or another status list, is in force.
fn report(events: &[Event], proxy: &mut impl Background, metrics: &mut NamedMetrics) -> bool {
    for event in events {
        match event {
            Event::Revocations(event) => revocations::report(event, proxy, metrics),
            Event::Keys(event) => keys::report(keys::DECIDING, event, proxy, metrics),
            Event::CandidateKeys(event) => keys::report(keys::CANDIDATE, event, proxy, metrics),
            Event::StatusList(event) => status_lists::report(event, proxy, metrics),
            Event::Bundle(event) => bundle::report(bundle::DECIDING, event, proxy, metrics),
            Event::Candidate(event) => bundle::report(bundle::CANDIDATE, event, proxy, metrics),
            Event::Renewal(what, event) => renewal::report(*what, event, proxy, metrics),
            Event::Report(event) => reports::report(event, proxy, metrics),
        }
    }
    events.iter().any(|event| match event {
        Event::Revocations(event) => matches!(event, ListEvent::Installed { .. }),
        Event::StatusList(event) => status_lists::may_revoke(event),
        Event::Keys(_) | Event::CandidateKeys(_) | Event::Bundle(_) | Event::Candidate(_) => false,
        Event::Renewal(..) | Event::Report(_) => false,
    })
}
