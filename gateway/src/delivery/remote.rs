//! Where the files of a channel are: the configuration's `bundle.remote`.

use serde::{Deserialize, Serialize};

use crate::feed::{DocumentUri, Source};
use crate::limits;

/// Where the bundle is fetched from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteFile {
    /// The Envoy cluster that leads to the server.
    pub cluster: String,
    /// The server's `:authority`.
    pub authority: String,
    /// The path of the folder with the channel's files. Default: `/`.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// How often the server is asked, in seconds. Default: 10.
    #[serde(default = "default_poll_interval")]
    pub poll_interval_s: u64,
    /// For how long the server may wait for something new, in seconds; one that does not is asked every `poll_interval_s`.
    /// Default: 30; 0 asks for no waiting.
    #[serde(default = "default_wait")]
    pub wait_s: u32,
    /// Whether the folder has a freshness document of the channel. Default: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub freshness: bool,
}

/// Nowhere yet: no cluster and no authority.
impl Default for RemoteFile {
    fn default() -> Self {
        Self {
            cluster: String::new(),
            authority: String::new(),
            prefix: default_prefix(),
            poll_interval_s: default_poll_interval(),
            wait_s: default_wait(),
            freshness: false,
        }
    }
}

fn default_prefix() -> String {
    "/".to_owned()
}

fn default_poll_interval() -> u64 {
    limits::FEED_INTERVAL_SECONDS
}

fn default_wait() -> u32 {
    limits::FEED_WAIT_SECONDS
}

/// The files of a channel, checked.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    file: RemoteFile,
    channel: String,
}

impl Remote {
    /// `None` for what is out of range, or makes no path that every server and proxy reads in the same way.
    pub(crate) fn new(file: RemoteFile, channel: &str) -> Option<Self> {
        let RemoteFile { cluster, authority, prefix, poll_interval_s, wait_s, freshness: _ } = &file;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let is_name = channel.bytes().all(plain) && channel.starts_with(|first: char| first.is_ascii_alphanumeric());
        let is_folder = prefix.starts_with('/') && prefix.ends_with('/') && !prefix.contains(['?', '#']);
        let is_paced = (1..=limits::FEED_INTERVAL_MAX_SECONDS).contains(poll_interval_s);
        let is_good = !cluster.is_empty()
            && is_name
            && is_folder
            && is_paced
            && *wait_s <= limits::FEED_WAIT_MAX_SECONDS
            && DocumentUri::of(authority, &format!("{prefix}{channel}")).is_some();
        is_good.then(|| Self { channel: channel.to_owned(), file })
    }

    /// Whether there is a freshness document.
    pub(crate) fn has_freshness(&self) -> bool {
        self.file.freshness
    }

    /// The channel's file with this ending.
    pub(crate) fn source(&self, ending: &str, max_bytes: usize) -> Source {
        let RemoteFile { cluster, authority, prefix, poll_interval_s, wait_s, freshness: _ } = &self.file;
        Source {
            cluster: cluster.clone(),
            authority: authority.clone(),
            path: format!("{prefix}{}{ending}", self.channel),
            interval_ms: poll_interval_s.saturating_mul(1000),
            wait_seconds: *wait_s,
            max_bytes,
            may_be_absent: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> RemoteFile {
        serde_json::from_str(r#"{"cluster":"bundles","authority":"bundles.internal:8443"}"#).unwrap()
    }

    #[test]
    fn files_lie_in_one_folder() {
        let remote = Remote::new(RemoteFile { prefix: "/a/b/".to_owned(), ..file() }, "dev-1.eu").unwrap();
        let source = remote.source(".palisade", 7);
        assert_eq!(source.path, "/a/b/dev-1.eu.palisade");
        assert_eq!((source.interval_ms, source.wait_seconds, source.max_bytes), (10_000, 30, 7));
        assert_eq!(Remote::new(file(), "dev").unwrap().source(".palisade", 7).path, "/dev.palisade");
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for channel in ["", ".", "..", ".dev", "-dev", "a/b", "a b", "a?b", "a#b", "a%2e", "d\u{e9}v", "a\r\nb"] {
            assert!(Remote::new(file(), channel).is_none(), "{channel}");
        }
        for prefix in ["", "a/", "/a", "//a?/", "/a/../", "/./", "/a b/", "/a#/", "/a\\b/", "/a\n/"] {
            assert!(Remote::new(RemoteFile { prefix: prefix.to_owned(), ..file() }, "dev").is_none(), "{prefix}");
        }
        for authority in ["", "a/b", "user@a", "a b", "a:", "a:x", "a\r\nx: y"] {
            assert!(
                Remote::new(RemoteFile { authority: authority.to_owned(), ..file() }, "dev").is_none(),
                "{authority}"
            );
        }
        assert!(Remote::new(RemoteFile { cluster: String::new(), ..file() }, "dev").is_none());
        for poll_interval_s in [0, limits::FEED_INTERVAL_MAX_SECONDS + 1, u64::MAX] {
            assert!(Remote::new(RemoteFile { poll_interval_s, ..file() }, "dev").is_none());
        }
        for wait_s in [limits::FEED_WAIT_MAX_SECONDS + 1, u32::MAX] {
            assert!(Remote::new(RemoteFile { wait_s, ..file() }, "dev").is_none());
        }
    }

    #[test]
    fn unknown_members_are_refused() {
        for text in [
            "{}",
            r#"{"cluster":"a"}"#,
            r#"{"cluster":"a","authority":"b","url":"c"}"#,
            r#"{"cluster":"a","authority":"b","wait_s":-1}"#,
            r#"{"cluster":"a","authority":"b","poll_interval_s":1.5}"#,
        ] {
            assert!(serde_json::from_str::<RemoteFile>(text).is_err(), "{text}");
        }
    }
}
