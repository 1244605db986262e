//! A compiled policy set, opened: everything in it is checked once, here.

use crate::aggregate::{Aggregates, Lists};
use crate::entities::Entities;
use crate::error::OpenError;
use crate::ids::{EntityId, PolicyIndex};
use crate::index::Index;
use crate::opening::{OpeningStep, PolicySetOpening};
use crate::policy::Policies;
use crate::program::Programs;
use crate::strings::Strings;
use crate::value::Value;

/// A policy set in compiled form, verified: evaluation can trust every id, jump and table in it.
pub struct CompiledPolicySet {
    pub(crate) strings: Strings,
    pub(crate) entities: Entities,
    pub(crate) aggregates: Aggregates,
    pub(crate) constants: Box<[Value]>,
    pub(crate) patterns: Lists,
    pub(crate) shapes: Lists,
    pub(crate) programs: Programs,
    pub(crate) policies: Policies,
    pub(crate) index: Index,
    pub(crate) step_limit: u64,
}

impl CompiledPolicySet {
    /// Opens the bytes that the compiler wrote. They need not be trusted: whatever opens can be evaluated without
    /// panic, in bounded time and memory. Opening takes [`OPENING_FACTOR`](crate::limits::OPENING_FACTOR) times their length
    /// from the heap at most. [`PolicySetOpening`] does the same in pieces.
    ///
    /// # Errors
    /// Where the bytes are not a whole compiled policy set of this engine's [format version](crate::format::VERSION).
    pub fn open(bytes: &[u8]) -> Result<Self, OpenError> {
        let mut opening = PolicySetOpening::default();
        loop {
            match opening.step(bytes)? {
                OpeningStep::Partly(rest) => opening = rest,
                OpeningStep::Whole(set) => return Ok(set),
            }
        }
    }

    /// The id under which Cedar reports a policy; empty for a policy of another set.
    #[must_use]
    pub fn policy_id(&self, policy: PolicyIndex) -> &str {
        self.policies.get(policy).and_then(|policy| self.strings.get(policy.id)).unwrap_or_default()
    }

    /// The entity `type_name::"id"`, if policies or their store name it: it has this id in every request over this set.
    #[must_use]
    pub fn entity_id(&self, type_name: &str, id: &str) -> Option<EntityId> {
        self.entities.find(self.strings.find(type_name)?, self.strings.find(id)?)
    }

    /// How many policies there are, template links included.
    #[must_use]
    pub fn policy_count(&self) -> usize {
        self.policies.len()
    }

    /// How many steps one decision may take.
    #[must_use]
    pub const fn step_limit(&self) -> u64 {
        self.step_limit
    }
}

impl core::fmt::Debug for CompiledPolicySet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CompiledPolicySet").field("policies", &self.policies.len()).finish_non_exhaustive()
    }
}
