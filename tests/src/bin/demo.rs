//! `make demo`: the quickstart in a real Envoy, every decision case sent and every answer checked.
//!
//! Exits 0 only if everything came out as written.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::bundle_server::BundleServer;
use palisade_tests::case::{Case, CaseFile, Expectation};
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::http1::Request;
use palisade_tests::key::Algorithm;
use palisade_tests::outcome::{self, Observed};
use palisade_tests::quickstart;
use palisade_tests::token::Token;
use palisade_tests::tools::Tools;
use palisade_tests::wait;

/// The channel of the quickstart's bundle.
const CHANNEL: &str = "quickstart";

fn main() -> ExitCode {
    match demonstrate(&mut io::stdout().lock()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns how many cases came out differently.
fn demonstrate(out: &mut impl Write) -> Result<usize> {
    let files = CaseFile::read_all(&quickstart::folder())?;
    let home = tempfile::tempdir()?;
    writeln!(out, "Building and signing the quickstart's bundle, starting an upstream and Envoy …")?;
    let tools = Tools::from_env()?;
    let lists = home.path().join("lists");
    std::fs::create_dir(&lists)?;
    let server = BundleServer::start(&tools.cli, &lists, &[], &home.path().join("serve.log"))?;
    let folder = home.path().join("gateway");
    std::fs::create_dir(&folder)?;
    let options = Options { keys: Some(server.address), ..Options::default() };
    let gateway = Gateway::start_with(&folder, options, |workshop, wasm| {
        let bundle = workshop.bundle(Recipe::GOOD)?;
        workshop.revoke(&lists, CHANNEL, &["subject", "dev/nobody"])?;
        // Of the clusters that there are, this one leads to the server.
        let remote = ["--revocations-remote", "issuer=lists.internal", "--require-revocations", "--poll-interval", "1"];
        Ok((workshop.filter_with(&bundle, wasm, &remote)?, bundle))
    })?;
    // Asked of the worker that decides: statistics may come from another.
    let anybody = asks(&gateway, "anything")?;
    wait::until("the revocation list to be in force", || Ok((gateway.send(&anybody)?.status == 200).then_some(())))?;
    writeln!(out, "Envoy with the filter: http://{}", gateway.envoy.address())?;

    let (mut total, mut wrong) = (0_usize, 0_usize);
    for CaseFile { name, cases } in &files {
        writeln!(out, "\n{name}")?;
        for case in cases {
            let observed = outcome::observe(&gateway, case)?;
            total += 1;
            wrong += usize::from(observed.outcome != case.expect);
            print(out, case, &observed)?;
        }
    }

    writeln!(out, "\na bundle with one flipped byte")?;
    let refused = refuses_a_flipped_byte(&gateway)?;
    total += 1;
    wrong += usize::from(!refused);
    writeln!(out, "  {} Envoy refuses it, and the old one keeps deciding", mark(refused))?;

    writeln!(out, "\nan agent that is revoked")?;
    let took = revokes(&gateway, &lists)?;
    total += 1;
    writeln!(out, "  {} `palisade revoke` to the first denied request: {} ms", mark(true), took.as_millis())?;

    writeln!(out, "\n{} of {total} came out as written.", total - wrong)?;
    Ok(wrong)
}

fn print(out: &mut impl Write, case: &Case, observed: &Observed) -> Result<()> {
    let request = &case.request;
    let caller = case.token.as_ref().and_then(|token| token.claims.get("sub")?.as_str());
    writeln!(out, "  {} {}", mark(observed.outcome == case.expect), case.name)?;
    writeln!(
        out,
        "      asked     {} {}{} by {}",
        request.method,
        request.host,
        request.path,
        caller.unwrap_or("nobody known")
    )?;
    writeln!(out, "      expected  {}", describe(&case.expect))?;
    write!(out, "      answered  {}", describe(&observed.outcome))?;
    if !observed.errors.is_empty() {
        write!(out, "; could not be evaluated: {}", observed.errors.join(", "))?;
    }
    writeln!(out)?;
    Ok(())
}

fn describe(outcome: &Expectation) -> String {
    let Expectation { status, decision, reason, policies, rpc_error: _, shown: _, answer_refused: _ } = outcome;
    let deciders = match policies.as_slice() {
        [] if reason == "policy.deny" => "no policy permits it".to_owned(),
        [] => "before any policy".to_owned(),
        policies => format!("by {}", policies.join(", ")),
    };
    format!("{status} {decision}, {reason}, {deciders}")
}

fn mark(good: bool) -> &'static str {
    if good { "✓" } else { "✗" }
}

/// How long it takes from the start of the command to the first request that is denied, of an agent that asks all the time.
fn revokes(gateway: &Gateway, lists: &Path) -> Result<Duration> {
    let request = asks(gateway, "revoked")?;
    ensure!(gateway.send(&request)?.status == 200, "the agent may not ask to begin with");
    let start = Instant::now();
    gateway.workshop.revoke(lists, CHANNEL, &["subject", "dev/coder-7", "--reason", "credential_compromise"])?;
    let denied = wait::until("the agent to be stopped", || {
        // A request that is under way when the list comes is cut off.
        let answer = gateway.send(&request).ok();
        Ok(answer.filter(|answer| answer.status != 200))
    })?;
    let took = start.elapsed();
    let line = gateway.access_line(&denied)?;
    ensure!(line.text("reason") == Some("revoked.subject"), "stopped for another reason: {line:?}");
    Ok(took)
}

/// A request that the agent may make.
fn asks(gateway: &Gateway, file: &str) -> Result<Request> {
    let token = Token::coder().sign(gateway.key(Algorithm::Es256)?);
    Ok(Request::new("GET", quickstart::REPOS, &format!("/repos/handbook/files/{file}")).bearer(&token))
}

fn refuses_a_flipped_byte(gateway: &Gateway) -> Result<bool> {
    let mut bytes = std::fs::read(&gateway.bundle)?;
    ensure!(!bytes.is_empty(), "`{}` is empty", gateway.bundle.display());
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    let taken = gateway.replace_filter(&gateway.filter.clone().with_bundle(&bytes)?)?;
    let files = CaseFile::read_all(&quickstart::folder())?;
    let Some(case) = files.iter().flat_map(|file| &file.cases).find(|case| case.expect.decision == "allow") else {
        return Ok(false);
    };
    Ok(!taken && outcome::observe(gateway, case)?.outcome == case.expect)
}
