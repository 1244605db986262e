//! Routes: from method, host and path to an action, a resource and a context.

mod authority;
mod context;
mod error;
mod open;
mod path;
mod query;
mod resource;
mod table;
mod template;
mod trie;

pub use error::{ContextError, RouteError};

pub(crate) use authority::host;
pub(crate) use context::{ContextFault, ContextInput};
pub(crate) use open::OpenRoute;
pub(crate) use path::RequestPath;
pub(crate) use table::RouteTable;
