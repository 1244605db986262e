//! Workers of one proxy that report what decides in them.

use super::*;
use crate::bundle::Digest;
use crate::delivery::{BundleEvent, ListEvent};
use crate::feed::testing::FakeProxy;

const INTERVAL_MS: u64 = 60_000;

fn worker(random: u64, proxy: &mut FakeProxy) -> Reporter {
    let file = StatusReportFile {
        cluster: "bundles".to_owned(),
        authority: "bundles.internal".to_owned(),
        gateway: Some("edge-1".to_owned()),
        ..StatusReportFile::default()
    };
    let reporter = Reporter::new(Destination::new(file, "dev").unwrap(), random);
    reporter.join(proxy);
    reporter
}

fn sight(version: u64) -> Sight {
    let digest = Digest::of(&version.to_le_bytes());
    Sight {
        state: State::Deciding,
        bundle: Some(ReportedBundle { name: "dev".to_owned(), version, digest, created: 1, expires: u64::MAX }),
        root: None,
        confirmed_ms: None,
        candidate: None,
        revocations: None,
    }
}

/// Polls, and answers a report; what it said.
fn report(reporter: &mut Reporter, sight: &Sight, status: u16, proxy: &mut FakeProxy) -> Option<StatusReport> {
    let sent = proxy.requests.len();
    assert_eq!(reporter.poll(sight, proxy), None);
    if proxy.requests.len() == sent {
        return None;
    }
    let event = reporter.respond(FetchResponse::Status(status), proxy).unwrap();
    assert_eq!(event.code(), if (200..300).contains(&status) { "sent" } else { "feed.status" });
    Some(StatusReport::parse(&proxy.posted).unwrap())
}

#[test]
fn one_worker_reports_for_all_and_again_after_the_interval() {
    let mut proxy = FakeProxy::new();
    let (mut first, mut second) = (worker(1, &mut proxy), worker(2, &mut proxy));
    let told = report(&mut first, &sight(7), 204, &mut proxy).unwrap();
    assert_eq!(proxy.requests[0].1, "POST bundles bundles.internal /reports application/json");
    assert_eq!((told.gateway.as_deref(), told.channel.as_str()), (Some("edge-1"), "dev"));
    assert_eq!((told.state, told.bundle.unwrap().version, told.workers[0].count), (State::Deciding, 7, 1));
    proxy.now_ms += 1000;
    assert_eq!(report(&mut second, &sight(7), 204, &mut proxy), None, "it is too early for what the second says");
    let mut workers = 0;
    for _ in 0..95 {
        proxy.now_ms += 1000;
        for worker in [&mut first, &mut second] {
            if let Some(told) = report(worker, &sight(7), 204, &mut proxy) {
                workers = told.workers[0].count;
                assert_eq!(told.workers.len(), 1);
            }
        }
    }
    let times: Vec<u64> = proxy.requests.iter().map(|(at, _)| at - proxy.requests[0].0).collect();
    assert_eq!((times.len(), workers), (3, 2), "the second's news, and then the interval: {times:?}");
    assert!(times[1] >= limits::REPORT_COOLDOWN_MS && times[2] - times[1] >= INTERVAL_MS / 4 * 3);
    assert!(times[2] - times[1] <= INTERVAL_MS + 1000);
}

#[test]
fn what_is_new_is_reported_at_once_but_not_more_often_than_the_cooldown() {
    let mut proxy = FakeProxy::new();
    let mut reporter = worker(1, &mut proxy);
    report(&mut reporter, &sight(1), 200, &mut proxy).unwrap();
    // A bundle that changes each 100 ms, which none does.
    for version in 2..=100 {
        proxy.now_ms += 100;
        report(&mut reporter, &sight(version), 200, &mut proxy);
    }
    let reports = u64::try_from(proxy.requests.len()).unwrap();
    assert!((3..=1 + 9_900 / limits::REPORT_COOLDOWN_MS + 1).contains(&reports), "{reports}");
    proxy.now_ms += limits::REPORT_COOLDOWN_MS;
    let event = BundleEvent::NotFetched { error: FetchError::NoResponse, failures: 1 };
    reporter.note(&[Event::Bundle(event.clone())], proxy.now_ms);
    let told = report(&mut reporter, &sight(100), 200, &mut proxy).unwrap();
    assert_eq!((told.faults.len(), told.faults[0].part), (1, Part::Bundle));
    assert_eq!((told.faults[0].code.as_ref(), told.faults[0].age_s), ("feed.no_response", 0));
    proxy.now_ms += limits::REPORT_COOLDOWN_MS;
    reporter.note(&[Event::Bundle(event)], proxy.now_ms);
    assert_eq!(report(&mut reporter, &sight(100), 200, &mut proxy), None, "the same again is nothing new");
    proxy.now_ms += limits::REPORT_COOLDOWN_MS;
    reporter.note(&[Event::Bundle(BundleEvent::Confirmed), Event::Revocations(ListEvent::Confirmed)], proxy.now_ms);
    let told = report(&mut reporter, &sight(100), 200, &mut proxy).unwrap();
    assert_eq!(told.faults, []);
    proxy.now_ms += limits::REPORT_COOLDOWN_MS;
    let expired = Sight { state: State::Expired, ..sight(100) };
    let told = report(&mut reporter, &expired, 200, &mut proxy).unwrap();
    assert_eq!((told.state, told.workers[0].version), (State::Expired, None));
}

#[test]
fn workers_that_differ_are_seen() {
    let mut proxy = FakeProxy::new();
    let (mut first, mut second) = (worker(1, &mut proxy), worker(2, &mut proxy));
    report(&mut first, &sight(7), 200, &mut proxy).unwrap();
    proxy.now_ms += limits::REPORT_COOLDOWN_MS;
    let told = report(&mut second, &sight(8), 200, &mut proxy).unwrap();
    let groups: Vec<_> = told.workers.iter().map(|group| (group.count, group.version)).collect();
    assert_eq!(groups, [(1, Some(8)), (1, Some(7))]);
    proxy.now_ms += limits::REPORT_COOLDOWN_MS;
    let again = report(&mut first, &sight(8), 200, &mut proxy).unwrap();
    assert_eq!((again.workers.len(), again.workers[0].count), (1, 2));
    assert_eq!(again.instance, told.instance);
}

#[test]
fn a_server_that_fails_is_asked_ever_later_and_counted() {
    let mut proxy = FakeProxy::new();
    let mut reporter = worker(1, &mut proxy);
    for _ in 0..3600 {
        report(&mut reporter, &sight(7), 500, &mut proxy);
        proxy.now_ms += 1000;
    }
    let reports = proxy.requests.len();
    assert!((60..=150).contains(&reports), "{reports}");
    // A cluster that the host does not know.
    proxy.sending = false;
    proxy.now_ms += limits::FEED_BACKOFF_MAX_MS;
    let Some(ReportEvent::Failed { error: FetchError::NotSent, failures }) = reporter.poll(&sight(7), &mut proxy)
    else {
        panic!("nothing failed");
    };
    assert!(failures > 60);
}

#[test]
fn a_worker_that_ends_with_a_report_under_way_is_replaced() {
    let mut proxy = FakeProxy::new();
    let (mut first, mut second) = (worker(1, &mut proxy), worker(2, &mut proxy));
    assert_eq!(first.poll(&sight(7), &mut proxy), None);
    proxy.now_ms += limits::FEED_LEASE_MS - 1;
    assert_eq!(report(&mut second, &sight(7), 200, &mut proxy), None);
    proxy.now_ms += 1;
    let told = report(&mut second, &sight(7), 200, &mut proxy).unwrap();
    assert_eq!(told.workers[0].count, 2, "it is not known yet that it has ended");
    assert_eq!(first.respond(FetchResponse::Status(200), &mut proxy), None, "too late");
}

#[test]
fn the_proxy_has_one_name_whichever_worker_knows_it() {
    let mut proxy = FakeProxy::new();
    let (mut first, mut second) = (worker(1, &mut proxy), worker(2, &mut proxy));
    assert!(first.lacks_node());
    first.introduce(Some(b"envoy-1"));
    assert!(!first.lacks_node());
    for unfit in [None, Some(&b""[..]), Some(b"\xff"), Some(b"a\nb"), Some(&[b'x'; limits::REPORT_NAME_BYTES + 1])] {
        second.introduce(unfit);
        assert!(!second.lacks_node());
    }
    first.poll(&sight(7), &mut proxy);
    first.respond(FetchResponse::Status(200), &mut proxy);
    proxy.now_ms += limits::REPORT_COOLDOWN_MS;
    let told = report(&mut second, &sight(7), 200, &mut proxy).unwrap();
    assert_eq!(told.node.as_deref(), Some("envoy-1"));
}

#[test]
fn without_shared_memory_each_worker_reports_for_itself() {
    let mut proxy = FakeProxy::new();
    proxy.sharing = false;
    let (mut first, mut second) = (worker(1, &mut proxy), worker(2, &mut proxy));
    let told = report(&mut first, &sight(7), 200, &mut proxy).unwrap();
    let other = report(&mut second, &sight(7), 200, &mut proxy).unwrap();
    assert_ne!(told.instance, other.instance);
    proxy.now_ms += 5000;
    assert_eq!(report(&mut first, &sight(7), 200, &mut proxy), None);
}
