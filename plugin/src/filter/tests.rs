//! The filter with a fake proxy: first without a configuration, then with a real bundle.

mod answers;
mod bodies;
mod revocations;

use super::*;
use crate::fake::FakeProxy;
use crate::fixture::{Fixture, NOW};
use crate::proxy::Status;
use palisade_gateway::HeaderMap;
use palisade_policy_compiler::keys::Algorithm;
use serde_json::{Value, json};

const ROOT: u32 = 1;
const STREAM: u32 = 2;

fn assert_unconfigured(proxy: &FakeProxy, action: Action) {
    assert_eq!(action, Action::Pause);
    let [reply] = &proxy.replies[..] else { panic!("{:?}", proxy.replies) };
    assert_eq!((reply.status, reply.details.as_str()), (503, "bundle.missing"));
    assert_eq!(proxy.metric("palisade_decisions_total.reason.bundle.missing"), 1);
}

fn logged(proxy: &FakeProxy) -> &str {
    let [(LogLevel::Error, line)] = &proxy.logs[..] else { panic!("{:?}", proxy.logs) };
    line.strip_prefix("palisade: configuration refused: ").unwrap()
}

#[test]
fn a_request_before_any_configuration_is_denied() {
    let (mut filter, mut proxy) = (Filter::new(), FakeProxy::default());
    filter.on_context_create(ROOT, 0);
    filter.on_context_create(STREAM, ROOT);
    let action = filter.on_request_headers(STREAM, true, &mut proxy);
    assert_unconfigured(&proxy, action);
}

#[test]
fn a_request_of_an_unknown_stream_is_denied() {
    let (mut filter, mut proxy) = (Filter::new(), FakeProxy::default());
    let action = filter.on_request_headers(STREAM, true, &mut proxy);
    assert_unconfigured(&proxy, action);
}

#[test]
fn a_request_of_a_root_that_is_gone_is_denied() {
    let (mut filter, mut proxy) = (Filter::new(), FakeProxy::default());
    filter.on_context_create(ROOT, 0);
    filter.on_context_create(STREAM, ROOT);
    filter.on_delete(ROOT, &mut proxy);
    let action = filter.on_request_headers(STREAM, true, &mut proxy);
    assert_unconfigured(&proxy, action);
}

#[test]
fn a_configuration_that_does_not_read_is_refused() {
    for (configuration, reason) in [
        (Ok(b"".to_vec()), "config.syntax"),
        (Ok(b"{}".to_vec()), "config.syntax"),
        (Ok(b"\xff\xfe".to_vec()), "config.syntax"),
        (Ok(b"\n\x03abc".to_vec()), "config.syntax"),
        (Err(Status::INTERNAL_FAILURE), "config.unreadable"),
    ] {
        let (mut filter, mut proxy) = (Filter::new(), FakeProxy { configuration, ..FakeProxy::default() });
        filter.on_context_create(ROOT, 0);
        assert!(!filter.on_configure(ROOT, 1, &mut proxy));
        assert!(logged(&proxy).starts_with(reason), "{:?}", proxy.logs);
        filter.on_context_create(STREAM, ROOT);
        let action = filter.on_request_headers(STREAM, true, &mut proxy);
        assert_unconfigured(&proxy, action);
    }
}

#[test]
fn an_empty_configuration_is_refused_without_asking_for_it() {
    let (mut filter, mut proxy) =
        (Filter::new(), FakeProxy { configuration: Err(Status::NOT_FOUND), ..FakeProxy::default() });
    filter.on_context_create(ROOT, 0);
    assert!(!filter.on_configure(ROOT, 0, &mut proxy));
    assert!(logged(&proxy).starts_with("config.syntax"));
}

#[test]
fn a_configuration_for_no_root_is_refused() {
    let (mut filter, mut proxy) = (Filter::new(), FakeProxy::default());
    assert!(!filter.on_configure(ROOT, 1, &mut proxy));
    assert!(logged(&proxy).starts_with("config.no_context"));
}

#[test]
fn streams_leave_nothing_behind() {
    let (mut filter, mut proxy) = (Filter::new(), FakeProxy::default());
    filter.on_context_create(ROOT, 0);
    for stream in 2..100 {
        filter.on_context_create(stream, ROOT);
        if stream % 2 == 0 {
            filter.on_request_headers(stream, true, &mut proxy);
        }
        filter.on_delete(stream, &mut proxy);
    }
    assert_eq!((filter.streams.len(), filter.roots.len()), (0, 1));
}

/// A filter with one root context, whose configuration was accepted.
fn configured(fixture: &Fixture, members: Value, proxy: &mut FakeProxy) -> Filter {
    let mut filter = Filter::new();
    configure(&mut filter, ROOT, fixture, members, proxy);
    filter
}

fn configure(filter: &mut Filter, root: u32, fixture: &Fixture, members: Value, proxy: &mut FakeProxy) {
    let configuration = fixture.configuration(members);
    let size = configuration.len();
    proxy.configuration = Ok(configuration);
    filter.on_context_create(root, 0);
    assert!(filter.on_configure(root, size, proxy), "{:?}", proxy.logs);
    proxy.logs.clear();
}

pub(super) fn request(door: &str, authorization: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let path = format!("/doors/{door}");
    let mut headers =
        vec![(":method", "GET"), (":path", &path), (":authority", "doors.example"), ("authorization", authorization)];
    headers.extend_from_slice(more);
    header_bytes(&headers)
}

pub(super) fn header_bytes(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    enforce::serialise(headers, &mut bytes);
    bytes
}

/// Whether alice may have the front door opened.
pub(super) fn is_allowed(filter: &mut Filter, root: u32, fixture: &Fixture, proxy: &mut FakeProxy) -> bool {
    ask(filter, root, request("front", &fixture.bearer("alice"), &[]), proxy) == Action::Continue
}

/// Hands a request to the filter on a stream of its own.
pub(super) fn ask(filter: &mut Filter, root: u32, headers: Vec<u8>, proxy: &mut FakeProxy) -> Action {
    proxy.headers = Ok(headers);
    proxy.replies.clear();
    proxy.set.clear();
    filter.on_context_create(STREAM, root);
    let action = filter.on_request_headers(STREAM, true, proxy);
    filter.on_delete(STREAM, proxy);
    action
}

pub(super) fn assert_denied(proxy: &FakeProxy, action: Action, status: u32, details: &str) {
    assert_eq!(action, Action::Pause);
    let [reply] = &proxy.replies[..] else { panic!("{:?}", proxy.replies) };
    assert_eq!((reply.status, reply.details.as_str()), (status, details));
    assert!(HeaderMap::parse(&reply.headers).is_ok());
    assert_eq!(proxy.set, []);
}

#[test]
fn headers_are_added_where_the_client_sent_none_of_them() {
    let (fixture, mut proxy) = (Fixture::new(Algorithm::Ed25519), FakeProxy::default());
    let mut filter = configured(&fixture, json!({}), &mut proxy);
    let headers = |extra: &[(&str, &str)]| request("front", &fixture.bearer("alice"), extra);
    assert_eq!(ask(&mut filter, ROOT, headers(&[("x-palisad", "a")]), &mut proxy), Action::Continue);
    assert_eq!(proxy.added, ["x-palisade-principal", "x-palisade-decision-id"]);
    for claim in ["x-palisade-decision-id", "X-PALISADE-PRINCIPAL", "x-palisade-other"] {
        proxy.added.clear();
        assert_eq!(ask(&mut filter, ROOT, headers(&[(claim, "a")]), &mut proxy), Action::Continue);
        assert_eq!(proxy.added, [""; 0], "{claim}");
    }
}

#[test]
fn of_a_request_that_has_ended_nothing_is_kept_and_nothing_more_goes_on() {
    let (fixture, mut proxy) = (Fixture::new(Algorithm::Ed25519), FakeProxy::default());
    let mut filter = configured(&fixture, json!({}), &mut proxy);
    proxy.headers = Ok(request("front", &fixture.bearer("alice"), &[]));
    for (end_of_stream, kept) in [(true, 0), (false, 1)] {
        filter.on_context_create(STREAM, ROOT);
        assert_eq!(filter.on_request_headers(STREAM, end_of_stream, &mut proxy), Action::Continue);
        assert_eq!(filter.on_response_headers(STREAM, true, &mut proxy), Action::Continue);
        assert_eq!(filter.streams.len(), kept);
        // A host that has more of a request that it said had ended.
        let more = if end_of_stream { Action::Pause } else { Action::Continue };
        proxy.body = Ok(b"{}".to_vec());
        assert_eq!(filter.on_request_body(STREAM, 2, true, &mut proxy), more);
        assert_eq!(filter.on_request_trailers(STREAM, &mut proxy), more);
        filter.on_delete(STREAM, &mut proxy);
        assert_eq!(filter.streams.len(), 0);
    }
}

#[test]
fn headers_that_come_twice_are_refused() {
    let (fixture, mut proxy) = (Fixture::new(Algorithm::Ed25519), FakeProxy::default());
    let mut filter = configured(&fixture, json!({}), &mut proxy);
    proxy.headers = Ok(request("front", &fixture.bearer("alice"), &[]));
    for end_of_stream in [true, false] {
        filter.on_context_create(STREAM, ROOT);
        assert_eq!(filter.on_request_headers(STREAM, end_of_stream, &mut proxy), Action::Continue);
        assert_eq!(filter.on_request_headers(STREAM, end_of_stream, &mut proxy), Action::Pause);
        filter.on_delete(STREAM, &mut proxy);
    }
}

#[test]
fn an_allowed_request_goes_on_under_the_verified_name() {
    let (fixture, mut proxy) = (Fixture::new(Algorithm::Ed25519), FakeProxy::default());
    let mut filter = configured(&fixture, json!({"decision_log": ["filter_state", "log"]}), &mut proxy);
    let forged = [("x-palisade-principal", "Agent::\"dev/root\""), ("X-Palisade-Role", "admin"), ("x-mode", "a")];
    let headers = request("front", &fixture.bearer("alice"), &forged);
    proxy.sharing_calls = 0;
    assert_eq!(ask(&mut filter, ROOT, headers, &mut proxy), Action::Continue);

    assert_eq!(proxy.replies, []);
    assert_eq!(proxy.removed, ["x-palisade-principal", "X-Palisade-Role"]);
    let [(principal, name), (id, _)] = &proxy.set[..] else { panic!("{:?}", proxy.set) };
    assert_eq!((principal.as_str(), name.as_str()), ("x-palisade-principal", "Agent::\"dev/alice\""));
    assert_eq!(id, "x-palisade-decision-id");
    assert!(proxy.added.is_empty(), "what a client claims is replaced, even where it was removed before");
    filter.on_tick(ROOT, &mut proxy);
    assert_eq!(proxy.metric("palisade_decisions_total.reason.policy.allow"), 1);
    assert_eq!(proxy.sharing_calls, 0, "only proofs are remembered");

    let [(property, record)] = &proxy.properties[..] else { panic!("{:?}", proxy.properties) };
    assert_eq!(property, "palisade.decision");
    assert_eq!(proxy.logs, [(LogLevel::Info, record.clone())]);
    let record: Value = serde_json::from_str(record).unwrap();
    assert_eq!(record["effect"], "allow");
    assert_eq!(record["policies"], json!(["front-door"]));
}

#[test]
fn a_denied_request_is_answered() {
    let (fixture, mut proxy) = (Fixture::new(Algorithm::Ed25519), FakeProxy::default());
    let mut filter = configured(&fixture, json!({"decision_log": ["log"]}), &mut proxy);
    let action = ask(&mut filter, ROOT, request("back", &fixture.bearer("alice"), &[]), &mut proxy);
    assert_denied(&proxy, action, 403, "policy.deny");
    let reply = &proxy.replies[0];
    let headers = HeaderMap::parse(&reply.headers).unwrap();
    let id = headers.values("x-palisade-decision-id").next().unwrap();
    assert!(reply.body.contains(std::str::from_utf8(id).unwrap()));
    assert!(matches!(proxy.logs[..], [(LogLevel::Warn, _)]));
}

#[test]
fn a_request_whose_headers_the_host_does_not_change_is_not_forwarded() {
    let (fixture, mut proxy) = (Fixture::new(Algorithm::Ed25519), FakeProxy::default());
    let mut filter = configured(&fixture, json!({}), &mut proxy);
    proxy.header_change = Err(Status::INTERNAL_FAILURE);
    let action = ask(&mut filter, ROOT, request("front", &fixture.bearer("alice"), &[]), &mut proxy);
    assert_denied(&proxy, action, 503, "host.header_change");
    filter.on_tick(ROOT, &mut proxy);
    assert_eq!(proxy.metric("palisade_header_changes_refused_total"), 1);
    assert!(matches!(&proxy.logs[0], (LogLevel::Error, line) if line.contains("host.header_change")));
}

#[test]
fn without_headers_or_a_clock_every_request_is_denied() {
    let (fixture, mut proxy) = (Fixture::new(Algorithm::Ed25519), FakeProxy::default());
    let mut filter = configured(&fixture, json!({}), &mut proxy);
    let headers = request("front", &fixture.bearer("alice"), &[]);

    proxy.headers = Err(Status::INTERNAL_FAILURE);
    filter.on_context_create(STREAM, ROOT);
    let action = filter.on_request_headers(STREAM, true, &mut proxy);
    assert_denied(&proxy, action, 400, "request.malformed");

    proxy.now = Err(Status::INTERNAL_FAILURE);
    let action = ask(&mut filter, ROOT, headers, &mut proxy);
    assert_denied(&proxy, action, 503, "bundle.expired");
}

/// Whatever bytes the host hands over as headers: an answer, and no name but the token's.
#[test]
fn hostile_header_bytes_never_panic_and_never_pass_for_another() {
    let (fixture, mut proxy) = (Fixture::new(Algorithm::Ed25519), FakeProxy::default());
    let mut filter = configured(&fixture, json!({"decision_log": ["filter_state"]}), &mut proxy);
    let headers = request("front", &fixture.bearer("alice"), &[("x-mode", "a")]);
    let mut outcomes = [0u32; 2];
    for index in 0..headers.len() {
        let truncated = headers[..index].to_vec();
        assert_eq!(ask(&mut filter, ROOT, truncated, &mut proxy), Action::Pause);
        for byte in [0, 1, b' ', b',', 0x7f, 0x80, 0xff, headers[index] ^ 1, headers[index] ^ 0x20] {
            let mut mutated = headers.clone();
            mutated[index] = byte;
            match ask(&mut filter, ROOT, mutated, &mut proxy) {
                Action::Pause => outcomes[0] += 1,
                Action::Continue => {
                    outcomes[1] += 1;
                    assert_eq!(proxy.set[0].1, "Agent::\"dev/alice\"");
                }
            }
        }
    }
    assert!(outcomes.iter().all(|count| *count > 100), "{outcomes:?}");
}

#[test]
fn a_refused_configuration_leaves_the_old_one_serving() {
    let (fixture, mut proxy) = (Fixture::new(Algorithm::Ed25519), FakeProxy::default());
    let mut filter = configured(&fixture, json!({}), &mut proxy);
    let mut flipped = fixture.configuration(json!({}));
    let middle = flipped.len() / 2;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    proxy.configuration = Ok(flipped);
    assert!(!filter.on_configure(ROOT, 1, &mut proxy));
    let action = ask(&mut filter, ROOT, request("front", &fixture.bearer("alice"), &[]), &mut proxy);
    assert_eq!(action, Action::Continue);
}

#[test]
fn an_older_bundle_is_refused_and_another_of_the_same_version_is_an_alarm() {
    let (old, new, newest) = (fixture(), fixture(), fixture());
    let mut proxy = FakeProxy::default();
    let mut filter = configured(&new, json!({}), &mut proxy);
    proxy.configuration = Ok(old.configuration(json!({})));
    filter.on_context_create(9, 0);
    assert!(!filter.on_configure(9, 1, &mut proxy));
    assert!(logged(&proxy).starts_with("bundle.rollback"));

    // What the workers share says that another bundle of this version was opened.
    configure(&mut filter, ROOT, &newest, json!({}), &mut proxy);
    for (name, (bytes, _)) in proxy.shared.borrow_mut().iter_mut() {
        if name.starts_with("palisade.mark.") {
            *bytes.last_mut().unwrap() ^= 1;
        }
    }
    proxy.configuration = Ok(newest.configuration(json!({"min_version": 1})));
    assert!(!filter.on_configure(9, 1, &mut proxy));
    assert!(matches!(&proxy.logs[..], [(LogLevel::Critical, line)] if line.contains("bundle.equivocation")));
    let action = ask(&mut filter, ROOT, request("front", &newest.bearer("alice"), &[]), &mut proxy);
    assert_eq!(action, Action::Continue);
}

fn fixture() -> Fixture {
    Fixture::new(Algorithm::Ed25519)
}

/// Tells the filter to use a configuration that Envoy was told is good, and that is not any more.
fn go_back(filter: &mut Filter, root: u32, fixture: &Fixture, proxy: &mut FakeProxy) {
    proxy.logs.clear();
    proxy.configuration = Ok(fixture.configuration(json!({})));
    filter.on_context_create(root, 0);
    assert!(filter.on_configure(root, 1, proxy), "Envoy would let every request by");
    let [(LogLevel::Error, reason), (LogLevel::Critical, line)] = &proxy.logs[..] else { panic!("{:?}", proxy.logs) };
    assert!(reason.contains("bundle.rollback") && line.contains("config.accepted_before"), "{reason} {line}");
    proxy.logs.clear();
}

#[test]
fn a_configuration_that_was_good_once_is_taken_and_what_decided_before_goes_on() {
    let (old, new) = (fixture(), fixture());
    let mut proxy = FakeProxy::default();
    let mut filter = configured(&old, json!({}), &mut proxy);
    configure(&mut filter, 9, &new, json!({}), &mut proxy);
    // As a root context of its own, and in the one that it had before.
    for root in [10, ROOT, 11] {
        go_back(&mut filter, root, &old, &mut proxy);
        let action = ask(&mut filter, root, request("front", &new.bearer("alice"), &[]), &mut proxy);
        assert_eq!(action, Action::Continue, "{root}");
        let action = ask(&mut filter, root, request("front", &old.bearer("alice"), &[]), &mut proxy);
        assert_denied(&proxy, action, 401, "token.signature");
    }
    // It goes on when the root context that it belongs to has ended, one after the other.
    for (gone, left) in [(9, &[10, ROOT, 11][..]), (ROOT, &[10, 11]), (10, &[11])] {
        filter.on_delete(gone, &mut proxy);
        for root in left {
            let action = ask(&mut filter, *root, request("front", &new.bearer("bob"), &[]), &mut proxy);
            assert_eq!(action, Action::Continue, "{root} after {gone}");
            let action = ask(&mut filter, *root, request("front", &old.bearer("bob"), &[]), &mut proxy);
            assert_denied(&proxy, action, 401, "token.signature");
        }
    }
    // The next good configuration is its own again.
    let newest = fixture();
    configure(&mut filter, 11, &newest, json!({}), &mut proxy);
    let action = ask(&mut filter, 11, request("front", &newest.bearer("bob"), &[]), &mut proxy);
    assert_eq!(action, Action::Continue);
}

#[test]
fn a_configuration_that_was_good_once_denies_where_nothing_decided_before() {
    let (old, new) = (fixture(), fixture());
    let mut proxy = FakeProxy::default();
    configured(&old, json!({}), &mut proxy);
    configured(&new, json!({}), &mut proxy);
    // Another VM of the same proxy.
    let mut filter = Filter::new();
    go_back(&mut filter, ROOT, &old, &mut proxy);
    let action = ask(&mut filter, ROOT, request("front", &old.bearer("alice"), &[]), &mut proxy);
    assert_denied(&proxy, action, 503, "bundle.missing");
}

#[test]
fn a_bundle_that_expired_after_it_was_good_denies_in_a_new_vm() {
    let fixture = fixture();
    let mut proxy = FakeProxy::default();
    configured(&fixture, json!({}), &mut proxy);
    proxy.now = Ok((NOW + 86_400) * 1_000_000_000);
    let mut filter = Filter::new();
    filter.on_context_create(ROOT, 0);
    assert!(filter.on_configure(ROOT, 1, &mut proxy), "Envoy would let every request by");
    proxy.logs.clear();
    let action = ask(&mut filter, ROOT, request("front", &fixture.bearer("alice"), &[]), &mut proxy);
    assert_denied(&proxy, action, 503, "bundle.missing");
}

#[test]
fn each_stream_is_answered_by_its_own_root() {
    let (old, new) = (Fixture::new(Algorithm::Ed25519), Fixture::new(Algorithm::Ed25519));
    let mut proxy = FakeProxy::default();
    let mut filter = configured(&old, json!({}), &mut proxy);
    configure(&mut filter, 9, &new, json!({}), &mut proxy);
    for (root, fixture, other) in [(ROOT, &old, &new), (9, &new, &old)] {
        let action = ask(&mut filter, root, request("front", &fixture.bearer("alice"), &[]), &mut proxy);
        assert_eq!(action, Action::Continue);
        let action = ask(&mut filter, root, request("front", &other.bearer("alice"), &[]), &mut proxy);
        assert_denied(&proxy, action, 401, "token.signature");
    }
    filter.on_delete(ROOT, &mut proxy);
    let action = ask(&mut filter, 9, request("front", &new.bearer("bob"), &[]), &mut proxy);
    assert_eq!(action, Action::Continue);
}

#[test]
fn a_configuration_is_refused_where_decision_ids_would_repeat() {
    let fixture = Fixture::new(Algorithm::Ed25519);
    let mut proxy = FakeProxy { random: Err(Status::INTERNAL_FAILURE), ..FakeProxy::default() };
    proxy.configuration = Ok(fixture.configuration(json!({})));
    let mut filter = Filter::new();
    filter.on_context_create(ROOT, 0);
    assert!(!filter.on_configure(ROOT, 1, &mut proxy));
    assert!(logged(&proxy).starts_with("config.no_randomness"));
}

#[test]
fn an_expired_bundle_is_refused() {
    let fixture = Fixture::new(Algorithm::Ed25519);
    let mut proxy = FakeProxy { now: Ok((NOW + 86_400) * 1_000_000_000), ..FakeProxy::default() };
    proxy.configuration = Ok(fixture.configuration(json!({})));
    let mut filter = Filter::new();
    filter.on_context_create(ROOT, 0);
    assert!(!filter.on_configure(ROOT, 1, &mut proxy));
    assert!(logged(&proxy).starts_with("bundle.expired"));
}

#[test]
fn a_lost_record_is_counted_and_does_not_change_the_decision() {
    let (fixture, mut proxy) = (Fixture::new(Algorithm::Ed25519), FakeProxy::default());
    let mut filter = configured(&fixture, json!({"decision_log": ["filter_state"]}), &mut proxy);
    proxy.property = Err(Status::INTERNAL_FAILURE);
    let action = ask(&mut filter, ROOT, request("front", &fixture.bearer("alice"), &[]), &mut proxy);
    assert_eq!(action, Action::Continue);
    filter.on_tick(ROOT, &mut proxy);
    assert_eq!(proxy.metric("palisade_records_lost_total"), 1);
    assert_eq!(proxy.logs, []);
}

/// The host's answer about a signature is final; where it cannot answer, ours counts. Either way the answer is kept
/// with the token.
#[test]
fn signatures_are_verified_by_the_host_where_it_can() {
    let fixture = Fixture::new(Algorithm::Es256);
    for (answer, expected) in [
        (Ok(vec![8, 0]), Action::Pause),
        (Ok(Vec::new()), Action::Pause),
        (Ok(vec![8, 1]), Action::Continue),
        (Err(Status::INTERNAL_FAILURE), Action::Continue),
    ] {
        let mut proxy = FakeProxy { foreign: Err(Status::BAD_ARGUMENT), ..FakeProxy::default() };
        let mut filter = configured(&fixture, json!({}), &mut proxy);
        proxy.foreign = answer;
        let headers = request("front", &fixture.bearer("alice"), &[]);
        let action = ask(&mut filter, ROOT, headers.clone(), &mut proxy);
        assert_eq!(action, expected);
        assert!(proxy.foreign_argument.len() > 200);

        proxy.foreign_argument.clear();
        ask(&mut filter, ROOT, headers, &mut proxy);
        assert_eq!(proxy.foreign_argument.is_empty(), expected == Action::Continue, "the cache");
    }
}
