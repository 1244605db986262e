//! Times several pieces of work in turns, so that what disturbs the machine disturbs all of them.
//!
//! Time is the CPU time of the measuring thread: waiting for a core that others use is nobody's cost.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::Result;

/// One piece of work, and how many operations it is.
pub struct Lane<'a> {
    operations: usize,
    /// Does the work as often as it is told, and says how long that took.
    work: Box<dyn FnMut(u32) -> Result<Duration> + 'a>,
    passes: u32,
    rounds: Vec<f64>,
}

/// A round of a lane takes about this long, or one pass if that is longer.
const ROUND: Duration = Duration::from_millis(4);

impl<'a> Lane<'a> {
    /// A lane whose `work` does that many operations each time.
    pub fn new(operations: usize, mut work: impl FnMut() -> Result<()> + 'a) -> Self {
        Self::batched(operations, move |passes| (0..passes).try_for_each(|_| work()))
    }

    /// A lane whose work is told how many passes to do at once.
    pub fn batched(operations: usize, mut work: impl FnMut(u32) -> Result<()> + 'a) -> Self {
        Self::elsewhere(operations, move |passes| {
            let start = cpu_time();
            work(passes)?;
            Ok(cpu_time().saturating_sub(start))
        })
    }

    /// A lane whose work is done and timed in another process, so many passes at a time.
    pub fn elsewhere(operations: usize, work: impl FnMut(u32) -> Result<Duration> + 'a) -> Self {
        Self { operations, work: Box::new(work), passes: 1, rounds: Vec::new() }
    }

    /// Warms up until a number of passes fills a round.
    fn calibrate(&mut self) -> Result<()> {
        while self.passes < 1 << 24 && (self.work)(self.passes)? < ROUND / 2 {
            self.passes *= 2;
        }
        Ok(())
    }

    fn round(&mut self) -> Result<()> {
        let elapsed = (self.work)(self.passes)?;
        let operations = f64::from(self.passes) * self.operations as f64;
        self.rounds.push(elapsed.as_secs_f64() * 1e9 / operations);
        Ok(())
    }
}

/// The CPU time of this thread so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The clock starts at zero and its parts are never negative.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The median time of an operation of each lane, in nanoseconds.
///
/// # Errors
/// The first that a lane reports.
pub fn medians(mut lanes: Vec<Lane<'_>>, rounds: usize) -> Result<Vec<f64>> {
    for lane in &mut lanes {
        lane.calibrate()?;
    }
    for _ in 0..rounds {
        for lane in &mut lanes {
            lane.round()?;
        }
    }
    Ok(lanes.into_iter().map(|lane| median(lane.rounds)).collect())
}

/// The middle one; not a number where there is none.
#[must_use]
pub fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_no_outlier() {
        assert_eq!(median(vec![3.0, 1000.0, 1.0]), 3.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn lanes_take_turns_and_report_errors() {
        let counted = medians(vec![Lane::new(10, || Ok(())), Lane::new(1, || Ok(()))], 3).expect("times");
        assert_eq!(counted.len(), 2);
        assert!(medians(vec![Lane::new(1, || Err("no".into()))], 1).is_err());
    }
}
