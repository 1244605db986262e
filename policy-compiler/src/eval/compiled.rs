//! Palisade's evaluator: compile, open, decide from compiled form.

use cedar_policy::Request;
use palisade_engine::{CompiledPolicySet, Scratch};

use super::Decide;
use super::load::{LoadError, Loaded};
use crate::answer::Answer;
use crate::compile::{PolicySource, ask, compile};

/// Steps that one decision may take here: no limit that a test case could meet, and still no endless run.
pub(crate) const STEP_LIMIT: u64 = 1 << 40;

pub(super) struct Compiled {
    set: CompiledPolicySet,
    scratch: Scratch,
}

impl Compiled {
    /// Compiles what was loaded.
    pub(super) fn new(loaded: &Loaded) -> Result<Self, LoadError> {
        let source = PolicySource { policies: &loaded.policies, entities: &loaded.entities, step_limit: STEP_LIMIT };
        let compiled = compile(source).map_err(|errors| {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            LoadError::new("compile", texts.join("; "))
        })?;
        let set = CompiledPolicySet::open(&compiled.bytes).map_err(|error| LoadError::new("open", error))?;
        Ok(Self { set, scratch: Scratch::new() })
    }
}

impl Decide for Compiled {
    fn decide(&mut self, request: &Request) -> Result<Answer, String> {
        let decision = ask(&self.set, &mut self.scratch, request).map_err(|error| error.to_string())?;
        Ok(Answer::of_engine(&self.set, &decision))
    }
}
