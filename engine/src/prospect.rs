//! Whether a request could be allowed, when a part of its context is not known yet: what a list of tools shows.
//!
//! The index leads to the same policies as in a decision, except that what stands behind a probe of the unknown is a
//! candidate whatever the probe would find. Each policy runs until it asks something of the unknown ([`trace`]). One that
//! does not has settled its part: a forbid that is true decides, a permit that is false is out. For the others, a value
//! is searched on which a permit is true and no forbid is ([`search`]). They run on a value that the unknown is taken to
//! have ([`attempt`]), and what they ask of it is written down ([`trail`]); then the last answer that could be another
//! is turned, with a value that gives the other answer and all those before it ([`solve`]). As every way through the
//! policies is followed or shown to be impossible, a search that ends without a value proves that there is none.
//!
//! Followed are `==`, `<`, `like`, `has`, `contains` (of both sides), `containsAll`, `containsAny` and `isEmpty`, where
//! a field of the unknown meets a value that does not come from it, and booleans. What else is asked of the unknown is
//! computed from the value at hand: it may show that a request could be allowed, and never that it could not.

mod attempt;
mod recall;
mod search;
mod solve;
mod text;
mod trace;
mod trail;
mod values;

use core::ops::Range;

use crate::decide::{Judge, Key, Outcome};
use crate::error::DecideError;
use crate::ids::PolicyIndex;
use crate::limits;
use crate::machine::{Halt, INTERNAL, Machine, Reads};
use crate::policy::Policy;
use crate::unknown::Unknown;
use crate::value::Value;

use attempt::Attempt;
use recall::{Circumstances, Recall};
use search::{Goals, Search};
use solve::Room;
use trace::{Break, Term, Tracer};
use trail::{Answer, Refused, Trail};

/// Whether a request could be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Prospect {
    /// Some value of the unknown makes the decision an allow: one was found.
    Possible,
    /// No value does.
    Impossible,
    /// Neither was shown: policies ask of the unknown what is not followed, or more than
    /// [`PROSPECT_STEPS`](limits::PROSPECT_STEPS) allow.
    Unsettled,
}

impl Prospect {
    /// Whether some value may make the decision an allow, for all that is known.
    #[must_use]
    pub const fn is_possible(self) -> bool {
        match self {
            Self::Possible | Self::Unsettled => true,
            Self::Impossible => false,
        }
    }
}

/// What an error in a forbid policy means to whoever carries decisions out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnForbidError {
    /// A denial, although Cedar may allow.
    Deny,
    /// Nothing, as in Cedar.
    Skip,
}

/// What is kept from one request to the next.
#[derive(Default)]
pub(crate) struct Buffers {
    attempt: Attempt,
    trail: Trail,
    terms: Vec<Term>,
    room: Room,
    /// The policies that the question at hand came to, in order.
    reached: Vec<PolicyIndex>,
    pub(crate) recall: Recall,
}

/// Finds out which of a request's policies ask something of the unknown, and what the others say.
pub(crate) struct Survey<'b> {
    tracer: Tracer<'b>,
    on_forbid_error: OnForbidError,
    reached: &'b mut Vec<PolicyIndex>,
    /// What those look at.
    reads: Reads,
    recall: &'b mut Recall,
    /// A forbid denies, whatever the unknown is.
    forbidden: bool,
    /// A permit allows, whatever the unknown is.
    permitted: bool,
}

impl<'b> Survey<'b> {
    /// `height`: the values that a program of the set has on its stack at most.
    pub(crate) fn new(
        buffers: &'b mut Buffers,
        unknown: Option<&'b Unknown>,
        on_forbid_error: OnForbidError,
        height: usize,
    ) -> Self {
        let Buffers { attempt, trail, terms, room, reached, recall } = buffers;
        reached.clear();
        attempt.clear(unknown);
        trail.clear(true);
        if terms.len() < height {
            terms.resize(height, Term::known(Value::Bool(false)));
        }
        let tracer = Tracer { unknown, attempt, trail, terms, height: 0, room, is_eager: false };
        Self { tracer, on_forbid_error, reached, reads: Reads::NOTHING, recall, forbidden: false, permitted: false }
    }

    /// What follows from all policies that were reached.
    pub(crate) fn finish(mut self, machine: &mut Machine<'_>, outcome: &mut Outcome) -> Result<Prospect, DecideError> {
        let reached = core::mem::take(self.reached);
        let now = Circumstances {
            policies: &reached,
            reads: self.reads,
            unknown: self.tracer.unknown,
            on_forbid_error: self.on_forbid_error,
        };
        let prospect = match self.recall.find(machine, now) {
            Some(known) => Ok(known),
            None => self.settle_all(machine, outcome, &reached).inspect(|found| self.recall.keep(machine, now, *found)),
        };
        *self.reached = reached;
        prospect
    }

    fn settle_all(
        &mut self,
        machine: &mut Machine<'_>,
        outcome: &mut Outcome,
        reached: &[PolicyIndex],
    ) -> Result<Prospect, DecideError> {
        for at in reached {
            match self.settle(machine, outcome, *at) {
                Ok(()) => {}
                Err(Halt::Stop(error)) => return Err(error),
                Err(Halt::Erred) => return Err(DecideError::Internal),
            }
            if self.forbidden {
                return Ok(Prospect::Impossible);
            }
        }
        self.search(machine, outcome)
    }

    /// Looks for a value of the unknown; the outcome has the policies that it decides on.
    fn search(&mut self, machine: &mut Machine<'_>, outcome: &mut Outcome) -> Result<Prospect, DecideError> {
        for list in [&mut outcome.permits, &mut outcome.forbids] {
            list.sort_unstable();
            list.dedup();
        }
        if !self.permitted && outcome.permits.is_empty() {
            return Ok(Prospect::Impossible);
        }
        if self.permitted && outcome.forbids.is_empty() {
            return Ok(Prospect::Possible);
        }
        machine.steps_left = limits::PROSPECT_STEPS;
        let mut search = Search::new(&mut self.tracer, self.on_forbid_error);
        let forbids = &outcome.forbids;
        let found = if self.permitted {
            search.find(machine, Goals { permit: None, forbids })
        } else {
            let mut found = Ok(false);
            for permit in &outcome.permits {
                found = search.find(machine, Goals { permit: Some(*permit), forbids });
                if !matches!(found, Ok(false)) {
                    break;
                }
            }
            found
        };
        match found {
            Ok(true) => Ok(Prospect::Possible),
            Ok(false) if search.is_complete => Ok(Prospect::Impossible),
            Ok(false) | Err(Halt::Stop(DecideError::BudgetSpent)) => Ok(Prospect::Unsettled),
            Err(Halt::Stop(error)) => Err(error),
            Err(Halt::Erred) => Err(DecideError::Internal),
        }
    }
}

impl Judge for &mut Survey<'_> {
    fn probe(&mut self, machine: &mut Machine<'_>, program: &Range<u32>) -> Result<Key, Halt> {
        match self.tracer.run(machine, program) {
            Ok(Some(term)) => Ok(term.if_known().map_or(Key::Everything, Key::Value)),
            Ok(None) => Ok(Key::Nothing),
            Err(Break::Refused(Refused::Asked) | Break::Halt(Halt::Erred)) => Ok(Key::Everything),
            Err(Break::Halt(stop)) => Err(stop),
            // There is nothing to diverge from.
            Err(Break::Refused(Refused::Diverged)) => Err(INTERNAL),
        }
    }

    fn policy(&mut self, _: &mut Machine<'_>, _: &mut Outcome, at: PolicyIndex, policy: &Policy) -> Result<(), Halt> {
        self.reached.push(at);
        self.reads = self.reads.with(policy.reads);
        Ok(())
    }
}

impl Survey<'_> {
    /// What a policy says, or that the unknown decides on it.
    fn settle(&mut self, machine: &mut Machine<'_>, outcome: &mut Outcome, at: PolicyIndex) -> Result<(), Halt> {
        let set = machine.set;
        let policy = set.policies.get(at).ok_or(INTERNAL)?;
        let answer = if policy.reads.has(Reads::CONTEXT) {
            match self.tracer.condition(machine, &policy.code) {
                Ok(answer) => answer,
                Err(Break::Refused(Refused::Asked)) => {
                    let open = if policy.is_forbid { &mut outcome.forbids } else { &mut outcome.permits };
                    open.push(at);
                    return Ok(());
                }
                Err(Break::Halt(halt)) => return Err(halt),
                Err(Break::Refused(Refused::Diverged)) => return Err(INTERNAL),
            }
        } else {
            match machine.run(&policy.code) {
                Ok(Some(Value::Bool(truth))) => truth.into(),
                Ok(Some(_)) | Err(Halt::Erred) => Answer::Erred,
                Ok(None) => return Err(INTERNAL),
                Err(stop @ Halt::Stop(_)) => return Err(stop),
            }
        };
        let applies = applies(policy, answer, self.on_forbid_error);
        let settled = if policy.is_forbid { &mut self.forbidden } else { &mut self.permitted };
        *settled |= applies;
        Ok(())
    }
}

/// Whether a policy has its effect when its conditions come to this.
fn applies(policy: &Policy, answer: Answer, on_forbid_error: OnForbidError) -> bool {
    match answer {
        Answer::True => true,
        Answer::False => false,
        Answer::Erred => policy.is_forbid && on_forbid_error == OnForbidError::Deny,
    }
}
