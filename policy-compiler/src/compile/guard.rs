//! Guards: what a policy asks of a request before it can be true or err.
//!
//! A guard is a value that the request has to have somewhere: its principal, its resource, or an expression that the
//! policy compares with a constant. The index may skip a policy whose guard asks for another value, *provided that the
//! policy would then be neither true nor erring*. Scopes never err. Among conditions, evaluation goes from left to
//! right, so a comparison is a guard only if nothing before it can err unnoticed: what stands before it is evaluated
//! by the probe as well, and where that errs, the policy is a candidate and errs by itself.

use std::collections::{BTreeMap, HashMap};

use palisade_engine::{Compare, EntityId, Opcode, Value};

use super::expression::{Expression, ExpressionId, Expressions};
use super::tables::Tables;
use super::translate::{ActionScope, Policy, Scope};

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

/// Where the search for a guard failed. The scope names no entity and no type in any of these cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoGuard {
    /// There is no condition either: the policy applies to every request.
    Unconditional,
    /// No conjunct can be looked up, this one for this reason.
    NothingToLookUp(usize, Miss),
    /// A later conjunct could be looked up, but stands behind one that could err.
    BehindAnError {
        /// The conjunct that could err.
        errs: usize,
        /// The conjunct that could be looked up.
        hidden: usize,
    },
}

/// Why a conjunct cannot be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// It compares, and neither side is a constant.
    NoConstant,
    /// It compares two constants.
    OnlyConstants,
    /// Its constant is a set, a record or an address, which is no key.
    NoKey,
    /// A constant set that it compares with has elements that are no keys.
    NoKeyInSet,
    /// Alternatives of `||` that are not all comparisons of the same expression.
    Alternatives,
    /// It is negated: what it excludes is a key, and what it lets through is all else.
    Negated,
    /// It only asks whether an attribute or a tag is there.
    Presence,
    /// It is none of `==`, `in`, `is`, `contains`.
    NoComparison,
}

/// Chooses for each policy the guard that leaves the fewest others in its buckets; among equals, the probe that serves
/// most policies.
pub(crate) fn choose(policies: &[Policy], expressions: &Expressions, tables: &Tables) -> Guards {
    let mut ids: HashMap<Probe, usize> = HashMap::new();
    let mut probes = Vec::new();
    let mut possible: Vec<Vec<Guard>> = Vec::with_capacity(policies.len());
    let mut failures = Vec::with_capacity(policies.len());
    for policy in policies {
        let (guards, failure) = Finder { expressions, tables, found: Vec::new() }.find(policy);
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

/// A guard that a policy could have.
struct Found {
    probe: Probe,
    keys: Vec<Key>,
    origin: Origin,
}

struct Finder<'a> {
    expressions: &'a Expressions,
    tables: &'a Tables,
    found: Vec<Found>,
}

impl Finder<'_> {
    /// All guards of a policy; without any, where the search failed.
    fn find(mut self, policy: &Policy) -> (Vec<Found>, Option<NoGuard>) {
        self.scope(Subject::Principal, policy.principal, Origin::Principal);
        self.scope(Subject::Resource, policy.resource, Origin::Resource);
        let failure = self.conditions(policy.condition);
        let failure = failure.filter(|_| self.found.is_empty());
        (self.found, failure)
    }

    fn scope(&mut self, subject: Subject, scope: Scope, origin: Origin) {
        let (mode, key) = match scope {
            Scope::Any => return,
            Scope::Equal(entity) => (Mode::Equal, Value::Entity(entity)),
            Scope::In(entity) | Scope::IsIn(_, entity) => (Mode::In, Value::Entity(entity)),
            Scope::Is(type_name) => (Mode::Is, Value::String(type_name)),
        };
        self.found.push(Found { probe: Probe { subject, mode }, keys: vec![key.encode()], origin });
    }

    fn conditions(&mut self, condition: ExpressionId) -> Option<NoGuard> {
        let conjuncts = self.expressions.conjuncts(condition);
        if let [only] = *conjuncts.as_slice()
            && matches!(self.constant(only), Some(Value::Bool(true)))
        {
            return Some(NoGuard::Unconditional);
        }
        let mut before = Vec::new();
        let mut missed = None;
        for (at, conjunct) in conjuncts.iter().enumerate() {
            match self.comparison(*conjunct) {
                Ok((mode, key, keys)) => {
                    let probe = Probe { subject: self.subject(key, &before), mode };
                    self.found.push(Found { probe, keys, origin: Origin::Conjunct(at) });
                }
                // That an attribute is there is rarely the reason that helps.
                Err(miss) if matches!(missed, None | Some((_, Miss::Presence))) => missed = Some((at, miss)),
                Err(_) => {}
            }
            if !self.pass(*conjunct, &mut before) {
                let mut behind = conjuncts.iter().enumerate().skip(at + 1);
                if let Some((hidden, _)) = behind.find(|(_, conjunct)| self.comparison(**conjunct).is_ok()) {
                    return Some(NoGuard::BehindAnError { errs: at, hidden });
                }
                break;
            }
        }
        missed.map(|(at, miss)| NoGuard::NothingToLookUp(at, miss))
    }

    fn subject(&self, key: ExpressionId, before: &[Step]) -> Subject {
        match (self.expressions.get(key), before) {
            // The variables are there whatever was evaluated before them, but what was could have erred.
            (Expression::Variable(0), []) => Subject::Principal,
            (Expression::Variable(2), []) => Subject::Resource,
            _ => Subject::Expression { before: before.to_vec(), key },
        }
    }

    /// What a conjunct compares with constants: the mode, the expression, and the keys of which one has to be met.
    fn comparison(&self, conjunct: ExpressionId) -> Result<(Mode, ExpressionId, Vec<Key>), Miss> {
        match *self.expressions.get(conjunct) {
            Expression::Binary(Opcode::Equal, a, b) => match (self.constant(a), self.constant(b)) {
                (None, Some(constant)) => Ok((Mode::Equal, a, vec![key(constant).ok_or(Miss::NoKey)?])),
                (Some(constant), None) => Ok((Mode::Equal, b, vec![key(constant).ok_or(Miss::NoKey)?])),
                (None, None) => Err(Miss::NoConstant),
                (Some(_), Some(_)) => Err(Miss::OnlyConstants),
            },
            Expression::Binary(Opcode::In, subject, group) => {
                let group = self.constant(group).ok_or(Miss::NoConstant)?;
                Ok((Mode::In, subject, self.entities(group).ok_or(Miss::NoKeyInSet)?))
            }
            Expression::IsType(subject, type_name) => Ok((Mode::Is, subject, vec![Value::String(type_name).encode()])),
            Expression::Binary(Opcode::Contains, set, subject) => {
                let elements = self.elements(set).ok_or(Miss::NoConstant)?;
                let keys: Option<Vec<Key>> = elements.iter().map(|element| key(*element)).collect();
                Ok((Mode::Equal, subject, keys.ok_or(Miss::NoKeyInSet)?))
            }
            Expression::Or(ref alternatives) => {
                let mut all = Vec::new();
                let mut common = None;
                for alternative in alternatives {
                    let Ok((mode, subject, keys)) = self.comparison(*alternative) else {
                        return Err(Miss::Alternatives);
                    };
                    if *common.get_or_insert((mode, subject)) != (mode, subject) {
                        return Err(Miss::Alternatives);
                    }
                    all.extend(keys);
                }
                common.map(|(mode, subject)| (mode, subject, all)).ok_or(Miss::Alternatives)
            }
            // Cedar writes `>` as a negated `<=`, so what is negated counts.
            Expression::Unary(Opcode::Not, inner) => self.comparison(inner).and(Err(Miss::Negated)),
            Expression::Has(..) | Expression::Binary(Opcode::HasTag, ..) => Err(Miss::Presence),
            _ => Err(Miss::NoComparison),
        }
    }

    fn constant(&self, id: ExpressionId) -> Option<Value> {
        self.expressions.constant(id, self.tables)
    }

    fn elements(&self, id: ExpressionId) -> Option<&[Value]> {
        match self.constant(id)? {
            Value::Set(set) => Some(self.tables.elements(set)),
            _ => None,
        }
    }

    /// The entities that an `in` asks for: one, or a constant set of nothing else.
    fn entities(&self, group: Value) -> Option<Vec<Key>> {
        let entity = |value: &Value| match value {
            Value::Entity(_) => Some(value.encode()),
            _ => None,
        };
        match group {
            Value::Set(set) => self.tables.elements(set).iter().map(entity).collect(),
            _ => entity(&group).map(|key| vec![key]),
        }
    }

    /// Adds to `before` what a later guard's probe has to evaluate for this conjunct. False where that cannot be
    /// said: then nothing behind the conjunct can be a guard.
    fn pass(&self, conjunct: ExpressionId, before: &mut Vec<Step>) -> bool {
        match *self.expressions.get(conjunct) {
            // Equality itself never errs, but its operands can.
            Expression::Binary(Opcode::Equal, a, b) => {
                self.touch(a, before);
                self.touch(b, before);
                true
            }
            Expression::Unary(Opcode::Not, inner) => match *self.expressions.get(inner) {
                Expression::Binary(Opcode::Equal, a, b) => {
                    self.touch(a, before);
                    self.touch(b, before);
                    true
                }
                Expression::Has(..) | Expression::Binary(Opcode::HasTag, ..) => {
                    before.push(Step::Require(conjunct));
                    true
                }
                _ => false,
            },
            // A set of constants contains or does not contain whatever it is asked for.
            Expression::Binary(Opcode::Contains, set, subject) if self.elements(set).is_some() => {
                self.touch(subject, before);
                true
            }
            Expression::Has(..) | Expression::Binary(Opcode::HasTag, ..) => {
                before.push(Step::Require(conjunct));
                true
            }
            // Principal, action and resource are entities, so these cannot err.
            Expression::IsType(subject, _) => self.is_entity_variable(subject),
            Expression::Binary(Opcode::In, subject, group) => {
                self.is_entity_variable(subject)
                    && self.constant(group).is_some_and(|group| self.entities(group).is_some())
            }
            // The first alternative is evaluated always, the others only behind it: all of the same expression.
            Expression::Or(_) => match self.comparison(conjunct) {
                Ok((Mode::Equal, subject, _)) => {
                    self.touch(subject, before);
                    true
                }
                Ok((Mode::In | Mode::Is, subject, _)) => self.is_entity_variable(subject),
                Err(_) => false,
            },
            _ => false,
        }
    }

    fn is_entity_variable(&self, id: ExpressionId) -> bool {
        matches!(self.expressions.get(id), Expression::Variable(0..=2))
    }

    fn touch(&self, id: ExpressionId, before: &mut Vec<Step>) {
        let cannot_err = matches!(self.expressions.get(id), Expression::Variable(_) | Expression::Constant(_));
        if !cannot_err && !before.contains(&Step::Touch(id)) {
            before.push(Step::Touch(id));
        }
    }
}

/// A value as a key. Sets, records and addresses have no fixed payload and are none.
fn key(value: Value) -> Option<Key> {
    match value {
        Value::Bool(_)
        | Value::Long(_)
        | Value::String(_)
        | Value::Entity(_)
        | Value::Decimal(_)
        | Value::Datetime(_)
        | Value::Duration(_) => Some(value.encode()),
        Value::Set(_) | Value::Record(_) | Value::Ip(_) => None,
    }
}
