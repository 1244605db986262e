//! Revocation lists that are fetched, by filters that are workers of one fake proxy.

use super::tests::{ask, assert_denied, request};
use super::*;
use crate::fake::{FakeProxy, SharedData};
use crate::fixture::{Fixture, NOW};
use palisade_gateway::revocation::{Entry, EntryKind};
use palisade_gateway::{HeaderMap, limits};
use palisade_policy_compiler::keys::Algorithm;
use palisade_policy_compiler::revocation::{ListEditor, Published};
use serde_json::json;
use std::rc::Rc;

const ROOT: u32 = 1;
const RESULT: &str = "palisade_revocations_events_total.result.";

struct World {
    fixture: Fixture,
    shared: SharedData,
    list: ListEditor,
    now: u64,
}

/// One worker.
struct Worker {
    filter: Filter,
    proxy: FakeProxy,
}

impl World {
    fn new() -> Self {
        let list = ListEditor::new("fixture");
        Self { fixture: Fixture::new(Algorithm::Ed25519), shared: SharedData::default(), list, now: NOW }
    }

    fn worker(&self, required: bool) -> Worker {
        let mut proxy = FakeProxy { shared: Rc::clone(&self.shared), ..FakeProxy::default() };
        proxy.now = Ok(self.now * 1_000_000_000);
        let remote = json!({"cluster": "lists", "authority": "lists.internal", "prefix": "/p/"});
        let members = json!({"channel": "fixture", "revocations": {"required": required, "remote": remote}});
        let configuration = self.fixture.configuration(members);
        let size = configuration.len();
        proxy.configuration = Ok(configuration);
        let mut filter = Filter::new();
        filter.on_context_create(ROOT, 0);
        assert!(filter.on_configure(ROOT, size, &mut proxy), "{:?}", proxy.logs);
        Worker { filter, proxy }
    }

    fn revoke(&mut self, subject: &str) {
        let entry = Entry::new(EntryKind::Subject, Some("dev".to_owned()), Some(subject.to_owned()));
        self.list.revoke(entry).unwrap();
    }

    fn publish(&mut self) -> Published {
        self.fixture.publish(&mut self.list)
    }

    /// Lets a worker ask for the list, and answers it.
    fn serve(&mut self, worker: &mut Worker, body: &[u8]) {
        self.now += 11;
        worker.proxy.now = Ok(self.now * 1_000_000_000);
        worker.filter.on_tick(ROOT, &mut worker.proxy);
        assert_eq!(worker.path().as_deref(), Some("/p/fixture.revocations.json"));
        worker.respond("200", body);
    }

    fn is_allowed(&self, worker: &mut Worker, subject: &str) -> bool {
        let headers = request("front", &self.fixture.bearer(subject), &[]);
        // Tokens do not last as long as a server may be out of order.
        worker.proxy.now = Ok(NOW * 1_000_000_000);
        ask(&mut worker.filter, ROOT, headers, &mut worker.proxy) == Action::Continue
    }
}

impl Worker {
    /// The path of the last request of its own.
    fn path(&self) -> Option<String> {
        let headers = HeaderMap::parse(&self.proxy.requests.last()?.headers).unwrap();
        headers.values(":path").next().map(|value| String::from_utf8(value.to_vec()).unwrap())
    }

    /// Answers the last request, and ticks until nothing is left to do at once.
    fn respond(&mut self, status: &str, body: &[u8]) {
        let Self { filter, proxy } = self;
        let call = u32::try_from(proxy.requests.len()).unwrap();
        let mut headers = Vec::new();
        enforce::serialise(&[(":status", status)], &mut headers);
        proxy.response_headers = Ok(headers);
        proxy.response_body = Ok(body.to_vec());
        filter.on_response(ROOT, call, 1, body.len(), proxy);
        self.settle();
    }

    /// Ticks while there is something to open; returns how often.
    fn settle(&mut self) -> usize {
        for ticks in 0..200 {
            if self.proxy.tick_periods.last() != Some(&limits::OPENING_STEP_MS) {
                return ticks;
            }
            self.filter.on_tick(ROOT, &mut self.proxy);
        }
        panic!("a list that never opens: {:?}", self.proxy.logs);
    }

    fn has_told(&self, level: LogLevel, text: &str) -> bool {
        self.proxy.logs.iter().any(|(known, line)| *known == level && line.contains(text))
    }
}

#[test]
fn a_list_that_comes_while_a_body_is_awaited_counts() {
    let mut world = World::new();
    let mut worker = world.worker(false);
    let (bearer, mut headers) = (world.fixture.bearer("alice"), Vec::new());
    let head = [
        (":method", "POST"),
        (":path", "/mcp"),
        (":authority", "tools.internal"),
        ("content-type", "application/json"),
        ("authorization", &bearer),
    ];
    enforce::serialise(&head, &mut headers);
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    worker.proxy.body = Ok(ping.as_bytes().to_vec());
    worker.proxy.headers = Ok(headers);
    for stream in [7, 8] {
        worker.filter.on_context_create(stream, ROOT);
        assert_eq!(worker.filter.on_request_headers(stream, false, &mut worker.proxy), Action::Pause);
    }
    assert_eq!(worker.filter.on_request_body(7, ping.len(), true, &mut worker.proxy), Action::Continue);
    world.revoke("alice");
    let list = world.publish().list;
    world.serve(&mut worker, &list);
    worker.proxy.set.clear();
    let action = worker.filter.on_request_body(8, ping.len(), true, &mut worker.proxy);
    assert_denied(&worker.proxy, action, 401, "revoked.subject");
}

#[test]
fn a_list_comes_between_requests_to_every_worker_and_ends_streams() {
    let mut world = World::new();
    let (mut first, mut second) = (world.worker(false), world.worker(false));
    for worker in [&mut first, &mut second] {
        worker.proxy.headers = Ok(request("front", &world.fixture.bearer("alice"), &[]));
        worker.filter.on_context_create(7, ROOT);
        assert_eq!(worker.filter.on_request_headers(7, true, &mut worker.proxy), Action::Continue);
        assert_eq!(worker.proxy.requests, [], "no request starts a fetch");
    }
    world.revoke("alice");
    let list = world.publish().list;
    world.serve(&mut first, &list);
    assert_eq!(first.proxy.ended, [7]);
    assert!(!world.is_allowed(&mut first, "alice") && world.is_allowed(&mut first, "bob"));
    assert_eq!(first.proxy.metric(&format!("{RESULT}installed")), 1);
    first.filter.on_tick(ROOT, &mut first.proxy);
    assert_eq!(first.proxy.metric("palisade_revocations_serial"), 1);
    assert_eq!(first.proxy.metric("palisade_revocations_entries"), 1);

    // The other worker finds it in what they share, and asks nobody.
    assert!(world.is_allowed(&mut second, "alice"), "from the cache, until then");
    second.proxy.now = first.proxy.now;
    second.filter.on_tick(ROOT, &mut second.proxy);
    second.settle();
    assert_eq!((second.proxy.ended.as_slice(), second.proxy.requests.as_slice()), (&[7][..], &[][..]));
    assert!(!world.is_allowed(&mut second, "alice") && world.is_allowed(&mut second, "bob"));

    // So does a worker that begins now, before its first request.
    let mut third = world.worker(true);
    assert!(!world.is_allowed(&mut third, "alice") && world.is_allowed(&mut third, "bob"));

    // Who is taken back passes again, with the token from before.
    world.list.restore(EntryKind::Subject, Some("dev"), Some("alice"));
    let list = world.publish().list;
    world.serve(&mut first, &list);
    assert!(world.is_allowed(&mut first, "alice"));
}

#[test]
fn without_a_list_nobody_passes_where_one_is_required() {
    let mut world = World::new();
    let mut worker = world.worker(true);
    let headers = request("front", &world.fixture.bearer("bob"), &[]);
    let action = ask(&mut worker.filter, ROOT, headers.clone(), &mut worker.proxy);
    assert_denied(&worker.proxy, action, 503, "revocations.missing");
    assert_eq!(worker.proxy.tick_periods.last(), Some(&limits::FEED_POLL_MIN_MS));
    let list = world.publish().list;
    world.serve(&mut worker, &list);
    assert!(world.is_allowed(&mut worker, "bob"));
    worker.proxy.now = Ok((NOW + 300) * 1_000_000_000);
    let action = ask(&mut worker.filter, ROOT, headers, &mut worker.proxy);
    assert_denied(&worker.proxy, action, 503, "revocations.expired");
}

#[test]
fn what_fails_a_check_changes_nothing() {
    let mut world = World::new();
    let mut worker = world.worker(false);
    let old = world.publish().list;
    world.revoke("alice");
    let good = world.publish().list;
    world.serve(&mut worker, &good);
    let strange = {
        let mut editor = ListEditor::new("fixture");
        for _ in 0..5 {
            Fixture::new(Algorithm::Ed25519).publish(&mut editor);
        }
        Fixture::new(Algorithm::Ed25519).publish(&mut editor).list
    };
    let mut same_serial = ListEditor::new("fixture");
    let _ = world.fixture.publish(&mut same_serial);
    let same_serial = world.fixture.publish(&mut same_serial).list;
    let mut other_channel = ListEditor::new("staging");
    let other_channel = world.fixture.publish(&mut other_channel).list;
    for (code, body) in [
        ("signed.threshold", &strange),
        ("revocations.rollback", &old),
        ("revocations.equivocation", &same_serial),
        ("revocations.channel", &other_channel),
        ("signed.syntax", &b"<html></html>".to_vec()),
        ("signed.syntax", &good[..good.len() / 2].to_vec()),
    ] {
        worker.proxy.logs.clear();
        // Failures are tried again after a while that doubles.
        world.now += 120;
        world.serve(&mut worker, body);
        assert!(worker.proxy.metric(&format!("{RESULT}{code}")) > 0, "{code}: {:?}", worker.proxy.logs);
        let level = if code.ends_with("equivocation") { LogLevel::Critical } else { LogLevel::Error };
        assert!(worker.has_told(level, code), "{:?}", worker.proxy.logs);
        assert!(!world.is_allowed(&mut worker, "alice") && world.is_allowed(&mut worker, "bob"), "{code}");
    }
    world.now += 120;
    world.serve(&mut worker, &good);
    assert_eq!(worker.proxy.metric(&format!("{RESULT}confirmed")), 1);
}

#[test]
fn a_large_list_opens_piece_by_piece_and_its_changes_rest_on_it() {
    let mut world = World::new();
    let (mut worker, mut late) = (world.worker(false), world.worker(false));
    for n in 0..20_000 {
        world.revoke(&format!("agent-{n}"));
    }
    let whole = world.publish();
    world.now += 11;
    worker.proxy.now = Ok(world.now * 1_000_000_000);
    worker.filter.on_tick(ROOT, &mut worker.proxy);
    let (filter, proxy) = (&mut worker.filter, &mut worker.proxy);
    let mut headers = Vec::new();
    enforce::serialise(&[(":status", "200")], &mut headers);
    proxy.response_headers = Ok(headers);
    proxy.response_body = Ok(whole.list.clone());
    filter.on_response(ROOT, 1, 1, whole.list.len(), proxy);
    // Its text is taken twice: for the document and for its one signature.
    let pieces = 2 * whole.list.len() / limits::SIGNED_STEP_BYTES + 20_000 / limits::REVOCATIONS_STEP;
    assert!(worker.settle() > pieces, "not in {pieces} pieces");
    assert!(!world.is_allowed(&mut worker, "agent-19999") && world.is_allowed(&mut worker, "bob"));

    world.revoke("bob");
    world.list.restore(EntryKind::Subject, Some("dev"), Some("agent-7"));
    let changes = world.publish();
    assert!(changes.archive.is_none() && changes.list.len() < 2_000);
    world.serve(&mut worker, &changes.list);
    assert_eq!(worker.proxy.requests.len(), 2, "the base is at hand");
    assert!(!world.is_allowed(&mut worker, "bob") && world.is_allowed(&mut worker, "agent-7"));
    assert!(!world.is_allowed(&mut worker, "agent-8"));

    // Whoever has only the changes fetches what they rest on, by its own name.
    late.proxy.shared = SharedData::default();
    world.serve(&mut late, &changes.list);
    assert!(world.is_allowed(&mut late, "bob"), "not yet");
    late.filter.on_tick(ROOT, &mut late.proxy);
    assert_eq!(late.path().as_deref(), Some("/p/fixture.revocations.1.json"));
    late.respond("200", &whole.list);
    assert!(!world.is_allowed(&mut late, "bob") && world.is_allowed(&mut late, "agent-7"));
    assert!(!world.is_allowed(&mut late, "agent-8"));
    assert_eq!(late.proxy.metric(&format!("{RESULT}installed")), 1);
}

#[test]
fn a_list_whose_base_does_not_come_is_refused() {
    let mut world = World::new();
    for n in 0..1_001 {
        world.revoke(&format!("agent-{n}"));
    }
    let whole = world.publish();
    world.revoke("bob");
    let changes = world.publish();
    for (status, body) in [("404", &b"".to_vec()), ("200", &changes.list), ("200", &b"{}".to_vec())] {
        world.shared = SharedData::default();
        let mut worker = world.worker(false);
        world.serve(&mut worker, &changes.list);
        worker.filter.on_tick(ROOT, &mut worker.proxy);
        assert_eq!(worker.path().as_deref(), Some("/p/fixture.revocations.1.json"));
        worker.respond(status, body);
        assert!(worker.has_told(LogLevel::Error, "revocation list refused"), "{:?}", worker.proxy.logs);
        assert!(world.is_allowed(&mut worker, "bob"));
        // It is asked for again, and then all comes as it should.
        world.now += 120;
        world.serve(&mut worker, &changes.list);
        worker.proxy.now = Ok((world.now + 120) * 1_000_000_000);
        worker.filter.on_tick(ROOT, &mut worker.proxy);
        worker.respond("200", &whole.list);
        assert!(!world.is_allowed(&mut worker, "bob"), "{status}");
    }
}
