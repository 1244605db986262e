//! The report itself: written by gateways, read by `palisade serve`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::bundle::Digest;
use crate::limits;

/// What a gateway says of itself, as JSON. Times are seconds since the Unix epoch, ages seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusReport {
    /// [`StatusReport::SCHEMA`].
    pub schema: String,
    /// What the operator calls the gateway.
    pub gateway: Option<String>,
    /// Envoy's own name for itself (`node.id`), once a request has told it.
    pub node: Option<String>,
    /// The Envoy process, by chance: 16 hexadecimal digits. Another one after each restart.
    pub instance: String,
    /// The version of the filter.
    pub filter: String,
    /// When this was written.
    pub time: u64,
    /// How often there is a report at least.
    pub interval_s: u64,
    /// The channel whose bundles may decide.
    pub channel: String,
    /// Whether a bundle decides, or why every request is denied.
    pub state: State,
    /// The bundle that decides, or would if it had not expired or were trusted.
    pub bundle: Option<ReportedBundle>,
    /// The newest root, where one says who may sign.
    pub root: Option<u64>,
    /// How long ago a server last said what bundle there is.
    pub confirmed_age_s: Option<u64>,
    /// What went wrong last with each part, unless something went well since, in whichever worker.
    pub faults: Vec<Fault>,
    /// The candidate that is asked beside the bundle that decides.
    pub candidate: Option<ReportedCandidate>,
    /// The revocation list that is in force.
    pub revocations: Option<ReportedList>,
    /// The workers, by what decides in them, the most common first; at most [`limits::REPORT_GROUPS`]. Envoy's main thread is one,
    /// too. More than one group: a change is on its way, or somebody is left behind.
    pub workers: Vec<WorkerGroup>,
}

/// Whether a bundle decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// One does.
    Deciding,
    /// It has expired: every request is denied.
    Expired,
    /// The clock shows a time before it was built: every request is denied.
    NotYetValid,
    /// Too few keys that are trusted now have signed it: every request is denied.
    Untrusted,
    /// There is none: every request is denied.
    Missing,
}

impl State {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deciding => "deciding",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Untrusted => "untrusted",
            Self::Missing => "missing",
        }
    }
}

/// A bundle in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedBundle {
    /// For people.
    pub name: String,
    /// Rises with each publication.
    pub version: u64,
    /// The SHA-256 digest of its manifest.
    pub digest: Digest,
    /// When it was built.
    pub created: u64,
    /// When it stops deciding.
    pub expires: u64,
}

/// A candidate in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedCandidate {
    /// Its version.
    pub version: u64,
    /// The SHA-256 digest of its manifest.
    pub digest: Digest,
}

/// A revocation list in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedList {
    /// Rises with each list.
    pub serial: u64,
    /// How long ago it was signed.
    pub age_s: u64,
    /// When it is to be replaced at the latest.
    pub expires: u64,
    /// How many entries it has.
    pub entries: u64,
}

/// What is fetched, and can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The bundle.
    Bundle,
    /// The candidate.
    Candidate,
    /// The revocation list.
    Revocations,
    /// The freshness document.
    Freshness,
    /// The next root.
    Root,
}

impl Part {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Bundle, Self::Candidate, Self::Revocations, Self::Freshness, Self::Root];
}

/// What went wrong last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// With what.
    pub part: Part,
    /// The stable code.
    pub code: Cow<'static, str>,
    /// How long ago.
    pub age_s: u64,
}

/// Workers in which the same decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerGroup {
    /// How many.
    pub count: u64,
    /// The version of the bundle; none where every request is denied for want of one.
    pub version: Option<u64>,
    /// The SHA-256 digest of its manifest.
    pub digest: Option<Digest>,
    /// The serial of the revocation list.
    pub revocations: Option<u64>,
}

impl StatusReport {
    /// What this layout is called.
    pub const SCHEMA: &str = "palisade.status/v1";

    /// Reads a report from anybody.
    ///
    /// # Errors
    ///
    /// With a sentence that says what is wrong with it: it is no such JSON, has unknown or repeated members, or texts and lists that no
    /// gateway writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > limits::REPORT_BYTES {
            return Err(format!("it has more than {} bytes", limits::REPORT_BYTES));
        }
        let report: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let Self {
            schema,
            gateway,
            node,
            instance,
            filter,
            time: _,
            interval_s,
            channel,
            state: _,
            bundle,
            root: _,
            confirmed_age_s: _,
            faults,
            candidate: _,
            revocations: _,
            workers,
        } = &report;
        if schema != Self::SCHEMA {
            return Err(format!("its schema is not `{}`", Self::SCHEMA));
        }
        let is_plain = |text: &str| {
            !text.is_empty() && text.len() <= limits::REPORT_NAME_BYTES && !text.contains(char::is_control)
        };
        let texts = [Some(filter), Some(channel), gateway.as_ref(), node.as_ref(), bundle.as_ref().map(|it| &it.name)];
        let is_code = |text: &str| text.len() <= limits::REPORT_CODE_BYTES && text.bytes().all(is_code_byte);
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_good = texts.into_iter().flatten().all(|text| is_plain(text))
            && instance.len() == 16
            && instance.bytes().all(is_digit)
            && (limits::REPORT_INTERVAL_MIN_SECONDS..=limits::FEED_INTERVAL_MAX_SECONDS).contains(interval_s)
            && faults.iter().all(|fault| is_code(&fault.code))
            && faults.is_sorted_by(|one, next| one.part < next.part)
            && workers.len() <= limits::REPORT_GROUPS;
        is_good.then_some(report).ok_or_else(|| "it has what no gateway writes".to_owned())
    }
}

fn is_code_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.')
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn full() -> StatusReport {
        let digest = Digest::of(b"bundle");
        StatusReport {
            schema: StatusReport::SCHEMA.to_owned(),
            gateway: Some("edge-1".to_owned()),
            node: Some("envoy-1".to_owned()),
            instance: "0123456789abcdef".to_owned(),
            filter: "1.2.3".to_owned(),
            time: 1_800_000_000,
            interval_s: 60,
            channel: "dev".to_owned(),
            state: State::Deciding,
            bundle: Some(ReportedBundle { name: "dev".to_owned(), version: 7, digest, created: 1, expires: 2 }),
            root: Some(1),
            confirmed_age_s: Some(3),
            faults: vec![Fault { part: Part::Revocations, code: "feed.status".into(), age_s: 4 }],
            candidate: Some(ReportedCandidate { version: 8, digest }),
            revocations: Some(ReportedList { serial: 5, age_s: 6, expires: 7, entries: 8 }),
            workers: vec![WorkerGroup { count: 3, version: Some(7), digest: Some(digest), revocations: Some(5) }],
        }
    }

    #[test]
    fn what_is_written_reads() {
        let text = serde_json::to_string(&full()).unwrap();
        assert_eq!(StatusReport::parse(text.as_bytes()).unwrap(), full());
        for state in [State::Deciding, State::Expired, State::NotYetValid, State::Untrusted, State::Missing] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }

    #[test]
    fn what_no_gateway_writes_is_refused() {
        let text = serde_json::to_string(&full()).unwrap();
        let fault = r#"{"part":"revocations","code":"feed.status","age_s":4}"#;
        let group = serde_json::to_string(&full().workers[0]).unwrap();
        let long = "x".repeat(limits::REPORT_NAME_BYTES + 1);
        for (from, to) in [
            ("{\"schema\"", "[\"schema\""),
            ("status/v1", "status/v2"),
            ("\"edge-1\"", "\"\""),
            ("\"edge-1\"", "7"),
            ("edge-1", "edge\\n1"),
            ("edge-1", long.as_str()),
            ("envoy-1", "\\u0000"),
            ("0123456789abcdef", "0123456789ABCDEF"),
            ("0123456789abcdef", "0123456789abcde"),
            ("\"interval_s\":60", "\"interval_s\":0"),
            ("\"interval_s\":60", "\"interval_s\":99999"),
            ("\"interval_s\":60", "\"interval_s\":60,\"interval_s\":60"),
            ("\"channel\":\"dev\"", "\"channel\":\"\""),
            ("\"channel\":\"dev\"", "\"channel\":null"),
            ("\"channel\":\"dev\",", ""),
            ("\"deciding\"", "\"asleep\""),
            ("\"version\":7", "\"version\":-7"),
            ("\"version\":7", "\"version\":18446744073709551616"),
            ("\"version\":7", "\"version\":7,\"more\":1"),
            ("feed.status", "feed status"),
            (fault, &format!("{fault},{fault}")),
            (&group, &[group.as_str(); limits::REPORT_GROUPS + 1].join(",")),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert!(StatusReport::parse(changed.as_bytes()).is_err(), "{from} -> {to}");
        }
        assert!(StatusReport::parse(format!("{text} x").as_bytes()).is_err());
        assert!(StatusReport::parse(&[text.as_bytes(), &[b' '; limits::REPORT_BYTES]].concat()).is_err());
        for len in 0..text.len() {
            assert!(StatusReport::parse(&text.as_bytes()[..len]).is_err());
        }
    }
}
