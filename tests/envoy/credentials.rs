//! Credentials: one good way in, and every bad one refused for its own reason.

use anyhow::Result;
use palisade_tests::http1::Request;
use palisade_tests::key::Algorithm;
use palisade_tests::token::{self, Token, now};
use serde_json::json;

use crate::fixture::{assert_allowed, assert_denied, good_token, read, shared};

#[test]
fn every_algorithm_of_the_issuer_is_accepted() -> Result<()> {
    let gateway = shared()?;
    for algorithm in Algorithm::ALL {
        let token = Token::coder().sign(gateway.key(algorithm)?);
        let line = assert_allowed(gateway, &read("algorithms").bearer(&token))?;
        let record = line.record.unwrap_or_default();
        assert_eq!(record["token"]["alg"], algorithm.name());
        assert_eq!(record["token"]["kid"], algorithm.kid());
        assert_eq!(record["token"]["issuer"], "dev");
    }
    Ok(())
}

#[test]
fn a_token_seen_before_is_accepted_again() -> Result<()> {
    let gateway = shared()?;
    let request = read("again").bearer(&good_token(gateway)?);
    for _ in 0..3 {
        assert_allowed(gateway, &request)?;
    }
    Ok(())
}

#[test]
fn no_token() -> Result<()> {
    assert_denied(shared()?, &read("no-token"), 401, "token.missing").map(drop)
}

#[test]
fn an_empty_authorization_header() -> Result<()> {
    assert_denied(shared()?, &read("empty").header("authorization", ""), 401, "credential.scheme").map(drop)
}

#[test]
fn another_scheme_than_bearer() -> Result<()> {
    let request = read("basic").header("authorization", "Basic dXNlcjpwYXNz");
    assert_denied(shared()?, &request, 401, "credential.scheme").map(drop)
}

#[test]
fn an_expired_token() -> Result<()> {
    let token = Token::coder().claim("iat", now() - 400).claim("exp", now() - 100);
    signed_is_denied("expired", &token, 401, "token.expired")
}

#[test]
fn a_token_that_expires_while_its_verification_is_cached() -> Result<()> {
    // The issuer's clock skew is 30 s: a token 29 s past its end is good for about one second more.
    let gateway = shared()?;
    let token = Token::coder()
        .claim("task", json!({"id": "T-1", "started_at": now() - 200}))
        .claim("iat", now() - 100)
        .claim("exp", now() - 28)
        .sign(gateway.key(Algorithm::Es256)?);
    let request = read("expires-in-cache").bearer(&token);
    assert_allowed(gateway, &request)?;
    let last = palisade_tests::wait::until("the cached token to expire", || {
        let answer = gateway.send(&request)?;
        Ok((answer.status != 200).then_some(answer))
    })?;
    let line = gateway.access_line(&last)?;
    assert_eq!((last.status, line.text("reason")), (401, Some("token.expired")));
    Ok(())
}

#[test]
fn a_token_without_an_expiry() -> Result<()> {
    signed_is_denied("no-exp", &Token::coder().without("exp"), 401, "token.exp_missing")
}

#[test]
fn a_token_whose_expiry_is_text() -> Result<()> {
    let token = Token::coder().claim("exp", (now() + 300).to_string());
    signed_is_denied("text-exp", &token, 401, "token.claim_type")
}

#[test]
fn a_token_that_is_not_valid_yet() -> Result<()> {
    signed_is_denied("nbf", &Token::coder().claim("nbf", now() + 200), 401, "token.not_yet_valid")
}

#[test]
fn a_token_from_the_future() -> Result<()> {
    signed_is_denied("future", &Token::coder().claim("iat", now() + 200), 401, "token.issued_in_future")
}

#[test]
fn a_token_that_lives_too_long() -> Result<()> {
    signed_is_denied("lifetime", &Token::coder().claim("exp", now() + 3600), 401, "token.lifetime")
}

#[test]
fn a_token_for_another_audience() -> Result<()> {
    let token = Token::coder().claim("aud", "https://other.example");
    signed_is_denied("audience", &token, 401, "token.audience")
}

#[test]
fn a_token_of_another_issuer() -> Result<()> {
    let token = Token::coder().claim("iss", "https://issuer.example");
    signed_is_denied("issuer", &token, 401, "token.issuer_unknown")
}

#[test]
fn an_issuer_spelled_almost_right() -> Result<()> {
    let token = Token::coder().claim("iss", "https://issuer.quickstart.example/");
    signed_is_denied("issuer-slash", &token, 401, "token.issuer_unknown")
}

#[test]
fn a_tampered_signature() -> Result<()> {
    let gateway = shared()?;
    for algorithm in Algorithm::ALL {
        let token = token::with_broken_signature(&Token::coder().sign(gateway.key(algorithm)?));
        assert_denied(gateway, &read("tampered").bearer(&token), 401, "token.signature")?;
    }
    Ok(())
}

#[test]
fn claims_replaced_under_a_good_signature() -> Result<()> {
    let gateway = shared()?;
    for algorithm in Algorithm::ALL {
        let good = Token::coder().sign(gateway.key(algorithm)?);
        // Seen and cached first: the cache must not vouch for the altered one.
        assert_allowed(gateway, &read("replaced-first").bearer(&good))?;
        let wanted = Token::coder().claim("autonomous", false).sign(gateway.key(algorithm)?);
        let forged = token::with_replaced_claims(&good, &wanted);
        assert_denied(gateway, &read("replaced").bearer(&forged), 401, "token.signature")?;
    }
    Ok(())
}

#[test]
fn alg_none() -> Result<()> {
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let token = Token::coder().header("kid", "dev-es256").unsigned(name);
        // Also with the signature of a real token after it: `none` must not mean "do not look".
        let gateway = shared()?;
        let real = good_token(gateway)?;
        let dressed = format!("{token}{}", real.rsplit('.').next().unwrap_or_default());
        assert_denied(gateway, &read("alg-none").bearer(&dressed), 401, "token.alg_not_allowed")?;
        let answer = gateway.send(&read("alg-none").bearer(&token))?;
        assert_eq!(answer.status, 401, "alg `{name}` without a signature");
    }
    Ok(())
}

#[test]
fn an_algorithm_that_the_key_is_not_for() -> Result<()> {
    let gateway = shared()?;
    for (claimed, signer, reason) in [
        ("RS256", Algorithm::Es256, "token.key_mismatch"),
        ("ES256", Algorithm::EdDsa, "token.key_mismatch"),
        ("HS256", Algorithm::Rs256, "token.alg_not_allowed"),
        ("ES384", Algorithm::Es256, "token.alg_not_allowed"),
        ("PS256", Algorithm::Rs256, "token.alg_not_allowed"),
    ] {
        let token = Token::coder().header("alg", claimed).sign(gateway.key(signer)?);
        assert_denied(gateway, &read("alg-confusion").bearer(&token), 401, reason)?;
    }
    Ok(())
}

#[test]
fn an_unknown_kid() -> Result<()> {
    signed_is_denied("unknown-kid", &Token::coder().header("kid", "dev-es257"), 401, "token.kid_unknown")
}

#[test]
fn the_kid_of_another_key() -> Result<()> {
    // Same algorithm family is not enough: the named key decides, never the one that happens to fit.
    let gateway = shared()?;
    let token = Token::coder().header("kid", "dev-rs256").sign(gateway.key(Algorithm::Es256)?);
    assert_denied(gateway, &read("other-kid").bearer(&token), 401, "token.key_mismatch").map(drop)
}

#[test]
fn a_header_that_brings_its_own_key() -> Result<()> {
    let token = Token::coder().header("kid", "own").header("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}));
    signed_is_denied("own-key", &token, 401, "token.header_forbidden")
}

#[test]
fn a_critical_extension_that_nobody_knows() -> Result<()> {
    signed_is_denied("crit", &Token::coder().header("crit", json!(["bork"])), 401, "token.crit")
}

#[test]
fn things_that_are_no_tokens() -> Result<()> {
    let gateway = shared()?;
    let good = good_token(gateway)?;
    for (text, reason) in [
        ("x", "token.parts"),
        ("..", "token.parts"),
        ("a.b", "token.parts"),
        ("a.b.c.d", "token.parts"),
        (&format!("{good}.AAAA.AAAA"), "token.encrypted"),
        (&format!("{good}="), "credential.malformed"),
        ("{}", "credential.malformed"),
        ("a.b.c", "token.base64"),
        ("W10.W10.W10", "token.json"),
        ("e30.e30.e30", "token.alg_not_allowed"),
    ] {
        assert_denied(gateway, &read("malformed").bearer(text), 401, reason)?;
    }
    Ok(())
}

#[test]
fn a_token_larger_than_any_honest_one() -> Result<()> {
    let token = Token::coder().claim("padding", "x".repeat(20_000));
    signed_is_denied("too-large", &token, 401, "token.too_large")
}

#[test]
fn two_authorization_headers() -> Result<()> {
    let gateway = shared()?;
    let token = good_token(gateway)?;
    let request = read("twice").bearer(&token).bearer(&token);
    assert_denied(gateway, &request, 400, "credential.repeated")?;
    let request = read("twice").bearer(&token).header("Authorization", "Bearer other");
    assert_denied(gateway, &request, 400, "credential.repeated")?;
    Ok(())
}

#[test]
fn two_tokens_in_one_authorization_header() -> Result<()> {
    let gateway = shared()?;
    let token = good_token(gateway)?;
    let request = read("joined").header("authorization", format!("Bearer {token}, Bearer {token}"));
    assert_denied(gateway, &request, 400, "credential.repeated").map(drop)
}

#[test]
fn a_second_token_in_the_query() -> Result<()> {
    let gateway = shared()?;
    let token = good_token(gateway)?;
    assert_denied(gateway, &read(&format!("query?access_token={token}")), 401, "token.missing")?;
    let request = read(&format!("query?access_token={token}")).bearer(&token);
    assert_denied(gateway, &request, 400, "credential.in_query").map(drop)
}

#[test]
fn the_client_does_not_learn_which_check_failed() -> Result<()> {
    let gateway = shared()?;
    let expired =
        Token::coder().claim("iat", now() - 400).claim("exp", now() - 100).sign(gateway.key(Algorithm::Es256)?);
    let forged = token::with_broken_signature(&good_token(gateway)?);
    let mut bodies = Vec::new();
    for token in [expired, forged] {
        let answer = gateway.send(&read("coarse").bearer(&token))?;
        let mut problem = answer.json()?;
        for unique in ["decision_id", "instance"] {
            problem.as_object_mut().and_then(|members| members.remove(unique));
        }
        bodies.push((problem, answer.header("www-authenticate").map(str::to_owned)));
    }
    assert_eq!(bodies[0], bodies[1]);
    Ok(())
}

#[test]
fn the_token_is_not_handed_to_the_client_or_the_log() -> Result<()> {
    let gateway = shared()?;
    let token = good_token(gateway)?;
    let signature = token.rsplit('.').next().unwrap_or_default().to_owned();
    assert_allowed(gateway, &read("secrecy").bearer(&token))?;
    let answer = gateway.send(&Request::new("PATCH", "repos.internal", "/secrecy").bearer(&token))?;
    gateway.access_line(&answer)?;
    assert!(!String::from_utf8_lossy(&answer.body).contains(&signature));
    assert!(!gateway.envoy.log()?.contains(&signature), "the log holds a usable token");
    Ok(())
}

fn signed_is_denied(name: &str, token: &Token, status: u16, reason: &str) -> Result<()> {
    let gateway = shared()?;
    let token = token.sign(gateway.key(Algorithm::Es256)?);
    assert_denied(gateway, &read(name).bearer(&token), status, reason).map(drop)
}
