//! Answers that hold lists, with a fake proxy.

use super::bodies::World;
use super::*;
use palisade_gateway::HeaderMap;

const LIST: &str = r#"{"jsonrpc":"2.0","id":"q","method":"tools/list"}"#;
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":"q","result":{"tools":[{"name":"unknown"},{"name":"echo"}]}}"#;
const FILTERED: &str = r#"{"jsonrpc":"2.0","id":"q","result":{"tools":[{"name":"echo"}]}}"#;

impl World {
    /// A list that was asked for and went on.
    fn asked(stream: u32) -> Self {
        let mut world = Self::new();
        world.ask(stream);
        world
    }

    fn ask(&mut self, stream: u32) {
        self.begin(stream);
        assert_eq!(self.body(stream, LIST, true), Action::Continue);
    }

    fn answer(&mut self, stream: u32, headers: &[(&str, &str)], end_of_stream: bool) -> Action {
        let mut bytes = Vec::new();
        enforce::serialise(headers, &mut bytes);
        self.proxy.answer_headers = Ok(bytes);
        self.filter.on_response_headers(stream, end_of_stream, &mut self.proxy)
    }

    fn json(&mut self, stream: u32) -> Action {
        let headers =
            [(":status", "200"), ("content-type", "application/json"), ("content-length", "9"), ("etag", "x")];
        self.answer(stream, &headers, false)
    }

    fn events(&mut self, stream: u32) -> Action {
        self.answer(stream, &[(":status", "200"), ("content-type", "text/event-stream")], false)
    }

    /// The host keeps, or hands over, this much of the body.
    fn part(&mut self, stream: u32, body: &str, end_of_stream: bool) -> Action {
        self.proxy.answer_body = Ok(body.as_bytes().to_vec());
        self.filter.on_response_body(stream, body.len(), end_of_stream, &mut self.proxy)
    }

    fn assert_refused(&mut self, action: Action, details: &str) {
        assert_eq!(action, Action::Pause);
        let [reply] = &self.proxy.replies[..] else { panic!("{:?}", self.proxy.replies) };
        assert_eq!((reply.status, reply.details.as_str()), (502, details));
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!((&body["id"], &body["error"]["code"]), (&json!("q"), &json!(-32603)));
        let headers = HeaderMap::parse(&reply.headers).unwrap();
        assert_eq!(headers.values("content-type").next(), Some(&b"application/json"[..]));
        self.filter.on_tick(ROOT, &mut self.proxy);
        assert_eq!(self.proxy.metric(&format!("palisade_decisions_total.reason.{details}")), 1);
        assert!(self.filter.answers.is_idle());
        let record: Value = serde_json::from_str(&self.proxy.properties.last().unwrap().1).unwrap();
        assert_eq!((&record["reason"], &record["answer"]["refused"]), (&json!("policy.allow"), &json!(details)));
    }
}

#[test]
fn a_list_is_kept_filtered_and_sent_on() {
    let mut world = World::asked(STREAM);
    // And nothing that is not there: Envoy would look all headers over.
    assert_eq!(world.proxy.removed, ["authorization", "accept-encoding"]);
    assert_eq!(world.json(STREAM), Action::Pause);
    for end in 1..ANSWER.len() {
        assert_eq!(world.part(STREAM, &ANSWER[..end], false), Action::Pause);
    }
    assert_eq!((world.proxy.answer_bodies.len(), world.proxy.response_removed.len()), (0, 0));
    assert_eq!(world.part(STREAM, ANSWER, true), Action::Continue);
    assert_eq!(world.proxy.answer_bodies, [FILTERED]);
    assert_eq!(world.proxy.response_removed, ["etag"]);
    let length = FILTERED.len().to_string();
    assert_eq!(world.proxy.response_set, [("content-length".to_owned(), length)]);
    assert!(world.filter.answers.is_idle());

    world.filter.on_tick(ROOT, &mut world.proxy);
    assert_eq!(world.proxy.metric("palisade_list_items_total.result.shown"), 1);
    assert_eq!(world.proxy.metric("palisade_list_items_total.result.hidden"), 1);
    let [(_, first), (_, second)] = &world.proxy.properties[..] else { panic!("{:?}", world.proxy.properties) };
    let (first, mut second): (Value, Value) =
        (serde_json::from_str(first).unwrap(), serde_json::from_str(second).unwrap());
    assert_eq!(second["answer"]["hidden_names"], json!(["unknown"]));
    second.as_object_mut().unwrap().remove("answer");
    assert_eq!(first, second, "the record of the request, with what became of its answer");
}

#[test]
fn what_needs_no_change_is_not_touched() {
    let mut world = World::asked(STREAM);
    world.json(STREAM);
    assert_eq!(world.part(STREAM, FILTERED, true), Action::Continue);
    assert_eq!((world.proxy.answer_bodies.len(), world.proxy.response_removed.len()), (0, 0));
    assert_eq!(world.proxy.response_set, []);

    world.ask(3);
    assert_eq!(world.events(3), Action::Continue);
    assert_eq!(world.part(3, &format!("data: {FILTERED}\n\n"), false), Action::Continue);
    assert_eq!(world.proxy.answer_bodies.len(), 0);
}

#[test]
fn a_list_that_ends_with_trailers_is_filtered_there() {
    let mut world = World::asked(STREAM);
    world.json(STREAM);
    assert_eq!(world.part(STREAM, ANSWER, false), Action::Pause);
    assert_eq!(world.filter.on_response_trailers(STREAM, &mut world.proxy), Action::Continue);
    assert_eq!(world.proxy.answer_bodies, [FILTERED]);
    // And one that has nothing but trailers.
    world.ask(3);
    world.json(3);
    world.proxy.answer_body = Err(Status::NOT_FOUND);
    assert_eq!(world.filter.on_response_trailers(3, &mut world.proxy), Action::Continue);
    assert_eq!(world.proxy.answer_bodies.len(), 1);
}

#[test]
fn events_go_on_one_by_one() {
    let mut world = World::asked(STREAM);
    let event = |data: &str| format!("event: message\ndata: {data}\n\n");
    let progress = event(r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#);
    assert_eq!(world.events(STREAM), Action::Continue);
    assert_eq!(world.proxy.response_removed, ["content-length"]);
    assert_eq!(world.part(STREAM, &progress, false), Action::Continue);
    let whole = event(ANSWER);
    let (first, second) = whole.split_at(40);
    assert_eq!(world.part(STREAM, first, false), Action::Continue);
    assert_eq!(world.part(STREAM, second, false), Action::Continue);
    assert_eq!(world.proxy.answer_bodies, [String::new(), event(FILTERED)]);
    assert_eq!(world.part(STREAM, "data: x", false), Action::Continue);
    assert_eq!(world.part(STREAM, "", true), Action::Continue);
    assert_eq!(world.proxy.answer_bodies.last().unwrap(), "data: x");
    assert!(world.filter.answers.is_idle());
}

#[test]
fn a_stream_of_events_may_end_in_any_way() {
    // With trailers, of which its last event does not come to an end; without a body that the host has.
    let mut world = World::asked(STREAM);
    world.events(STREAM);
    world.part(STREAM, "data: {", false);
    assert_eq!(world.filter.on_response_trailers(STREAM, &mut world.proxy), Action::Continue);
    assert!(world.filter.answers.is_idle());
    world.ask(3);
    world.events(3);
    world.proxy.answer_body = Err(Status::NOT_FOUND);
    assert_eq!(world.filter.on_response_body(3, 0, true, &mut world.proxy), Action::Continue);
    assert!(world.filter.answers.is_idle());
}

#[test]
fn what_cannot_be_read_is_refused() {
    let ok = (":status", "200");
    let json = ("content-type", "application/json");
    for (headers, details) in [
        (&[ok, json, ("content-encoding", "gzip")][..], "answer.content_encoding"),
        (&[ok, json, ("content-length", "401")], "answer.too_large"),
    ] {
        let mut world = World::asked(STREAM);
        let action = world.answer(STREAM, headers, false);
        world.assert_refused(action, details);
        // The reply's own headers and body come by as well.
        assert_eq!(world.answer(STREAM, &[(":status", "502"), json], false), Action::Continue);
        assert_eq!(world.part(STREAM, "{", true), Action::Continue);
        assert_eq!(world.proxy.replies.len(), 1);
    }
    for (body, details) in [("{", "answer.json"), ("{\"tools\":[]}", "answer.message")] {
        let mut world = World::asked(STREAM);
        world.json(STREAM);
        let action = world.part(STREAM, body, true);
        world.assert_refused(action, details);
        assert_eq!(world.proxy.answer_bodies.len(), 0);
    }
    let mut world = World::asked(STREAM);
    world.answer(STREAM, &[ok, ("content-type", "text/plain")], false);
    let action = world.part(STREAM, ANSWER, true);
    world.assert_refused(action, "answer.content_type");
}

#[test]
fn a_list_over_the_limit_is_refused_as_soon_as_it_is() {
    for end_of_stream in [false, true] {
        let mut world = World::asked(STREAM);
        world.json(STREAM);
        assert_eq!(world.part(STREAM, &" ".repeat(400), false), Action::Pause);
        let action = world.part(STREAM, &" ".repeat(401), end_of_stream);
        world.assert_refused(action, "answer.too_large");
    }
    // A host that counts wrong does not get a larger one past the limit.
    let mut world = World::asked(STREAM);
    world.json(STREAM);
    world.proxy.answer_body = Ok(format!("{ANSWER}{}", " ".repeat(400)).into_bytes());
    let action = world.filter.on_response_body(STREAM, 0, true, &mut world.proxy);
    world.assert_refused(action, "answer.too_large");
}

#[test]
fn a_refused_event_is_told_in_the_stream() {
    let mut world = World::asked(STREAM);
    world.events(STREAM);
    assert_eq!(world.part(STREAM, "data: {]\n\ndata: {\"a\":1}\n\n", false), Action::Continue);
    let told = world.proxy.answer_bodies.last().unwrap().clone();
    let told: Value = serde_json::from_str(told.strip_prefix("data: ").unwrap().trim_end()).unwrap();
    assert_eq!((&told["id"], &told["error"]["data"]["reason"]), (&json!("q"), &json!("unusable_answer")));
    world.filter.on_tick(ROOT, &mut world.proxy);
    assert_eq!(world.proxy.metric("palisade_decisions_total.reason.answer.json"), 1);
    assert_eq!(world.part(STREAM, &format!("data: {ANSWER}\n\n"), true), Action::Continue);
    assert_eq!(world.proxy.answer_bodies.last().unwrap(), "");
    assert_eq!(world.proxy.replies.len(), 0);
}

#[test]
fn a_host_that_does_not_do_its_part_gets_nothing_through() {
    // Headers that it does not hand over, or not as such.
    for headers in [Err(Status::INTERNAL_FAILURE), Ok(b"x".to_vec())] {
        let mut world = World::asked(STREAM);
        world.proxy.answer_headers = headers;
        let action = world.filter.on_response_headers(STREAM, false, &mut world.proxy);
        world.assert_refused(action, "answer.host");
    }
    // A body that it withholds, or does not replace; headers that it does not change.
    let mut world = World::asked(STREAM);
    world.json(STREAM);
    world.proxy.answer_body = Err(Status::INTERNAL_FAILURE);
    let action = world.filter.on_response_body(STREAM, 10, true, &mut world.proxy);
    world.assert_refused(action, "answer.host");

    let mut world = World::asked(STREAM);
    world.json(STREAM);
    world.proxy.answer_change = Err(Status::BAD_ARGUMENT);
    let action = world.part(STREAM, ANSWER, true);
    world.assert_refused(action, "answer.host");

    let mut world = World::asked(STREAM);
    world.json(STREAM);
    world.proxy.header_change = Err(Status::BAD_ARGUMENT);
    let action = world.part(STREAM, ANSWER, true);
    world.assert_refused(action, "answer.host");

    let mut world = World::asked(STREAM);
    world.proxy.header_change = Err(Status::BAD_ARGUMENT);
    let action = world.events(STREAM);
    world.assert_refused(action, "answer.host");

    let mut world = World::asked(STREAM);
    world.events(STREAM);
    world.proxy.answer_change = Err(Status::BAD_ARGUMENT);
    let action = world.part(STREAM, &format!("data: {ANSWER}\n\n"), false);
    world.assert_refused(action, "answer.host");

    // A body before its headers.
    let mut world = World::asked(STREAM);
    let action = world.part(STREAM, ANSWER, true);
    world.assert_refused(action, "answer.host");
    let mut world = World::asked(STREAM);
    let action = world.filter.on_response_trailers(STREAM, &mut world.proxy);
    world.assert_refused(action, "answer.host");
}

#[test]
fn other_answers_cost_nothing_and_pass() {
    let mut world = World::new();
    world.begin(STREAM);
    assert_eq!(world.body(STREAM, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, true), Action::Continue);
    assert!(world.filter.answers.is_idle());
    assert_eq!(world.proxy.removed, ["authorization"]);
    // While another stream's answer is filtered, too.
    world.ask(3);
    world.proxy.answer_headers = Err(Status::INTERNAL_FAILURE);
    for stream in [STREAM, 77] {
        assert_eq!(world.filter.on_response_headers(stream, false, &mut world.proxy), Action::Continue);
        assert_eq!(world.part(stream, ANSWER, true), Action::Continue);
        assert_eq!(world.filter.on_response_trailers(stream, &mut world.proxy), Action::Continue);
    }
    assert_eq!((world.proxy.answer_bodies.len(), world.proxy.replies.len()), (0, 0));
}

#[test]
fn errors_and_answers_without_a_body_pass() {
    for (status, end_of_stream) in [("503", false), ("404", false), ("202", true), ("204", true), ("200", true)] {
        let mut world = World::asked(STREAM);
        assert_eq!(world.answer(STREAM, &[(":status", status)], end_of_stream), Action::Continue);
        assert!(world.filter.answers.is_idle());
        assert_eq!(world.part(STREAM, "no JSON", true), Action::Continue);
        assert_eq!(world.proxy.replies.len(), 0);
    }
}

#[test]
fn a_new_configuration_does_not_change_an_answer_that_is_on_its_way() {
    let mut world = World::asked(STREAM);
    world.json(STREAM);
    world.filter.on_delete(ROOT, &mut world.proxy);
    assert_eq!(world.part(STREAM, ANSWER, true), Action::Continue);
    assert_eq!(world.proxy.answer_bodies, [FILTERED]);
}

#[test]
fn whoever_leaves_takes_the_answer_along() {
    let mut world = World::new();
    for stream in 2..100 {
        world.ask(stream);
        world.events(stream);
        world.part(stream, "data: {", false);
    }
    (2..100).for_each(|stream| world.filter.on_delete(stream, &mut world.proxy));
    assert!(world.filter.answers.is_idle());
}
