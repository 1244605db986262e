//! The compiler proper: a Cedar policy set and its entities become the bytes that the engine opens.
//!
//! ```text
//! policies ─ translate ─► shared expressions ─ guard ─► index ┐
//! entities ─ store ─────► tables ─────────────────────────────┼─ write ─► bytes
//!                         shared expressions ─ program ─► code ┘
//! ```
//!
//! `translate` and `store` are the only modules that look into cedar-policy-core, whose interior changes between
//! releases: its version is pinned exactly.

mod ask;
mod error;
mod expression;
mod guard;
mod index;
mod mention;
mod program;
mod self_check;
mod store;
mod tables;
mod translate;
mod write;

#[cfg(test)]
mod tests;

pub use ask::ask;
use cedar_policy::{Entities, PolicySet};
pub use error::CompileError;
pub use self_check::self_check;

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
    /// Steps of a decision in which every policy of the set is evaluated to its end. Work that depends on the sizes of
    /// request values (`like`, set operations) comes on top and is metered when it is done.
    pub worst_case_steps: u64,
    /// The policies that no index entry narrows down, by id: each costs a little on every request.
    pub unindexed: Vec<String>,
    sampler: self_check::Sampler,
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
    let worst_case_steps = worst_case(&policies, &programs, &index);
    if worst_case_steps > source.step_limit {
        return Err(vec![CompileError::over_budget(worst_case_steps, source.step_limit)]);
    }
    let bytes = write::write(&tables, &policies, &guards.probes, &programs, &index, source.step_limit);
    if let Err(error) = palisade_engine::CompiledPolicySet::open(&bytes) {
        let message = format!("the engine would refuse the compiled policies: {error}");
        return Err(vec![CompileError::new("compile.rejected", message)]);
    }
    let count = policies.len();
    let sampler = self_check::Sampler { tables, policies, expressions };
    Ok(Compiled { bytes, policies: count, worst_case_steps, unindexed, sampler })
}

impl core::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Compiled").field("policies", &self.policies).finish_non_exhaustive()
    }
}

fn worst_case(policies: &[translate::Policy], programs: &program::Programs, index: &index::Index) -> u64 {
    let conditions: usize = programs.of_policies.iter().map(|program| programs.length(*program) + 1).sum();
    let probes: usize = programs.of_probes.iter().flatten().map(|program| programs.length(*program)).sum();
    debug_assert_eq!(policies.len(), programs.of_policies.len(), "each policy has a program");
    (conditions + probes + index.lookup_count()) as u64
}
