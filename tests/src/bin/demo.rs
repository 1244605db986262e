//! `make demo`: the quickstart in a real Envoy, every decision case sent and every answer checked.
//!
//! Exits 0 only if everything came out as written.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use palisade_tests::case::{Case, CaseFile, Expectation};
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::outcome::{self, Observed};
use palisade_tests::quickstart;

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
    let gateway = Gateway::start(home.path(), Options::default())?;
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
    let Expectation { status, decision, reason, policies, rpc_error: _ } = outcome;
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
