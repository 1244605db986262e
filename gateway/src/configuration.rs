//! The plugin's configuration: which bundle, and who may have signed it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::bundle::{Root, TrustKey, TrustSet};
use crate::delivery::{Canary, Remote, RemoteFile, StatusFile};
use crate::error::ConfigError;
use crate::feed::ClusterNames;
use crate::generation::Terms;
use crate::limits;
use crate::report::{Destination, StatusReportFile};
use crate::trust::Trust;

/// The configuration as JSON. Unknown and repeated members are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationFile {
    /// The bundle.
    pub bundle: BundleSource,
    /// Who may have signed it.
    pub trust: TrustFile,
    /// The channel the bundle must be for. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The lowest version that is accepted. Default: 0.
    #[serde(default)]
    pub min_version: u64,
    /// A freshness document, in standard base64: the bundle that it is about decides for longer than it says itself. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freshness: Option<String>,
    /// What an error in a `forbid` policy does. Default: deny.
    #[serde(default)]
    pub on_forbid_error: OnForbidError,
    /// Where decision records go. Default: Envoy's log.
    #[serde(default = "default_decision_log")]
    pub decision_log: Vec<DecisionLog>,
    /// The cache of verified tokens.
    #[serde(default)]
    pub token_cache: TokenCacheFile,
    /// What is kept for DPoP proofs.
    #[serde(default)]
    pub dpop: DpopFile,
    /// What workers have in common for MCP.
    #[serde(default)]
    pub mcp: McpFile,
    /// The list of what is revoked. Default: there is none, and nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocations: Option<RevocationsFile>,
    /// Whether the channel's candidate, where there is one, is asked beside the bundle that decides. Needs `bundle.remote`.
    /// Default: no.
    #[serde(default)]
    pub candidate: bool,
    /// A path at which the filter itself answers which bundle decides. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusFile>,
    /// Where the same, and more, is posted to. Needs a channel. Default: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_report: Option<StatusReportFile>,
    /// Which Envoy cluster leads to the key sets that are fetched, by the host of their URL or by the issuer's alias.
    #[serde(default, skip_serializing_if = "ClusterNames::is_empty")]
    pub jwks_clusters: ClusterNames,
    /// Which Envoy cluster leads to status lists, by the host of their URL or by the issuer's alias.
    #[serde(default, skip_serializing_if = "ClusterNames::is_empty")]
    pub status_list_clusters: ClusterNames,
}

/// Where the bundle comes from: one of these, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleSource {
    /// The bundle itself, in standard base64; with `remote`, the one to begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
    /// Where it is fetched from. Needs `channel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteFile>,
}

impl BundleSource {
    /// The bundle itself, in standard base64.
    #[must_use]
    pub fn inline(base64: String) -> Self {
        Self { inline: Some(base64), remote: None }
    }
}

/// The keys that may sign bundles and all that goes with them, or a root that says which may sign what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustFile {
    /// The keys, as [`TrustKey::parse`] reads them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
    /// How many distinct keys must have signed. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<usize>,
    /// A root document in standard base64, in place of keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
}

impl TrustFile {
    /// These keys, of which so many must have signed.
    #[must_use]
    pub fn keys(keys: Vec<String>, threshold: usize) -> Self {
        Self { keys: Some(keys), threshold: Some(threshold), root: None }
    }

    /// Whom this root says.
    #[must_use]
    pub fn root(document: &[u8]) -> Self {
        Self { keys: None, threshold: None, root: Some(STANDARD.encode(document)) }
    }

    fn open(self) -> Result<Trust, ConfigError> {
        match self {
            Self { keys: Some(keys), threshold, root: None } => {
                let read = |(index, key): (usize, &String)| {
                    TrustKey::parse(key).map_err(|error| ConfigError::TrustKey { index, error })
                };
                let keys = keys.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
                TrustSet::new(keys, threshold.unwrap_or(1)).map(Trust::Keys).map_err(ConfigError::Trust)
            }
            Self { keys: None, threshold: None, root: Some(root) } => {
                let bytes = STANDARD.decode(root).map_err(|_| ConfigError::TrustEncoding)?;
                Ok(Trust::Root(Box::new(Root::trusted(&bytes).map_err(ConfigError::Root)?)))
            }
            Self { .. } => Err(ConfigError::TrustSource),
        }
    }
}

/// What an error in a `forbid` policy does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnForbidError {
    /// The request is denied: a prohibition that cannot be evaluated counts as one.
    #[default]
    Deny,
    /// Cedar's own rule: the policy is skipped.
    Skip,
}

/// A place for decision records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionLog {
    /// Envoy's filter state, for its access log.
    FilterState,
    /// Envoy's application log.
    Log,
}

/// The cache of verified tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenCacheFile {
    /// The most tokens kept per worker; 0 verifies each token on each request. Default: 4096.
    #[serde(default = "default_cache_entries")]
    pub max_entries: usize,
}

/// What is kept for DPoP proofs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DpopFile {
    /// About how many proofs the workers of a proxy remember together; proofs that find no room are refused. Default: 65536.
    #[serde(default = "default_replay_entries")]
    pub replay_entries: usize,
    /// 32 secret bytes in standard base64, the same for every gateway that shares its clients: proofs then need a nonce that is made
    /// with them. Default: no nonces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce_key: Option<String>,
}

/// What workers have in common for MCP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpFile {
    /// 32 secret bytes in standard base64, the same for every gateway that shares its clients: the ids of MCP sessions are bound
    /// to their callers with them. Default: a secret that the workers of one proxy agree on, and that ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
}

/// The list of what is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationsFile {
    /// Whether nobody may pass without a list that is in date. Default: no.
    #[serde(default)]
    pub required: bool,
    /// The signed list, in standard base64; where lists are fetched, the one to begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
    /// Where lists are fetched from. Default: where the bundle is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteFile>,
}

impl Default for DpopFile {
    fn default() -> Self {
        Self { replay_entries: default_replay_entries(), nonce_key: None }
    }
}

fn default_replay_entries() -> usize {
    limits::REPLAY_ENTRIES
}

impl Default for TokenCacheFile {
    fn default() -> Self {
        Self { max_entries: default_cache_entries() }
    }
}

fn default_decision_log() -> Vec<DecisionLog> {
    vec![DecisionLog::Log]
}

fn default_cache_entries() -> usize {
    limits::TOKEN_CACHE_ENTRIES
}

/// The checked configuration.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// The bundle to begin with; there is one unless `remote` is.
    pub(crate) bundle: Option<Vec<u8>>,
    pub(crate) remote: Option<Remote>,
    pub(crate) canary: Option<Canary>,
    pub(crate) destination: Option<Destination>,
    /// Only where there is `remote`.
    pub(crate) candidate: bool,
    pub(crate) terms: Terms,
    pub(crate) freshness: Option<Vec<u8>>,
    pub(crate) on_forbid_error: OnForbidError,
    pub(crate) decision_log: Vec<DecisionLog>,
    pub(crate) replay_entries: usize,
    pub(crate) nonce_key: Option<[u8; 32]>,
    pub(crate) session_key: Option<[u8; 32]>,
    pub(crate) revocations: Option<RevocationsConfiguration>,
}

/// The list of what is revoked, not yet verified.
#[derive(Debug)]
pub(crate) struct RevocationsConfiguration {
    pub(crate) channel: String,
    pub(crate) is_required: bool,
    pub(crate) inline: Option<Vec<u8>>,
    pub(crate) remote: Option<Remote>,
}

impl RevocationsConfiguration {
    fn parse(file: RevocationsFile, channel: Option<&str>, bundle: Option<&RemoteFile>) -> Result<Self, ConfigError> {
        let RevocationsFile { required, inline, remote } = file;
        // Without one, any channel's list would do, and say nothing about ours.
        let channel = channel.ok_or(ConfigError::RevocationsChannel)?;
        let remote = remote.or_else(|| bundle.cloned());
        if inline.is_none() && remote.is_none() {
            return Err(ConfigError::RevocationsSource);
        }
        let remote = remote.map(|file| Remote::new(file, channel).ok_or(ConfigError::RevocationsRemote)).transpose()?;
        let inline =
            inline.map(|text| STANDARD.decode(text).map_err(|_| ConfigError::RevocationsEncoding)).transpose()?;
        Ok(Self { channel: channel.to_owned(), is_required: required, inline, remote })
    }
}

impl Configuration {
    /// Reads and checks a configuration; all or nothing.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        if bytes.len() > limits::CONFIGURATION_BYTES {
            return Err(ConfigError::TooLarge);
        }
        let ConfigurationFile {
            bundle: BundleSource { inline, remote },
            trust,
            channel,
            freshness,
            min_version,
            on_forbid_error,
            decision_log,
            token_cache: TokenCacheFile { max_entries },
            dpop: DpopFile { replay_entries, nonce_key },
            mcp: McpFile { session_key },
            candidate,
            status,
            status_report,
            jwks_clusters,
            status_list_clusters,
            revocations,
        } = serde_json::from_slice(bytes).map_err(|error| ConfigError::Syntax(error.to_string()))?;

        let trust = trust.open()?;
        let channel = match (trust.root().map(|root| root.file().channel.clone()), channel) {
            (Some(root), Some(channel)) if root != channel => return Err(ConfigError::RootChannel),
            (Some(root), _) => Some(root),
            (None, channel) => channel,
        };
        if max_entries > limits::TOKEN_CACHE_MAX_ENTRIES {
            return Err(ConfigError::TokenCache);
        }
        if !(1..=limits::REPLAY_MAX_ENTRIES).contains(&replay_entries) {
            return Err(ConfigError::ReplayCache);
        }
        let revocations = revocations
            .map(|file| RevocationsConfiguration::parse(file, channel.as_deref(), remote.as_ref()))
            .transpose()?;
        if inline.is_none() && remote.is_none() {
            return Err(ConfigError::BundleSource);
        }
        let bundle = inline.map(|text| STANDARD.decode(text).map_err(|_| ConfigError::BundleEncoding)).transpose()?;
        let channel_name = channel.as_deref().unwrap_or_default();
        let remote = remote.map(|file| Remote::new(file, channel_name).ok_or(ConfigError::BundleRemote)).transpose()?;
        let destination = status_report
            .map(|file| Destination::new(file, channel_name).ok_or(ConfigError::StatusReport))
            .transpose()?;
        if candidate && remote.is_none() {
            return Err(ConfigError::Candidate);
        }
        Ok(Self {
            bundle,
            remote,
            candidate,
            destination,
            canary: status.map(|file| Canary::new(file).ok_or(ConfigError::StatusPath)).transpose()?,
            terms: Terms {
                trust,
                freshness: None,
                channel,
                min_version,
                cache_entries: max_entries,
                jwks_clusters,
                status_list_clusters,
            },
            freshness: freshness
                .map(|text| STANDARD.decode(text).map_err(|_| ConfigError::TrustEncoding))
                .transpose()?,
            on_forbid_error,
            decision_log,
            replay_entries,
            nonce_key: secret(nonce_key, ConfigError::NonceKey)?,
            session_key: secret(session_key, ConfigError::SessionKey)?,
            revocations,
        })
    }
}

/// 32 bytes in standard base64.
fn secret(text: Option<String>, error: ConfigError) -> Result<Option<[u8; 32]>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(Some).ok_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Role, testing};

    fn code(text: &str) -> &'static str {
        Configuration::parse(text.as_bytes()).unwrap_err().code()
    }

    #[test]
    fn defaults_are_the_safe_ones() {
        let key = testing::ed25519(1).trust();
        let text = format!(r#"{{"bundle":{{"inline":"AAAA"}},"trust":{{"keys":["{key}"]}}}}"#);
        let configuration = Configuration::parse(text.as_bytes()).unwrap();
        assert_eq!(configuration.terms.trust.of(Role::Bundle).threshold(), 1);
        assert_eq!(configuration.on_forbid_error, OnForbidError::Deny);
        assert_eq!(configuration.decision_log, [DecisionLog::Log]);
        assert_eq!(configuration.terms.cache_entries, limits::TOKEN_CACHE_ENTRIES);
        assert_eq!(configuration.terms.channel, None);
        assert_eq!(configuration.terms.min_version, 0);
    }

    #[test]
    fn every_defect_refuses_the_whole() {
        let key = testing::ed25519(1).trust();
        let with = |tail: &str| format!(r#"{{"bundle":{{"inline":"AAAA"}},"trust":{{"keys":["{key}"]}}{tail}}}"#);
        for tail in [
            r#","chanel":"x""#,
            r#","channel":1"#,
            r#","min_version":-1"#,
            r#","min_version":"1""#,
            r#","min_version":1,"min_version":1"#,
            r#","on_forbid_error":"allow""#,
            r#","decision_log":["stdout"]"#,
            r#","decision_log":"log""#,
            r#","token_cache":{"max":1}"#,
            r#","jwks_clusters":[]"#,
            r#","jwks_clusters":{"idp.example":""}"#,
            r#","jwks_clusters":{"idp.example":"a","idp.example":"b"}"#,
            r#","status_list_clusters":"idp""#,
            r#","status_list_clusters":{"":"idp"}"#,
            r#","status_list_clusters":{"idp.example":"a","idp.example":"b"}"#,
        ] {
            assert_eq!(code(&with(tail)), "config.syntax", "{tail}");
        }
        assert_eq!(code(&with(r#","token_cache":{"max_entries":65537}"#)), "config.token_cache");
        for entries in ["0", "1048577"] {
            let tail = format!(r#","dpop":{{"replay_entries":{entries}}}"#);
            assert_eq!(code(&with(&tail)), "config.replay_cache");
        }
        for key in ["", "AAAA", "not base64", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(code(&with(&format!(r#","dpop":{{"nonce_key":"{key}"}}"#))), "config.nonce_key", "{key}");
        }
        for (text, expected) in [
            ("", "config.syntax"),
            ("null", "config.syntax"),
            ("{}", "config.syntax"),
            (r#"{"bundle":{"inline":"AAAA"}}"#, "config.syntax"),
            (r#"{"bundle":{"inline":"AAAA"},"trust":{"keys":[]}}"#, "config.trust"),
            (r#"{"bundle":{"inline":"AAAA"},"trust":{"keys":["ed25519:x"]}}"#, "config.trust_key"),
            (r#"{"bundle":{"remote":"x"},"trust":{"keys":["ed25519:x"]}}"#, "config.syntax"),
            (r#"{"bundle":{"inline":"AAAA","url":"x"},"trust":{"keys":["ed25519:x"]}}"#, "config.syntax"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
        assert_eq!(code(&with("").replace("AAAA", "AAA")), "config.bundle_encoding");
        let bundle = |bundle: &str, tail: &str| code(&with(tail).replace(r#"{"inline":"AAAA"}"#, bundle));
        assert_eq!(bundle("{}", ""), "config.bundle_source");
        let remote = r#"{"remote":{"cluster":"bundles","authority":"bundles.internal"}}"#;
        assert_eq!(bundle(remote, ""), "config.bundle_remote", "nobody says which channel");
        assert_eq!(bundle(remote, r#","channel":"../x""#), "config.bundle_remote");
        assert_eq!(bundle(&remote.replace(".internal", "/x"), r#","channel":"x""#), "config.bundle_remote");
        let both = remote.replacen('{', r#"{"inline":"AAA","#, 1);
        assert_eq!(bundle(&both, r#","channel":"x""#), "config.bundle_encoding");
        assert_eq!(code(&with(r#","candidate":true"#)), "config.candidate");
        for path in ["", "status", "/a b", "/a?b", "/a#b", "/\u{e9}", &format!("/{}", "x".repeat(256))] {
            assert_eq!(code(&with(&format!(r#","status":{{"path":"{path}"}}"#))), "config.status_path", "{path}");
        }
        let report = |members: &str| with(&format!(r#","channel":"x","status_report":{{{members}}}"#));
        for members in ["", r#""cluster":"a""#, r#""cluster":"a","authority":"b","url":"c""#] {
            assert_eq!(code(&report(members)), "config.syntax", "{members}");
        }
        let good = r#""cluster":"a","authority":"b""#;
        assert!(Configuration::parse(report(good).as_bytes()).is_ok());
        assert_eq!(code(&report(good).replace(r#""channel":"x","#, "")), "config.status_report", "on which channel?");
        for member in [r#""path":"reports""#, r#""interval_s":0"#, r#""gateway":"\n""#] {
            assert_eq!(code(&report(&format!("{good},{member}"))), "config.status_report", "{member}");
        }
        assert_eq!(code(&with("").replace("\"]}", "\"],\"threshold\":2}")), "config.trust");
    }
}
