//! Request paths, read so strictly that nobody behind us can read them differently.

use std::ops::Range;

use super::error::RouteError;
use crate::byte_set::ByteSet;
use crate::limits;
use crate::origin::hex;

/// What may stand in a path besides escapes: `pchar` and `/` (RFC 3986 §3.3).
const PATH_CHARACTERS: ByteSet = ByteSet::alphanumeric().with(b"-._~/:@!$&'()*+,;=");

/// A request path, percent-decoded and split into segments. Its buffers are reused between requests.
///
/// Decoding cannot move a boundary: an encoded `/` refuses the path, so a segment never has one.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestPath {
    text: String,
    bytes: Vec<u8>,
    segments: Vec<Range<usize>>,
}

impl RequestPath {
    /// Reads a path, without query.
    ///
    /// # Errors
    ///
    /// [`RouteError::PathUnsafe`] for a path that two readers could take for two different ones: encoded separators,
    /// dot segments in any spelling, empty segments, backslashes, control characters, bad escapes, text that is not
    /// UTF-8, characters that have no place in a path (RFC 3986 §3.3), or one that is too long.
    pub(crate) fn read(&mut self, raw: &[u8]) -> Result<(), RouteError> {
        self.text.clear();
        self.segments.clear();
        if raw.len() > limits::PATH_BYTES || raw.first() != Some(&b'/') {
            return Err(RouteError::PathUnsafe);
        }
        if raw.iter().all(|byte| PATH_CHARACTERS.has(*byte)) {
            // Nothing is encoded, and all of it is printable ASCII.
            self.text.push_str(std::str::from_utf8(raw).map_err(|_| RouteError::PathUnsafe)?);
            return self.split();
        }
        self.bytes.clear();
        decode(raw, &mut self.bytes)?;
        let text = std::str::from_utf8(&self.bytes).map_err(|_| RouteError::PathUnsafe)?;
        if text.chars().any(char::is_control) {
            return Err(RouteError::PathUnsafe);
        }
        self.text.push_str(text);
        self.split()
    }

    fn split(&mut self) -> Result<(), RouteError> {
        let Self { text, segments, .. } = self;
        let bytes = text.as_bytes();
        let mut start = 1;
        // Some servers cut parameters off before they resolve dots: `/..;x/` is `/../` to them.
        let mut parameters = None;
        let mut close = |start: usize, end: usize, name_end: usize| {
            let name = bytes.get(start..name_end).unwrap_or_default();
            let is_trailing_slash = start == bytes.len();
            if (matches!(name, b"" | b"." | b"..") && !is_trailing_slash) || segments.len() == limits::PATH_SEGMENTS {
                return Err(RouteError::PathUnsafe);
            }
            segments.push(start..end);
            Ok(())
        };
        for (at, byte) in bytes.iter().enumerate().skip(1) {
            match byte {
                b'/' => {
                    close(start, at, parameters.unwrap_or(at))?;
                    start = at + 1;
                    parameters = None;
                }
                b';' => parameters = parameters.or(Some(at)),
                _ => {}
            }
        }
        close(start, bytes.len(), parameters.unwrap_or(bytes.len()))
    }

    /// The whole path, decoded.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// A segment, decoded; the last one is empty where the path ends with `/`.
    pub(crate) fn segment(&self, index: usize) -> Option<&str> {
        self.segments.get(index).and_then(|range| self.text.get(range.clone()))
    }

    /// Everything from a segment on, decoded.
    pub(crate) fn rest(&self, index: usize) -> Option<&str> {
        self.segments.get(index).and_then(|range| self.text.get(range.start..))
    }

    /// How many segments there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }
}

/// Decodes percent escapes (RFC 3986 §2.1), refusing what must not be hidden in them.
fn decode(raw: &[u8], out: &mut Vec<u8>) -> Result<(), RouteError> {
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        let decoded = match byte {
            b'%' => {
                let value = bytes.next().and_then(hex).zip(bytes.next().and_then(hex));
                let (high, low) = value.ok_or(RouteError::PathUnsafe)?;
                let value = high << 4 | low;
                if matches!(value, b'/' | b'\\' | 0) {
                    return Err(RouteError::PathUnsafe);
                }
                value
            }
            byte if PATH_CHARACTERS.has(byte) => byte,
            _ => return Err(RouteError::PathUnsafe),
        };
        out.push(decoded);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(raw: &str) -> Option<Vec<String>> {
        let mut path = RequestPath::default();
        path.read(raw.as_bytes()).ok()?;
        Some((0..path.len()).map(|index| path.segment(index).unwrap().to_owned()).collect())
    }

    #[test]
    fn splits_and_decodes() {
        for (raw, expected) in [
            ("/", vec![""]),
            ("/a", vec!["a"]),
            ("/a/", vec!["a", ""]),
            ("/a/b%20c/d+e", vec!["a", "b c", "d+e"]),
            ("/%61", vec!["a"]),
            ("/a.b/..c/...", vec!["a.b", "..c", "..."]),
            ("/%E2%82%AC", vec!["€"]),
            ("/%252F", vec!["%2F"]),
            ("/a;v=1/b", vec!["a;v=1", "b"]),
            ("/a:b@c!$&'()*,=~_-", vec!["a:b@c!$&'()*,=~_-"]),
            ("/%3Fx%23y", vec!["?x#y"]),
        ] {
            assert_eq!(segments(raw), Some(expected.into_iter().map(str::to_owned).collect()), "{raw}");
        }
    }

    #[test]
    fn the_rest_runs_to_the_end() {
        let mut path = RequestPath::default();
        path.read(b"/a/b%20c/d/").unwrap();
        assert_eq!(path.rest(1), Some("b c/d/"));
        assert_eq!(path.rest(3), Some(""));
        assert_eq!(path.rest(4), None);
        assert_eq!(path.text(), "/a/b c/d/");
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for raw in [
            "",
            "a",
            "*",
            "http://x/a",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/.",
            "/a/./b",
            "/a/../b",
            "/a/..",
            "/%2e",
            "/%2E%2e",
            "/.%2e/a",
            "/a/%2e%2E/b",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a%5C",
            "/a\\b",
            "/a%00",
            "/%",
            "/%2",
            "/%zz",
            "/%2x",
            "/a%",
            "/a b",
            "/a\tb",
            "/a%09",
            "/a%0a",
            "/a%7f",
            "/a\u{7f}",
            "/a#b",
            "/a\"",
            "/<",
            "/{x}",
            "/a|b",
            "/a^b",
            "/`",
            "/[a]",
            "/é",
            "/%ff",
            "/%c0%af",
            "/%c3",
            "/%ed%a0%80",
            "/%c2%85",
            "/..;/a",
            "/a/.;x=y/b",
            "/;/a",
            "/a/;x",
            "/..%3b/a",
        ] {
            assert_eq!(segments(raw), None, "{raw}");
        }
        assert!(RequestPath::default().read(b"/\xff").is_err());
        let long = format!("/{}", "a".repeat(limits::PATH_BYTES));
        assert_eq!(segments(&long), None);
        assert_eq!(segments(&"/a".repeat(limits::PATH_SEGMENTS + 1)), None);
        assert!(segments(&"/a".repeat(limits::PATH_SEGMENTS)).is_some());
    }

    #[test]
    fn random_paths_are_safe_or_refused() {
        use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
        let pieces =
            ["/", "/", "a", "b", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", ";", "%", "%25", "%20", "%C3%A9", "?"];
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let mut path = RequestPath::default();
        let mut accepted = 0;
        for _ in 0..100_000 {
            let mut raw = String::from("/");
            for _ in 0..random.next_u32() % 8 {
                raw.push_str(pieces[(random.next_u32() as usize) % pieces.len()]);
            }
            if path.read(raw.as_bytes()).is_err() {
                continue;
            }
            accepted += 1;
            let text = path.text();
            assert!(text.starts_with('/') && !text.contains("//") && !text.contains('\\'), "{raw}");
            for segment in text.split('/') {
                let name = segment.split(';').next().unwrap();
                assert!(name != "." && name != "..", "{raw}");
            }
            let joined: Vec<_> = (0..path.len()).map(|index| path.segment(index).unwrap()).collect();
            assert_eq!(format!("/{}", joined.join("/")), text, "{raw}");
            assert_eq!(text.matches('/').count(), raw.matches('/').count(), "no boundary moved: {raw}");
        }
        assert!(accepted > 10_000, "{accepted}");
    }

    #[test]
    fn a_refused_path_leaves_nothing_behind() {
        let mut path = RequestPath::default();
        path.read(b"/a/b").unwrap();
        assert!(path.read(b"/a/../b").is_err());
        path.read(b"/c").unwrap();
        assert_eq!((path.len(), path.text()), (1, "/c"));
    }
}
