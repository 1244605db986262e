//! The gateway section, checked: what a bundle decides with besides its policies.

use super::{GatewaySection, SectionError};
use crate::identity::ClaimSlots;
use crate::proof::OpenDpop;
use crate::resource::ResourceTable;
use crate::route::RouteTable;
use crate::token::IssuerTable;

/// A gateway section all of whose parts have been checked.
#[derive(Debug)]
pub(crate) struct OpenSection {
    pub(crate) issuers: IssuerTable,
    pub(crate) routes: RouteTable,
    pub(crate) claim_slots: ClaimSlots,
    pub(crate) resources: ResourceTable,
    pub(crate) dpop: Option<OpenDpop>,
}

impl OpenSection {
    pub(crate) fn open(section: GatewaySection) -> Result<Self, SectionError> {
        let GatewaySection { issuers, routes, resources, dpop } = section;
        let mut claim_slots = ClaimSlots::default();
        let issuers = IssuerTable::open(issuers)?;
        let routes = RouteTable::open(routes, &mut claim_slots)?;
        let dpop = dpop.map(OpenDpop::open).transpose()?;
        let resources = ResourceTable::open(resources, dpop.as_ref())?;
        Ok(Self { issuers, routes, claim_slots, resources, dpop })
    }
}
