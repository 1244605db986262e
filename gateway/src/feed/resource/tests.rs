//! Several workers of one proxy, and whatever the server of a file may answer.

use super::*;
use crate::chance::Chance;
use crate::feed::testing::FakeProxy;

const INTERVAL_MS: u64 = 10_000;
const WAIT_SECONDS: u32 = 30;

struct Worker {
    resource: Resource,
    owner: u64,
    chance: Chance,
    /// What it accepted last.
    held: Vec<u8>,
}

impl Worker {
    fn new(owner: u64, proxy: &mut FakeProxy) -> Self {
        let source = Source {
            cluster: "bundles".to_owned(),
            authority: "bundles.internal".to_owned(),
            path: "/dev.palisade".to_owned(),
            interval_ms: INTERVAL_MS,
            wait_seconds: WAIT_SECONDS,
            max_bytes: 100,
            may_be_absent: false,
        };
        let mut worker = Self { resource: Resource::new(source), owner, chance: Chance::new(owner), held: Vec::new() };
        let arrival = worker.resource.join(proxy);
        worker.judge(arrival, proxy);
        worker
    }

    fn turn(&mut self, proxy: &FakeProxy) -> Turn {
        Turn { owner: self.owner, jitter: self.chance.draw(), now_ms: proxy.now_ms }
    }

    fn poll(&mut self, proxy: &mut FakeProxy) -> Option<Arrival> {
        let turn = self.turn(proxy);
        let arrival = self.resource.poll(turn, proxy);
        self.judge(arrival, proxy)
    }

    fn respond(&mut self, response: FetchResponse<'_>, proxy: &mut FakeProxy) -> Option<Arrival> {
        let turn = self.turn(proxy);
        assert!(self.resource.waits_for(proxy.last()));
        let arrival = self.resource.respond(response, turn, proxy);
        assert!(!self.resource.waits_for(proxy.last()));
        self.judge(arrival, proxy)
    }

    /// Accepts whatever begins with `ok`.
    fn judge(&mut self, arrival: Option<Arrival>, proxy: &mut FakeProxy) -> Option<Arrival> {
        let turn = self.turn(proxy);
        if let Some(Arrival::Document(document)) = &arrival {
            if document.bytes == self.held {
                self.resource.confirm(document, turn, proxy);
            } else if document.bytes.starts_with(b"ok") {
                self.held.clone_from(&document.bytes);
                self.resource.accept(document, turn, proxy);
            } else {
                self.resource.refuse(document, turn, proxy);
            }
        }
        arrival
    }
}

fn body<'a>(bytes: &'a [u8], etag: &'a str) -> FetchResponse<'a> {
    FetchResponse::Body(FetchedBody { bytes, etag: Some(etag.as_bytes()), ..FetchedBody::default() })
}

/// Three workers that have `ok 1` with the tag `"1"`.
fn served() -> (FakeProxy, [Worker; 3]) {
    let mut proxy = FakeProxy::new();
    let mut workers = [11, 22, 33].map(|owner| Worker::new(owner, &mut proxy));
    assert_eq!(proxy.requests, [], "joining asks nobody");
    workers[0].poll(&mut proxy);
    workers[0].respond(body(b"ok 1", "\"1\""), &mut proxy);
    for worker in &mut workers {
        worker.poll(&mut proxy);
        assert_eq!(worker.held, b"ok 1");
    }
    (proxy, workers)
}

/// Lets time pass until one of the workers asks; says which, and after how many milliseconds.
fn await_request(workers: &mut [Worker], proxy: &mut FakeProxy) -> (usize, u64) {
    let (begin_ms, before) = (proxy.now_ms, proxy.requests.len());
    while proxy.now_ms - begin_ms < 100_000 {
        for (number, worker) in workers.iter_mut().enumerate() {
            worker.poll(proxy);
            if proxy.requests.len() > before {
                return (number, proxy.now_ms - begin_ms);
            }
        }
        proxy.now_ms += 100;
    }
    panic!("nobody asked");
}

#[test]
fn one_worker_asks_and_all_have_the_document() {
    let (mut proxy, mut workers) = served();
    assert_eq!(proxy.requests, [(proxy.now_ms, "bundles bundles.internal /dev.palisade".to_owned())]);
    let late = Worker::new(44, &mut proxy);
    assert_eq!(late.held, b"ok 1", "a worker that comes later has it at once");
    assert_eq!(proxy.requests.len(), 1);
    assert!(workers.iter_mut().all(|worker| worker.poll(&mut proxy).is_none()));
    assert!(workers.iter().all(|worker| worker.resource.confirmed_ms() == Some(proxy.now_ms)));
}

#[test]
fn any_worker_asks_only_for_what_has_changed() {
    let (mut proxy, mut workers) = served();
    // Whether the server waits is not known yet.
    let (number, after_ms) = await_request(&mut workers, &mut proxy);
    assert!(after_ms <= limits::FEED_AGAIN_MS, "{after_ms}");
    workers[number].respond(FetchResponse::NotModified { waits: false }, &mut proxy);
    for _ in 0..6 {
        let (number, after_ms) = await_request(&mut workers, &mut proxy);
        assert!((INTERVAL_MS / 4 * 3..=INTERVAL_MS).contains(&after_ms), "{after_ms}");
        let (_, request) = proxy.requests.last().unwrap();
        assert_eq!(request, "bundles bundles.internal /dev.palisade if-none-match \"1\" wait 30");
        assert_eq!(
            workers[number].respond(FetchResponse::NotModified { waits: false }, &mut proxy),
            Some(Arrival::Unchanged)
        );
        workers.rotate_left(1);
    }
    let (number, _) = await_request(&mut workers, &mut proxy);
    workers[number].respond(body(b"ok 2", "W/\"2\""), &mut proxy);
    for worker in &mut workers {
        worker.poll(&mut proxy);
        assert_eq!(worker.held, b"ok 2");
    }
    workers.rotate_left(1);
    await_request(&mut workers, &mut proxy);
    assert!(proxy.requests.last().unwrap().1.contains("if-none-match W/\"2\""));
}

#[test]
fn a_server_that_waits_is_asked_again_at_once() {
    let (mut proxy, mut workers) = served();
    for status in [FetchResponse::NotModified { waits: false }, body(b"ok 2", "\"2\"")] {
        let (number, _) = await_request(&mut workers, &mut proxy);
        // The one who asked keeps its claim for as long as the server waits.
        let before = proxy.requests.len();
        for _ in 0..280 {
            proxy.now_ms += 100;
            workers.iter_mut().for_each(|worker| drop(worker.poll(&mut proxy)));
        }
        assert_eq!(proxy.requests.len(), before);
        workers[number].respond(status, &mut proxy);
        let (_, after_ms) = await_request(&mut workers, &mut proxy);
        assert!(after_ms <= limits::FEED_AGAIN_MS + 100, "{after_ms}");
        let asking = workers.iter().position(|worker| worker.resource.waits_for(proxy.last())).unwrap();
        workers[asking].respond(FetchResponse::NotModified { waits: false }, &mut proxy);
    }
    // One that says so needs not to be timed.
    let (number, _) = await_request(&mut workers, &mut proxy);
    let FetchResponse::Body(fetched) = body(b"ok 3", "\"3\"") else { unreachable!() };
    workers[number].respond(FetchResponse::Body(FetchedBody { waits: true, ..fetched }), &mut proxy);
    assert!(await_request(&mut workers, &mut proxy).1 <= limits::FEED_AGAIN_MS + 100);
}

/// Has a server answer whatever is asked, in no time, for 100 seconds; how often it was asked.
fn asked_in_100_s(mut answer: impl FnMut(usize) -> (Option<&'static [u8]>, String, bool)) -> usize {
    let mut proxy = FakeProxy::new();
    let mut workers = [11, 22].map(|owner| Worker::new(owner, &mut proxy));
    let end_ms = proxy.now_ms + 100_000;
    while proxy.now_ms < end_ms {
        for worker in &mut workers {
            let before = proxy.requests.len();
            worker.poll(&mut proxy);
            if proxy.requests.len() > before {
                let (bytes, etag, waits) = answer(before);
                let response = match bytes {
                    Some(bytes) => FetchResponse::Body(FetchedBody {
                        bytes,
                        etag: Some(etag.as_bytes()),
                        waits,
                        ..FetchedBody::default()
                    }),
                    None => FetchResponse::NotModified { waits },
                };
                worker.respond(response, &mut proxy);
            }
        }
        proxy.now_ms += 100;
    }
    proxy.requests.len()
}

#[test]
fn a_server_that_does_not_wait_is_asked_once_too_often_and_then_at_the_interval() {
    // One that knows tags, one that sends the same again and again, one that has another tag for it each time.
    let first = |number: usize| (number == 0).then_some(&b"ok 1"[..]);
    let most = 100_000 / usize::try_from(INTERVAL_MS / 4 * 3).unwrap() + 2;
    for asked in [
        asked_in_100_s(|number| (first(number), "\"1\"".to_owned(), false)),
        asked_in_100_s(|number| (first(number), "\"1\"".to_owned(), true)),
        asked_in_100_s(|_| (Some(b"ok 1"), "\"1\"".to_owned(), false)),
        asked_in_100_s(|number| (Some(b"ok 1"), format!("\"{number}\""), false)),
        asked_in_100_s(|_| (Some(b"ok 1"), String::new(), false)),
    ] {
        assert!((100_000 / usize::try_from(INTERVAL_MS).unwrap()..=most).contains(&asked), "{asked} requests");
    }
}

#[test]
fn a_server_that_waits_is_asked_again_at_once_from_its_first_answer_on() {
    let mut proxy = FakeProxy::new();
    let mut workers = [11, 22].map(|owner| Worker::new(owner, &mut proxy));
    workers[0].poll(&mut proxy);
    workers[0].respond(body(b"ok 1", "\"1\""), &mut proxy);
    for version in 2..6 {
        // It is waiting again, and so answers the moment that there is something.
        let (number, after_ms) = await_request(&mut workers, &mut proxy);
        assert!(after_ms <= limits::FEED_AGAIN_MS, "version {version} is asked for after {after_ms} ms");
        assert!(proxy.requests.last().unwrap().1.ends_with("wait 30"));
        proxy.now_ms += 29_000;
        workers[number].respond(FetchResponse::NotModified { waits: false }, &mut proxy);
        let (number, after_ms) = await_request(&mut workers, &mut proxy);
        assert!(after_ms <= limits::FEED_AGAIN_MS, "version {version} is asked for after {after_ms} ms");
        proxy.now_ms += 3_000;
        let bytes = format!("ok {version}");
        workers[number].respond(body(bytes.as_bytes(), &format!("\"{version}\"")), &mut proxy);
        workers.iter_mut().for_each(|worker| drop(worker.poll(&mut proxy)));
    }
}

#[test]
fn another_worker_takes_over_from_one_that_died_waiting() {
    let (mut proxy, mut workers) = served();
    let (number, _) = await_request(&mut workers, &mut proxy);
    let mut others: Vec<Worker> =
        workers.into_iter().enumerate().filter(|(n, _)| *n != number).map(|(_, w)| w).collect();
    let (_, after_ms) = await_request(&mut others, &mut proxy);
    assert!(after_ms <= limits::FEED_LEASE_MS, "{after_ms}");
}

#[test]
fn whatever_else_comes_is_a_failure_with_a_code_and_changes_nothing() {
    let page = |content_type: &'static str| {
        let content_type = Some(content_type.as_bytes());
        FetchResponse::Body(FetchedBody { bytes: b"ok 2", content_type, ..FetchedBody::default() })
    };
    for (response, code) in [
        (FetchResponse::Nothing, "feed.no_response"),
        (FetchResponse::TooLarge, "feed.too_large"),
        (FetchResponse::of(&[b'x'; 101]), "feed.too_large"),
        (FetchResponse::Status(0), "feed.status"),
        (FetchResponse::Status(204), "feed.status"),
        (FetchResponse::Status(206), "feed.status"),
        (FetchResponse::Status(301), "feed.status"),
        (FetchResponse::Status(404), "feed.status"),
        (FetchResponse::Status(503), "feed.status"),
        (page("text/html"), "feed.content_type"),
        (page("Text/HTML ; charset=utf-8"), "feed.content_type"),
        (page("application/xhtml+xml"), "feed.content_type"),
    ] {
        let (mut proxy, mut workers) = served();
        let (number, _) = await_request(&mut workers, &mut proxy);
        let Some(Arrival::Failed { error, failures: 1 }) = workers[number].respond(response, &mut proxy) else {
            panic!("{code}");
        };
        assert_eq!(error.code(), code);
        assert!(error.to_string().starts_with(code));
        for worker in &mut workers {
            worker.poll(&mut proxy);
            assert_eq!(worker.held, b"ok 1");
        }
    }
    // Another content type says nothing: servers have their own opinion of files.
    for content_type in ["application/octet-stream", "text/plain", "", "text/htmlx", "\u{0}"] {
        let (mut proxy, mut workers) = served();
        let (number, _) = await_request(&mut workers, &mut proxy);
        workers[number].respond(page(content_type), &mut proxy);
        assert_eq!(workers[number].held, b"ok 2", "{content_type:?}");
    }
}

#[test]
fn nothing_has_not_changed_before_there_is_something() {
    let mut proxy = FakeProxy::new();
    let mut worker = Worker::new(11, &mut proxy);
    worker.poll(&mut proxy);
    let arrival = worker.respond(FetchResponse::NotModified { waits: false }, &mut proxy);
    assert_eq!(arrival, Some(Arrival::Failed { error: FetchError::Status(304), failures: 1 }));
    assert_eq!(worker.resource.confirmed_ms(), None);
}

#[test]
fn a_refused_document_is_shared_with_nobody_and_asked_for_ever_less_often() {
    let (mut proxy, mut workers) = served();
    let mut delays = Vec::new();
    for _ in 0..8 {
        let (number, after_ms) = await_request(&mut workers, &mut proxy);
        delays.push(after_ms);
        assert!(proxy.requests.last().unwrap().1.contains("if-none-match \"1\""), "the refused one's is not kept");
        workers[number].respond(body(b"evil", "\"2\""), &mut proxy);
        assert!(workers.iter().all(|worker| worker.held == b"ok 1"));
    }
    assert_eq!(Worker::new(44, &mut proxy).held, b"ok 1");
    assert!(delays[1] < 2_000 && delays[7] > INTERVAL_MS / 2 - 1, "{delays:?}");
    let (number, _) = await_request(&mut workers, &mut proxy);
    workers[number].respond(body(b"ok 2", "\"2\""), &mut proxy);
    assert_eq!(Worker::new(55, &mut proxy).held, b"ok 2");
}

#[test]
fn what_was_shared_is_judged_by_each_and_looked_at_once() {
    let (mut proxy, mut workers) = served();
    for garbage in [&b""[..], b"x", b"pal-fd-1"] {
        let name = proxy.shared.keys().find(|name| name.contains("document")).unwrap().clone();
        proxy.shared.insert(name, (garbage.to_vec(), 99));
        let name = proxy.shared.keys().find(|name| name.contains("ledger")).unwrap().clone();
        proxy.shared.get_mut(&name).unwrap().0[8] += 1;
        for worker in &mut workers {
            assert_eq!(worker.poll(&mut proxy), Some(Arrival::SharedUnreadable));
            assert_eq!(worker.poll(&mut proxy), None);
            assert_eq!(worker.held, b"ok 1");
        }
    }
}

#[test]
fn a_document_that_was_announced_and_never_came_is_not_looked_for_for_ever() {
    let (mut proxy, mut workers) = served();
    let name = proxy.shared.keys().find(|name| name.contains("ledger")).unwrap().clone();
    proxy.shared.get_mut(&name).unwrap().0[8] += 1;
    for _ in 0..3 * limits::FEED_LOOKS {
        assert!(workers.iter_mut().all(|worker| worker.poll(&mut proxy).is_none()));
    }
    let reads = proxy.reads;
    workers[0].poll(&mut proxy);
    assert_eq!(proxy.reads, reads + 1, "the ledger alone");
    // Whoever asks next brings it to everybody.
    let (number, _) = await_request(&mut workers, &mut proxy);
    workers[number].respond(body(b"ok 2", "\"2\""), &mut proxy);
    workers.iter_mut().for_each(|worker| drop(worker.poll(&mut proxy)));
    assert!(workers.iter().all(|worker| worker.held == b"ok 2"));
}

#[test]
fn what_came_another_way_is_shared_when_a_server_confirms_it() {
    let mut proxy = FakeProxy::new();
    let mut worker = Worker::new(11, &mut proxy);
    worker.held = b"ok 1".to_vec();
    worker.poll(&mut proxy);
    worker.respond(body(b"ok 1", "\"1\""), &mut proxy);
    assert_eq!(Worker::new(44, &mut proxy).held, b"ok 1");
}

#[test]
fn a_server_without_tags_is_asked_at_the_interval() {
    let mut proxy = FakeProxy::new();
    let mut workers = [Worker::new(11, &mut proxy), Worker::new(22, &mut proxy)];
    for _ in 0..4 {
        let (number, _) = await_request(&mut workers, &mut proxy);
        workers[number].respond(FetchResponse::of(b"ok 1"), &mut proxy);
        workers.iter_mut().for_each(|worker| drop(worker.poll(&mut proxy)));
    }
    let (_, after_ms) = await_request(&mut workers, &mut proxy);
    assert!(after_ms >= INTERVAL_MS / 4 * 3);
    assert!(proxy.requests.iter().all(|(_, request)| !request.contains("if-none-match")));
}

#[test]
fn tags_that_could_be_two_headers_are_none() {
    for good in ["\"\"", "\"abc\"", "W/\"x-1\"", "\"a'b;c=d\""] {
        assert_eq!(etag(Some(good.as_bytes())), good);
    }
    let long = format!("\"{}\"", "x".repeat(limits::ETAG_BYTES));
    for bad in ["", "abc", "\"", "\"a", "a\"", "\"a\"b\"", "\"a\r\nx: y\"", "\"a b\"", "\"\u{e9}\"", "w/\"a\"", &long] {
        assert_eq!(etag(Some(bad.as_bytes())), "", "{bad}");
    }
    assert_eq!(etag(Some(b"\"\xff\"")), "");
}

#[test]
fn a_file_that_need_not_be_there_is_absent_everywhere() {
    let (mut proxy, mut workers) = served();
    for worker in &mut workers {
        worker.resource.source.may_be_absent = true;
    }
    for status in [404, 410] {
        let (number, _) = await_request(&mut workers, &mut proxy);
        let worker = &mut workers[number];
        let turn = worker.turn(&proxy);
        let arrival = worker.resource.respond(FetchResponse::Status(status), turn, &mut proxy);
        let Some(Arrival::Document(document)) = arrival else { panic!("{arrival:?}") };
        assert!(worker.resource.is_absence(&document));
        worker.resource.accept(&document, turn, &mut proxy);
        for (other, worker) in workers.iter_mut().enumerate().filter(|(other, _)| *other != number) {
            let turn = worker.turn(&proxy);
            let arrival = worker.resource.poll(turn, &mut proxy);
            let Some(Arrival::Document(document)) = arrival else { panic!("{other}: {arrival:?}") };
            assert!(worker.resource.is_absence(&document));
            worker.resource.accept(&document, turn, &mut proxy);
        }
    }
    let (number, _) = await_request(&mut workers, &mut proxy);
    assert_eq!(
        proxy.requests.last().unwrap().1,
        "bundles bundles.internal /dev.palisade",
        "nothing is there to be newer than"
    );
    workers[number].respond(body(b"ok 2", "\"2\""), &mut proxy);
    workers.iter_mut().for_each(|worker| drop(worker.poll(&mut proxy)));
    assert!(workers.iter().all(|worker| worker.held == b"ok 2"));
}
