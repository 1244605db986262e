//! A text and where its lines begin, for many positions in it: large projects have thousands of findings.

use core::ops::Range;

/// A place: line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

/// A text, owned or borrowed, with its lines known.
#[derive(Clone, Debug)]
pub struct LineIndex<T> {
    text: T,
    /// Where each line starts, in bytes.
    starts: Vec<usize>,
}

impl<T: AsRef<str>> LineIndex<T> {
    /// Reads a text once.
    #[must_use]
    pub fn new(text: T) -> Self {
        let ends = text.as_ref().match_indices('\n').map(|(at, _)| at + 1);
        let starts = core::iter::once(0).chain(ends).collect();
        Self { text, starts }
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_ref()
    }

    /// The position of a byte offset, columns in characters. Offsets past the end give the end.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        self.counted(offset, |_| 1)
    }

    /// The same with columns in UTF-16 code units.
    #[must_use]
    pub fn position_in_utf16(&self, offset: usize) -> Position {
        self.counted(offset, char::len_utf16)
    }

    /// The lines that a byte range touches: the number of the first, from 1, and their byte range without the last
    /// line's end.
    #[must_use]
    pub fn lines(&self, span: &Range<usize>) -> (usize, Range<usize>) {
        let length = self.text().len();
        // Behind a final line break there is no line to show.
        let first = self.line(span.start.min(length.saturating_sub(1)));
        // The end is where the range stops, so that a range of whole lines does not touch the next.
        let last = self.line(span.end.saturating_sub(1)).max(first);
        let end = self.starts.get(last + 1).map_or(length, |next| next - 1);
        (first + 1, self.start(first)..end)
    }

    fn counted(&self, offset: usize, width: impl Fn(char) -> usize) -> Position {
        let line = self.line(offset.min(self.text().len()));
        let start = self.start(line);
        let rest = self.text().get(start..).unwrap_or_default().char_indices();
        let before = rest.take_while(|(at, _)| start + at < offset).map(|(_, character)| width(character));
        Position { line: line + 1, column: 1 + before.sum::<usize>() }
    }

    /// The number, from 0, of the line that an offset is in.
    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// Where a line starts; numbers come from [`Self::line`], so there is one.
    fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let index = LineIndex::new("aé\nbc");
        for (offset, line, column) in [(0, 1, 1), (3, 1, 3), (4, 2, 1), (99, 2, 3)] {
            assert_eq!(index.position(offset), Position { line, column }, "{offset}");
        }
    }

    #[test]
    fn positions_are_those_of_counting_from_the_start() {
        for text in ["", "\n", "aé\nbc", "\n\né\n"] {
            let index = LineIndex::new(text);
            for offset in 0..text.len() + 2 {
                let mut counted = Position { line: 1, column: 1 };
                for (_, character) in text.char_indices().take_while(|(at, _)| *at < offset) {
                    counted = match character {
                        '\n' => Position { line: counted.line + 1, column: 1 },
                        _ => Position { column: counted.column + 1, ..counted },
                    };
                }
                assert_eq!(index.position(offset), counted, "{offset} of {text:?}");
            }
        }
    }

    #[test]
    fn positions_in_utf16_count_code_units() {
        let index = LineIndex::new("é\na😀é!\r\nb");
        for (offset, line, column) in
            [(0, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 2), (8, 2, 4), (10, 2, 5), (13, 3, 1), (99, 3, 2)]
        {
            assert_eq!(index.position_in_utf16(offset), Position { line, column }, "{offset}");
        }
        assert_eq!(LineIndex::new("").position_in_utf16(0), Position { line: 1, column: 1 });
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
            let (line, range) = LineIndex::new(text).lines(&span);
            assert_eq!((line, &text[range]), (first, lines), "{span:?}");
        }
        assert_eq!(LineIndex::new("ab\n").lines(&(3..3)), (1, 0..2));
        assert_eq!(LineIndex::new("").lines(&(0..0)), (1, 0..0));
    }
}
