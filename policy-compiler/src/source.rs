//! The source files of a project, held as bytes under the names that findings use.

use std::collections::BTreeMap;
use std::ops::Range;

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
    files: BTreeMap<String, String>,
}

impl Sources {
    /// Adds a file. A second file of the same name replaces the first.
    pub fn add(&mut self, file: &SourceFile) {
        self.files.insert(file.path.clone(), file.text.clone());
    }

    /// The text of a file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Names and texts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

/// A place for people: line and column, both from 1; columns count characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Position {
    /// The position of a byte offset in a text. Offsets past the end give the end.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let mut line = 1;
        let mut column = 1;
        for (at, character) in text.char_indices() {
            if at >= offset {
                break;
            }
            if character == '\n' {
                line += 1;
                column = 1;
            } else {
                column += 1;
            }
        }
        Self { line, column }
    }

    /// The positions of both ends of a byte range.
    #[must_use]
    pub fn of_span(text: &str, span: &Range<usize>) -> (Self, Self) {
        (Self::of(text, span.start), Self::of(text, span.end))
    }
}

/// The lines of a text, for many positions in it.
#[derive(Clone, Debug)]
pub struct LineIndex<'a> {
    text: &'a str,
    /// Where each line starts, in bytes.
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    /// Reads a text once.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// As [`Position::of`].
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|at| self.starts.get(at)).copied().unwrap_or_default();
        let before = self.text.get(start..).unwrap_or_default().char_indices();
        Position { line, column: before.take_while(|(at, _)| start + at < offset).count() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let text = "aé\nbc";
        assert_eq!(Position::of(text, 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of(text, 3), Position { line: 1, column: 3 });
        assert_eq!(Position::of(text, 4), Position { line: 2, column: 1 });
        assert_eq!(Position::of(text, 99), Position { line: 2, column: 3 });
    }

    #[test]
    fn a_line_index_gives_the_same_positions() {
        for text in ["", "\n", "aé\nbc", "\n\né\n"] {
            let index = LineIndex::new(text);
            for offset in 0..text.len() + 2 {
                assert_eq!(index.position(offset), Position::of(text, offset), "{offset} of {text:?}");
            }
        }
    }
}
