//! Keys that are fetched, by filters that are workers of one fake proxy.

use super::tests::{ask, assert_denied, header_bytes, is_allowed, request};
use super::*;
use crate::fake::{FakeProxy, SharedData};
use crate::fixture::{Fixture, NOW};
use crate::proxy::Status;
use palisade_gateway::HeaderMap;
use palisade_policy_compiler::keys::Algorithm;
use serde_json::json;
use std::rc::Rc;

const ROOT: u32 = 1;

/// A worker whose configuration was accepted.
fn worker(fixture: &Fixture, shared: &SharedData) -> (Filter, FakeProxy) {
    let mut proxy = FakeProxy { shared: Rc::clone(shared), ..FakeProxy::default() };
    let mut filter = Filter::new();
    assert!(configure(&mut filter, ROOT, fixture, &mut proxy), "{:?}", proxy.logs);
    proxy.logs.clear();
    (filter, proxy)
}

fn configure(filter: &mut Filter, root: u32, fixture: &Fixture, proxy: &mut FakeProxy) -> bool {
    let configuration = fixture.configuration(json!({"jwks_clusters": {"issuer.example": "idp"}}));
    let size = configuration.len();
    proxy.configuration = Ok(configuration);
    filter.on_context_create(root, 0);
    filter.on_configure(root, size, proxy)
}

/// Answers the last request.
fn respond(filter: &mut Filter, status: &str, body: &[u8], proxy: &mut FakeProxy) {
    let call = u32::try_from(proxy.requests.len()).unwrap();
    proxy.response_headers = Ok(header_bytes(&[(":status", status), ("content-type", "application/json")]));
    proxy.response_body = Ok(body.to_vec());
    filter.on_response(ROOT, call, 2, body.len(), proxy);
}

#[test]
fn keys_come_between_requests_and_to_every_worker() {
    let (fixture, shared) = (Fixture::remote(Algorithm::Ed25519), SharedData::default());
    let (mut first, mut proxy) = worker(&fixture, &shared);
    let (mut second, mut other) = worker(&fixture, &shared);
    assert_eq!(proxy.tick_periods, [limits::JWKS_POLL_MIN_MS]);
    let action = ask(&mut first, ROOT, request("front", &fixture.bearer("alice"), &[]), &mut proxy);
    assert_denied(&proxy, action, 503, "token.keys_unavailable");
    assert_eq!(proxy.requests, [], "no request starts a fetch");

    first.on_tick(ROOT, &mut proxy);
    second.on_tick(ROOT, &mut other);
    assert_eq!(other.requests, []);
    let [sent] = &proxy.requests[..] else { panic!("{:?}", proxy.requests) };
    assert_eq!((sent.cluster.as_str(), sent.timeout_ms), ("idp", limits::JWKS_TIMEOUT_MS));
    let headers = HeaderMap::parse(&sent.headers).unwrap();
    let value = |name: &str| headers.values(name).next().map(|value| String::from_utf8(value.to_vec()).unwrap());
    assert_eq!(value(":method").as_deref(), Some("GET"));
    assert_eq!(value(":authority").as_deref(), Some("issuer.example"));
    assert_eq!(value(":path").as_deref(), Some("/jwks"));

    respond(&mut first, "200", fixture.jwks().as_bytes(), &mut proxy);
    assert!(is_allowed(&mut first, ROOT, &fixture, &mut proxy));
    assert!(!is_allowed(&mut second, ROOT, &fixture, &mut other));
    second.on_tick(ROOT, &mut other);
    assert!(is_allowed(&mut second, ROOT, &fixture, &mut other));
    assert_eq!(other.requests, []);
    assert_eq!(proxy.metric("palisade_jwks_refresh_total.issuer.dev.result.ok"), 1);
    let told = |(level, line): &(LogLevel, String)| *level == LogLevel::Info && line.contains("jwks.changed: 1 usable");
    assert!(proxy.logs.iter().any(told), "{:?}", proxy.logs);

    proxy.now = Ok((NOW + 7) * 1_000_000_000);
    first.on_tick(ROOT, &mut proxy);
    assert_eq!(proxy.metric("palisade_jwks_age_seconds.issuer.dev"), 7);
    assert_eq!(proxy.tick_periods, [limits::JWKS_POLL_MIN_MS, limits::JWKS_POLL_MS]);
}

#[test]
fn a_key_that_is_gone_takes_cached_tokens_with_it() {
    let (fixture, shared) = (Fixture::remote(Algorithm::Ed25519), SharedData::default());
    let (mut filter, mut proxy) = worker(&fixture, &shared);
    filter.on_tick(ROOT, &mut proxy);
    respond(&mut filter, "200", fixture.jwks().as_bytes(), &mut proxy);
    let headers = request("front", &fixture.bearer("alice"), &[]);
    assert_eq!(ask(&mut filter, ROOT, headers.clone(), &mut proxy), Action::Continue);
    proxy.now = Ok((NOW + 599) * 1_000_000_000);
    filter.on_tick(ROOT, &mut proxy);
    let replaced = Fixture::remote(Algorithm::Ed25519).jwks().replace("\"dev\"", "\"other\"");
    respond(&mut filter, "200", replaced.as_bytes(), &mut proxy);
    proxy.now = Ok(NOW * 1_000_000_000);
    let action = ask(&mut filter, ROOT, headers, &mut proxy);
    assert_denied(&proxy, action, 401, "token.kid_unknown");
}

#[test]
fn responses_that_do_not_read_are_failures_with_a_code_each() {
    let fixture = Fixture::remote(Algorithm::Ed25519);
    let ok = header_bytes(&[(":status", "200")]);
    let jwks = fixture.jwks();
    let body = jwks.as_bytes();
    let missing = Err(Status::INTERNAL_FAILURE);
    for (headers, count, size, body, result) in [
        (Ok(ok.clone()), 0, body.len(), Ok(body.to_vec()), "no_response"),
        (Err(Status::BAD_ARGUMENT), 1, body.len(), Ok(body.to_vec()), "status"),
        (Ok(b"\xff\xff".to_vec()), 1, body.len(), Ok(body.to_vec()), "status"),
        (Ok(vec![0; 4]), 1, body.len(), Ok(body.to_vec()), "status"),
        (Ok(header_bytes(&[(":status", "200"), (":status", "200")])), 2, body.len(), Ok(body.to_vec()), "status"),
        (Ok(header_bytes(&[(":status", "two hundred")])), 1, body.len(), Ok(body.to_vec()), "status"),
        (Ok(header_bytes(&[(":status", "302"), ("location", "/")])), 2, body.len(), Ok(body.to_vec()), "status"),
        (Ok(ok.clone()), 1, body.len(), missing, "no_response"),
        (Ok(ok.clone()), 1, body.len() + 1, Ok(body.to_vec()), "no_response"),
        (Ok(ok.clone()), 1, limits::JWKS_BYTES + 1, Ok(body.to_vec()), "too_large"),
        (Ok(ok.clone()), 1, usize::MAX, Ok(body.to_vec()), "too_large"),
        (Ok(ok.clone()), 1, 0, Ok(body.to_vec()), "malformed"),
        (Ok(ok.clone()), 1, 1, Ok(body.to_vec()), "malformed"),
    ] {
        let (mut filter, mut proxy) = worker(&fixture, &SharedData::default());
        filter.on_tick(ROOT, &mut proxy);
        proxy.response_headers = headers;
        proxy.response_body = body;
        filter.on_response(ROOT, 1, count, size, &mut proxy);
        assert_eq!(proxy.metric(&format!("palisade_jwks_refresh_total.issuer.dev.result.{result}")), 1, "{result}");
        let [(LogLevel::Warn, line)] = &proxy.logs[..] else { panic!("{:?}", proxy.logs) };
        assert!(line.starts_with(&format!("palisade: keys of issuer `dev`: jwks.{result}: ")), "{line}");
        assert!(!is_allowed(&mut filter, ROOT, &fixture, &mut proxy), "{result}");
    }
}

#[test]
fn a_request_that_the_host_does_not_send_is_an_alarm() {
    let fixture = Fixture::remote(Algorithm::Ed25519);
    let (mut filter, mut proxy) = worker(&fixture, &SharedData::default());
    proxy.request = Err(Status::BAD_ARGUMENT);
    filter.on_tick(ROOT, &mut proxy);
    filter.on_tick(ROOT, &mut proxy);
    assert_eq!(proxy.requests.len(), 1, "tried again later");
    assert_eq!(proxy.metric("palisade_jwks_refresh_total.issuer.dev.result.not_sent"), 1);
    assert!(matches!(&proxy.logs[..], [(LogLevel::Error, line)] if line.contains("jwks.not_sent")));
}

#[test]
fn ticks_and_responses_for_nobody_are_ignored() {
    let fixture = Fixture::remote(Algorithm::Ed25519);
    let (mut filter, mut proxy) = worker(&fixture, &SharedData::default());
    filter.on_tick(9, &mut proxy);
    filter.on_response(9, 1, 1, 10, &mut proxy);
    filter.on_response(ROOT, 1, 1, 10, &mut proxy);
    assert_eq!((&proxy.requests[..], &proxy.logs[..]), (&[][..], &[][..]));
    filter.on_tick(ROOT, &mut proxy);
    filter.on_delete(ROOT, &mut proxy);
    filter.on_response(ROOT, 1, 1, 10, &mut proxy);
    filter.on_tick(ROOT, &mut proxy);
    assert_eq!(proxy.requests.len(), 1);
}

#[test]
fn without_ticks_a_configuration_with_remote_keys_is_refused() {
    let fixture = Fixture::remote(Algorithm::Ed25519);
    let mut proxy = FakeProxy { ticks: Err(Status::INTERNAL_FAILURE), ..FakeProxy::default() };
    assert!(!configure(&mut Filter::new(), ROOT, &fixture, &mut proxy));
    assert!(matches!(&proxy.logs[..], [(LogLevel::Error, line)] if line.contains("config.no_ticks")));
    // Keys that are in the bundle need none, and the host is told what was counted as it is counted.
    let inline = Fixture::new(Algorithm::Ed25519);
    let mut filter = Filter::new();
    assert!(configure(&mut filter, ROOT, &inline, &mut proxy));
    assert!(is_allowed(&mut filter, ROOT, &inline, &mut proxy));
    assert_eq!(proxy.metric("palisade_decisions_total.reason.policy.allow"), 1);
}

#[test]
fn what_was_counted_is_told_at_a_tick_and_when_a_configuration_goes() {
    const ALLOWED: &str = "palisade_decisions_total.reason.policy.allow";
    let (fixture, mut proxy) = (Fixture::new(Algorithm::Ed25519), FakeProxy::default());
    let mut filter = Filter::new();
    assert!(configure(&mut filter, ROOT, &fixture, &mut proxy));
    assert_eq!(proxy.tick_periods, [limits::METRICS_PERIOD_MS]);
    assert!(is_allowed(&mut filter, ROOT, &fixture, &mut proxy));
    assert_eq!(proxy.metric_definitions, 0);
    filter.on_tick(ROOT, &mut proxy);
    assert_eq!(proxy.metric(ALLOWED), 1);
    assert!(is_allowed(&mut filter, ROOT, &fixture, &mut proxy));
    assert_eq!(proxy.metric(ALLOWED), 1);
    filter.on_delete(ROOT, &mut proxy);
    assert_eq!(proxy.metric(ALLOWED), 2);
    // Nobody ticks any more, so nothing waits.
    assert!(!is_allowed(&mut filter, ROOT, &fixture, &mut proxy));
    assert_eq!(proxy.metric("palisade_decisions_total.reason.bundle.missing"), 1);
}

#[test]
fn without_a_cluster_a_configuration_with_remote_keys_is_refused() {
    let fixture = Fixture::remote(Algorithm::Ed25519);
    for members in [json!({}), json!({"jwks_clusters": {}}), json!({"jwks_clusters": {"issuer.example.evil": "idp"}})] {
        let configuration = fixture.configuration(members);
        let size = configuration.len();
        let mut proxy = FakeProxy { configuration: Ok(configuration), ..FakeProxy::default() };
        let mut filter = Filter::new();
        filter.on_context_create(ROOT, 0);
        assert!(!filter.on_configure(ROOT, size, &mut proxy));
        assert!(matches!(&proxy.logs[..], [(LogLevel::Error, line)] if line.contains("config.jwks_cluster")));
    }
}

#[test]
fn a_new_configuration_in_the_same_vm_begins_with_the_keys_of_the_old_one() {
    let (fixture, shared) = (Fixture::remote(Algorithm::Ed25519), SharedData::default());
    let (mut filter, mut proxy) = worker(&fixture, &shared);
    filter.on_tick(ROOT, &mut proxy);
    respond(&mut filter, "200", fixture.jwks().as_bytes(), &mut proxy);
    shared.borrow_mut().clear();
    assert!(configure(&mut filter, 7, &fixture, &mut proxy));
    filter.on_delete(ROOT, &mut proxy);
    assert!(is_allowed(&mut filter, 7, &fixture, &mut proxy));
}

#[test]
fn a_vm_that_starts_anew_has_the_keys_at_once() {
    let (fixture, shared) = (Fixture::remote(Algorithm::Ed25519), SharedData::default());
    let (mut filter, mut proxy) = worker(&fixture, &shared);
    filter.on_tick(ROOT, &mut proxy);
    respond(&mut filter, "200", fixture.jwks().as_bytes(), &mut proxy);
    let (mut anew, mut proxy) = worker(&fixture, &shared);
    assert!(is_allowed(&mut anew, ROOT, &fixture, &mut proxy));
    assert_eq!(proxy.requests, []);
}

#[test]
fn workers_without_shared_data_each_fetch_for_themselves() {
    let fixture = Fixture::remote(Algorithm::Ed25519);
    for _ in 0..2 {
        let mut proxy = FakeProxy { sharing: Err(Status::INTERNAL_FAILURE), ..FakeProxy::default() };
        let mut filter = Filter::new();
        assert!(configure(&mut filter, ROOT, &fixture, &mut proxy));
        filter.on_tick(ROOT, &mut proxy);
        filter.on_tick(ROOT, &mut proxy);
        assert_eq!(proxy.requests.len(), 1);
        respond(&mut filter, "200", fixture.jwks().as_bytes(), &mut proxy);
        assert!(is_allowed(&mut filter, ROOT, &fixture, &mut proxy));
    }
}
