//! What the workers of a proxy tell each other about fetching one document: who does, and when again.

use crate::limits;

/// One document's ledger. All times are milliseconds since the Unix epoch, 0 for "never".
///
/// It is shared memory that anybody may have written, and the clock may be set: no value in it puts a fetch off for longer
/// than the longest time that its pace can ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Counts the documents that were shared.
    pub(crate) serial: u64,
    /// The worker that is fetching; 0 for none.
    pub(crate) owner: u64,
    /// Until when the owner is given time.
    pub(crate) leased_until_ms: u64,
    /// When the last fetch began.
    pub(crate) started_ms: u64,
    /// When the next one is due.
    pub(crate) next_ms: u64,
    /// Fetches that failed since the last that did not.
    pub(crate) failures: u32,
}

/// How often a document is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// The age before which it is fetched anew.
    pub(crate) fresh_for_ms: u64,
    /// The least time between fetches that somebody wanted sooner.
    pub(crate) cooldown_ms: u64,
}

impl Ledger {
    /// Whether somebody should fetch now. `wanted_ms` is when something was missed that a fetch could bring, such as a key.
    pub(crate) fn is_due(&self, pace: Pace, wanted_ms: Option<u64>, now_ms: u64) -> bool {
        let is_soon = |time: u64, most: u64| time > now_ms && time - now_ms <= most;
        if self.owner != 0 && is_soon(self.leased_until_ms, limits::FEED_LEASE_MS) {
            return false;
        }
        let horizon = pace.fresh_for_ms.max(limits::FEED_BACKOFF_MAX_MS);
        let scheduled = !is_soon(self.next_ms, horizon);
        scheduled || (self.is_unanswered(wanted_ms) && self.is_cool(pace, now_ms))
    }

    /// Whether the last fetch began before it was missed, and so may not have brought it.
    pub(crate) fn is_unanswered(&self, wanted_ms: Option<u64>) -> bool {
        wanted_ms.is_some_and(|wanted| self.started_ms <= wanted)
    }

    fn is_cool(&self, pace: Pace, now_ms: u64) -> bool {
        self.started_ms > now_ms || now_ms - self.started_ms >= pace.cooldown_ms
    }

    /// Says that `owner` fetches now.
    #[must_use]
    pub(crate) fn claimed(self, owner: u64, now_ms: u64) -> Self {
        let leased_until_ms = now_ms.saturating_add(limits::FEED_LEASE_MS);
        Self { owner, leased_until_ms, started_ms: now_ms, ..self }
    }

    /// Says that the owner is still at it.
    #[must_use]
    pub(crate) fn renewed(self, now_ms: u64) -> Self {
        Self { leased_until_ms: now_ms.saturating_add(limits::FEED_LEASE_MS), ..self }
    }

    /// Says that a document came, which is to be fetched anew after some time below `interval_ms`: the earliest at three quarters
    /// of it, so that proxies that were started together do not ask together for ever.
    #[must_use]
    pub(crate) fn succeeded(self, interval_ms: u64, jitter: u64, now_ms: u64) -> Self {
        let serial = self.serial.wrapping_add(1);
        Self { serial, ..self.confirmed(interval_ms, jitter, now_ms) }
    }

    /// Says that what was shared last is still what there is.
    #[must_use]
    pub(crate) fn confirmed(self, interval_ms: u64, jitter: u64, now_ms: u64) -> Self {
        let delay_ms = spread(interval_ms / 4 * 3, interval_ms / 20 * 19, jitter);
        Self { owner: 0, next_ms: now_ms.saturating_add(delay_ms), failures: 0, ..self }
    }

    /// Says that none came. The delay doubles with each failure, and half of it is chance.
    #[must_use]
    pub(crate) fn failed(self, pace: Pace, jitter: u64, now_ms: u64) -> Self {
        let most = pace.fresh_for_ms.clamp(limits::FEED_BACKOFF_MS, limits::FEED_BACKOFF_MAX_MS);
        let doubled = limits::FEED_BACKOFF_MS.saturating_mul(1 << self.failures.min(16)).min(most);
        let next_ms = now_ms.saturating_add(spread(doubled / 2, doubled, jitter));
        Self { owner: 0, next_ms, failures: self.failures.saturating_add(1), ..self }
    }
}

/// A number from `least` to `most`, by chance.
fn spread(least: u64, most: u64, jitter: u64) -> u64 {
    let width = most.saturating_sub(least).saturating_add(1);
    least.saturating_add(jitter.checked_rem(width).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { fresh_for_ms: 600_000, cooldown_ms: 30_000 };
    const NOW: u64 = 1_800_000_000_000;

    #[test]
    fn without_a_past_a_fetch_is_due() {
        assert!(Ledger::default().is_due(PACE, None, NOW));
    }

    #[test]
    fn one_worker_fetches_at_a_time() {
        let ledger = Ledger::default().claimed(7, NOW);
        for later in [0, 1, limits::FEED_LEASE_MS - 1] {
            assert!(!ledger.is_due(PACE, None, NOW + later), "{later}");
            assert!(!ledger.is_due(PACE, Some(NOW + later), NOW + later), "{later}");
        }
        assert!(ledger.is_due(PACE, None, NOW + limits::FEED_LEASE_MS), "the owner is gone");
    }

    #[test]
    fn a_claim_is_renewed_while_its_owner_lives() {
        let ledger = Ledger::default().claimed(7, NOW).renewed(NOW + 9_000);
        assert!(!ledger.is_due(PACE, None, NOW + 9_000 + limits::FEED_LEASE_MS - 1));
        assert!(ledger.is_due(PACE, None, NOW + 9_000 + limits::FEED_LEASE_MS));
        assert_eq!((ledger.owner, ledger.started_ms), (7, NOW));
    }

    #[test]
    fn what_is_confirmed_is_nothing_new() {
        let ledger =
            Ledger::default().succeeded(PACE.fresh_for_ms, 0, NOW).claimed(7, NOW + 1).failed(PACE, 0, NOW + 2);
        let confirmed = ledger.claimed(7, NOW + 3).confirmed(PACE.fresh_for_ms, 0, NOW + 4);
        assert_eq!((confirmed.serial, confirmed.owner, confirmed.failures), (1, 0, 0));
        assert!(!confirmed.is_due(PACE, None, NOW + 4 + 449_999));
    }

    #[test]
    fn fresh_keys_are_left_alone_and_fetched_before_they_are_old() {
        for jitter in [0, 1, 12_345_678, u64::MAX - 1, u64::MAX] {
            let ledger = Ledger::default().claimed(7, NOW).succeeded(PACE.fresh_for_ms, jitter, NOW);
            assert!(!ledger.is_due(PACE, None, NOW + 449_999));
            assert!(ledger.is_due(PACE, None, NOW + 570_000));
            assert_eq!((ledger.serial, ledger.owner, ledger.failures), (1, 0, 0));
        }
    }

    #[test]
    fn refreshes_are_spread() {
        let at = |jitter| Ledger::default().succeeded(PACE.fresh_for_ms, jitter, NOW).next_ms;
        assert!(at(0) != at(60_000) && at(60_000) != at(119_999));
    }

    #[test]
    fn failures_are_tried_again_ever_later() {
        let mut ledger = Ledger::default();
        let mut longest = 0;
        for round in 0..80 {
            let now = NOW + round;
            ledger = ledger.claimed(7, now).failed(PACE, u64::from(ledger.failures) * 7919, now);
            let delay = ledger.next_ms - now;
            let doubled = (limits::FEED_BACKOFF_MS << round.min(10)).min(limits::FEED_BACKOFF_MAX_MS);
            assert!((doubled / 2..=doubled).contains(&delay), "{round}: {delay}");
            assert!(!ledger.is_due(PACE, None, now + delay - 1));
            assert!(ledger.is_due(PACE, None, now + delay));
            longest = longest.max(delay);
        }
        assert!(longest > limits::FEED_BACKOFF_MAX_MS / 2);
        assert_eq!(ledger.succeeded(1, 0, NOW).failures, 0);
    }

    #[test]
    fn a_missed_key_is_looked_for_once_in_a_cooldown() {
        let ledger = Ledger::default().claimed(7, NOW).succeeded(PACE.fresh_for_ms, 0, NOW);
        let missed = NOW + 5_000;
        assert!(!ledger.is_due(PACE, Some(missed), missed));
        assert!(!ledger.is_due(PACE, Some(missed), NOW + 29_999));
        assert!(ledger.is_due(PACE, Some(missed), NOW + 30_000));
        let again = ledger.claimed(8, NOW + 30_000).succeeded(PACE.fresh_for_ms, 0, NOW + 30_100);
        assert!(!again.is_due(PACE, Some(missed), NOW + 70_000), "the second fetch began after the key was missed");
        assert!(!again.is_due(PACE, Some(NOW + 31_000), NOW + 59_999));
        assert!(again.is_due(PACE, Some(NOW + 31_000), NOW + 60_000));
    }

    #[test]
    fn a_missed_key_does_not_hurry_a_fetch_that_just_failed() {
        let ledger = Ledger::default().claimed(7, NOW).failed(PACE, 0, NOW + 100);
        assert!(!ledger.is_due(PACE, Some(NOW + 200), NOW + 200));
    }

    #[test]
    fn no_value_puts_a_fetch_off_for_ever() {
        let absurd = u64::MAX;
        for ledger in [
            Ledger { next_ms: absurd, ..Ledger::default() },
            Ledger { next_ms: NOW + PACE.fresh_for_ms + 1, ..Ledger::default() },
            Ledger { owner: 1, leased_until_ms: absurd, ..Ledger::default() },
            Ledger { owner: 1, leased_until_ms: NOW + limits::FEED_LEASE_MS + 1, ..Ledger::default() },
        ] {
            assert!(ledger.is_due(PACE, None, NOW), "{ledger:?}");
        }
        // A fetch that is said to begin later has not begun.
        let ledger = Ledger { started_ms: NOW + 1, next_ms: NOW + 1000, ..Ledger::default() };
        assert!(ledger.is_due(PACE, Some(NOW + 1), NOW));
        let worn = Ledger { failures: u32::MAX, serial: u64::MAX, ..Ledger::default() };
        assert_eq!(worn.failed(PACE, u64::MAX, u64::MAX).failures, u32::MAX);
        assert_eq!(worn.succeeded(u64::MAX, u64::MAX, u64::MAX).serial, 0);
    }
}
