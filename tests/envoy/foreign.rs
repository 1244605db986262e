//! Tokens that we did not make: what npm's jose and PyPI's joserfc sign is accepted, in every algorithm, what an issuer built
//! on npm's oidc-provider gives out is accepted with its proof of possession, and what is wrong is refused for its reason.

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::http1::Request;
use palisade_tests::issuers::{Foreign, Minted};
use palisade_tests::quickstart::{self, AUDIENCE, ISSUER, REPOS};
use palisade_tests::token::Token;
use serde_json::json;

use crate::fixture::{assert_allowed, home, path, read};

/// The issuer's algorithms in the quickstart's project file.
pub(crate) const SOME: &str = r#"algorithms = ["ES256", "RS256", "EdDSA"]"#;
pub(crate) const ALL: &str = r#"algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]"#;

/// Starts a gateway whose issuer has the foreign keys, and asks it about every token. Returns how many were good, and of how many.
fn ask_about(mint: impl FnOnce() -> Result<Minted>, change: impl FnOnce(&str) -> String) -> Result<(usize, usize)> {
    let home = home()?;
    let mut tokens = Vec::new();
    let gateway = Gateway::start_with(home.path(), Options::default(), |workshop, wasm| {
        // Proofs are good for a minute: they are made when the gateway's turn to start has come, and not before.
        let minted = mint()?;
        tokens = minted.tokens;
        let project = home.path().join("project");
        quickstart::changed(&project, change)?;
        let jwks = home.path().join("foreign.jwks.json");
        std::fs::write(&jwks, minted.jwks.to_string())?;
        let bundle = workshop.bundle_of(&project, Some(&jwks), Recipe::GOOD)?;
        Ok((workshop.filter(&bundle, wasm)?, bundle))
    })?;
    let mut allowed = 0;
    for (number, foreign) in tokens.iter().enumerate() {
        let file = foreign.file.clone().unwrap_or_else(|| format!("foreign-{number}"));
        let (token_header, proof_header) = match foreign.workload {
            true => ("workload-identity-token", "workload-proof-token"),
            false => ("authorization", "dpop"),
        };
        let token = match foreign.workload {
            true => foreign.token.clone(),
            false => format!("{} {}", foreign.scheme.as_deref().unwrap_or("Bearer"), foreign.token),
        };
        let mut request = read(&file).header(token_header, token);
        if let Some(proof) = &foreign.proof {
            request = request.header(proof_header, proof);
        }
        let checked = if foreign.reason == "policy.allow" {
            allowed += 1;
            assert_allowed(&gateway, &request).map(drop)
        } else {
            let status = if foreign.workload { 400 } else { 401 };
            assert_refused(&gateway, &request, &path(&file), status, &foreign.reason)
        };
        checked.with_context(|| foreign.name.clone())?;
    }
    Ok((allowed, tokens.len()))
}

/// The request is refused for this reason and does not reach the upstream, where one of the same path may have been.
fn assert_refused(gateway: &Gateway, request: &Request, path: &str, status: u16, reason: &str) -> Result<()> {
    let before = gateway.upstream.received(path).len();
    let answer = gateway.send(request)?;
    let line = gateway.access_line(&answer)?;
    ensure!(answer.status == status && line.text("reason") == Some(reason), "expected {reason}: {answer:?} {line:?}");
    ensure!(gateway.upstream.received(path).len() == before, "a refused request reached the upstream");
    Ok(())
}

fn every_algorithm(foreign: Foreign) -> Result<()> {
    let mint = || foreign.mint(&Token::coder().claims());
    let (allowed, all) = ask_about(mint, |project| project.replace(SOME, ALL))?;
    ensure!(allowed == ALL.matches('"').count() / 2, "{allowed} tokens were good");
    ensure!(all > 2 * allowed, "most tokens are to be bad");
    Ok(())
}

#[test]
fn tokens_of_jose() -> Result<()> {
    every_algorithm(Foreign::Jose)
}

#[test]
fn tokens_of_joserfc() -> Result<()> {
    every_algorithm(Foreign::Joserfc)
}

#[test]
fn a_live_issuer_with_proof_of_possession() -> Result<()> {
    let claims = Token::coder().claims();
    let base = format!("https://{REPOS}{}", path(""));
    let extra = json!({"teams": claims["teams"], "autonomous": claims["autonomous"], "task": claims["task"]});
    let claims = json!({"sub": claims["sub"], "extra": extra});
    let options = json!({"issuer": ISSUER, "audience": AUDIENCE, "claims": claims, "base": base});
    let mint = || Foreign::OidcProvider.mint(&options);
    let (allowed, all) = ask_about(mint, |project| {
        // The provider's tokens are those of RFC 9068, without exception.
        let strict = project.replace("[[issuers]]", "[[issuers]]\nprofile = \"oauth\"");
        format!("{strict}\n[dpop]\norigins = [\"https://{REPOS}\"]\n")
    })?;
    ensure!(allowed == 3 && all > 10, "{allowed} of {all} were good");
    Ok(())
}

/// Workloads of a trust domain with the tokens and proofs that npm's jose makes for them.
fn workloads(svid: bool) -> Result<()> {
    let claims = Token::coder().claims();
    let base = format!("https://{REPOS}{}", path(""));
    let told = json!({"teams": claims["teams"], "autonomous": claims["autonomous"], "task": claims["task"]});
    let options = json!({"sub": "spiffe://example.org/agents/coder", "claims": told, "svid": svid, "base": base});
    let mint = || Foreign::TrustDomain.mint(&options);
    let profile = if svid { "spiffe-wit-svid" } else { "wimse-wit-03" };
    let (allowed, all) = ask_about(mint, |project| {
        let issuer = project
            .replace(
                &format!("issuer = \"{ISSUER}\""),
                &format!("profile = \"{profile}\"\ntrust_domain = \"example.org\""),
            )
            .replace(&format!("audiences = [\"{AUDIENCE}\"]\n"), "")
            .replace(SOME, "algorithms = [\"ES256\"]");
        format!("{issuer}\n[workload_proof]\ndraft = \"draft-ietf-wimse-wpt-02\"\norigins = [\"https://{REPOS}\"]\n")
    })?;
    let bad = all - allowed;
    ensure!(allowed >= 7 && bad > 2 * allowed, "{allowed} were good and {bad} bad");
    Ok(())
}

#[test]
fn workload_identity_tokens_of_jose() -> Result<()> {
    workloads(false)
}

#[test]
fn wit_svids_of_jose() -> Result<()> {
    workloads(true)
}
