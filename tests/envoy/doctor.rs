//! `palisade doctor` looks at gateways that are well, and at some that are not.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use palisade_tests::answering::Answering;
use palisade_tests::bundle::{Recipe, Workshop};
use palisade_tests::cli::Palisade;
use palisade_tests::example::Example;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::issuer::{Answer, KeyServer};
use palisade_tests::key::Algorithm;
use palisade_tests::quickstart::REPOS;
use palisade_tests::tls::Authority;
use palisade_tests::token::Token;
use palisade_tests::tools;
use serde_json::{Value, json};

use crate::field::{Field, TARGET};
use crate::fixture::{Own, good_token, home, path};
use crate::workers::STATUS;

/// What a doctor has said.
struct Report {
    code: Option<i32>,
    report: Value,
    complaint: String,
}

impl Report {
    fn of(command: &mut Command) -> Result<Self> {
        let output = command.output()?;
        let complaint = String::from_utf8(output.stderr)?;
        let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Ok(Self { code: output.status.code(), report, complaint })
    }

    /// `passed`, `failed` or `skipped`; nothing where there is no such check.
    fn result(&self, code: &str) -> Option<&str> {
        let checks = self.report.get("checks")?.as_array()?;
        checks.iter().find(|check| check["code"] == code)?.get("result")?.as_str()
    }

    /// The codes of failed checks.
    fn failed(&self) -> Vec<&str> {
        let checks = self.report["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let failed = checks.iter().filter(|check| check["result"] == "failed");
        failed.filter_map(|check| check["code"].as_str()).collect()
    }
}

fn doctor(url: &str) -> Result<Command> {
    let mut command = Command::new(tools::file("PALISADE_CLI")?);
    command.args(["doctor", url, "--host", REPOS, "--format", "json"]);
    Ok(command)
}

fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

/// A service that answers with the headers of the request.
fn echo() -> Result<Answering> {
    Answering::start(|asked| (200, Vec::new(), asked.header_lines().into_bytes()))
}

#[test]
fn a_gateway_that_is_well_is_found_well_and_its_route_without_the_filter_is_found() -> Result<()> {
    let upstream = echo()?;
    let options = Options { files: Some(upstream.address), unfiltered: Some("/open"), ..Options::default() };
    let own = Own::start(options)?;
    let gateway = &own.gateway;
    let report = Report::of(
        doctor(&url(gateway.envoy.address(), &path("doctor")))?
            .args(["--echo", "--bearer-env", "DOCTOR_TOKEN"])
            .env("DOCTOR_TOKEN", good_token(gateway)?),
    )?;
    ensure!(report.code == Some(0), "{} {}", report.report, report.complaint);
    for code in [
        "doctor.filter",
        "doctor.fails_closed",
        "doctor.deciding",
        "doctor.uncached",
        "doctor.clock",
        "doctor.stripped",
    ] {
        ensure!(report.result(code) == Some("passed"), "{code}: {}", report.report);
    }
    // A token that policy refuses does not get as far as the echo.
    let report = Report::of(
        doctor(&url(gateway.envoy.address(), &path("doctor")))?
            .args(["--echo", "--bearer-env", "DOCTOR_TOKEN"])
            .env("DOCTOR_TOKEN", "garbage"),
    )?;
    ensure!((report.code, report.failed()) == (Some(3), vec!["doctor.stripped"]), "{}", report.report);
    // Without a token there is less to look at.
    let filtered = Report::of(&mut doctor(&url(gateway.envoy.address(), &path("doctor")))?)?;
    ensure!(filtered.code == Some(0), "{}", filtered.report);

    let open = url(gateway.envoy.address(), "/open/files");
    let report = Report::of(
        doctor(&open)?.args(["--echo", "--bearer-env", "DOCTOR_TOKEN"]).env("DOCTOR_TOKEN", good_token(gateway)?),
    )?;
    ensure!(report.code == Some(3), "{} {}", report.report, report.complaint);
    let failed = ["doctor.filter", "doctor.fails_closed", "doctor.uncached", "doctor.stripped"];
    ensure!(report.failed() == failed, "{}", report.report);
    Ok(())
}

#[test]
fn an_upstream_that_refuses_by_itself_is_no_filter() -> Result<()> {
    for status in [401, 403, 404, 503] {
        let server = Answering::start(move |_| (status, Vec::new(), br#"{"reason":"credentials_required"}"#.to_vec()))?;
        let report = Report::of(&mut doctor(&url(server.address, "/"))?)?;
        ensure!(report.code == Some(3) && report.failed().contains(&"doctor.filter"), "{}", report.report);
    }
    Ok(())
}

#[test]
fn a_gateway_without_a_bundle_is_found() -> Result<()> {
    let folder = home()?;
    let gateway = Gateway::start_with(folder.path(), Options::default(), |workshop, wasm| {
        let bundle = workshop.bundle(Recipe::GOOD)?;
        let filter = workshop.filter(&bundle, wasm)?;
        let mut configuration = filter.configuration()?;
        let nowhere = json!({"cluster": "nowhere", "authority": "bundles.internal", "prefix": "/"});
        configuration["bundle"] = json!({"remote": nowhere});
        Ok((filter.with_configuration(&configuration.to_string())?, bundle))
    })?;
    let report = Report::of(&mut doctor(&url(gateway.envoy.address(), &path("doctor")))?)?;
    ensure!((report.code, report.failed()) == (Some(3), vec!["doctor.deciding"]), "{}", report.report);
    Ok(())
}

#[test]
fn the_bundle_that_decides_is_the_one_that_is_expected() -> Result<()> {
    // What a gateway says of itself, by a stand-in that refuses everything else as the filter does.
    let (home, cli) = (home()?, tools::file("PALISADE_CLI")?);
    let workshop = Workshop::open(Palisade::new(&cli), Example::Quickstart, home.path())?;
    let bundle = workshop.bundle(Recipe::GOOD)?.display().to_string();
    let trust = workshop.public_key(Recipe::GOOD.signer);
    let inspected = Command::new(cli).args(["verify", &bundle, "--format", "json", "--trust", &trust]).output()?;
    let inspected: Value = serde_json::from_slice(&inspected.stdout).context("no bundle to compare with")?;
    let digest = inspected["digest"].as_str().context("no digest")?.trim_start_matches("sha256:").to_owned();
    let status = format!(
        r#"{{"state":"deciding","bundle":{{"name":"quickstart","channel":"quickstart","version":1,"digest":"sha256:{digest}","expires":4102444800}}}}"#
    );
    let server = Answering::start(move |asked| match asked.target.as_str() {
        "/.well-known/palisade/status" => (200, Vec::new(), status.clone().into_bytes()),
        _ => (401, Vec::new(), Vec::new()),
    })?;
    let ask = |more: &[&str]| Report::of(doctor(&url(server.address, "/"))?.args(more));
    let report = ask(&["--expect-version", "1", "--bundle", &bundle])?;
    for code in ["doctor.bundle", "doctor.version", "doctor.digest", "doctor.expiry"] {
        ensure!(report.result(code) == Some("passed"), "{code}: {}", report.report);
    }
    let report = ask(&["--expect-version", "2"])?;
    ensure!(report.result("doctor.version") == Some("failed"), "{}", report.report);
    let report = ask(&["--expect-version", "1", "--status-path", "/elsewhere"])?;
    ensure!(report.result("doctor.bundle") == Some("failed"), "{}", report.report);
    ensure!(ask(&[])?.result("doctor.version").is_none());
    Ok(())
}

#[test]
fn the_bundle_that_a_live_gateway_fetched_is_the_one_that_is_expected() -> Result<()> {
    let server = KeyServer::start(Answer::absent())?;
    let field = Field::start_with(server.address(), Options::default(), |_| {
        Ok(["--status-path", STATUS].map(str::to_owned).to_vec())
    })?;
    let ask = |more: &[&str]| Report::of(doctor(&url(field.gateway.envoy.address(), &path("doctor")))?.args(more));
    // Before there is any, the filter says so.
    let report = ask(&["--expect-version", "3"])?;
    ensure!((report.code, report.failed()) == (Some(3), vec!["doctor.deciding", "doctor.bundle"]), "{}", report.report);

    server.put(TARGET, field.document(3)?);
    field.await_version(3)?;
    let bundle = |version: u64| -> Result<String> {
        let file = field.gateway.bundle.with_file_name(format!("expected-{version}.palisade"));
        std::fs::write(&file, field.bundle(version)?)?;
        Ok(file.display().to_string())
    };
    let report = ask(&["--expect-version", "3", "--bundle", &bundle(3)?])?;
    ensure!(report.code == Some(0), "{} {}", report.report, report.complaint);
    for code in ["doctor.deciding", "doctor.clock", "doctor.bundle", "doctor.version", "doctor.digest", "doctor.expiry"]
    {
        ensure!(report.result(code) == Some("passed"), "{code}: {}", report.report);
    }
    let failed = |more: &[&str]| -> Result<Vec<String>> {
        let report = ask(more)?;
        ensure!(report.code == Some(3), "{}", report.report);
        Ok(report.failed().into_iter().map(str::to_owned).collect())
    };
    ensure!(failed(&["--expect-version", "2"])? == ["doctor.version"]);
    ensure!(failed(&["--expect-version", "4"])? == ["doctor.version"]);
    ensure!(failed(&["--expect-version", "3", "--bundle", &bundle(4)?])? == ["doctor.digest"]);
    ensure!(failed(&["--expect-version", "3", "--status-path", "/elsewhere"])? == ["doctor.bundle"]);
    Ok(())
}

#[test]
fn certificates_are_looked_at() -> Result<()> {
    let (certificates, folder) = (home()?, home()?);
    let authority = Authority::new(certificates.path())?;
    let names = "subjectAltName=DNS:localhost";
    authority.issue_with("server", "/CN=localhost", 1, names)?;
    let gateway = Gateway::start_tls(folder.path(), &authority.transport_socket())?;
    let ca = certificates.path().join("ca.pem").display().to_string();
    let url = format!("https://localhost:{}{}", gateway.envoy.address().port(), path("doctor"));

    let report = Report::of(doctor(&url)?.args(["--ca", &ca]))?;
    ensure!(report.result("doctor.tls") == Some("passed"), "{} {}", report.report, report.complaint);
    ensure!(report.failed() == ["doctor.tls_expiry"], "it holds for a day: {}", report.report);

    // Nobody vouches for it, or it is for another name: found, and no token goes there.
    let token = Token::coder().sign(gateway.key(Algorithm::Es256)?);
    let other = url.replace("localhost", "127.0.0.1");
    for (url, more) in [(&url, vec![]), (&other, vec!["--ca", &ca])] {
        let command = &mut doctor(url)?;
        command.args(more).args(["--echo", "--bearer-env", "DOCTOR_TOKEN"]).env("DOCTOR_TOKEN", &token);
        let report = Report::of(command)?;
        ensure!(report.result("doctor.tls") == Some("failed"), "{} {}", report.report, report.complaint);
        ensure!(report.result("doctor.filter") == Some("passed"), "{}", report.report);
        ensure!(report.result("doctor.stripped") == Some("skipped"), "{}", report.report);
    }
    Ok(())
}

#[test]
fn where_nobody_answers_there_is_no_report() -> Result<()> {
    let nobody = palisade_tests::process::free_address()?;
    for (address, code) in [
        (url(nobody, "/"), "doctor.unreachable"),
        (format!("https://{nobody}/"), "doctor.unreachable"),
        ("ftp://127.0.0.1/".to_owned(), "doctor.url"),
        ("/".to_owned(), "doctor.url"),
    ] {
        let report = Report::of(&mut doctor(&address)?)?;
        ensure!(report.code == Some(1) && report.report.is_null(), "{address}: {}", report.report);
        ensure!(report.complaint.contains(&format!("error[{code}]")), "{address}: {}", report.complaint);
    }
    Ok(())
}
