//! A stream of events (WHATWG HTML §9.2), taken apart at the ends of events, however its bytes arrive.

/// Where a stream of events is. What it holds is never more than one event that has not ended.
#[derive(Clone, Debug, Default)]
pub(super) struct EventSplitter {
    held: Vec<u8>,
    /// The bytes of the line that has not ended.
    line: usize,
    /// The last byte was a carriage return: a line feed would belong to it.
    after_return: bool,
    /// That carriage return was left out with its event, and the line feed would be, too.
    is_left_out: bool,
}

impl EventSplitter {
    /// Takes from the front of `chunk` until an event ends; whether one does. It is then what is held.
    pub(super) fn take(&mut self, chunk: &mut &[u8]) -> bool {
        if self.is_left_out
            && let Some((first, rest)) = chunk.split_first()
        {
            self.is_left_out = false;
            if *first == b'\n' {
                self.after_return = false;
                *chunk = rest;
            }
        }
        let bytes = *chunk;
        for (index, byte) in bytes.iter().enumerate() {
            let mut end = index + 1;
            let ends = match byte {
                b'\n' if self.after_return => {
                    self.after_return = false;
                    // The rest of the end of an event that has gone on already: it follows at once.
                    self.held.is_empty() && index == 0
                }
                b'\n' | b'\r' => {
                    let is_empty = self.line == 0;
                    self.line = 0;
                    self.after_return = *byte == b'\r';
                    // Who reads a return waits for the line feed before the event counts.
                    if is_empty && self.after_return && bytes.get(end) == Some(&b'\n') {
                        self.after_return = false;
                        end += 1;
                    }
                    is_empty
                }
                _ => {
                    self.line += 1;
                    self.after_return = false;
                    false
                }
            };
            if ends {
                let (event, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
                self.held.extend_from_slice(event);
                *chunk = rest;
                return true;
            }
        }
        self.held.extend_from_slice(bytes);
        *chunk = &[];
        false
    }

    /// The event, or as much of it as there is.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Forgets what is held, and what may be still to come of its end: nothing of this event goes on.
    pub(super) fn leave_out(&mut self) {
        self.is_left_out = self.after_return;
        self.clear();
    }

    /// Forgets what is held. A large buffer is not kept for what may be a long silence.
    pub(super) fn clear(&mut self) {
        const KEPT: usize = 64 * 1024;
        self.held.clear();
        self.held.shrink_to(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::EventSplitter;

    fn split(stream: &[u8], cuts: &[usize]) -> (Vec<String>, String) {
        let (mut splitter, mut events, mut start) = (EventSplitter::default(), Vec::<String>::new(), 0);
        for end in cuts.iter().copied().chain([stream.len()]) {
            let mut chunk = &stream[start..end];
            start = end;
            while splitter.take(&mut chunk) {
                match (splitter.held(), events.last_mut()) {
                    // The rest of an end that was cut in two.
                    (b"\n", Some(event)) if event.ends_with('\r') => event.push('\n'),
                    (event, _) => events.push(String::from_utf8(event.to_vec()).unwrap()),
                }
                splitter.clear();
            }
        }
        (events, String::from_utf8(splitter.held().to_vec()).unwrap())
    }

    #[test]
    fn events_end_at_an_empty_line_however_lines_end() {
        for (stream, events, rest) in [
            ("data: a\n\ndata: b\n\n", &["data: a\n\n", "data: b\n\n"][..], ""),
            ("data: a\r\rdata: b\r\r", &["data: a\r\r", "data: b\r\r"], ""),
            ("data: a\r\n\r\ndata: b\r\n\r\n", &["data: a\r\n\r\n", "data: b\r\n\r\n"], ""),
            ("data: a\n\rx\r\n\n", &["data: a\n\r", "x\r\n\n"], ""),
            ("\n\n:\n\n", &["\n", "\n", ":\n\n"], ""),
            ("data: a\ndata: b", &[], "data: a\ndata: b"),
            ("data: a\r\ndata: b\r\n", &[], "data: a\r\ndata: b\r\n"),
        ] {
            assert_eq!(
                split(stream.as_bytes(), &[]),
                (events.iter().map(|e| (*e).to_owned()).collect(), rest.to_owned())
            );
        }
    }

    #[test]
    fn where_the_bytes_are_cut_does_not_matter() {
        let stream = b"\xef\xbb\xbfid: 1\r\ndata: a\r\n\r\n: x\n\ndata: b\r\r\ndata\r\rz";
        let whole = split(stream, &[]);
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                assert_eq!(split(stream, &[first, second]), whole, "{first} {second}");
            }
        }
    }

    #[test]
    fn an_event_is_left_out_with_all_of_its_end() {
        for end in ["\n", "\r\n", "\r"] {
            let (kept, left_out) = (format!("data: a{end}{end}"), format!("data: x{end}{end}"));
            let stream = format!("{left_out}{kept}{left_out}{left_out}{kept}");
            for cuts in (0..stream.len()).flat_map(|first| (first..stream.len()).map(move |second| [first, second])) {
                let (mut splitter, mut out, mut start) = (EventSplitter::default(), Vec::new(), 0);
                for end in cuts.into_iter().chain([stream.len()]) {
                    let mut chunk = &stream.as_bytes()[start..end];
                    start = end;
                    while splitter.take(&mut chunk) {
                        if splitter.held().starts_with(b"data: x") {
                            splitter.leave_out();
                        } else {
                            out.extend_from_slice(splitter.held());
                            splitter.clear();
                        }
                    }
                }
                assert_eq!(String::from_utf8(out).unwrap(), format!("{kept}{kept}"), "{end:?} {cuts:?}");
            }
        }
    }
}
