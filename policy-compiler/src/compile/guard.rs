//! Guards: what a policy asks of a request before it can be true or err.
//!
//! A guard is a value that the request has to have somewhere: its principal, its resource, or an expression that the
//! policy compares with a constant. The index may skip a policy whose guard asks for another value, *provided that the
//! policy would then be neither true nor erring*. Scopes never err. Among conditions, evaluation goes from left to
//! right, so a comparison is a guard only if nothing before it can err unnoticed: what stands before it is evaluated
//! by the probe as well, and where that errs, the policy is a candidate and errs by itself.

mod search;

use std::collections::{BTreeMap, HashMap};

use palisade_engine::EntityId;
use search::{Finder, Found};
pub use search::{Miss, NoGuard};

use super::expression::{ExpressionId, Expressions};
use super::tables::Tables;
use super::translate::{ActionScope, Policy};

/// What a probe's value is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Principal,
    Resource,
    /// `key`, after what the policy evaluates before it.
    Expression {
        before: Vec<Step>,
        key: ExpressionId,
    },
}

/// What a policy evaluates before its guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Evaluated only because it could err; its value does not matter.
    Touch(ExpressionId),
    /// A condition: where it is false, so is the policy.
    Require(ExpressionId),
}

impl Step {
    pub(crate) const fn expression(self) -> ExpressionId {
        match self {
            Self::Touch(id) | Self::Require(id) => id,
        }
    }
}

/// How a probe's value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    Equal,
    In,
    Is,
}

/// One way of asking a request for a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Probe {
    pub(crate) subject: Subject,
    pub(crate) mode: Mode,
}

/// A key as the format writes it: a value's tag and payload.
pub(crate) type Key = (u8, u64);

/// Which part of a policy a guard was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Principal,
    Resource,
    /// The conjunct of its conditions, by number from 0.
    Conjunct(usize),
}

/// A policy's guard: the probe, and the keys of which it needs one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    pub(crate) probe: usize,
    pub(crate) keys: Vec<Key>,
    pub(crate) origin: Origin,
}

/// The guard of each policy, if it has one.
pub(crate) struct Guards {
    pub(crate) probes: Vec<Probe>,
    pub(crate) chosen: Vec<Option<Guard>>,
    /// Where the search failed, for each policy without a guard.
    pub(crate) failures: Vec<Option<NoGuard>>,
}

impl Guards {
    /// The guard that narrows a policy down. A guard without keys can never be met, and a policy that cannot be true is
    /// still to be found.
    pub(crate) fn narrowing(&self, policy: usize) -> Option<&Guard> {
        self.chosen.get(policy)?.as_ref().filter(|guard| !guard.keys.is_empty())
    }
}

/// Chooses for each policy the guard that leaves the fewest others in its buckets; among equals, the probe that serves
/// most policies.
pub(crate) fn choose(policies: &[Policy], expressions: &Expressions, tables: &Tables) -> Guards {
    let mut ids: HashMap<Probe, usize> = HashMap::new();
    let mut probes = Vec::new();
    let mut possible: Vec<Vec<Guard>> = Vec::with_capacity(policies.len());
    let mut failures = Vec::with_capacity(policies.len());
    for policy in policies {
        let (guards, failure) = Finder::new(expressions, tables).find(policy);
        failures.push(failure);
        let numbered = guards.into_iter().map(|Found { probe, mut keys, origin }| {
            keys.sort_unstable();
            keys.dedup();
            let next = probes.len();
            let at = *ids.entry(probe).or_insert_with_key(|probe| {
                probes.push(probe.clone());
                next
            });
            Guard { probe: at, keys, origin }
        });
        possible.push(numbered.collect());
    }
    let mut population = vec![0_usize; probes.len()];
    let mut buckets: HashMap<(Option<EntityId>, usize, Key), usize> = HashMap::new();
    for (policy, guards) in policies.iter().zip(&possible) {
        for guard in guards {
            if let Some(count) = population.get_mut(guard.probe) {
                *count += 1;
            }
            for key in &guard.keys {
                for partition in partitions(&policy.action) {
                    *buckets.entry((partition, guard.probe, *key)).or_default() += 1;
                }
            }
        }
    }
    let chosen = policies
        .iter()
        .zip(possible)
        .map(|(policy, guards)| {
            guards.into_iter().min_by_key(|guard| {
                let crowd = |key: &Key| {
                    partitions(&policy.action)
                        .into_iter()
                        .filter_map(|partition| buckets.get(&(partition, guard.probe, *key)))
                        .max()
                };
                let crowd = guard.keys.iter().filter_map(crowd).max().copied().unwrap_or_default();
                let population = population.get(guard.probe).copied().unwrap_or_default();
                (cost(crowd, population, probes.get(guard.probe)), guard.probe)
            })
        })
        .collect();
    retain_used(Guards { probes, chosen, failures })
}

/// Drops the probes that no policy chose.
fn retain_used(guards: Guards) -> Guards {
    let Guards { probes, mut chosen, failures } = guards;
    let mut numbers: BTreeMap<usize, usize> = chosen.iter().flatten().map(|guard| (guard.probe, 0)).collect();
    for (next, number) in numbers.values_mut().enumerate() {
        *number = next;
    }
    for guard in chosen.iter_mut().flatten() {
        guard.probe = numbers.get(&guard.probe).copied().unwrap_or_default();
    }
    let probes =
        probes.into_iter().enumerate().filter(|(at, _)| numbers.contains_key(at)).map(|(_, probe)| probe).collect();
    Guards { probes, chosen, failures }
}

/// The partitions a policy belongs to, by action; `None` is the one for any action. A policy that no action can meet
/// has to be somewhere, too.
pub(crate) fn partitions(scope: &ActionScope) -> Vec<Option<EntityId>> {
    match scope {
        ActionScope::Equal(action) => vec![Some(*action)],
        ActionScope::In(actions) if !actions.is_empty() => {
            let mut actions: Vec<_> = actions.iter().copied().map(Some).collect();
            actions.sort_unstable();
            actions.dedup();
            actions
        }
        ActionScope::Any | ActionScope::In(_) => vec![None],
    }
}

/// The expected work that a guard causes per policy, in billionths of a policy's evaluation: those that share its
/// bucket, and its part of the probe, which is small where ten thousand policies share it, and still to be compared.
fn cost(crowd: usize, population: usize, probe: Option<&Probe>) -> usize {
    let probing = match probe {
        // One bucket, or one for each ancestor as well.
        Some(Probe { subject: Subject::Principal | Subject::Resource, mode: Mode::Equal | Mode::Is }) => 400_000_000,
        Some(Probe { subject: Subject::Principal | Subject::Resource, mode: Mode::In }) => 800_000_000,
        Some(Probe { subject: Subject::Expression { .. }, .. }) | None => 2_000_000_000,
    };
    crowd.saturating_mul(1_000_000_000) + probing / population.max(1)
}
