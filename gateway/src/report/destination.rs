//! Where reports go: the configuration's `status_report`.

use serde::{Deserialize, Serialize};

use crate::feed::DocumentUri;
use crate::limits;

/// Where status reports are posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusReportFile {
    /// The Envoy cluster that leads to the server.
    pub cluster: String,
    /// The server's `:authority`.
    pub authority: String,
    /// The path; `palisade serve` takes reports at [`StatusReportFile::PATH`], which is the default.
    #[serde(default = "default_path")]
    pub path: String,
    /// How often there is a report at least, in seconds. Whatever is new is reported at once. Default: 60.
    #[serde(default = "default_interval")]
    pub interval_s: u64,
    /// What the operator calls this gateway. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
}

impl StatusReportFile {
    /// Where `palisade serve` takes reports.
    pub const PATH: &str = "/reports";
}

/// Nowhere yet: no cluster and no authority.
impl Default for StatusReportFile {
    fn default() -> Self {
        Self {
            cluster: String::new(),
            authority: String::new(),
            path: default_path(),
            interval_s: default_interval(),
            gateway: None,
        }
    }
}

fn default_path() -> String {
    StatusReportFile::PATH.to_owned()
}

fn default_interval() -> u64 {
    limits::REPORT_INTERVAL_SECONDS
}

/// The same, checked.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) file: StatusReportFile,
    pub(crate) channel: String,
}

impl Destination {
    /// `None` for what is out of range, or makes no address that every server and proxy reads in the same way.
    pub(crate) fn new(file: StatusReportFile, channel: &str) -> Option<Self> {
        let StatusReportFile { cluster, authority, path, interval_s, gateway } = &file;
        let is_name = |name: &String| {
            !name.is_empty() && name.len() <= limits::REPORT_NAME_BYTES && !name.contains(char::is_control)
        };
        let is_good = !cluster.is_empty()
            && !channel.is_empty()
            && (limits::REPORT_INTERVAL_MIN_SECONDS..=limits::FEED_INTERVAL_MAX_SECONDS).contains(interval_s)
            && gateway.as_ref().is_none_or(is_name)
            && DocumentUri::of(authority, path).is_some();
        is_good.then(|| Self { channel: channel.to_owned(), file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> StatusReportFile {
        serde_json::from_str(r#"{"cluster":"bundles","authority":"bundles.internal:8443"}"#).unwrap()
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        assert!(Destination::new(file(), "dev").is_some());
        assert!(Destination::new(StatusReportFile { gateway: Some("edge 1".to_owned()), ..file() }, "dev").is_some());
        assert!(Destination::new(file(), "").is_none(), "nobody says which channel");
        assert!(Destination::new(StatusReportFile { cluster: String::new(), ..file() }, "dev").is_none());
        for path in ["", "reports", "/a b", "/a#b", "/../a", "/\u{e9}", "/a\r\nx: y"] {
            assert!(Destination::new(StatusReportFile { path: path.to_owned(), ..file() }, "dev").is_none(), "{path}");
        }
        for authority in ["", "a/b", "user@a", "a b", "a:", "a\r\nx: y"] {
            let file = StatusReportFile { authority: authority.to_owned(), ..file() };
            assert!(Destination::new(file, "dev").is_none(), "{authority}");
        }
        for interval_s in [0, limits::REPORT_INTERVAL_MIN_SECONDS - 1, limits::FEED_INTERVAL_MAX_SECONDS + 1, u64::MAX]
        {
            assert!(Destination::new(StatusReportFile { interval_s, ..file() }, "dev").is_none(), "{interval_s}");
        }
        for gateway in ["", "a\nb", &"x".repeat(limits::REPORT_NAME_BYTES + 1)] {
            let file = StatusReportFile { gateway: Some(gateway.to_owned()), ..file() };
            assert!(Destination::new(file, "dev").is_none(), "{gateway}");
        }
    }

    #[test]
    fn unknown_members_are_refused() {
        for text in [
            "{}",
            r#"{"cluster":"a"}"#,
            r#"{"cluster":"a","authority":"b","url":"c"}"#,
            r#"{"cluster":"a","authority":"b","interval_s":-1}"#,
            r#"{"cluster":"a","authority":"b","interval_s":1.5}"#,
        ] {
            assert!(serde_json::from_str::<StatusReportFile>(text).is_err(), "{text}");
        }
    }
}
