//! Waiting for a condition, with a deadline that only a fault reaches.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a condition may take on a loaded two-core machine before the test fails.
pub const DEADLINE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(10);

/// Asks until the answer is there.
///
/// # Errors
///
/// The question failed, or [`DEADLINE`] passed; `what` says what was awaited.
pub fn until<T>(what: &str, ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    within(DEADLINE, what, ask)
}

/// As [`until`], for what takes its time by itself.
///
/// # Errors
///
/// The question failed, or `deadline` passed.
pub fn within<T>(deadline: Duration, what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if start.elapsed() > deadline {
            bail!("waited {} s for {what}", deadline.as_secs());
        }
        sleep(PAUSE);
    }
}
