//! Who is asking: the upstream learns it from the filter alone.

use anyhow::Result;
use palisade_tests::gateway::DECISION_ID;
use palisade_tests::key::Algorithm;
use palisade_tests::token::Token;
use serde_json::json;

use crate::fixture::{assert_allowed, assert_denied, good_token, path, read, shared};

#[test]
fn the_upstream_sees_the_verified_identity() -> Result<()> {
    let gateway = shared()?;
    let answer = gateway.send(&read("identity").bearer(&good_token(gateway)?))?;
    let received = gateway.upstream.received(&path("identity"));
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].header("x-palisade-principal"), Some(r#"Agent::"dev/coder-7""#));
    let line = gateway.access_line(&answer)?;
    assert_eq!(received[0].header(DECISION_ID), line.text("decision_id"));
    Ok(())
}

#[test]
fn identity_headers_of_the_client_are_stripped() -> Result<()> {
    let gateway = shared()?;
    let request = read("stripped")
        .bearer(&good_token(gateway)?)
        .header("x-palisade-principal", r#"Agent::"dev/root""#)
        .header("X-Palisade-Principal", r#"Agent::"dev/root""#)
        .header("x-palisade-decision-id", "mine")
        .header("x-palisade-anything-else", "mine");
    assert_allowed(gateway, &request)?;
    let received = gateway.upstream.received(&path("stripped"));
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].header("x-palisade-principal"), Some(r#"Agent::"dev/coder-7""#));
    let ours: Vec<_> = received[0].header_names().filter(|name| name.starts_with("x-palisade-")).collect();
    assert!(!ours.contains(&"x-palisade-anything-else"), "{ours:?}");
    assert_eq!(ours.iter().filter(|name| **name == DECISION_ID).count(), 1, "{ours:?}");
    Ok(())
}

#[test]
fn a_subject_cannot_step_out_of_its_issuers_namespace() -> Result<()> {
    let gateway = shared()?;
    let token = Token::coder().claim("sub", "../prod/\"root\"").sign(gateway.key(Algorithm::Es256)?);
    let answer = gateway.send(&read("namespace").bearer(&token))?;
    let line = gateway.access_line(&answer)?;
    if answer.status == 200 {
        let principal = line.text("principal").unwrap_or_default();
        assert!(principal.starts_with(r#"Agent::"dev/"#), "{principal}");
    }
    Ok(())
}

#[test]
fn an_identity_with_control_characters_is_no_header() -> Result<()> {
    let gateway = shared()?;
    let token = Token::coder().claim("sub", "a\r\nx-admin: yes").sign(gateway.key(Algorithm::Es256)?);
    gateway.send(&read("control").bearer(&token))?;
    for received in gateway.upstream.received(&path("control")) {
        assert_eq!(received.header("x-admin"), None);
    }
    Ok(())
}

#[test]
fn a_required_attribute_that_is_missing_denies() -> Result<()> {
    let gateway = shared()?;
    for claim in ["autonomous", "task"] {
        let token = Token::coder().without(claim).sign(gateway.key(Algorithm::Es256)?);
        let line = assert_denied(gateway, &read("attribute").bearer(&token), 403, "identity.attribute_missing")?;
        assert!(line.record.unwrap_or_default().to_string().contains(claim), "the record should name `{claim}`");
    }
    let token = Token::coder().without("sub").sign(gateway.key(Algorithm::Es256)?);
    let answer = gateway.send(&read("attribute").bearer(&token))?;
    assert!(matches!(answer.status, 401 | 403), "{answer:?}");
    Ok(())
}

#[test]
fn an_attribute_of_the_wrong_type_denies() -> Result<()> {
    let gateway = shared()?;
    for (claim, value) in [
        ("autonomous", json!("false")),
        ("autonomous", json!(0)),
        ("autonomous", json!(null)),
        ("task", json!("T-1")),
        ("task", json!({"id": "T-1", "started_at": "yesterday"})),
        ("task", json!({"id": "T-1", "started_at": 1.5})),
    ] {
        let token = Token::coder().claim(claim, value).sign(gateway.key(Algorithm::Es256)?);
        assert_denied(gateway, &read("type").bearer(&token), 403, "identity.attribute_type")?;
    }
    for teams in
        [json!([{"type": "Team", "id": "payments"}]), json!({"payments": true}), json!(7), json!(["payments", 7])]
    {
        let token = Token::coder().claim("teams", teams).sign(gateway.key(Algorithm::Es256)?);
        assert_denied(gateway, &read("type").bearer(&token), 403, "identity.parents")?;
    }
    Ok(())
}
