//! From a publication to decisions by it: `palisade serve` or any static server, and every worker of an Envoy, under load.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::bundle_server::BundleServer;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::http1::{Connection, Request};
use palisade_tests::issuer::{Answer, KeyServer};
use palisade_tests::quickstart::REPOS;
use palisade_tests::tools::Tools;
use palisade_tests::{process, wait};
use tempfile::TempDir;

use crate::field::TARGET;
use crate::fixture::{good_token, home, read};
use crate::workers::{STATUS, Workers};

const WORKERS: usize = 4;
/// What a loaded machine's clocks and ticks add to two poll periods.
const SLACK: Duration = Duration::from_secs(2);

/// A gateway that fetches from `server` and asks one that does not wait every `interval`.
fn start(server: SocketAddr, interval: Duration) -> Result<(Gateway, TempDir)> {
    let home = home()?;
    let options = Options { workers: u32::try_from(WORKERS)?, bundles: Some(server), ..Options::default() };
    let gateway = Gateway::start_with(home.path(), options, |workshop, wasm| {
        let trust = workshop.public_key(Recipe::GOOD.signer);
        let filter = workshop.fetching_filter(wasm, "quickstart", &["--trust", &trust, "--status-path", STATUS])?;
        let mut bundle = filter.configuration()?["bundle"].clone();
        bundle["remote"]["poll_interval_s"] = interval.as_secs().into();
        Ok((filter.with_field("bundle", bundle)?, home.path().join("none.palisade")))
    })?;
    Ok((gateway, home))
}

fn bundle(gateway: &Gateway, version: u64) -> Result<Vec<u8>> {
    let name = format!("version-{version}");
    Ok(fs::read(gateway.workshop.bundle(Recipe { name: &name, version, ..Recipe::GOOD })?)?)
}

/// One worker under load.
#[derive(Default)]
struct Load {
    /// The version that has decided a request.
    version: AtomicU64,
    sent: AtomicU64,
}

impl Load {
    /// Sends requests without end, on one connection. Returns when the first one was decided by each version.
    fn run(&self, mut connection: Connection, good: &Request, done: &AtomicBool) -> Result<Vec<(u64, Instant)>> {
        let (status, mut seen) = (Request::new("GET", REPOS, STATUS), Vec::new());
        let mut newest = 0;
        while !done.load(Ordering::SeqCst) {
            let told = connection.exchange(&status)?.json()?;
            let version = told["bundle"]["version"].as_u64().context("no version")?;
            ensure!(version >= newest, "version {version} decides after version {newest}");
            let answer = connection.exchange(good).context("a request was lost")?;
            ensure!(answer.status == 200, "a good request was refused: {answer:?}");
            self.sent.fetch_add(1, Ordering::SeqCst);
            if version > newest {
                newest = version;
                seen.push((version, Instant::now()));
                self.version.store(version, Ordering::SeqCst);
            }
        }
        Ok(seen)
    }
}

/// How long it took from each publication to the first request that it decided, and to such a request in the last worker.
struct Figures {
    first: Vec<Duration>,
    all: Vec<Duration>,
    requests: u64,
}

impl Figures {
    /// Publishes one version after the other while every worker has requests to decide; version 1 is out.
    fn measure(
        gateway: &Gateway,
        versions: &[(u64, Vec<u8>)],
        publish: impl Fn(u64, &[u8]) -> Result<()>,
    ) -> Result<Self> {
        let good = read("publishing").bearer(&good_token(gateway)?);
        let mut workers = Workers::open(gateway, WORKERS)?;
        workers.await_all("version 1", &good, |decided| decided.version == Some(1))?;
        let connections = workers.into_connections();
        let loads: Vec<Load> = connections.iter().map(|_| Load::default()).collect();
        let done = AtomicBool::new(false);
        let (published, seen) = thread::scope(|scope| {
            let (good, done) = (&good, &done);
            let flows: Vec<_> = connections
                .into_iter()
                .zip(&loads)
                .map(|(connection, load)| scope.spawn(move || load.run(connection, good, done)))
                .collect();
            let has_ended = || flows.iter().any(thread::ScopedJoinHandle::is_finished);
            let publications = || -> Result<Vec<(u64, Instant)>> {
                let mut published = Vec::new();
                for (version, bytes) in versions {
                    published.push((*version, Instant::now()));
                    publish(*version, bytes)?;
                    wait::until(&format!("version {version} in every worker"), || {
                        ensure!(!has_ended(), "a flow of requests has ended");
                        let all = loads.iter().all(|load| load.version.load(Ordering::SeqCst) >= *version);
                        Ok(all.then_some(()))
                    })?;
                }
                Ok(published)
            };
            let published = publications();
            done.store(true, Ordering::SeqCst);
            let flows: Vec<_> = flows.into_iter().map(thread::ScopedJoinHandle::join).collect();
            let mut seen = Vec::new();
            for flow in flows {
                seen.push(flow.map_err(|_| anyhow::anyhow!("a flow of requests panicked"))??);
            }
            Ok::<_, anyhow::Error>((published?, seen))
        })?;
        let mut figures = Self { first: Vec::new(), all: Vec::new(), requests: 0 };
        for (version, start) in published {
            let mut took = Vec::new();
            for worker in &seen {
                let (_, at) = worker.iter().find(|(seen, _)| *seen == version).context("a version was left out")?;
                took.push(at.duration_since(start));
            }
            figures.first.push(took.iter().min().copied().context("no worker")?);
            figures.all.push(took.iter().max().copied().context("no worker")?);
        }
        figures.requests = loads.iter().map(|load| load.sent.load(Ordering::SeqCst)).sum();
        Ok(figures)
    }

    /// Whatever becomes of the test, whoever runs it sees them.
    fn print(&self, server: &str) -> Result<()> {
        let say = |times: &[Duration]| {
            let mut times: Vec<u128> = times.iter().map(Duration::as_millis).collect();
            times.sort_unstable();
            let (median, most) = (times.get(times.len() / 2), times.last());
            format!("{} ms (median), {} ms (at most)", median.unwrap_or(&0), most.unwrap_or(&0))
        };
        let (first, all) = (say(&self.first), say(&self.all));
        let mut out = io::stdout().lock();
        writeln!(out, "{server}, {WORKERS} workers, {} versions, {} requests:", self.first.len(), self.requests)?;
        writeln!(out, "  from the publication to a request decided by it: {first}; in the last worker: {all}")?;
        Ok(())
    }
}

#[test]
fn twenty_versions_of_palisade_serve_lose_no_request_and_reach_every_worker() -> Result<()> {
    let (tools, served) = (Tools::from_env()?, home()?);
    let folder = served.path().join("served");
    fs::create_dir(&folder)?;
    let address = process::free_address()?;
    // Who does not wait would be asked so rarely that no version would come in time.
    let interval = Duration::from_secs(20);
    let (gateway, _home) = start(address, interval)?;
    fs::write(folder.join("quickstart.palisade"), bundle(&gateway, 1)?)?;
    let log = served.path().join("serve.log");
    let server = BundleServer::start_at(&address.to_string(), &tools.cli, &folder, &[], &log)?;
    let versions = (2..=21).map(|version| Ok((version, bundle(&gateway, version)?))).collect::<Result<Vec<_>>>()?;
    let figures = Figures::measure(&gateway, &versions, |_, bytes| server.publish_bytes("quickstart.palisade", bytes))?;
    figures.print("palisade serve, which waits")?;
    let longest = figures.all.iter().max().context("no version")?;
    ensure!(*longest < Duration::from_secs(2) + SLACK, "the slowest swap took {longest:?}");
    Ok(())
}

#[test]
fn versions_of_a_static_server_reach_every_worker_within_two_polls() -> Result<()> {
    let server = KeyServer::start(Answer::absent())?;
    let interval = Duration::from_secs(1);
    let (gateway, _home) = start(server.address(), interval)?;
    let put = |version: u64, bytes: &[u8]| {
        server.put(TARGET, Answer::Tagged(bytes.to_vec(), format!("\"{version}\"")));
        Ok(())
    };
    put(1, &bundle(&gateway, 1)?)?;
    let versions = (2..=6).map(|version| Ok((version, bundle(&gateway, version)?))).collect::<Result<Vec<_>>>()?;
    let figures = Figures::measure(&gateway, &versions, put)?;
    figures.print("a static server, asked every second")?;
    let longest = figures.all.iter().max().context("no version")?;
    ensure!(*longest < 2 * interval + SLACK, "the slowest swap took {longest:?}");
    Ok(())
}
