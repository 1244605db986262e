//! Tokens of foreign libraries: what npm's jose and PyPI's joserfc sign is accepted, in every algorithm, and what they make
//! wrong is refused for its reason.

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::issuers::{self, Library};
use palisade_tests::token::Token;

use crate::fixture::{assert_allowed, assert_denied, home, read};

/// Signature algorithms of JOSE that a verifier should take.
const ALGORITHMS: usize = 11;

fn tokens_come_out_as_they_should(library: Library) -> Result<()> {
    let minted = library.mint(&Token::coder().claims())?;
    let home = home()?;
    let gateway = Gateway::start_with(home.path(), Options::default(), |workshop, wasm| {
        let project = issuers::project(home.path())?;
        let jwks = home.path().join("foreign.jwks.json");
        std::fs::write(&jwks, minted.jwks.to_string())?;
        let bundle = workshop.bundle_of(&project, &jwks, Recipe::GOOD)?;
        Ok((workshop.filter(&bundle, wasm)?, bundle))
    })?;
    let mut allowed = 0;
    for (number, foreign) in minted.tokens.iter().enumerate() {
        let request = read(&format!("foreign-{number}")).bearer(&foreign.token);
        let checked = if foreign.reason == "policy.allow" {
            allowed += 1;
            assert_allowed(&gateway, &request)
        } else {
            assert_denied(&gateway, &request, 401, &foreign.reason)
        };
        checked.with_context(|| foreign.name.clone())?;
    }
    ensure!(allowed == ALGORITHMS, "{allowed} tokens were good");
    ensure!(minted.tokens.len() > 2 * ALGORITHMS, "most tokens are to be bad");
    Ok(())
}

#[test]
fn tokens_of_jose() -> Result<()> {
    tokens_come_out_as_they_should(Library::Jose)
}

#[test]
fn tokens_of_joserfc() -> Result<()> {
    tokens_come_out_as_they_should(Library::Joserfc)
}
