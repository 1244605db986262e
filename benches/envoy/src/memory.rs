//! What a worker more costs in memory.

use crate::Result;
use crate::envoy::{Envoy, Ground};
use crate::load::Load;
use serde_json::Value;
use std::time::Duration;

/// Workers of the larger Envoy; the smaller one has one.
const WORKERS: usize = 9;
/// Turns of load, so that every worker has had some: each turn's connections are spread anew.
const TURNS: usize = 8;
const TURN: Duration = Duration::from_millis(50);

/// Bytes of memory per worker with these filters: the difference of two Envoys under load, by the workers that one has more.
pub(crate) fn per_worker(ground: &Ground, filters: &[Value], load: &mut Load) -> Result<f64> {
    let mut used = |workers: usize| -> Result<f64> {
        let envoy = Envoy::start(ground, workers, &[filters.to_vec()])?;
        for _ in 0..TURNS {
            load.saturate(envoy.address(0)?, TURN)?;
        }
        Ok(envoy.memory()? as f64)
    };
    Ok((used(WORKERS)? - used(1)?) / (WORKERS - 1) as f64)
}
