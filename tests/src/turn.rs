//! Turns at starting an Envoy. A start keeps cores busy for seconds, because V8 compiles the whole module first; after that most
//! tests wait. So many tests run at once, and only as many start an Envoy as there are cores.

use std::num::NonZero;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many turns are taken.
static TAKEN: Mutex<usize> = Mutex::new(0);
static ONE_ENDED: Condvar = Condvar::new();

/// The right to start an Envoy now. Dropping it lets another test begin.
///
/// Whoever makes something for that start whose time runs out, such as a bundle that is about to expire, takes the turn first.
/// One is taken at a time: who waits for a second one while holding the first may wait for ever.
#[derive(Debug)]
pub struct Turn(());

impl Turn {
    /// Waits until fewer Envoys of this process are being started than there are cores.
    #[must_use]
    pub fn take() -> Self {
        let most = thread::available_parallelism().map_or(1, NonZero::get);
        let taken = ONE_ENDED.wait_while(taken(), |taken| *taken >= most);
        *taken.unwrap_or_else(PoisonError::into_inner) += 1;
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *taken() -= 1;
        ONE_ENDED.notify_one();
    }
}

fn taken() -> MutexGuard<'static, usize> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn no_more_at_once_than_there_are_cores_and_all_in_the_end() {
        let most = thread::available_parallelism().unwrap().get();
        let (now, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 * most {
                scope.spawn(|| {
                    let turn = Turn::take();
                    assert!(now.fetch_add(1, Ordering::SeqCst) < most);
                    thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                    drop(turn);
                });
            }
        });
        assert_eq!(done.into_inner(), 4 * most);
    }
}
