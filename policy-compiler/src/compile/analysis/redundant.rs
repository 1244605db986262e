//! Policies without which every decision is the same.
//!
//! A decision is an allow exactly if some `permit` is true and no `forbid` is. A policy A may go if there is a policy B
//! that is true whenever A is ([`Profile::covers`]), and B has
//! - the same effect: where A matters, B says the same, or
//! - the other effect, and A is the `permit`: where A is true, the decision is a deny by B.
//!
//! Errors: a `permit` that errs changes no decision. A `forbid` that errs denies, unless a gateway is told otherwise, so
//! a `forbid` may go only if, whenever it errs, B is true or errs as well ([`Profile::errs_no_more_than`]).
//!
//! Policies go one by one, later ones first, and each because of one that is still there: by induction the decisions
//! stay the same without all of them.

use std::collections::{BTreeSet, HashMap};

use palisade_engine::{Opcode, Value};

use super::Redundancy;
use super::atom::{ActionLists, Atom, implied, of_conjunct, of_scope};
use crate::compile::expression::{Expression, ExpressionId, Expressions};
use crate::compile::tables::Tables;
use crate::compile::translate::Policy;

/// A redundant policy, the one that makes it so, and how.
pub(super) type Found<'a> = (&'a Policy, &'a Policy, Redundancy);

/// Finds the redundant among `policies`, none of which is a contradiction; of equals, the first stays.
pub(super) fn find<'a>(policies: &[&'a Policy], expressions: &Expressions, tables: &Tables) -> Vec<Found<'a>> {
    let mut profiles: Vec<Profile> = policies.iter().map(|policy| Profile::new(policy, expressions, tables)).collect();
    let mut lists = ActionLists::default();
    for profile in &profiles {
        lists.add(&profile.required);
    }
    for profile in &mut profiles {
        profile.implied = implied(&profile.required, &lists, tables);
        profile.implied_by_scope = implied(&profile.scope, &lists, tables);
    }
    let directory = Directory::new(&profiles);
    let mut gone = vec![false; profiles.len()];
    let mut found = Vec::new();
    for (at, profile) in profiles.iter().enumerate().rev() {
        let stays = |other: usize| other != at && !gone.get(other).copied().unwrap_or(true);
        let Some((other, how)) = directory.reason(profile, &profiles, stays) else { continue };
        if let (Some(policy), Some(by), Some(gone)) = (policies.get(at), policies.get(other), gone.get_mut(at)) {
            *gone = true;
            found.push((*policy, *by, how));
        }
    }
    found.reverse();
    found
}

/// A policy as this module sees it.
struct Profile {
    is_forbid: bool,
    /// What its scope asks.
    scope: BTreeSet<Atom>,
    implied_by_scope: BTreeSet<Atom>,
    conjuncts: Vec<ExpressionId>,
    cannot_err: bool,
    /// What scope and conditions ask.
    required: BTreeSet<Atom>,
    implied: BTreeSet<Atom>,
}

impl Profile {
    fn new(policy: &Policy, expressions: &Expressions, tables: &Tables) -> Self {
        let scope = of_scope(policy);
        let conjuncts = expressions.conjuncts(policy.condition);
        let mut required = scope.clone();
        for conjunct in &conjuncts {
            of_conjunct(*conjunct, expressions, tables, &mut required);
        }
        let cannot_err = conjuncts.iter().all(|conjunct| is_safe_condition(*conjunct, expressions, tables));
        let (implied_by_scope, implied) = (BTreeSet::new(), BTreeSet::new());
        Self { is_forbid: policy.is_forbid, scope, implied_by_scope, conjuncts, cannot_err, required, implied }
    }

    /// Whether this policy is true whenever the other is.
    fn covers(&self, other: &Self) -> bool {
        self.required.len() <= other.implied.len() && self.required.is_subset(&other.implied)
    }

    /// Whether another that covers this one is true or errs whenever this one errs.
    ///
    /// It is if this one cannot err. It is, too, if its scope matches wherever this one's does, and its conditions are
    /// the first ones of this one's: evaluated from left to right, they meet the same error, or end before it, true.
    fn errs_no_more_than(&self, other: &Self) -> bool {
        self.cannot_err
            || (other.scope.is_subset(&self.implied_by_scope) && self.conjuncts.starts_with(&other.conjuncts))
    }

    fn redundancy(&self, other: &Self) -> Option<Redundancy> {
        if !other.covers(self) {
            return None;
        }
        match (self.is_forbid, other.is_forbid) {
            (false, true) => Some(Redundancy::Overridden),
            (true, false) => None,
            (true, true) if !self.errs_no_more_than(other) => None,
            (true, true) | (false, false) if self.covers(other) => Some(Redundancy::Duplicate),
            (true, true) | (false, false) => Some(Redundancy::Shadowed),
        }
    }
}

/// Whether evaluation as a condition surely ends with true or false. Says no where it does not know.
fn is_safe_condition(id: ExpressionId, expressions: &Expressions, tables: &Tables) -> bool {
    let safe = |id| is_safe_condition(id, expressions, tables);
    match *expressions.get(id) {
        Expression::And(ref all) | Expression::Or(ref all) => all.iter().all(|operand| safe(*operand)),
        Expression::If(test, yes, no) => safe(test) && safe(yes) && safe(no),
        Expression::Unary(Opcode::Not, inner) => safe(inner),
        // Equality compares whatever there is.
        Expression::Binary(Opcode::Equal, a, b) => is_value(a, expressions) && is_value(b, expressions),
        // The variables are entities and a record: all may be asked for an attribute, the entities for the rest.
        Expression::Has(of, _) => matches!(expressions.get(of), Expression::Variable(_)),
        Expression::IsType(of, _) => is_entity(of, expressions),
        Expression::Binary(Opcode::In, of, group) => {
            let group = expressions.constant(group, tables);
            is_entity(of, expressions) && matches!(group, Some(Value::Entity(_)))
        }
        Expression::Constant(_) => matches!(expressions.constant(id, tables), Some(Value::Bool(_))),
        _ => false,
    }
}

/// Whether an expression is there without being computed.
fn is_value(id: ExpressionId, expressions: &Expressions) -> bool {
    matches!(expressions.get(id), Expression::Constant(_) | Expression::Variable(_))
}

fn is_entity(id: ExpressionId, expressions: &Expressions) -> bool {
    matches!(expressions.get(id), Expression::Variable(0..=2))
}

/// Where to look for the policies that may cover another: each stands under the one of its requirements that is met by
/// the fewest policies. A policy that covers another stands under something that the other implies.
struct Directory<'a> {
    entries: HashMap<(bool, Option<&'a Atom>), Vec<usize>>,
}

impl<'a> Directory<'a> {
    fn new(profiles: &'a [Profile]) -> Self {
        let mut met: HashMap<&Atom, usize> = HashMap::new();
        for atom in profiles.iter().flat_map(|profile| &profile.implied) {
            *met.entry(atom).or_default() += 1;
        }
        let mut entries: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, profile) in profiles.iter().enumerate() {
            let rarest = profile.required.iter().min_by_key(|atom| met.get(*atom));
            entries.entry((profile.is_forbid, rarest)).or_default().push(at);
        }
        Self { entries }
    }

    /// The first policy that makes one redundant; one that overrides it before one that shadows it.
    fn reason(&self, of: &Profile, all: &[Profile], stays: impl Fn(usize) -> bool) -> Option<(usize, Redundancy)> {
        let effects: &[bool] = if of.is_forbid { &[true] } else { &[true, false] };
        effects.iter().find_map(|is_forbid| {
            let keys = core::iter::once(None).chain(of.implied.iter().map(Some));
            let lists = keys.filter_map(|atom| self.entries.get(&(*is_forbid, atom)));
            let firsts = lists.filter_map(|list| {
                let mut staying = list.iter().copied().filter(|other| stays(*other));
                staying.find_map(|other| Some((other, all.get(other).and_then(|other| of.redundancy(other))?)))
            });
            firsts.min()
        })
    }
}
