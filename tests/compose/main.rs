//! The quickstart's compose file, run for real: a Docker engine, two containers, their own network.
//!
//! The image is made on the spot from the Envoy under test, because the official one may be out of reach.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use palisade_tests::bundle::{Recipe, Workshop};
use palisade_tests::cli::Palisade;
use palisade_tests::container::{Composition, Engine};
use palisade_tests::example::Example;
use palisade_tests::http1::Request;
use palisade_tests::key::Algorithm;
use palisade_tests::quickstart::{READABLE, REPOS};
use palisade_tests::token::Token;
use palisade_tests::tools::Tools;
use palisade_tests::wait;

/// Where the compose file mounts the filter's code.
const CODE: &str = "/etc/palisade/palisade.wasm";

#[test]
fn the_compose_file_brings_up_a_gateway_that_decides_and_takes_new_bundles() -> Result<()> {
    let home = tempfile::Builder::new().prefix("compose-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let tools = Tools::from_env()?;
    let engine = Engine::open(home.path())?;
    let composition = Composition::prepare(&engine, home.path(), &engine.envoy_image()?)?;

    let build = composition.build_folder();
    let workshop = Workshop::open(Palisade::new(&tools.cli), Example::Quickstart, &build)?;
    let bundle = workshop.bundle(Recipe::GOOD)?;
    let filter = workshop.filter(&bundle, Path::new(CODE))?;
    let filter_file = build.join("filter/palisade.json");
    fs::copy(&tools.wasm, build.join("palisade.wasm"))?;
    filter.install(&filter_file)?;

    composition.up()?;
    let to = composition.address();
    let token = Token::coder().sign(workshop.token_key(Algorithm::Es256).context("no key")?);
    let request = Request::new("GET", REPOS, READABLE).bearer(&token).header("x-palisade-principal", "me");
    let answer = wait::until("the gateway in its container", || Ok(request.send(to).ok()))
        .with_context(|| composition.logs().unwrap_or_else(|error| error.to_string()))?;
    assert_eq!(answer.status, 200, "{answer:?}\n{}", composition.logs()?);
    let echo = answer.json()?;
    assert_eq!(echo["principal"], r#"Agent::"dev/coder-7""#, "the upstream saw {echo}");
    assert_eq!(echo["path"], READABLE);
    assert!(echo["decision_id"].as_str().is_some_and(|id| id.len() == 36), "the upstream saw {echo}");

    assert_eq!(Request::new("GET", REPOS, READABLE).send(to)?.status, 401);
    assert_eq!(Request::new("DELETE", REPOS, "/repos/handbook").bearer(&token).send(to)?.status, 403);

    // A rename in the mounted folder reaches Envoy in its container: first a broken bundle, then a newer one.
    let mut broken = fs::read(&bundle)?;
    let middle = broken.len() / 2;
    broken[middle] ^= 1;
    filter.clone().with_bundle(&broken)?.install(&filter_file)?;
    wait::until("Envoy to refuse the broken bundle", || {
        Ok(composition.logs()?.contains("Filesystem config update rejected").then_some(()))
    })?;
    assert_eq!(request.send(to)?.status, 200);
    let next = workshop.bundle(Recipe { name: "next", version: 2, ..Recipe::GOOD })?;
    filter.with_bundle(&fs::read(next)?)?.install(&filter_file)?;
    wait::until("version 2 to decide", || {
        assert_eq!(request.send(to)?.status, 200);
        Ok(composition.logs()?.contains(r#""version":2"#).then_some(()))
    })
}
