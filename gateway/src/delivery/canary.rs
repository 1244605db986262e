//! The canary route: a path at which the filter itself answers which bundle decides here. Whoever asks from outside sees that the
//! filter is on the way of requests, and what it goes by.

use serde::{Deserialize, Serialize};

use super::status::{BundleIdentity, BundleStatus};
use crate::head::Head;
use crate::limits;
use crate::report::State;

/// The canary route. Everybody who can reach the path reads which bundle decides: name, channel, version and digest, since when and
/// until when, and what went wrong last; nothing of what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusFile {
    /// The path, without a query.
    pub path: String,
}

/// The same, checked.
#[derive(Debug)]
pub(crate) struct Canary {
    path: String,
    /// What was answered last; reused.
    text: String,
}

/// What it answers.
#[derive(Serialize)]
struct Answer<'a> {
    state: State,
    bundle: Option<Bundle<'a>>,
    /// How long ago a server last said what there is, in seconds.
    confirmed_age_s: Option<u64>,
    /// The code of what went wrong last, unless something went well since.
    last_error: Option<&'static str>,
}

#[derive(Serialize)]
struct Bundle<'a> {
    name: &'a str,
    channel: &'a str,
    version: u64,
    digest: String,
    created: u64,
    expires: u64,
}

impl Canary {
    /// `None` for what is no path.
    pub(crate) fn new(file: StatusFile) -> Option<Self> {
        let StatusFile { path } = file;
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#');
        let is_good = path.starts_with('/') && path.len() <= limits::STATUS_PATH_BYTES && path.bytes().all(plain);
        is_good.then(|| Self { path, text: String::new() })
    }

    /// Whether a request asks for it.
    pub(crate) fn is_asked(&self, head: &Head<'_>) -> bool {
        head.path == self.path.as_bytes() && matches!(head.method, "GET" | "HEAD")
    }

    /// Writes the answer.
    pub(crate) fn answer(&mut self, status: &BundleStatus<'_>, now_ms: u64) -> &str {
        let BundleStatus { bundle, confirmed_ms, last_error, is_failing: _, swaps: _ } = *status;
        let state = status.state(now_ms / 1000);
        let bundle =
            bundle.map(|BundleIdentity { name, channel, version, digest, created, expires, is_trusted: _ }| {
                let digest = format!("{digest:?}");
                Bundle { name, channel, version, digest, created, expires }
            });
        let confirmed_age_s = confirmed_ms.map(|confirmed| now_ms.saturating_sub(confirmed) / 1000);
        let answer = Answer { state, bundle, confirmed_age_s, last_error };
        // It has no parts that could fail.
        self.text = serde_json::to_string(&answer).unwrap_or_default();
        &self.text
    }
}
