//! What a gateway's answers tell about it from outside: whether the filter is there, decides, and by which bundle.
//!
//! `command/doctor.rs` asks; this judges. Each [`Check`] has a code that stays.

use serde::Deserialize;

/// One answer of a gateway.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// The HTTP status.
    pub status: u16,
    /// `x-palisade-decision-id`, where it is there once.
    pub decision_id: Option<String>,
    /// `date`, in seconds since the Unix epoch, where it reads.
    pub date: Option<u64>,
    /// The body, or its beginning.
    pub body: Vec<u8>,
    /// When the request was sent, in milliseconds since the Unix epoch, by this machine's clock.
    pub sent_millis: u64,
    /// When the answer was there.
    pub answered_millis: u64,
}

/// What one look at a gateway has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Stable code.
    pub code: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// For people.
    pub detail: String,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// Not looked at.
    Skipped,
}

impl Verdict {
    /// The word in output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl Check {
    /// A check that went one way or the other.
    #[must_use]
    pub fn of(code: &'static str, outcome: Result<String, String>) -> Self {
        match outcome {
            Ok(detail) => Self { code, verdict: Verdict::Passed, detail },
            Err(detail) => Self { code, verdict: Verdict::Failed, detail },
        }
    }

    /// A check that was not made.
    #[must_use]
    pub fn skipped(code: &'static str, why: &str) -> Self {
        Self { code, verdict: Verdict::Skipped, detail: why.to_owned() }
    }
}

/// The largest difference of clocks, in milliseconds: half of the default `clock_skew` of issuers, so that there is room left
/// for theirs.
const SKEW_MILLIS: u64 = 15_000;

/// `doctor.filter`: a request without any credentials is refused, by the filter.
#[must_use]
pub fn filter(answer: &Observation) -> Check {
    Check::of("doctor.filter", refused(answer, "a request without a token"))
}

/// `doctor.fails_closed`: so is one with what is no token. `answers` are named by what was sent.
#[must_use]
pub fn fails_closed(answers: &[(&str, Observation)]) -> Check {
    let judged: Result<Vec<String>, String> = answers.iter().map(|(name, answer)| refused(answer, name)).collect();
    Check::of("doctor.fails_closed", judged.map(|_| format!("{} kinds of bad credentials are refused", answers.len())))
}

/// `doctor.deciding`: the filter has a bundle to decide by.
#[must_use]
pub fn deciding(answer: &Observation) -> Check {
    if answer.decision_id.is_none() {
        return Check::skipped("doctor.deciding", "no filter has answered");
    }
    let outcome = match answer.status {
        503 => Err("status 503: the filter has no valid bundle, or not the keys of its issuers".to_owned()),
        status => Ok(format!("status {status}")),
    };
    Check::of("doctor.deciding", outcome)
}

/// `doctor.uncached`: each request is decided by itself, and no cache answers on the way.
#[must_use]
pub fn uncached(first: &Observation, second: &Observation) -> Check {
    let outcome = match (&first.decision_id, &second.decision_id) {
        (Some(first), Some(second)) if first != second => Ok("two requests, two decisions".to_owned()),
        (Some(id), Some(_)) => Err(format!("two requests had the same decision {id}: a cache answers")),
        (None, _) | (_, None) => Err("an answer without a decision id".to_owned()),
    };
    Check::of("doctor.uncached", outcome)
}

/// `doctor.clock`: the clock by which the filter judges tokens and bundles is near this machine's.
///
/// Decision ids are UUIDs of version 7, so they have that very clock's time; `Date` is Envoy's.
#[must_use]
pub fn clock(answer: &Observation) -> Check {
    let told = answer.decision_id.as_deref().and_then(decision_millis);
    let told = told.or(answer.date.map(|seconds| seconds.saturating_mul(1000)));
    let Some(told) = told else { return Check::skipped("doctor.clock", "the answer tells no time") };
    // Somewhere between the two, the gateway looked at its clock.
    let early = answer.sent_millis.saturating_sub(told);
    let late = told.saturating_sub(answer.answered_millis);
    let skew = early.max(late);
    let outcome = if skew > SKEW_MILLIS {
        let direction = if early > late { "behind" } else { "ahead" };
        Err(format!("{}.{} s {direction} of this machine", skew / 1000, skew % 1000 / 100))
    } else {
        Ok(format!("at most {}.{} s off", skew / 1000, skew % 1000 / 100))
    };
    Check::of("doctor.clock", outcome)
}

/// What the gateway's status route says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// `deciding`, or why every request is denied.
    pub state: String,
    /// The bundle that decides, or would if it could; none where none has come.
    pub bundle: Option<Held>,
}

/// A bundle that a gateway has.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Held {
    /// Its channel.
    pub channel: String,
    /// Its version.
    pub version: u64,
    /// The digest of its manifest.
    pub digest: String,
    /// When it expires, in seconds since the Unix epoch.
    pub expires: u64,
}

/// Reads what the status route has to say.
///
/// # Errors
///
/// A sentence about what it says instead.
pub fn status(answer: &Observation) -> Result<Status, String> {
    if answer.status != 200 {
        return Err(format!("the status route answers {}", answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(|error| format!("the status route says something else: {error}"))
}

/// What the bundle that decides should be.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The version.
    pub version: Option<u64>,
    /// The digest of the manifest, as `sha256:HEX`.
    pub digest: Option<String>,
}

/// `doctor.bundle`, `doctor.version`, `doctor.digest` and `doctor.expiry`.
#[must_use]
pub fn bundle(status: Result<Status, String>, wanted: &Wanted, now_seconds: u64) -> Vec<Check> {
    let is_wanted = wanted.version.is_some() || wanted.digest.is_some();
    let Status { state, bundle } = match status {
        Ok(status) => status,
        Err(why) if is_wanted => return vec![Check::of("doctor.bundle", Err(why))],
        Err(why) => return vec![Check::skipped("doctor.bundle", &why)],
    };
    let denies = format!("the gateway denies every request: its bundle is `{state}`");
    let Some(Held { channel, version, digest, expires }) = bundle else {
        return vec![Check::of("doctor.bundle", Err(denies))];
    };
    let held = format!("{channel} version {version}, {digest}");
    let decides = if state == "deciding" { Ok(held) } else { Err(format!("{denies} ({held})")) };
    let mut checks = vec![Check::of("doctor.bundle", decides)];
    if let Some(wanted) = wanted.version {
        let same = if version == wanted {
            Ok(format!("version {version}"))
        } else {
            Err(format!("version {version}, not {wanted}"))
        };
        checks.push(Check::of("doctor.version", same));
    }
    if let Some(wanted) = &wanted.digest {
        let same = if digest == *wanted { Ok(digest) } else { Err(format!("{digest}, not {wanted}")) };
        checks.push(Check::of("doctor.digest", same));
    }
    let left = match expires.checked_sub(now_seconds) {
        Some(left) if left > 0 => Ok(format!("{left} s left")),
        Some(_) | None => Err("the bundle has expired".to_owned()),
    };
    checks.push(Check::of("doctor.expiry", left));
    checks
}

/// `doctor.stripped`: headers in which a client speaks for the filter do not reach the upstream, which echoes what it gets.
///
/// `control` is the value of a header that has to reach it, `forged` that of the ones that must not.
#[must_use]
pub fn stripped(answer: &Observation, control: &str, forged: &str) -> Check {
    let contains = |text: &str| answer.body.windows(text.len().max(1)).any(|window| window == text.as_bytes());
    let outcome = if answer.status != 200 {
        Err(format!("the upstream was not reached: status {}", answer.status))
    } else if contains(forged) {
        Err("a header `x-palisade-…` of the client has reached the upstream".to_owned())
    } else if !contains(control) {
        Err("the upstream does not echo the headers of its requests".to_owned())
    } else {
        Ok("headers `x-palisade-…` of the client are removed".to_owned())
    };
    Check::of("doctor.stripped", outcome)
}

/// Whether the filter has refused a request: a status that is not success, and a decision id. `what` was sent.
fn refused(answer: &Observation, what: &str) -> Result<String, String> {
    let status = answer.status;
    let is_decided = answer.decision_id.as_deref().is_some_and(|id| decision_millis(id).is_some());
    match (is_decided, status) {
        (true, 400..=599) => Ok(format!("{what} is refused: status {status}")),
        (true, _) => Err(format!("{what} goes through: status {status}")),
        (false, 500) => Err(format!(
            "{what} was answered 500 without a decision: Envoy has refused the filter's configuration, or there is no filter"
        )),
        (false, 503) => {
            Err(format!("{what} was answered 503 without a decision: the filter is not configured, or not there"))
        }
        (false, _) => Err(format!("{what} was answered {status} without a decision: no filter on this route")),
    }
}

/// The time in a decision id (RFC 9562 §5.7), in milliseconds since the Unix epoch; none where it is no UUID of version 7.
fn decision_millis(id: &str) -> Option<u64> {
    let is_shaped = id.len() == 36
        && id.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'7',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    if !is_shaped {
        return None;
    }
    let (high, low) = (id.get(..8)?, id.get(9..13)?);
    u64::from_str_radix(&format!("{high}{low}"), 16).ok()
}

#[cfg(test)]
mod tests;
