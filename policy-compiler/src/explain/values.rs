//! The value of each subexpression of a policy, computed by cedar-policy's own evaluator.

use cedar_policy::{Entities, Policy, Request};
use cedar_policy_core::ast::{self, Expr, ExprKind, Literal, Value, ValueKind, Var};
use cedar_policy_core::entities::CedarValueJson;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use serde::Serialize;
use serde_json::Value as Json;

use super::source::{Lines, ScopePart, scope_parts, source};
use super::{CandidateOutcome, effect};
use crate::compile::{alternatives, conjuncts};
use crate::diagnostic::SpanJson;
use crate::wording::report;

/// A policy with the values of its parts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyValues {
    /// Its id.
    pub policy: String,
    /// `permit` or `forbid`.
    pub effect: &'static str,
    /// What evaluating it came to.
    pub outcome: CandidateOutcome,
    /// Cedar's words, where that is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The file with its text, as far as the caller named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where it stands in that text; for a linked policy, its template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<SpanJson>,
    /// The parts of its scope that ask for something, with the links' values filled in.
    pub scope: Vec<Expression>,
    /// Its conditions, conjunct by conjunct: `when` as it is, `unless` negated.
    pub conditions: Vec<Expression>,
}

/// A subexpression.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expression {
    /// Its text: as it stands in the source, its lines joined, or else as Cedar prints it.
    pub source: String,
    /// Where it stands in its policy's file. Scopes and JSON policies have no places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<SpanJson>,
    /// What it came to.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Whether it is only a literal or a variable.
    #[serde(skip)]
    pub is_plain: bool,
    /// The expressions in it, in the order in which Cedar evaluates them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operands: Vec<Self>,
}

/// What a subexpression came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It has a value.
    Value(Valued),
    /// Cedar's words.
    Error {
        /// What is wrong.
        error: String,
    },
    /// Cedar did not come to it: what stands before it decided, or erred.
    NotEvaluated,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Valued {
    /// In Cedar's syntax.
    pub text: String,
    /// In Cedar's JSON. A record with a key that is reserved there has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
}

impl Valued {
    pub(super) fn new(value: &Value) -> Self {
        let json = CedarValueJson::from_value(value.clone()).ok();
        Self { text: value.to_string(), value: json.and_then(|json| serde_json::to_value(json).ok()) }
    }
}

/// Cedar's evaluator before one request.
pub(super) struct Evaluation<'a> {
    evaluator: Evaluator<'a>,
    request: &'a Request,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(request: &'a Request, entities: &'a Entities) -> Self {
        let core: &ast::Request = request.as_ref();
        let evaluator = Evaluator::new(core.clone(), entities.as_ref(), Extensions::all_available());
        Self { evaluator, request }
    }

    /// The principal in Cedar's syntax; empty where it is not known.
    pub(super) fn principal(&self) -> String {
        self.request.principal().map(ToString::to_string).unwrap_or_default()
    }

    /// The action in Cedar's syntax; empty where it is not known.
    pub(super) fn action(&self) -> String {
        self.request.action().map(ToString::to_string).unwrap_or_default()
    }

    /// The resource in Cedar's syntax; empty where it is not known.
    pub(super) fn resource(&self) -> String {
        self.request.resource().map(ToString::to_string).unwrap_or_default()
    }

    /// The context.
    pub(super) fn context(&self) -> Option<Valued> {
        self.interpret(&Expr::var(Var::Context)).ok().map(|context| Valued::new(&context))
    }

    /// What an expression without slots comes to.
    pub(super) fn interpret(&self, expr: &Expr) -> Interpreted {
        self.evaluator.interpret(expr, &ast::SlotEnv::new()).map_err(|error| report(&error))
    }

    /// The values of a policy's parts.
    pub(super) fn policy<'p>(&self, id: &str, policy: &'p Policy, lines: &mut Lines<'p>) -> PolicyValues {
        let policy: &ast::Policy = policy.as_ref();
        let (outcome, error) = match self.evaluator.evaluate(policy) {
            Ok(true) => (CandidateOutcome::Satisfied, None),
            Ok(false) => (CandidateOutcome::NotSatisfied, None),
            Err(error) => (CandidateOutcome::Errored, Some(report(&error))),
        };
        let mut reached = true;
        let mut scope = Vec::new();
        for ScopePart { text: source, condition, .. } in scope_parts(policy) {
            let value = reached.then(|| self.interpret(&condition));
            reached = is_bool(value.as_ref(), true);
            let outcome = outcome_of(value.as_ref());
            scope.push(Expression { source, span: None, outcome, is_plain: false, operands: Vec::new() });
        }
        let conjuncts = policy.non_scope_constraints().map(conjuncts).unwrap_or_default();
        let conditions = self.sequence(&conjuncts, None, reached, lines, |value| is_bool(value, true));
        let effect = effect(policy.effect() == ast::Effect::Forbid);
        let span = policy.loc().map(|loc| lines.span(loc));
        PolicyValues { policy: id.to_owned(), effect, outcome, error, file: None, span, scope, conditions }
    }

    /// An expression with the values in it. Where it is not reached, neither are its operands.
    fn expression<'p>(
        &self,
        expr: &'p Expr,
        reached: bool,
        lines: &mut Lines<'p>,
    ) -> (Expression, Option<Interpreted>) {
        let operands = self.operands(expr, reached, lines);
        let value = reached.then(|| self.interpret(expr));
        let expression = Expression {
            source: source(expr),
            span: expr.source_loc().map(|loc| lines.span(loc)),
            outcome: outcome_of(value.as_ref()),
            is_plain: matches!(expr.expr_kind(), ExprKind::Lit(_) | ExprKind::Var(_)),
            operands,
        };
        (expression, value)
    }

    /// The operands of an expression, of which Cedar evaluates the first and, depending on its value, others.
    fn operands<'p>(&self, expr: &'p Expr, reached: bool, lines: &mut Lines<'p>) -> Vec<Expression> {
        match expr.expr_kind() {
            ExprKind::Lit(_) | ExprKind::Var(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => Vec::new(),
            ExprKind::And { .. } => {
                self.sequence(&conjuncts(expr), Some(expr), reached, lines, |value| is_bool(value, true))
            }
            ExprKind::Or { .. } => {
                self.sequence(&alternatives(expr), Some(expr), reached, lines, |value| is_bool(value, false))
            }
            ExprKind::If { test_expr, then_expr, else_expr } => {
                let (test, value) = self.expression(test_expr, reached, lines);
                let (yes, _) = self.expression(then_expr, is_bool(value.as_ref(), true), lines);
                let (no, _) = self.expression(else_expr, is_bool(value.as_ref(), false), lines);
                vec![test, yes, no]
            }
            // `a > b` is kept as `!(a <= b)` in the very same place: what the author wrote is one operator.
            ExprKind::UnaryApp { arg, .. } if expr.source_loc().is_some() && arg.source_loc() == expr.source_loc() => {
                self.operands(arg, reached, lines)
            }
            ExprKind::UnaryApp { arg: operand, .. }
            | ExprKind::GetAttr { expr: operand, .. }
            | ExprKind::HasAttr { expr: operand, .. }
            | ExprKind::ExtHasAttr { expr: operand, .. }
            | ExprKind::Like { expr: operand, .. }
            | ExprKind::Is { expr: operand, .. } => self.strictly(vec![operand.as_ref()], expr, reached, lines),
            ExprKind::BinaryApp { arg1, arg2, .. } => {
                self.strictly(vec![arg1.as_ref(), arg2.as_ref()], expr, reached, lines)
            }
            ExprKind::ExtensionFunctionApp { args, .. } => self.strictly(args.iter().collect(), expr, reached, lines),
            ExprKind::Set(items) => self.strictly(items.iter().collect(), expr, reached, lines),
            ExprKind::Record(fields) => self.strictly(fields.values().collect(), expr, reached, lines),
        }
    }

    /// Operands of which each is evaluated unless one before it errs.
    fn strictly<'p>(
        &self,
        operands: Vec<&'p Expr>,
        of: &'p Expr,
        reached: bool,
        lines: &mut Lines<'p>,
    ) -> Vec<Expression> {
        self.sequence(&operands, Some(of), reached, lines, |value| matches!(value, Some(Ok(_))))
    }

    /// Operands from left to right, as long as `goes_on` holds of the value before.
    fn sequence<'p>(
        &self,
        operands: &[&'p Expr],
        of: Option<&'p Expr>,
        mut reached: bool,
        lines: &mut Lines<'p>,
        goes_on: impl Fn(Option<&Interpreted>) -> bool,
    ) -> Vec<Expression> {
        let mut all: Vec<Expression> = Vec::with_capacity(operands.len());
        let places: Vec<_> = operands.iter().map(|operand| operand.source_loc()).collect();
        for (at, operand) in operands.iter().enumerate() {
            let (mut expression, value) = self.expression(operand, reached, lines);
            // `a is T in g` is kept as `a is T && a in g`, all of it in one place, where the text tells nothing apart.
            let place = operand.source_loc();
            let around = [at.checked_sub(1), at.checked_add(1)].into_iter().flatten().filter_map(|at| places.get(at));
            let mut others = around.copied().chain([of.and_then(Expr::source_loc)]);
            if place.is_some() && others.any(|other| other == place) {
                expression.source = operand.to_string();
            }
            reached = goes_on(value.as_ref());
            all.push(expression);
        }
        all
    }
}

/// A value, or Cedar's words about why there is none.
pub(super) type Interpreted = Result<Value, String>;

pub(super) fn is_bool(value: Option<&Interpreted>, expected: bool) -> bool {
    let Some(Ok(value)) = value else { return false };
    matches!(value.value_kind(), ValueKind::Lit(Literal::Bool(found)) if *found == expected)
}

fn outcome_of(value: Option<&Interpreted>) -> Outcome {
    match value {
        Some(Ok(value)) => Outcome::Value(Valued::new(value)),
        Some(Err(error)) => Outcome::Error { error: error.clone() },
        None => Outcome::NotEvaluated,
    }
}
