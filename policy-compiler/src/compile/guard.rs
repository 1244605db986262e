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
}

/// Chooses for each policy the guard that leaves the fewest others in its buckets; among equals, the probe that serves
/// most policies.
pub(crate) fn choose(policies: &[Policy], expressions: &Expressions, tables: &Tables) -> Guards {
    let mut ids: HashMap<Probe, usize> = HashMap::new();
    let mut probes = Vec::new();
    let mut possible: Vec<Vec<Guard>> = Vec::with_capacity(policies.len());
    for policy in policies {
        let guards = Finder { expressions, tables, found: Vec::new() }.find(policy);
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
    retain_used(Guards { probes, chosen })
}

/// Drops the probes that no policy chose.
fn retain_used(guards: Guards) -> Guards {
    let Guards { probes, mut chosen } = guards;
    let mut numbers: BTreeMap<usize, usize> = chosen.iter().flatten().map(|guard| (guard.probe, 0)).collect();
    for (next, number) in numbers.values_mut().enumerate() {
        *number = next;
    }
    for guard in chosen.iter_mut().flatten() {
        guard.probe = numbers.get(&guard.probe).copied().unwrap_or_default();
    }
    let probes =
        probes.into_iter().enumerate().filter(|(at, _)| numbers.contains_key(at)).map(|(_, probe)| probe).collect();
    Guards { probes, chosen }
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
    fn find(mut self, policy: &Policy) -> Vec<Found> {
        self.scope(Subject::Principal, policy.principal, Origin::Principal);
        self.scope(Subject::Resource, policy.resource, Origin::Resource);
        self.conditions(policy.condition);
        self.found
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

    fn conditions(&mut self, condition: ExpressionId) {
        let conjuncts = match self.expressions.get(condition) {
            Expression::And(conjuncts) => conjuncts.clone(),
            _ => vec![condition],
        };
        let mut before = Vec::new();
        for (number, conjunct) in conjuncts.into_iter().enumerate() {
            if let Some((mode, key, keys)) = self.comparison(conjunct) {
                let probe = Probe { subject: self.subject(key, &before), mode };
                self.found.push(Found { probe, keys, origin: Origin::Conjunct(number) });
            }
            if !self.pass(conjunct, &mut before) {
                return;
            }
        }
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
    fn comparison(&self, conjunct: ExpressionId) -> Option<(Mode, ExpressionId, Vec<Key>)> {
        match *self.expressions.get(conjunct) {
            Expression::Binary(Opcode::Equal, a, b) => {
                let (subject, key) = match (self.key(a), self.key(b)) {
                    (None, Some(key)) => (a, key),
                    (Some(key), None) => (b, key),
                    (None, None) | (Some(_), Some(_)) => return None,
                };
                Some((Mode::Equal, subject, vec![key]))
            }
            Expression::Binary(Opcode::In, subject, group) => {
                let keys = self.entities(group)?;
                Some((Mode::In, subject, keys))
            }
            Expression::IsType(subject, type_name) => {
                Some((Mode::Is, subject, vec![Value::String(type_name).encode()]))
            }
            Expression::Binary(Opcode::Contains, set, subject) => {
                let keys = self.elements(set)?.iter().map(|element| key(*element)).collect::<Option<Vec<_>>>()?;
                Some((Mode::Equal, subject, keys))
            }
            Expression::Or(ref alternatives) => {
                let mut all = Vec::new();
                let mut common = None;
                for alternative in alternatives {
                    let (mode, subject, keys) = self.comparison(*alternative)?;
                    if *common.get_or_insert((mode, subject)) != (mode, subject) {
                        return None;
                    }
                    all.extend(keys);
                }
                common.map(|(mode, subject)| (mode, subject, all))
            }
            _ => None,
        }
    }

    /// The key that an expression is, if it is a constant small enough to be one.
    fn key(&self, id: ExpressionId) -> Option<Key> {
        key(self.constant(id)?)
    }

    fn constant(&self, id: ExpressionId) -> Option<Value> {
        match self.expressions.get(id) {
            Expression::Constant(constant) => self.tables.constant_value(*constant),
            _ => None,
        }
    }

    fn elements(&self, id: ExpressionId) -> Option<&[Value]> {
        match self.constant(id)? {
            Value::Set(set) => Some(self.tables.elements(set)),
            _ => None,
        }
    }

    /// The entities that an `in` asks for: one, or a constant set of nothing else.
    fn entities(&self, group: ExpressionId) -> Option<Vec<Key>> {
        let entity = |value: Value| match value {
            Value::Entity(_) => Some(value.encode()),
            _ => None,
        };
        match self.elements(group) {
            Some(elements) => elements.iter().map(|element| entity(*element)).collect(),
            None => self.constant(group).and_then(entity).map(|key| vec![key]),
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
                self.is_entity_variable(subject) && self.entities(group).is_some()
            }
            // The first alternative is evaluated always, the others only behind it: all of the same expression.
            Expression::Or(_) => match self.comparison(conjunct) {
                Some((Mode::Equal, subject, _)) => {
                    self.touch(subject, before);
                    true
                }
                Some((Mode::In | Mode::Is, subject, _)) => self.is_entity_variable(subject),
                None => false,
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
