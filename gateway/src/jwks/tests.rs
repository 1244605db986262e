//! Several workers of one proxy, and whatever an issuer's server may answer.

mod chance;
mod missed;
mod untrusted;

use super::event::{KeyEventKind, RefreshError};
use super::poller::Poller;
use super::testing::*;
use crate::bundle::Digest;
use crate::error::ConfigError;
use crate::feed::ClusterNames;
use crate::feed::FetchResponse;
use crate::limits;
use crate::section::Profile;
use crate::token::{IssuerTable, TokenError};

const UNAVAILABLE: Result<(), TokenError> = Err(TokenError::KeysUnavailable);
const UNKNOWN: Result<(), TokenError> = Err(TokenError::KeyUnknown);

/// Three workers whose keys are `kids`, fetched by the first of them.
fn served(profile: Profile, document: &[u8]) -> (FakeProxy, [Worker; 3]) {
    let mut proxy = FakeProxy::new();
    let mut workers = [11, 22, 33].map(|random| Worker::new(profile.clone(), random, &mut proxy));
    serve(&mut workers, &mut proxy, FetchResponse::of(document));
    for worker in &mut workers {
        worker.poll(&mut proxy);
        worker.events.clear();
        worker.changed.clear();
    }
    (proxy, workers)
}

/// Polls the first worker, which must fetch, and answers.
fn serve(workers: &mut [Worker; 3], proxy: &mut FakeProxy, response: FetchResponse<'_>) {
    let before = proxy.requests.len();
    workers[0].poll(proxy);
    assert_eq!(proxy.requests.len(), before + 1, "the first worker should have fetched");
    workers[0].respond(proxy.last(), response, proxy);
}

#[test]
fn one_worker_fetches_and_all_have_the_keys() {
    let mut proxy = FakeProxy::new();
    let mut workers = [11, 22, 33].map(|random| Worker::new(Profile::Oidc, random, &mut proxy));
    assert_eq!(proxy.requests, [], "joining asks nobody");
    for worker in &mut workers {
        assert_eq!(worker.ask("a", proxy.now_ms), UNAVAILABLE);
        worker.poll(&mut proxy);
        worker.poll(&mut proxy);
    }
    assert_eq!(proxy.requests, [(proxy.now_ms, "idp idp.example:8443 /jwks?v=1".to_owned())]);
    workers[0].respond(0, FetchResponse::of(&jwks(&["a"])), &mut proxy);
    assert_eq!(workers[0].ask("a", proxy.now_ms), Ok(()));
    assert_eq!(workers[1].ask("a", proxy.now_ms), UNAVAILABLE);
    for worker in &mut workers {
        worker.poll(&mut proxy);
        assert_eq!(worker.ask("a", proxy.now_ms), Ok(()));
        assert_eq!(worker.changed.len(), 1);
    }
    assert_eq!(proxy.requests.len(), 1);
    let kinds: Vec<_> = workers.iter().flat_map(|worker| &worker.events).map(|event| event.kind).collect();
    assert_eq!(kinds, [KeyEventKind::Fetched { usable: 1, defective: 0, changed: true }]);
}

#[test]
fn a_worker_that_comes_later_has_the_keys_at_once() {
    let (mut proxy, _) = served(Profile::Oidc, &jwks(&["a"]));
    let mut late = Worker::new(Profile::Oidc, 44, &mut proxy);
    assert_eq!(late.ask("a", proxy.now_ms), Ok(()));
    late.poll(&mut proxy);
    assert_eq!(proxy.requests.len(), 1);
}

#[test]
fn removed_keys_stop_working_at_the_next_refresh_in_every_worker() {
    let (mut proxy, mut workers) = served(Profile::Oidc, &jwks(&["a", "b"]));
    proxy.now_ms += FRESH_MS;
    serve(&mut workers, &mut proxy, FetchResponse::of(&jwks(&["b", "c"])));
    for worker in &mut workers {
        worker.poll(&mut proxy);
        assert_eq!(worker.ask("a", proxy.now_ms), UNKNOWN);
        assert_eq!(worker.ask("b", proxy.now_ms), Ok(()));
        assert_eq!(worker.ask("c", proxy.now_ms), Ok(()));
        assert_eq!(worker.changed.len(), 1, "what the old keys verified is to be forgotten");
    }
}

#[test]
fn the_same_keys_again_change_nothing_but_their_age() {
    let (mut proxy, mut workers) = served(Profile::Oidc, &jwks(&["a"]));
    for _ in 0..20 {
        proxy.now_ms += FRESH_MS;
        serve(&mut workers, &mut proxy, FetchResponse::of(&jwks(&["a"])));
        for worker in &mut workers {
            worker.poll(&mut proxy);
            assert_eq!(worker.ask("a", proxy.now_ms), Ok(()));
            assert_eq!(worker.changed, []);
        }
    }
}

#[test]
fn whatever_goes_wrong_the_last_good_keys_serve_until_they_are_too_stale() {
    let large = vec![b' '; limits::JWKS_BYTES + 1];
    let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; limits::JWKS_KEYS + 1].join(","));
    let empty = jwks(&[]);
    let responses = [
        (FetchResponse::Nothing, RefreshError::NoResponse),
        (FetchResponse::Status(0), RefreshError::Status(0)),
        (FetchResponse::Status(201), RefreshError::Status(201)),
        (FetchResponse::Status(302), RefreshError::Status(302)),
        (FetchResponse::Status(404), RefreshError::Status(404)),
        (FetchResponse::Status(503), RefreshError::Status(503)),
        (FetchResponse::TooLarge, RefreshError::TooLarge),
        (FetchResponse::of(&large), RefreshError::TooLarge),
        (FetchResponse::of(b""), RefreshError::Malformed),
        (FetchResponse::of(b"<html>"), RefreshError::Malformed),
        (FetchResponse::of(br#"{"keys":[],"keys":[]}"#), RefreshError::Malformed),
        (FetchResponse::of(many.as_bytes()), RefreshError::TooManyKeys),
        (FetchResponse::of(&empty), RefreshError::NoUsableKey),
    ];
    let (mut proxy, mut workers) = served(Profile::Oidc, &jwks(&["a"]));
    let fetched_ms = proxy.now_ms;
    for (response, error) in responses {
        proxy.now_ms += FRESH_MS / 4 * 3 / 10 + limits::FEED_BACKOFF_MAX_MS;
        if proxy.requests.len() == 1 {
            proxy.now_ms = fetched_ms + FRESH_MS;
        }
        serve(&mut workers, &mut proxy, response);
        assert_eq!(workers[0].errors(), [error]);
        for worker in &mut workers {
            worker.poll(&mut proxy);
            assert_eq!(worker.ask("a", proxy.now_ms), Ok(()), "{error:?}");
            assert_eq!(worker.changed, []);
        }
    }
    assert!(proxy.now_ms < fetched_ms + STALE_MS);
    for worker in &mut workers {
        assert_eq!(worker.ask("a", fetched_ms + STALE_MS - 1), Ok(()));
        assert_eq!(worker.ask("a", fetched_ms + STALE_MS), UNAVAILABLE);
    }
    proxy.now_ms = fetched_ms + 2 * STALE_MS;
    serve(&mut workers, &mut proxy, FetchResponse::of(&jwks(&["a"])));
    assert_eq!(workers[0].ask("a", proxy.now_ms), Ok(()));
}

#[test]
fn a_server_that_is_down_is_asked_ever_less_often_and_found_again() {
    let mut proxy = FakeProxy::new();
    let mut workers = [11, 22, 33].map(|random| Worker::new(Profile::Oidc, random, &mut proxy));
    for _ in 0..36_000 {
        proxy.now_ms += 100;
        for worker in &mut workers {
            let before = proxy.requests.len();
            worker.poll(&mut proxy);
            if proxy.requests.len() > before {
                worker.respond(proxy.last(), FetchResponse::Status(503), &mut proxy);
            }
            assert_eq!(worker.ask("a", proxy.now_ms), UNAVAILABLE);
        }
    }
    // An hour at 30 to 60 s each, and a few quicker ones at the start.
    assert!((60..=130).contains(&proxy.requests.len()), "{}", proxy.requests.len());
    proxy.now_ms += limits::FEED_BACKOFF_MAX_MS;
    serve(&mut workers, &mut proxy, FetchResponse::of(&jwks(&["a"])));
    workers[2].poll(&mut proxy);
    assert_eq!(workers[2].ask("a", proxy.now_ms), Ok(()));
}

#[test]
fn a_host_that_sends_nothing_is_asked_with_the_same_patience() {
    let mut proxy = FakeProxy { sending: false, ..FakeProxy::new() };
    let mut worker = Worker::new(Profile::Oidc, 11, &mut proxy);
    for _ in 0..6_000 {
        proxy.now_ms += 100;
        worker.poll(&mut proxy);
    }
    assert!((10..=30).contains(&proxy.requests.len()), "{}", proxy.requests.len());
    assert!(worker.errors().iter().all(|error| *error == RefreshError::NotSent));
}

#[test]
fn a_spiffe_bundle_without_keys_revokes_them_everywhere() {
    let (mut proxy, mut workers) = served(spiffe(), &spiffe_bundle(&["a"], 1));
    assert_eq!(workers[1].ask("a", proxy.now_ms), Ok(()));
    proxy.now_ms += FRESH_MS;
    serve(&mut workers, &mut proxy, FetchResponse::of(&spiffe_bundle(&[], 2)));
    for worker in &mut workers {
        worker.poll(&mut proxy);
        assert_eq!(worker.ask("a", proxy.now_ms), UNKNOWN);
        assert_eq!(worker.changed.len(), 1);
    }
    let expected = KeyEventKind::Fetched { usable: 0, defective: 0, changed: true };
    assert_eq!(workers[0].events[0].kind, expected);
}

#[test]
fn keys_for_other_ends_in_a_spiffe_bundle_are_none() {
    // Without `use`, which a plain JWK Set may lack.
    let (proxy, mut workers) = served(spiffe(), &jwks(&["a"]));
    assert_eq!(workers[0].ask("a", proxy.now_ms), UNKNOWN);
}

#[test]
fn a_spiffe_bundle_may_ask_to_be_fetched_sooner() {
    let mut document = spiffe_bundle(&["a"], 1);
    document.pop();
    document.extend_from_slice(br#","spiffe_refresh_hint":60}"#);
    let (mut proxy, mut workers) = served(spiffe(), &document);
    proxy.now_ms += 44_000;
    workers[0].poll(&mut proxy);
    assert_eq!(proxy.requests.len(), 1);
    proxy.now_ms += 14_000;
    workers[0].poll(&mut proxy);
    assert_eq!(proxy.requests.len(), 2);
}

#[test]
fn an_older_spiffe_bundle_is_refused_by_the_one_that_fetches() {
    let (mut proxy, mut workers) = served(spiffe(), &spiffe_bundle(&["a"], 5));
    for older in [spiffe_bundle(&["b"], 4), spiffe_bundle(&["b"], 0), spiffe_bundle(&[], 4)] {
        proxy.now_ms += FRESH_MS;
        serve(&mut workers, &mut proxy, FetchResponse::of(&older));
        assert_eq!(workers[0].errors(), [RefreshError::Rollback]);
        for worker in &mut workers {
            worker.poll(&mut proxy);
            assert_eq!(worker.ask("a", proxy.now_ms), Ok(()));
            assert_eq!(worker.ask("b", proxy.now_ms), UNKNOWN);
        }
    }
}

#[test]
fn a_worker_that_fetches_first_learns_what_another_fetched_meanwhile() {
    let (mut proxy, mut workers) = served(spiffe(), &spiffe_bundle(&["a"], 5));
    proxy.now_ms += FRESH_MS;
    serve(&mut workers, &mut proxy, FetchResponse::of(&spiffe_bundle(&["b"], 6)));
    // The third has not polled since, and fetches next.
    proxy.now_ms += FRESH_MS;
    workers[2].poll(&mut proxy);
    workers[2].respond(proxy.last(), FetchResponse::of(&spiffe_bundle(&["a"], 5)), &mut proxy);
    assert_eq!(workers[2].errors(), [RefreshError::Rollback]);
    assert_eq!(workers[2].ask("b", proxy.now_ms), Ok(()));
    assert_eq!(workers[2].ask("a", proxy.now_ms), UNKNOWN);
}

#[test]
fn another_worker_takes_over_from_one_that_died() {
    let mut proxy = FakeProxy::new();
    let mut workers = [11, 22, 33].map(|random| Worker::new(Profile::Oidc, random, &mut proxy));
    workers[0].poll(&mut proxy);
    assert_eq!(proxy.requests.len(), 1);
    // The first is silent from here on.
    proxy.now_ms += limits::FEED_LEASE_MS - 1;
    workers[1].poll(&mut proxy);
    assert_eq!(proxy.requests.len(), 1);
    proxy.now_ms += 1;
    workers[1].poll(&mut proxy);
    workers[2].poll(&mut proxy);
    assert_eq!(proxy.requests.len(), 2);
    // The first was only slow: its answer no longer counts.
    workers[0].respond(0, FetchResponse::of(&jwks(&["old"])), &mut proxy);
    assert_eq!(workers[0].ask("old", proxy.now_ms), UNAVAILABLE);
    workers[1].respond(1, FetchResponse::of(&jwks(&["new"])), &mut proxy);
    for worker in &mut workers {
        worker.poll(&mut proxy);
        assert_eq!(worker.ask("new", proxy.now_ms), Ok(()));
    }
}

#[test]
fn responses_that_nobody_waits_for_change_nothing() {
    let (mut proxy, mut workers) = served(Profile::Oidc, &jwks(&["a"]));
    for call in [0, 1, 7, u32::MAX] {
        for worker in &mut workers {
            worker.respond(call, FetchResponse::of(&jwks(&["b"])), &mut proxy);
            assert_eq!(worker.ask("a", proxy.now_ms), Ok(()));
            assert_eq!(worker.ask("b", proxy.now_ms), UNKNOWN);
        }
    }
    assert!(workers.iter().all(|worker| worker.events.is_empty()));
}

#[test]
fn a_response_that_never_comes_is_given_up() {
    let mut proxy = FakeProxy::new();
    let mut worker = Worker::new(Profile::Oidc, 11, &mut proxy);
    for _ in 0..10 {
        worker.poll(&mut proxy);
        proxy.now_ms += limits::FEED_LEASE_MS;
    }
    assert_eq!(proxy.requests.len(), 10);
}

#[test]
fn workers_that_share_nothing_look_after_themselves() {
    let mut proxy = FakeProxy { sharing: false, ..FakeProxy::new() };
    let mut workers = [11, 22].map(|random| Worker::new(Profile::Oidc, random, &mut proxy));
    for worker in &mut workers {
        worker.poll(&mut proxy);
        worker.poll(&mut proxy);
        worker.respond(proxy.last(), FetchResponse::of(&jwks(&["a"])), &mut proxy);
        worker.poll(&mut proxy);
        assert_eq!(worker.ask("a", proxy.now_ms), Ok(()));
        assert!(matches!(worker.events[..], [_]), "{:?}", worker.events);
    }
    assert_eq!(proxy.requests.len(), 2);
    proxy.now_ms += FRESH_MS;
    workers[0].poll(&mut proxy);
    assert_eq!(proxy.requests.len(), 3);
}

#[test]
fn an_issuer_without_a_cluster_is_refused() {
    let issuers = IssuerTable::open(vec![issuer(Profile::Oidc)]).unwrap();
    let mut elsewhere = ClusterNames::default();
    elsewhere.insert("idp.example:8443", "idp");
    for clusters in [ClusterNames::default(), elsewhere] {
        let error = Poller::new(&issuers, &clusters, Digest::of(b"bundle"), 1).unwrap_err();
        assert_eq!(error, ConfigError::JwksCluster { issuer: "dev".to_owned(), host: "idp.example".to_owned() });
        assert_eq!(error.code(), "config.jwks_cluster");
    }
    let mut by_alias = ClusterNames::default();
    by_alias.insert("dev", "idp");
    assert!(Poller::new(&issuers, &by_alias, Digest::of(b"bundle"), 1).is_ok());
}

#[test]
fn a_new_configuration_begins_with_the_keys_of_the_old_one() {
    let (mut proxy, workers) = served(Profile::Oidc, &jwks(&["a"]));
    let start = |profile: Profile, proxy: &mut FakeProxy| {
        // Another bundle, so nothing is shared under its name.
        proxy.shared.clear();
        Worker::new(profile, 44, proxy)
    };
    let mut new = start(Profile::Oidc, &mut proxy);
    new.poller.inherit(&mut new.issuers, &workers[0].poller, &workers[0].issuers);
    assert_eq!(new.ask("a", proxy.now_ms), Ok(()));
    assert_eq!(new.ask("a", proxy.now_ms + STALE_MS), UNAVAILABLE, "their age is inherited too");
    new.poll(&mut proxy);
    assert_eq!(proxy.requests.len(), 2);

    // Keys that were read by other rules are not taken.
    let mut other = start(spiffe(), &mut proxy);
    other.poller.inherit(&mut other.issuers, &workers[0].poller, &workers[0].issuers);
    assert_eq!(other.ask("a", proxy.now_ms), UNAVAILABLE);

    // Nor keys that came by another cluster.
    let mut moved = start(Profile::Oidc, &mut proxy);
    let mut clusters = ClusterNames::default();
    clusters.insert("idp.example", "idp-2");
    moved.poller = Poller::new(&moved.issuers, &clusters, Digest::of(b"bundle"), 45).unwrap();
    moved.poller.inherit(&mut moved.issuers, &workers[0].poller, &workers[0].issuers);
    assert_eq!(moved.ask("a", proxy.now_ms), UNAVAILABLE);
}

#[test]
fn polling_is_quick_at_first_and_unhurried_then() {
    let mut proxy = FakeProxy::new();
    let worker = Worker::new(Profile::Oidc, 11, &mut proxy);
    assert_eq!(worker.poller.period_ms(&worker.issuers), limits::JWKS_POLL_MIN_MS);
    let (_, workers) = served(Profile::Oidc, &jwks(&["a"]));
    assert_eq!(workers[0].poller.period_ms(&workers[0].issuers), limits::JWKS_POLL_MS);
}
