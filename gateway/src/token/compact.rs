//! A compact JWT as it stands in a request: its characters are checked and its parts decoded in one pass.

use std::ops::Range;

use super::base64url::{Run, decode_run, decoded_len};
use super::credential::bounded;
use super::error::{CredentialError, TokenError};

/// A text that is bounded, not empty, and of the characters that a JWT may have. Nothing in it has been read.
#[derive(Debug)]
pub(crate) struct CompactText<'a> {
    text: &'a [u8],
    /// What its parts stand for, one after the other.
    bytes: Vec<u8>,
    /// The first parts, and how many there are.
    parts: [Part; 3],
    count: usize,
}

/// What stands between two dots.
#[derive(Clone, Debug, Default)]
struct Part {
    text: Range<usize>,
    bytes: Range<usize>,
    is_well_formed: bool,
}

impl<'a> CompactText<'a> {
    /// Decodes a text.
    ///
    /// Only characters that a JWT may have (RFC 8725bis, "check format type") pass: those of base64url, and the dot between the
    /// parts. So what passes is ASCII and has no second token joined to it by a comma.
    pub(crate) fn read(text: &'a [u8], max_bytes: usize) -> Result<Self, CredentialError> {
        if text.is_empty() || text.len() > max_bytes {
            return Err(refusal(text, max_bytes));
        }
        let mut bytes = vec![0; decoded_len(text.len())];
        let (mut parts, mut count) = <([Part; 3], usize)>::default();
        let (mut text_start, mut start) = (0, 0);
        loop {
            let (rest, room) = (text.get(text_start..), bytes.get_mut(start..));
            let run = decode_run(rest.unwrap_or_default(), room.unwrap_or_default());
            let Run { characters, bytes: length, is_well_formed } = run;
            let (text_end, end) = (text_start + characters, start + length);
            if let Some(part) = parts.get_mut(count) {
                *part = Part { text: text_start..text_end, bytes: start..end, is_well_formed };
            }
            count += 1;
            match text.get(text_end) {
                None => return Ok(Self { text, bytes, parts, count }),
                Some(b'.') => (text_start, start) = (text_end + 1, end),
                Some(_) => return Err(refusal(text, max_bytes)),
            }
        }
    }

    /// The text as it arrived.
    pub(crate) fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    /// Header, claims and signature, each decoded unless it is no base64url.
    pub(super) fn parts(&self) -> Result<[Result<&[u8], TokenError>; 3], TokenError> {
        match self.count {
            3 => {}
            5 => return Err(TokenError::Encrypted),
            _ => return Err(TokenError::Parts),
        }
        if self.parts.iter().any(|part| part.text.is_empty()) {
            return Err(TokenError::Parts);
        }
        Ok(self.parts.each_ref().map(|Part { text: _, bytes, is_well_formed }| {
            let decoded = self.bytes.get(bytes.clone()).filter(|_| *is_well_formed);
            decoded.ok_or(TokenError::Base64)
        }))
    }

    /// What a signature is over: the first two parts as they arrived.
    pub(super) fn signing_input(&self) -> &'a [u8] {
        let [_, claims, _] = &self.parts;
        self.text.get(..claims.text.end).unwrap_or_default()
    }

    /// Any text as a token, for tests of what comes after.
    #[cfg(test)]
    pub(crate) fn for_test(text: &'a str) -> Self {
        Self::read(text.as_bytes(), usize::MAX).unwrap()
    }
}

/// Why a text is no token. A list of credentials, joined by some hop from several headers, is refused as such.
#[cold]
fn refusal(text: &[u8], max_bytes: usize) -> CredentialError {
    if text.contains(&b',') {
        return CredentialError::Repeated;
    }
    bounded(text, max_bytes).err().unwrap_or(CredentialError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_decoded_as_if_each_were_alone() {
        use crate::token::decode_base64url;
        let texts = [
            "",
            "A",
            "AA",
            "AB",
            "AAA",
            "AAB",
            "e30",
            "AAAAAAA",
            "AAAAAAAA",
            "AAAAAAAAA",
            "AAAAAAAAAAA",
            "-_-_-_-_-_-_",
        ];
        let pairs = texts.iter().flat_map(|a| texts.map(|b| (a, b)));
        for (a, b, c) in pairs.flat_map(|(a, b)| texts.map(|c| (*a, b, c))) {
            let token = format!("{a}.{b}.{c}");
            let text = CompactText::for_test(&token);
            assert_eq!((text.as_bytes(), text.signing_input()), (token.as_bytes(), format!("{a}.{b}").as_bytes()));
            let expected = [a, b, c].map(decode_base64url);
            match text.parts() {
                Ok(parts) => assert_eq!(parts.map(|part| part.map(<[u8]>::to_vec)), expected, "{token}"),
                Err(error) => assert!(error == TokenError::Parts && [a, b, c].contains(&""), "{token}"),
            }
        }
    }

    #[test]
    fn a_foreign_character_refuses_it_wherever_it_stands() {
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        assert!(CompactText::read(token.as_bytes(), 100).is_ok());
        for place in 0..token.len() {
            for byte in 0..=u8::MAX {
                let mut bytes = token.as_bytes().to_vec();
                bytes[place] = byte;
                let expected = match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => None,
                    b',' => Some(CredentialError::Repeated),
                    _ => Some(CredentialError::Malformed),
                };
                assert_eq!(CompactText::read(&bytes, 100).err(), expected, "{}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn what_is_too_long_is_not_looked_at() {
        for (text, expected) in [
            ("", CredentialError::Malformed),
            (",", CredentialError::Repeated),
            ("abcdef", CredentialError::TooLarge),
            ("ab\0def", CredentialError::TooLarge),
            ("ab,def", CredentialError::Repeated),
        ] {
            assert_eq!(CompactText::read(text.as_bytes(), 5).err(), Some(expected), "{text}");
        }
        assert!(CompactText::read(b"abcde", 5).is_ok());
    }
}
