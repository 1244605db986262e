//! The compiler proper: a Cedar policy set and its entities become the bytes that the engine opens.
//!
//! ```text
//! policies ─ translate ─► shared expressions ─ guard ─► index ┐
//! entities ─ store ─────► tables ─────────────────────────────┼─ write ─► bytes
//!                         shared expressions ─ program ─► code ┘
//! ```
//!
//! `translate`, `store`, `ask` and `origin` look into cedar-policy-core, whose interior changes between releases: its version
//! is pinned exactly.

mod analysis;
mod ask;
mod error;
mod expression;
mod guard;
mod index;
mod mention;
mod origin;
mod program;
mod self_check;
mod store;
mod tables;
mod translate;
mod write;

#[cfg(test)]
mod tests;

pub use analysis::{Analysis, Never, Redundancy, Redundant, Unindexed, analyse};
pub use ask::ask;
pub(crate) use ask::ask_why;
use cedar_policy::{Entities, PolicySet};
pub use error::CompileError;
pub use guard::{Miss, NoGuard};
pub use origin::Place;
pub(crate) use origin::{GuardPart, GuardSource};
pub use self_check::self_check;
pub(crate) use translate::{alternatives, conjuncts};

/// What is compiled.
#[derive(Clone, Copy, Debug)]
pub struct PolicySource<'a> {
    /// Static policies and template links. Templates without links decide nothing and leave no trace.
    pub policies: &'a PolicySet,
    /// The store: loaded with the schema if there is one, so that action groups are in it.
    pub entities: &'a Entities,
    /// Steps that one decision may take.
    pub step_limit: u64,
}

/// A compiled policy set.
pub struct Compiled {
    /// What `palisade_engine::CompiledPolicySet::open` opens.
    pub bytes: Vec<u8>,
    /// How many policies there are, template links included.
    pub policies: usize,
    /// The worst case of every action that policies name, and of all others.
    pub worst_cases: Vec<WorstCase>,
    /// The policies that no index entry narrows down, by id: each costs a little on every request.
    pub unindexed: Vec<String>,
    sampler: self_check::Sampler,
    guards: guard::Guards,
}

/// What a decision on one action can cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorstCase {
    /// The action in Cedar's syntax; `None` for actions that no policy names.
    pub action: Option<String>,
    /// Steps if every policy that the index can lead to is evaluated to its end. Work that depends on the sizes of
    /// request values (`like`, set operations, a principal's ancestors) comes on top and is metered when it is done.
    pub steps: u64,
}

impl Compiled {
    /// The steps of the most expensive action.
    #[must_use]
    pub fn worst_case_steps(&self) -> u64 {
        self.worst_cases.iter().map(|case| case.steps).max().unwrap_or_default()
    }
}

/// Compiles a policy set. The same source gives the same bytes.
///
/// # Errors
/// Everything that the engine could not run exactly as Cedar does, each with the policy and the place in its text;
/// nothing is dropped or approximated.
pub fn compile(source: PolicySource<'_>) -> Result<Compiled, Vec<CompileError>> {
    let mut tables = tables::Tables::default();
    let mut expressions = expression::Expressions::default();
    store::add(source.entities, &mut tables).map_err(|error| vec![error])?;
    let policies = translate::policies(source.policies, &mut tables, &mut expressions)?;
    let guards = guard::choose(&policies, &expressions, &tables);
    let unindexed: Vec<String> = policies
        .iter()
        .zip(&guards.chosen)
        .filter(|(_, guard)| guard.is_none())
        .map(|(policy, _)| tables.text(policy.id).to_owned())
        .collect();
    let programs = program::assemble(&policies, &guards.probes, &expressions).map_err(|error| vec![error])?;
    let index = index::build(&policies, &guards);
    let worst_cases = worst_cases(&tables, &programs, &index);
    let worst = worst_cases.iter().map(|case| case.steps).max().unwrap_or_default();
    if worst > source.step_limit {
        return Err(vec![CompileError::over_budget(worst, source.step_limit)]);
    }
    let bytes = write::write(&tables, &policies, &guards.probes, &programs, &index, source.step_limit);
    if let Err(error) = palisade_engine::CompiledPolicySet::open(&bytes) {
        let message = format!("the engine would refuse the compiled policies: {error}");
        return Err(vec![CompileError::new("compile.rejected", message)]);
    }
    let count = policies.len();
    let sampler = self_check::Sampler { tables, policies, expressions };
    Ok(Compiled { bytes, policies: count, worst_cases, unindexed, sampler, guards })
}

impl core::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Compiled").field("policies", &self.policies).finish_non_exhaustive()
    }
}

/// The steps of a decision on each action in which everything in the index is evaluated to its end.
fn worst_cases(tables: &tables::Tables, programs: &program::Programs, index: &index::Index) -> Vec<WorstCase> {
    let any: u64 =
        index.partitions.iter().filter(|partition| partition.action.is_none()).map(|p| p.steps(programs)).sum();
    let mut cases = vec![WorstCase { action: None, steps: any }];
    for partition in &index.partitions {
        let Some(action) = partition.action else { continue };
        let Some(row) = tables.entities.get(action.index()) else { continue };
        // What stands under the action's groups is evaluated as well.
        let reached = |other: &&index::Partition| {
            other.action == Some(action) || other.action.is_some_and(|group| row.ancestors.contains(&group))
        };
        let steps: u64 = index.partitions.iter().filter(reached).map(|partition| partition.steps(programs)).sum();
        let name = format!("{}::{:?}", tables.text(row.type_name), tables.text(row.id));
        cases.push(WorstCase { action: Some(name), steps: any + steps });
    }
    cases
}
