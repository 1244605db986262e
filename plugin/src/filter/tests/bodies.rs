//! Requests that wait for their bodies, with a fake proxy.

use super::*;
use crate::fake::SharedData;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const HELLO: &str =
    r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"}}}"#;

pub(super) struct World {
    fixture: Fixture,
    pub(super) filter: Filter,
    pub(super) proxy: FakeProxy,
}

impl World {
    pub(super) fn new() -> Self {
        let (fixture, mut proxy) = (Fixture::new(Algorithm::Ed25519), FakeProxy::default());
        let filter = configured(&fixture, json!({"decision_log": ["filter_state"]}), &mut proxy);
        Self { fixture, filter, proxy }
    }

    fn headers(&self, method: &str, more: &[(&str, &str)]) -> Vec<u8> {
        let authorization = self.fixture.bearer("alice");
        let mut headers = vec![
            (":method", method),
            (":path", "/mcp"),
            (":authority", "tools.example"),
            ("authorization", &authorization),
        ];
        headers.extend_from_slice(more);
        let mut bytes = Vec::new();
        enforce::serialise(&headers, &mut bytes);
        bytes
    }

    /// A POST of JSON up to its body.
    pub(super) fn begin(&mut self, stream: u32) -> Action {
        let headers = self.headers("POST", &[("content-type", "application/json"), ("accept-encoding", "gzip")]);
        self.announce(stream, headers, false)
    }

    fn announce(&mut self, stream: u32, headers: Vec<u8>, end_of_stream: bool) -> Action {
        self.proxy.headers = Ok(headers);
        self.filter.on_context_create(stream, ROOT);
        self.filter.on_request_headers(stream, end_of_stream, &mut self.proxy)
    }

    pub(super) fn body(&mut self, stream: u32, body: &str, end_of_stream: bool) -> Action {
        self.proxy.body = Ok(body.as_bytes().to_vec());
        self.filter.on_request_body(stream, body.len(), end_of_stream, &mut self.proxy)
    }

    fn assert_denied(&self, action: Action, status: u32, details: &str) {
        assert_denied(&self.proxy, action, status, details);
    }
}

#[test]
fn nothing_is_forwarded_before_the_body_is_decided() {
    let mut world = World::new();
    assert_eq!(world.begin(STREAM), Action::Pause);
    for end in 1..HELLO.len() {
        assert_eq!(world.body(STREAM, &HELLO[..end], false), Action::Pause, "{end}");
    }
    assert_eq!((world.proxy.replies.len(), world.proxy.set.len()), (0, 0));
    assert_eq!(world.body(STREAM, HELLO, true), Action::Continue);
    assert_eq!(world.proxy.set[0].1, "Agent::\"dev/alice\"");
    let record: Value = serde_json::from_str(&world.proxy.properties[0].1).unwrap();
    assert_eq!((&record["policies"], &record["mcp"]["subject"]), (&json!(["greet"]), &json!("echo")));
}

#[test]
fn a_denied_body_is_answered_with_its_id() {
    let mut world = World::new();
    world.begin(STREAM);
    let action = world.body(STREAM, &HELLO.replace("hello", "secret"), true);
    world.assert_denied(action, 403, "policy.deny");
    let reply: Value = serde_json::from_str(&world.proxy.replies[0].body).unwrap();
    assert_eq!((&reply["id"], &reply["error"]["code"]), (&json!("a"), &json!(-31403)));
    // Whatever the host may still hand over.
    assert_eq!(world.body(STREAM, PING, true), Action::Pause);
    assert_eq!(world.filter.on_request_trailers(STREAM, &mut world.proxy), Action::Pause);
    assert_eq!(world.proxy.replies.len(), 1);
}

#[test]
fn a_body_that_ends_with_trailers_is_decided_there() {
    let mut world = World::new();
    for (body, expected) in [(HELLO.to_owned(), Action::Continue), (HELLO.replace("hello", "bye"), Action::Pause)] {
        world.begin(STREAM);
        assert_eq!(world.body(STREAM, &body, false), Action::Pause);
        assert_eq!(world.filter.on_request_trailers(STREAM, &mut world.proxy), expected);
        world.filter.on_delete(STREAM, &mut world.proxy);
    }
    assert_eq!(world.proxy.replies[0].details, "policy.deny");
}

#[test]
fn a_body_over_the_limit_is_refused_as_soon_as_it_is() {
    let mut world = World::new();
    let padded = |len: usize| format!("{PING}{}", " ".repeat(len - PING.len()));
    world.begin(STREAM);
    assert_eq!(world.body(STREAM, &padded(200), true), Action::Continue);
    for end_of_stream in [false, true] {
        world.filter.on_delete(STREAM, &mut world.proxy);
        world.proxy.replies.clear();
        world.proxy.set.clear();
        world.begin(STREAM);
        let action = world.body(STREAM, &padded(201), end_of_stream);
        world.assert_denied(action, 413, "mcp.body_too_large");
    }
    // A host that counts wrong does not get a larger body past the limit.
    world.filter.on_delete(STREAM, &mut world.proxy);
    world.proxy.replies.clear();
    world.begin(STREAM);
    world.proxy.body = Ok(padded(5000).into_bytes());
    let action = world.filter.on_request_body(STREAM, 0, true, &mut world.proxy);
    world.assert_denied(action, 413, "mcp.body_too_large");
}

#[test]
fn what_headers_can_settle_does_not_wait() {
    for (method, more, status, details) in [
        ("POST", &[][..], 415, "mcp.content_type"),
        ("POST", &[("content-type", "application/json"), ("content-length", "201")], 413, "mcp.body_too_large"),
        ("POST", &[("content-type", "application/json"), ("content-encoding", "gzip")], 415, "mcp.content_encoding"),
        ("POST", &[("content-type", "application/json"), ("upgrade", "x")], 400, "mcp.upgrade"),
        ("POST", &[("content-type", "application/json"), ("origin", "https://a.example")], 403, "mcp.origin"),
        ("POST", &[("authorization", "Bearer x")], 400, "credential.repeated"),
        ("PUT", &[("content-type", "application/json")], 403, "route.unknown"),
        ("GET", &[], 400, "mcp.body_unexpected"),
    ] {
        let mut world = World::new();
        let headers = world.headers(method, more);
        let action = world.announce(STREAM, headers, false);
        world.assert_denied(action, status, details);
    }
    let mut world = World::new();
    let headers = world.headers("GET", &[]);
    assert_eq!(world.announce(STREAM, headers, true), Action::Continue);
}

#[test]
fn a_post_that_ends_with_its_headers_does_not_wait_for_a_body() {
    let mut world = World::new();
    let headers = world.headers("POST", &[("content-type", "application/json")]);
    let action = world.announce(STREAM, headers, true);
    world.assert_denied(action, 400, "json.empty");
}

#[test]
fn a_body_that_the_host_withholds_is_denied() {
    for (body, status, details) in [
        (Err(Status::NOT_FOUND), 400, "json.empty"),
        (Ok(Vec::new()), 400, "json.empty"),
        (Err(Status::INTERNAL_FAILURE), 503, "request.body_unreadable"),
        (Err(Status::BAD_ARGUMENT), 503, "request.body_unreadable"),
    ] {
        let mut world = World::new();
        world.begin(STREAM);
        world.proxy.body = body;
        let action = world.filter.on_request_body(STREAM, 10, true, &mut world.proxy);
        world.assert_denied(action, status, details);
    }
}

#[test]
fn a_client_that_leaves_takes_everything_along() {
    let mut world = World::new();
    for stream in 2..200 {
        assert_eq!(world.begin(stream), Action::Pause);
        world.body(stream, "{", false);
    }
    assert_eq!(world.filter.streams.len(), 198);
    (2..200).for_each(|stream| world.filter.on_delete(stream, &mut world.proxy));
    assert_eq!((world.filter.streams.len(), world.filter.roots.len()), (0, 1));
}

#[test]
fn a_body_without_a_decided_or_waiting_request_is_denied() {
    let mut world = World::new();
    let action = world.body(STREAM, HELLO, true);
    world.assert_denied(action, 503, "bundle.missing");

    let mut world = World::new();
    world.filter.on_context_create(STREAM, ROOT);
    let action = world.body(STREAM, HELLO, false);
    world.assert_denied(action, 503, "bundle.missing");

    let mut world = World::new();
    let action = world.filter.on_request_trailers(STREAM, &mut world.proxy);
    world.assert_denied(action, 503, "bundle.missing");
}

#[test]
fn a_request_whose_configuration_goes_while_it_waits_is_denied() {
    let mut world = World::new();
    world.begin(STREAM);
    world.filter.on_delete(ROOT, &mut world.proxy);
    let action = world.body(STREAM, HELLO, true);
    world.assert_denied(action, 503, "bundle.missing");
}

#[test]
fn a_token_that_expires_while_the_body_is_on_its_way_does_not_count() {
    let mut world = World::new();
    world.begin(STREAM);
    world.proxy.now = Ok((NOW + 400) * 1_000_000_000);
    let action = world.body(STREAM, HELLO, true);
    world.assert_denied(action, 401, "token.expired");
}

#[test]
fn bodies_of_other_routes_follow_their_decision() {
    let mut world = World::new();
    let bearer = world.fixture.bearer("alice");
    assert_eq!(world.announce(STREAM, request("front", &bearer, &[]), false), Action::Continue);
    assert_eq!(world.body(STREAM, &"x".repeat(100_000), false), Action::Continue);
    assert_eq!(world.filter.on_request_trailers(STREAM, &mut world.proxy), Action::Continue);
    world.filter.on_delete(STREAM, &mut world.proxy);
    assert_eq!(world.announce(STREAM, request("back", &bearer, &[]), false), Action::Pause);
    assert_eq!(world.body(STREAM, "x", false), Action::Pause);
    assert_eq!(world.filter.on_request_trailers(STREAM, &mut world.proxy), Action::Pause);
    assert_eq!(world.proxy.replies.len(), 1);
}

#[test]
fn a_session_reaches_the_client_bound_to_it() {
    let mut world = World::new();
    world.begin(STREAM);
    assert_eq!(world.body(STREAM, PING, true), Action::Continue);
    world.proxy.response_header = Ok(b"s-1".to_vec());
    assert_eq!(world.filter.on_response_headers(STREAM, true, &mut world.proxy), Action::Continue);
    let [(name, bound)] = &world.proxy.response_set[..] else { panic!("{:?}", world.proxy.response_set) };
    assert_eq!(name, "mcp-session-id");
    let bound = bound.clone();
    assert!(bound.ends_with(".s-1"), "{bound}");
    world.filter.on_delete(STREAM, &mut world.proxy);

    // On its way back it is the server's own again.
    let named = [("content-type", "application/json"), ("mcp-session-id", bound.as_str())];
    let headers = world.headers("POST", &named);
    world.announce(STREAM, headers, false);
    assert_eq!(world.body(STREAM, PING, true), Action::Continue);
    assert!(world.proxy.set.contains(&("mcp-session-id".to_owned(), "s-1".to_owned())), "{:?}", world.proxy.set);
    assert!(!world.proxy.added.contains(&"mcp-session-id".to_owned()), "the client's own has to go");
}

#[test]
fn an_answer_without_a_session_is_left_alone() {
    let mut world = World::new();
    world.begin(STREAM);
    world.body(STREAM, PING, true);
    assert_eq!(world.filter.on_response_headers(STREAM, true, &mut world.proxy), Action::Continue);
    // Nor is one to a request that has nothing to do with sessions, or to none that is known.
    let (stream, unknown) = (STREAM + 1, STREAM + 2);
    world.proxy.response_header = Ok(b"s-1".to_vec());
    let authorization = world.fixture.bearer("alice");
    let mut door = Vec::new();
    let headers =
        [(":method", "GET"), (":path", "/doors/front"), (":authority", "a"), ("authorization", &authorization)];
    enforce::serialise(&headers, &mut door);
    assert_eq!(world.announce(stream, door, true), Action::Continue);
    for stream in [stream, unknown] {
        assert_eq!(world.filter.on_response_headers(stream, true, &mut world.proxy), Action::Continue);
    }
    assert_eq!((world.proxy.response_set.len(), world.proxy.replies.len()), (0, 0));
}

#[test]
fn a_session_that_cannot_be_bound_does_not_reach_the_client() {
    let cases: [(HostResult<Vec<u8>>, HostResult<()>); 5] = [
        (Ok(b"a b".to_vec()), Ok(())),
        (Ok(Vec::new()), Ok(())),
        (Ok(vec![b'x'; 2000]), Ok(())),
        (Err(Status::INTERNAL_FAILURE), Ok(())),
        (Ok(b"s-1".to_vec()), Err(Status::BAD_ARGUMENT)),
    ];
    for (header, change) in cases {
        let mut world = World::new();
        world.begin(STREAM);
        world.body(STREAM, PING, true);
        (world.proxy.response_header, world.proxy.header_change) = (header.clone(), change);
        assert_eq!(world.filter.on_response_headers(STREAM, true, &mut world.proxy), Action::Pause, "{header:?}");
        assert_eq!(world.proxy.replies[0].details, "mcp.session_not_bound");
        world.filter.on_tick(ROOT, &mut world.proxy);
        assert_eq!(world.proxy.metric("palisade_sessions_not_bound_total"), 1);
        // The reply's own headers come by as well.
        assert_eq!(world.filter.on_response_headers(STREAM, true, &mut world.proxy), Action::Continue);
        assert_eq!(world.proxy.replies.len(), 1);
    }
}

#[test]
fn the_workers_of_a_proxy_know_each_others_sessions() {
    let mut first = World::new();
    first.begin(STREAM);
    first.body(STREAM, PING, true);
    first.proxy.response_header = Ok(b"s-1".to_vec());
    first.filter.on_response_headers(STREAM, true, &mut first.proxy);
    let session = first.proxy.response_set[0].1.clone();

    for (is_shared, expected) in [(true, Action::Continue), (false, Action::Pause)] {
        let shared = if is_shared { first.proxy.shared.clone() } else { SharedData::default() };
        let mut proxy = FakeProxy { shared, random_byte: 7, ..FakeProxy::default() };
        let filter = configured(&first.fixture, json!({}), &mut proxy);
        let headers = first.headers("POST", &[("content-type", "application/json"), ("mcp-session-id", &session)]);
        let mut other = World { fixture: Fixture::new(Algorithm::Ed25519), filter, proxy };
        other.announce(STREAM, headers, false);
        assert_eq!(other.body(STREAM, PING, true), expected, "{is_shared}");
    }
}
