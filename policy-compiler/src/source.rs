//! The source files of a project, held as bytes under the names that findings use.

mod line_index;

use std::collections::BTreeMap;

pub use line_index::{LineIndex, Position};

/// One source file: its path relative to the project, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path relative to the project folder, with `/` between segments.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl SourceFile {
    /// A source file from its parts.
    #[must_use]
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }
}

/// All sources of a run, by name; findings name files and this gives their text.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: BTreeMap<String, LineIndex<String>>,
}

impl Sources {
    /// Adds a file. A second file of the same name replaces the first.
    pub fn add(&mut self, file: &SourceFile) {
        self.files.insert(file.path.clone(), LineIndex::new(file.text.clone()));
    }

    /// A file's text with its lines.
    #[must_use]
    pub fn lines(&self, path: &str) -> Option<&LineIndex<String>> {
        self.files.get(path)
    }

    /// The text of a file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.lines(path).map(LineIndex::text)
    }

    /// Names and texts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file.text()))
    }
}
