//! What protocols of JSON messages over HTTP have in common: JSON-RPC 2.0, and content that can be read in one way only.

mod content;
mod envelope;
mod error;
mod fold;

pub use error::RpcError;

pub(crate) use content::{ContentFault, ContentHeaders, check_content, is_listed, is_utf8_of_type, origin_is_listed};
pub(crate) use envelope::{Message, RpcIds, is_look_alike, message, push_head, request_id};
pub(crate) use fold::looks_like;
