//! The search for a value on which a permit is true and no forbid is.

use crate::ids::PolicyIndex;
use crate::machine::{Halt, INTERNAL, Machine};
use crate::unknown::PlaceId;

use super::attempt::Slot;
use super::solve::{Solution, solve};
use super::trace::{Break, Tracer};
use super::trail::{Answer, Entry, Places, Question, Refused};
use super::{OnForbidError, applies};

/// The policies that have to come out in a certain way, numbered from 0 in this order.
#[derive(Clone, Copy)]
pub(super) struct Goals<'g> {
    /// To have its effect. Without one, some permit has its effect anyway.
    pub(super) permit: Option<PolicyIndex>,
    /// To have none.
    pub(super) forbids: &'g [PolicyIndex],
}

impl Goals<'_> {
    fn get(&self, goal: usize) -> Option<PolicyIndex> {
        match (self.permit, goal) {
            (Some(permit), 0) => Some(permit),
            (Some(_), _) => self.forbids.get(goal - 1).copied(),
            (None, _) => self.forbids.get(goal).copied(),
        }
    }
}

/// How a run over the goals ended.
enum Run {
    /// All came out as wanted.
    Through,
    /// This one did not.
    Missed(usize),
    /// A new value changed something before the answer that it was to change.
    Diverged,
}

/// A search, one permit after the other.
pub(super) struct Search<'t, 'b> {
    tracer: &'t mut Tracer<'b>,
    on_forbid_error: OnForbidError,
    /// Whether every value was considered that could have made a difference.
    pub(super) is_complete: bool,
    /// The places that have to do with what was missed so far.
    involved: Places,
    /// What stood where the last answer was turned.
    replaced: Option<(PlaceId, Slot)>,
}

impl<'t, 'b> Search<'t, 'b> {
    pub(super) fn new(tracer: &'t mut Tracer<'b>, on_forbid_error: OnForbidError) -> Self {
        Self { tracer, on_forbid_error, is_complete: true, involved: Places::NONE, replaced: None }
    }

    /// Whether a value is found on which all goals come out as wanted.
    pub(super) fn find(&mut self, machine: &mut Machine<'_>, goals: Goals<'_>) -> Result<bool, Halt> {
        self.tracer.trail.clear(false);
        self.involved = Places::NONE;
        self.replaced = None;
        let mut from = 0;
        loop {
            let behind = match self.run(machine, goals, from)? {
                Run::Through => return Ok(true),
                Run::Missed(goal) => {
                    self.involved = self.involved.with(self.tracer.trail.places(goal));
                    Some(goal)
                }
                Run::Diverged => self.undo(),
            };
            match self.turn(machine, behind)? {
                Some(goal) => from = goal,
                None => return Ok(false),
            }
        }
    }

    /// Runs the goals from one on.
    fn run(&mut self, machine: &mut Machine<'_>, goals: Goals<'_>, from: usize) -> Result<Run, Halt> {
        self.tracer.trail.resume(from);
        for goal in from.. {
            let Some(at) = goals.get(goal) else { break };
            let policy = machine.set.policies.get(at).ok_or(INTERNAL)?;
            self.tracer.trail.goal = goal;
            self.tracer.is_eager = !policy.is_forbid;
            let answer = match self.tracer.condition(machine, &policy.code) {
                Ok(answer) => answer,
                Err(Break::Halt(halt)) => return Err(halt),
                Err(Break::Refused(Refused::Diverged)) => return Ok(Run::Diverged),
                Err(Break::Refused(Refused::Asked)) => return Err(INTERNAL),
            };
            if applies(policy, answer, self.on_forbid_error) == policy.is_forbid {
                return Ok(Run::Missed(goal));
            }
        }
        Ok(Run::Through)
    }

    /// Gives up on an answer whose turn changed something before it. Returns the goal that it belonged to.
    fn undo(&mut self) -> Option<usize> {
        self.is_complete = false;
        self.involved = Places::ALL;
        if let Some((place, slot)) = self.replaced.take() {
            self.tracer.attempt.put(place, slot);
        }
        self.tracer.trail.entries.pop().map(|entry| entry.goal)
    }

    /// Turns the last answer that can be another and may make a difference; returns the goal to go on with. `behind` is
    /// the goal that the last entries belong to, if they have to do with what was missed.
    fn turn(&mut self, machine: &mut Machine<'_>, mut behind: Option<usize>) -> Result<Option<usize>, Halt> {
        while let Some(entry) = self.tracer.trail.entries.pop() {
            // What a policy asks depends on what it asked before.
            let matters = behind == Some(entry.goal) || entry.question.places().meets(self.involved);
            if !matters {
                continue;
            }
            behind = Some(entry.goal);
            self.involved = self.involved.with(entry.question.places());
            if entry.turned {
                continue;
            }
            let Question::Test(place, _) = entry.question else {
                self.is_complete = false;
                continue;
            };
            let answer = if entry.answer == Answer::True { Answer::False } else { Answer::True };
            self.tracer.trail.entries.push(Entry { answer, turned: true, ..entry });
            match self.solve(machine, place)? {
                Solution::Found(value) => {
                    let slot = value.map_or(Slot::Absent, Slot::Value);
                    self.replaced = Some((place, self.tracer.attempt.put(place, slot)));
                    return Ok(Some(self.goal_to_resume(entry.goal)));
                }
                Solution::Nothing => {}
                Solution::TooHard => self.is_complete = false,
            }
            self.tracer.trail.entries.pop();
        }
        Ok(None)
    }

    /// A value for a place that gives all answers on the trail.
    fn solve(&mut self, machine: &mut Machine<'_>, place: PlaceId) -> Result<Solution, Halt> {
        self.tracer.room.wishes.clear();
        for entry in &self.tracer.trail.entries {
            if let Question::Test(of, test) = entry.question
                && of == place
            {
                self.tracer.room.wishes.push((test, entry.answer == Answer::True));
            }
        }
        machine.charge(self.tracer.trail.entries.len())?;
        let unknown = self.tracer.unknown.ok_or(INTERNAL)?;
        solve(machine, unknown, self.tracer.attempt, place, self.tracer.room)
    }

    /// Goals before this one come out as before, unless something is on the trail that the new value could change.
    fn goal_to_resume(&self, goal: usize) -> usize {
        let other = |entry: &&Entry| matches!(entry.question, Question::Other(_));
        self.tracer.trail.entries.iter().find(other).map_or(goal, |entry| entry.goal.min(goal))
    }
}
