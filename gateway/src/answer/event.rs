//! One event: its data, and the same event with other data.

use std::borrow::Cow;

use super::error::AnswerError;

/// Splits at line ends: CR, LF, or both.
#[derive(Clone, Copy)]
struct Lines<'e> {
    rest: &'e [u8],
}

/// A line, and its end as it stands.
struct Line<'e> {
    text: &'e [u8],
    end: &'e [u8],
}

impl<'e> Iterator for Lines<'e> {
    type Item = Line<'e>;

    fn next(&mut self) -> Option<Line<'e>> {
        if self.rest.is_empty() {
            return None;
        }
        let length = self.rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        let end = if rest.starts_with(b"\r\n") { 2 } else { rest.len().min(1) };
        let (end, rest) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        self.rest = rest;
        Some(Line { text, end })
    }
}

/// One event of a stream, as its bytes stand.
#[derive(Clone, Copy)]
pub(super) struct Event<'e> {
    bytes: &'e [u8],
    /// Whether it is the stream's first, before which a byte order mark may stand.
    is_first: bool,
}

impl<'e> Event<'e> {
    /// # Errors
    ///
    /// When readers in the field could see other lines in it than the standard does.
    pub(super) fn read(bytes: &'e [u8], is_first: bool) -> Result<Self, AnswerError> {
        let event = Self { bytes, is_first };
        // Some readers trim names, or compare them without regard to case.
        let is_odd = |line: &Line<'_>| {
            let name = line.text.split(|byte| *byte == b':').next().unwrap_or_default();
            let trimmed = name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name).trim_ascii();
            trimmed.eq_ignore_ascii_case(b"data") && event.plain(name) != b"data"
        };
        if has_other_line_end(bytes) || event.lines().any(|line| is_odd(&line)) {
            return Err(AnswerError::EventLine);
        }
        Ok(event)
    }

    fn lines(self) -> Lines<'e> {
        Lines { rest: self.bytes }
    }

    /// A line without the byte order mark.
    fn plain(self, line: &[u8]) -> &[u8] {
        if self.is_first { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line }
    }

    /// What a line adds to the data.
    fn value(self, line: &[u8]) -> Option<&[u8]> {
        let line = self.plain(line);
        match line.strip_prefix(b"data")? {
            [] => Some(&[]),
            [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
            [..] => None,
        }
    }

    /// The data: that of all its lines, with line feeds between them.
    pub(super) fn data(self) -> Cow<'e, [u8]> {
        let mut values = self.lines().filter_map(|line| self.value(line.text));
        let first = values.next().unwrap_or_default();
        let Some(second) = values.next() else {
            return Cow::Borrowed(first);
        };
        let mut data = first.to_vec();
        for value in std::iter::once(second).chain(values) {
            data.push(b'\n');
            data.extend_from_slice(value);
        }
        Cow::Owned(data)
    }

    /// Writes the event with other data, in the place of the first line of its own.
    pub(super) fn write(self, data: &str, out: &mut Vec<u8>) {
        let mut is_written = false;
        for line in self.lines() {
            if self.value(line.text).is_none() {
                out.extend_from_slice(line.text);
                out.extend_from_slice(line.end);
            } else if !is_written {
                is_written = true;
                push_data(data, if line.end.is_empty() { b"\n" } else { line.end }, out);
            }
        }
    }
}

/// Writes an event that has nothing but data.
pub(super) fn push_event(data: &str, out: &mut Vec<u8>) {
    push_data(data, b"\n", out);
    out.push(b'\n');
}

fn push_data(data: &str, end: &[u8], out: &mut Vec<u8>) {
    for line in data.split('\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(end);
    }
}

/// Whether there are characters at which some readers end a line, such as Python's `splitlines`, and others do not.
fn has_other_line_end(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0x0b | 0x0c | 0x1c..=0x1e | 0xc2 | 0xe2)) {
        let found = rest.get(at..).unwrap_or_default();
        if matches!(found, [0x0b..=0x1e, ..] | [0xc2, 0x85, ..] | [0xe2, 0x80, 0xa8 | 0xa9, ..]) {
            return true;
        }
        rest = found.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(event: &str) -> String {
        String::from_utf8(Event::read(event.as_bytes(), true).unwrap().data().into_owned()).unwrap()
    }

    #[test]
    fn data_are_all_lines_of_that_name() {
        for (event, expected) in [
            ("data: a\n\n", "a"),
            ("data:a\n\n", "a"),
            ("data:  a\n\n", " a"),
            ("data\n\n", ""),
            ("data: a\r\ndata:b\rdata\ndata: c\n\n", "a\nb\n\nc"),
            ("event: message\nid: 1\nretry: 5\n: data: x\ndata: y\nxdata: z\n\n", "y"),
            ("\u{feff}data: a\n\n", "a"),
            (": keep-alive\n\n", ""),
            ("databc: a\n\n", ""),
        ] {
            assert_eq!(data(event), expected, "{event:?}");
        }
        let second = Event::read("\u{feff}data: a\n\n".as_bytes(), false);
        assert!(second.is_err(), "a mark stands at the beginning only, except to some");
    }

    #[test]
    fn only_the_data_are_replaced() {
        let write = |event: &str, data: &str| {
            let mut out = Vec::new();
            Event::read(event.as_bytes(), true).unwrap().write(data, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            write("event: message\r\ndata: old\r\nid: 7\r\n\r", "new"),
            "event: message\r\ndata: new\r\nid: 7\r\n\r"
        );
        assert_eq!(write(":c\ndata: a\nid: 1\ndata: b\n\n", "x\ny"), ":c\ndata: x\ndata: y\nid: 1\n\n");
        assert_eq!(write("data: a", "b"), "data: b\n");
    }

    #[test]
    fn what_some_readers_take_for_lines_is_refused() {
        for event in [
            ": x\u{2028}data: {}\n\n",
            ": x\u{2029}data: {}\n\n",
            ": x\u{85}data: {}\n\n",
            ": x\u{b}data: {}\n\n",
            ": x\u{c}data: {}\n\n",
            ": x\u{1c}data: {}\n\n",
            ": x\u{1e}data: {}\n\n",
            "Data: {}\n\n",
            " data: {}\n\n",
            "data : {}\n\n",
            "\tDATA:{}\n\n",
        ] {
            assert!(matches!(Event::read(event.as_bytes(), true), Err(AnswerError::EventLine)), "{event:?}");
        }
        for event in ["data: \u{2027}\u{e9}\u{a0}€\u{1f}\u{7f}\n\n", "data-x: 1\n\n", ": data : x\n\n"] {
            assert!(Event::read(event.as_bytes(), true).is_ok(), "{event:?}");
        }
    }
}
