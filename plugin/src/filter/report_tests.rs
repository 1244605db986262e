//! Status reports of filters that are workers of one fake proxy.

use super::tests::{header_bytes, is_allowed};
use super::*;
use crate::fake::{FakeProxy, SharedData};
use crate::fixture::{Fixture, NOW};
use crate::proxy::Status;
use palisade_gateway::{HeaderMap, State, StatusReport, limits};
use palisade_policy_compiler::keys::Algorithm;
use serde_json::json;
use std::rc::Rc;

const ROOT: u32 = 1;
const RESULT: &str = "palisade_status_reports_total.result.";

fn worker(fixture: &Fixture, shared: &SharedData, random_byte: u8) -> (Filter, FakeProxy) {
    let mut proxy = FakeProxy { shared: Rc::clone(shared), random_byte, ..FakeProxy::default() };
    let report = json!({"cluster": "bundles", "authority": "bundles.internal", "gateway": "edge-1"});
    let configuration = fixture.configuration(json!({"channel": "fixture", "status_report": report}));
    let size = configuration.len();
    proxy.configuration = Ok(configuration);
    let mut filter = Filter::new();
    filter.on_context_create(ROOT, 0);
    assert!(filter.on_configure(ROOT, size, &mut proxy), "{:?}", proxy.logs);
    (filter, proxy)
}

fn tick(filter: &mut Filter, at: u64, proxy: &mut FakeProxy) {
    proxy.now = Ok((NOW + at) * 1_000_000_000);
    filter.on_tick(ROOT, proxy);
}

fn answer(filter: &mut Filter, status: &str, body: &[u8], proxy: &mut FakeProxy) {
    let call = u32::try_from(proxy.requests.len()).unwrap();
    proxy.response_headers = Ok(header_bytes(&[(":status", status)]));
    // Whoever asked for it would get this error.
    proxy.response_body = Err(Status::INTERNAL_FAILURE);
    filter.on_response(ROOT, call, 1, body.len(), proxy);
}

fn last(proxy: &FakeProxy) -> StatusReport {
    StatusReport::parse(&proxy.requests.last().unwrap().body).unwrap()
}

#[test]
fn what_decides_is_posted_between_requests() {
    let (fixture, shared) = (Fixture::new(Algorithm::Ed25519), SharedData::default());
    let (mut first, mut proxy) = worker(&fixture, &shared, 1);
    let (mut second, mut other) = worker(&fixture, &shared, 2);
    assert_eq!((proxy.requests.len(), proxy.tick_periods.last()), (0, Some(&limits::FEED_POLL_MS)));
    assert!(is_allowed(&mut first, ROOT, &fixture, &mut proxy));
    assert_eq!(proxy.requests, [], "no request reports");
    tick(&mut first, 1, &mut proxy);
    let [request] = &proxy.requests[..] else { panic!("{:?}", proxy.requests) };
    assert_eq!((request.cluster.as_str(), request.timeout_ms), ("bundles", limits::FEED_TIMEOUT_MS));
    let headers = HeaderMap::parse(&request.headers).unwrap();
    for (name, value) in [
        (":method", "POST"),
        (":path", "/reports"),
        (":authority", "bundles.internal"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(headers.values(name).next(), Some(value.as_bytes()), "{name}");
    }
    let report = last(&proxy);
    assert_eq!((report.gateway.as_deref(), report.channel.as_str()), (Some("edge-1"), "fixture"));
    assert_eq!((report.state, report.bundle.unwrap().version), (State::Deciding, fixture.version));
    answer(&mut first, "204", b"", &mut proxy);
    assert_eq!(proxy.metric(&format!("{RESULT}sent")), 1);
    tick(&mut second, 2, &mut other);
    tick(&mut second, 4, &mut other);
    assert_eq!(last(&other).workers[0].count, 2);
    answer(&mut second, "200", b"a body that nobody reads", &mut other);
    assert_eq!(other.metric(&format!("{RESULT}sent")), 1);
    for at in 5..40 {
        tick(&mut first, at, &mut proxy);
        tick(&mut second, at, &mut other);
    }
    assert_eq!((proxy.requests.len(), other.requests.len()), (1, 1), "nothing is new");
}

#[test]
fn the_proxy_is_asked_once_for_its_name() {
    let (fixture, shared) = (Fixture::new(Algorithm::Ed25519), SharedData::default());
    for (name, expected) in [(Some("envoy-1"), Some("envoy-1")), (None, None)] {
        let (mut filter, mut proxy) = worker(&fixture, &shared, 3);
        shared.borrow_mut().clear();
        proxy.readable.extend(name.map(|name| ("xds.node.id", name.as_bytes().to_vec())));
        assert!(is_allowed(&mut filter, ROOT, &fixture, &mut proxy));
        // Whatever it says later is not asked for.
        proxy.readable.insert("xds.node.id", b"another".to_vec());
        assert!(is_allowed(&mut filter, ROOT, &fixture, &mut proxy));
        tick(&mut filter, 1, &mut proxy);
        assert_eq!(last(&proxy).node.as_deref(), expected);
    }
}

#[test]
fn a_server_that_fails_is_counted_and_in_nobodys_way() {
    let fixture = Fixture::new(Algorithm::Ed25519);
    let (mut filter, mut proxy) = worker(&fixture, &SharedData::default(), 4);
    tick(&mut filter, 1, &mut proxy);
    assert!(is_allowed(&mut filter, ROOT, &fixture, &mut proxy), "while a report is under way");
    answer(&mut filter, "500", b"", &mut proxy);
    assert_eq!(proxy.metric(&format!("{RESULT}feed.status")), 1);
    let told = |(level, line): &(LogLevel, String)| {
        *level == LogLevel::Warn && line.contains("status not reported: feed.status: status 500")
    };
    assert!(proxy.logs.iter().any(told), "{:?}", proxy.logs);
    proxy.request = Err(Status::BAD_ARGUMENT);
    tick(&mut filter, 10, &mut proxy);
    assert_eq!(proxy.metric(&format!("{RESULT}feed.not_sent")), 1);
    proxy.sharing = Err(Status::INTERNAL_FAILURE);
    tick(&mut filter, 20, &mut proxy);
    assert!(is_allowed(&mut filter, ROOT, &fixture, &mut proxy));
}
