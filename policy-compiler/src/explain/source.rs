//! How the parts of a policy read, and where they stand.

use std::collections::HashMap;

use cedar_policy_core::ast::{self, Expr, ExprKind, Var};
use cedar_policy_core::parser::Loc;

use crate::diagnostic::SpanJson;
use crate::source::LineIndex;

/// A part of a policy's scope.
pub(super) struct ScopePart {
    pub(super) variable: Var,
    /// As Cedar prints it, with a link's values filled in.
    pub(super) text: String,
    /// As an expression without slots.
    pub(super) condition: Expr,
}

/// The parts of a policy's scope that ask for something, in the order in which Cedar evaluates them.
pub(super) fn scope_parts(policy: &ast::Policy) -> Vec<ScopePart> {
    let (principal, resource) = (policy.principal_constraint(), policy.resource_constraint());
    let action = policy.action_constraint();
    let parts = [
        (Var::Principal, principal.to_string(), principal.as_expr()),
        (Var::Action, action.to_string(), action.as_expr()),
        (Var::Resource, resource.to_string(), resource.as_expr()),
    ];
    let parts = parts.into_iter().map(|(variable, text, condition)| ScopePart { variable, text, condition });
    parts.filter(|part| !matches!(part.condition.expr_kind(), ExprKind::Lit(_))).collect()
}

/// An expression's text on one line.
pub(super) fn source(expr: &Expr) -> String {
    let written = expr.source_loc().and_then(Loc::snippet).and_then(one_line);
    written.unwrap_or_else(|| expr.to_string())
}

/// A text with its lines joined; none where a comment or a string could go over the end of a line.
fn one_line(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim);
    let joins = |line: &str| !line.contains("//") && line.matches('"').count().is_multiple_of(2);
    let fits = !text.contains('\n') || lines.clone().all(joins);
    fits.then(|| lines.by_ref().collect::<Vec<_>>().join(" "))
}

/// The line indexes of the texts that policies were parsed from.
#[derive(Default)]
pub(super) struct Lines<'p> {
    /// By the address of the text: policies of one file share it.
    indexes: HashMap<*const u8, LineIndex<&'p str>>,
}

impl<'p> Lines<'p> {
    pub(super) fn span(&mut self, loc: &'p Loc) -> SpanJson {
        let text: &'p str = &loc.src;
        let index = self.indexes.entry(text.as_ptr()).or_insert_with(|| LineIndex::new(text));
        SpanJson::of(index, &(loc.start()..loc.end()))
    }
}
