//! Policies that no request can make true, by their own words alone.
//!
//! A policy is true only if each of its conjuncts is. An expression has one value for a request, so conjuncts that ask
//! for different values of the same expression, or for a value and its opposite, are never true together. Types are the
//! validator's concern.

use std::collections::HashMap;

use palisade_engine::{Compare, Opcode, Value, compare};

use super::atom::ACTION;
use crate::compile::expression::{Expression, ExpressionId, Expressions};
use crate::compile::tables::Tables;
use crate::compile::translate::{ActionScope, Policy, Scope};

/// The conjuncts that make a policy never true: one or two, none where its scope is to blame. `None` if none does.
pub(super) fn find(policy: &Policy, expressions: &Expressions, tables: &Tables) -> Option<Vec<usize>> {
    if matches!(&policy.action, ActionScope::In(actions) if actions.is_empty()) {
        return Some(Vec::new());
    }
    let mut search = Search { expressions, tables, statements: Vec::new(), possible: HashMap::new() };
    search.scope(0, policy.principal);
    if let ActionScope::Equal(action) = policy.action {
        search.scope(ACTION, Scope::Equal(action));
    }
    search.scope(2, policy.resource);
    for (at, conjunct) in expressions.conjuncts(policy.condition).into_iter().enumerate() {
        search.state(conjunct, at);
    }
    search.contradiction()
}

/// What is said of an expression: that it is true, or false, and in which conjunct.
#[derive(Clone, Copy)]
struct Statement {
    expression: ExpressionId,
    truth: bool,
    at: usize,
}

/// Variables are known by their numbers, since no condition may mention one that a scope does.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    Variable(u32),
    Expression(ExpressionId),
}

struct Search<'a> {
    expressions: &'a Expressions,
    tables: &'a Tables,
    statements: Vec<Statement>,
    /// The values that a subject may have, and the first conjunct that says so; none for the scope.
    possible: HashMap<Subject, (Vec<Value>, Option<usize>)>,
}

impl Search<'_> {
    fn scope(&mut self, variable: u32, scope: Scope) {
        if let Scope::Equal(entity) = scope {
            self.possible.insert(Subject::Variable(variable), (vec![Value::Entity(entity)], None));
        }
    }

    fn state(&mut self, conjunct: ExpressionId, at: usize) {
        let (expression, truth) = match *self.expressions.get(conjunct) {
            Expression::And(ref inner) => {
                for inner in inner.clone() {
                    self.state(inner, at);
                }
                return;
            }
            Expression::Unary(Opcode::Not, inner) => (inner, false),
            _ => (conjunct, true),
        };
        self.statements.push(Statement { expression, truth, at });
    }

    fn contradiction(&mut self) -> Option<Vec<usize>> {
        let statements = core::mem::take(&mut self.statements);
        let mut known: HashMap<ExpressionId, Statement> = HashMap::new();
        for statement in &statements {
            let first = *known.entry(statement.expression).or_insert(*statement);
            if first.truth != statement.truth {
                return Some(vec![first.at, statement.at]);
            }
            let value = self.expressions.constant(statement.expression, self.tables);
            if matches!(value, Some(Value::Bool(value)) if value != statement.truth) {
                return Some(vec![statement.at]);
            }
        }
        // What is possible first, then what is excluded of it.
        let (said, denied): (Vec<_>, Vec<_>) = statements.iter().partition(|statement| statement.truth);
        said.iter().chain(&denied).find_map(|statement| self.restrict(statement))
    }

    /// Restricts what is possible; gives the conjuncts that leave nothing.
    fn restrict(&mut self, statement: &Statement) -> Option<Vec<usize>> {
        let (subject, values) = self.values(statement.expression)?;
        let tables = self.tables;
        let among = |value: &Value| values.iter().any(|other| compare(tables, *value, *other).is_eq());
        match self.possible.get_mut(&subject) {
            Some((possible, by)) => {
                possible.retain(|value| among(value) == statement.truth);
                let both = || by.iter().copied().chain([statement.at]).collect();
                possible.is_empty().then(both)
            }
            None if !statement.truth => None,
            None => {
                let impossible = values.is_empty();
                self.possible.insert(subject, (values, Some(statement.at)));
                impossible.then(|| vec![statement.at])
            }
        }
    }

    /// The constants that a subject has to be one of for an expression to be true; where the expression is false, the
    /// subject is none of them.
    fn values(&self, expression: ExpressionId) -> Option<(Subject, Vec<Value>)> {
        let constant = |id| self.expressions.constant(id, self.tables);
        match *self.expressions.get(expression) {
            Expression::Binary(Opcode::Equal, a, b) => match (constant(a), constant(b)) {
                (None, Some(value)) => Some((self.subject(a), vec![value])),
                (Some(value), None) => Some((self.subject(b), vec![value])),
                (None, None) | (Some(_), Some(_)) => None,
            },
            Expression::Binary(Opcode::Contains, set, element) => match constant(set)? {
                Value::Set(set) => Some((self.subject(element), self.tables.elements(set).to_vec())),
                _ => None,
            },
            Expression::Or(ref alternatives) => {
                let mut all = Vec::new();
                let mut common = None;
                for alternative in alternatives {
                    let (subject, values) = self.values(*alternative)?;
                    if *common.get_or_insert(subject) != subject {
                        return None;
                    }
                    all.extend(values);
                }
                common.map(|subject| (subject, all))
            }
            _ => None,
        }
    }

    fn subject(&self, id: ExpressionId) -> Subject {
        match *self.expressions.get(id) {
            Expression::Variable(variable) => Subject::Variable(variable),
            _ => Subject::Expression(id),
        }
    }
}
