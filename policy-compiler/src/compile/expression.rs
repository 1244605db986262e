//! Conditions as a graph in which equal expressions are one node: sharing is found by construction.

use std::collections::HashMap;

use palisade_engine::{Opcode, PatternId, ShapeId, StringId, Value};

use super::tables::Tables;

/// A node of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ExpressionId(u32);

impl ExpressionId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An expression over other nodes. Chains of `&&` and of `||` are flat, however the source brackets them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Expression {
    Constant(u32),
    /// Principal, action, resource, context: 0 to 3.
    Variable(u32),
    Unary(Opcode, ExpressionId),
    Binary(Opcode, ExpressionId, ExpressionId),
    Attribute(ExpressionId, StringId),
    Has(ExpressionId, StringId),
    IsType(ExpressionId, StringId),
    Like(ExpressionId, PatternId),
    And(Vec<ExpressionId>),
    Or(Vec<ExpressionId>),
    If(ExpressionId, ExpressionId, ExpressionId),
    Set(Vec<ExpressionId>),
    Record(ShapeId, Vec<ExpressionId>),
}

/// All expressions of a policy set.
#[derive(Default)]
pub(crate) struct Expressions {
    nodes: Vec<Expression>,
    ids: HashMap<Expression, ExpressionId>,
}

impl Expressions {
    pub(crate) fn add(&mut self, expression: Expression) -> ExpressionId {
        if let Some(id) = self.ids.get(&expression) {
            return *id;
        }
        let id = ExpressionId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(expression.clone());
        self.ids.insert(expression, id);
        id
    }

    pub(crate) fn get(&self, id: ExpressionId) -> &Expression {
        // Ids are made by `add` alone, so the fallback is never taken.
        self.nodes.get(id.index()).unwrap_or(&Expression::Constant(u32::MAX))
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Every node, operands before those that use them.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ExpressionId> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(ExpressionId)
    }

    pub(crate) fn operands(&self, id: ExpressionId) -> Vec<ExpressionId> {
        match self.get(id) {
            Expression::Constant(_) | Expression::Variable(_) => Vec::new(),
            Expression::Unary(_, a)
            | Expression::Attribute(a, _)
            | Expression::Has(a, _)
            | Expression::IsType(a, _)
            | Expression::Like(a, _) => vec![*a],
            Expression::Binary(_, a, b) => vec![*a, *b],
            Expression::If(a, b, c) => vec![*a, *b, *c],
            Expression::And(all) | Expression::Or(all) | Expression::Set(all) | Expression::Record(_, all) => {
                all.clone()
            }
        }
    }

    /// The conjuncts of a condition, as the text has them; the condition itself where it is no chain.
    pub(crate) fn conjuncts(&self, condition: ExpressionId) -> Vec<ExpressionId> {
        match self.get(condition) {
            Expression::And(conjuncts) => conjuncts.clone(),
            _ => vec![condition],
        }
    }

    /// The value of an expression that is a constant.
    pub(crate) fn constant(&self, id: ExpressionId, tables: &Tables) -> Option<Value> {
        match self.get(id) {
            Expression::Constant(constant) => tables.constant_value(*constant),
            _ => None,
        }
    }

    /// Whether the expression, where it has a value at all, has a boolean one.
    pub(crate) fn is_boolean(&self, id: ExpressionId) -> bool {
        match self.get(id) {
            Expression::Has(..)
            | Expression::IsType(..)
            | Expression::Like(..)
            | Expression::And(_)
            | Expression::Or(_) => true,
            Expression::Unary(operator, _) | Expression::Binary(operator, _, _) => matches!(
                operator,
                Opcode::Not
                    | Opcode::IsEmpty
                    | Opcode::HasTag
                    | Opcode::Equal
                    | Opcode::Less
                    | Opcode::LessOrEqual
                    | Opcode::In
                    | Opcode::Contains
                    | Opcode::ContainsAll
                    | Opcode::ContainsAny
                    | Opcode::DecimalLess
                    | Opcode::DecimalLessOrEqual
                    | Opcode::DecimalGreater
                    | Opcode::DecimalGreaterOrEqual
                    | Opcode::IsIpv4
                    | Opcode::IsIpv6
                    | Opcode::IsLoopback
                    | Opcode::IsMulticast
                    | Opcode::IsInRange
            ),
            Expression::Constant(_)
            | Expression::Variable(_)
            | Expression::Attribute(..)
            | Expression::If(..)
            | Expression::Set(_)
            | Expression::Record(..) => false,
        }
    }
}
