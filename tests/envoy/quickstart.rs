//! The quickstart's decision cases, which `palisade test` replays natively, through the real Envoy.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use palisade_tests::case::CaseFile;
use palisade_tests::gateway::{DECISION_ID, Options};
use palisade_tests::http1::Request;
use palisade_tests::{outcome, quickstart};

use crate::fixture::{Own, good_token, read, shared};

#[test]
fn every_decision_case_comes_out_as_written() -> Result<()> {
    let gateway = shared()?;
    let mut wrong = String::new();
    for CaseFile { name, cases } in CaseFile::read_all(&quickstart::folder())? {
        for case in cases {
            let observed = outcome::observe(gateway, &case)?.outcome;
            if observed != case.expect {
                writeln!(wrong, "{name}: {}\n  expected {:?}\n  observed {observed:?}", case.name, case.expect)?;
            }
        }
    }
    ensure!(wrong.is_empty(), "{wrong}");
    Ok(())
}

#[test]
fn most_decision_cases_are_denials() -> Result<()> {
    let files = CaseFile::read_all(&quickstart::folder())?;
    let all = files.iter().flat_map(|file| &file.cases);
    let (denied, allowed): (Vec<_>, Vec<_>) = all.partition(|case| case.expect.decision == "deny");
    assert!(denied.len() > allowed.len(), "{} denials, {} permissions", denied.len(), allowed.len());
    Ok(())
}

#[test]
fn several_workers_decide_alike() -> Result<()> {
    let own = Own::start(Options { workers: 2, ..Options::default() })?;
    let token = good_token(&own.gateway)?;
    for _ in 0..20 {
        assert_eq!(own.gateway.send(&read("workers").bearer(&token))?.status, 200);
        assert_eq!(own.gateway.send(&read("workers"))?.status, 401);
    }
    Ok(())
}

#[test]
fn a_token_issued_before_its_task_began_is_refused() -> Result<()> {
    use palisade_tests::key::Algorithm;
    use palisade_tests::token::{Token, now};
    let gateway = shared()?;
    let claims = serde_json::json!({"id": "T-2", "started_at": now() - 5});
    let token = Token::coder().claim("task", claims).claim("iat", now() - 60).sign(gateway.key(Algorithm::Es256)?);
    let request = Request::new("GET", quickstart::REPOS, quickstart::READABLE).bearer(&token);
    let answer = gateway.send(&request)?;
    assert_eq!(answer.status, 403);
    assert!(answer.header(DECISION_ID).is_some());
    assert_eq!(gateway.access_line(&answer)?.texts("policies"), ["no-token-older-than-its-task"]);
    Ok(())
}
