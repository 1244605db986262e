//! The registered claims that every token is checked by (RFC 7519 §4.1).

use super::error::TokenError;
use super::terms::Terms;
use crate::json::Json;
use crate::limits;

/// When a token is valid, in milliseconds since the Unix epoch, clock skew included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from_ms: u64,
    pub(crate) until_ms: u64,
}

impl Validity {
    /// Whether `now_ms` is inside.
    pub(crate) fn contains(self, now_ms: u64) -> bool {
        self.from_ms <= now_ms && now_ms < self.until_ms
    }

    /// The same, but ending at `until_ms` at the latest.
    pub(crate) fn at_most(self, until_ms: u64) -> Self {
        Self { until_ms: self.until_ms.min(until_ms), ..self }
    }
}

/// Checks time and audience of claims whose signature holds and whose issuer is known.
///
/// A claim that is there with the wrong type refuses the token; it never counts as absent (CVE-2026-25537).
pub(crate) fn check(claims: &Json, terms: &Terms, now_ms: u64) -> Result<Validity, TokenError> {
    let validity = check_times(claims, terms, now_ms)?;
    check_audience(claims, terms)?;
    // Wrong types of claims that nothing else reads: still not a token this verifier understands.
    for name in ["sub", "jti"] {
        if claims.get(name).is_some_and(|claim| claim.as_str().is_none()) {
            return Err(TokenError::ClaimType);
        }
    }
    Ok(validity)
}

fn check_times(claims: &Json, terms: &Terms, now_ms: u64) -> Result<Validity, TokenError> {
    let expires = numeric_date(claims, "exp")?.ok_or(TokenError::ExpiryMissing)?;
    let not_before = numeric_date(claims, "nbf")?;
    let issued_at = numeric_date(claims, "iat")?;
    let skew = terms.clock_skew_ms;

    let until_ms = expires.saturating_add(skew);
    if now_ms >= until_ms {
        return Err(TokenError::Expired);
    }
    let latest_start = now_ms.saturating_add(skew);
    if not_before.is_some_and(|time| time > latest_start) {
        return Err(TokenError::NotYetValid);
    }
    let valid_from_issue = issued_at.filter(|_| terms.rules.is_valid_from_issue);
    if valid_from_issue.is_some_and(|time| time > latest_start) {
        return Err(TokenError::IssuedInFuture);
    }
    // Counted from the earlier of the two, so that neither can hide a long life.
    let begin = match (not_before, issued_at) {
        (Some(a), Some(b)) => a.min(b),
        (Some(time), None) | (None, Some(time)) => time,
        // An SVID need not say when it was issued; what is left of its life is bounded instead.
        (None, None) if !terms.rules.needs_beginning => now_ms,
        (None, None) => return Err(TokenError::IssuedAtMissing),
    };
    // A beginning that is still to come would hide some of it, too.
    let begin = begin.min(latest_start);
    if expires.saturating_sub(begin) > terms.max_lifetime_ms {
        return Err(TokenError::Lifetime);
    }
    let from = not_before.unwrap_or(0).max(valid_from_issue.unwrap_or(0));
    Ok(Validity { from_ms: from.saturating_sub(skew), until_ms })
}

fn check_audience(claims: &Json, terms: &Terms) -> Result<(), TokenError> {
    let is_ours = |audience: &str| terms.audiences.iter().any(|ours| ours == audience);
    match claims.get("aud") {
        None if !terms.rules.needs_audience => Ok(()),
        None => Err(TokenError::AudienceMissing),
        Some(Json::String(audience)) => {
            if is_ours(audience) {
                Ok(())
            } else {
                Err(TokenError::Audience)
            }
        }
        Some(Json::Array(audiences)) => {
            let mut ours = 0usize;
            for audience in audiences {
                if is_ours(audience.as_str().ok_or(TokenError::ClaimType)?) {
                    ours += 1;
                }
            }
            if ours == 0 {
                Err(TokenError::Audience)
            } else if ours < audiences.len() && !terms.multiple_audiences {
                Err(TokenError::AudienceMultiple)
            } else {
                Ok(())
            }
        }
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_)) => Err(TokenError::ClaimType),
    }
}

fn numeric_date(claims: &Json, name: &str) -> Result<Option<u64>, TokenError> {
    claims.get(name).map(|claim| date_ms(claim).ok_or(TokenError::ClaimType)).transpose()
}

/// A NumericDate (RFC 7519 §2) in milliseconds since the Unix epoch; fractions of a second are allowed. `None` for
/// anything but a number from 0 up to 2^53.
pub(crate) fn date_ms(claim: &Json) -> Option<u64> {
    let Json::Number(number) = claim else {
        return None;
    };
    if let Some(seconds) = number.as_u64() {
        return (seconds < limits::NUMERIC_DATE_SECONDS).then(|| seconds.saturating_mul(1000));
    }
    let seconds = number.as_f64()?;
    if !(0.0..limits::EXACT_DOUBLE).contains(&seconds) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range was checked; a thousand times 2^53 fits 64 bits, and the fraction of a millisecond may go"
    )]
    let millis = (seconds * 1000.0) as u64;
    Some(millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonLimits;
    use crate::token::ClaimRules;

    const NOW: u64 = 1_000_000_000;

    fn terms() -> Terms {
        Terms::for_claims_test(&["https://gateway", "https://gateway-2"], 900, 30)
    }

    fn check_with(terms: &Terms, claims: &str) -> Result<Validity, TokenError> {
        let claims = Json::parse(claims.as_bytes(), &JsonLimits::TOKEN).unwrap();
        check(&claims, terms, NOW * 1000)
    }

    /// Claims with an audience and the given times, relative to now.
    fn times(text: &str) -> Result<Validity, TokenError> {
        let mut members = vec!["\"aud\":\"https://gateway\"".to_owned()];
        for pair in text.split_whitespace() {
            let (name, offset) = pair.split_once('=').unwrap();
            let at = i64::try_from(NOW).unwrap() + offset.parse::<i64>().unwrap();
            members.push(format!("\"{name}\":{at}"));
        }
        check_with(&terms(), &format!("{{{}}}", members.join(",")))
    }

    #[test]
    fn times_are_checked_with_skew() {
        for (text, expected) in [
            ("iat=0 exp=300", Ok(())),
            ("nbf=0 exp=300", Ok(())),
            ("iat=30 exp=300", Ok(())),
            ("nbf=30 exp=300", Ok(())),
            ("iat=-100 exp=-29", Ok(())),
            ("iat=0 exp=900", Ok(())),
            ("iat=-100 exp=-30", Err(TokenError::Expired)),
            ("iat=-100 exp=-31", Err(TokenError::Expired)),
            ("iat=-900 exp=-500", Err(TokenError::Expired)),
            ("iat=0", Err(TokenError::ExpiryMissing)),
            ("", Err(TokenError::ExpiryMissing)),
            ("exp=300", Err(TokenError::IssuedAtMissing)),
            ("nbf=31 exp=300", Err(TokenError::NotYetValid)),
            ("iat=31 exp=300", Err(TokenError::IssuedInFuture)),
            ("iat=31 nbf=31 exp=300", Err(TokenError::NotYetValid)),
            ("iat=0 exp=901", Err(TokenError::Lifetime)),
            ("nbf=0 exp=901", Err(TokenError::Lifetime)),
            ("iat=-601 nbf=0 exp=300", Err(TokenError::Lifetime)),
            ("iat=0 nbf=-601 exp=300", Err(TokenError::Lifetime)),
            ("iat=0 exp=99999999", Err(TokenError::Lifetime)),
        ] {
            assert_eq!(times(text).map(|_| ()), expected, "{text}");
        }
    }

    #[test]
    fn an_svid_without_a_beginning_has_little_left() {
        let terms = Terms { rules: ClaimRules { needs_beginning: false, ..ClaimRules::STRICT }, ..terms() };
        let with = |exp: u64| check_with(&terms, &format!("{{\"aud\":\"https://gateway\",\"exp\":{exp}}}")).map(|_| ());
        assert_eq!(with(NOW + 900), Ok(()));
        assert_eq!(with(NOW + 901), Err(TokenError::Lifetime));
        assert_eq!(with(NOW - 30), Err(TokenError::Expired));
    }

    #[test]
    fn a_wit_svid_is_valid_whenever_it_was_issued() {
        let rules = ClaimRules { needs_beginning: false, needs_audience: false, is_valid_from_issue: false };
        let terms = Terms { rules, audiences: vec![], ..terms() };
        let with = |claims: String| check_with(&terms, &format!("{{{claims}}}")).map(|validity| validity.from_ms);
        let soon = NOW + 600;
        assert_eq!(with(format!("\"exp\":{soon}")), Ok(0));
        assert_eq!(with(format!("\"exp\":{soon},\"iat\":{}", NOW + 500)), Ok(0));
        assert_eq!(with(format!("\"exp\":{soon},\"nbf\":{NOW}")), Ok((NOW - 30) * 1000));
        for (claims, expected) in [
            (format!("\"exp\":{soon},\"nbf\":{}", NOW + 31), TokenError::NotYetValid),
            (format!("\"exp\":{},\"iat\":{}", NOW + 931, NOW + 600), TokenError::Lifetime),
            (format!("\"exp\":{soon},\"iat\":\"1\""), TokenError::ClaimType),
            (format!("\"exp\":{soon},\"aud\":\"https://gateway\""), TokenError::Audience),
            (format!("\"exp\":{soon},\"aud\":[]"), TokenError::Audience),
            (format!("\"exp\":{soon},\"aud\":null"), TokenError::ClaimType),
        ] {
            assert_eq!(with(claims.clone()), Err(expected), "{claims}");
        }
    }

    #[test]
    fn validity_is_what_the_check_would_say_at_another_time() {
        let validity = times("iat=-10 nbf=5 exp=300").unwrap();
        assert_eq!(validity.from_ms, (NOW + 5 - 30) * 1000);
        assert_eq!(validity.until_ms, (NOW + 300 + 30) * 1000);
        assert!(validity.contains(validity.from_ms));
        assert!(!validity.contains(validity.from_ms - 1));
        assert!(!validity.contains(validity.until_ms));
    }

    #[test]
    fn wrong_types_are_never_absent() {
        for value in [
            "\"1000000300\"",
            "null",
            "true",
            "[]",
            "{}",
            "-1",
            "-0.5",
            "1e400",
            "9007199254740992",
            "1e16",
            "18446744073709551615",
            "\"\"",
        ] {
            for name in ["exp", "nbf", "iat"] {
                let others: String = [("exp", NOW + 300), ("nbf", NOW), ("iat", NOW)]
                    .iter()
                    .filter(|(other, _)| *other != name)
                    .map(|(other, time)| format!(",\"{other}\":{time}"))
                    .collect();
                let text = format!("{{\"aud\":\"https://gateway\",\"{name}\":{value}{others}}}");
                // 1e400 is no JSON number that a reader could represent.
                let Ok(claims) = Json::parse(text.as_bytes(), &JsonLimits::TOKEN) else {
                    assert_eq!(value, "1e400");
                    continue;
                };
                assert_eq!(check(&claims, &terms(), NOW * 1000), Err(TokenError::ClaimType), "{text}");
            }
        }
        for name in ["sub", "jti"] {
            for value in ["1", "null", "[\"a\"]", "{}"] {
                let (iat, exp) = (NOW, NOW + 300);
                let text = format!("{{\"aud\":\"https://gateway\",\"iat\":{iat},\"exp\":{exp},\"{name}\":{value}}}");
                assert_eq!(check_with(&terms(), &text), Err(TokenError::ClaimType), "{text}");
            }
        }
    }

    #[test]
    fn fractions_are_allowed() {
        let (iat, exp) = (NOW, NOW + 300);
        let text = format!("{{\"aud\":\"https://gateway\",\"iat\":{iat}.25,\"exp\":{exp}.5}}");
        assert_eq!(check_with(&terms(), &text).unwrap().until_ms, (NOW + 330) * 1000 + 500);
    }

    #[test]
    fn the_audience_is_this_gateway() {
        let with = |terms: &Terms, aud: &str| {
            let (iat, exp) = (NOW, NOW + 300);
            check_with(terms, &format!("{{\"iat\":{iat},\"exp\":{exp}{aud}}}")).map(|_| ())
        };
        for (aud, expected) in [
            (",\"aud\":\"https://gateway\"", Ok(())),
            (",\"aud\":[\"https://gateway\"]", Ok(())),
            (",\"aud\":[\"https://gateway\",\"https://gateway-2\"]", Ok(())),
            ("", Err(TokenError::AudienceMissing)),
            (",\"aud\":\"\"", Err(TokenError::Audience)),
            (",\"aud\":\"https://gateway/\"", Err(TokenError::Audience)),
            (",\"aud\":\"HTTPS://gateway\"", Err(TokenError::Audience)),
            (",\"aud\":\"https://gateway https://other\"", Err(TokenError::Audience)),
            (",\"aud\":[]", Err(TokenError::Audience)),
            (",\"aud\":[\"https://other\"]", Err(TokenError::Audience)),
            (",\"aud\":[\"https://gateway\",\"https://other\"]", Err(TokenError::AudienceMultiple)),
            (",\"aud\":[\"https://gateway\",1]", Err(TokenError::ClaimType)),
            (",\"aud\":[[\"https://gateway\"]]", Err(TokenError::ClaimType)),
            (",\"aud\":{\"https://gateway\":true}", Err(TokenError::ClaimType)),
            (",\"aud\":null", Err(TokenError::ClaimType)),
            (",\"aud\":1", Err(TokenError::ClaimType)),
        ] {
            assert_eq!(with(&terms(), aud), expected, "{aud}");
        }
        let lenient = Terms { multiple_audiences: true, ..terms() };
        assert_eq!(with(&lenient, ",\"aud\":[\"https://gateway\",\"https://other\"]"), Ok(()));
        assert_eq!(with(&lenient, ",\"aud\":[\"https://other\"]"), Err(TokenError::Audience));
    }
}
