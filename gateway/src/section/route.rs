//! A route, as the bundle describes it.

use serde::{Deserialize, Serialize};

use super::a2a::A2aMember;
use super::delegation::DelegationMode;
use super::transaction::TransactionMode;
use super::types::AttributeType;
use super::upstream::UpstreamHeaders;

/// One kind of request, and what it means in Cedar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The host, without port; compared without regard to ASCII case. Without it: any host. A request is looked up
    /// among its host's own routes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The methods; compared exactly (RFC 9110 §9.1).
    pub methods: Vec<String>,
    /// The path template: literal segments, `{name}` for exactly one segment, `{name*}` for the rest.
    pub path: String,
    /// The action that is asked for.
    pub action: ActionRef,
    /// The resource that it is asked for on.
    pub resource: ResourceTemplate,
    /// The context of the Cedar request.
    pub context: Vec<ContextEntry>,
    /// What is asked for besides the policies.
    #[serde(default)]
    pub rules: RouteRules,
    /// Whether requests have to be gRPC. Default: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub grpc: bool,
}

/// What a route asks for besides the policies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteRules {
    /// Scopes that the token must have, all of them, before policies are asked. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// How the user must have been authenticated. Default: anyhow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// Whether the upstream gets the request without the caller's token and proof. Default: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strip_token: bool,
    /// What the upstream is told of the decision. Default: all there is.
    #[serde(default, skip_serializing_if = "UpstreamHeaders::is_all")]
    pub upstream_headers: UpstreamHeaders,
    /// Whose rights decide where a token names actors. Default: such a request is refused.
    #[serde(default)]
    pub delegation: DelegationMode,
    /// What becomes of a transaction token. Default: it is removed.
    #[serde(default)]
    pub transaction: TransactionMode,
}

/// How a user must have been authenticated (RFC 9470).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// Values of `acr` of which the token must have one, the preferred one first. Empty: any.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// How long ago `auth_time` may be, in seconds. Default: any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<u64>,
}

/// A Cedar action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionRef {
    /// Its entity type, usually `Action`.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// Its id.
    pub id: String,
}

/// A Cedar resource whose id is built from the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceTemplate {
    /// Its entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// Its id; `{name}` stands for a value of the path template. Values must be kept apart by a literal with `/`.
    pub id: String,
}

/// One entry of the context record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextEntry {
    /// The attribute's name.
    pub name: String,
    /// Where its value comes from.
    pub source: Source,
    /// Its type; a value of another type denies.
    #[serde(rename = "type")]
    pub attribute_type: AttributeType,
    /// Whether a request without the value is refused.
    pub required: bool,
}

/// Where a context value comes from.
///
/// As JSON: `{"path": name}`, `{"query": name}`, `{"header": name}`, `{"claim": [path…]}`, `{"transaction": [path…]}`, `"method"`, `"path_text"`,
/// `"host"`, `"subject"`, `"actor"`, `"actor_chain"`, `"delegated"`, `"delegation_depth"`, `"now"`, on routes to MCP servers
/// `{"message": member}` or, on routes to A2A agents, `{"a2a": member}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A value of the path template.
    Path(String),
    /// A parameter of the query; a repeated one denies.
    Query(String),
    /// A request header; a repeated one denies, and so does one that is not UTF-8.
    Header(String),
    /// A claim of the token, by path of member names.
    Claim(Vec<String>),
    /// A claim of the transaction token, by path of member names.
    Transaction(Vec<String>),
    /// The method.
    Method,
    /// The whole path, percent-decoded, without query.
    PathText,
    /// The host, lower-case, without port.
    Host,
    /// The subject of the token, as an entity: the principal, unless an actor is.
    Subject,
    /// The current actor, as an entity; absent where nobody acts for the subject.
    Actor,
    /// All actors, as a set of entities; empty where nobody acts for the subject.
    ActorChain,
    /// Whether somebody acts for the subject.
    Delegated,
    /// How many act for the subject, one for the other.
    DelegationDepth,
    /// The time of the decision: seconds since the Unix epoch as a `long`, or a `datetime`.
    Now,
    /// What a message says of itself. Absent where the method has no such thing.
    Message(MessageMember),
    /// What a request to an agent says of itself. Absent where it has no such thing; a set is empty then.
    A2a(A2aMember),
}

/// What a message of an MCP route says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageMember {
    /// The method.
    Method,
    /// The revision that the client speaks.
    Revision,
    /// The name of a tool or a prompt.
    Name,
    /// The URI of a resource; one that can be read in two ways is refused.
    Uri,
    /// The id of a task.
    Task,
}
