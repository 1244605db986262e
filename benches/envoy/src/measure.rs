//! The rounds: every variant gets its turn in each, so that what disturbs the machine disturbs all of them.

use std::time::Duration;

use crate::Result;
use crate::envoy::Envoy;
use crate::service::Service;
use crate::statistics;
use crate::variants::{self, Variant};

/// How long everything takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Rounds under full load, for CPU time.
    pub(crate) rounds: usize,
    /// Rounds at half of it, for latencies.
    pub(crate) paced_rounds: usize,
    /// A variant's turn.
    pub(crate) turn: Duration,
}

/// What was measured of one variant. One entry for each round, the same round at the same place for every variant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) tools: bool,
    /// CPU time of Envoy's worker per request, in microseconds.
    pub(crate) worker: Vec<f64>,
    /// CPU time of the authorization service per request, in microseconds.
    pub(crate) service: Vec<f64>,
    /// Requests a second at which latencies were measured.
    pub(crate) rate: f64,
    /// Median latency, in microseconds.
    pub(crate) p50: Vec<f64>,
    /// Latency that one of a hundred requests exceeds, in microseconds.
    pub(crate) p99: Vec<f64>,
}

/// Measures every variant.
pub(crate) fn run(
    plan: Plan,
    envoy: &Envoy,
    service: Option<&Service>,
    variants: &mut [Variant],
    mut progress: impl FnMut(&str) -> Result<()>,
) -> Result<Vec<Measured>> {
    let mut measured: Vec<_> = (variants.iter())
        .map(|variant| Measured { name: variant.name.clone(), tools: variant.tools, ..Measured::default() })
        .collect();
    // The first round fills caches and is not counted.
    for round in 0..=plan.rounds {
        progress(&format!("round {round} of {}", plan.rounds))?;
        for (number, (variant, measured)) in variants.iter_mut().zip(&mut measured).enumerate() {
            let (worker, service) = saturate(plan.turn, envoy, service, number, variant)?;
            if round > 0 {
                measured.worker.push(worker);
                measured.service.push(service);
            }
        }
    }
    set_rates(&mut measured);
    for round in 0..plan.paced_rounds {
        progress(&format!("latencies, round {} of {}", round + 1, plan.paced_rounds))?;
        for (number, (variant, measured)) in variants.iter_mut().zip(&mut measured).enumerate() {
            let mut latencies = variant.load.pace(envoy.address(number)?, measured.rate, plan.turn)?;
            for (hundredths, rounds) in [(50, &mut measured.p50), (99, &mut measured.p99)] {
                let nanos = statistics::percentile(&mut latencies, hundredths).ok_or("no requests in a turn")?;
                rounds.push(nanos as f64 / 1e3);
            }
        }
    }
    Ok(measured)
}

/// Microseconds of CPU time per request: Envoy's worker's and the authorization service's.
fn saturate(
    turn: Duration,
    envoy: &Envoy,
    service: Option<&Service>,
    number: usize,
    variant: &mut Variant,
) -> Result<(f64, f64)> {
    let service = service.filter(|_| variant.asks_service);
    let spent =
        || -> Result<(u64, u64)> { Ok((envoy.worker_cpu_nanos()?, service.map_or(Ok(0), Service::cpu_nanos)?)) };
    let before = spent()?;
    let answered =
        variant.load.saturate(envoy.address(number)?, turn).map_err(|error| format!("{}: {error}", variant.name))?;
    let after = spent()?;
    let per_request = |before: u64, after: u64| after.saturating_sub(before) as f64 / answered.max(1) as f64 / 1e3;
    Ok((per_request(before.0, after.0), per_request(before.1, after.1)))
}

/// Half of what a variant can do, but no more than half of what palisade can: those that do less work have latencies at the
/// same rate then, which can be compared.
fn set_rates(measured: &mut [Measured]) {
    let half = |one: &Measured| {
        // The worker and the service are a thread each, and the slower one is the limit.
        let micros = statistics::median(&one.worker).max(statistics::median(&one.service));
        1e6 / micros / 2.0
    };
    for tools in [false, true] {
        let ours = if tools { variants::TOOLS_PALISADE.to_owned() } else { variants::palisade(1000) };
        let most = measured.iter().find(|one| one.name == ours).map_or(f64::INFINITY, half);
        for one in measured.iter_mut().filter(|one| one.tools == tools) {
            one.rate = half(one).min(most);
        }
    }
}
