//! Prospects that were found for earlier questions of the same request.
//!
//! A list asks about one tool after the other, and most come to the same policies: those of a group of actions. What a
//! prospect depends on is these policies, in the order in which the index leads to them; the variables that they look at, and
//! with the context the type of the unknown in it; what an error in a forbid policy means; and what the request says of
//! entities. The first four are compared, and with the last everything is forgotten. So what is found here is what would be
//! found again, unless finding it again took more than the steps of a decision.

use core::cmp::Ordering;
use core::ops::Range;

use crate::compare::compare;
use crate::ids::PolicyIndex;
use crate::limits;
use crate::machine::{Data, Machine, Reads, Variables};
use crate::unknown::Unknown;

use super::{OnForbidError, Prospect};

/// What was found for some questions of a request.
#[derive(Default)]
pub(crate) struct Recall {
    found: Vec<Found>,
    /// The policies of each, one list after the other.
    policies: Vec<PolicyIndex>,
}

struct Found {
    policies: Range<usize>,
    reads: Reads,
    variables: Variables,
    unknown: Option<Unknown>,
    on_forbid_error: OnForbidError,
    prospect: Prospect,
}

/// What a prospect depends on, besides what the request says of entities.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'q> {
    /// The policies that were reached.
    pub(super) policies: &'q [PolicyIndex],
    /// What they look at.
    pub(super) reads: Reads,
    pub(super) unknown: Option<&'q Unknown>,
    pub(super) on_forbid_error: OnForbidError,
}

impl Recall {
    /// Forgets everything: another request begins, or this one says more of entities.
    pub(crate) fn clear(&mut self) {
        self.found.clear();
        self.policies.clear();
    }

    pub(super) fn find(&self, machine: &Machine<'_>, now: Circumstances<'_>) -> Option<Prospect> {
        let Circumstances { policies, reads, unknown, on_forbid_error } = now;
        let is_it = |found: &&Found| {
            // What is quickly told apart comes first: most tools have arguments of a type of their own.
            found.reads == reads
                && found.on_forbid_error == on_forbid_error
                && (!reads.has(Reads::CONTEXT) || is_same(found.unknown.as_ref(), unknown))
                && self.policies.get(found.policies.clone()) == Some(policies)
                && are_same(machine.data(), reads, &found.variables, &machine.variables)
        };
        self.found.iter().find(is_it).map(|found| found.prospect)
    }

    pub(super) fn keep(&mut self, machine: &Machine<'_>, now: Circumstances<'_>, prospect: Prospect) {
        let Circumstances { policies, reads, unknown, on_forbid_error } = now;
        let start = self.policies.len();
        if self.found.len() == limits::PROSPECTS_KEPT || policies.len() > limits::PROSPECT_POLICIES_KEPT - start {
            return;
        }
        self.policies.extend_from_slice(policies);
        self.found.push(Found {
            policies: start..self.policies.len(),
            reads,
            variables: machine.variables,
            unknown: unknown.cloned(),
            on_forbid_error,
            prospect,
        });
    }
}

/// Whether the variables that are looked at have the same values. Each question has a record of its own for the context, so
/// values are compared by what is in them.
fn are_same(data: Data<'_>, reads: Reads, left: &Variables, right: &Variables) -> bool {
    let mut values = left.iter().zip(right).enumerate().filter(|(variable, _)| reads.has(*variable));
    values.all(|(_, (left, right))| compare(&data, *left, *right) == Ordering::Equal)
}

fn is_same(left: Option<&Unknown>, right: Option<&Unknown>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => left.is_same(right),
        (_, _) => false,
    }
}
