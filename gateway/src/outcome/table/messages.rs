//! The rows of what every protocol of messages has in common.

use super::LogLevel::Warn;
use super::{ClientReason as C, Disposition};
use crate::json::JsonFault;
use crate::rpc::RpcError;

#[rustfmt::skip]
pub(super) fn rpc(error: RpcError) -> Disposition {
    match error {
        RpcError::Json(fault) => match fault {
            JsonFault::Empty => row!(400, C::ParseError, Warn, "json.empty"),
            JsonFault::ByteOrderMark => row!(400, C::ParseError, Warn, "json.byte_order_mark"),
            JsonFault::Utf8 => row!(400, C::ParseError, Warn, "json.utf8"),
            JsonFault::Syntax => row!(400, C::ParseError, Warn, "json.syntax"),
            JsonFault::Trailing => row!(400, C::ParseError, Warn, "json.trailing"),
            JsonFault::DuplicateMember => row!(400, C::ParseError, Warn, "json.duplicate_member"),
            JsonFault::Surrogate => row!(400, C::ParseError, Warn, "json.surrogate"),
            JsonFault::NumberLength => row!(400, C::ParseError, Warn, "json.number_length"),
            JsonFault::NumberRange => row!(400, C::ParseError, Warn, "json.number_range"),
            JsonFault::Depth => row!(400, C::ParseError, Warn, "json.depth"),
            JsonFault::Values => row!(400, C::ParseError, Warn, "json.values"),
        },
        RpcError::LookAlike => row!(400, C::InvalidMessage, Warn, "json.look_alike"),
        RpcError::NotAnObject => row!(400, C::InvalidMessage, Warn, "rpc.not_an_object"),
        RpcError::Version => row!(400, C::InvalidMessage, Warn, "rpc.version"),
        RpcError::Method => row!(400, C::InvalidMessage, Warn, "rpc.method"),
        RpcError::Id => row!(400, C::InvalidMessage, Warn, "rpc.id"),
        RpcError::Member => row!(400, C::InvalidMessage, Warn, "rpc.member"),
        RpcError::Params => row!(400, C::InvalidParams, Warn, "rpc.params"),
        RpcError::IdMissing => row!(400, C::InvalidMessage, Warn, "rpc.id_missing"),
        RpcError::IdUnexpected => row!(400, C::InvalidMessage, Warn, "rpc.id_unexpected"),
    }
}
