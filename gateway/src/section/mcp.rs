//! A route to an MCP server, as the bundle describes it.

use serde::{Deserialize, Serialize};

use super::route::{ActionRef, ContextEntry, ResourceTemplate, RouteRules};
use super::types::RecordField;
use crate::bundle::Digest;
use crate::limits;
use crate::mcp::Revision;

/// The endpoint of an MCP server, and what its methods and tools mean in Cedar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpRoute {
    /// The host, as in [`super::Route`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The path template of the endpoint. POST, GET and DELETE on it belong to this route.
    pub path: String,
    /// The server. Its id has no `/`, so that it can be told from the names behind it.
    pub server: ResourceTemplate,
    /// What is asked for besides the policies.
    #[serde(default)]
    pub rules: RouteRules,
    /// Largest body, in bytes.
    pub max_body_bytes: u32,
    /// Largest answer that is filtered, or largest event of one, in bytes.
    #[serde(default = "answer_bytes")]
    pub max_answer_bytes: u32,
    /// The revisions that clients may speak.
    pub revisions: Vec<Revision>,
    /// How a denial is said.
    pub denial: Denial,
    /// What becomes of arguments that the schema does not know.
    pub unknown_arguments: UnknownArguments,
    /// Web origins that may call; without any, no web page may.
    pub origins: Vec<String>,
    /// The methods for which there are actions. Every other method is denied.
    pub methods: Vec<MethodAction>,
    /// The tools for which there are actions of their own. Every other tool is the method `tools/call`, if that has an
    /// action, and denied if not.
    pub tools: Vec<ToolAction>,
    /// The tools that were approved. Default: the server may have any, and may change them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<Catalogue>,
    /// Whether records have a digest of the arguments of tool calls. Default: they do.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub record_arguments: bool,
}

fn yes() -> bool {
    true
}

/// The tools of a server that were approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// What becomes of other tools, and of those that changed since.
    pub drift: Drift,
    /// The approved ones, in any order.
    pub tools: Vec<PinnedTool>,
}

/// An approved tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedTool {
    /// Its name.
    pub name: String,
    /// The digest of its definition; see [`crate::ToolDefinitions`].
    pub sha256: Digest,
}

/// What becomes of tools that are not in the catalogue, or not as it has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// They are told to the operator, and pass.
    Report,
    /// They are left out of lists. Those that are not in the catalogue cannot be called.
    #[default]
    Drop,
    /// A list with one of them is refused. Those that are not in the catalogue cannot be called.
    Block,
}

fn answer_bytes() -> u32 {
    limits::ANSWER_BYTES
}

/// How a denial is said to a client of an MCP route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// Status 403 with a JSON-RPC error of code -31403.
    #[default]
    Http403,
    /// Status 200 with a JSON-RPC error of code -32001 (AuthZEN COAZ-MCP).
    Coaz,
    /// Status 200 with the error that a server gives for a tool, prompt or resource that it does not have.
    Hide,
    /// Status 200 with a tool's result that is an error, so that the model sees it.
    ToolError,
}

/// What becomes of arguments that the schema does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownArguments {
    /// They deny: policy could not see them.
    #[default]
    Deny,
    /// They are forwarded unseen.
    Ignore,
}

/// What a method means in Cedar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodAction {
    /// The method, such as `tools/list`; see [`crate::MCP_METHODS`].
    pub method: String,
    /// The action.
    pub action: ActionRef,
    /// The type of what the method is about, with ids `SERVER/NAME`. Without it the resource is the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<SubjectType>,
    /// The context of the Cedar request.
    pub context: Vec<ContextEntry>,
}

/// What calling a tool means in Cedar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolAction {
    /// The tool's name, compared exactly.
    pub tool: String,
    /// The action.
    pub action: ActionRef,
    /// As in [`MethodAction`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<SubjectType>,
    /// The context of the Cedar request, without `input`.
    pub context: Vec<ContextEntry>,
    /// The arguments: the attribute `input` of the context.
    pub input: Vec<RecordField>,
    /// Headers that repeat arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub param_headers: Vec<ArgumentHeader>,
    /// Arguments whose values are recorded, by name, ascending. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recorded: Vec<String>,
}

/// The type of what a method is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectType {
    /// Its entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// Whether its entities are in the server's entity.
    pub in_server: bool,
}

/// A header `Mcp-Param-NAME` that repeats an argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArgumentHeader {
    /// `NAME`, in lower case.
    pub header: String,
    /// The argument, by path of member names.
    pub argument: Vec<String>,
}
