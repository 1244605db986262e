//! What can be said of policies without a request: which can never be true, which make no difference beside another,
//! and which the index cannot narrow down.
//!
//! Nothing is reported that is not certain: every rule comes with its argument, for all requests and for all entities
//! that a request may bring. `tests/differential/redundant.rs` holds the rules against cedar-policy.

mod atom;
mod contradiction;
mod redundant;
#[cfg(test)]
mod tests;

use cedar_policy::{Entities, PolicySet};

use super::error::CompileError;
use super::expression::Expressions;
use super::guard::{self, Guards, NoGuard};
use super::origin::{self, Place};
use super::tables::Tables;
use super::translate::{self, Policy};

/// What is known of a policy set.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// Policies that can never be true.
    pub never: Vec<Never>,
    /// Policies without which every decision is the same. They may all be removed together.
    pub redundant: Vec<Redundant>,
    /// Policies that are evaluated for each request of an action.
    pub unindexed: Vec<Unindexed>,
}

/// A policy that can never be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Never {
    /// Its id.
    pub policy: String,
    /// The conditions that cannot hold, or cannot hold together; none where its scope cannot be met.
    pub conditions: Vec<Place>,
}

/// A policy without which every decision is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redundant {
    /// Its id.
    pub policy: String,
    /// The policy that makes it so.
    pub by: String,
    /// How.
    pub how: Redundancy,
}

/// How one policy makes another redundant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redundancy {
    /// A `forbid` is true whenever the `permit` is.
    Overridden,
    /// Both have the same effect and ask the same.
    Duplicate,
    /// Both have the same effect, and the other asks for less.
    Shadowed,
}

/// A policy that is evaluated for each request of an action, or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unindexed {
    /// Its id.
    pub policy: String,
    /// The actions in Cedar's syntax; `None` for any.
    pub actions: Vec<Option<String>>,
    /// Where the search for a guard failed.
    pub reason: NoGuard,
    /// The conjuncts that [`NoGuard`] counts.
    pub conditions: Vec<Place>,
}

/// Analyses a policy set. Of two policies of which either makes the other redundant, the one of lower rank stays;
/// policies without a rank are left out of both sides of [`Analysis::never`] and [`Analysis::redundant`].
///
/// # Errors
/// What [`super::compile`] refuses, as far as it is found before programs are written.
pub fn analyse(
    policies: &PolicySet,
    entities: &Entities,
    rank: impl Fn(&str) -> Option<usize>,
) -> Result<Analysis, Vec<CompileError>> {
    let (mut tables, mut expressions) = (Tables::default(), Expressions::default());
    super::store::add(entities, &mut tables).map_err(|error| vec![error])?;
    let translated = translate::policies(policies, &mut tables, &mut expressions)?;
    let name = |policy: &Policy| tables.text(policy.id).to_owned();
    let places = |policy: &Policy| origin::places(policies, tables.text(policy.id));
    let mut never = Vec::new();
    let mut living = Vec::new();
    for policy in translated.iter().filter(|policy| rank(tables.text(policy.id)).is_some()) {
        match contradiction::find(policy, &expressions, &tables) {
            Some(conjuncts) => {
                let places = places(policy);
                let conditions = conjuncts.iter().filter_map(|at| places.get(*at).cloned()).collect();
                never.push(Never { policy: name(policy), conditions });
            }
            None => living.push(policy),
        }
    }
    living.sort_by_cached_key(|policy| rank(tables.text(policy.id)));
    let redundant = redundant::find(&living, &expressions, &tables);
    let redundant =
        redundant.into_iter().map(|(policy, by, how)| Redundant { policy: name(policy), by: name(by), how }).collect();
    let guards = guard::choose(&translated, &expressions, &tables);
    let unindexed = unindexed(&translated, &guards, &tables)
        .map(|(policy, reason, actions)| Unindexed {
            policy: name(policy),
            actions,
            reason,
            conditions: places(policy),
        })
        .collect();
    Ok(Analysis { never, redundant, unindexed })
}

fn unindexed<'a>(
    policies: &'a [Policy],
    guards: &'a Guards,
    tables: &'a Tables,
) -> impl Iterator<Item = (&'a Policy, NoGuard, Vec<Option<String>>)> {
    policies.iter().enumerate().filter_map(|(at, policy)| {
        let reason = guards.failures.get(at).copied().flatten().filter(|_| guards.narrowing(at).is_none())?;
        let action = |action: palisade_engine::EntityId| {
            let row = tables.entities.get(action.index())?;
            Some(format!("{}::{:?}", tables.text(row.type_name), tables.text(row.id)))
        };
        let actions = guard::partitions(&policy.action).into_iter().map(|partition| partition.and_then(action));
        Some((policy, reason, actions.collect()))
    })
}
