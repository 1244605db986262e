//! A decision with an account of it: what the index did with each policy. Nothing here takes part in decisions.

use crate::decide::{Key, Outcome};
use crate::decision::Decision;
use crate::error::DecideError;
use crate::ids::{EntityId, PolicyIndex};
use crate::index::Lookup;
use crate::policy_set::CompiledPolicySet;
use crate::request::Request;
use crate::value::Value;

/// Watches a decision being made. Ordinary decisions are watched by `()`, which has no size and does nothing.
pub(crate) trait Observer {
    /// A probe was run for a lookup.
    fn probed(&mut self, lookup: &Lookup, key: Key);

    /// The index led to a policy; it is evaluated if its scope covers the request.
    fn reached(&mut self, policy: PolicyIndex, covered: bool);

    /// All policies have been evaluated.
    fn finished(self, outcome: &Outcome);
}

impl Observer for () {
    #[inline]
    fn probed(&mut self, _: &Lookup, _: Key) {}

    #[inline]
    fn reached(&mut self, _: PolicyIndex, _: bool) {}

    #[inline]
    fn finished(self, _: &Outcome) {}
}

/// How far a policy came in one decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// No part of the index that serves the request's action leads to it.
    OtherAction,
    /// A probe stands before it, and what the probe asks the request for first is not so.
    NoKey,
    /// A probe stands before it, and found a value that its guard does not ask for.
    OtherKey,
    /// The index led to it, and its scope does not cover the request.
    OutOfScope,
    /// Evaluated: false.
    NotSatisfied,
    /// Evaluated: true.
    Satisfied,
    /// Evaluated: an error.
    Erred,
}

impl Standing {
    /// Whether the policy's conditions were evaluated.
    #[must_use]
    pub const fn is_candidate(self) -> bool {
        match self {
            Self::OtherAction | Self::NoKey | Self::OtherKey | Self::OutOfScope => false,
            Self::NotSatisfied | Self::Satisfied | Self::Erred => true,
        }
    }
}

/// The standing of every policy, by [`PolicyIndex`].
struct Account<'a> {
    set: &'a CompiledPolicySet,
    standings: Vec<Standing>,
}

impl Account<'_> {
    /// Several ways may lead to a policy; the one that goes furthest counts.
    fn raise(&mut self, policy: PolicyIndex, to: Standing) {
        if let Some(standing) = self.standings.get_mut(policy.index()) {
            *standing = (*standing).max(to);
        }
    }
}

impl Observer for &mut Account<'_> {
    fn probed(&mut self, lookup: &Lookup, key: Key) {
        let standing = match key {
            Key::Nothing => Standing::NoKey,
            Key::Value(_) | Key::Everything => Standing::OtherKey,
        };
        let set = self.set;
        set.index.all(lookup).iter().for_each(|candidate| self.raise(candidate.policy, standing));
    }

    fn reached(&mut self, policy: PolicyIndex, covered: bool) {
        self.raise(policy, if covered { Standing::NotSatisfied } else { Standing::OutOfScope });
    }

    fn finished(self, outcome: &Outcome) {
        outcome.permits.iter().chain(&outcome.forbids).for_each(|policy| self.raise(*policy, Standing::Satisfied));
        outcome.errors.iter().for_each(|policy| self.raise(*policy, Standing::Erred));
    }
}

impl<'a> Request<'a> {
    /// As [`decide`](Self::decide), with the standing of every policy by its index.
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    pub fn explain(
        self,
        principal: EntityId,
        action: EntityId,
        resource: EntityId,
        context: Value,
    ) -> Result<(Decision<'a>, Vec<Standing>), DecideError> {
        let set = self.policy_set();
        let mut account = Account { set, standings: vec![Standing::OtherAction; set.policy_count()] };
        let decision = self.observe(principal, action, resource, context, &mut account)?;
        Ok((decision, account.standings))
    }
}
