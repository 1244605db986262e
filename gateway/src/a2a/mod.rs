//! The Agent2Agent protocol: from a request to the operation, the task and the agent that policy decides on.
//!
//! Two bindings and two versions lead to one table of operations ([`operation`]). In JSON-RPC the body says what is asked
//! ([`message`]), in REST the path does ([`rest`]), and a body may only repeat it. Which version it is, the name of the
//! method or the path says; the header `A2A-Version` has to agree ([`service`]). Bodies are ProtoJSON, where each member
//! has two spellings ([`members`]). What could be read in two ways is refused, and what is forwarded are the very bytes
//! that were read.

mod ask;
mod denial;
mod error;
mod facts;
mod members;
mod message;
mod open;
mod operation;
mod push;
mod reader;
mod rest;
mod service;
mod url;
mod version;

pub use error::A2aError;
pub use operation::{OPERATIONS, Operation};
pub use reader::OperationReader;
pub use version::A2aVersion;

pub(crate) use ask::{A2aRequest, AskedOperation, before_body, binding, is_public_card, read};
pub(crate) use denial::{A2aReply, write as write_denial};
pub(crate) use facts::A2aFacts;
pub(crate) use open::OpenA2a;
