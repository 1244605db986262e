//! The search for the guards of one policy, and where it failed.

use palisade_engine::{Compare, Opcode, Value};

use super::{Key, Mode, Origin, Probe, Step, Subject};
use crate::compile::expression::{Expression, ExpressionId, Expressions};
use crate::compile::tables::Tables;
use crate::compile::translate::{Policy, Scope};

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

/// A guard that a policy could have.
pub(super) struct Found {
    pub(super) probe: Probe,
    pub(super) keys: Vec<Key>,
    pub(super) origin: Origin,
}

/// Looks for guards.
pub(super) struct Finder<'a> {
    expressions: &'a Expressions,
    tables: &'a Tables,
    found: Vec<Found>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(expressions: &'a Expressions, tables: &'a Tables) -> Self {
        Self { expressions, tables, found: Vec::new() }
    }

    /// All guards of a policy; without any, where the search failed.
    pub(super) fn find(mut self, policy: &Policy) -> (Vec<Found>, Option<NoGuard>) {
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
