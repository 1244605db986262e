//! The Model Context Protocol: from a POST's body to the calls that policy decides on.
//!
//! The body decides, never a header that repeats it. [`read::read`] takes the bytes through strict JSON
//! ([`crate::json`]), the JSON-RPC envelope ([`crate::rpc`], [`envelope`]), the revision that the client speaks ([`revision`],
//! [`transport`]), agreement of headers with the body ([`mirror`]) and the table of methods ([`method`]) to
//! [`AskedCall`]s; each is one question to Cedar. All have to be allowed, or nothing is forwarded. What is forwarded are
//! the very bytes that were read. What an item of a list would be asked as says [`listing`], by the same code.

mod arguments;
mod ask;
mod by_name;
mod catalogue;
mod definitions;
mod denial;
mod drift;
mod envelope;
mod error;
mod listing;
mod method;
mod mirror;
mod open;
mod read;
mod reader;
mod revision;
mod session;
mod transport;
mod unknown;
mod uri;

pub use definitions::{DefinitionError, ToolDefinitions};
pub use error::McpError;
pub use method::{METHODS, Method};
pub use reader::MessageReader;
pub use revision::Revision;
pub use session::SessionBinding;

pub(crate) use arguments::{ArgumentFault, Arguments};
pub(crate) use ask::{AskedCall, MessageFacts, without_body};
pub(crate) use catalogue::Pin;
pub(crate) use denial::{Denied, RpcReply, write as write_denial};
pub(crate) use drift::SeenTools;
pub(crate) use listing::{Listed, ListedCall, may_list};
pub(crate) use open::{CallResource, INPUT, OpenMcp};
pub(crate) use read::read;
pub(crate) use session::{SessionKey, SessionUse, Sessions};
pub(crate) use transport::Transport;
pub(crate) use unknown::Known;
