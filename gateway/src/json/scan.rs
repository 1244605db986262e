//! The tokens of JSON (RFC 8259), found in a text that is known to be UTF-8.

use super::document::JsonFault;
use crate::limits;
use crate::plain;

/// A place in a text. Whoever asks for the rest of a token has taken its first byte, and told by it which token it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'t> {
    text: &'t str,
    place: usize,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, place: 0 }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// How much of the text has been taken.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.place).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.place += 1;
        Some(byte)
    }

    /// Takes the first byte of the next token; `None` at the end of the text.
    #[inline]
    pub(super) fn token(&mut self) -> Option<u8> {
        loop {
            match self.next()? {
                b' ' | b'\t' | b'\n' | b'\r' => {}
                first => return Some(first),
            }
        }
    }

    /// The rest of a word. What may follow it is for the caller to say.
    pub(super) fn word<T>(&mut self, rest: &str, meaning: T) -> Result<T, JsonFault> {
        if !self.ahead().starts_with(rest.as_bytes()) {
            return Err(JsonFault::Syntax);
        }
        self.place += rest.len();
        Ok(meaning)
    }

    fn ahead(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.place..).unwrap_or_default()
    }

    /// The rest of a string, with the quote that ends it; says whether it has escapes.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Result<bool, JsonFault> {
        let ahead = self.ahead();
        let run = plain::json_run(ahead);
        let is_plain = ahead.get(run) == Some(&b'"');
        self.place = if is_plain { self.place + run + 1 } else { self.string_end()? };
        Ok(!is_plain)
    }

    /// Where a string ends that has escapes, or is none. Takes a copy, so that places on the way of most strings stay out of memory.
    #[cold]
    fn string_end(mut self) -> Result<usize, JsonFault> {
        loop {
            self.place += plain::json_run(self.ahead());
            match self.next() {
                Some(b'"') => return Ok(self.place),
                Some(b'\\') => self.escape()?,
                // A control character: nothing else ends a run.
                Some(_) | None => return Err(JsonFault::Syntax),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonFault> {
        match self.next() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => match self.unit()? {
                0xd800..=0xdbff => {
                    let follows = (self.next(), self.next()) == (Some(b'\\'), Some(b'u'));
                    match follows.then(|| self.unit()).transpose()? {
                        Some(0xdc00..=0xdfff) => Ok(()),
                        Some(_) | None => Err(JsonFault::Surrogate),
                    }
                }
                0xdc00..=0xdfff => Err(JsonFault::Surrogate),
                _ => Ok(()),
            },
            Some(_) | None => Err(JsonFault::Syntax),
        }
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, JsonFault> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(JsonFault::Syntax)?;
            unit = unit << 4 | digit;
        }
        Ok(unit)
    }

    /// The rest of a number that begins with `first`. One with a fraction or an exponent has to fit a double, or readers
    /// disagree about it.
    pub(super) fn number(&mut self, first: u8) -> Result<(), JsonFault> {
        self.place = self.number_end(first)?;
        Ok(())
    }

    #[inline(never)]
    fn number_end(mut self, first: u8) -> Result<usize, JsonFault> {
        let start = self.place.saturating_sub(1);
        match if first == b'-' { self.next() } else { Some(first) } {
            Some(b'0') => {}
            Some(b'1'..=b'9') => self.digits(start)?,
            Some(_) | None => return Err(JsonFault::Syntax),
        }
        let mut is_integer = true;
        if self.peek() == Some(b'.') {
            self.place += 1;
            is_integer = false;
            self.some_digits(start)?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.place += 1;
            is_integer = false;
            if let Some(b'+' | b'-') = self.peek() {
                self.place += 1;
            }
            self.some_digits(start)?;
        }
        let text = self.text.get(start..self.place).unwrap_or_default();
        if text.len() > limits::BODY_JSON_NUMBER_BYTES {
            return Err(JsonFault::NumberLength);
        }
        if !is_integer && !text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(JsonFault::NumberRange);
        }
        Ok(self.place)
    }

    /// All that could be a number from the byte before this place on, whose end is where no number goes on.
    pub(super) fn number_run(&mut self) -> &'t str {
        let start = self.place.saturating_sub(1);
        while let Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E') = self.peek() {
            self.place += 1;
        }
        self.text.get(start..self.place).unwrap_or_default()
    }

    fn some_digits(&mut self, start: usize) -> Result<(), JsonFault> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(JsonFault::Syntax);
        }
        self.digits(start)
    }

    fn digits(&mut self, start: usize) -> Result<(), JsonFault> {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.place += 1;
            if self.place - start > limits::BODY_JSON_NUMBER_BYTES {
                return Err(JsonFault::NumberLength);
            }
        }
        Ok(())
    }
}

/// The text between the quotes of a string that [`Scan::string`] accepted, with its escapes resolved.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut scan = Scan::new(text);
    loop {
        let rest = text.get(scan.place..).unwrap_or_default();
        let plain = rest.find('\\').unwrap_or(rest.len());
        out.push_str(rest.get(..plain).unwrap_or_default());
        scan.place += plain + 1;
        match scan.next() {
            None => return out,
            Some(b'b') => out.push('\u{8}'),
            Some(b'f') => out.push('\u{c}'),
            Some(b'n') => out.push('\n'),
            Some(b'r') => out.push('\r'),
            Some(b't') => out.push('\t'),
            Some(b'u') => {
                let high = scan.unit().unwrap_or_default();
                let code = if (0xd800..=0xdbff).contains(&high) {
                    scan.place += 2;
                    let low = scan.unit().unwrap_or_default();
                    0x1_0000 + ((high & 0x3ff) << 10 | low & 0x3ff)
                } else {
                    high
                };
                // The string was accepted, so this is a character.
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(byte) => out.push(char::from(byte)),
        }
    }
}

/// A hash of a name's length and of the ends of it, which tell most names of one object apart. Names with equal hashes are
/// compared, so a bad hash costs time and nothing else; how much is bounded by how many names an object may have.
pub(super) fn hash(bytes: &[u8]) -> u32 {
    let ends = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(29),
        (_, _) => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
            }
            (_, _) => bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        },
    };
    // The upper half of a product has something of every bit below it (Knuth, The Art of Computer Programming, volume 3, §6.4).
    let product = (ends ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let [upper, _] = product.as_chunks::<4>().0 else { return 0 };
    u32::from_be_bytes(*upper)
}
