//! Bundles that are fetched, by gateways that are workers of one proxy.

use palisade_gateway::section::{GatewaySection, RemoteJwks};
use palisade_gateway::{
    BundleEvent, Contrast, Event, Expected, FetchHost, FetchRequest, FetchResponse, FetchedBody, Gateway, NativeHost,
    NativeMemory, RequestHead, Shared, SharedMemory, Trial, limits,
};

use crate::keys;
use crate::swaps::{bundle, same, version, without_ping};
use crate::world::{Answer, Ask, NOW, Parts, Signer, configuration, send_at};

const REMOTE: &str = r#"{"cluster":"bundles","authority":"bundles.internal","prefix":"/b/"}"#;

/// What the workers have in common. Time passes only when a test says so.
#[derive(Default)]
struct Proxy {
    memory: NativeMemory,
    passed_ms: u64,
    requests: Vec<String>,
}

impl SharedMemory for Proxy {
    fn shared(&mut self, name: &str) -> Shared {
        self.memory.shared(name)
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        self.memory.share(name, bytes, expected)
    }
}

impl FetchHost for Proxy {
    fn now_nanos(&mut self) -> u64 {
        (NOW * 1000 + self.passed_ms) * 1_000_000
    }

    fn fetch(&mut self, request: &FetchRequest<'_>) -> Option<u32> {
        let FetchRequest { cluster, authority, path, etag, wait_seconds, .. } = request;
        self.requests.push(format!("{cluster} {authority} {path} {etag:?} {wait_seconds:?}"));
        u32::try_from(self.requests.len()).ok()
    }
}

/// One worker, with what happened to it.
struct Worker {
    gateway: Gateway,
    events: Vec<Event>,
}

impl Worker {
    fn new(inline: Option<&[u8]>, more: &str, proxy: &mut Proxy) -> Self {
        Self::try_new(inline, more, proxy).unwrap()
    }

    fn try_new(inline: Option<&[u8]>, more: &str, proxy: &mut Proxy) -> Result<Self, &'static str> {
        let channel = if more.contains("\"channel\"") { "" } else { r#","channel":"test""# };
        let more = format!("{channel}{more}");
        let with = configuration(inline.unwrap_or_default(), &[&Signer::ed25519(1)], 1, &more);
        let text = String::from_utf8(with).unwrap();
        let text = match inline {
            Some(_) => text.replacen(r#""inline""#, &format!(r#""remote":{REMOTE},"inline""#), 1),
            None => text.replacen(r#""inline":"""#, &format!(r#""remote":{REMOTE}"#), 1),
        };
        // Workers differ by chance.
        let mut host = NativeHost::at(NOW + proxy.requests.len() as u64 + 1).with_memory(proxy.memory.clone());
        let mut gateway = Gateway::configure(text.as_bytes(), &mut host).map_err(|error| error.code())?;
        let mut events = Vec::new();
        gateway.join_workers([], proxy, &mut events);
        Ok(Self { gateway, events })
    }

    fn poll(&mut self, proxy: &mut Proxy) {
        self.gateway.poll(proxy, &mut self.events);
    }

    /// Polls as long as there is work at hand.
    fn settle(&mut self, proxy: &mut Proxy) {
        self.poll(proxy);
        for _ in 0..100 {
            if self.gateway.poll_period_ms() > limits::OPENING_STEP_MS {
                return;
            }
            self.poll(proxy);
        }
        panic!("a bundle that never opens");
    }

    /// Answers the request that was sent last, and does the work that this makes.
    fn respond(&mut self, response: FetchResponse<'_>, proxy: &mut Proxy) {
        let call = u32::try_from(proxy.requests.len()).unwrap();
        self.gateway.respond(call, response, proxy, &mut self.events);
        self.settle(proxy);
    }

    fn ask(&mut self, proxy: &Proxy) -> Answer {
        send_at(&mut self.gateway, &Ask::new("GET", "/repos/site"), NOW + proxy.passed_ms / 1000)
    }

    /// The version of the bundle that lets a good request through; `None` when there is none.
    fn decides(&mut self, proxy: &Proxy) -> Option<u64> {
        let answer = self.ask(proxy);
        match answer.reason {
            "policy.allow" => version(&answer),
            "bundle.missing" => None,
            reason => panic!("{reason}"),
        }
    }

    /// The codes of what happened to the bundle since the last time.
    fn codes(&mut self) -> Vec<&'static str> {
        let code = |event: Event| match event {
            Event::Bundle(event) | Event::Candidate(event) => event.code(),
            Event::Keys(event) | Event::CandidateKeys(event) => panic!("{event:?}"),
            Event::StatusList(event) => panic!("{event:?}"),
            Event::Revocations(event) => panic!("{event:?}"),
            Event::Renewal(what, event) => panic!("{what:?} {event:?}"),
            Event::Report(event) => panic!("{event:?}"),
        };
        self.events.drain(..).map(code).collect()
    }
}

/// Lets the first worker fetch, and answers.
fn serve(workers: &mut [Worker], response: FetchResponse<'_>, proxy: &mut Proxy) {
    proxy.passed_ms += 11_000;
    let before = proxy.requests.len();
    workers[0].poll(proxy);
    assert_eq!(proxy.requests.len(), before + 1, "the first worker should have asked");
    workers[0].respond(response, proxy);
}

#[test]
fn without_a_bundle_every_request_is_denied() {
    let mut proxy = Proxy::default();
    let mut worker = Worker::new(None, "", &mut proxy);
    assert_eq!(proxy.requests.len(), 0, "joining asks nobody");
    let status = worker.gateway.bundle_status();
    assert_eq!((status.bundle, status.confirmed_ms, status.last_error), (None, None, None));
    for ask in [Ask::new("GET", "/repos/site"), Ask::bare("GET", "/"), Ask::bare("POST", "/mcp/http403")] {
        let answer = send_at(&mut worker.gateway, &ask, NOW);
        assert_eq!((answer.reason, answer.status), ("bundle.missing", 503));
        assert_eq!(answer.header("retry-after"), Some("10"));
        assert_eq!(answer.record["bundle"], serde_json::Value::Null);
        assert_eq!(answer.record["effect"], "deny");
    }
}

#[test]
fn one_worker_fetches_and_all_open_it_by_themselves() {
    let mut proxy = Proxy::default();
    let mut workers: Vec<Worker> = (0..3).map(|_| Worker::new(None, "", &mut proxy)).collect();
    workers.iter_mut().for_each(|worker| worker.poll(&mut proxy));
    assert_eq!(proxy.requests, ["bundles bundles.internal /b/test.palisade None None"]);
    workers[0].respond(FetchResponse::of(&bundle(7, same)), &mut proxy);
    assert_eq!(workers[0].decides(&proxy), Some(7));
    for worker in &mut workers[1..] {
        assert_eq!(worker.decides(&proxy), None);
        worker.settle(&mut proxy);
        assert_eq!(worker.decides(&proxy), Some(7));
        assert_eq!(worker.codes(), ["swapped"]);
    }
    assert_eq!(Worker::new(None, "", &mut proxy).decides(&proxy), Some(7), "who comes later has it at once");
    assert_eq!(proxy.requests.len(), 1);
}

#[test]
fn a_bundle_is_opened_between_requests_which_the_old_one_decides() {
    let mut proxy = Proxy::default();
    let mut worker = Worker::new(Some(&bundle(7, same)), "", &mut proxy);
    worker.poll(&mut proxy);
    let new = bundle(8, without_ping);
    worker.gateway.respond(1, FetchResponse::of(&new), &mut proxy, &mut worker.events);
    let mut pieces = 0;
    while worker.gateway.poll_period_ms() == limits::OPENING_STEP_MS {
        assert_eq!(worker.decides(&proxy), Some(7));
        worker.poll(&mut proxy);
        pieces += 1;
    }
    assert_eq!((worker.decides(&proxy), pieces), (Some(8), 10), "two digests, six kinds of tables, a section in two");
    assert!(matches!(&worker.events[..], [Event::Bundle(BundleEvent::Swapped { version: 8, .. })]));
}

#[test]
fn whatever_comes_the_last_good_bundle_decides() {
    let mut proxy = Proxy::default();
    let good = bundle(7, same);
    let mut workers: Vec<Worker> = (0..2).map(|_| Worker::new(None, "", &mut proxy)).collect();
    let ours = || Signer::ed25519(1);
    let signed = |change: fn(&mut Parts), signers: &[Signer]| {
        let mut parts = Parts::new();
        parts.manifest.version = 8;
        change(&mut parts);
        parts.sign(&signers.iter().collect::<Vec<_>>())
    };
    let damaged = |at: usize| {
        let mut bytes = bundle(8, same);
        bytes[at] ^= 1;
        bytes
    };
    let page = FetchedBody { bytes: b"<html>", content_type: Some(b"text/html"), ..FetchedBody::default() };
    let bodies: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "bundle.layout"),
        (b"<html>not found</html>".to_vec(), "bundle.magic"),
        (vec![0xff; 100_000], "bundle.magic"),
        (bundle(8, same)[..20_000].to_vec(), "bundle.layout"),
        (signed(|_| {}, &[]), "bundle.threshold"),
        (signed(|_| {}, &[Signer::ed25519(2)]), "bundle.threshold"),
        (signed(|p| p.manifest.channel = "prod".to_owned(), &[ours()]), "bundle.channel"),
        (signed(|p| p.manifest.expires = NOW + 1, &[ours()]), "bundle.expired"),
        (signed(|p| p.manifest.created = NOW + 1_700, &[ours()]), "bundle.not_yet_valid"),
        (signed(|p| p.manifest.policies += 1, &[ours()]), "bundle.policies"),
        (damaged(100), "bundle.signature"),
        (damaged(20_000), "bundle.section_digest"),
        (bundle(6, same), "bundle.rollback"),
        (bundle(0, same), "bundle.rollback"),
        (bundle(7, without_ping), "bundle.equivocation"),
    ];
    serve(&mut workers, FetchResponse::of(&good), &mut proxy);
    workers[1].settle(&mut proxy);
    workers.iter_mut().for_each(|worker| drop(worker.codes()));
    let bodies = bodies.iter().map(|(bytes, code)| (FetchResponse::of(bytes), *code));
    let others = [
        (FetchResponse::Nothing, "feed.no_response"),
        (FetchResponse::TooLarge, "feed.too_large"),
        (FetchResponse::Status(302), "feed.status"),
        (FetchResponse::NotModified { waits: false }, "feed.status"),
        (FetchResponse::Status(404), "feed.status"),
        (FetchResponse::Status(500), "feed.status"),
        (FetchResponse::Body(page), "feed.content_type"),
    ];
    for (response, code) in bodies.chain(others) {
        serve(&mut workers, response, &mut proxy);
        let codes = workers[0].codes();
        assert_eq!(codes, [code]);
        assert_eq!(workers[0].gateway.bundle_status().last_error, Some(code));
        for worker in &mut workers {
            worker.settle(&mut proxy);
            assert_eq!(worker.decides(&proxy), Some(7), "{code}");
        }
        assert_eq!(workers[1].codes(), [""; 0], "what is refused is shared with nobody");
        assert_eq!(Worker::new(None, "", &mut proxy).decides(&proxy), Some(7), "{code}");
    }
    serve(&mut workers, FetchResponse::of(&bundle(8, same)), &mut proxy);
    assert_eq!((workers[0].decides(&proxy), workers[0].gateway.bundle_status().last_error), (Some(8), None));
}

#[test]
fn the_newest_of_what_is_configured_and_what_is_shared_decides() {
    let mut proxy = Proxy::default();
    let mut workers = [Worker::new(None, "", &mut proxy)];
    serve(&mut workers, FetchResponse::of(&bundle(8, same)), &mut proxy);
    for (configured, decides) in [(7, 8), (8, 8)] {
        let inline = bundle(configured, same);
        assert_eq!(Worker::new(Some(&inline), "", &mut proxy).decides(&proxy), Some(decides), "{configured}");
    }
    // A configuration that changed otherwise, and one whose floor is above what there is.
    let mut changed = Worker::new(None, r#","on_forbid_error":"skip""#, &mut proxy);
    assert_eq!(changed.decides(&proxy), Some(8));
    let mut raised = Worker::new(None, r#","min_version":9"#, &mut proxy);
    assert_eq!((raised.decides(&proxy), raised.codes()), (None, vec!["bundle.version"]));
    let newer = bundle(9, same);
    assert_eq!(Worker::new(Some(&newer), "", &mut proxy).decides(&proxy), Some(9));
    // From now on nothing older decides in a worker that starts.
    let mut late = Worker::new(None, "", &mut proxy);
    assert_eq!((late.decides(&proxy), late.codes()), (None, vec!["bundle.rollback"]));
}

#[test]
fn an_expired_bundle_in_the_configuration_is_no_reason_to_refuse_it() {
    let mut parts = Parts::new();
    parts.manifest.expires = NOW - 1;
    let expired = parts.sign(&[&Signer::ed25519(1)]);
    let mut proxy = Proxy::default();
    let mut workers = [Worker::new(Some(&expired), "", &mut proxy)];
    assert_eq!(workers[0].ask(&proxy).reason, "bundle.missing");
    serve(&mut workers, FetchResponse::of(&bundle(8, same)), &mut proxy);
    assert_eq!(workers[0].decides(&proxy), Some(8));
    // Whatever else is wrong with it does not get better by waiting.
    let strange = Parts::new().sign(&[&Signer::ed25519(2)]);
    assert_eq!(Worker::try_new(Some(&strange), "", &mut proxy).err(), Some("bundle.threshold"));
}

#[test]
fn a_bundle_that_decides_already_is_confirmed_and_nothing_else() {
    let mut proxy = Proxy::default();
    let mut workers = [Worker::new(Some(&bundle(7, same)), "", &mut proxy)];
    let fetched = bundle(7, same);
    let tagged = FetchedBody { bytes: &fetched, etag: Some(b"\"seven\""), ..FetchedBody::default() };
    serve(&mut workers, FetchResponse::Body(tagged), &mut proxy);
    assert_eq!(workers[0].codes(), ["confirmed"]);
    assert_eq!(workers[0].gateway.bundle_status().swaps, 0);
    serve(&mut workers, FetchResponse::NotModified { waits: false }, &mut proxy);
    assert_eq!(workers[0].codes(), ["confirmed"]);
    assert_eq!(proxy.requests[1], "bundles bundles.internal /b/test.palisade Some(\"\\\"seven\\\"\") Some(30)");
    let confirmed = workers[0].gateway.bundle_status().confirmed_ms;
    assert_eq!(confirmed, Some(NOW * 1000 + proxy.passed_ms));
}

#[test]
fn a_bundle_that_expires_while_the_server_is_down_stops_deciding_until_the_next_one() {
    let mut proxy = Proxy::default();
    let mut workers = [Worker::new(Some(&bundle(7, same)), "", &mut proxy)];
    proxy.passed_ms = 1_800_000;
    serve(&mut workers, FetchResponse::Nothing, &mut proxy);
    assert_eq!(workers[0].ask(&proxy).reason, "bundle.expired");
    let mut parts = Parts::new();
    parts.manifest.version = 8;
    parts.manifest.expires = NOW + 36_000;
    serve(&mut workers, FetchResponse::of(&parts.sign(&[&Signer::ed25519(1)])), &mut proxy);
    let answer = workers[0].ask(&proxy);
    assert_ne!((answer.reason, version(&answer)), ("bundle.expired", Some(7)));
    assert_eq!(version(&answer), Some(8));
}

#[test]
fn the_canary_route_tells_which_bundle_decides() {
    let mut proxy = Proxy::default();
    let mut worker = Worker::new(None, r#","status":{"path":"/.palisade/status"}"#, &mut proxy);
    let tell = |worker: &mut Worker, seconds: u64| {
        let answer = send_at(&mut worker.gateway, &Ask::bare("GET", "/.palisade/status?x=1"), seconds);
        assert_eq!((answer.reason, answer.status), ("status.served", 200));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.record["effect"], "answer");
        serde_json::from_str::<serde_json::Value>(&answer.body.unwrap()).unwrap()
    };
    let told = tell(&mut worker, NOW);
    assert_eq!((&told["state"], &told["bundle"]), (&"missing".into(), &serde_json::Value::Null));
    worker.poll(&mut proxy);
    worker.respond(FetchResponse::Status(500), &mut proxy);
    assert_eq!(tell(&mut worker, NOW)["last_error"], "feed.status");

    let mut workers = [worker];
    serve(&mut workers, FetchResponse::of(&bundle(8, same)), &mut proxy);
    let [mut worker] = workers;
    let told = tell(&mut worker, NOW + 14);
    assert_eq!((&told["state"], &told["last_error"]), (&"deciding".into(), &serde_json::Value::Null));
    let digest = format!("{:?}", worker.gateway.bundle().unwrap().digest());
    let expected = serde_json::json!({
        "name": "world", "channel": "test", "version": 8, "digest": digest, "created": NOW - 1800, "expires": NOW + 1800,
    });
    assert_eq!((&told["bundle"], &told["confirmed_age_s"]), (&expected, &3.into()));
    assert_eq!(tell(&mut worker, NOW + 1800)["state"], "expired");
    assert_eq!(tell(&mut worker, NOW - 3600)["state"], "not_yet_valid");

    // Nothing else about the path is special.
    for ask in [
        Ask::bare("POST", "/.palisade/status"),
        Ask::bare("GET", "/.palisade/status/"),
        Ask::bare("GET", "/.palisade/Status"),
        Ask::bare("GET", "/.palisade/%73tatus"),
    ] {
        assert_eq!(send_at(&mut worker.gateway, &ask, NOW).reason, "token.missing", "{}", ask.path);
    }
    let mut silent = Worker::new(None, "", &mut proxy);
    assert_eq!(send_at(&mut silent.gateway, &Ask::bare("GET", "/.palisade/status"), NOW).reason, "token.missing");
}

/// Asks for the candidate, and answers.
fn serve_candidate(worker: &mut Worker, response: FetchResponse<'_>, proxy: &mut Proxy) {
    proxy.passed_ms += 11_000;
    // The bundle is due as well, and has not changed.
    let before = proxy.requests.len();
    worker.poll(proxy);
    for number in before..proxy.requests.len() {
        let call = u32::try_from(number + 1).unwrap();
        let response = if proxy.requests[number].contains(".candidate.") { response } else { FetchResponse::Nothing };
        worker.gateway.respond(call, response, proxy, &mut worker.events);
    }
    worker.settle(proxy);
}

/// What a candidate says about a request; and that it changes nothing about what is decided.
fn try_out(worker: &mut Worker, ask: &Ask) -> Option<(Contrast, Vec<String>, Option<serde_json::Value>)> {
    let headers = ask.buffer();
    let request = RequestHead { headers: headers.as_map() };
    let verdict = worker.gateway.decide(&request, &mut NativeHost::at(NOW));
    let record: serde_json::Value = serde_json::from_str(verdict.record).unwrap();
    assert_eq!(record["bundle"]["version"], 7, "the candidate decided");
    assert!(record.get("candidate").is_none());
    let Trial { contrast, policies, record } = verdict.trial?;
    Some((contrast, policies, record.map(|record| serde_json::from_str(&record).unwrap())))
}

/// Nobody may read site any more, and everybody may deploy.
fn changed(section: &mut GatewaySection) {
    for route in &mut section.routes {
        if route.path == "/repos/{repo}" {
            route.action.id = "write".to_owned();
        }
    }
}

#[test]
fn a_candidate_is_asked_and_decides_nothing() {
    let mut proxy = Proxy::default();
    let mut worker = Worker::new(Some(&bundle(7, same)), r#","candidate":true"#, &mut proxy);
    let read = Ask::new("GET", "/repos/site");
    assert_eq!(try_out(&mut worker, &read), None);
    serve_candidate(&mut worker, FetchResponse::of(&bundle(8, changed)), &mut proxy);
    assert!(
        proxy.requests.iter().any(|request| request.contains(" /b/test.candidate.palisade ")),
        "{:?}",
        proxy.requests
    );
    let (contrast, policies, record) = try_out(&mut worker, &read).unwrap();
    assert_eq!((contrast, policies), (Contrast::AllowToDeny, vec!["read".to_owned()]));
    let record = record.unwrap();
    assert_eq!((&record["reason"], &record["bundle"]["version"]), (&"policy.allow".into(), &7.into()));
    let candidate = &record["candidate"];
    assert_eq!(candidate["contrast"], "allow_to_deny");
    assert_eq!((&candidate["version"], &candidate["reason"]), (&8.into(), &"policy.deny".into()));

    // What both refuse for one reason is no difference.
    let (contrast, policies, record) = try_out(&mut worker, &Ask::bare("GET", "/repos/site")).unwrap();
    assert_eq!((contrast, policies, record), (Contrast::Same, Vec::new(), None));
    // Not every difference is logged.
    let logged = (0..20).filter(|_| try_out(&mut worker, &read).unwrap().2.is_some()).count();
    assert!(logged < usize::try_from(limits::CANDIDATE_SAMPLES).unwrap(), "{logged}");

    // It takes no part in swaps, and goes when its file does.
    assert_eq!(worker.gateway.bundle_status().bundle.unwrap().version, 7);
    serve_candidate(&mut worker, FetchResponse::Status(404), &mut proxy);
    assert_eq!(try_out(&mut worker, &read), None);
}

#[test]
fn a_candidate_that_is_no_good_is_refused_and_the_last_one_stays() {
    let mut proxy = Proxy::default();
    let mut worker = Worker::new(Some(&bundle(7, same)), r#","candidate":true"#, &mut proxy);
    let read = Ask::new("GET", "/repos/site");
    let mut strange = Parts::new();
    strange.manifest.version = 8;
    let strange = strange.sign(&[&Signer::ed25519(2)]);
    for (body, code) in [
        (strange, "bundle.threshold"),
        (bundle(6, same), "bundle.rollback"),
        (bundle(7, changed), "bundle.equivocation"),
        (b"<html>not found</html>".to_vec(), "bundle.magic"),
    ] {
        worker.events.clear();
        serve_candidate(&mut worker, FetchResponse::of(&body), &mut proxy);
        let refused = |event: &Event| matches!(event, Event::Candidate(event) if event.code() == code);
        assert!(worker.events.iter().any(refused), "{code}: {:?}", worker.events);
        assert_eq!(try_out(&mut worker, &read), None, "{code}");
    }
    serve_candidate(&mut worker, FetchResponse::of(&bundle(8, changed)), &mut proxy);
    serve_candidate(&mut worker, FetchResponse::Status(500), &mut proxy);
    assert_eq!(try_out(&mut worker, &read).unwrap().0, Contrast::AllowToDeny);
    // The bundle that decides is nothing to be compared with itself.
    worker.gateway.swap(&bundle(8, changed), &mut NativeHost::at(NOW), &mut Vec::new()).unwrap();
    let headers = read.buffer();
    let verdict = worker.gateway.decide(&RequestHead { headers: headers.as_map() }, &mut NativeHost::at(NOW));
    assert_eq!((verdict.disposition().reason, &verdict.trial), ("policy.deny", &None));
}

#[test]
fn a_candidate_has_the_keys_of_the_issuers_fetched_that_are_new_with_it() {
    let mut proxy = Proxy::default();
    let more = r#","candidate":true,"jwks_clusters":{"idp.example":"idp"}"#;
    let mut worker = Worker::new(Some(&bundle(7, same)), more, &mut proxy);
    let candidate = bundle(8, |section| {
        let mut issuer = section.issuers[0].clone();
        (issuer.alias, issuer.issuer) = ("new".to_owned(), "https://new.example".to_owned());
        (issuer.jwks, issuer.remote_jwks) = (None, Some(RemoteJwks::at("https://idp.example/jwks")));
        section.issuers.push(issuer);
    });
    serve_candidate(&mut worker, FetchResponse::of(&candidate), &mut proxy);
    let key = keys::p256(9);
    let claims =
        r#"{"iss":"https://new.example","aud":"https://gateway","sub":"fixer","iat":1799999990,"exp":1800000300}"#;
    let token = key.token(r#"{"alg":"ES256","kid":"new"}"#, claims);
    let ask = Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {token}"));
    let before = try_out(&mut worker, &ask).unwrap();
    assert_eq!(before.2.unwrap()["candidate"]["reason"], "token.keys_unavailable");

    worker.poll(&mut proxy);
    let asked = proxy.requests.iter().filter(|request| request.starts_with("idp idp.example /jwks")).count();
    assert_eq!(asked, 1, "{:?}", proxy.requests);
    let jwks = format!(r#"{{"keys":[{}]}}"#, key.jwk("new"));
    let call = u32::try_from(proxy.requests.len()).unwrap();
    worker.gateway.respond(call, FetchResponse::of(jwks.as_bytes()), &mut proxy, &mut worker.events);
    let told = |event: &Event| matches!(event, Event::CandidateKeys(event) if event.issuer == "new");
    assert!(worker.events.iter().any(told), "{:?}", worker.events);
    let (contrast, _, record) = try_out(&mut worker, &ask).unwrap();
    let record = record.unwrap();
    assert_eq!(record["reason"], "token.issuer_unknown");
    assert_ne!(record["candidate"]["reason"], "token.keys_unavailable");
    assert_eq!(contrast, Contrast::DenyToAllow, "{record}");

    // Once it decides, it has them.
    worker.events.clear();
    worker.gateway.swap(&candidate, &mut proxy, &mut worker.events).unwrap();
    let answer = send_at(&mut worker.gateway, &ask, NOW);
    assert_eq!((answer.reason, version(&answer)), ("policy.allow", Some(8)));
}

#[test]
fn keys_that_the_deciding_bundle_has_fetched_are_not_fetched_again_for_the_candidate() {
    let remote = |section: &mut GatewaySection| {
        section.issuers[0].jwks = None;
        section.issuers[0].remote_jwks = Some(RemoteJwks::at("https://idp.example/jwks"));
    };
    let mut proxy = Proxy::default();
    let more = r#","candidate":true,"jwks_clusters":{"idp.example":"idp"}"#;
    let mut worker = Worker::new(Some(&bundle(7, remote)), more, &mut proxy);
    let jwks = format!(r#"{{"keys":[{}]}}"#, keys::p256(1).jwk("es"));
    let candidate = bundle(8, remote);
    for _ in 0..6 {
        proxy.passed_ms += 11_000;
        let before = proxy.requests.len();
        worker.poll(&mut proxy);
        for number in before..proxy.requests.len() {
            let response = match &proxy.requests[number] {
                request if request.contains("/jwks") => FetchResponse::of(jwks.as_bytes()),
                request if request.contains(".candidate.") => FetchResponse::of(&candidate),
                _ => FetchResponse::Nothing,
            };
            let call = u32::try_from(number + 1).unwrap();
            worker.gateway.respond(call, response, &mut proxy, &mut worker.events);
        }
        worker.settle(&mut proxy);
    }
    assert_eq!(try_out(&mut worker, &Ask::new("GET", "/repos/site")).unwrap().0, Contrast::Same);
    let asked = proxy.requests.iter().filter(|request| request.contains("/jwks")).count();
    assert_eq!(asked, 1, "{:?}", proxy.requests);
}

#[test]
fn a_candidate_without_an_answer_is_told_apart() {
    let mut proxy = Proxy::default();
    let mut worker = Worker::new(Some(&bundle(7, same)), r#","candidate":true"#, &mut proxy);
    let mut soon = Parts::new();
    soon.manifest.version = 8;
    soon.manifest.expires = NOW + 20;
    serve_candidate(&mut worker, FetchResponse::of(&soon.sign(&[&Signer::ed25519(1)])), &mut proxy);
    let read = Ask::new("GET", "/repos/site");
    assert_eq!(try_out(&mut worker, &read).unwrap().0, Contrast::Same);
    let headers = read.buffer();
    let verdict = worker.gateway.decide(&RequestHead { headers: headers.as_map() }, &mut NativeHost::at(NOW + 20));
    assert_eq!(verdict.disposition().reason, "policy.allow");
    assert_eq!(verdict.trial.unwrap().contrast, Contrast::Unknown);
}
