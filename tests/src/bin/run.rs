//! `make run`: the quickstart's gateway, left up, with curl lines to try.

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

use anyhow::Result;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::key::Algorithm;
use palisade_tests::token::{Token, now};

/// The port that the README names; another one is taken when it is in use.
const PORT: u16 = 8080;
/// The longest life that the quickstart's issuer may give a token is 15 minutes.
const TOKEN_LIFETIME: i64 = 14 * 60;

fn main() -> ExitCode {
    match serve(&mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(out: &mut impl Write) -> Result<()> {
    let home = tempfile::tempdir()?;
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).is_ok();
    let port = if free { PORT } else { 0 };
    let mut gateway = Gateway::start(home.path(), Options { port, workers: 2, ..Options::default() })?;
    explain(out, &gateway)?;
    out.flush()?;
    // The runtime is here for one thing: hearing Ctrl-C, so that Envoy and the folder go before we do.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        loop {
            tokio::select! {
                result = &mut interrupted => return Ok(result?),
                () = tokio::time::sleep(std::time::Duration::from_millis(500)) => gateway.envoy.check_running()?,
            }
        }
    })
}

fn explain(out: &mut impl Write, gateway: &Gateway) -> Result<()> {
    let key = gateway.key(Algorithm::Es256)?;
    let token = Token::coder().claim("exp", now() + TOKEN_LIFETIME);
    let url = format!("http://{}", gateway.envoy.address());
    writeln!(out, "The quickstart's gateway is up at {url}. Ctrl-C stops it.\n")?;
    writeln!(out, "Two agents of the payments team, both on task T-1: branch agent-T-1 of repository checkout.")?;
    writeln!(out, "Their tokens are good for 14 minutes. CODER works alone, WATCHED has a person who confirms.\n")?;
    writeln!(out, "CODER={}\n", token.sign(key))?;
    writeln!(out, "WATCHED={}\n", token.claim("sub", "coder-8").claim("autonomous", false).sign(key))?;
    let lines = [
        ("200, reading is broad", "", "CODER", "repos.internal", "/repos/handbook/files/README.md"),
        (
            "200, the branch that the task names",
            "-X PUT ",
            "CODER",
            "repos.internal",
            "/repos/checkout/branches/agent-T-1/files/a",
        ),
        ("403, another branch", "-X PUT ", "CODER", "repos.internal", "/repos/checkout/branches/main/files/a"),
        (
            "403, nothing autonomous changes production",
            "-X POST ",
            "CODER",
            "deploys.internal",
            "/environments/production/services/checkout/deployments",
        ),
        (
            "200, a person watches",
            "-X POST ",
            "WATCHED",
            "deploys.internal",
            "/environments/production/services/checkout/deployments",
        ),
        ("403, no approved intent", "", "CODER", "secrets.internal", "/secrets/payments/sandbox-api-key"),
    ];
    for (meaning, method, who, host, path) in lines {
        writeln!(
            out,
            "# {meaning}\ncurl -i {method}-H 'Host: {host}' -H \"Authorization: Bearer ${who}\" {url}{path}"
        )?;
    }
    writeln!(out, "# 401, nobody known\ncurl -i -H 'Host: repos.internal' {url}/repos/handbook/files/README.md")?;
    writeln!(out, "\nDecisions are recorded in {}", gateway.envoy.log_path().display())?;
    Ok(())
}
