//! Where in its source a policy's conjuncts stand, and the one that its guard was made from.

use core::ops::Range;

use cedar_policy::{PolicyId, PolicySet};
use cedar_policy_core::ast::{self, Expr, ExprKind, Var};
use palisade_engine::PolicyIndex;

use super::Compiled;
use super::guard::{Origin, Subject};
use super::self_check::Sampler;
use super::translate::{conjuncts, expression, span};

/// Byte range in the policy's text, as far as Cedar knows it.
pub type Place = Option<Range<usize>>;

/// What the index finds a policy by.
#[derive(Clone, Debug)]
pub(crate) struct GuardSource<'p> {
    /// The probe's number: policies of the same probe ask the request for the same key.
    pub(crate) probe: usize,
    pub(crate) part: GuardPart<'p>,
}

/// The part of a policy that its guard was made from.
#[derive(Clone, Debug)]
pub(crate) enum GuardPart<'p> {
    Principal,
    Resource,
    /// A conjunct of the conditions.
    Condition {
        guard: &'p Expr,
        /// What the conjunct compares with constants.
        key: &'p Expr,
        /// The conjuncts before it.
        before: Vec<&'p Expr>,
    },
}

/// Where each of [`conditions`] stands.
pub(super) fn places(policies: &PolicySet, policy: &str) -> Vec<Place> {
    conditions(policies, policy).into_iter().map(|conjunct| span(conjunct.source_loc())).collect()
}

/// The conjuncts of a policy's conditions, numbered as in the graph: by [`Origin`] and by
/// [`NoGuard`](super::guard::NoGuard).
fn conditions<'p>(policies: &'p PolicySet, policy: &str) -> Vec<&'p Expr> {
    let policy = policies.policy(&PolicyId::new(policy));
    let condition = policy.and_then(|policy| <_ as AsRef<ast::Policy>>::as_ref(policy).non_scope_constraints());
    condition.map(conjuncts).unwrap_or_default()
}

impl Compiled {
    /// The guard of a policy; none where it has none, or `policies` are not those that were compiled.
    pub(crate) fn guard_source<'p>(&mut self, at: PolicyIndex, policies: &'p PolicySet) -> Option<GuardSource<'p>> {
        let Self { guards, sampler: Sampler { tables, policies: compiled, expressions }, .. } = self;
        let guard = guards.chosen.get(at.index())?.as_ref()?;
        let part = match guard.origin {
            Origin::Principal => GuardPart::Principal,
            Origin::Resource => GuardPart::Resource,
            Origin::Conjunct(number) => {
                let mut before = conditions(policies, tables.text(compiled.get(at.index())?.id));
                before.truncate(number.checked_add(1)?);
                let source = before.pop()?;
                let subject = &guards.probes.get(guard.probe)?.subject;
                let key = source.subexpressions().find(|part| match (subject, part.expr_kind()) {
                    (Subject::Principal, ExprKind::Var(Var::Principal))
                    | (Subject::Resource, ExprKind::Var(Var::Resource)) => true,
                    (Subject::Principal | Subject::Resource, _) => false,
                    // Equal expressions are one node: what compiles to the probe's node is what the probe computes.
                    (Subject::Expression { key, .. }, _) => {
                        expression(part, tables, expressions).is_ok_and(|node| node == *key)
                    }
                })?;
                GuardPart::Condition { guard: source, key, before }
            }
        };
        Some(GuardSource { probe: guard.probe, part })
    }
}
