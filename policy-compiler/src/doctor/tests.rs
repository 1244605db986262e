use super::*;

/// Of 2026-11-22T00:08:25.836Z.
const ID: &str = "019aa8f0-2bec-7753-8b96-8f1cc9e2dc64";

fn time() -> u64 {
    decision_millis(ID).unwrap()
}

fn answer(status: u16, id: Option<&str>) -> Observation {
    Observation {
        status,
        decision_id: id.map(str::to_owned),
        sent_millis: time(),
        answered_millis: time() + 5,
        ..Observation::default()
    }
}

#[test]
fn a_refusal_is_the_filter_s_own() {
    for status in [400, 401, 403, 404, 429, 503] {
        assert_eq!(filter(&answer(status, Some(ID))).verdict, Verdict::Passed, "{status}");
    }
}

#[test]
fn everything_else_says_that_there_is_no_filter() {
    for (status, id) in [
        (200, None),
        (200, Some(ID)),
        (204, Some(ID)),
        (302, Some(ID)),
        (401, None),
        (403, None),
        (404, None),
        (500, None),
        (503, None),
        (401, Some("")),
        (401, Some("yes")),
        (401, Some("019aa8f0-2bec-4753-8b96-8f1cc9e2dc64")),
        (401, Some("019AA8F0-2bec-7753-8b96-8f1cc9e2dc64")),
        (401, Some("019aa8f0-2bec-7753-8b96-8f1cc9e2dc64 ")),
    ] {
        let check = filter(&answer(status, id));
        assert_eq!(
            (check.code, check.verdict),
            ("doctor.filter", Verdict::Failed),
            "{status} {id:?}: {}",
            check.detail
        );
    }
}

#[test]
fn one_bad_token_that_passes_is_enough() {
    let good = ("garbage", answer(401, Some(ID)));
    assert_eq!(fails_closed(&[good.clone(), good.clone()]).verdict, Verdict::Passed);
    let check = fails_closed(&[good, ("an unsigned token", answer(200, None))]);
    assert_eq!(check.verdict, Verdict::Failed);
    assert!(check.detail.contains("an unsigned token"), "{}", check.detail);
}

#[test]
fn a_filter_that_cannot_decide_is_told_from_one_that_does() {
    assert_eq!(deciding(&answer(503, Some(ID))).verdict, Verdict::Failed);
    assert_eq!(deciding(&answer(401, Some(ID))).verdict, Verdict::Passed);
    assert_eq!(deciding(&answer(401, None)).verdict, Verdict::Skipped);
}

#[test]
fn the_same_decision_twice_is_a_cache() {
    let other = ID.replace("dc64", "dc65");
    assert_eq!(uncached(&answer(401, Some(ID)), &answer(401, Some(&other))).verdict, Verdict::Passed);
    assert_eq!(uncached(&answer(401, Some(ID)), &answer(401, Some(ID))).verdict, Verdict::Failed);
    assert_eq!(uncached(&answer(401, Some(ID)), &answer(401, None)).verdict, Verdict::Failed);
}

#[test]
fn clocks_are_compared() {
    let at = |sent: u64, answered: u64, id: Option<&str>, date: Option<u64>| {
        clock(&Observation { sent_millis: sent, answered_millis: answered, date, ..answer(401, id) }).verdict
    };
    let now = time();
    assert_eq!(at(now, now, Some(ID), None), Verdict::Passed);
    assert_eq!(at(now - 60_000, now + 60_000, Some(ID), None), Verdict::Passed, "a slow answer is no skew");
    assert_eq!(at(now + 15_000, now + 15_001, Some(ID), None), Verdict::Passed);
    assert_eq!(at(now + 15_001, now + 15_002, Some(ID), None), Verdict::Failed);
    assert_eq!(at(now - 15_002, now - 15_001, Some(ID), None), Verdict::Failed);
    assert_eq!(at(now, now, None, Some(now / 1000)), Verdict::Passed);
    assert_eq!(at(now, now, None, Some(now / 1000 + 60)), Verdict::Failed);
    assert_eq!(at(now, now, Some(ID), Some(0)), Verdict::Passed, "the filter's own clock counts");
    assert_eq!(at(now, now, None, None), Verdict::Skipped);
}

fn status_answer(status: u16, body: &str) -> Observation {
    Observation { body: body.into(), ..answer(status, Some(ID)) }
}

const STATUS: &str = r#"{"state":"deciding","bundle":{"name":"shop","channel":"shop","version":7,"digest":"sha256:ab","expires":2000},"more":1}"#;

fn verdicts(body: &str, wanted: &Wanted, now: u64) -> Vec<(&'static str, Verdict)> {
    let checks = bundle(status(&status_answer(200, body)), wanted, now);
    checks.into_iter().map(|check| (check.code, check.verdict)).collect()
}

#[test]
fn the_bundle_that_decides_is_compared() {
    use Verdict::{Failed, Passed};
    let wanted = |version, digest: Option<&str>| Wanted { version, digest: digest.map(str::to_owned) };
    let all = |version, digest, expiry| {
        vec![
            ("doctor.bundle", Passed),
            ("doctor.version", version),
            ("doctor.digest", digest),
            ("doctor.expiry", expiry),
        ]
    };
    assert_eq!(verdicts(STATUS, &wanted(Some(7), Some("sha256:ab")), 1999), all(Passed, Passed, Passed));
    assert_eq!(verdicts(STATUS, &wanted(Some(8), Some("sha256:ac")), 2000), all(Failed, Failed, Failed));
    assert_eq!(verdicts(STATUS, &wanted(None, None), 1), [("doctor.bundle", Passed), ("doctor.expiry", Passed)]);
}

#[test]
fn a_gateway_that_does_not_tell_fails_where_it_was_asked() {
    let wanted = Wanted { version: Some(7), digest: None };
    let other_version = STATUS.replace('7', "\"7\"");
    for body in ["", "{}", "[]", "{\"bundle\":null}", "<html>", &other_version] {
        assert_eq!(verdicts(body, &wanted, 1), [("doctor.bundle", Verdict::Failed)], "{body}");
        assert_eq!(verdicts(body, &Wanted::default(), 1), [("doctor.bundle", Verdict::Skipped)], "{body}");
    }
    assert!(status(&status_answer(401, STATUS)).is_err());
}

#[test]
fn a_gateway_that_denies_everything_does_not_pass_for_its_version() {
    use Verdict::{Failed, Passed};
    for state in ["expired", "not_yet_valid", "untrusted", "Deciding", ""] {
        let body = STATUS.replace("deciding", state);
        let judged = verdicts(&body, &Wanted { version: Some(7), digest: None }, 1);
        assert_eq!(judged[..2], [("doctor.bundle", Failed), ("doctor.version", Passed)], "{state}");
        assert_eq!(verdicts(&body, &Wanted::default(), 1)[0], ("doctor.bundle", Failed), "{state}");
    }
    let missing = r#"{"state":"missing","bundle":null}"#;
    assert_eq!(verdicts(missing, &Wanted::default(), 1), [("doctor.bundle", Failed)]);
}

#[test]
fn forged_headers_are_looked_for_in_the_echo() {
    let verdict = |status, body: &str| stripped(&status_answer(status, body), "control", "forged").verdict;
    assert_eq!(verdict(200, "x-doctor: control"), Verdict::Passed);
    assert_eq!(verdict(200, "x-doctor: control, x-palisade-principal: forged"), Verdict::Failed);
    assert_eq!(verdict(200, "nothing of that"), Verdict::Failed, "what does not echo proves nothing");
    assert_eq!(verdict(200, ""), Verdict::Failed);
    assert_eq!(verdict(401, "control"), Verdict::Failed);
}
