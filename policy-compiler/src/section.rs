//! Builds the gateway section of a bundle: issuers and routes of `palisade.toml`, typed by the Cedar schema.

mod a2a;
mod catalogue;
mod choice;
mod claim;
mod cures;
mod grpc;
mod issuers;
mod keys;
mod mcp;
mod protocol;
mod resources;
mod routes;
mod status_lists;
mod template;
mod transactions;
mod types;
mod workload_proof;

use std::collections::BTreeMap;

use palisade_gateway::Json;
use palisade_gateway::section::GatewaySection;

use crate::diagnostic::Findings;
use crate::project::Project;

pub(crate) use issuers::jwk_use;
use routes::Routes;
pub(crate) use status_lists::example as status_list_uri;
pub use types::SchemaTypes;
pub(crate) use workload_proof::{is_for_workloads, target as workload_target};

/// Builds the section. Everything that is wrong goes to `findings`, with its place in the project file.
///
/// `key_sets` holds a JWK Set for each issuer, by alias.
#[must_use]
pub fn build(project: &Project, key_sets: &BTreeMap<String, Json<'static>>, findings: &mut Findings) -> GatewaySection {
    let types = SchemaTypes::new(&project.schema);
    let issuers = issuers::build(&project.file.issuers, &types, key_sets, findings);
    let Routes { http, mcp, a2a } = routes::build(&project.file, &types, &project.catalogues, findings);
    GatewaySection {
        issuers,
        routes: http,
        mcp,
        a2a,
        resources: resources::build(&project.file),
        dpop: resources::dpop(&project.file, findings),
        workload_proof: workload_proof::build(&project.file, findings),
        transaction_tokens: transactions::build(&project.file, key_sets, findings),
        cures: cures::build(project, findings),
    }
}

#[cfg(test)]
mod a2a_tests;
#[cfg(test)]
mod mcp_tests;
#[cfg(test)]
mod status_lists_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod workload_proof_tests;
