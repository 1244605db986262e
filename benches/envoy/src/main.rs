//! Envoy's CPU time per request with no filter, with filters that do nothing, and with ours, in one run.
//!
//! One Envoy per variant stays up, each with one worker thread and a route that answers by itself, so that nothing
//! but the filter differs. Rounds are interleaved: in each, every variant gets the same load for a second, and the
//! worker thread's CPU time (the kernel's count in `schedstat`, to the nanosecond) is divided by the requests that
//! it answered. The median of the rounds is reported, with the spread between the quartiles.
//!
//! `make bench-envoy` prepares what the environment names: PALISADE_ENVOY, PALISADE_WRK, PALISADE_WASM,
//! PALISADE_NOOP_ABI, PALISADE_NOOP_SDK, PALISADE_CONFIGURATION (a file) and PALISADE_TOKEN (a file).
//! PALISADE_ROUNDS sets the number of rounds, by default 15.

mod envoy;
mod load;
mod statistics;

use envoy::{Envoy, Wasm};
use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ROUNDS: usize = 15;

fn path(name: &str) -> Result<PathBuf> {
    let value = std::env::var_os(name).ok_or_else(|| format!("{name} is not set: run `make bench-envoy`"))?;
    let path = PathBuf::from(value);
    if path.exists() { Ok(path) } else { Err(format!("{name} names {}, which is not there", path.display()).into()) }
}

fn rounds() -> Result<usize> {
    match std::env::var("PALISADE_ROUNDS") {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Ok(ROUNDS),
    }
}

fn main() -> Result<()> {
    let binary = path("PALISADE_ENVOY")?;
    let wrk = path("PALISADE_WRK")?;
    let token = std::fs::read_to_string(path("PALISADE_TOKEN")?)?;
    let configuration = std::fs::read_to_string(path("PALISADE_CONFIGURATION")?)?;
    let rounds = rounds()?;

    let wasm = |name: &str, configuration: &str| -> Result<Option<Wasm>> {
        Ok(Some(Wasm { module: path(name)?, configuration: configuration.to_owned() }))
    };
    let variants = [
        ("no filter", None),
        ("no-op filter, bare ABI", wasm("PALISADE_NOOP_ABI", "")?),
        ("no-op filter, proxy-wasm crate", wasm("PALISADE_NOOP_SDK", "")?),
        ("palisade, token cached", wasm("PALISADE_WASM", &configuration)?),
    ];
    let mut running = Vec::new();
    for (name, filter) in variants {
        running.push((name, Envoy::start(&binary, filter.as_ref())?, Vec::new()));
    }

    let load = load::Load { wrk, token: token.trim().to_owned() };
    // The first round warms caches and is not counted.
    for round in 0..=rounds {
        for (name, envoy, samples) in &mut running {
            let before = envoy.worker_cpu_nanos()?;
            let requests = load.run(envoy.address()).map_err(|error| format!("{name}: {error}"))?;
            let spent = envoy.worker_cpu_nanos()?.saturating_sub(before);
            if round > 0 {
                samples.push(spent / requests);
            }
        }
    }

    let mut out = std::io::stdout().lock();
    writeln!(out, "Envoy worker CPU per request, {rounds} interleaved rounds of {} s", load::SECONDS)?;
    writeln!(out, "{:<32} {:>9} {:>9} {:>19}", "", "median", "added", "quartiles")?;
    let mut base = None;
    for (name, _, samples) in &mut running {
        let [low, median, high] = statistics::quartiles(samples).ok_or("no rounds")?;
        let base = *base.get_or_insert(median);
        writeln!(
            out,
            "{name:<32} {:>6} us {:>6} us {:>8} - {:>5} us",
            statistics::micros(median),
            statistics::micros(median.saturating_sub(base)),
            statistics::micros(low),
            statistics::micros(high),
        )?;
    }
    Ok(())
}
