//! The gateway section, checked: what a bundle decides with besides its policies.

use super::{GatewaySection, SectionError, SectionErrorKind, TokenSlot};
use crate::cure::CureTable;
use crate::identity::RouteSlots;
use crate::proof::{OpenDpop, OpenWorkloadProof};
use crate::resource::ResourceTable;
use crate::route::RouteTable;
use crate::token::IssuerTable;
use crate::transaction::TransactionRules;

/// A gateway section all of whose parts have been checked.
#[derive(Debug)]
pub(crate) struct OpenSection {
    pub(crate) issuers: IssuerTable,
    pub(crate) routes: RouteTable,
    pub(crate) slots: RouteSlots,
    pub(crate) resources: ResourceTable,
    pub(crate) dpop: Option<OpenDpop>,
    pub(crate) workload_proof: Option<OpenWorkloadProof>,
    pub(crate) transactions: Option<TransactionRules>,
    pub(crate) cures: CureTable,
}

impl OpenSection {
    pub(crate) fn open(section: GatewaySection) -> Result<Self, SectionError> {
        let GatewaySection { issuers, routes, mcp, a2a, resources, dpop, workload_proof, transaction_tokens, cures } =
            section;
        let mut slots = RouteSlots::default();
        let transactions = transaction_tokens.map(TransactionRules::open).transpose()?;
        let issuers = IssuerTable::open(issuers)?;
        let routes = RouteTable::open(routes, mcp, a2a, &mut slots, transactions.is_some())?;
        let dpop = dpop.map(OpenDpop::open).transpose()?;
        let workload_proof = workload_proof.map(OpenWorkloadProof::open).transpose()?;
        check_workloads(&issuers, workload_proof.is_some())?;
        let resources = ResourceTable::open(resources, dpop.as_ref())?;
        let cures = CureTable::open(cures)?;
        Ok(Self { issuers, routes, slots, resources, dpop, workload_proof, transactions, cures })
    }
}

/// Workload identity tokens and rules for their proofs go together: without rules nobody could prove anything, and rules that
/// nothing is proved by are not what was meant.
fn check_workloads(issuers: &IssuerTable, has_rules: bool) -> Result<(), SectionError> {
    let workloads = issuers.iter().find(|(_, issuer)| issuer.profile.slot() == TokenSlot::Workload);
    match (workloads, has_rules) {
        (Some((_, issuer)), false) => {
            let place = format!("no `workload_proof` for the issuer `{}`", issuer.alias);
            Err(SectionError::new(SectionErrorKind::Profile, place))
        }
        (None, true) => Err(SectionError::new(SectionErrorKind::Profile, "`workload_proof`, with no issuer for it")),
        (Some(_), true) | (None, false) => Ok(()),
    }
}
