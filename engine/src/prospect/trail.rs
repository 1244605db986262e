//! What the policies asked of the unknown, one question after the other, and what the value tried so far answered.

use crate::ids::{AggregateId, PatternId};
use crate::unknown::PlaceId;
use crate::value::Value;

/// A question about the value at one place. For each there is a way to find a value that answers it otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) enum Test {
    /// Is there a value?
    Present,
    /// Is it this one?
    Equal(Value),
    /// Is it an element of this set?
    Among(AggregateId),
    /// Is it a number, or an instant, that is this or less?
    AtMost(i64),
    /// Is it a text that matches?
    Like(PatternId),
    /// Is it a set that contains this?
    Contains(Value),
    /// Is it a set without elements?
    Empty,
}

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    Test(PlaceId, Test),
    /// Something else about the values at these places: nobody knows what would answer it otherwise.
    Other(Places),
}

impl Question {
    pub(super) const fn places(self) -> Places {
        match self {
            Self::Test(place, _) => Places::of(place),
            Self::Other(places) => places,
        }
    }
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    False,
    True,
    Erred,
}

impl From<bool> for Answer {
    fn from(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }
}

/// A set of places. Those whose numbers differ by a multiple of 64 are told apart by nobody: a set may seem larger than
/// it is, which costs search and is never wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places(u64);

impl Places {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(u64::MAX);

    pub(super) const fn of(place: PlaceId) -> Self {
        Self(1 << (place.get() % 64))
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A question with its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) question: Question,
    pub(super) answer: Answer,
    /// The number of the policy that asked, among those that are to come out in a certain way.
    pub(super) goal: usize,
    /// Whether the other answer was followed to its end before.
    pub(super) turned: bool,
}

/// Why an answer is not written down.
pub(super) enum Refused {
    /// It is only to be found out whether anything is asked.
    Asked,
    /// It contradicts the run before, up to where it was to become another.
    Diverged,
}

/// The questions of a run, in order. A run that follows another answers the same up to the end of what is kept.
#[derive(Default)]
pub(super) struct Trail {
    pub(super) entries: Vec<Entry>,
    /// How many entries the current run has met.
    pub(super) met: usize,
    /// The policy that is asking.
    pub(super) goal: usize,
    /// Whether runs end with the first question.
    pub(super) is_closed: bool,
}

impl Trail {
    /// Forgets all questions; `is_closed`: runs end with the first question.
    pub(super) fn clear(&mut self, is_closed: bool) {
        self.entries.clear();
        self.met = 0;
        self.is_closed = is_closed;
    }

    pub(super) fn record(&mut self, question: Question, answer: Answer) -> Result<(), Refused> {
        match self.entries.get(self.met) {
            Some(known) if known.answer != answer => return Err(Refused::Diverged),
            Some(_) => {}
            None if self.is_closed => return Err(Refused::Asked),
            None => self.entries.push(Entry { question, answer, goal: self.goal, turned: false }),
        }
        self.met += 1;
        Ok(())
    }

    /// Begins a run anew at a policy, behind the questions of those before it.
    pub(super) fn resume(&mut self, goal: usize) {
        self.met = self.entries.iter().position(|entry| entry.goal >= goal).unwrap_or(self.entries.len());
    }

    /// The places that the policy's questions were about.
    pub(super) fn places(&self, goal: usize) -> Places {
        let own = self.entries.iter().rev().take_while(|entry| entry.goal == goal);
        own.fold(Places::NONE, |places, entry| places.with(entry.question.places()))
    }
}
