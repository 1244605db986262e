//! The one table from outcomes to answers.

/// One row.
macro_rules! row {
    ($status:literal, $client:expr, $level:expr, $reason:literal) => {
        Disposition {
            status: $status,
            reason: $reason,
            client: $client,
            level: $level,
            metric: concat!("palisade_decisions_total.reason.", $reason),
        }
    };
}

mod messages;

use super::{Outcome, Unavailable, WorkloadError};
use crate::answer::AnswerError;
use crate::identity::{IdentityError, RequirementError};
use crate::mcp::McpError;
use crate::proof::{ProofError, WorkloadProofError};
use crate::revocation::EntryKind;
use crate::route::{ContextError, RouteError};
use crate::token::{CredentialError, TokenError};
use crate::transaction::TransactionError;

/// What an outcome answers, logs and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// The HTTP status of the reply; 200 stands for "forwarded".
    pub status: u16,
    /// The stable reason code, for records, metrics and tests. Clients do not see it.
    pub reason: &'static str,
    /// What the client is told.
    pub client: ClientReason,
    /// The level of the decision record.
    pub level: LogLevel,
    /// The counter to increment.
    pub metric: &'static str,
}

/// What a client is told: coarse, so that probing teaches nothing about tokens, routes or policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientReason {
    /// The request was forwarded; there is no reply.
    Forwarded,
    /// The request asked for metadata, which is the reply.
    Metadata,
    /// Credentials are needed.
    CredentialsRequired,
    /// The request carries credentials in more than one way, or cannot be read.
    InvalidRequest,
    /// The token is not accepted.
    InvalidToken,
    /// The token is bound to a key, and was not presented as one that is.
    InvalidBinding,
    /// The DPoP proof is missing or not accepted.
    InvalidProof,
    /// The DPoP proof needs a nonce of ours.
    NonceRequired,
    /// The token lacks a scope.
    InsufficientScope,
    /// The transaction token is missing or not accepted.
    InvalidTransaction,
    /// The workload identity token is not accepted.
    InvalidWorkloadToken,
    /// The workload proof token is missing or not accepted.
    InvalidWorkloadProof,
    /// The user must be authenticated more strongly or again.
    InsufficientAuthentication,
    /// The request is not permitted.
    AccessDenied,
    /// No decision can be made now.
    Unavailable,
    /// The body is not of a form that is read here.
    UnsupportedMediaType,
    /// The body is larger than it may be.
    TooLarge,
    /// The endpoint does not have this HTTP method.
    HttpMethod,
    /// The body is not acceptable JSON.
    ParseError,
    /// The body is not an acceptable message.
    InvalidMessage,
    /// The message lacks what its method needs.
    InvalidParams,
    /// The arguments do not fit the tool.
    InvalidArguments,
    /// The caller has no such session.
    UnknownSession,
    /// Push notifications may not go where the message has them go.
    PushTarget,
    /// The protocol, or this server, has no such method.
    MethodNotFound,
    /// A header does not say what the body says.
    HeaderMismatch,
    /// The revision of the protocol is not spoken here.
    UnsupportedVersion,
    /// The server's answer cannot be passed on.
    Answer,
}

/// The level of a decision record, in the order of Envoy's levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// A permitted request.
    Info,
    /// A denied request.
    Warn,
    /// Something is wrong with the gateway rather than with the request.
    Error,
}

impl Outcome {
    /// The row of this outcome. The only place where outcomes turn into answers.
    #[must_use]
    #[rustfmt::skip]
    pub fn disposition(self) -> Disposition {
        use ClientReason as C;
        use LogLevel::{Error, Info, Warn};
        match self {
            Self::Allowed => row!(200, C::Forwarded, Info, "policy.allow"),
            Self::Denied => row!(403, C::AccessDenied, Warn, "policy.deny"),
            // Each policy that forbade it says which scopes it wants.
            Self::ScopeLacking => row!(403, C::InsufficientScope, Warn, "policy.scope_lacking"),
            Self::AuthenticationLacking => {
                row!(401, C::InsufficientAuthentication, Warn, "policy.authentication_lacking")
            }
            Self::ForbidError => row!(403, C::AccessDenied, Error, "policy.forbid_error"),
            Self::Malformed => row!(400, C::InvalidRequest, Warn, "request.malformed"),
            Self::Metadata => row!(200, C::Metadata, Info, "metadata.served"),
            Self::Status => row!(200, C::Metadata, Info, "status.served"),
            Self::Public => row!(200, C::Forwarded, Info, "card.public"),

            Self::Credential(error) => match error {
                CredentialError::Missing => row!(401, C::CredentialsRequired, Warn, "token.missing"),
                CredentialError::Certificate => row!(401, C::CredentialsRequired, Warn, "credential.certificate"),
                CredentialError::Scheme => row!(401, C::CredentialsRequired, Warn, "credential.scheme"),
                CredentialError::Repeated => row!(400, C::InvalidRequest, Warn, "credential.repeated"),
                CredentialError::TwoMethods => row!(400, C::InvalidRequest, Warn, "credential.two_methods"),
                CredentialError::InQuery => row!(400, C::InvalidRequest, Warn, "credential.in_query"),
                CredentialError::TooLarge => row!(401, C::InvalidToken, Warn, "token.too_large"),
                CredentialError::Malformed => row!(401, C::InvalidToken, Warn, "credential.malformed"),
            },

            Self::Token(error) => match error {
                TokenError::HeaderTooLarge => row!(401, C::InvalidToken, Warn, "token.header_too_large"),
                TokenError::Parts => row!(401, C::InvalidToken, Warn, "token.parts"),
                TokenError::Encrypted => row!(401, C::InvalidToken, Warn, "token.encrypted"),
                TokenError::Base64 => row!(401, C::InvalidToken, Warn, "token.base64"),
                TokenError::Json => row!(401, C::InvalidToken, Warn, "token.json"),
                TokenError::DuplicateMember => row!(401, C::InvalidToken, Warn, "token.duplicate_member"),
                TokenError::HeaderForbidden => row!(401, C::InvalidToken, Warn, "token.header_forbidden"),
                TokenError::Critical => row!(401, C::InvalidToken, Warn, "token.crit"),
                TokenError::Type => row!(401, C::InvalidToken, Warn, "token.typ"),
                TokenError::AlgorithmNotAllowed => row!(401, C::InvalidToken, Warn, "token.alg_not_allowed"),
                TokenError::KeyIdInvalid => row!(401, C::InvalidToken, Warn, "token.kid_invalid"),
                TokenError::KeyIdMissing => row!(401, C::InvalidToken, Warn, "token.kid_missing"),
                TokenError::KeyUnknown => row!(401, C::InvalidToken, Warn, "token.kid_unknown"),
                TokenError::KeysUnavailable => row!(503, C::Unavailable, Error, "token.keys_unavailable"),
                TokenError::KeyAmbiguous => row!(401, C::InvalidToken, Warn, "token.key_ambiguous"),
                TokenError::KeyMismatch => row!(401, C::InvalidToken, Warn, "token.key_mismatch"),
                TokenError::Signature => row!(401, C::InvalidToken, Warn, "token.signature"),
                TokenError::IssuerMissing => row!(401, C::InvalidToken, Warn, "token.issuer_missing"),
                TokenError::IssuerUnknown => row!(401, C::InvalidToken, Warn, "token.issuer_unknown"),
                TokenError::ClaimType => row!(401, C::InvalidToken, Warn, "token.claim_type"),
                TokenError::ExpiryMissing => row!(401, C::InvalidToken, Warn, "token.exp_missing"),
                TokenError::Expired => row!(401, C::InvalidToken, Warn, "token.expired"),
                TokenError::NotYetValid => row!(401, C::InvalidToken, Warn, "token.not_yet_valid"),
                TokenError::IssuedInFuture => row!(401, C::InvalidToken, Warn, "token.issued_in_future"),
                TokenError::AuthorizationDetails => row!(401, C::InvalidToken, Warn, "token.authorization_details"),
                TokenError::StatusUnexpected => row!(401, C::InvalidToken, Warn, "token.status_unexpected"),
                TokenError::StatusMissing => row!(401, C::InvalidToken, Warn, "token.status_missing"),
                TokenError::StatusMalformed => row!(401, C::InvalidToken, Warn, "token.status_malformed"),
                TokenError::StatusUri => row!(401, C::InvalidToken, Warn, "token.status_uri"),
                TokenError::StatusUnavailable => row!(503, C::Unavailable, Error, "token.status_unavailable"),
                TokenError::StatusOutOfRange => row!(401, C::InvalidToken, Warn, "token.status_out_of_range"),
                TokenError::StatusInvalid => row!(401, C::InvalidToken, Warn, "token.status_invalid"),
                TokenError::StatusSuspended => row!(401, C::InvalidToken, Warn, "token.status_suspended"),
                TokenError::StatusApplication => row!(401, C::InvalidToken, Warn, "token.status_application"),
                TokenError::StatusReserved => row!(401, C::InvalidToken, Warn, "token.status_reserved"),
                TokenError::IssuedAtMissing => row!(401, C::InvalidToken, Warn, "token.issued_at_missing"),
                TokenError::Lifetime => row!(401, C::InvalidToken, Warn, "token.lifetime"),
                TokenError::AudienceMissing => row!(401, C::InvalidToken, Warn, "token.audience_missing"),
                TokenError::Audience => row!(401, C::InvalidToken, Warn, "token.audience"),
                TokenError::AudienceMultiple => row!(401, C::InvalidToken, Warn, "token.audience_multiple"),
                TokenError::OtherKind => row!(401, C::InvalidToken, Warn, "token.kind"),
                TokenError::HeaderMember => row!(401, C::InvalidToken, Warn, "token.header_member"),
                TokenError::SubjectMissing => row!(401, C::InvalidToken, Warn, "token.sub_missing"),
                TokenError::ClientIdMissing => row!(401, C::InvalidToken, Warn, "token.client_id_missing"),
                TokenError::TokenIdMissing => row!(401, C::InvalidToken, Warn, "token.jti_missing"),
                TokenError::SpiffeId => row!(401, C::InvalidToken, Warn, "token.spiffe_id"),
                TokenError::WorkloadId => row!(401, C::InvalidToken, Warn, "token.workload_id"),
                TokenError::TrustDomain => row!(401, C::InvalidToken, Warn, "token.trust_domain"),
                TokenError::KubernetesLegacy => row!(401, C::InvalidToken, Warn, "token.kubernetes_legacy"),
                TokenError::KubernetesBinding => row!(401, C::InvalidToken, Warn, "token.kubernetes_binding"),
                TokenError::KubernetesSubject => row!(401, C::InvalidToken, Warn, "token.kubernetes_subject"),
                TokenError::Confirmation => row!(401, C::InvalidToken, Warn, "token.cnf"),
                TokenError::ConfirmationUnknown => row!(401, C::InvalidToken, Warn, "token.cnf_unknown"),
                TokenError::ConfirmationMissing => row!(401, C::InvalidToken, Warn, "token.cnf_missing"),
                TokenError::ConfirmationKey => row!(401, C::InvalidToken, Warn, "token.cnf_jwk"),
                TokenError::ConfirmationKeyPrivate => row!(401, C::InvalidToken, Warn, "token.cnf_jwk_private"),
                TokenError::ConfirmationAlgorithm => row!(401, C::InvalidToken, Warn, "token.cnf_jwk_alg"),
                TokenError::GithubClaimMissing => row!(401, C::InvalidToken, Warn, "token.github_claim_missing"),
            },

            Self::Proof(error) => match error {
                ProofError::NotBound => row!(401, C::InvalidToken, Warn, "proof.not_bound"),
                ProofError::SentAsBearer => row!(401, C::InvalidBinding, Warn, "proof.sent_as_bearer"),
                ProofError::NotBoundToDpop => row!(401, C::InvalidBinding, Warn, "proof.not_bound_to_dpop"),
                ProofError::KeyMismatch => row!(401, C::InvalidBinding, Warn, "dpop.key_mismatch"),
                ProofError::Missing => row!(401, C::InvalidProof, Warn, "dpop.missing"),
                ProofError::Repeated => row!(401, C::InvalidProof, Warn, "dpop.repeated"),
                ProofError::TooLarge => row!(401, C::InvalidProof, Warn, "dpop.too_large"),
                ProofError::Malformed => row!(401, C::InvalidProof, Warn, "dpop.malformed"),
                ProofError::Type => row!(401, C::InvalidProof, Warn, "dpop.typ"),
                ProofError::Algorithm => row!(401, C::InvalidProof, Warn, "dpop.alg"),
                ProofError::HeaderForbidden => row!(401, C::InvalidProof, Warn, "dpop.header_forbidden"),
                ProofError::Key => row!(401, C::InvalidProof, Warn, "dpop.jwk"),
                ProofError::KeyPrivate => row!(401, C::InvalidProof, Warn, "dpop.jwk_private"),
                ProofError::Signature => row!(401, C::InvalidProof, Warn, "dpop.signature"),
                ProofError::ClaimMissing => row!(401, C::InvalidProof, Warn, "dpop.claim_missing"),
                ProofError::ClaimType => row!(401, C::InvalidProof, Warn, "dpop.claim_type"),
                ProofError::Method => row!(401, C::InvalidProof, Warn, "dpop.htm"),
                ProofError::Target => row!(401, C::InvalidProof, Warn, "dpop.htu"),
                ProofError::Time => row!(401, C::InvalidProof, Warn, "dpop.iat"),
                ProofError::NonceMissing => row!(401, C::NonceRequired, Warn, "dpop.nonce_missing"),
                ProofError::Nonce => row!(401, C::NonceRequired, Warn, "dpop.nonce"),
                ProofError::TokenHash => row!(401, C::InvalidProof, Warn, "dpop.ath"),
                ProofError::Replayed => row!(401, C::InvalidProof, Warn, "dpop.replayed"),
                ProofError::ReplayCacheFull => row!(503, C::Unavailable, Error, "dpop.replay_cache_full"),
                ProofError::ReplayUnknown => row!(503, C::Unavailable, Error, "dpop.replay_unknown"),
                ProofError::ReplayMemory => row!(503, C::Unavailable, Error, "dpop.replay_memory"),
                ProofError::CertificateMissing => row!(401, C::InvalidToken, Warn, "proof.certificate_missing"),
                ProofError::CertificateMismatch => row!(401, C::InvalidToken, Warn, "proof.certificate_mismatch"),
            },

            // No authentication scheme is about these headers, so the answer is not 401.
            Self::Workload(error) => match error {
                WorkloadError::Credential(error) => Self::Credential(error).disposition().of_workload_token(),
                WorkloadError::Token(error) => Self::Token(error).disposition().of_workload_token(),
                WorkloadError::Revoked(kind) => Self::Revoked(kind).disposition().of_workload_token(),
                WorkloadError::Proof(error) => match error {
                    WorkloadProofError::TokenMissing => row!(400, C::InvalidWorkloadToken, Warn, "wpt.without_token"),
                    WorkloadProofError::Missing => row!(400, C::InvalidWorkloadProof, Warn, "wpt.missing"),
                    WorkloadProofError::Repeated => row!(400, C::InvalidWorkloadProof, Warn, "wpt.repeated"),
                    WorkloadProofError::TooLarge => row!(400, C::InvalidWorkloadProof, Warn, "wpt.too_large"),
                    WorkloadProofError::Malformed => row!(400, C::InvalidWorkloadProof, Warn, "wpt.malformed"),
                    WorkloadProofError::Type => row!(400, C::InvalidWorkloadProof, Warn, "wpt.typ"),
                    WorkloadProofError::Algorithm => row!(400, C::InvalidWorkloadProof, Warn, "wpt.alg"),
                    WorkloadProofError::HeaderForbidden => row!(400, C::InvalidWorkloadProof, Warn, "wpt.header_forbidden"),
                    WorkloadProofError::Signature => row!(400, C::InvalidWorkloadProof, Warn, "wpt.signature"),
                    WorkloadProofError::ClaimMissing => row!(400, C::InvalidWorkloadProof, Warn, "wpt.claim_missing"),
                    WorkloadProofError::ClaimType => row!(400, C::InvalidWorkloadProof, Warn, "wpt.claim_type"),
                    WorkloadProofError::Audience => row!(400, C::InvalidWorkloadProof, Warn, "wpt.aud"),
                    WorkloadProofError::Expired => row!(400, C::InvalidWorkloadProof, Warn, "wpt.expired"),
                    WorkloadProofError::Lifetime => row!(400, C::InvalidWorkloadProof, Warn, "wpt.lifetime"),
                    WorkloadProofError::NotYetValid => row!(400, C::InvalidWorkloadProof, Warn, "wpt.not_yet_valid"),
                    WorkloadProofError::TokenHash => row!(400, C::InvalidWorkloadProof, Warn, "wpt.wth"),
                    WorkloadProofError::AccessTokenHash => row!(400, C::InvalidWorkloadProof, Warn, "wpt.ath"),
                    WorkloadProofError::TransactionHash => row!(400, C::InvalidWorkloadProof, Warn, "wpt.tth"),
                    WorkloadProofError::OtherHash => row!(400, C::InvalidWorkloadProof, Warn, "wpt.oth"),
                    WorkloadProofError::Replayed => row!(400, C::InvalidWorkloadProof, Warn, "wpt.replayed"),
                    WorkloadProofError::ReplayCacheFull => row!(503, C::Unavailable, Error, "wpt.replay_cache_full"),
                    WorkloadProofError::ReplayUnknown => row!(503, C::Unavailable, Error, "wpt.replay_unknown"),
                    WorkloadProofError::ReplayMemory => row!(503, C::Unavailable, Error, "wpt.replay_memory"),
                },
            },

            Self::Revoked(kind) => match kind {
                EntryKind::Token => row!(401, C::InvalidToken, Warn, "revoked.token"),
                EntryKind::Subject => row!(401, C::InvalidToken, Warn, "revoked.subject"),
                EntryKind::Client => row!(401, C::InvalidToken, Warn, "revoked.client"),
                EntryKind::Session => row!(401, C::InvalidToken, Warn, "revoked.session"),
                EntryKind::Actor => row!(401, C::InvalidToken, Warn, "revoked.actor"),
                EntryKind::Key => row!(401, C::InvalidToken, Warn, "revoked.key"),
                EntryKind::Thumbprint => row!(401, C::InvalidToken, Warn, "revoked.thumbprint"),
                EntryKind::Spiffe => row!(401, C::InvalidToken, Warn, "revoked.spiffe"),
                EntryKind::Transaction => row!(401, C::InvalidToken, Warn, "revoked.transaction"),
                // The token is as good as ever; what it is used for is not.
                EntryKind::Task => row!(403, C::AccessDenied, Warn, "revoked.task"),
                EntryKind::Issuer => row!(401, C::InvalidToken, Warn, "revoked.issuer"),
                EntryKind::Type => row!(401, C::InvalidToken, Warn, "revoked.type"),
            },

            Self::Requirement(error) => match error {
                RequirementError::Delegation => row!(403, C::AccessDenied, Warn, "delegation.refused"),
                RequirementError::Scope => row!(403, C::InsufficientScope, Warn, "scope.insufficient"),
                RequirementError::AuthenticationContext => {
                    row!(401, C::InsufficientAuthentication, Warn, "authentication.context")
                }
                RequirementError::AuthenticationAge => {
                    row!(401, C::InsufficientAuthentication, Warn, "authentication.age")
                }
            },

            Self::Identity(error) => match error {
                IdentityError::IdMissing => row!(403, C::AccessDenied, Warn, "identity.id_missing"),
                IdentityError::IdType => row!(403, C::AccessDenied, Warn, "identity.id_type"),
                IdentityError::IdInvalid => row!(403, C::AccessDenied, Warn, "identity.id_invalid"),
                IdentityError::AttributeMissing => row!(403, C::AccessDenied, Warn, "identity.attribute_missing"),
                IdentityError::AttributeType => row!(403, C::AccessDenied, Warn, "identity.attribute_type"),
                IdentityError::AttributeInvalid => row!(403, C::AccessDenied, Warn, "identity.attribute_invalid"),
                IdentityError::ActorUnexpected => row!(403, C::AccessDenied, Warn, "delegation.unexpected"),
                IdentityError::ActorMalformed => row!(403, C::AccessDenied, Warn, "delegation.malformed"),
                IdentityError::ActorId => row!(403, C::AccessDenied, Warn, "delegation.actor_id"),
                IdentityError::ActorDepth => row!(403, C::AccessDenied, Warn, "delegation.depth"),
                IdentityError::ActorLoop => row!(403, C::AccessDenied, Warn, "delegation.loop"),
                IdentityError::ActorIssuer => row!(403, C::AccessDenied, Warn, "delegation.issuer"),
                IdentityError::Parents => row!(403, C::AccessDenied, Warn, "identity.parents"),
            },

            Self::Route(error) => match error {
                RouteError::Unknown => row!(403, C::AccessDenied, Warn, "route.unknown"),
                RouteError::PathUnsafe => row!(403, C::AccessDenied, Warn, "route.path_unsafe"),
                RouteError::HostInvalid => row!(403, C::AccessDenied, Warn, "route.host_invalid"),
                RouteError::NotGrpc => row!(415, C::UnsupportedMediaType, Warn, "route.not_grpc"),
            },

            Self::Mcp(error) => match error {
                McpError::ContentType => row!(415, C::UnsupportedMediaType, Warn, "mcp.content_type"),
                McpError::ContentEncoding => row!(415, C::UnsupportedMediaType, Warn, "mcp.content_encoding"),
                McpError::Origin => row!(403, C::AccessDenied, Warn, "mcp.origin"),
                McpError::Session => row!(400, C::InvalidMessage, Warn, "mcp.session_malformed"),
                // 404 tells a client to begin a new session (2025-03-26, transports).
                McpError::SessionUnknown => row!(404, C::UnknownSession, Warn, "mcp.session_unknown"),
                McpError::Upgrade => row!(400, C::InvalidMessage, Warn, "mcp.upgrade"),
                McpError::BodyTooLarge => row!(413, C::TooLarge, Warn, "mcp.body_too_large"),
                McpError::BodyUnexpected => row!(400, C::InvalidMessage, Warn, "mcp.body_unexpected"),
                McpError::HttpMethod => row!(405, C::HttpMethod, Warn, "mcp.http_method"),
                McpError::VersionMalformed => row!(400, C::HeaderMismatch, Warn, "mcp.version_malformed"),
                McpError::VersionMissing => row!(400, C::HeaderMismatch, Warn, "mcp.version_missing"),
                McpError::VersionUnsupported => row!(400, C::UnsupportedVersion, Warn, "mcp.version_unsupported"),
                McpError::Rpc(error) => messages::rpc(error),
                McpError::Batch => row!(400, C::InvalidMessage, Warn, "mcp.batch"),
                McpError::BatchEmpty => row!(400, C::InvalidMessage, Warn, "mcp.batch_empty"),
                McpError::BatchContent => row!(400, C::InvalidMessage, Warn, "mcp.batch_content"),
                McpError::Response => row!(400, C::InvalidMessage, Warn, "mcp.response"),
                McpError::Meta => row!(400, C::InvalidParams, Warn, "mcp.meta"),
                McpError::HeaderMissing => row!(400, C::HeaderMismatch, Warn, "mcp.header_missing"),
                McpError::HeaderRepeated => row!(400, C::HeaderMismatch, Warn, "mcp.header_repeated"),
                McpError::HeaderEncoding => row!(400, C::HeaderMismatch, Warn, "mcp.header_encoding"),
                McpError::HeaderMismatch => row!(400, C::HeaderMismatch, Warn, "mcp.header_mismatch"),
                McpError::MethodUnknown => row!(404, C::MethodNotFound, Warn, "mcp.method_unknown"),
                McpError::MethodRevision => row!(404, C::MethodNotFound, Warn, "mcp.method_revision"),
                McpError::MethodUndeclared => row!(404, C::MethodNotFound, Warn, "mcp.method_undeclared"),
                McpError::Subject => row!(400, C::InvalidParams, Warn, "mcp.subject"),
                McpError::Uri => row!(400, C::InvalidParams, Warn, "mcp.uri"),
                McpError::ToolUnknown => row!(403, C::AccessDenied, Warn, "mcp.tool_unknown"),
                McpError::ToolUnpinned => row!(403, C::AccessDenied, Warn, "mcp.tool_unpinned"),
                McpError::ToolDrifted => row!(403, C::AccessDenied, Warn, "mcp.tool_drifted"),
                McpError::Arguments => row!(400, C::InvalidArguments, Warn, "mcp.arguments"),
                McpError::ArgumentMissing => row!(400, C::InvalidArguments, Warn, "mcp.argument_missing"),
                McpError::ArgumentType => row!(400, C::InvalidArguments, Warn, "mcp.argument_type"),
                McpError::ArgumentUnknown => row!(400, C::InvalidArguments, Warn, "mcp.argument_unknown"),
            },

            Self::A2a(error) => messages::a2a(error),

            // No authentication scheme is about this header, so the answer is not 401.
            Self::Transaction(error) => match error {
                TransactionError::Refused => row!(400, C::InvalidTransaction, Warn, "transaction.refused"),
                TransactionError::Missing => row!(400, C::InvalidTransaction, Warn, "transaction.missing"),
                TransactionError::Repeated => row!(400, C::InvalidTransaction, Warn, "transaction.repeated"),
                TransactionError::Malformed => row!(400, C::InvalidTransaction, Warn, "transaction.malformed"),
                TransactionError::Type => row!(400, C::InvalidTransaction, Warn, "transaction.typ"),
                TransactionError::Issuer => row!(400, C::InvalidTransaction, Warn, "transaction.issuer"),
                TransactionError::Signature => row!(400, C::InvalidTransaction, Warn, "transaction.signature"),
                TransactionError::Audience => row!(400, C::InvalidTransaction, Warn, "transaction.audience"),
                TransactionError::Time => row!(400, C::InvalidTransaction, Warn, "transaction.time"),
                TransactionError::Claim => row!(400, C::InvalidTransaction, Warn, "transaction.claim"),
                TransactionError::Revoked => row!(400, C::InvalidTransaction, Warn, "transaction.revoked"),
            },

            Self::Context(error) => match error {
                ContextError::Missing => row!(403, C::AccessDenied, Warn, "context.missing"),
                ContextError::Type => row!(403, C::AccessDenied, Warn, "context.type"),
                ContextError::HeaderRepeated => row!(403, C::AccessDenied, Warn, "context.header_repeated"),
                ContextError::HeaderNotUtf8 => row!(403, C::AccessDenied, Warn, "context.header_not_utf8"),
                ContextError::QueryRepeated => row!(403, C::AccessDenied, Warn, "context.query_repeated"),
                ContextError::QueryMalformed => row!(403, C::AccessDenied, Warn, "context.query_malformed"),
            },

            Self::Answer(error) => match error {
                AnswerError::TooLarge => row!(502, C::Answer, Error, "answer.too_large"),
                AnswerError::ContentEncoding => row!(502, C::Answer, Error, "answer.content_encoding"),
                AnswerError::ContentType => row!(502, C::Answer, Error, "answer.content_type"),
                AnswerError::Json(_) => row!(502, C::Answer, Error, "answer.json"),
                AnswerError::Message => row!(502, C::Answer, Error, "answer.message"),
                AnswerError::LookAlike => row!(502, C::Answer, Error, "answer.look_alike"),
                AnswerError::EventLine => row!(502, C::Answer, Error, "answer.event_line"),
                AnswerError::Catalogue => row!(502, C::Answer, Error, "answer.catalogue"),
                AnswerError::Host => row!(502, C::Answer, Error, "answer.host"),
            },

            Self::Unavailable(error) => match error {
                Unavailable::BundleMissing => row!(503, C::Unavailable, Error, "bundle.missing"),
                Unavailable::BundleExpired => row!(503, C::Unavailable, Error, "bundle.expired"),
                Unavailable::BundleNotYetValid => row!(503, C::Unavailable, Error, "bundle.not_yet_valid"),
                Unavailable::BundleUntrusted => row!(503, C::Unavailable, Error, "bundle.untrusted"),
                Unavailable::RevocationsMissing => row!(503, C::Unavailable, Error, "revocations.missing"),
                Unavailable::RevocationsExpired => row!(503, C::Unavailable, Error, "revocations.expired"),
                Unavailable::BudgetSpent => row!(503, C::Unavailable, Error, "engine.budget_spent"),
                Unavailable::RequestTooLarge => row!(503, C::Unavailable, Error, "engine.request_too_large"),
                Unavailable::AncestorRedefined => row!(503, C::Unavailable, Error, "engine.ancestor_redefined"),
                Unavailable::BodyUnreadable => row!(503, C::Unavailable, Error, "request.body_unreadable"),
                Unavailable::Internal => row!(503, C::Unavailable, Error, "internal"),
            },
        }
    }
}

impl Disposition {
    /// The same refusal of a token that came in `Workload-Identity-Token`: another answer for the same reason.
    fn of_workload_token(self) -> Self {
        match self.status {
            401 | 400 => Self { status: 400, client: ClientReason::InvalidWorkloadToken, ..self },
            _ => self,
        }
    }
}

impl ClientReason {
    /// The word in the reply's `reason`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::CredentialsRequired => "credentials_required",
            Self::InvalidRequest => "invalid_request",
            Self::Metadata => "metadata",
            Self::InvalidToken | Self::InvalidBinding => "invalid_token",
            Self::InvalidProof => "invalid_dpop_proof",
            Self::NonceRequired => "use_dpop_nonce",
            Self::InvalidTransaction => "invalid_transaction_token",
            Self::InvalidWorkloadToken => "invalid_workload_identity_token",
            Self::InvalidWorkloadProof => "invalid_workload_proof_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InsufficientAuthentication => "insufficient_user_authentication",
            Self::AccessDenied => "access_denied",
            Self::Unavailable => "unavailable",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::TooLarge => "too_large",
            Self::HttpMethod => "method_not_allowed",
            Self::ParseError => "parse_error",
            Self::InvalidMessage => "invalid_message",
            Self::InvalidParams => "invalid_params",
            Self::InvalidArguments => "invalid_arguments",
            Self::UnknownSession => "unknown_session",
            Self::PushTarget => "push_url_refused",
            Self::MethodNotFound => "method_not_found",
            Self::HeaderMismatch => "header_mismatch",
            Self::UnsupportedVersion => "unsupported_version",
            Self::Answer => "unusable_answer",
        }
    }

    /// The reply's `title`.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Forwarded => "Forwarded",
            Self::CredentialsRequired => "Credentials required",
            Self::InvalidRequest => "Invalid request",
            Self::Metadata => "Metadata",
            Self::InvalidToken | Self::InvalidBinding => "Invalid token",
            Self::InvalidProof => "Invalid DPoP proof",
            Self::NonceRequired => "DPoP nonce required",
            Self::InvalidTransaction => "Invalid transaction token",
            Self::InvalidWorkloadToken => "Invalid workload identity token",
            Self::InvalidWorkloadProof => "Invalid workload proof token",
            Self::InsufficientScope => "Insufficient scope",
            Self::InsufficientAuthentication => "Insufficient user authentication",
            Self::AccessDenied => "Access denied",
            Self::Unavailable => "Service unavailable",
            Self::UnsupportedMediaType => "Unsupported media type",
            Self::TooLarge => "Content too large",
            Self::HttpMethod => "Method not allowed",
            Self::ParseError => "Parse error",
            Self::InvalidMessage => "Invalid message",
            Self::InvalidParams => "Invalid params",
            Self::InvalidArguments => "Invalid arguments",
            Self::UnknownSession => "Session not found",
            Self::PushTarget => "Push notification URL refused",
            Self::MethodNotFound => "Method not found",
            Self::HeaderMismatch => "Header mismatch",
            Self::UnsupportedVersion => "Unsupported protocol version",
            Self::Answer => "The server's answer cannot be passed on",
        }
    }

    /// The code of a JSON-RPC error. Those of JSON-RPC and of MCP (2026-07-28) where they say what happened; a denial has
    /// none there, and takes one outside of what they reserve.
    #[must_use]
    pub fn rpc_code(self) -> &'static str {
        match self {
            Self::Forwarded | Self::Metadata | Self::AccessDenied | Self::PushTarget | Self::InsufficientScope => {
                "-31403"
            }
            Self::CredentialsRequired
            | Self::InvalidToken
            | Self::InvalidBinding
            | Self::InvalidProof
            | Self::NonceRequired
            | Self::InvalidTransaction
            | Self::InvalidWorkloadToken
            | Self::InvalidWorkloadProof
            | Self::InsufficientAuthentication => "-31401",
            Self::Unavailable | Self::Answer => "-32603",
            Self::ParseError => "-32700",
            Self::InvalidRequest
            | Self::UnsupportedMediaType
            | Self::TooLarge
            | Self::HttpMethod
            | Self::UnknownSession
            | Self::InvalidMessage => "-32600",
            Self::InvalidParams | Self::InvalidArguments => "-32602",
            Self::MethodNotFound => "-32601",
            Self::HeaderMismatch => "-32020",
            Self::UnsupportedVersion => "-32022",
        }
    }
}
