//! Why a command could not do its work.

use std::fmt;
use std::io;
use std::path::Path;

use palisade_gateway::ConfigError;
use palisade_gateway::bundle::{BundleError, RootError};

use crate::bundle::WriteError;
use crate::keys::KeyError;
use crate::revocation::ListError;
use crate::token::TokenError;

/// A failure with a stable code. It ends the command with exit code 1.
#[derive(Debug)]
pub(super) struct Failure {
    code: &'static str,
    message: String,
    broken_pipe: bool,
}

impl Failure {
    pub(super) fn new(code: &'static str, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string(), broken_pipe: false }
    }

    /// A file that cannot be read or written.
    pub(super) fn file(code: &'static str, path: &Path, error: impl fmt::Display) -> Self {
        Self::new(code, format!("`{}`: {error}", path.display()))
    }

    /// Standard output that cannot be written.
    #[expect(clippy::needless_pass_by_value, reason = "used with `map_err`")]
    pub(super) fn output(error: io::Error) -> Self {
        Self {
            code: "io.output",
            message: format!("standard output: {error}"),
            broken_pipe: error.kind() == io::ErrorKind::BrokenPipe,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    pub(super) fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::new(error.code(), error)
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::new(error.code(), error)
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::new(error.code(), error)
    }
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Self {
        Self::new(error.code(), error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        // In the filter's log the code stands before the sentence; here it has a place of its own.
        let (code, text) = (error.code(), error.to_string());
        let sentence = text.strip_prefix(code).and_then(|rest| rest.strip_prefix(": "));
        Self::new(code, sentence.unwrap_or(&text))
    }
}

impl From<RootError> for Failure {
    fn from(error: RootError) -> Self {
        Self::new(error.code(), error)
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        Self::new(error.code(), error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
