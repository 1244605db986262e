//! The source files of a project, held as bytes under the names that findings use.

use std::collections::BTreeMap;

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

    /// The same with columns in UTF-16 code units, in which SARIF counts.
    #[must_use]
    pub fn in_utf16(text: &str, offset: usize) -> Self {
        let Self { line, column } = Self::of(text, offset);
        let before = text.split('\n').nth(line - 1).unwrap_or_default().chars().take(column - 1);
        Self { line, column: 1 + before.map(char::len_utf16).sum::<usize>() }
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
    fn positions_in_utf16_count_code_units() {
        let text = "é\na😀é!\r\nb";
        for (offset, line, column) in
            [(0, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 2), (8, 2, 4), (10, 2, 5), (13, 3, 1), (99, 3, 2)]
        {
            assert_eq!(Position::in_utf16(text, offset), Position { line, column }, "{offset}");
        }
        assert_eq!(Position::in_utf16("", 0), Position { line: 1, column: 1 });
    }
}
