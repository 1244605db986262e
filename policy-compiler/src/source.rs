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
    files: BTreeMap<String, Text>,
}

/// A text, and where its lines begin: large projects have thousands of findings.
#[derive(Clone, Debug)]
struct Text {
    text: String,
    line_starts: Vec<usize>,
}

impl Sources {
    /// Adds a file. A second file of the same name replaces the first.
    pub fn add(&mut self, file: &SourceFile) {
        let ends = file.text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = core::iter::once(0).chain(ends).collect();
        self.files.insert(file.path.clone(), Text { text: file.text.clone(), line_starts });
    }

    /// The text of a file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(|file| file.text.as_str())
    }

    /// Names and texts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file.text.as_str()))
    }

    /// The position of a byte offset in a file, columns in characters. Offsets past the end give the end.
    #[must_use]
    pub fn position(&self, path: &str, offset: usize) -> Option<Position> {
        self.counted(path, offset, |_| 1)
    }

    /// The same with columns in UTF-16 code units.
    #[must_use]
    pub fn position_in_utf16(&self, path: &str, offset: usize) -> Option<Position> {
        self.counted(path, offset, char::len_utf16)
    }

    /// The lines that a byte range touches: the number of the first, from 1, and their byte range without the last
    /// line's end.
    #[must_use]
    pub fn lines(&self, path: &str, span: &Range<usize>) -> Option<(usize, Range<usize>)> {
        let Text { text, line_starts } = self.files.get(path)?;
        // Behind a final line break there is no line to show.
        let first = line_of(line_starts, span.start.min(text.len().saturating_sub(1)));
        // The end is where the range stops, so that a range of whole lines does not touch the next.
        let last = line_of(line_starts, span.end.saturating_sub(1)).max(first);
        let start = *line_starts.get(first)?;
        let end = line_starts.get(last + 1).map_or(text.len(), |next| next - 1);
        Some((first + 1, start..end))
    }

    fn counted(&self, path: &str, offset: usize, width: impl Fn(char) -> usize) -> Option<Position> {
        let Text { text, line_starts } = self.files.get(path)?;
        let line = line_of(line_starts, offset.min(text.len()));
        let rest = text.get(*line_starts.get(line)?..)?;
        let length = offset.saturating_sub(*line_starts.get(line)?);
        let before = rest.char_indices().take_while(|(at, _)| *at < length).map(|(_, character)| width(character));
        Some(Position { line: line + 1, column: 1 + before.sum::<usize>() })
    }
}

/// The number of the line, from 0, that an offset is in.
fn line_of(line_starts: &[usize], offset: usize) -> usize {
    line_starts.partition_point(|start| *start <= offset).saturating_sub(1)
}

/// A place: line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Sources {
        let mut sources = Sources::default();
        sources.add(&SourceFile::new("f", text));
        sources
    }

    #[test]
    fn positions_count_lines_and_characters() {
        let sources = sources("aé\nbc");
        for (offset, line, column) in [(0, 1, 1), (3, 1, 3), (4, 2, 1), (99, 2, 3)] {
            assert_eq!(sources.position("f", offset), Some(Position { line, column }), "{offset}");
        }
        assert_eq!(sources.position("g", 0), None);
    }

    #[test]
    fn positions_in_utf16_count_code_units() {
        let text = sources("é\na😀é!\r\nb");
        for (offset, line, column) in
            [(0, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 2), (8, 2, 4), (10, 2, 5), (13, 3, 1), (99, 3, 2)]
        {
            assert_eq!(text.position_in_utf16("f", offset), Some(Position { line, column }), "{offset}");
        }
        assert_eq!(sources("").position_in_utf16("f", 0), Some(Position { line: 1, column: 1 }));
    }

    #[test]
    fn lines_are_those_that_a_range_touches() {
        let text = "ab\ncd\n\nef";
        for (span, first, lines) in [
            (0..1, 1, "ab"),
            (1..4, 1, "ab\ncd"),
            (0..3, 1, "ab"),
            (3..3, 2, "cd"),
            (6..6, 3, ""),
            (7..9, 4, "ef"),
            (9..9, 4, "ef"),
            (99..99, 4, "ef"),
        ] {
            let (line, range) = sources(text).lines("f", &span).unwrap();
            assert_eq!((line, &text[range]), (first, lines), "{span:?}");
        }
        assert_eq!(sources("ab\n").lines("f", &(3..3)), Some((1, 0..2)));
        assert_eq!(sources("").lines("f", &(0..0)), Some((1, 0..0)));
    }
}
