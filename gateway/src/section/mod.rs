//! The gateway section of a bundle: issuers and routes, as the compiler writes them.
//!
//! These are plain data. Nothing uses them before [`GatewaySection::parse`] and the opened forms
//! ([`crate::token`], [`crate::route`]) have checked them; the section is signed, and still not trusted.

mod a2a;
mod cure;
mod delegation;
mod error;
mod issuer;
mod mcp;
mod open;
mod profile;
mod remote_jwks;
mod resource;
mod route;
mod status_lists;
mod transaction;
mod types;
mod upstream;
mod workload;

pub use a2a::{A2aDenial, A2aMember, A2aRoute, AgentCard, OperationAction, PushTarget, TenantMode};
pub use cure::PolicyCure;
pub use delegation::{Delegation, DelegationMode};
pub use error::{SectionError, SectionErrorKind};
pub use issuer::{Issuer, Parent, PrincipalMapping, TypedClaim};
pub use mcp::{
    ArgumentHeader, Catalogue, Denial, Drift, McpRoute, MethodAction, PinnedTool, SubjectType, ToolAction,
    UnknownArguments,
};
pub use profile::{Profile, TokenSlot};
pub use remote_jwks::RemoteJwks;
pub use resource::{Binding, DpopRules, ProtectedResource};
pub use route::{ActionRef, Authentication, ContextEntry, MessageMember, ResourceTemplate, Route, RouteRules, Source};
pub use status_lists::{OnUnavailable, StatusLists, StatusMode};
pub use transaction::{TransactionMode, TransactionTokens};
pub use types::{AttributeType, RecordField, claim_gives};
pub use upstream::{UpstreamHeader, UpstreamHeaders};
pub use workload::{BesideWorkload, WorkloadProofDraft, WorkloadProofRules};

pub(crate) use open::OpenSection;
pub(crate) use types::{check_claim, check_claim_path, check_names, check_type_name};

#[cfg(test)]
pub(crate) mod testing;

use serde::{Deserialize, Serialize};

/// Everything the gateway reads from a bundle besides the policies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySection {
    /// Who may issue tokens.
    pub issuers: Vec<Issuer>,
    /// What can be asked for.
    pub routes: Vec<Route>,
    /// MCP servers, whose requests say in their bodies what they ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mcp: Vec<McpRoute>,
    /// A2A agents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub a2a: Vec<A2aRoute>,
    /// What the gateway is to OAuth clients. Default: nothing that it says of itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ProtectedResource>,
    /// How DPoP proofs must look. Default: the scheme `DPoP` is not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop: Option<DpopRules>,
    /// How workload proof tokens must look. Needed where an issuer gives out workload identity tokens, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_proof: Option<WorkloadProofRules>,
    /// Whose transaction tokens are read. Default: nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_tokens: Option<TransactionTokens>,
    /// What clients are told that would cure a denial. Default: nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cures: Vec<PolicyCure>,
}

impl GatewaySection {
    /// Reads the section's JSON. Struct members may not repeat, and unknown ones are refused.
    ///
    /// # Errors
    ///
    /// When the bytes are not a gateway section.
    pub fn parse(bytes: &[u8]) -> Result<Self, SectionError> {
        serde_json::from_slice(bytes).map_err(|error| SectionError::new(SectionErrorKind::Syntax, error.to_string()))
    }

    /// Checks everything that opening a bundle checks, so that a compiler can refuse a section before it is signed.
    ///
    /// # Errors
    ///
    /// When a bundle with this section would be refused.
    pub fn check(&self) -> Result<(), SectionError> {
        OpenSection::open(self.clone()).map(|_| ())
    }

    /// The bytes to put into a bundle. The same section gives the same bytes.
    ///
    /// # Errors
    ///
    /// None that this type can cause; `serde_json` reports them all the same.
    pub fn encode(&self) -> Result<Vec<u8>, SectionError> {
        serde_json::to_vec(self).map_err(|error| SectionError::new(SectionErrorKind::Syntax, error.to_string()))
    }
}
