//! The one table from outcomes to answers.

use super::{Outcome, Unavailable};
use crate::identity::IdentityError;
use crate::route::{ContextError, RouteError};
use crate::token::{CredentialError, TokenError};

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
    /// Credentials are needed.
    CredentialsRequired,
    /// The request carries credentials in more than one way, or cannot be read.
    InvalidRequest,
    /// The token is not accepted.
    InvalidToken,
    /// The request is not permitted.
    AccessDenied,
    /// No decision can be made now.
    Unavailable,
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
        match self {
            Self::Allowed => row!(200, C::Forwarded, Info, "policy.allow"),
            Self::Denied => row!(403, C::AccessDenied, Warn, "policy.deny"),
            Self::ForbidError => row!(403, C::AccessDenied, Error, "policy.forbid_error"),
            Self::Malformed => row!(400, C::InvalidRequest, Warn, "request.malformed"),

            Self::Credential(error) => match error {
                CredentialError::Missing => row!(401, C::CredentialsRequired, Warn, "token.missing"),
                CredentialError::Scheme => row!(401, C::CredentialsRequired, Warn, "credential.scheme"),
                CredentialError::Repeated => row!(400, C::InvalidRequest, Warn, "credential.repeated"),
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
                TokenError::KeyUnknown => row!(401, C::InvalidToken, Warn, "token.kid_unknown"),
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
                TokenError::TrustDomain => row!(401, C::InvalidToken, Warn, "token.trust_domain"),
                TokenError::KubernetesLegacy => row!(401, C::InvalidToken, Warn, "token.kubernetes_legacy"),
                TokenError::KubernetesBinding => row!(401, C::InvalidToken, Warn, "token.kubernetes_binding"),
                TokenError::KubernetesSubject => row!(401, C::InvalidToken, Warn, "token.kubernetes_subject"),
                TokenError::GithubClaimMissing => row!(401, C::InvalidToken, Warn, "token.github_claim_missing"),
            },

            Self::Identity(error) => match error {
                IdentityError::IdMissing => row!(403, C::AccessDenied, Warn, "identity.id_missing"),
                IdentityError::IdType => row!(403, C::AccessDenied, Warn, "identity.id_type"),
                IdentityError::IdInvalid => row!(403, C::AccessDenied, Warn, "identity.id_invalid"),
                IdentityError::AttributeMissing => row!(403, C::AccessDenied, Warn, "identity.attribute_missing"),
                IdentityError::AttributeType => row!(403, C::AccessDenied, Warn, "identity.attribute_type"),
                IdentityError::AttributeInvalid => row!(403, C::AccessDenied, Warn, "identity.attribute_invalid"),
                IdentityError::Parents => row!(403, C::AccessDenied, Warn, "identity.parents"),
            },

            Self::Route(error) => match error {
                RouteError::Unknown => row!(403, C::AccessDenied, Warn, "route.unknown"),
                RouteError::PathUnsafe => row!(403, C::AccessDenied, Warn, "route.path_unsafe"),
                RouteError::HostInvalid => row!(403, C::AccessDenied, Warn, "route.host_invalid"),
            },

            Self::Context(error) => match error {
                ContextError::Missing => row!(403, C::AccessDenied, Warn, "context.missing"),
                ContextError::Type => row!(403, C::AccessDenied, Warn, "context.type"),
                ContextError::HeaderRepeated => row!(403, C::AccessDenied, Warn, "context.header_repeated"),
                ContextError::HeaderNotUtf8 => row!(403, C::AccessDenied, Warn, "context.header_not_utf8"),
                ContextError::QueryRepeated => row!(403, C::AccessDenied, Warn, "context.query_repeated"),
                ContextError::QueryMalformed => row!(403, C::AccessDenied, Warn, "context.query_malformed"),
            },

            Self::Unavailable(error) => match error {
                Unavailable::BundleMissing => row!(503, C::Unavailable, Error, "bundle.missing"),
                Unavailable::BundleExpired => row!(503, C::Unavailable, Error, "bundle.expired"),
                Unavailable::BudgetSpent => row!(503, C::Unavailable, Error, "engine.budget_spent"),
                Unavailable::RequestTooLarge => row!(503, C::Unavailable, Error, "engine.request_too_large"),
                Unavailable::AncestorRedefined => row!(503, C::Unavailable, Error, "engine.ancestor_redefined"),
                Unavailable::Internal => row!(503, C::Unavailable, Error, "internal"),
            },
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
            Self::InvalidToken => "invalid_token",
            Self::AccessDenied => "access_denied",
            Self::Unavailable => "unavailable",
        }
    }

    /// The reply's `title`.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Forwarded => "Forwarded",
            Self::CredentialsRequired => "Credentials required",
            Self::InvalidRequest => "Invalid request",
            Self::InvalidToken => "Invalid token",
            Self::AccessDenied => "Access denied",
            Self::Unavailable => "Service unavailable",
        }
    }

    /// The challenge of a reply about credentials (RFC 6750 §3). Without credentials it carries no error code
    /// (§3.1), and it never says which check failed.
    #[must_use]
    pub fn challenge(self) -> Option<&'static str> {
        match self {
            Self::CredentialsRequired => Some("Bearer"),
            Self::InvalidRequest => Some("Bearer error=\"invalid_request\""),
            Self::InvalidToken => Some("Bearer error=\"invalid_token\""),
            Self::Forwarded | Self::AccessDenied | Self::Unavailable => None,
        }
    }
}
