//! What the compiler refuses.

use core::fmt;
use core::ops::Range;

/// A policy that the engine could not run as Cedar does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong, lower case, without a full stop.
    pub message: String,
    /// The policy's id, where one policy is at fault.
    pub policy: Option<String>,
    /// Where in the policy's source text, in bytes, as far as Cedar knows it.
    pub span: Option<Range<usize>>,
}

impl CompileError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), policy: None, span: None }
    }

    pub(crate) fn over_budget(steps: u64, limit: u64) -> Self {
        let message = format!("a decision could take {steps} steps, more than the limit of {limit}");
        Self::new("compile.over_budget", message)
    }

    pub(crate) fn at(mut self, span: Option<Range<usize>>) -> Self {
        self.span = self.span.or(span);
        self
    }

    pub(crate) fn of(mut self, policy: &str) -> Self {
        self.policy.get_or_insert_with(|| policy.to_owned());
        self
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        match &self.policy {
            Some(policy) => write!(f, " (policy `{policy}`)"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for CompileError {}
