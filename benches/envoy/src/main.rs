//! Envoy's CPU time per request with no filter, with filters that do nothing, with Envoy's own, with what one would build
//! on cedar-policy, and with ours, in one run.
//!
//! One Envoy with one worker thread has a listener for each variant. First, every variant that decides is asked the same
//! questions. Then rounds are interleaved: in each, every variant gets the same load for a moment, and the worker thread's
//! CPU time (the kernel's count in `schedstat`, to the nanosecond) is divided by the requests that were answered. What a
//! variant adds is the difference to the same round without filters; the median over the rounds is reported, with the
//! quartiles. Last come rounds at a steady rate, for latencies.
//!
//! `make bench-envoy` prepares what the environment names: PALISADE_ENVOY, PALISADE_WASM, PALISADE_CLI and, in the folder
//! PALISADE_BENCH, the modules and programs that palisade is measured beside. With `--quick` it takes a quarter of the time,
//! for a look; with `--only TEXT`, which may be repeated, it measures the variants whose names contain such a text, and what
//! they are compared with; `--rounds N`, after that, is for more rounds or fewer; `--build MODULE`, which may be repeated, has
//! another build of palisade measured beside it. The table goes to standard output, and with
//! more figures to `envoy.json` beside a plot, `envoy.svg`, in the folder PALISADE_BENCH_OUTPUT.

mod agreement;
mod envoy;
mod filters;
mod http;
mod load;
mod measure;
mod memory;
mod plot;
mod process;
mod report;
mod requests;
mod rules;
mod service;
mod statistics;
mod tools;
mod upstream;
mod variants;
mod workshop;

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use envoy::{Envoy, Ground};
use measure::Plan;
use report::Report;
use rules::Rules;
use service::Service;
use variants::{Bench, Modules, SERVICE_POLICIES, Variant};
use workshop::Workshop;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const FULL: Plan = Plan { rounds: 15, paced_rounds: 5, turn: Duration::from_millis(400) };
const QUICK: Plan = Plan { rounds: 5, paced_rounds: 2, turn: Duration::from_millis(200) };

/// What the command line asks for.
struct Arguments {
    plan: Plan,
    /// Parts of the names of the variants to measure; all of them where there is none.
    only: Vec<String>,
    /// Other builds of palisade.
    builds: Vec<PathBuf>,
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = Self { plan: FULL, only: Vec::new(), builds: Vec::new() };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => arguments.plan = QUICK,
                "--rounds" => arguments.plan.rounds = words.next().ok_or("--rounds: how many?")?.parse()?,
                "--only" => arguments.only.push(words.next().ok_or("--only: which?")?),
                "--build" => arguments.builds.push(existing(words.next().ok_or("--build: which?")?.into())?),
                other => return Err(format!("`{other}` is not known; see benches/README.md").into()),
            }
        }
        Ok(arguments)
    }
}

fn path(name: &str) -> Result<PathBuf> {
    let value = std::env::var_os(name).ok_or_else(|| format!("{name} is not set: run `make bench-envoy`"))?;
    Ok(PathBuf::from(value))
}

fn existing(path: PathBuf) -> Result<PathBuf> {
    if path.exists() { Ok(path) } else { Err(format!("{} is not there", path.display()).into()) }
}

fn progress(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stderr(), "{text}")?)
}

fn main() -> Result<()> {
    let Arguments { plan, only, builds } = Arguments::read(std::env::args().skip(1))?;
    let parts = path("PALISADE_BENCH")?;
    let home = parts.join("work");
    let mint = existing(Path::new(env!("CARGO_MANIFEST_DIR")).join("mint.mjs"))?;
    progress("keys, tokens, bundles")?;
    let workshop = Workshop::open(home.clone(), existing(path("PALISADE_CLI")?)?, mint)?;

    let mut missing = Vec::new();
    let module = |name: &str| existing(parts.join(name));
    let mut optional = |name: &str, what: &str| {
        let found = module(name).ok();
        if found.is_none() {
            missing.push(format!("{what}: {name} was not built"));
        }
        found
    };
    let service = match optional("ext-authz", "ext_authz") {
        Some(program) => {
            let sources = SERVICE_POLICIES.map(|policies| workshop.sources(Rules { policies }));
            Some(Service::start(&program, &sources.into_iter().collect::<Result<Vec<_>>>()?)?)
        }
        None => None,
    };
    let modules = Modules {
        embedded: optional("embedded.wasm", "cedar-policy in wasm"),
        palisade: existing(path("PALISADE_WASM")?)?,
        others: builds,
        noop_abi: module("noop-abi.wasm")?,
        noop_sdk: module("noop-sdk.wasm")?,
        headers_abi: module("headers-abi.wasm")?,
        buffer_abi: module("buffer-abi.wasm")?,
        buffer_sdk: module("buffer-sdk.wasm")?,
    };
    let bench = Bench { workshop: &workshop, modules: &modules, service: service.as_ref(), only: &only };
    let mut variants = bench.variants()?;
    let mut clusters = bench.clusters();
    clusters.push(filters::cluster(filters::UPSTREAM, upstream::start()?, false));
    let ground = Ground { binary: existing(path("PALISADE_ENVOY")?)?, home, clusters };

    let report = {
        progress("Envoy loads every module")?;
        let filters: Vec<_> = variants.iter().map(|variant| variant.filters.clone()).collect();
        let envoy = Envoy::start(&ground, 1, &filters)?;
        agree(&envoy, &variants)?;
        let measured = measure::run(plan, &envoy, service.as_ref(), &mut variants, progress)?;
        drop(envoy);
        progress("memory")?;
        let memory = memory(&ground, &mut variants)?;
        Report::new(&measured, memory, missing)
    };

    let output = path("PALISADE_BENCH_OUTPUT")?;
    std::fs::create_dir_all(&output)?;
    write(&output.join("envoy.json"), &format!("{:#}\n", report.json()))?;
    write(&output.join("envoy.svg"), &plot::svg(&report.rows))?;
    write!(std::io::stdout(), "{}", report.text())?;
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()).into())
}

/// Asks every variant that decides what it has to know.
fn agree(envoy: &Envoy, variants: &[Variant]) -> Result<()> {
    for (number, variant) in variants.iter().enumerate().filter(|(_, variant)| !variant.questions.is_empty()) {
        progress(&format!("{}: {} questions", variant.name, variant.questions.len()))?;
        agreement::check(envoy.address(number)?, &variant.questions)
            .map_err(|error| format!("{} does not decide by the rules: {error}", variant.name))?;
    }
    Ok(())
}

/// What a worker needs with 10,000 policies beyond what it needs with the SDK's no-op filter, in MiB.
fn memory(ground: &Ground, variants: &mut [Variant]) -> Result<Option<f64>> {
    let mut of = |name: &str| -> Result<Option<f64>> {
        let Some(variant) = variants.iter_mut().find(|variant| variant.name == name) else { return Ok(None) };
        Ok(Some(memory::per_worker(ground, &variant.filters, &mut variant.load)?))
    };
    let (ours, theirs) = (of(&variants::palisade(10_000))?, of(variants::NOOP_SDK)?);
    Ok(ours.zip(theirs).map(|(ours, theirs)| (ours - theirs) / (1024.0 * 1024.0)))
}
