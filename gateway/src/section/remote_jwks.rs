//! A key set that the gateway fetches.

use serde::{Deserialize, Serialize};

use crate::feed::DocumentUri;
use crate::limits;

/// Where an issuer publishes its keys, and for how long they count. Gateways fetch it in the background; which Envoy cluster
/// leads there is the gateway's own configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteJwks {
    /// The `https` URL of the JWK Set. Asked for exactly as written; redirects are not followed.
    pub uri: String,
    /// Keys are fetched anew before they are this old, in seconds. Default: 600.
    #[serde(default = "default_fresh_for")]
    pub fresh_for_seconds: u64,
    /// Keys that could not be fetched anew verify nothing once they are this old, in seconds. Default: 3600.
    #[serde(default = "default_max_stale")]
    pub max_stale_seconds: u64,
    /// Tokens with unknown keys cause at most one fetch in this time, in seconds. Default: 30.
    #[serde(default = "default_cooldown")]
    pub cooldown_seconds: u64,
}

impl RemoteJwks {
    /// The key set at `uri`, with the defaults.
    #[must_use]
    pub fn at(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            fresh_for_seconds: default_fresh_for(),
            max_stale_seconds: default_max_stale(),
            cooldown_seconds: default_cooldown(),
        }
    }

    /// Whether a gateway takes the URL.
    #[must_use]
    pub fn has_acceptable_uri(&self) -> bool {
        DocumentUri::read(&self.uri).is_some()
    }
}

fn default_fresh_for() -> u64 {
    limits::JWKS_FRESH_SECONDS
}

fn default_max_stale() -> u64 {
    limits::JWKS_STALE_SECONDS
}

fn default_cooldown() -> u64 {
    limits::JWKS_COOLDOWN_SECONDS
}
