//! Whether a server waits for something new when it is asked to. One that does is asked again at once, and so answers the moment
//! that there is something; one that does not would be asked without end.

use crate::limits;

/// What is known about a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Patience {
    /// It has waited.
    Waits,
    /// Nothing. Asking it once at once tells.
    #[default]
    Unknown,
    /// It answers at once that there is nothing new.
    None,
}

/// How a server took a request that let it wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waited {
    /// For how long it might have waited, in milliseconds.
    pub(super) asked_ms: u64,
    /// How long the answer took, in milliseconds.
    pub(super) took_ms: u64,
    /// Whether it says that it waits (`preference-applied`).
    pub(super) says_so: bool,
}

impl Patience {
    /// Whether it is worth asking at once.
    pub(super) fn allows_asking_at_once(self) -> bool {
        match self {
            Self::Waits | Self::Unknown => true,
            Self::None => false,
        }
    }

    /// What is known after one more answer. One with something new says nothing, for that is not waited with; but there is only so much
    /// that is new, and so whoever has it is asked at once whether there is more.
    #[must_use]
    pub(super) fn after(self, waited: Waited, is_new: bool) -> Self {
        let Waited { asked_ms, took_ms, says_so } = waited;
        // Whatever it says, who has nothing new and answers right away has not waited.
        let is_credible = says_so && (is_new || took_ms >= limits::FEED_HELD_MS);
        if is_credible || took_ms >= asked_ms / 2 {
            return Self::Waits;
        }
        match self {
            Self::Waits | Self::Unknown if is_new => self,
            Self::None if is_new => Self::Unknown,
            Self::Waits | Self::Unknown | Self::None => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED_MS: u64 = 30_000;

    fn after(before: Patience, took_ms: u64, says_so: bool, is_new: bool) -> Patience {
        before.after(Waited { asked_ms: ASKED_MS, took_ms, says_so }, is_new)
    }

    #[test]
    fn one_that_waits_shows_it_by_the_time_it_takes_or_says_so() {
        for before in [Patience::Waits, Patience::Unknown, Patience::None] {
            for (took_ms, says_so, is_new) in [
                (ASKED_MS, false, false),
                (ASKED_MS / 2, false, false),
                (ASKED_MS / 2, false, true),
                (limits::FEED_HELD_MS, true, false),
                (3, true, true),
            ] {
                assert_eq!(after(before, took_ms, says_so, is_new), Patience::Waits, "{before:?} {took_ms}");
            }
        }
    }

    #[test]
    fn one_that_has_nothing_new_at_once_does_not_wait_whatever_it_says() {
        for before in [Patience::Waits, Patience::Unknown, Patience::None] {
            for (took_ms, says_so) in
                [(0, false), (0, true), (limits::FEED_HELD_MS - 1, true), (ASKED_MS / 2 - 1, false)]
            {
                assert_eq!(after(before, took_ms, says_so, false), Patience::None, "{before:?} {took_ms} {says_so}");
            }
        }
    }

    #[test]
    fn something_new_is_no_proof_and_asks_for_one() {
        for (before, then) in [
            (Patience::Waits, Patience::Waits),
            (Patience::Unknown, Patience::Unknown),
            (Patience::None, Patience::Unknown),
        ] {
            assert_eq!(after(before, 3, false, true), then);
        }
    }
}
