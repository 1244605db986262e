//! The rows of what protocols of messages have in common, and those of A2A.

use super::LogLevel::Warn;
use super::{ClientReason as C, Disposition};
use crate::a2a::A2aError;
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

#[rustfmt::skip]
pub(super) fn a2a(error: A2aError) -> Disposition {
    match error {
        A2aError::ContentType => row!(415, C::UnsupportedMediaType, Warn, "a2a.content_type"),
        A2aError::ContentEncoding => row!(415, C::UnsupportedMediaType, Warn, "a2a.content_encoding"),
        A2aError::Origin => row!(403, C::AccessDenied, Warn, "a2a.origin"),
        A2aError::Upgrade => row!(400, C::InvalidMessage, Warn, "a2a.upgrade"),
        A2aError::BodyTooLarge => row!(413, C::TooLarge, Warn, "a2a.body_too_large"),
        A2aError::BodyUnexpected => row!(400, C::InvalidMessage, Warn, "a2a.body_unexpected"),
        A2aError::Rpc(error) => rpc(error),
        A2aError::Batch => row!(400, C::InvalidMessage, Warn, "a2a.batch"),
        A2aError::VersionMalformed => row!(400, C::HeaderMismatch, Warn, "a2a.version_malformed"),
        A2aError::VersionMissing => row!(400, C::UnsupportedVersion, Warn, "a2a.version_missing"),
        A2aError::VersionMismatch => row!(400, C::UnsupportedVersion, Warn, "a2a.version_mismatch"),
        A2aError::VersionUnsupported => row!(400, C::UnsupportedVersion, Warn, "a2a.version_unsupported"),
        A2aError::Extensions => row!(400, C::InvalidMessage, Warn, "a2a.extensions"),
        A2aError::Query => row!(400, C::InvalidParams, Warn, "a2a.query"),
        A2aError::OperationUnknown => row!(404, C::MethodNotFound, Warn, "a2a.operation_unknown"),
        A2aError::OperationUndeclared => row!(404, C::MethodNotFound, Warn, "a2a.operation_undeclared"),
        A2aError::Path => row!(400, C::InvalidParams, Warn, "a2a.path"),
        A2aError::MemberMissing => row!(400, C::InvalidParams, Warn, "a2a.member_missing"),
        A2aError::MemberType => row!(400, C::InvalidParams, Warn, "a2a.member_type"),
        A2aError::TaskMismatch => row!(400, C::InvalidParams, Warn, "a2a.task_mismatch"),
        A2aError::TenantMismatch => row!(400, C::InvalidParams, Warn, "a2a.tenant_mismatch"),
        A2aError::TenantUnexpected => row!(400, C::InvalidParams, Warn, "a2a.tenant_unexpected"),
        A2aError::TenantMissing => row!(400, C::InvalidParams, Warn, "a2a.tenant_missing"),
        A2aError::TenantMalformed => row!(400, C::InvalidParams, Warn, "a2a.tenant_malformed"),
        A2aError::SkillMismatch => row!(400, C::InvalidParams, Warn, "a2a.skill_mismatch"),
        A2aError::PushUrl => row!(403, C::PushTarget, Warn, "a2a.push_url"),
        A2aError::PushCount => row!(400, C::InvalidParams, Warn, "a2a.push_count"),
        A2aError::PushScheme => row!(403, C::PushTarget, Warn, "a2a.push_scheme"),
        A2aError::PushUserinfo => row!(403, C::PushTarget, Warn, "a2a.push_userinfo"),
        A2aError::PushPort => row!(403, C::PushTarget, Warn, "a2a.push_port"),
        A2aError::PushAddress => row!(403, C::PushTarget, Warn, "a2a.push_address"),
        A2aError::PushHost => row!(403, C::PushTarget, Warn, "a2a.push_host"),
    }
}
