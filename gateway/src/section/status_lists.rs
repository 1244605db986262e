//! What the bundle says of an issuer's status lists.

use serde::{Deserialize, Serialize};

use crate::feed::DocumentUri;
use crate::limits;
use crate::status_list::AllowedUri;

/// Where an issuer says which of its tokens are no longer good (draft-ietf-oauth-status-list), and for how long that counts.
/// Gateways fetch the lists in the background; which Envoy cluster leads there is the gateway's own configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusLists {
    /// What becomes of the claim `status`. Default: `optional`.
    #[serde(default)]
    pub mode: StatusMode,
    /// The lists that tokens may name: `https` URLs, and with a `/` at the end all that lie below. Empty with `ignore`, and
    /// only there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uris: Vec<String>,
    /// Lists are fetched anew before they are this old, in seconds; sooner where their `ttl` is shorter. Default: 300.
    #[serde(default = "default_fresh_for")]
    pub fresh_for_seconds: u64,
    /// A list that could not be fetched anew says nothing once it is this old, in seconds. Default: 3600.
    #[serde(default = "default_max_stale")]
    pub max_stale_seconds: u64,
    /// What becomes of a token whose list is not to be had. Default: `deny`.
    #[serde(default)]
    pub on_unavailable: OnUnavailable,
}

/// What becomes of the claim `status` of an issuer's tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusMode {
    /// A token that names a list is looked up there. One without the claim has no status, and passes.
    #[default]
    Optional,
    /// Every token names a list.
    Required,
    /// Nobody looks it up.
    Ignore,
}

/// What becomes of a token whose list is not to be had: was never fetched, is too old, or has expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnavailable {
    /// It is refused.
    #[default]
    Deny,
    /// What the last list says counts until it is as old as `max_stale_seconds`; without any, the token passes for as long
    /// after somebody first asked.
    Allow,
}

impl StatusLists {
    /// Lists at these places, with the defaults.
    #[must_use]
    pub fn at(uris: Vec<String>) -> Self {
        Self {
            mode: StatusMode::default(),
            uris,
            fresh_for_seconds: default_fresh_for(),
            max_stale_seconds: default_max_stale(),
            on_unavailable: OnUnavailable::default(),
        }
    }

    /// Whether a gateway takes such a place of lists.
    #[must_use]
    pub fn is_acceptable_uri(uri: &str) -> bool {
        AllowedUri::read(uri).is_some()
    }

    /// The URL of some list that a token may name.
    #[must_use]
    pub fn example(&self) -> Option<String> {
        let first = self.uris.first()?;
        let uri = if first.ends_with('/') { format!("{first}1") } else { first.clone() };
        DocumentUri::read(&uri).map(|_| uri)
    }
}

fn default_fresh_for() -> u64 {
    limits::STATUS_FRESH_SECONDS
}

fn default_max_stale() -> u64 {
    limits::STATUS_STALE_SECONDS
}
