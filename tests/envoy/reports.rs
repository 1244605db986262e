//! A gateway says which bundle decides in it, to the server that has the bundles.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use palisade_tests::answering::Answering;
use palisade_tests::bundle::Recipe;
use palisade_tests::bundle_server::BundleServer;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::http1::Request;
use palisade_tests::issuer::{Answer, KeyServer};
use palisade_tests::process::free_address;
use palisade_tests::tools::Tools;
use palisade_tests::wait;
use serde_json::Value;
use tempfile::TempDir;

use crate::field::Field;
use crate::fixture::{good_token, home, read};

const REPORTS: &str = "wasmcustom.palisade_status_reports_total.result.";
const FILE: &str = "quickstart.palisade";

/// A server of bundles, at an address where it can come back.
struct Site {
    server: BundleServer,
    field: Field,
    home: TempDir,
}

impl Site {
    fn start(workers: u32) -> Result<Self> {
        let (tools, home, address) = (Tools::from_env()?, home()?, free_address()?);
        let folder = home.path().join("served");
        fs::create_dir(&folder)?;
        let options = Options { workers, ..Options::default() };
        let field = Field::start_with(address, options, |_| {
            let report = ["--report", "bundles=bundles.internal", "--report-interval", "5", "--gateway-name", "edge-1"];
            Ok(report.map(str::to_owned).to_vec())
        })?;
        fs::write(folder.join(FILE), field.bundle(1)?)?;
        let output = home.path().join("serve.log");
        let options = ["--progress", "127.0.0.1:0"];
        let server = BundleServer::start_at(&address.to_string(), &tools.cli, &folder, &options, &output)?;
        Ok(Self { server, field, home })
    }

    /// Waits until the gateway's last report is as it should be.
    fn await_report(&mut self, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Value> {
        let progress = self.server.listens("progress")?;
        let mut last = Value::Null;
        let found = wait::until(what, || {
            let page = Request::new("GET", "localhost", "/").send(progress)?.json()?;
            last = page["gateways"].clone();
            ensure!(last.as_array().is_none_or(|all| all.len() <= 1), "one Envoy is several: {last}");
            Ok(last.get(0).filter(|gateway| is_meant(gateway)).cloned())
        });
        found.with_context(|| last.to_string())
    }
}

#[test]
fn the_server_knows_what_decides_in_every_worker() -> Result<()> {
    let mut site = Site::start(2)?;
    site.field.await_version(1)?;
    // Two workers and Envoy's main thread.
    let all_agree = |gateway: &Value, version: u64| {
        gateway["bundle"]["version"] == version && gateway["workers"][0]["count"] == 3 && gateway["current"] == true
    };
    let first = site.await_report("a report by all workers", |gateway| all_agree(gateway, 1))?;
    ensure!(
        first["gateway"] == "edge-1" && first["state"] == "deciding" && first["channel"] == "quickstart",
        "{first}"
    );
    ensure!(first["overdue"] == false && first["confirmed_age_s"].is_u64(), "{first}");
    site.await_report("Envoy's own name", |gateway| gateway["node"].is_string())?;

    site.server.publish_bytes(FILE, &site.field.bundle(2)?)?;
    let second = site.await_report("a report of the next version", |gateway| all_agree(gateway, 2))?;
    ensure!(second["instance"] == first["instance"], "{second}");
    ensure!(second["workers"].as_array().is_some_and(|groups| groups.len() == 1), "{second}");
    // What is served fails in the gateway: it goes on, and says so.
    let workshop = &site.field.gateway.workshop;
    workshop.signing_key("stranger")?;
    let recipe = Recipe { name: "strange", version: 3, signer: "stranger", ..Recipe::GOOD };
    site.server.publish_bytes(FILE, &fs::read(workshop.bundle(recipe)?)?)?;
    let refused = site.await_report("a fault", |gateway| gateway["faults"][0]["code"] == "bundle.threshold")?;
    ensure!(refused["state"] == "deciding" && refused["bundle"]["version"] == 2, "{refused}");
    ensure!(refused["current"] == false && refused["faults"][0]["part"] == "bundle", "{refused}");
    site.server.publish_bytes(FILE, &site.field.bundle(4)?)?;
    site.await_report("no fault", |gateway| all_agree(gateway, 4) && gateway["faults"] == Value::Array(Vec::new()))?;
    Ok(())
}

#[test]
fn a_server_that_is_down_is_counted_and_told_when_it_is_back() -> Result<()> {
    let mut site = Site::start(1)?;
    site.field.await_version(1)?;
    site.await_report("a report", |gateway| gateway["bundle"]["version"] == 1)?;
    site.server.kill()?;
    let failed = || site.field.gateway.envoy.stat(&format!("{REPORTS}feed.status"));
    wait::until("a report to fail", || Ok((failed()? > 0).then_some(())))?;
    for _ in 0..20 {
        ensure!(site.field.decides()? == Some(1), "a request was in need of a report");
    }
    ensure!(site.field.gateway.envoy.log()?.contains("status not reported: feed.status"), "no line in the log");
    let (tools, folder) = (Tools::from_env()?, site.home.path().join("served"));
    let (address, output) = (site.server.address.to_string(), site.home.path().join("serve-2.log"));
    let options = ["--progress", "127.0.0.1:0"];
    site.server = BundleServer::start_at(&address, &tools.cli, &folder, &options, &output)?;
    site.await_report("a report after all", |gateway| gateway["state"] == "deciding")?;
    Ok(())
}

#[test]
fn whatever_the_server_answers_no_request_is_the_worse_for_it() -> Result<()> {
    let bundles = KeyServer::start(Answer::Close)?;
    let reported = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reported);
    let server = Answering::start(move |asked| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        let is_report = asked.method == "POST" && asked.target == "/here?x=1" && asked.body.starts_with(b"{\"schema\"");
        match (is_report, number) {
            (false, _) => (400, Vec::new(), Vec::new()),
            (true, 0) => (302, vec![("location", "http://127.0.0.1:1/".to_owned())], b"elsewhere".to_vec()),
            (true, 1) => (500, Vec::new(), vec![b'x'; 4 * 1024 * 1024]),
            (true, _) => (200, Vec::new(), vec![b'x'; 4 * 1024 * 1024]),
        }
    })?;
    let home = home()?;
    let options = Options { keys: Some(server.address), bundles: Some(bundles.address()), ..Options::default() };
    let gateway = Gateway::start_with(home.path(), options, |workshop, wasm| {
        let bundle = workshop.bundle(Recipe::GOOD)?;
        let more = ["--report", "issuer=reports.internal/here?x=1", "--report-interval", "5"];
        Ok((workshop.filter_with(&bundle, wasm, &more)?, bundle))
    })?;
    let request = read("reports").bearer(&good_token(&gateway)?);
    wait::until("a report to be taken", || {
        ensure!(gateway.send(&request)?.status == 200);
        Ok((gateway.envoy.stat(&format!("{REPORTS}sent"))? > 0).then_some(()))
    })?;
    ensure!(gateway.envoy.stat(&format!("{REPORTS}feed.status"))? == 2, "a redirect or an error was taken for a yes");
    ensure!(reported.load(Ordering::SeqCst) >= 3);
    Ok(())
}
