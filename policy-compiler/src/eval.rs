//! Decides requests from self-contained cases: the conformance interface of `palisade eval`.
//!
//! A case is a policy set, entities, perhaps a schema, and requests. Whatever Cedar itself refuses to load or build
//! becomes an answer line with an error, for each request concerned, and the run goes on.

mod case;
mod cedar;
mod compiled;
mod load;
mod request;

pub use case::{Case, Document, RequestLine};
pub(crate) use compiled::STEP_LIMIT;
pub use load::{LoadError, Loaded};

use serde::Serialize;

use crate::answer::Answer;

/// Which evaluator answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Palisade: compile the policies, open the result, decide from compiled form.
    Compiled,
    /// Crate `cedar-policy`, the reference.
    Cedar,
}

/// One line of output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnswerLine {
    /// Index of the case, when cases were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<usize>,
    /// Index of the request in its case or file; absent when the whole case line cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<usize>,
    /// The answer, or why there is none.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The outcome of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// Decided.
    Decided(Answer),
    /// Refused while loading or building.
    Refused {
        /// What was refused, in words. Never compare it.
        error: String,
    },
}

/// An evaluator with policies and entities loaded.
pub trait Decide {
    /// Decides one request.
    ///
    /// # Errors
    ///
    /// When the evaluator cannot decide at all, for instance because a step budget is spent.
    fn decide(&mut self, request: &cedar_policy::Request) -> Result<Answer, String>;
}

/// Loads a policy set once and decides many requests.
pub struct Session {
    loaded: Loaded,
    engine: Box<dyn Decide>,
}

impl Session {
    /// Prepares an engine for what was loaded.
    ///
    /// # Errors
    ///
    /// When the compiler refuses the policies; the reference never does.
    pub fn new(loaded: Loaded, engine: Engine) -> Result<Self, LoadError> {
        let engine: Box<dyn Decide> = match engine {
            Engine::Cedar => Box::new(cedar::Reference::new(&loaded)),
            Engine::Compiled => Box::new(compiled::Compiled::new(&loaded)?),
        };
        Ok(Self { loaded, engine })
    }

    /// Decides one request line.
    pub fn answer(&mut self, line: &str) -> Outcome {
        let decided = RequestLine::parse(line)
            .and_then(|parsed| self.loaded.request(&parsed))
            .and_then(|built| self.engine.decide(&built));
        match decided {
            Ok(answer) => Outcome::Decided(answer),
            Err(error) => Outcome::Refused { error },
        }
    }
}

/// Runs one case line.
#[must_use]
pub fn run_case(index: usize, line: &str, engine: Engine) -> Vec<AnswerLine> {
    let case = match Case::parse(line) {
        Ok(case) => case,
        Err(error) => {
            return vec![AnswerLine { case: Some(index), request: None, outcome: Outcome::Refused { error } }];
        }
    };
    let session = Loaded::from_case(&case).and_then(|loaded| Session::new(loaded, engine));
    let mut session = session.map_err(|error| error.to_string());
    let answer = |(number, request): (usize, &&str)| AnswerLine {
        case: Some(index),
        request: Some(number),
        outcome: match &mut session {
            Ok(session) => session.answer(request),
            Err(error) => Outcome::Refused { error: error.clone() },
        },
    };
    case.requests().iter().enumerate().map(answer).collect()
}
