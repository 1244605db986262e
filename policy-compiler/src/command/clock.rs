//! The time, and times as text.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

use super::Failure;

/// Seconds since the Unix epoch.
pub(super) fn now() -> Result<u64, Failure> {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map(|elapsed| elapsed.as_secs()).map_err(|error| Failure::new("clock", error))
}

/// When a bundle counts as created: `SOURCE_DATE_EPOCH` (reproducible-builds.org) where it is set, otherwise now.
pub(super) fn source_date() -> Result<u64, Failure> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text
            .parse()
            .map_err(|_| Failure::new("clock.source_date_epoch", format!("SOURCE_DATE_EPOCH is no number: `{text}`"))),
        Err(_) => now(),
    }
}

/// Reads seconds since the Unix epoch, or an RFC 3339 time.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let moment: Timestamp =
        text.parse().map_err(|_| "neither an RFC 3339 time nor seconds since the Unix epoch".to_owned())?;
    u64::try_from(moment.as_second()).map_err(|_| "a time before 1970".to_owned())
}

/// A time as RFC 3339 in UTC; as a plain number where no calendar reaches.
pub(super) fn text(seconds: u64) -> String {
    let moment = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| seconds.to_string(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_and_print() {
        assert_eq!(parse("1767225600"), Ok(1_767_225_600));
        assert_eq!(parse("2026-01-01T00:00:00Z"), Ok(1_767_225_600));
        assert_eq!(parse("2026-01-01T01:00:00+01:00"), Ok(1_767_225_600));
        assert_eq!(text(1_767_225_600), "2026-01-01T00:00:00Z");
        assert_eq!(text(u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn other_times_are_refused() {
        for refused in ["", "-1", "yesterday", "2026-01-01", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
            assert!(parse(refused).is_err(), "{refused}");
        }
    }
}
