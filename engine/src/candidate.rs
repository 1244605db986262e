//! The policies that the index leads to.

use crate::error::{OpenError, OpenErrorKind};
use crate::format::Table;
use crate::ids::PolicyIndex;
use crate::lineage::{Lineage, Mark};
use crate::policy::Policies;

/// A policy to consider, with what its scopes need: most that a request does not concern are told from this alone.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) policy: PolicyIndex,
    principal: Mark,
    resource: Mark,
}

impl Candidate {
    fn new(policy: PolicyIndex, policies: &Policies) -> Option<Self> {
        let scopes = policies.get(policy)?;
        Some(Self { policy, principal: scopes.principal.mark(), resource: scopes.resource.mark() })
    }

    /// Whether the policy's scopes could cover a request.
    #[inline]
    pub(crate) const fn fits(self, principal: Lineage, resource: Lineage) -> bool {
        principal.has(self.principal) & resource.has(self.resource)
    }
}

/// Makes the candidates of a table of policy numbers.
pub(crate) fn candidates(numbers: &[u32], table: Table, policies: &Policies) -> Result<Box<[Candidate]>, OpenError> {
    let mut all = Vec::with_capacity(numbers.len());
    for (at, number) in numbers.iter().enumerate() {
        let candidate = Candidate::new(PolicyIndex::new(*number), policies);
        all.push(candidate.ok_or(OpenError { section: table.label(), at, kind: OpenErrorKind::DanglingId })?);
    }
    Ok(all.into())
}
