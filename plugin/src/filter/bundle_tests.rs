//! Bundles that are fetched, by filters that are workers of one fake proxy.

use super::tests::{ask, assert_denied, header_bytes, is_allowed, request};
use super::*;
use crate::fake::{FakeProxy, SharedData};
use crate::fixture::{Fixture, NOW};
use crate::proxy::Status;
use palisade_gateway::{HeaderMap, limits};
use palisade_policy_compiler::keys::Algorithm;
use serde_json::json;
use std::rc::Rc;

const ROOT: u32 = 1;
const RESULT: &str = "palisade_bundle_events_total.result.";

/// A worker that is to fetch its bundle.
fn worker(fixture: &Fixture, shared: &SharedData) -> (Filter, FakeProxy) {
    let mut proxy = FakeProxy { shared: Rc::clone(shared), ..FakeProxy::default() };
    let mut filter = Filter::new();
    assert!(configure(&mut filter, ROOT, fixture, &mut proxy), "{:?}", proxy.logs);
    (filter, proxy)
}

fn configure(filter: &mut Filter, root: u32, fixture: &Fixture, proxy: &mut FakeProxy) -> bool {
    let remote = json!({"remote": {"cluster": "bundles", "authority": "bundles.internal", "prefix": "/p/"}});
    let configuration = fixture.configuration(json!({"bundle": remote, "channel": "fixture"}));
    let size = configuration.len();
    proxy.configuration = Ok(configuration);
    filter.on_context_create(root, 0);
    filter.on_configure(root, size, proxy)
}

/// Answers the last request, and ticks until nothing is left to do.
fn respond(filter: &mut Filter, headers: &[(&str, &str)], body: &[u8], proxy: &mut FakeProxy) {
    let call = u32::try_from(proxy.requests.len()).unwrap();
    proxy.response_headers = Ok(header_bytes(headers));
    proxy.response_body = Ok(body.to_vec());
    filter.on_response(ROOT, call, 2, body.len(), proxy);
    settle(filter, proxy);
}

fn settle(filter: &mut Filter, proxy: &mut FakeProxy) {
    for _ in 0..20 {
        filter.on_tick(ROOT, proxy);
        if proxy.tick_periods.last() != Some(&limits::OPENING_STEP_MS) {
            return;
        }
    }
    panic!("a bundle that never opens: {:?}", proxy.logs);
}

fn sent(proxy: &FakeProxy, name: &str) -> Option<String> {
    let headers = HeaderMap::parse(&proxy.requests.last().unwrap().headers).unwrap();
    headers.values(name).next().map(|value| String::from_utf8(value.to_vec()).unwrap())
}

#[test]
fn a_bundle_comes_between_requests_and_to_every_worker() {
    let (fixture, shared) = (Fixture::new(Algorithm::Ed25519), SharedData::default());
    let (mut first, mut proxy) = worker(&fixture, &shared);
    let (mut second, mut other) = worker(&fixture, &shared);
    assert!(proxy.logs.iter().any(|(_, line)| line.contains("no bundle yet: every request is denied")));
    assert_eq!(proxy.tick_periods, [limits::FEED_POLL_MIN_MS]);
    let action = ask(&mut first, ROOT, request("front", &fixture.bearer("alice"), &[]), &mut proxy);
    assert_denied(&proxy, action, 503, "bundle.missing");
    assert_eq!(proxy.requests, [], "no request starts a fetch");

    first.on_tick(ROOT, &mut proxy);
    second.on_tick(ROOT, &mut other);
    assert_eq!(other.requests, []);
    let [request] = &proxy.requests[..] else { panic!("{:?}", proxy.requests) };
    assert_eq!((request.cluster.as_str(), request.timeout_ms), ("bundles", limits::FEED_TIMEOUT_MS));
    assert_eq!(sent(&proxy, ":method").as_deref(), Some("GET"));
    assert_eq!(sent(&proxy, ":authority").as_deref(), Some("bundles.internal"));
    assert_eq!(sent(&proxy, ":path").as_deref(), Some("/p/fixture.palisade"));
    assert_eq!((sent(&proxy, "if-none-match"), sent(&proxy, "prefer")), (None, None));

    respond(&mut first, &[(":status", "200"), ("etag", "\"v7\"")], fixture.bundle(), &mut proxy);
    assert!(is_allowed(&mut first, ROOT, &fixture, &mut proxy));
    assert!(!is_allowed(&mut second, ROOT, &fixture, &mut other));
    settle(&mut second, &mut other);
    assert!(is_allowed(&mut second, ROOT, &fixture, &mut other));
    for proxy in [&proxy, &other] {
        assert_eq!(proxy.metric(&format!("{RESULT}swapped")), 1);
        assert_eq!(proxy.metric("palisade_bundle_version"), fixture.version);
        assert_ne!(proxy.metric("palisade_bundle_digest_prefix"), 0);
        assert_eq!(proxy.metric("palisade_bundle_failing"), 0);
        let told = |(level, line): &(LogLevel, String)| {
            *level == LogLevel::Info && line.contains(&format!("version {} decides", fixture.version))
        };
        assert!(proxy.logs.iter().any(told), "{:?}", proxy.logs);
    }

    proxy.now = Ok((NOW + 11) * 1_000_000_000);
    first.on_tick(ROOT, &mut proxy);
    assert_eq!(proxy.metric("palisade_bundle_confirmed_age_seconds"), 11);
    assert_eq!(sent(&proxy, "if-none-match").as_deref(), Some("\"v7\""));
    assert_eq!(sent(&proxy, "prefer").as_deref(), Some("wait=30"));
    assert_eq!(proxy.requests.last().unwrap().timeout_ms, limits::FEED_TIMEOUT_MS + 30_000);
    respond(&mut first, &[(":status", "304"), ("etag", "\"v7\"")], b"", &mut proxy);
    assert_eq!(proxy.metric(&format!("{RESULT}confirmed")), 1);
    assert!(is_allowed(&mut first, ROOT, &fixture, &mut proxy));
}

#[test]
fn a_new_bundle_takes_the_place_of_the_old_one_and_a_bad_one_does_not() {
    let (fixture, shared) = (Fixture::new(Algorithm::Ed25519), SharedData::default());
    let (mut filter, mut proxy) = worker(&fixture, &shared);
    let mut now = NOW;
    let mut serve = |status: &str, body: &[u8], filter: &mut Filter, proxy: &mut FakeProxy| {
        now += 11;
        proxy.now = Ok(now * 1_000_000_000);
        proxy.logs.clear();
        filter.on_tick(ROOT, proxy);
        respond(filter, &[(":status", status), ("content-type", "application/octet-stream")], body, proxy);
    };
    serve("200", fixture.bundle(), &mut filter, &mut proxy);
    serve("200", &fixture.next_bundle(), &mut filter, &mut proxy);
    let version = fixture.version + 1;
    assert_eq!(proxy.metric("palisade_bundle_version"), version);
    let strange = Fixture::new(Algorithm::Ed25519);
    for (status, body, code) in [
        ("200", strange.bundle(), "bundle.threshold"),
        ("200", fixture.bundle(), "bundle.rollback"),
        ("200", b"<html></html>".as_slice(), "bundle.magic"),
        ("302", fixture.bundle(), "feed.status"),
        ("500", b"".as_slice(), "feed.status"),
    ] {
        serve(status, body, &mut filter, &mut proxy);
        assert!(proxy.metric(&format!("{RESULT}{code}")) > 0, "{code}");
        assert_eq!((proxy.metric("palisade_bundle_version"), proxy.metric("palisade_bundle_failing")), (version, 1));
        let told = |(level, line): &(LogLevel, String)| *level != LogLevel::Info && line.contains(code);
        assert!(proxy.logs.iter().any(told), "{:?}", proxy.logs);
        assert!(is_allowed(&mut filter, ROOT, &fixture, &mut proxy), "{code}");
    }
}

#[test]
fn a_bundle_that_is_too_large_is_not_copied() {
    let fixture = Fixture::new(Algorithm::Ed25519);
    let (mut filter, mut proxy) = worker(&fixture, &SharedData::default());
    filter.on_tick(ROOT, &mut proxy);
    proxy.response_headers = Ok(header_bytes(&[(":status", "200")]));
    // Whoever asked for it would get this error.
    proxy.response_body = Err(Status::INTERNAL_FAILURE);
    filter.on_response(ROOT, 1, 1, limits::BUNDLE_BYTES + 1, &mut proxy);
    assert_eq!(proxy.metric(&format!("{RESULT}feed.too_large")), 1);
    assert!(!is_allowed(&mut filter, ROOT, &fixture, &mut proxy));
}

#[test]
fn a_changed_configuration_and_a_vm_that_starts_anew_have_the_bundle_at_once() {
    let (fixture, shared) = (Fixture::new(Algorithm::Ed25519), SharedData::default());
    let (mut filter, mut proxy) = worker(&fixture, &shared);
    filter.on_tick(ROOT, &mut proxy);
    respond(&mut filter, &[(":status", "200")], fixture.bundle(), &mut proxy);
    assert!(configure(&mut filter, 7, &fixture, &mut proxy));
    filter.on_delete(ROOT, &mut proxy);
    assert!(is_allowed(&mut filter, 7, &fixture, &mut proxy));
    let (mut anew, mut proxy) = worker(&fixture, &shared);
    assert!(is_allowed(&mut anew, ROOT, &fixture, &mut proxy));
    assert_eq!(proxy.requests, []);
}

#[test]
fn without_ticks_a_configuration_that_fetches_is_refused() {
    let fixture = Fixture::new(Algorithm::Ed25519);
    let mut proxy = FakeProxy { ticks: Err(Status::INTERNAL_FAILURE), ..FakeProxy::default() };
    assert!(!configure(&mut Filter::new(), ROOT, &fixture, &mut proxy));
    assert!(proxy.logs.iter().any(|(level, line)| *level == LogLevel::Error && line.contains("config.no_ticks")));
}

#[test]
fn a_cluster_that_the_proxy_does_not_know_is_an_alarm() {
    let fixture = Fixture::new(Algorithm::Ed25519);
    let (mut filter, mut proxy) = worker(&fixture, &SharedData::default());
    proxy.request = Err(Status::BAD_ARGUMENT);
    filter.on_tick(ROOT, &mut proxy);
    assert_eq!(proxy.metric(&format!("{RESULT}feed.not_sent")), 1);
    assert!(proxy.logs.iter().any(|(level, line)| *level == LogLevel::Error && line.contains("feed.not_sent")));
}

#[test]
fn what_a_candidate_would_do_is_counted_and_changes_nothing() {
    let (fixture, shared) = (Fixture::new(Algorithm::Ed25519), SharedData::default());
    let mut proxy = FakeProxy { shared: Rc::clone(&shared), ..FakeProxy::default() };
    let mut filter = Filter::new();
    let remote = json!({"remote": {"cluster": "bundles", "authority": "bundles.internal"}});
    let configuration = fixture.configuration(json!({"bundle": remote, "channel": "fixture", "candidate": true}));
    proxy.configuration = Ok(configuration);
    filter.on_context_create(ROOT, 0);
    assert!(filter.on_configure(ROOT, 1, &mut proxy), "{:?}", proxy.logs);
    filter.on_tick(ROOT, &mut proxy);
    let paths: Vec<Option<String>> = proxy.requests.iter().map(|request| path_of(&request.headers)).collect();
    assert_eq!(paths, ["/fixture.palisade", "/fixture.candidate.palisade"].map(|path| Some(path.to_owned())));
    let answer = |call: u32, body: &[u8], filter: &mut Filter, proxy: &mut FakeProxy| {
        proxy.response_headers = Ok(header_bytes(&[(":status", "200")]));
        proxy.response_body = Ok(body.to_vec());
        filter.on_response(ROOT, call, 1, body.len(), proxy);
        settle(filter, proxy);
    };
    answer(1, fixture.bundle(), &mut filter, &mut proxy);
    assert!(is_allowed(&mut filter, ROOT, &fixture, &mut proxy));
    answer(2, &fixture.without_doors(), &mut filter, &mut proxy);
    assert_eq!(proxy.metric("palisade_candidate_events_total.result.swapped"), 1);
    assert_eq!(proxy.metric("palisade_bundle_version"), fixture.version);
    proxy.logs.clear();
    for _ in 0..10 {
        assert!(is_allowed(&mut filter, ROOT, &fixture, &mut proxy));
    }
    assert_eq!(proxy.metric("palisade_candidate_total.result.allow_to_deny"), 10);
    assert_eq!(proxy.metric("palisade_candidate_policy_total.policy.front-door.result.allow_to_deny"), 10);
    let logged = proxy.logs.iter().filter(|(_, line)| line.contains("\"candidate\":{")).count();
    assert_eq!(logged, usize::try_from(limits::CANDIDATE_SAMPLES).unwrap());
}

fn path_of(headers: &[u8]) -> Option<String> {
    let headers = HeaderMap::parse(headers).unwrap();
    headers.values(":path").next().map(|value| String::from_utf8(value.to_vec()).unwrap())
}
