//! Tokens that name keys which are not there.

use super::{UNKNOWN, serve, served};
use crate::feed::FetchResponse;
use crate::jwks::testing::*;
use crate::section::Profile;

#[test]
fn a_new_key_is_fetched_when_the_cooldown_is_over() {
    let (mut proxy, mut workers) = served(Profile::Oidc, &jwks(&["a"]));
    proxy.now_ms += 1_000;
    assert_eq!(workers[2].ask("b", proxy.now_ms), UNKNOWN);
    workers.iter_mut().for_each(|worker| worker.poll(&mut proxy));
    assert_eq!(proxy.requests.len(), 1);
    proxy.now_ms += COOLDOWN_MS - 1_000;
    workers.iter_mut().for_each(|worker| worker.poll(&mut proxy));
    assert_eq!(proxy.requests.len(), 2);
    workers[2].respond(1, FetchResponse::of(&jwks(&["a", "b"])), &mut proxy);
    for worker in &mut workers {
        worker.poll(&mut proxy);
        assert_eq!(worker.ask("b", proxy.now_ms), Ok(()));
    }
}

/// Whatever clients send: one fetch in a cooldown, and the good key always works.
#[test]
fn a_storm_of_unknown_keys_is_one_fetch_in_a_cooldown() {
    let (mut proxy, mut workers) = served(Profile::Oidc, &jwks(&["a"]));
    let begin_ms = proxy.now_ms;
    for step in 0..3_000 {
        proxy.now_ms += 100;
        for (number, worker) in workers.iter_mut().enumerate() {
            for n in 0..20 {
                assert_eq!(worker.ask(&format!("{number}-{step}-{n}"), proxy.now_ms), UNKNOWN);
            }
            assert_eq!(worker.ask("a", proxy.now_ms), Ok(()));
            let before = proxy.requests.len();
            worker.poll(&mut proxy);
            if proxy.requests.len() > before {
                worker.respond(proxy.last(), FetchResponse::of(&jwks(&["a"])), &mut proxy);
            }
        }
    }
    let most = (proxy.now_ms - begin_ms) / COOLDOWN_MS + 1;
    assert!((2..=most).contains(&(proxy.requests.len() as u64)), "{}", proxy.requests.len());
    for [(a, _), (b, _)] in proxy.requests.array_windows() {
        assert!(b - a >= COOLDOWN_MS);
    }
}

#[test]
fn one_unknown_key_again_and_again_is_no_reason_to_fetch_at_once() {
    let (mut proxy, mut workers) = served(Profile::Oidc, &jwks(&["a"]));
    proxy.now_ms += COOLDOWN_MS;
    assert_eq!(workers[0].ask("b", proxy.now_ms), UNKNOWN);
    serve(&mut workers, &mut proxy, FetchResponse::of(&jwks(&["a"])));
    for _ in 0..COOLDOWN_MS / 100 - 1 {
        proxy.now_ms += 100;
        assert_eq!(workers[0].ask("b", proxy.now_ms), UNKNOWN);
        workers[0].poll(&mut proxy);
    }
    assert_eq!(proxy.requests.len(), 2);
}

#[test]
fn an_issuer_that_is_not_fetched_is_nobodys_business() {
    let (mut proxy, mut workers) = served(Profile::Oidc, &jwks(&["a"]));
    proxy.now_ms += COOLDOWN_MS;
    let Worker { poller, issuers, .. } = &mut workers[0];
    poller.missed(Some("other"), Some("b"), issuers, proxy.now_ms);
    poller.missed(None, None, issuers, proxy.now_ms);
    workers[0].poll(&mut proxy);
    assert_eq!(proxy.requests.len(), 1);
}
