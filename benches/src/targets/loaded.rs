//! A workload before both engines, which must agree before anything is timed.

use core::hint::black_box;

use palisade_engine::{CompiledPolicySet, Scratch};
use palisade_policy_compiler::answer::Answer;

use crate::Result;
use crate::cedar::Cedar;
use crate::measure::{Lane, medians};
use crate::palisade::{self, Prepared};
use crate::workload::{Ask, Workload};

/// Requests that are compared where cedar-policy would take too long for all.
const SAMPLE: usize = 50;

/// A workload in both engines.
pub struct Loaded {
    workload: Workload,
    cedar: Cedar,
    set: CompiledPolicySet,
}

/// Median nanoseconds of a decision.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// By cedar-policy.
    pub cedar: f64,
    /// By our engine.
    pub ours: f64,
}

impl Pair {
    /// How many times faster ours is.
    #[must_use]
    pub fn ratio(self) -> f64 {
        self.cedar / self.ours
    }
}

impl Loaded {
    /// Loads a workload into both and compares their answers to all its requests.
    ///
    /// # Errors
    /// Where an engine fails, or the two disagree.
    pub fn new(workload: Workload) -> Result<Self> {
        Self::load(workload, usize::MAX)
    }

    /// Loads a workload with more requests than cedar-policy answers in good time, and compares some.
    ///
    /// # Errors
    /// Where an engine fails, or the two disagree.
    pub fn spread(workload: Workload) -> Result<Self> {
        Self::load(workload, SAMPLE)
    }

    fn load(workload: Workload, compared: usize) -> Result<Self> {
        let cedar = Cedar::load(&workload)?;
        let compiled = palisade::build(&cedar)?;
        let set = CompiledPolicySet::open(&compiled.bytes)?;
        let loaded = Self { workload, cedar, set };
        loaded.compare(compared)?;
        Ok(loaded)
    }

    fn compare(&self, asks: usize) -> Result<()> {
        let mut scratch = Scratch::new();
        for ask in self.asks().iter().take(asks) {
            let theirs = Answer::of_cedar(&self.cedar.decide(&self.cedar.prepare(ask)?));
            let decision = Prepared::new(&self.set, &mut scratch, ask, &[]).decide_once()?;
            let ours = Answer::of_engine(&self.set, &decision);
            if ours != theirs {
                return Err(format!("{}: {ask:?}: ours {ours:?}, Cedar's {theirs:?}", self.name()).into());
            }
        }
        Ok(())
    }

    /// The workload's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.workload.name
    }

    /// Our compiled policy set.
    #[must_use]
    pub fn set(&self) -> &CompiledPolicySet {
        &self.set
    }

    /// The workload's requests.
    #[must_use]
    pub fn asks(&self) -> &[Ask] {
        &self.workload.asks
    }

    fn cedar_lane(&self) -> Result<Lane<'_>> {
        let requests = self.asks().iter().map(|ask| self.cedar.prepare(ask)).collect::<Result<Vec<_>>>()?;
        Ok(Lane::new(requests.len(), move || {
            for request in &requests {
                black_box(self.cedar.decide(black_box(request)));
            }
            Ok(())
        }))
    }

    fn our_lane<'a>(&'a self, scratches: &'a mut Vec<Scratch>) -> Lane<'a> {
        scratches.resize_with(self.asks().len(), Scratch::new);
        let requests = scratches.iter_mut().zip(self.asks());
        let mut requests: Vec<_> = requests.map(|(scratch, ask)| Prepared::new(&self.set, scratch, ask, &[])).collect();
        Lane::new(requests.len(), move || {
            for request in &mut requests {
                black_box(black_box(request).decide()?);
            }
            Ok(())
        })
    }

    /// Decisions of requests that were built before.
    ///
    /// # Errors
    /// Where an engine fails.
    pub fn prebuilt(&self, rounds: usize) -> Result<Pair> {
        let mut scratches = Vec::new();
        pair(medians(vec![self.cedar_lane()?, self.our_lane(&mut scratches)], rounds)?)
    }

    /// Decisions of requests that are built from their parts each time, the data of the principal and of the resource
    /// included; the stores are empty.
    ///
    /// # Errors
    /// Where an engine fails.
    pub fn from_parts(&self, rounds: usize) -> Result<Pair> {
        let without_store = palisade::compile_set(&self.cedar.policies, &cedar_policy::Entities::empty())?;
        let without_store = CompiledPolicySet::open(&without_store.bytes)?;
        let mut given = Vec::new();
        for ask in self.asks() {
            let principal = self.workload.entity(&ask.principal).ok_or("a principal without data")?;
            let resource = self.workload.entity(&ask.resource).ok_or("a resource without data")?;
            given.push((ask, [principal, resource]));
        }
        let mut scratch = Scratch::new();
        for (ask, entities) in &given {
            let response = self.cedar.decide_over(&self.cedar.prepare(ask)?, &self.cedar.slice(*entities)?);
            let decision = Prepared::new(&without_store, &mut scratch, ask, entities).decide_once()?;
            if Answer::of_engine(&without_store, &decision) != Answer::of_cedar(&response) {
                return Err(format!("{}: the engines disagree on {ask:?}", self.name()).into());
            }
        }
        let theirs = Lane::new(given.len(), || {
            for (ask, entities) in &given {
                let (request, slice) = (self.cedar.prepare(black_box(ask))?, self.cedar.slice(*entities)?);
                black_box(self.cedar.decide_over(&request, &slice));
            }
            Ok(())
        });
        let ours = Lane::new(given.len(), || {
            for (ask, entities) in &given {
                black_box(Prepared::new(&without_store, &mut scratch, black_box(ask), entities).decide_once()?);
            }
            Ok(())
        });
        pair(medians(vec![theirs, ours], rounds)?)
    }

    /// Our time for requests built from their parts, all from one scratch, the store in the policy set.
    ///
    /// # Errors
    /// Where the engine fails.
    pub fn ours_from_parts(&self, rounds: usize) -> Result<f64> {
        let mut scratch = Scratch::new();
        let lane = Lane::new(self.asks().len(), || {
            for ask in self.asks() {
                black_box(Prepared::new(&self.set, &mut scratch, black_box(ask), &[]).decide_once()?);
            }
            Ok(())
        });
        medians(vec![lane], rounds)?.first().copied().ok_or_else(|| "nothing measured".into())
    }
}

/// Our own times for two workloads, measured in turns.
///
/// # Errors
/// Where the engine fails.
pub fn ours(a: &Loaded, b: &Loaded, rounds: usize) -> Result<(f64, f64)> {
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    match medians(vec![a.our_lane(&mut of_a), b.our_lane(&mut of_b)], rounds)?.as_slice() {
        [a, b] => Ok((*a, *b)),
        _ => Err("two lanes have two medians".into()),
    }
}

fn pair(medians: Vec<f64>) -> Result<Pair> {
    match medians.as_slice() {
        [cedar, ours] => Ok(Pair { cedar: *cedar, ours: *ours }),
        _ => Err("two lanes have two medians".into()),
    }
}
