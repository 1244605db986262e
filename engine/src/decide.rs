//! One decision: find the candidates through the index, evaluate each, sum up.

use core::ops::Range;

use crate::candidate::Candidate;
use crate::decision::Effect;
use crate::error::DecideError;
use crate::explain::Observer;
use crate::ids::{EntityId, PolicyIndex};
use crate::index::{Index, Lookup, Mode, Partition, Subject};
use crate::lineage::Lineage;
use crate::machine::{Halt, INTERNAL, Machine};
use crate::policy::Policy;
use crate::policy_set::CompiledPolicySet;
use crate::value::Value;

/// What a probe found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    /// The value to look up.
    Value(Value),
    /// No policy behind the probe can be true or err.
    Nothing,
    /// Every policy behind the probe has to be evaluated.
    Everything,
}

/// Buffers for the outcome of the policies.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) permits: Vec<PolicyIndex>,
    pub(crate) forbids: Vec<PolicyIndex>,
    pub(crate) errors: Vec<PolicyIndex>,
    pub(crate) forbid_error: bool,
    /// What each probe found, with the generation in which it did.
    pub(crate) probes: Vec<(u32, Key)>,
}

impl Outcome {
    pub(crate) fn clear(&mut self, probes: usize) {
        self.permits.clear();
        self.forbids.clear();
        self.errors.clear();
        self.forbid_error = false;
        if self.probes.len() < probes {
            self.probes.resize(probes, (0, Key::Nothing));
        }
    }

    /// Sorts the lists; a policy that several buckets led to counts once.
    pub(crate) fn finish(&mut self) -> Effect {
        for list in [&mut self.permits, &mut self.forbids, &mut self.errors] {
            list.sort_unstable();
            list.dedup();
        }
        if self.forbids.is_empty() && !self.permits.is_empty() { Effect::Allow } else { Effect::Deny }
    }
}

/// What is done with the programs that the index leads to.
pub(crate) trait Judge {
    /// Runs a probe's program.
    fn probe(&mut self, machine: &mut Machine<'_>, program: &Range<u32>) -> Result<Key, Halt>;

    /// Runs the program of a policy whose scope covers the request.
    fn policy(
        &mut self,
        machine: &mut Machine<'_>,
        outcome: &mut Outcome,
        at: PolicyIndex,
        policy: &Policy,
    ) -> Result<(), Halt>;
}

/// Decides: every program is evaluated.
pub(crate) struct Evaluate;

impl Judge for Evaluate {
    #[inline]
    fn probe(&mut self, machine: &mut Machine<'_>, program: &Range<u32>) -> Result<Key, Halt> {
        match machine.run(program) {
            Ok(Some(value)) => Ok(Key::Value(value)),
            Ok(None) => Ok(Key::Nothing),
            Err(Halt::Erred) => Ok(Key::Everything),
            Err(stop @ Halt::Stop(_)) => Err(stop),
        }
    }

    #[inline]
    fn policy(
        &mut self,
        machine: &mut Machine<'_>,
        outcome: &mut Outcome,
        at: PolicyIndex,
        policy: &Policy,
    ) -> Result<(), Halt> {
        match machine.run(&policy.code) {
            Ok(Some(Value::Bool(false))) => {}
            Ok(Some(Value::Bool(true))) if policy.is_forbid => outcome.forbids.push(at),
            Ok(Some(Value::Bool(true))) => outcome.permits.push(at),
            // A condition that is no boolean is a type error.
            Ok(Some(_)) | Err(Halt::Erred) => {
                outcome.errors.push(at);
                outcome.forbid_error |= policy.is_forbid;
            }
            Ok(None) => return Err(INTERNAL),
            Err(stop @ Halt::Stop(_)) => return Err(stop),
        }
        Ok(())
    }
}

/// Leads a judge to every policy that the request could make true or err, before the eyes of an observer.
pub(crate) fn decide<O: Observer>(
    machine: &mut Machine<'_>,
    outcome: &mut Outcome,
    judge: impl Judge,
    observer: O,
    principal: EntityId,
    action: EntityId,
    resource: EntityId,
) -> Result<O, DecideError> {
    let principal = Lineage::new(principal, machine.data());
    let resource = Lineage::new(resource, machine.data());
    let mut decider = Decider { machine, outcome, judge, observer, principal, action, resource };
    match decider.decide() {
        Ok(()) => Ok(decider.observer),
        Err(Halt::Stop(error)) => Err(error),
        // Evaluation errors are outcomes of policies, never of the decision.
        Err(Halt::Erred) => Err(DecideError::Internal),
    }
}

struct Decider<'m, 'a, J, O> {
    machine: &'m mut Machine<'a>,
    outcome: &'m mut Outcome,
    judge: J,
    observer: O,
    principal: Lineage,
    action: EntityId,
    resource: Lineage,
}

impl<'a, J: Judge, O: Observer> Decider<'_, 'a, J, O> {
    fn index(&self) -> &'a Index {
        let set: &'a CompiledPolicySet = self.machine.set;
        &set.index
    }

    fn decide(&mut self) -> Result<(), Halt> {
        let index = self.index();
        if let Some(partition) = index.any_action() {
            self.consider_partition(partition)?;
        }
        if let Some(partition) = index.partition(self.action) {
            self.consider_partition(partition)?;
        }
        for at in 0..self.machine.data().ancestors(self.action).len() {
            let group = *self.machine.data().ancestors(self.action).get(at).ok_or(INTERNAL)?;
            if let Some(partition) = index.partition(group) {
                self.consider_partition(partition)?;
            }
        }
        Ok(())
    }

    fn consider_partition(&mut self, partition: &Partition) -> Result<(), Halt> {
        let index = self.index();
        self.consider_all(index.always(partition))?;
        index.lookups(partition).iter().try_for_each(|lookup| self.consider_lookup(lookup))
    }

    fn consider_lookup(&mut self, lookup: &Lookup) -> Result<(), Halt> {
        let index = self.index();
        self.machine.charge(1)?;
        let probe = index.probe(lookup.probe).ok_or(INTERNAL)?;
        let key = match probe.subject {
            Subject::Principal => Key::Value(Value::Entity(self.principal.entity)),
            Subject::Resource => Key::Value(Value::Entity(self.resource.entity)),
            Subject::Program(program) => {
                let known = self.outcome.probes.get(lookup.probe as usize).ok_or(INTERNAL)?;
                if known.0 == self.machine.generation {
                    known.1
                } else {
                    let program = self.machine.set.programs.get(program).ok_or(INTERNAL)?;
                    let key = self.judge.probe(self.machine, &program.range)?;
                    let known = self.outcome.probes.get_mut(lookup.probe as usize).ok_or(INTERNAL)?;
                    *known = (self.machine.generation, key);
                    key
                }
            }
        };
        self.observer.probed(lookup, key);
        match (key, probe.mode) {
            (Key::Nothing, _) => Ok(()),
            (Key::Value(value), Mode::Equal) => self.consider_all(index.bucket(lookup, value)),
            (Key::Value(Value::Entity(entity)), Mode::In) => self.consider_hierarchy(lookup, entity),
            (Key::Value(Value::Entity(entity)), Mode::Is) => {
                let type_name = self.machine.data().type_name(entity).ok_or(INTERNAL)?;
                self.consider_all(index.bucket(lookup, Value::String(type_name)))
            }
            // `in` and `is` err on anything but an entity.
            (Key::Everything | Key::Value(_), _) => self.consider_all(index.all(lookup)),
        }
    }

    fn consider_hierarchy(&mut self, lookup: &Lookup, entity: EntityId) -> Result<(), Halt> {
        let index = self.index();
        self.consider_all(index.bucket(lookup, Value::Entity(entity)))?;
        let count = self.machine.data().ancestors(entity).len();
        self.machine.charge(count)?;
        for at in 0..count {
            let ancestor = *self.machine.data().ancestors(entity).get(at).ok_or(INTERNAL)?;
            self.consider_all(index.bucket(lookup, Value::Entity(ancestor)))?;
        }
        Ok(())
    }

    #[inline]
    fn consider_all(&mut self, candidates: &[Candidate]) -> Result<(), Halt> {
        // Most buckets that are asked for do not exist.
        if candidates.is_empty() { Ok(()) } else { self.consider_each(candidates) }
    }

    #[inline(never)]
    fn consider_each(&mut self, candidates: &[Candidate]) -> Result<(), Halt> {
        self.machine.charge(candidates.len())?;
        let (principal, resource) = (self.principal, self.resource);
        for candidate in candidates {
            if candidate.fits(principal, resource) {
                self.consider(candidate.policy)?;
            } else {
                self.observer.reached(candidate.policy, false);
            }
        }
        Ok(())
    }

    fn consider(&mut self, at: PolicyIndex) -> Result<(), Halt> {
        let set: &'a CompiledPolicySet = self.machine.set;
        let policies = &set.policies;
        let policy = policies.get(at).ok_or(INTERNAL)?;
        let data = self.machine.data();
        let covered = policy.principal.covers(self.principal, data)
            && policies.covers_action(policy, self.action, data)
            && policy.resource.covers(self.resource, data);
        self.observer.reached(at, covered);
        if !covered {
            return Ok(());
        }
        self.judge.policy(self.machine, self.outcome, at, policy)
    }
}
