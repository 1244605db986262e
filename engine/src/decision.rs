//! The answer.

use crate::ids::PolicyIndex;

/// Cedar's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Some permit is true and no forbid is.
    Allow,
    /// Everything else.
    Deny,
}

/// What Cedar says of a request.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    pub(crate) effect: Effect,
    pub(crate) reasons: &'a [PolicyIndex],
    pub(crate) errors: &'a [PolicyIndex],
    pub(crate) forbid_error: bool,
    pub(crate) steps: u64,
}

impl<'a> Decision<'a> {
    /// Allow or deny.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// The determining policies, ascending: the true forbids, or if there are none the true permits.
    #[must_use]
    pub const fn reasons(&self) -> &'a [PolicyIndex] {
        self.reasons
    }

    /// The policies that erred, ascending. Cedar skips them.
    #[must_use]
    pub const fn errors(&self) -> &'a [PolicyIndex] {
        self.errors
    }

    /// Whether a policy that erred is a forbid: one that might have denied, had it been evaluable.
    #[must_use]
    pub const fn forbid_error(&self) -> bool {
        self.forbid_error
    }

    /// The steps that the decision took.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }
}
