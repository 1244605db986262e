//! What the gateway does between requests, carried to the proxy: fetching, and telling the operator what came of it.

mod bundle;
mod keys;

use crate::background::Background;
use crate::fetch::{FetchProxy, Fetched};
use crate::named_metrics::NamedMetrics;
use palisade_gateway::{Event, Gateway};

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

/// Does what is due.
pub fn poll(gateway: &mut Gateway, proxy: &mut impl Background, metrics: &mut NamedMetrics) {
    let mut events = Vec::new();
    gateway.poll(&mut FetchProxy { proxy }, &mut events);
    report(&events, proxy, metrics);
    // Without a clock there are no ages.
    if let Ok(now_nanos) = proxy.now_nanos() {
        keys::ages(gateway.key_ages(now_nanos), proxy, metrics);
        bundle::status(&gateway.bundle_status(), now_nanos, proxy, metrics);
    }
}

/// Takes a response of `headers` headers and `body_size` bytes.
pub fn respond(
    gateway: &mut Gateway,
    call: u32,
    headers: u32,
    body_size: usize,
    proxy: &mut impl Background,
    metrics: &mut NamedMetrics,
) {
    let mut events = Vec::new();
    let fetched = Fetched::take(headers, body_size, gateway.response_limit(call), proxy);
    gateway.respond(call, fetched.response(), &mut FetchProxy { proxy }, &mut events);
    report(&events, proxy, metrics);
}

fn report(events: &[Event], proxy: &mut impl Background, metrics: &mut NamedMetrics) {
    for event in events {
        match event {
            Event::Keys(event) => keys::report(event, proxy, metrics),
            Event::Bundle(event) => bundle::report(event, proxy, metrics),
        }
    }
}
