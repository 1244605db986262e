//! Routes: from method, host and path to an action, a resource and a context, to an MCP server or to an A2A agent.

mod authority;
mod call;
mod context;
mod error;
mod grpc;
mod open;
mod path;
mod query;
mod resource;
mod rules;
mod table;
mod template;
mod trie;

pub use error::{ContextError, RouteError};

pub(crate) use authority::host;
pub(crate) use call::OpenCall;
pub(crate) use context::{ContextFault, ContextInput, OpenSource};
pub(crate) use grpc::is_grpc;
pub(crate) use open::{Target, endpoint};
pub(crate) use path::RequestPath;
pub(crate) use query::pairs as query_pairs;
pub(crate) use resource::IdTemplate;
pub(crate) use rules::check_authentication;
pub(crate) use table::RouteTable;
pub(crate) use template::PathTemplate;
