//! Shared data that somebody else wrote.

use super::{UNAVAILABLE, served};
use crate::feed::FetchResponse;
use crate::jwks::event::KeyEventKind;
use crate::jwks::testing::*;
use crate::section::Profile;

/// Other filters may write into the same space.
#[test]
fn shared_bytes_are_not_trusted() {
    let good = jwks(&["a"]);
    for garbage in [&b""[..], b"x", b"pal-kl-1", b"pal-fd-1", &[0xff; 100], &good] {
        let (mut proxy, mut workers) = served(Profile::Oidc, &good);
        for (bytes, version) in proxy.shared.values_mut() {
            *bytes = garbage.to_vec();
            *version += 1;
        }
        for worker in &mut workers {
            worker.poll(&mut proxy);
            assert_eq!(worker.ask("a", proxy.now_ms), Ok(()), "{garbage:?}");
        }
        // A ledger that does not read says that nobody ever fetched.
        assert_eq!(proxy.requests.len(), 2);
        workers[0].respond(1, FetchResponse::of(&jwks(&["b"])), &mut proxy);
        for worker in &mut workers {
            worker.poll(&mut proxy);
            assert_eq!(worker.ask("b", proxy.now_ms), Ok(()), "{garbage:?}");
        }
    }
}

#[test]
fn a_shared_document_is_read_as_strictly_as_one_from_the_network() {
    for (profile, document, forged) in [
        (Profile::Oidc, jwks(&["a"]), jwks(&[])),
        (Profile::Oidc, jwks(&["a"]), b"{}".to_vec()),
        (spiffe(), spiffe_bundle(&["a"], 5), spiffe_bundle(&["b"], 4)),
    ] {
        let (mut proxy, mut workers) = served(profile, &document);
        let names: Vec<String> = proxy.shared.keys().cloned().collect();
        let [shared_document, ledger] = &names[..] else { panic!("{names:?}") };
        // Serial 2, fetched at the end of time.
        let entry = proxy.shared.get_mut(shared_document).unwrap();
        entry.0.truncate(8);
        entry.0.extend_from_slice(&2u64.to_le_bytes());
        entry.0.extend_from_slice(&u64::MAX.to_le_bytes());
        entry.0.extend_from_slice(&[0; 2]);
        entry.0.extend_from_slice(&forged);
        proxy.shared.get_mut(ledger).unwrap().0[8] = 2;
        for worker in &mut workers {
            worker.poll(&mut proxy);
            worker.poll(&mut proxy);
            assert_eq!(worker.ask("a", proxy.now_ms), Ok(()));
            let refused = worker.events.drain(..).filter(|event| event.kind == KeyEventKind::SharedRefused);
            assert_eq!(refused.count(), 1, "told once");
        }
    }
}

#[test]
fn keys_from_the_future_are_as_old_as_their_arrival() {
    let (mut proxy, _) = served(Profile::Oidc, &jwks(&["a"]));
    let fetched_ms = proxy.now_ms;
    // The clock is set back, and a worker starts.
    proxy.now_ms -= 10 * STALE_MS;
    let mut worker = Worker::new(Profile::Oidc, 44, &mut proxy);
    assert_eq!(worker.ask("a", proxy.now_ms), Ok(()));
    assert_eq!(worker.ask("a", proxy.now_ms + STALE_MS), UNAVAILABLE);
    assert_eq!(worker.ask("a", fetched_ms), UNAVAILABLE);
}
