//! The gateway section, checked: what a bundle decides with besides its policies.

use super::{GatewaySection, SectionError};
use crate::cure::CureTable;
use crate::identity::RouteSlots;
use crate::proof::OpenDpop;
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
    pub(crate) transactions: Option<TransactionRules>,
    pub(crate) cures: CureTable,
}

impl OpenSection {
    pub(crate) fn open(section: GatewaySection) -> Result<Self, SectionError> {
        let GatewaySection { issuers, routes, mcp, resources, dpop, transaction_tokens, cures } = section;
        let mut slots = RouteSlots::default();
        let transactions = transaction_tokens.map(TransactionRules::open).transpose()?;
        let issuers = IssuerTable::open(issuers)?;
        let routes = RouteTable::open(routes, mcp, &mut slots, transactions.is_some())?;
        let dpop = dpop.map(OpenDpop::open).transpose()?;
        let resources = ResourceTable::open(resources, dpop.as_ref())?;
        let cures = CureTable::open(cures)?;
        Ok(Self { issuers, routes, slots, resources, dpop, transactions, cures })
    }
}
