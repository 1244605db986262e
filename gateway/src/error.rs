//! Why a configuration is refused.

use std::fmt;

use crate::bundle::{BundleError, FreshnessError, RootError, TrustKeyError, TrustSetError};
use crate::revocation::RevocationError;
use crate::signed::SignedError;

/// Why a configuration is refused; the old one then keeps serving, where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// Larger than the limit.
    TooLarge,
    /// Not the JSON of a configuration.
    Syntax(String),
    /// A trust key does not read.
    TrustKey {
        /// Which one, from 0.
        index: usize,
        /// Why.
        error: TrustKeyError,
    },
    /// The keys and the threshold do not fit together.
    Trust(TrustSetError),
    /// There are both keys and a root, or neither.
    TrustSource,
    /// The root or the freshness document is not standard base64.
    TrustEncoding,
    /// The root is refused.
    Root(RootError),
    /// The root is for another channel than the one configured.
    RootChannel,
    /// The freshness document is refused.
    Freshness(FreshnessError),
    /// The cache size is above the limit.
    TokenCache,
    /// The number of remembered DPoP proofs is 0 or above the limit.
    ReplayCache,
    /// The key of DPoP nonces is not 32 bytes in standard base64.
    NonceKey,
    /// The key of MCP sessions is not 32 bytes in standard base64.
    SessionKey,
    /// No cluster is named for an issuer whose keys are fetched.
    JwksCluster {
        /// The issuer's alias.
        issuer: String,
        /// The host of its key set.
        host: String,
    },
    /// No cluster is named for an issuer whose status lists are fetched.
    StatusListCluster {
        /// The issuer's alias.
        issuer: String,
        /// The host of its lists.
        host: String,
    },
    /// There is neither a bundle nor a place to fetch one from.
    BundleSource,
    /// The place to fetch bundles from is out of range or makes no path, or there is no channel to fetch.
    BundleRemote,
    /// A candidate can only be fetched.
    Candidate,
    /// The path of the canary route is none.
    StatusPath,
    /// Where status reports go is out of range or makes no address, or there is no channel to report on.
    StatusReport,
    /// The inline bundle is not standard base64.
    BundleEncoding,
    /// The bundle is refused.
    Bundle(BundleError),
    /// Revocations are configured without a channel.
    RevocationsChannel,
    /// Nothing says where revocation lists come from.
    RevocationsSource,
    /// Where revocation lists are fetched from is out of range, or makes no path.
    RevocationsRemote,
    /// The inline revocation list is not standard base64.
    RevocationsEncoding,
    /// The inline revocation list is not signed as it must be.
    RevocationsSigned(SignedError),
    /// The inline revocation list is refused.
    Revocations(RevocationError),
}

impl ConfigError {
    /// Whether somebody has to look into it at once: two bundles of one version are signed by a thief, or by mistake.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::Bundle(BundleError::Equivocation) | Self::Revocations(RevocationError::Equivocation))
    }

    /// The stable reason code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "config.too_large",
            Self::Syntax(_) => "config.syntax",
            Self::TrustKey { .. } => "config.trust_key",
            Self::Trust(_) => "config.trust",
            Self::TrustSource => "config.trust",
            Self::TrustEncoding => "config.trust_encoding",
            Self::Root(error) => error.code(),
            Self::RootChannel => "root.channel",
            Self::Freshness(error) => error.code(),
            Self::TokenCache => "config.token_cache",
            Self::ReplayCache => "config.replay_cache",
            Self::NonceKey => "config.nonce_key",
            Self::SessionKey => "config.session_key",
            Self::JwksCluster { .. } => "config.jwks_cluster",
            Self::StatusListCluster { .. } => "config.status_list_cluster",
            Self::BundleSource => "config.bundle_source",
            Self::BundleRemote => "config.bundle_remote",
            Self::Candidate => "config.candidate",
            Self::StatusPath => "config.status_path",
            Self::StatusReport => "config.status_report",
            Self::BundleEncoding => "config.bundle_encoding",
            Self::Bundle(error) => error.code(),
            Self::RevocationsChannel => "config.revocations_channel",
            Self::RevocationsSource => "config.revocations_source",
            Self::RevocationsRemote => "config.revocations_remote",
            Self::RevocationsEncoding => "config.revocations_encoding",
            Self::RevocationsSigned(error) => error.code(),
            Self::Revocations(error) => error.code(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code())?;
        match self {
            Self::TooLarge => f.write_str("the configuration is larger than the limit"),
            Self::Syntax(detail) => write!(f, "the configuration does not read: {detail}"),
            Self::TrustKey { index, error } => write!(f, "trust key {index}: {error}"),
            Self::Trust(error) => write!(f, "{error}"),
            Self::TrustSource => f.write_str("`trust` has either `keys` or a `root`"),
            Self::TrustEncoding => f.write_str("`trust.root` or `freshness` is not standard base64"),
            Self::Root(error) => write!(f, "{error}"),
            Self::RootChannel => f.write_str("the root is for another channel"),
            Self::Freshness(error) => write!(f, "{error}"),
            Self::TokenCache => f.write_str("`token_cache.max_entries` is above the limit"),
            Self::ReplayCache => f.write_str("`dpop.replay_entries` is 0 or above the limit"),
            Self::NonceKey => f.write_str("`dpop.nonce_key` is not 32 bytes in standard base64"),
            Self::SessionKey => f.write_str("`mcp.session_key` is not 32 bytes in standard base64"),
            Self::JwksCluster { issuer, host } => {
                write!(f, "`jwks_clusters` names no cluster for `{host}`, where the keys of the issuer `{issuer}` are")
            }
            Self::StatusListCluster { issuer, host } => {
                write!(
                    f,
                    "`status_list_clusters` names no cluster for `{host}`, where status lists of the issuer `{issuer}` are"
                )
            }
            Self::BundleSource => f.write_str("`bundle` has neither `inline` nor `remote`"),
            Self::BundleRemote => f.write_str(
                "`bundle.remote` needs a `channel` that can be a file's name, a `prefix` from `/` to `/`, and sensible numbers",
            ),
            Self::Candidate => f.write_str("`candidate` needs `bundle.remote`"),
            Self::StatusPath => f.write_str("`status.path` is no path, or has a query"),
            Self::StatusReport => f.write_str(
                "`status_report` needs a `channel`, a `cluster`, an `authority` and a `path` from `/`, and sensible names and numbers",
            ),
            Self::BundleEncoding => f.write_str("the inline bundle is not standard base64"),
            Self::Bundle(error) => write!(f, "{error}"),
            Self::RevocationsChannel => f.write_str("`revocations` needs a `channel`"),
            Self::RevocationsSource => {
                f.write_str("`revocations` has neither `inline` nor `remote`, and the bundle is not fetched either")
            }
            Self::RevocationsRemote => f.write_str(
                "`revocations.remote` needs a `channel` that can be a file's name, a `prefix` from `/` to `/`, and sensible numbers",
            ),
            Self::RevocationsEncoding => f.write_str("the inline revocation list is not standard base64"),
            Self::RevocationsSigned(error) => write!(f, "the revocation list: {error}"),
            Self::Revocations(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl From<SignedError> for ConfigError {
    fn from(error: SignedError) -> Self {
        Self::RevocationsSigned(error)
    }
}

impl From<RevocationError> for ConfigError {
    fn from(error: RevocationError) -> Self {
        Self::Revocations(error)
    }
}

impl From<FreshnessError> for ConfigError {
    fn from(error: FreshnessError) -> Self {
        Self::Freshness(error)
    }
}

impl From<BundleError> for ConfigError {
    fn from(error: BundleError) -> Self {
        Self::Bundle(error)
    }
}
