//! Whatever happens in whatever order.

use crate::feed::FetchResponse;
use crate::jwks::testing::*;
use crate::limits;
use crate::section::Profile;

/// Workers that poll, answer, dawdle and die as chance has it, and an issuer that rotates its keys.
#[test]
fn chance_breaks_no_promise() {
    let mut seed: u64 = 0x2545_f491_4f6c_dd1d;
    let mut chance = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    for round in 0..12 {
        let mut proxy = FakeProxy::new();
        let mut born = 1;
        let mut workers: Vec<(Worker, Vec<u32>)> = Vec::new();
        let mut generation = 0;
        let mut rotated_ms = proxy.now_ms;
        let begin_ms = proxy.now_ms;
        for _ in 0..4_000 {
            proxy.now_ms += chance(2_000);
            while workers.len() < 3 {
                born += 1;
                workers.push((Worker::new(Profile::Oidc, round * 1000 + born, &mut proxy), Vec::new()));
            }
            let number = usize::try_from(chance(3)).unwrap();
            let (worker, waiting) = &mut workers[number];
            match chance(40) {
                0 => drop(workers.remove(number)),
                1 => {
                    generation += 1;
                    rotated_ms = proxy.now_ms;
                }
                2..=9 => drop(worker.ask(&format!("none-{}", chance(50)), proxy.now_ms)),
                10..=19 if !waiting.is_empty() => {
                    let call = waiting.remove(0);
                    let body = jwks(&[&format!("k{generation}")]);
                    let status = FetchResponse::Status(500);
                    let response = if chance(4) == 0 { status } else { FetchResponse::of(&body) };
                    worker.respond(call, response, &mut proxy);
                }
                _ => {
                    let before = proxy.requests.len();
                    worker.poll(&mut proxy);
                    if proxy.requests.len() > before {
                        waiting.push(proxy.last());
                    }
                }
            }
            // A key that was removed longer ago than keys may be stale works nowhere.
            if generation > 0 && proxy.now_ms - rotated_ms > STALE_MS {
                let removed = format!("k{}", generation - 1);
                assert!(workers.iter_mut().all(|(worker, _)| worker.ask(&removed, proxy.now_ms).is_err()));
            }
        }
        let elapsed = proxy.now_ms - begin_ms;
        // Failures back off from half a second on; each death during a fetch may cost one more.
        let most = elapsed / (limits::FEED_BACKOFF_MS / 2);
        assert!((5..most).contains(&(proxy.requests.len() as u64)), "{} of {most}", proxy.requests.len());
        for [(a, _), (b, _)] in proxy.requests.array_windows() {
            assert!(b - a >= limits::FEED_BACKOFF_MS / 2, "two fetches at once");
        }
    }
}
