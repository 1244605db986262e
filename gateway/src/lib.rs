//! The request path of Palisade, with no host in it.
//!
//! Bytes, a clock and a [`Host`] go in; a [`Verdict`] comes out. Nothing here reads files, opens sockets or knows Envoy,
//! so the same code runs in the filter and in `palisade test`.
//!
//! [`Gateway::configure`] turns a configuration and a signed bundle into a [`Gateway`]; [`Gateway::decide`] takes a
//! request's headers through credential, token, identity, route and policies to one outcome, one answer and one
//! decision record. Where the body says what is asked, [`Gateway::begin`] and [`Gateway::finish`] take its place.

mod a2a;
mod answer;
mod authenticate;
pub mod bundle;
mod byte_set;
mod candidate;
#[cfg(test)]
#[path = "../tests/gateway/cases.rs"]
mod cases;
mod certificate;
mod chance;
mod configuration;
mod cure;
mod decision_id;
mod delivery;
mod entity_text;
mod error;
mod evaluate;
mod feed;
mod gateway;
mod generation;
mod head;
mod header_map;
mod header_name;
mod hex;
mod host;
mod identity;
mod inspection;
mod json;
mod jwks;
pub mod limits;
mod mac;
mod mcp;
mod memo;
mod origin;
mod outcome;
mod pipeline;
mod plain;
mod proof;
mod record;
mod report;
mod resource;
pub mod revocation;
mod route;
mod rpc;
pub mod section;
mod shared_memory;
mod shared_secret;
pub mod signed;
mod status_list;
pub mod token;
mod transaction;
mod trust;
mod verdict;

pub use a2a::{A2aError, A2aVersion, OPERATIONS as A2A_OPERATIONS, Operation as A2aOperation, OperationReader};
pub use answer::{AnswerBuffers, AnswerError, AnswerFilter, AnswerReader, AnswerReport, AnswerStep, Rewritten};
pub use candidate::{Contrast, Trial};
pub use configuration::{
    BundleSource, ConfigurationFile, DecisionLog, DpopFile, McpFile, OnForbidError, RevocationsFile, TokenCacheFile,
    TrustFile,
};
pub use decision_id::DecisionId;
pub use delivery::{
    BundleEvent, BundleIdentity, BundleStatus, Event, ListEvent, RemoteFile, Renewal, RenewalEvent, StatusFile,
};
pub use error::ConfigError;
pub use feed::{ClusterNames, FetchError, FetchHost, FetchRequest, FetchResponse, FetchedBody, PostRequest};
pub use gateway::{Admitted, Gateway, ReceivedBody, Refreshed, Step};
pub use head::RequestHead;
pub use header_map::{Header, HeaderBuffer, HeaderMap, HeaderMapError, KeptHeaders, RESERVED_PREFIX};
pub use header_name::is_header_name;
pub use host::{Host, NativeHost};
pub use identity::{IdentityError, RequirementError};
pub use inspection::{
    BesideToken, KeyReport, KeyUse, ProofVerifier, TokenReport, TokenStatusReport, TokenVerifier, UnverifiedToken,
    WorkloadProof, inspect_keys,
};
pub use json::{Json, JsonError, JsonFault, JsonLimits, Member as JsonMember};
pub use jwks::{KeyEvent, KeyEventKind, RefreshError};
pub use mcp::{
    DefinitionError, METHODS as MCP_METHODS, McpError, MessageReader, Method as McpMethod, Revision as McpRevision,
    SessionBinding, ToolDefinitions,
};
pub use outcome::{ClientReason, Disposition, LogLevel, Outcome, Reply, Unavailable, WorkloadError};
pub use palisade_engine::Effect;
pub use proof::{ProofError, WorkloadProofError};
pub use report::{
    Fault, Part, ReportEvent, ReportedBundle, ReportedCandidate, ReportedList, State, StatusReport, StatusReportFile,
    WorkerGroup,
};
pub use route::{ContextError, RouteError};
pub use rpc::RpcError;
pub use shared_memory::{Expected, NativeMemory, Shared, SharedMemory};
pub use status_list::{StatusList, StatusListAges, StatusListError, StatusListEvent, StatusListEventKind, TokenStatus};
pub use transaction::TransactionError;
pub use verdict::{Action, Forward, PolicyNames, Verdict};

/// The header that names an MCP session, in requests and in responses.
pub const SESSION_HEADER: &str = "mcp-session-id";

/// The header that carries the decision id, to the upstream and to the client.
pub const DECISION_ID_HEADER: &str = "x-palisade-decision-id";

/// The header that tells the upstream who acts for the subject of the token, where somebody does: the current actor as Cedar
/// writes it, in printable ASCII.
pub const ACTOR_HEADER: &str = "x-palisade-actor";

/// The header that tells the upstream who is calling: the principal as Cedar writes it, in printable ASCII.
pub const PRINCIPAL_HEADER: &str = "x-palisade-principal";
