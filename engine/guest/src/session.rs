//! One policy set and the requests that are asked of it.

use std::collections::BTreeMap;

use palisade_engine::{CompiledPolicySet, DecideError, OpenError, Request, Scratch, Unknown};

use crate::answer;
use crate::transcript::{Asked, Malformed, Open, Replay};

/// Why nothing was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The policies do not open.
    Open(OpenError),
    /// The transcript is none.
    Malformed,
    /// The engine refused to decide.
    Decide(DecideError),
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// A policy set, opened.
pub struct Session {
    set: CompiledPolicySet,
}

impl Session {
    /// Opens a policy set.
    ///
    /// # Errors
    /// Where it is not one.
    pub fn open(bytes: &[u8]) -> Result<Self, Failure> {
        CompiledPolicySet::open(bytes).map(|set| Self { set }).map_err(Failure::Open)
    }

    /// Builds and decides each request of a transcript once; returns the [`Answer`](crate::Answer)s as bytes.
    ///
    /// # Errors
    /// Where the transcript is malformed.
    pub fn answer(&self, transcript: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut answers = Vec::new();
        let mut scratch = Scratch::new();
        let mut replay = Replay::new(transcript);
        while !replay.rest().is_empty() {
            let mut request = Request::new(&self.set, &mut scratch);
            let Asked { principal, action, resource, context, open } = replay.build(&mut request)?;
            match open {
                None => answer::write(request.decide(principal, action, resource, context), &mut answers),
                Some(Open { attribute, of, on_forbid_error }) => {
                    let unknown = Unknown::new(&self.set, &attribute, of);
                    let prospect =
                        request.prospect(principal, action, resource, context, Some(&unknown), on_forbid_error);
                    answer::write_prospect(prospect, &mut answers);
                }
            }
        }
        Ok(answers)
    }

    /// Asks for all prospects of a transcript in one request, as a list does; attributes of one name and type are one unknown.
    /// Returns the [`Answer`](crate::Answer)s as bytes.
    ///
    /// # Errors
    /// Where the transcript is malformed, or asks for something else.
    pub fn answer_together(&self, transcript: &[u8]) -> Result<Vec<u8>, Failure> {
        let (mut answers, mut scratch) = (Vec::new(), Scratch::new());
        let mut request = Request::new(&self.set, &mut scratch);
        let mut replay = Replay::new(transcript);
        let mut unknowns = BTreeMap::new();
        while !replay.rest().is_empty() {
            let Asked { principal, action, resource, context, open } = replay.build(&mut request)?;
            let Open { attribute, of, on_forbid_error } = open.ok_or(Malformed)?;
            let unknown = unknowns
                .entry((attribute.clone(), of.clone()))
                .or_insert_with(|| Unknown::new(&self.set, &attribute, of))
                .clone();
            let prospect = request.prospect(principal, action, resource, context, Some(&unknown), on_forbid_error);
            answer::write_prospect(prospect, &mut answers);
        }
        Ok(answers)
    }

    /// Builds and decides each request `passes` times; returns how many policies determined them. Prospects are not
    /// asked for.
    ///
    /// # Errors
    /// Where the transcript is malformed or the engine refuses to decide.
    pub fn decide_from_parts(&self, transcript: &[u8], passes: u32) -> Result<u64, Failure> {
        let mut scratch = Scratch::new();
        let mut replay = Replay::new(transcript);
        let mut reasons = 0;
        for _ in 0..passes {
            replay.restart(transcript);
            while !replay.rest().is_empty() {
                let mut request = Request::new(&self.set, &mut scratch);
                let Asked { principal, action, resource, context, open: _ } = replay.build(&mut request)?;
                let decision = request.decide(principal, action, resource, context).map_err(Failure::Decide)?;
                reasons += decision.reasons().len() as u64;
            }
        }
        Ok(reasons)
    }

    /// Builds each request once and decides it `passes` times; returns how many policies determined them. Prospects are
    /// not asked for.
    ///
    /// # Errors
    /// Where the transcript is malformed or the engine refuses to decide.
    pub fn decide_prebuilt(&self, transcript: &[u8], passes: u32) -> Result<u64, Failure> {
        // The first pass only makes the scratches, one for each request: requests borrow from them, so all must stand
        // before the first request is kept.
        let mut scratches = Vec::new();
        let mut replay = Replay::new(transcript);
        while !replay.rest().is_empty() {
            let mut scratch = Scratch::new();
            replay.build(&mut Request::new(&self.set, &mut scratch))?;
            scratches.push(scratch);
        }
        replay.restart(transcript);
        let mut requests = Vec::with_capacity(scratches.len());
        for scratch in &mut scratches {
            let mut request = Request::new(&self.set, scratch);
            let asked = replay.build(&mut request)?;
            requests.push((request, asked));
        }
        let mut reasons = 0;
        for _ in 0..passes {
            for (request, Asked { principal, action, resource, context, open: _ }) in &mut requests {
                let decision = request.decide_call(*principal, *action, *resource, *context);
                reasons += decision.map_err(Failure::Decide)?.reasons().len() as u64;
            }
        }
        Ok(reasons)
    }

    /// Builds one request that asks for many prospects, and asks for each `passes` times; returns how many were good.
    ///
    /// # Errors
    /// Where the transcript is malformed or the engine refuses to tell.
    pub fn list_prebuilt(&self, transcript: &[u8], passes: u32) -> Result<u64, Failure> {
        let mut scratch = Scratch::new();
        let mut request = Request::new(&self.set, &mut scratch);
        let mut replay = Replay::new(transcript);
        let mut all = Vec::new();
        while !replay.rest().is_empty() {
            let Asked { principal, action, resource, context, open } = replay.build(&mut request)?;
            let Open { attribute, of, on_forbid_error } = open.ok_or(Malformed)?;
            let unknown = Unknown::new(&self.set, &attribute, of);
            all.push((principal, action, resource, context, unknown, on_forbid_error));
        }
        let mut possible = 0;
        for _ in 0..passes {
            for (principal, action, resource, context, unknown, on_forbid_error) in &all {
                let prospect =
                    request.prospect(*principal, *action, *resource, *context, Some(unknown), *on_forbid_error);
                possible += u64::from(prospect.map_err(Failure::Decide)?.is_possible());
            }
        }
        Ok(possible)
    }
}
