//! The conformance suite of MCP: what it finds of a server through the gateway, under a policy that allows everything, is what
//! it finds without.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::example::Example;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::key::Algorithm;
use palisade_tests::mcp_tools::{Findings, McpProgram, conformance, free_address};
use palisade_tests::token::Token;

use crate::fixture::home;

/// Revisions, and how many checks of each the server passes at the least, so that being the same says something.
const REVISIONS: [(&str, usize); 2] = [("2025-11-25", 50), ("2026-07-28", 40)];

#[test]
fn the_suite_finds_the_same_through_the_gateway() -> Result<()> {
    let home = home()?;
    let server = McpProgram::conformance(home.path())?;
    let relay = free_address()?;
    let project = home.path().join("project");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("mcp/conformance"), &project, &format!("http://{relay}"))?;
    let options =
        Options { example: Example::Mcp, other: Some(server.address()), any_host: true, ..Options::default() };
    let gateway = Gateway::start_with(home.path(), options, |workshop, wasm| {
        let jwks = workshop.key_set(Recipe::GOOD.issuer);
        let bundle = workshop.bundle_of(&project, Some(&jwks), Recipe::GOOD)?;
        Ok((workshop.filter(&bundle, wasm)?, bundle))
    })?;
    let token = Token::coder().sign(gateway.key(Algorithm::Es256)?);
    let _relay = McpProgram::bearer(home.path(), relay, gateway.envoy.address(), &token)?;
    for (revision, least) in REVISIONS {
        let results = |name: &str| home.path().join(format!("{name}-{revision}"));
        let (direct, through) = std::thread::scope(|scope| {
            let direct = format!("http://{}/mcp", server.address());
            let direct = scope.spawn({
                let results = results("direct");
                move || conformance(&direct, revision, &results)
            });
            let through = conformance(&format!("http://{relay}/everything/mcp"), revision, &results("through"));
            (direct.join(), through)
        });
        let (direct, through) = (direct.ok().context("the suite panicked")??, through?);
        ensure!(!direct.is_empty() && direct.keys().eq(through.keys()), "{direct:?}\n{through:?}");
        for (scenario, checks) in &direct {
            assert_eq!(Some(checks), through.get(scenario), "{revision}: {scenario}");
        }
        let passed = passed(&direct);
        assert!(passed >= least, "{revision}: {passed} of {direct:?}");
    }
    // It did go through the gateway.
    gateway.envoy.await_stat("wasmcustom.palisade_decisions_total.reason.policy.allow", 100)?;
    Ok(())
}

fn passed(findings: &Findings) -> usize {
    findings.values().flatten().filter(|(_, status)| status == "SUCCESS").count()
}

/// Copies the project, with the origin from which the suite says that it comes.
fn copy(from: &Path, to: &Path, origin: &str) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let text = fs::read_to_string(entry.path())?.replace("{ORIGIN}", origin);
        fs::write(to.join(entry.file_name()), text)?;
    }
    Ok(())
}
