//! A route to an A2A agent, as the bundle describes it.

use serde::{Deserialize, Serialize};

use super::route::{ActionRef, ContextEntry, ResourceTemplate, RouteRules};
use crate::a2a::A2aVersion;

/// The endpoint of an agent, and what its operations mean in Cedar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct A2aRoute {
    /// The host, as in [`super::Route`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The path template of the endpoint: JSON-RPC is POSTed to it, and the paths of the REST binding lie below it.
    pub path: String,
    /// The agent. Its id has no `/`, so that it can be told from the task behind it.
    pub agent: ResourceTemplate,
    /// What is asked for besides the policies.
    #[serde(default)]
    pub rules: RouteRules,
    /// Largest body, in bytes.
    pub max_body_bytes: u32,
    /// The versions that clients may speak.
    pub versions: Vec<A2aVersion>,
    /// How a denial is said.
    pub denial: A2aDenial,
    /// Whether requests name a tenant.
    pub tenant: TenantMode,
    /// Whether the agent's id ends with the tenant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tenant_in_id: bool,
    /// Web origins that may call; without any, no web page may.
    pub origins: Vec<String>,
    /// Where the public agent card is.
    pub card: AgentCard,
    /// Where push notifications may go. Empty: to any public host, by `https` on its own port.
    pub push_targets: Vec<PushTarget>,
    /// The member of a message's metadata that names a skill. Default: none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
    /// The operations for which there are actions. Every other operation is denied.
    pub operations: Vec<OperationAction>,
}

/// How a denial is said to a client of an A2A route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum A2aDenial {
    /// Status 403; in JSON-RPC with code -31403.
    #[default]
    Http403,
    /// What an agent says of a task that it does not have, where a task was asked about.
    Hide,
}

/// Whether requests name a tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantMode {
    /// They may not.
    #[default]
    Refuse,
    /// They may.
    Optional,
    /// They must.
    Required,
}

/// The public agent card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentCard {
    /// Its path. Default: `/.well-known/agent-card.json` below the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether anybody may GET it, without credentials. If not, it is an operation like others.
    pub public: bool,
}

/// A place to which push notifications may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushTarget {
    /// Whether by `https`; if not, by `http`.
    pub https: bool,
    /// A host name in lower case, or an address as it is written in URLs. It is what is listed, private or not.
    pub host: String,
    /// Whether names below the host are meant, and not itself.
    pub subdomains: bool,
    /// The port.
    pub port: u16,
}

/// What an operation means in Cedar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationAction {
    /// The operation, such as `SendMessage`; see [`crate::A2A_OPERATIONS`].
    pub operation: String,
    /// The action.
    pub action: ActionRef,
    /// Whether the resource may be the agent.
    pub on_agent: bool,
    /// The entity type of the task that the operation is about, with ids `AGENT/TASK`, in the agent. Without it the
    /// resource is the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The context of the Cedar request.
    pub context: Vec<ContextEntry>,
}

/// What a request of an A2A route says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum A2aMember {
    /// The operation.
    Operation,
    /// The version of the protocol, such as `1.0`.
    Version,
    /// The binding: `jsonrpc` or `rest`.
    Binding,
    /// The id of the task.
    Task,
    /// The id of the context.
    Context,
    /// The tenant.
    Tenant,
    /// The id of the message.
    MessageId,
    /// Who wrote the message: `user` or `agent`.
    Role,
    /// The skill, by the route's own member of the metadata.
    Skill,
    /// The id of a push notification configuration.
    PushConfig,
    /// Where push notifications are to go: the URL.
    PushUrl,
    /// The host of that URL, in lower case.
    PushHost,
    /// The extensions that are asked for, as a set.
    Extensions,
    /// Other tasks that the message refers to, as a set.
    References,
    /// The media types that the caller takes for output, as a set.
    OutputModes,
}

impl A2aMember {
    /// Whether it is a set of strings rather than one.
    #[must_use]
    pub fn is_set(self) -> bool {
        matches!(self, Self::Extensions | Self::References | Self::OutputModes)
    }
}
