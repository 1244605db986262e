//! Freshness documents and roots that are fetched beside the bundle, by workers of one proxy.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_gateway::bundle::{FRESHNESS_TYPE, FreshnessFile};
use palisade_gateway::{
    Contrast, Event, Expected, FetchHost, FetchRequest, FetchResponse, Gateway, NativeHost, NativeMemory, Renewal,
    RequestHead, Shared, SharedMemory,
};

use crate::trust::{DECIDES, HOUR, bundle, document, freshness_of, key, reason_at, root};
use crate::world::{Ask, NOW, Signer};

/// A proxy, and a server with a folder of files. Time passes only when a test says so.
#[derive(Default)]
struct World {
    memory: NativeMemory,
    passed_s: u64,
    folder: BTreeMap<String, Vec<u8>>,
    /// The paths of requests that are under way, and how many there were.
    open: Vec<(u32, String)>,
    sent: u32,
}

impl SharedMemory for World {
    fn shared(&mut self, name: &str) -> Shared {
        self.memory.shared(name)
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        self.memory.share(name, bytes, expected)
    }
}

impl FetchHost for World {
    fn now_nanos(&mut self) -> u64 {
        (NOW + self.passed_s) * 1_000_000_000
    }

    fn fetch(&mut self, request: &FetchRequest<'_>) -> Option<u32> {
        self.sent += 1;
        self.open.push((self.sent, request.path.to_owned()));
        Some(self.sent)
    }
}

struct Worker {
    gateway: Gateway,
    events: Vec<Event>,
}

impl Worker {
    fn new(world: &mut World, trust: &str, freshness: bool) -> Self {
        Self::with(world, trust, freshness, "")
    }

    fn with(world: &mut World, trust: &str, freshness: bool, more: &str) -> Self {
        let remote = format!(r#"{{"cluster":"c","authority":"a","freshness":{freshness}}}"#);
        let text = format!(r#"{{"bundle":{{"remote":{remote}}},"trust":{trust},"channel":"test"{more}}}"#);
        let mut host =
            NativeHost::at(NOW + world.passed_s + u64::from(world.sent) + 1).with_memory(world.memory.clone());
        let mut gateway = Gateway::configure(text.as_bytes(), &mut host).unwrap();
        let mut events = Vec::new();
        gateway.join_workers([], world, &mut events);
        Self { gateway, events }
    }

    /// Lets some time pass, in which the server answers whatever is asked.
    fn run(&mut self, world: &mut World, seconds: u64) {
        for _ in 0..seconds {
            world.passed_s += 1;
            for _ in 0..8 {
                self.gateway.poll(world, &mut self.events);
                for (call, path) in std::mem::take(&mut world.open) {
                    let file = world.folder.get(&path).cloned();
                    let response = file.as_deref().map_or(FetchResponse::Status(404), FetchResponse::of);
                    self.gateway.respond(call, response, world, &mut self.events);
                }
            }
        }
    }

    /// What the candidate makes of a good request; `None` where none is asked.
    fn contrast(&mut self, world: &World) -> Option<Contrast> {
        let headers = Ask::new("GET", "/repos/site").buffer();
        let request = RequestHead { headers: headers.as_map() };
        let verdict = self.gateway.decide(&request, &mut NativeHost::at(NOW + world.passed_s));
        verdict.trial.map(|trial| trial.contrast)
    }

    fn reason(&mut self, world: &World) -> &'static str {
        reason_at(&mut self.gateway, NOW + world.passed_s)
    }

    /// The codes of what happened to renewals since the last time, each once in a row.
    fn codes(&mut self) -> Vec<(Renewal, &'static str)> {
        let renewal = |event| match event {
            Event::Renewal(what, event) => Some((what, event.code())),
            Event::Bundle(_) | Event::Candidate(_) | Event::Keys(_) | Event::CandidateKeys(_) => None,
            Event::Revocations(_) | Event::Report(_) | Event::StatusList(_) => None,
        };
        let mut codes: Vec<_> = self.events.drain(..).filter_map(renewal).collect();
        codes.dedup();
        codes
    }
}

fn keys() -> String {
    format!(r#"{{"keys":["{}"]}}"#, key(1).trust())
}

fn trust_root(bytes: &[u8]) -> String {
    format!(r#"{{"root":"{}"}}"#, STANDARD.encode(bytes))
}

fn put(world: &mut World, name: &str, bytes: Vec<u8>) {
    world.folder.insert(format!("/test.{name}"), bytes);
}

fn renewal(file: &FreshnessFile, signer: &Signer) -> Vec<u8> {
    document(FRESHNESS_TYPE, file, &[signer])
}

#[test]
fn a_fetched_renewal_keeps_a_bundle_alive() {
    let mut world = World::default();
    put(&mut world, "palisade", bundle(7, "a", &[&key(1)]));
    let mut worker = Worker::new(&mut world, &keys(), true);
    worker.run(&mut world, 20);
    assert_eq!(worker.reason(&world), DECIDES);
    assert_eq!(worker.codes(), [(Renewal::Freshness, "feed.status")], "there is none yet");
    put(&mut world, "freshness.json", renewal(&freshness_of(7, "a"), &key(1)));
    worker.run(&mut world, 90);
    assert_eq!(worker.codes(), [(Renewal::Freshness, "refreshed")]);
    assert_eq!(worker.gateway.bundle_status().bundle.unwrap().expires, NOW + 4 * HOUR);
    world.passed_s = 3 * HOUR;
    assert_eq!(worker.reason(&world), DECIDES);
    // Another worker takes what this one has fetched: it joins when the bundle's own time is over.
    assert_eq!(Worker::new(&mut world, &keys(), true).reason(&world), DECIDES);
    world.passed_s = 4 * HOUR;
    assert_eq!(worker.reason(&world), "bundle.expired");
}

#[test]
fn a_renewal_that_does_not_hold_is_told_and_changes_nothing() {
    let mut world = World::default();
    put(&mut world, "palisade", bundle(7, "a", &[&key(1)]));
    let mut worker = Worker::new(&mut world, &keys(), true);
    for (bytes, code) in [
        (renewal(&freshness_of(7, "a"), &key(2)), "signed.threshold"),
        (renewal(&freshness_of(6, "a"), &key(1)), "freshness.rollback"),
        (renewal(&freshness_of(7, "b"), &key(1)), "freshness.equivocation"),
        (b"no envelope".to_vec(), "signed.syntax"),
        (vec![b' '; 20_000], "feed.too_large"),
    ] {
        put(&mut world, "freshness.json", bytes);
        worker.run(&mut world, 90);
        assert!(worker.codes().contains(&(Renewal::Freshness, code)), "{code}");
        assert_eq!(worker.gateway.bundle().unwrap().expires(), NOW + 1800, "{code}");
    }
    // A bundle that somebody withholds.
    put(&mut world, "freshness.json", renewal(&freshness_of(8, "a"), &key(1)));
    worker.run(&mut world, 90);
    assert!(worker.codes().contains(&(Renewal::Freshness, "ahead")));
}

#[test]
fn nobody_asks_for_renewals_that_are_not_configured() {
    let mut world = World::default();
    put(&mut world, "palisade", bundle(7, "a", &[&key(1)]));
    put(&mut world, "freshness.json", renewal(&freshness_of(7, "a"), &key(1)));
    let mut worker = Worker::new(&mut world, &keys(), false);
    worker.run(&mut world, 90);
    assert_eq!((worker.codes(), worker.reason(&world)), (vec![], DECIDES));
    assert_eq!(worker.gateway.bundle().unwrap().expires(), NOW + 1800);
}

#[test]
fn roots_are_followed_one_after_the_other() {
    let mut world = World::default();
    let (old, new) = (key(2), key(5));
    put(&mut world, "palisade", bundle(7, "a", &[&old]));
    let trust = trust_root(&root(1, &[&old]));
    let mut first = Worker::new(&mut world, &trust, false);
    let mut second = Worker::new(&mut world, &trust, false);
    first.run(&mut world, 20);
    second.run(&mut world, 2);
    assert_eq!((first.reason(&world), second.reason(&world)), (DECIDES, DECIDES));
    assert_eq!(first.codes(), [], "that there is no next root is nothing to tell");

    // Two at once: the second removes the key that signed the bundle.
    put(&mut world, "root.2.json", root(2, &[&old, &new]));
    put(&mut world, "root.3.json", root(3, &[&new]));
    first.run(&mut world, 90);
    assert_eq!(first.codes(), [(Renewal::Root, "rotated")]);
    assert_eq!(first.gateway.root().unwrap().file().version, 3);
    assert_eq!(first.reason(&world), "bundle.untrusted");
    second.run(&mut world, 1);
    assert_eq!(second.gateway.root().unwrap().file().version, 3);
    assert_eq!(second.reason(&world), "bundle.untrusted");
    // The same bundle with a signature that counts decides again.
    put(&mut world, "palisade", bundle(7, "a", &[&old, &new]));
    first.run(&mut world, 90);
    second.run(&mut world, 1);
    assert_eq!((first.reason(&world), second.reason(&world)), (DECIDES, DECIDES));
}

#[test]
fn a_signature_that_came_before_its_root_came_to_every_worker() {
    let mut world = World::default();
    let (old, new) = (key(2), key(5));
    put(&mut world, "palisade", bundle(7, "a", &[&old]));
    let trust = trust_root(&root(1, &[&old]));
    let mut workers = [Worker::new(&mut world, &trust, false), Worker::new(&mut world, &trust, false)];
    workers.iter_mut().for_each(|worker| worker.run(&mut world, 20));
    put(&mut world, "palisade", bundle(7, "a", &[&old, &new]));
    workers.iter_mut().for_each(|worker| worker.run(&mut world, 20));
    put(&mut world, "root.2.json", root(2, &[&new]));
    workers.iter_mut().for_each(|worker| worker.run(&mut world, 90));
    for worker in &mut workers {
        assert_eq!((worker.gateway.root().unwrap().file().version, worker.reason(&world)), (2, DECIDES));
    }
}

#[test]
fn a_candidate_that_only_removed_keys_have_signed_has_no_answer() {
    let mut world = World::default();
    let (old, new) = (key(2), key(5));
    put(&mut world, "palisade", bundle(7, "a", &[&old, &new]));
    put(&mut world, "candidate.palisade", bundle(8, "b", &[&old]));
    let trust = trust_root(&root(1, &[&old]));
    let mut workers = [(); 2].map(|()| Worker::with(&mut world, &trust, false, r#","candidate":true"#));
    for worker in &mut workers {
        worker.run(&mut world, 20);
        assert_eq!(worker.contrast(&world), Some(Contrast::Same));
    }
    put(&mut world, "root.2.json", root(2, &[&new]));
    workers.iter_mut().for_each(|worker| worker.run(&mut world, 90));
    for worker in &mut workers {
        assert_eq!((worker.reason(&world), worker.contrast(&world)), (DECIDES, Some(Contrast::Unknown)));
    }
    // The same one with a signature that counts, to every worker.
    put(&mut world, "candidate.palisade", bundle(8, "b", &[&old, &new]));
    workers.iter_mut().for_each(|worker| worker.run(&mut world, 90));
    for worker in &mut workers {
        assert_eq!(worker.contrast(&world), Some(Contrast::Same));
    }
}

#[test]
fn a_root_that_does_not_follow_is_told_and_changes_nothing() {
    let mut world = World::default();
    let old = key(2);
    put(&mut world, "palisade", bundle(7, "a", &[&old]));
    let mut worker = Worker::new(&mut world, &trust_root(&root(1, &[&old])), false);
    for (bytes, code) in [
        (root(3, &[&old]), "root.version"),
        (bundle(8, "a", &[&old]), "signed.syntax"),
        (vec![b' '; 70_000], "feed.too_large"),
    ] {
        put(&mut world, "root.2.json", bytes);
        worker.run(&mut world, 90);
        assert!(worker.codes().contains(&(Renewal::Root, code)), "{code}");
        assert_eq!(worker.gateway.root().unwrap().file().version, 1);
        assert_eq!(worker.reason(&world), DECIDES);
    }
}
