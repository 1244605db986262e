//! Workers that keep lists: one fetches, all have them, and no token is looked up in another's.

use std::rc::Rc;

use crate::bundle::Digest;
use crate::feed::testing::FakeProxy;
use crate::feed::{ClusterNames, FetchResponse};
use crate::limits;
use crate::section::{self, OnUnavailable, RemoteJwks};
use crate::status_list::testing::{self, BELOW, NOW, URI};
use crate::status_list::{
    Desk, Lists, StatusClaim, StatusListError, StatusListEvent, StatusListEventKind, StatusReference,
};
use crate::token::{IssuerTable, TokenError, testing as keys};

/// One worker.
struct Worker {
    lists: Lists,
    issuers: IssuerTable,
    bundle: Digest,
    clusters: ClusterNames,
    events: Vec<StatusListEvent>,
    missing: Vec<(String, Option<String>)>,
}

impl Worker {
    fn new(issuer: section::Issuer, random: u64, proxy: &mut FakeProxy) -> Self {
        let mut clusters = ClusterNames::default();
        assert!(clusters.insert("issuer", "lists"));
        let issuers = testing::table(issuer);
        Lists::check(&issuers, &clusters).unwrap();
        let (events, missing) = (Vec::new(), Vec::new());
        let bundle = Digest::of(b"bundle");
        let mut worker = Self { lists: Lists::new(random), issuers, bundle, clusters, events, missing };
        worker.desk(proxy, Lists::attend);
        worker
    }

    /// Another bundle decides from now on.
    fn swap(&mut self, issuer: section::Issuer, proxy: &mut FakeProxy) {
        self.issuers = testing::table(issuer);
        self.bundle = Digest::of(b"another bundle");
        self.desk(proxy, Lists::attend);
    }

    fn poll(&mut self, proxy: &mut FakeProxy) {
        self.desk(proxy, Lists::poll);
    }

    fn respond(&mut self, response: FetchResponse<'_>, proxy: &mut FakeProxy) {
        let call = proxy.last();
        assert!(self.lists.waits_for(call));
        self.desk(proxy, |lists, desk| lists.respond(call, response, desk));
    }

    /// Looks for the list until it is fetched, and has this be the answer.
    fn fetch(&mut self, body: &[u8], proxy: &mut FakeProxy) {
        let before = proxy.requests.len();
        for _ in 0..100 {
            proxy.now_ms += 100;
            self.poll(proxy);
            if proxy.requests.len() > before {
                return self.respond(FetchResponse::of(body), proxy);
            }
        }
        panic!("nothing was fetched");
    }

    fn refer(&self, uri: &str, index: u64, proxy: &FakeProxy) -> Option<StatusReference> {
        let (_, issuer) = self.issuers.named("dev").unwrap();
        self.lists.refer(StatusClaim { uri: uri.to_owned(), index }, issuer, proxy.now_ms)
    }

    fn ask(&self, index: u64, proxy: &FakeProxy) -> Result<(), TokenError> {
        let reference = self.refer(URI, index, proxy).unwrap();
        self.check(&reference, proxy)
    }

    fn check(&self, reference: &StatusReference, proxy: &FakeProxy) -> Result<(), TokenError> {
        let (_, issuer) = self.issuers.named("dev").unwrap();
        reference.check(issuer.status.lists().unwrap(), proxy.now_ms).map_err(|(error, _)| error)
    }

    /// What happened, and no longer.
    fn kinds(&mut self) -> Vec<StatusListEventKind> {
        self.events.drain(..).map(|event| event.kind).collect()
    }

    fn error(&mut self) -> Option<StatusListError> {
        match self.kinds().as_slice() {
            [.., StatusListEventKind::Failed { error, .. }] => Some(*error),
            _ => None,
        }
    }

    fn desk<T>(&mut self, proxy: &mut FakeProxy, work: impl FnOnce(&mut Lists, &mut Desk<'_>) -> T) -> T {
        let Self { lists, issuers, bundle, clusters, events, missing } = self;
        work(lists, &mut Desk { issuers, bundle: *bundle, clusters, host: proxy, events, missing })
    }
}

fn worker(proxy: &mut FakeProxy) -> Worker {
    Worker::new(testing::issuer(|_| ()), 7, proxy)
}

#[test]
fn a_list_that_a_token_names_is_fetched_and_says_what_becomes_of_it() {
    let mut proxy = FakeProxy::new();
    let mut worker = worker(&mut proxy);
    worker.poll(&mut proxy);
    assert!(proxy.requests.is_empty(), "nobody has named a list");
    assert_eq!(worker.ask(0, &proxy), Err(TokenError::StatusUnavailable));
    assert_eq!(worker.lists.period_ms(&worker.issuers), limits::JWKS_POLL_MIN_MS);
    worker.fetch(&testing::token(10, 4, &[0x10, 0x32, 0xf4]), &mut proxy);
    assert_eq!(proxy.requests[0].1, "lists issuer /lists/1");
    assert_eq!(worker.kinds(), [StatusListEventKind::Fetched { entries: 6, changed: true }]);
    assert_eq!(worker.lists.period_ms(&worker.issuers), limits::JWKS_POLL_MS);
    for (index, expected) in [
        (0, Ok(())),
        (1, Err(TokenError::StatusInvalid)),
        (2, Err(TokenError::StatusSuspended)),
        (3, Err(TokenError::StatusApplication)),
        (4, Err(TokenError::StatusReserved)),
        (5, Err(TokenError::StatusApplication)),
        (6, Err(TokenError::StatusOutOfRange)),
        (u64::MAX, Err(TokenError::StatusOutOfRange)),
    ] {
        assert_eq!(worker.ask(index, &proxy), expected, "{index}");
    }
    assert_eq!(proxy.requests.len(), 1, "requests fetch nothing");
}

#[test]
fn a_known_token_sees_the_newest_list() {
    let mut proxy = FakeProxy::new();
    let mut worker = worker(&mut proxy);
    let token = worker.refer(URI, 3, &proxy).unwrap();
    worker.fetch(&testing::token(10, 1, &[0]), &mut proxy);
    assert_eq!(worker.check(&token, &proxy), Ok(()));
    assert_eq!(worker.lists.objection(&token), None);
    proxy.now_ms += 290_000;
    worker.fetch(&testing::token(5, 1, &[8]), &mut proxy);
    assert_eq!(worker.check(&token, &proxy), Err(TokenError::StatusInvalid));
    assert_eq!(worker.lists.objection(&token), Some(TokenError::StatusInvalid));
    proxy.now_ms += 290_000;
    worker.fetch(&testing::token(4, 1, &[0]), &mut proxy);
    assert_eq!(worker.check(&token, &proxy), Ok(()));
}

#[test]
fn one_worker_fetches_and_all_have_the_list() {
    let mut proxy = FakeProxy::new();
    let mut workers: Vec<Worker> =
        (1..=4).map(|random| Worker::new(testing::issuer(|_| ()), random, &mut proxy)).collect();
    let tokens: Vec<StatusReference> = workers.iter().map(|worker| worker.refer(URI, 1, &proxy).unwrap()).collect();
    for _ in 0..3 {
        workers.iter_mut().for_each(|worker| worker.poll(&mut proxy));
        proxy.now_ms += 100;
    }
    assert_eq!(proxy.requests.len(), 1);
    let fetching = workers.iter_mut().find(|worker| worker.lists.waits_for(0)).unwrap();
    fetching.respond(FetchResponse::of(&testing::token(10, 2, &[0b1000])), &mut proxy);
    for (worker, token) in workers.iter_mut().zip(&tokens) {
        worker.poll(&mut proxy);
        assert_eq!(worker.check(token, &proxy), Err(TokenError::StatusSuspended));
        let kinds = worker.kinds();
        assert!(
            matches!(kinds.as_slice(), [StatusListEventKind::Fetched { .. } | StatusListEventKind::Taken]),
            "{kinds:?}"
        );
    }
    // One that comes later finds it without asking anybody.
    let mut late = Worker::new(testing::issuer(|_| ()), 9, &mut proxy);
    let token = late.refer(URI, 1, &proxy).unwrap();
    late.poll(&mut proxy);
    assert_eq!(late.check(&token, &proxy), Err(TokenError::StatusSuspended));
    assert_eq!(proxy.requests.len(), 1);
}

#[test]
fn what_another_worker_shares_is_checked_like_what_was_fetched() {
    let mut proxy = FakeProxy::new();
    let mut first = worker(&mut proxy);
    first.ask(0, &proxy).unwrap_err();
    first.fetch(&testing::token(10, 1, &[0]), &mut proxy);
    let name = proxy.shared.keys().find(|name| name.contains("document")).unwrap().clone();
    let good = proxy.shared[&name].0.clone();
    let forged =
        keys::p256(2).token(testing::HEADER, &testing::claims(&format!(r#""sub":"{URI}","iat":{}"#, NOW - 1), 1, &[0]));
    let head = good.len() - testing::token(10, 1, &[0]).len();
    for (bytes, error) in [
        ([&good[..head], forged.as_bytes()].concat(), StatusListError::Signature),
        (good[..head].to_vec(), StatusListError::Malformed),
        (good[..8].to_vec(), StatusListError::SharedUnreadable),
    ] {
        proxy.shared.get_mut(&name).unwrap().0 = bytes;
        let mut second = worker(&mut proxy);
        second.ask(0, &proxy).unwrap_err();
        second.poll(&mut proxy);
        assert_eq!(second.kinds(), [StatusListEventKind::SharedRefused(error)]);
        assert_eq!(second.ask(0, &proxy), Err(TokenError::StatusUnavailable));
        // It is fetched anew, though not at once: whoever writes there must not make us flood the issuer.
        second.poll(&mut proxy);
        assert_eq!(proxy.requests.len(), 1);
    }
    let mut third = worker(&mut proxy);
    third.ask(0, &proxy).unwrap_err();
    third.poll(&mut proxy);
    proxy.now_ms += limits::JWKS_COOLDOWN_SECONDS * 1000;
    third.fetch(&testing::token(10, 1, &[0]), &mut proxy);
    assert_eq!(third.ask(0, &proxy), Ok(()));
}

#[test]
fn what_is_no_list_leaves_the_good_one_in_place() {
    let mut proxy = FakeProxy::new();
    let mut worker = worker(&mut proxy);
    let token = worker.refer(URI, 0, &proxy).unwrap();
    worker.fetch(&testing::token(100, 1, &[0]), &mut proxy);
    worker.kinds();
    let elsewhere = String::from_utf8(testing::token(10, 1, &[1])).unwrap();
    let other = keys::p256(1)
        .token(testing::HEADER, &testing::claims(&format!(r#""sub":"{BELOW}2","iat":{}"#, NOW - 1), 1, &[1]));
    for (body, error) in [
        (b"<html></html>".to_vec(), StatusListError::Malformed),
        (Vec::new(), StatusListError::Malformed),
        (vec![b'a'; limits::STATUS_TOKEN_BYTES + 1], StatusListError::TooLarge),
        (elsewhere[..elsewhere.len() - 10].into(), StatusListError::Signature),
        (other.into_bytes(), StatusListError::Subject),
        (testing::token(101, 1, &[1]), StatusListError::Rollback),
    ] {
        proxy.now_ms += 60_000;
        let before = proxy.now_ms;
        proxy.now_ms += 240_000;
        worker.fetch(&body, &mut proxy);
        assert_eq!(worker.error(), Some(error));
        // An hour is longer than this test takes.
        worker.fetch(&testing::token(100, 1, &[0]), &mut proxy);
        assert!(proxy.now_ms - before < 3_600_000);
        assert_eq!(worker.check(&token, &proxy), Ok(()), "{error:?}");
    }
    for response in
        [FetchResponse::Nothing, FetchResponse::Status(404), FetchResponse::Status(302), FetchResponse::TooLarge]
    {
        proxy.now_ms += 300_000;
        let before = proxy.requests.len();
        worker.poll(&mut proxy);
        assert_eq!(proxy.requests.len(), before + 1);
        worker.respond(response, &mut proxy);
        assert!(matches!(worker.error(), Some(StatusListError::Fetch(_))), "{response:?}");
        assert_eq!(worker.check(&token, &proxy), Ok(()), "{response:?}");
    }
}

#[test]
fn a_list_that_is_not_to_be_had_denies_after_a_while() {
    let mut proxy = FakeProxy::new();
    let mut worker = worker(&mut proxy);
    let token = worker.refer(URI, 0, &proxy).unwrap();
    worker.fetch(&testing::token(10, 1, &[0]), &mut proxy);
    let fetched = proxy.now_ms;
    proxy.sending = false;
    proxy.now_ms = fetched + limits::STATUS_STALE_SECONDS * 1000 - 1;
    worker.poll(&mut proxy);
    assert_eq!(worker.check(&token, &proxy), Ok(()));
    proxy.now_ms += 1;
    worker.poll(&mut proxy);
    assert_eq!(worker.check(&token, &proxy), Err(TokenError::StatusUnavailable));
    assert!(matches!(worker.error(), Some(StatusListError::Fetch(_))));
    proxy.sending = true;
    proxy.now_ms += 60_000;
    worker.fetch(&testing::token(10, 1, &[0]), &mut proxy);
    assert_eq!(worker.check(&token, &proxy), Ok(()));
}

#[test]
fn who_would_rather_let_by_is_bounded_and_still_hears_a_no() {
    let mut proxy = FakeProxy::new();
    let mut worker = Worker::new(testing::issuer(|l| l.on_unavailable = OnUnavailable::Allow), 7, &mut proxy);
    let token = worker.refer(URI, 0, &proxy).unwrap();
    let stale_ms = limits::STATUS_STALE_SECONDS * 1000;
    assert_eq!(worker.check(&token, &proxy), Ok(()), "never had");
    proxy.now_ms += stale_ms - 1;
    assert_eq!(worker.check(&token, &proxy), Ok(()));
    proxy.now_ms += 1;
    assert_eq!(worker.check(&token, &proxy), Err(TokenError::StatusUnavailable));
    worker.fetch(&testing::token(10, 1, &[1]), &mut proxy);
    let fetched = proxy.now_ms;
    proxy.now_ms = fetched + stale_ms - 1;
    assert_eq!(worker.check(&token, &proxy), Err(TokenError::StatusInvalid));
    proxy.now_ms += 1;
    assert_eq!(worker.check(&token, &proxy), Err(TokenError::StatusUnavailable));
}

#[test]
fn lists_that_the_bundle_names_are_there_before_a_token_is() {
    let mut proxy = FakeProxy::new();
    let mut worker = Worker::new(testing::issuer(|l| l.uris = vec![URI.to_owned()]), 7, &mut proxy);
    worker.fetch(&testing::token(10, 1, &[0]), &mut proxy);
    assert_eq!(worker.ask(0, &proxy), Ok(()));
    proxy.now_ms += 2 * limits::STATUS_IDLE_SECONDS * 1000;
    worker.fetch(&testing::token(10, 1, &[0]), &mut proxy);
    assert_eq!(worker.ask(0, &proxy), Ok(()), "it is kept whether anybody asks or not");
}

#[test]
fn a_list_that_nobody_asks_about_is_dropped() {
    let mut proxy = FakeProxy::new();
    let mut worker = worker(&mut proxy);
    let known = worker.refer(URI, 0, &proxy).unwrap();
    drop(worker.refer(&format!("{BELOW}2"), 0, &proxy));
    proxy.now_ms += limits::STATUS_IDLE_SECONDS * 1000 - 1;
    worker.poll(&mut proxy);
    assert_eq!(lists_of(&worker, &proxy), (2, 0));
    proxy.now_ms += 1;
    worker.poll(&mut proxy);
    assert_eq!(lists_of(&worker, &proxy), (1, 0), "but not while a known token names it");
    drop(known);
    worker.poll(&mut proxy);
    assert_eq!(lists_of(&worker, &proxy), (0, 0));
}

/// How many lists there are, and how many of them are at hand.
fn lists_of(worker: &Worker, proxy: &FakeProxy) -> (u64, u64) {
    let (_, ages) = worker.lists.ages(&worker.issuers, proxy.now_ms).next().unwrap();
    (ages.known, ages.held)
}

#[test]
fn there_are_only_so_many_lists() {
    let mut proxy = FakeProxy::new();
    let mut worker = worker(&mut proxy);
    let mut tokens = Vec::new();
    for number in 0..limits::STATUS_LISTS {
        proxy.now_ms += 1;
        tokens.push(worker.refer(&format!("{BELOW}{number}"), 0, &proxy).unwrap());
    }
    assert!(worker.refer(&format!("{BELOW}more"), 0, &proxy).is_none(), "all are in use");
    assert!(worker.refer(&format!("{BELOW}7"), 1, &proxy).is_some(), "one that is known");
    tokens.remove(9);
    tokens.remove(5);
    let more = worker.refer(&format!("{BELOW}more"), 0, &proxy).unwrap();
    assert_eq!(worker.check(&more, &proxy), Err(TokenError::StatusUnavailable));
    // The one that was asked about the longest time ago made room, and a token that names it begins anew.
    assert!(worker.refer(&format!("{BELOW}9"), 0, &proxy).is_some());
    assert_eq!(lists_of(&worker, &proxy).0, 256);
    worker.poll(&mut proxy);
}

#[test]
fn two_lists_are_two() {
    let mut proxy = FakeProxy::new();
    let mut worker = worker(&mut proxy);
    let one = worker.refer(URI, 0, &proxy).unwrap();
    worker.fetch(&testing::token(10, 1, &[1]), &mut proxy);
    let two = worker.refer(&format!("{BELOW}2"), 0, &proxy).unwrap();
    let again = worker.refer(URI, 1, &proxy).unwrap();
    assert!(Rc::ptr_eq(&one.watch, &again.watch) && !Rc::ptr_eq(&one.watch, &two.watch));
    assert_eq!(worker.check(&one, &proxy), Err(TokenError::StatusInvalid));
    assert_eq!(worker.check(&again, &proxy), Ok(()));
    assert_eq!(worker.check(&two, &proxy), Err(TokenError::StatusUnavailable));
    // The list of the one is none for the other.
    worker.fetch(&testing::token(10, 1, &[0]), &mut proxy);
    assert_eq!(worker.error(), Some(StatusListError::Subject));
}

#[test]
fn another_bundle_asks_again_who_signed_the_lists() {
    let mut proxy = FakeProxy::new();
    let mut worker = worker(&mut proxy);
    let token = worker.refer(URI, 0, &proxy).unwrap();
    worker.fetch(&testing::token(10, 1, &[0]), &mut proxy);
    worker.kinds();
    worker.swap(testing::issuer(|lists| lists.max_stale_seconds = 4000), &mut proxy);
    assert_eq!(worker.check(&token, &proxy), Ok(()), "the same keys");
    assert_eq!(worker.kinds(), []);

    let jwks = format!(r#"{{"keys":[{},{}]}}"#, keys::p256(2).jwk("es"), keys::p256(3).jwk("es-3"));
    let others = section::Issuer { jwks: Some(serde_json::from_str(&jwks).unwrap()), ..testing::issuer(|_| ()) };
    worker.bundle = Digest::of(b"a third one");
    worker.issuers = testing::table(others);
    worker.desk(&mut proxy, Lists::attend);
    assert_eq!(worker.check(&token, &proxy), Err(TokenError::StatusUnavailable), "another key of that name");
    let kinds = worker.kinds();
    assert!(kinds.contains(&StatusListEventKind::Dropped(StatusListError::Signature)), "{kinds:?}");
    assert!(kinds.contains(&StatusListEventKind::SharedRefused(StatusListError::Signature)), "{kinds:?}");
}

#[test]
fn a_bundle_that_has_no_such_lists_drops_them() {
    let mut proxy = FakeProxy::new();
    let mut worker = worker(&mut proxy);
    let token = worker.refer(URI, 0, &proxy).unwrap();
    worker.fetch(&testing::token(10, 1, &[0]), &mut proxy);
    worker.swap(testing::issuer(|lists| lists.uris = vec!["https://issuer/other/".to_owned()]), &mut proxy);
    assert_eq!(worker.check(&token, &proxy), Err(TokenError::StatusUnavailable));
    assert_eq!(lists_of(&worker, &proxy), (0, 0));
    assert_eq!(worker.lists.objection(&token), None);
}

#[test]
fn lists_of_keys_that_are_gone_count_no_more() {
    let mut proxy = FakeProxy::new();
    let mut worker = worker(&mut proxy);
    let token = worker.refer(URI, 0, &proxy).unwrap();
    worker.fetch(&testing::token(10, 1, &[0]), &mut proxy);
    worker.desk(&mut proxy, Lists::recheck);
    assert_eq!(worker.check(&token, &proxy), Ok(()));
    let jwks = format!(r#"{{"keys":[{}]}}"#, keys::p256(2).jwk("new"));
    worker.issuers =
        testing::table(section::Issuer { jwks: Some(serde_json::from_str(&jwks).unwrap()), ..testing::issuer(|_| ()) });
    worker.desk(&mut proxy, Lists::recheck);
    assert_eq!(worker.check(&token, &proxy), Err(TokenError::StatusUnavailable));
    // What is shared is of the old key, too: it is fetched as soon as that may be.
    proxy.now_ms += limits::JWKS_COOLDOWN_SECONDS * 1000;
    let members = format!(r#""sub":"{URI}","iat":{NOW}"#);
    let header = testing::HEADER.replace("\"es\"", "\"new\"");
    let renewed = keys::p256(2).token(&header, &testing::claims(&members, 1, &[0]));
    worker.fetch(renewed.as_bytes(), &mut proxy);
    assert_eq!(worker.check(&token, &proxy), Ok(()));
}

#[test]
fn a_list_by_a_new_key_asks_for_the_keys() {
    let mut proxy = FakeProxy::new();
    let mut worker = worker(&mut proxy);
    worker.ask(0, &proxy).unwrap_err();
    let header = testing::HEADER.replace("\"es\"", "\"next\"");
    let claims = testing::claims(&format!(r#""sub":"{URI}","iat":{NOW}"#), 1, &[0]);
    worker.fetch(keys::p256(1).token(&header, &claims).as_bytes(), &mut proxy);
    assert_eq!(worker.error(), Some(StatusListError::KeyUnknown));
    assert_eq!(worker.missing, [("dev".to_owned(), Some("next".to_owned()))]);
}

#[test]
fn without_keys_no_list_is_fetched() {
    let mut proxy = FakeProxy::new();
    let remote = section::Issuer {
        jwks: None,
        remote_jwks: Some(RemoteJwks::at("https://issuer/jwks")),
        ..testing::issuer(|_| ())
    };
    let mut worker = Worker::new(remote, 7, &mut proxy);
    worker.ask(0, &proxy).unwrap_err();
    for _ in 0..10 {
        proxy.now_ms += 1_000;
        worker.poll(&mut proxy);
    }
    assert!(proxy.requests.is_empty());
}

#[test]
fn where_workers_share_nothing_each_fetches() {
    let mut proxy = FakeProxy::new();
    proxy.sharing = false;
    for random in [1, 2] {
        let mut worker = Worker::new(testing::issuer(|_| ()), random, &mut proxy);
        worker.ask(0, &proxy).unwrap_err();
        worker.fetch(&testing::token(10, 1, &[0]), &mut proxy);
        assert_eq!(worker.ask(0, &proxy), Ok(()));
    }
    assert_eq!(proxy.requests.len(), 2);
}

#[test]
fn a_new_configuration_goes_on_with_the_lists_of_the_old() {
    let mut proxy = FakeProxy::new();
    let mut old = worker(&mut proxy);
    old.ask(0, &proxy).unwrap_err();
    old.fetch(&testing::token(10, 1, &[1]), &mut proxy);
    let mut new = Worker::new(testing::issuer(|_| ()), 8, &mut proxy);
    new.bundle = Digest::of(b"another bundle");
    new.desk(&mut proxy, |lists, desk| lists.adopt(&old.lists, desk));
    new.desk(&mut proxy, Lists::attend);
    assert_eq!(lists_of(&new, &proxy), (1, 1));
    let stream = old.refer(URI, 0, &proxy).unwrap();
    assert_eq!(new.lists.objection(&stream), Some(TokenError::StatusInvalid), "a stream of the old one");
    assert_eq!(new.ask(0, &proxy), Err(TokenError::StatusInvalid));

    let mut other = Worker::new(testing::issuer(|l| l.uris = vec!["https://issuer/other/".to_owned()]), 9, &mut proxy);
    other.desk(&mut proxy, |lists, desk| lists.adopt(&old.lists, desk));
    assert_eq!(lists_of(&other, &proxy), (0, 0));
    assert_eq!(other.lists.objection(&stream), None);
}

#[test]
fn each_host_of_lists_needs_a_cluster() {
    let issuers = testing::table(testing::issuer(|l| l.uris.push("https://elsewhere/a".to_owned())));
    let mut clusters = ClusterNames::default();
    clusters.insert("issuer", "lists");
    assert_eq!(Lists::check(&issuers, &clusters).unwrap_err().code(), "config.status_list_cluster");
    clusters.insert("elsewhere", "lists");
    assert!(Lists::check(&issuers, &clusters).is_ok());
    let mut by_alias = ClusterNames::default();
    by_alias.insert("dev", "lists");
    assert!(Lists::check(&issuers, &by_alias).is_ok());
}
