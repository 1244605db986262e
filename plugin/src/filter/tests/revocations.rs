//! Streams under way when whoever they belong to is revoked.

use super::*;
use palisade_gateway::revocation::{Entry, EntryKind};
use palisade_policy_compiler::revocation::ListEditor;

const OLD: u32 = 1;
const NEW: u32 = 100;
const NONE: [u32; 0] = [];

struct World {
    fixture: Fixture,
    filter: Filter,
    proxy: FakeProxy,
    list: ListEditor,
}

impl World {
    fn new() -> Self {
        let (fixture, mut proxy, mut list) =
            (Fixture::new(Algorithm::Ed25519), FakeProxy::default(), ListEditor::new("fixture"));
        let members = json!({"channel": "fixture", "revocations": fixture.revocations(&mut list)});
        let mut filter = Filter::new();
        configure(&mut filter, OLD, &fixture, members, &mut proxy);
        Self { fixture, filter, proxy, list }
    }

    /// A request that goes on and stays under way.
    fn open(&mut self, stream: u32, subject: &str) {
        self.proxy.headers = Ok(request("front", &self.fixture.bearer(subject), &[]));
        self.filter.on_context_create(stream, OLD);
        assert_eq!(self.filter.on_request_headers(stream, true, &mut self.proxy), Action::Continue);
    }

    fn revoke(&mut self, subject: &str) {
        let entry = Entry::new(EntryKind::Subject, Some("dev".to_owned()), Some(subject.to_owned()));
        self.list.revoke(entry).unwrap();
    }

    /// Applies a configuration with the list as it is.
    fn configure(&mut self, root: u32) {
        let members = json!({"channel": "fixture", "revocations": self.fixture.revocations(&mut self.list)});
        configure(&mut self.filter, root, &self.fixture, members, &mut self.proxy);
    }

    fn ended(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.proxy.ended)
    }
}

#[test]
fn streams_of_the_revoked_end_and_no_others() {
    let mut world = World::new();
    for (stream, subject) in [(2, "alice"), (3, "bob"), (4, "alice"), (5, "carol")] {
        world.open(stream, subject);
    }
    world.filter.on_delete(4, &mut world.proxy);
    world.configure(NEW);
    assert_eq!(world.ended(), NONE, "nobody is revoked");
    world.revoke("alice");
    world.configure(NEW + 1);
    assert_eq!(world.ended(), [2], "the other stream of hers was over");
    world.filter.on_tick(NEW, &mut world.proxy);
    assert_eq!(world.proxy.metric("palisade_revoked_streams_total"), 1);
    world.filter.on_delete(2, &mut world.proxy);
    world.revoke("carol");
    world.configure(NEW + 2);
    assert_eq!(world.ended(), [5]);
}

#[test]
fn a_host_that_does_not_end_a_stream_is_told_of() {
    let mut world = World::new();
    world.open(2, "alice");
    world.open(3, "alice");
    world.revoke("alice");
    world.proxy.ending = Err(Status::BAD_ARGUMENT);
    let members = json!({"channel": "fixture", "revocations": world.fixture.revocations(&mut world.list)});
    let configuration = world.fixture.configuration(members);
    let size = configuration.len();
    world.proxy.configuration = Ok(configuration);
    world.filter.on_context_create(NEW, 0);
    assert!(world.filter.on_configure(NEW, size, &mut world.proxy));
    assert_eq!(world.ended(), [2, 3], "each is tried");
    assert!(!world.proxy.metric_names.iter().any(|(_, name)| name == "palisade_revoked_streams_total"));
    let warnings = world.proxy.logs.iter().filter(|(level, _)| *level == LogLevel::Warn);
    let lines: Vec<_> = warnings.map(|(_, line)| line.as_str()).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.contains("goes on in spite of revoked.subject: host status 2")), "{lines:?}");
}

#[test]
fn a_list_of_another_channel_ends_nothing() {
    let mut world = World::new();
    world.open(2, "alice");
    // Another filter in the same VM, without a list; its streams are nobody's to end.
    let other = Fixture::new(Algorithm::Ed25519);
    let shared = std::mem::take(&mut world.proxy.shared);
    configure(&mut world.filter, NEW, &other, json!({}), &mut world.proxy);
    world.proxy.shared = shared;
    world.proxy.headers = Ok(request("front", &other.bearer("alice"), &[]));
    world.filter.on_context_create(3, NEW);
    assert_eq!(world.filter.on_request_headers(3, true, &mut world.proxy), Action::Continue);
    assert_eq!(world.ended(), NONE);
    world.revoke("alice");
    world.configure(NEW + 1);
    assert_eq!(world.ended(), [2]);
}

#[test]
fn a_refused_list_ends_nothing() {
    let mut world = World::new();
    world.open(2, "alice");
    world.revoke("alice");
    let mut members = json!({"channel": "fixture", "revocations": world.fixture.revocations(&mut world.list)});
    let inline = members["revocations"]["inline"].as_str().unwrap().replacen("ey", "eX", 1);
    members["revocations"]["inline"] = json!(inline);
    let configuration = world.fixture.configuration(members);
    let size = configuration.len();
    world.proxy.configuration = Ok(configuration);
    world.filter.on_context_create(NEW, 0);
    assert!(!world.filter.on_configure(NEW, size, &mut world.proxy));
    assert_eq!(world.ended(), NONE);
}

#[test]
fn a_revoked_caller_gets_no_new_stream() {
    let mut world = World::new();
    world.revoke("alice");
    world.configure(NEW);
    let headers = request("front", &world.fixture.bearer("alice"), &[]);
    let action = ask(&mut world.filter, NEW, headers, &mut world.proxy);
    assert_denied(&world.proxy, action, 401, "revoked.subject");
    world.configure(NEW + 1);
    assert_eq!(world.ended(), NONE, "a request that was refused has no stream");
    let headers = request("front", &world.fixture.bearer("bob"), &[]);
    assert_eq!(ask(&mut world.filter, NEW, headers, &mut world.proxy), Action::Continue);
}
