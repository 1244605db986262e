//! From Cedar's syntax tree to the expression graph. The tree is what cedar-policy itself evaluates, and it knows where
//! in the text each node stands.

use core::ops::Range;

use cedar_policy::PolicySet;
use cedar_policy_core::ast::{
    self, BinaryOp, Effect, EntityReference, Expr, ExprKind, PatternElem, PrincipalOrResourceConstraint, SlotId,
    UnaryOp, Var,
};
use palisade_engine::format::WILDCARD;
use palisade_engine::{
    EntityId, Opcode, StringId, Value, limits, parse_datetime, parse_decimal, parse_duration, parse_ip,
};

use super::error::CompileError;
use super::expression::{Expression, ExpressionId, Expressions};
use super::store::{literal, uid};
use super::tables::Tables;

/// What a principal or resource scope asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Any,
    Equal(EntityId),
    In(EntityId),
    Is(StringId),
    IsIn(StringId, EntityId),
}

/// What an action scope asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ActionScope {
    Any,
    Equal(EntityId),
    In(Vec<EntityId>),
}

/// A policy or a template link, with the graph node of its conditions.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) id: StringId,
    pub(crate) is_forbid: bool,
    pub(crate) principal: Scope,
    pub(crate) action: ActionScope,
    pub(crate) resource: Scope,
    pub(crate) condition: ExpressionId,
}

/// Translates every policy and link, in the order of their ids.
pub(crate) fn policies(
    set: &PolicySet,
    tables: &mut Tables,
    expressions: &mut Expressions,
) -> Result<Vec<Policy>, Vec<CompileError>> {
    let set: &ast::PolicySet = set.as_ref();
    let mut all: Vec<&ast::Policy> = set.policies().collect();
    all.sort_by(|a, b| a.id().cmp(b.id()));
    let mut policies = Vec::with_capacity(all.len());
    let mut errors = Vec::new();
    for policy in all {
        let id = policy.id().to_string();
        match (Translator { tables, expressions }).policy(policy, &id) {
            Ok(policy) => policies.push(policy),
            Err(error) => errors.push(error.at(span(policy.loc())).of(&id)),
        }
    }
    if errors.is_empty() { Ok(policies) } else { Err(errors) }
}

struct Translator<'a> {
    tables: &'a mut Tables,
    expressions: &'a mut Expressions,
}

impl Translator<'_> {
    fn policy(&mut self, policy: &ast::Policy, id: &str) -> Result<Policy, CompileError> {
        let template = policy.template();
        let principal = template.principal_constraint().as_inner().clone();
        let resource = template.resource_constraint().as_inner().clone();
        let condition = match policy.non_scope_constraints() {
            Some(condition) => self.expression(condition, 0)?,
            None => self.constant(Value::Bool(true)),
        };
        Ok(Policy {
            id: self.tables.string(id),
            is_forbid: policy.effect() == Effect::Forbid,
            principal: self.scope(&principal, policy, SlotId::principal())?,
            action: match policy.action_constraint() {
                ast::ActionConstraint::Any => ActionScope::Any,
                ast::ActionConstraint::Eq(action) => ActionScope::Equal(uid(action, self.tables)),
                ast::ActionConstraint::In(actions) => {
                    ActionScope::In(actions.iter().map(|action| uid(action, self.tables)).collect())
                }
            },
            resource: self.scope(&resource, policy, SlotId::resource())?,
            condition,
        })
    }

    fn scope(
        &mut self,
        constraint: &PrincipalOrResourceConstraint,
        policy: &ast::Policy,
        slot: SlotId,
    ) -> Result<Scope, CompileError> {
        let entity = |reference: &EntityReference, tables: &mut Tables| match reference {
            EntityReference::EUID(found) => Ok(uid(found, tables)),
            EntityReference::Slot(_) => match policy.env().get(&slot) {
                Some(found) => Ok(uid(found, tables)),
                None => Err(CompileError::new("compile.unlinked_slot", format!("slot `{slot}` is not linked"))),
            },
        };
        Ok(match constraint {
            PrincipalOrResourceConstraint::Any => Scope::Any,
            PrincipalOrResourceConstraint::Eq(other) => Scope::Equal(entity(other, self.tables)?),
            PrincipalOrResourceConstraint::In(other) => Scope::In(entity(other, self.tables)?),
            PrincipalOrResourceConstraint::Is(name) => Scope::Is(self.tables.string(&name.to_string())),
            PrincipalOrResourceConstraint::IsIn(name, other) => {
                Scope::IsIn(self.tables.string(&name.to_string()), entity(other, self.tables)?)
            }
        })
    }

    fn constant(&mut self, value: Value) -> ExpressionId {
        let constant = self.tables.constant(value);
        self.expressions.add(Expression::Constant(constant))
    }

    fn expression(&mut self, expr: &Expr, depth: u32) -> Result<ExpressionId, CompileError> {
        if depth > limits::EXPRESSION_DEPTH {
            return Err(too_deep().at(span(expr.source_loc())));
        }
        self.node(expr, depth + 1).map_err(|error| error.at(span(expr.source_loc())))
    }

    fn node(&mut self, expr: &Expr, depth: u32) -> Result<ExpressionId, CompileError> {
        let node = match expr.expr_kind() {
            ExprKind::Lit(found) => {
                let value = literal(found, self.tables);
                return Ok(self.constant(value));
            }
            ExprKind::Var(Var::Principal) => Expression::Variable(0),
            ExprKind::Var(Var::Action) => Expression::Variable(1),
            ExprKind::Var(Var::Resource) => Expression::Variable(2),
            ExprKind::Var(Var::Context) => Expression::Variable(3),
            ExprKind::Slot(slot) => {
                let message = format!("slot `{slot}` stands outside the scope");
                return Err(CompileError::new("compile.slot", message));
            }
            ExprKind::Unknown(_) => {
                return Err(CompileError::new("compile.unknown", "partial evaluation's unknowns cannot be compiled"));
            }
            ExprKind::If { test_expr, then_expr, else_expr } => Expression::If(
                self.expression(test_expr, depth)?,
                self.expression(then_expr, depth)?,
                self.expression(else_expr, depth)?,
            ),
            ExprKind::And { .. } => Expression::And(self.all(conjuncts(expr), depth)?),
            ExprKind::Or { .. } => Expression::Or(self.all(alternatives(expr), depth)?),
            ExprKind::UnaryApp { op, arg } => {
                let operator = match op {
                    UnaryOp::Not => Opcode::Not,
                    UnaryOp::Neg => Opcode::Negate,
                    UnaryOp::IsEmpty => Opcode::IsEmpty,
                };
                Expression::Unary(operator, self.expression(arg, depth)?)
            }
            ExprKind::BinaryApp { op, arg1, arg2 } => {
                let operator = match op {
                    BinaryOp::Eq => Opcode::Equal,
                    BinaryOp::Less => Opcode::Less,
                    BinaryOp::LessEq => Opcode::LessOrEqual,
                    BinaryOp::Add => Opcode::Add,
                    BinaryOp::Sub => Opcode::Subtract,
                    BinaryOp::Mul => Opcode::Multiply,
                    BinaryOp::In => Opcode::In,
                    BinaryOp::Contains => Opcode::Contains,
                    BinaryOp::ContainsAll => Opcode::ContainsAll,
                    BinaryOp::ContainsAny => Opcode::ContainsAny,
                    BinaryOp::GetTag => Opcode::GetTag,
                    BinaryOp::HasTag => Opcode::HasTag,
                };
                Expression::Binary(operator, self.expression(arg1, depth)?, self.expression(arg2, depth)?)
            }
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                return self.extension(&fn_name.to_string(), args, depth);
            }
            ExprKind::GetAttr { expr, attr } => {
                Expression::Attribute(self.expression(expr, depth)?, self.tables.string(attr))
            }
            ExprKind::HasAttr { expr, attr } => {
                Expression::Has(self.expression(expr, depth)?, self.tables.string(attr))
            }
            ExprKind::ExtHasAttr { expr, attrs } => {
                // `e has a.b` is `e has a && e.a has b`: where a step is missing, it is false, not an error.
                if attrs.len() as u64 + u64::from(depth) > u64::from(limits::EXPRESSION_DEPTH) {
                    return Err(too_deep());
                }
                let mut of = self.expression(expr, depth)?;
                let mut steps = Vec::with_capacity(attrs.len());
                for attr in attrs {
                    let name = self.tables.string(attr);
                    steps.push(self.expressions.add(Expression::Has(of, name)));
                    of = self.expressions.add(Expression::Attribute(of, name));
                }
                Expression::And(steps)
            }
            ExprKind::Like { expr, pattern } => {
                let of = self.expression(expr, depth)?;
                let elements = pattern.iter().map(|element| match element {
                    PatternElem::Char(c) => u32::from(*c),
                    PatternElem::Wildcard => WILDCARD,
                });
                Expression::Like(of, self.tables.pattern(elements.collect()))
            }
            ExprKind::Is { expr, entity_type } => {
                Expression::IsType(self.expression(expr, depth)?, self.tables.string(&entity_type.to_string()))
            }
            ExprKind::Set(items) => {
                let elements = self.all(items.iter(), depth)?;
                return self.set(elements);
            }
            ExprKind::Record(fields) => {
                let mut all = Vec::with_capacity(fields.len());
                for (key, field) in fields.iter() {
                    let value = self.expression(field, depth)?;
                    all.push((self.tables.string(key), value));
                }
                return self.record(all);
            }
        };
        Ok(self.expressions.add(node))
    }

    fn all<'e>(
        &mut self,
        expressions: impl IntoIterator<Item = &'e Expr>,
        depth: u32,
    ) -> Result<Vec<ExpressionId>, CompileError> {
        expressions.into_iter().map(|expr| self.expression(expr, depth)).collect()
    }

    fn extension(&mut self, name: &str, args: &[Expr], depth: u32) -> Result<ExpressionId, CompileError> {
        let unknown = || CompileError::new("compile.unknown_function", format!("unknown function `{name}`"));
        let operator = operator_of(name).ok_or_else(unknown)?;
        if let [argument] = args
            && constructor(operator)
            && let ExprKind::Lit(ast::Literal::String(text)) = argument.expr_kind()
            && let Some(value) = fold_extension(operator, text, self.tables)
        {
            return Ok(self.constant(value));
        }
        let args = self.all(args, depth)?;
        let binary = matches!(
            operator,
            Opcode::DecimalLess
                | Opcode::DecimalLessOrEqual
                | Opcode::DecimalGreater
                | Opcode::DecimalGreaterOrEqual
                | Opcode::IsInRange
                | Opcode::Offset
                | Opcode::DurationSince
        );
        match *args.as_slice() {
            [a] if !binary => Ok(self.expressions.add(Expression::Unary(operator, a))),
            [a, b] if binary => Ok(self.expressions.add(Expression::Binary(operator, a, b))),
            _ => Err(CompileError::new("compile.arity", format!("`{name}` with {} arguments", args.len()))),
        }
    }

    fn set(&mut self, elements: Vec<ExpressionId>) -> Result<ExpressionId, CompileError> {
        if let Some(values) = self.constants(&elements) {
            let value = self.tables.set(values)?;
            return Ok(self.constant(value));
        }
        // The stack must hold them all; a margin is left for what their evaluation needs.
        if elements.len() > limits::STACK_VALUES as usize / 2 {
            let message = format!("a set of {} elements that are not constants", elements.len());
            return Err(CompileError::new("compile.set_too_large", message));
        }
        Ok(self.expressions.add(Expression::Set(elements)))
    }

    fn record(&mut self, mut fields: Vec<(StringId, ExpressionId)>) -> Result<ExpressionId, CompileError> {
        fields.sort_by_key(|(key, _)| *key);
        let (keys, values): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
        if let Some(constants) = self.constants(&values) {
            let value = self.tables.record(keys.into_iter().zip(constants).collect())?;
            return Ok(self.constant(value));
        }
        if values.len() > limits::STACK_VALUES as usize / 2 {
            let message = format!("a record of {} fields that are not constants", values.len());
            return Err(CompileError::new("compile.record_too_large", message));
        }
        let shape = self.tables.shape(keys);
        Ok(self.expressions.add(Expression::Record(shape, values)))
    }

    /// The values of expressions that are all constants.
    fn constants(&self, expressions: &[ExpressionId]) -> Option<Vec<Value>> {
        expressions.iter().map(|expression| self.expressions.constant(*expression, self.tables)).collect()
    }
}

/// The node of one expression of a policy.
pub(crate) fn expression(
    expr: &Expr,
    tables: &mut Tables,
    expressions: &mut Expressions,
) -> Result<ExpressionId, CompileError> {
    Translator { tables, expressions }.expression(expr, 0)
}

/// The operands of a chain of `&&`, however it is bracketed; the expression itself where it is none.
pub(crate) fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    chain(expr, |kind| match kind {
        ExprKind::And { left, right } => Some((left.as_ref(), right.as_ref())),
        _ => None,
    })
}

/// The operands of a chain of `||`, however it is bracketed; the expression itself where it is none.
pub(crate) fn alternatives(expr: &Expr) -> Vec<&Expr> {
    chain(expr, |kind| match kind {
        ExprKind::Or { left, right } => Some((left.as_ref(), right.as_ref())),
        _ => None,
    })
}

/// Chains can be longer than the stack is deep, so this walks them with a stack of its own.
fn chain<'e>(expr: &'e Expr, split: impl Fn(&'e ExprKind) -> Option<(&'e Expr, &'e Expr)>) -> Vec<&'e Expr> {
    let mut waiting = vec![expr];
    let mut operands = Vec::new();
    while let Some(next) = waiting.pop() {
        match split(next.expr_kind()) {
            Some((left, right)) => {
                waiting.push(right);
                waiting.push(left);
            }
            None => operands.push(next),
        }
    }
    operands
}

fn too_deep() -> CompileError {
    let message = format!("an expression nests deeper than {} levels", limits::EXPRESSION_DEPTH);
    CompileError::new("compile.too_deep", message)
}

/// The byte range of a place in a policy's text.
pub(crate) fn span(loc: Option<&cedar_policy_core::parser::Loc>) -> Option<Range<usize>> {
    loc.map(|loc| loc.start()..loc.end())
}

/// The operator of an extension function's name.
pub(crate) fn operator_of(name: &str) -> Option<Opcode> {
    Some(match name {
        "decimal" => Opcode::Decimal,
        "ip" => Opcode::Ip,
        "datetime" => Opcode::Datetime,
        "duration" => Opcode::Duration,
        "lessThan" => Opcode::DecimalLess,
        "lessThanOrEqual" => Opcode::DecimalLessOrEqual,
        "greaterThan" => Opcode::DecimalGreater,
        "greaterThanOrEqual" => Opcode::DecimalGreaterOrEqual,
        "isIpv4" => Opcode::IsIpv4,
        "isIpv6" => Opcode::IsIpv6,
        "isLoopback" => Opcode::IsLoopback,
        "isMulticast" => Opcode::IsMulticast,
        "isInRange" => Opcode::IsInRange,
        "offset" => Opcode::Offset,
        "durationSince" => Opcode::DurationSince,
        "toDate" => Opcode::ToDate,
        "toTime" => Opcode::ToTime,
        "toMilliseconds" => Opcode::ToMilliseconds,
        "toSeconds" => Opcode::ToSeconds,
        "toMinutes" => Opcode::ToMinutes,
        "toHours" => Opcode::ToHours,
        "toDays" => Opcode::ToDays,
        _ => return None,
    })
}

/// Whether an operator makes an extension value from a string.
pub(crate) const fn constructor(operator: Opcode) -> bool {
    matches!(operator, Opcode::Decimal | Opcode::Ip | Opcode::Datetime | Opcode::Duration)
}

/// The constant that a constructor makes of a literal; none where it errs, which has to wait until it is evaluated.
pub(crate) fn fold_extension(constructor: Opcode, text: &str, tables: &mut Tables) -> Option<Value> {
    match constructor {
        Opcode::Decimal => parse_decimal(text).ok().map(Value::Decimal),
        Opcode::Datetime => parse_datetime(text).ok().map(Value::Datetime),
        Opcode::Duration => parse_duration(text).ok().map(Value::Duration),
        Opcode::Ip => parse_ip(text).ok().map(|network| tables.address(network)),
        _ => None,
    }
}
