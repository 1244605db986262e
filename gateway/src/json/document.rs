//! A request body as JSON, read once, strictly, and in place.
//!
//! Whatever is accepted here is forwarded as it is, so nobody behind us may be able to read it in another way. What
//! parsers are known to disagree about is refused: members named twice, lone surrogates, numbers beyond a double, a
//! byte order mark, anything after the value. Each has a [`JsonFault`] of its own.
//!
//! Nothing is copied: the document is a flat list of places in the text, in one buffer that is reused. Nesting costs
//! no stack.

use super::scan::{self, Scan};
use super::view::JsonView;
use crate::limits;

/// Why a text is not an acceptable document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// There is nothing.
    Empty,
    /// It begins with a byte order mark.
    ByteOrderMark,
    /// It is not UTF-8.
    Utf8,
    /// It is not JSON (RFC 8259).
    Syntax,
    /// Something follows the value.
    Trailing,
    /// An object names a member twice, in whatever spelling.
    DuplicateMember,
    /// A string has half of a surrogate pair.
    Surrogate,
    /// A number has more characters than a number needs.
    NumberLength,
    /// A number is beyond what a double can hold.
    NumberRange,
    /// Arrays and objects are nested too deeply.
    Depth,
    /// There are too many values, or too many members in one object.
    Values,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonKind {
    Null,
    True,
    False,
    Number,
    String,
    Array,
    Object,
}

/// A value's place in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) kind: JsonKind,
    /// Whether a string has escapes.
    pub(super) escaped: bool,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The node after this value and all that is in it.
    pub(super) next: u32,
}

/// A document that has been read. Its buffers are reused between requests.
#[derive(Debug)]
pub(crate) struct JsonDocument {
    pub(super) nodes: Vec<Node>,
    open: Vec<Frame>,
    /// Names of the members of all open objects, those of the innermost last.
    names: Vec<Name>,
    max_values: usize,
}

/// For request bodies.
impl Default for JsonDocument {
    fn default() -> Self {
        Self::new(limits::BODY_JSON_VALUES)
    }
}

/// An array or object that has not been closed.
#[derive(Clone, Copy, Debug)]
struct Frame {
    node: usize,
    is_object: bool,
    /// Where its names begin.
    names: usize,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    hash: u32,
    node: usize,
}

impl JsonDocument {
    /// A document for texts with at most so many values and member names.
    pub(crate) fn new(max_values: usize) -> Self {
        Self { nodes: Vec::new(), open: Vec::new(), names: Vec::new(), max_values }
    }

    /// Gives back the memory of a document that was larger than most.
    pub(crate) fn shrink(&mut self) {
        self.nodes.clear();
        self.nodes.shrink_to(limits::BODY_JSON_VALUES);
    }

    /// Reads exactly one value. The view is of the same text.
    ///
    /// # Errors
    ///
    /// See [`JsonFault`]. The document holds nothing then.
    pub(crate) fn read<'d>(&'d mut self, bytes: &'d [u8]) -> Result<JsonView<'d>, JsonFault> {
        self.nodes.clear();
        self.open.clear();
        self.names.clear();
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(JsonFault::ByteOrderMark);
        }
        // Places are 32-bit; a body is bounded far below.
        u32::try_from(bytes.len()).map_err(|_| JsonFault::Values)?;
        let text = std::str::from_utf8(bytes).map_err(|_| JsonFault::Utf8)?;
        if let Err(fault) = self.values(Scan::new(text)) {
            self.nodes.clear();
            return Err(fault);
        }
        Ok(JsonView::root(&self.nodes, text))
    }

    /// One value and all that is in it, each begun in one turn of the loop.
    fn values(&mut self, mut scan: Scan<'_>) -> Result<(), JsonFault> {
        let mut first = scan.token().ok_or(JsonFault::Empty)?;
        loop {
            // Whether it is an array or an object, and nothing in it has been seen yet.
            let mut is_new = self.value(first, &mut scan)?;
            let mut next = scan.token();
            let in_object = loop {
                let Some(Frame { is_object, .. }) = self.open.last().copied() else {
                    return if next.is_none() { Ok(()) } else { Err(JsonFault::Trailing) };
                };
                match next {
                    Some(b'}') if is_object => {}
                    Some(b']') if !is_object => {}
                    Some(_) if is_new => break is_object,
                    Some(b',') => {
                        next = scan.token();
                        break is_object;
                    }
                    Some(_) | None => return Err(JsonFault::Syntax),
                }
                self.close(scan.place());
                is_new = false;
                next = scan.token();
            };
            if in_object {
                self.name(next, &mut scan)?;
                next = scan.token();
            }
            first = next.ok_or(JsonFault::Syntax)?;
        }
    }

    /// Reads a scalar, or begins an array or object, and says whether it did. `first` is its first byte.
    #[inline]
    fn value(&mut self, first: u8, scan: &mut Scan<'_>) -> Result<bool, JsonFault> {
        let start = scan.place().saturating_sub(1);
        let (kind, escaped) = match first {
            b'"' => (JsonKind::String, scan.string()?),
            b'{' | b'[' => {
                let kind = if first == b'{' { JsonKind::Object } else { JsonKind::Array };
                self.open(kind, start)?;
                return Ok(true);
            }
            b'-' | b'0'..=b'9' => {
                scan.number(first)?;
                (JsonKind::Number, false)
            }
            b't' => (scan.word("rue", JsonKind::True)?, false),
            b'f' => (scan.word("alse", JsonKind::False)?, false),
            b'n' => (scan.word("ull", JsonKind::Null)?, false),
            _ => return Err(JsonFault::Syntax),
        };
        self.push(kind, escaped, start, scan.place())?;
        Ok(false)
    }

    /// Reads a member's name, of which `first` is the first byte, and the colon after it.
    #[inline]
    fn name(&mut self, first: Option<u8>, scan: &mut Scan<'_>) -> Result<(), JsonFault> {
        if first != Some(b'"') {
            return Err(JsonFault::Syntax);
        }
        let start = scan.place();
        let escaped = scan.string()?;
        let end = scan.place();
        let node = self.push(JsonKind::String, escaped, start - 1, end)?;
        let hash = if escaped {
            scan::hash(JsonView::at(&self.nodes, scan.text(), node).text().as_bytes())
        } else {
            scan::hash(scan.text().as_bytes().get(start..end - 1).unwrap_or_default())
        };
        let names = self.open.last().map_or(0, |frame| frame.names);
        let own = self.names.get(names..).unwrap_or_default();
        if own.len() >= limits::BODY_JSON_MEMBERS {
            return Err(JsonFault::Values);
        }
        if own.iter().any(|other| other.hash == hash) && self.is_among(own, scan.text(), node) {
            return Err(JsonFault::DuplicateMember);
        }
        self.names.push(Name { hash, node });
        if scan.token() == Some(b':') { Ok(()) } else { Err(JsonFault::Syntax) }
    }

    /// Whether a name is one of these, whatever their hashes.
    #[cold]
    fn is_among(&self, names: &[Name], text: &str, node: usize) -> bool {
        let at = |node| JsonView::at(&self.nodes, text, node);
        let name = at(node).text();
        names.iter().any(|other| at(other.node).is_text(&name))
    }

    fn open(&mut self, kind: JsonKind, start: usize) -> Result<(), JsonFault> {
        if self.open.len() == limits::BODY_JSON_DEPTH {
            return Err(JsonFault::Depth);
        }
        let node = self.push(kind, false, start, start)?;
        self.open.push(Frame { node, is_object: kind == JsonKind::Object, names: self.names.len() });
        Ok(())
    }

    #[inline]
    fn close(&mut self, end: usize) {
        let next = small(self.nodes.len());
        if let Some(frame) = self.open.pop() {
            self.names.truncate(frame.names);
            if let Some(node) = self.nodes.get_mut(frame.node) {
                node.end = small(end);
                node.next = next;
            }
        }
    }

    #[inline]
    fn push(&mut self, kind: JsonKind, escaped: bool, start: usize, end: usize) -> Result<usize, JsonFault> {
        let index = self.nodes.len();
        if index == self.max_values {
            return Err(JsonFault::Values);
        }
        self.nodes.push(Node { kind, escaped, start: small(start), end: small(end), next: small(index + 1) });
        Ok(index)
    }
}

/// Places and node numbers fit: the text's length was checked, and nodes are fewer than bytes.
fn small(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: impl AsRef<[u8]>) -> Result<usize, JsonFault> {
        let mut document = JsonDocument::default();
        let _ = document.read(text.as_ref())?;
        Ok(document.nodes.len())
    }

    #[test]
    fn what_serde_reads_is_read_and_means_the_same() {
        for text in [
            "0",
            "-0",
            "1.5e+3",
            "\"\"",
            "[]",
            "{}",
            " [ 1 , [ ] , { } ] ",
            r#"{"a":{"b":[true,false,null]},"c":"\u00e9\ud83d\ude00\n"}"#,
            "\t\n\r 7 \t\n\r ",
            r#"{"":{"":1}}"#,
        ] {
            let mut document = JsonDocument::default();
            let view = document.read(text.as_bytes()).unwrap();
            assert_eq!(view.to_serde(), serde_json::from_str::<serde_json::Value>(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn each_defect_has_its_fault() {
        for (text, fault) in [
            ("", JsonFault::Empty),
            (" \r\n\t", JsonFault::Empty),
            ("\u{feff}{}", JsonFault::ByteOrderMark),
            ("{} {}", JsonFault::Trailing),
            ("{}x", JsonFault::Trailing),
            ("1 2", JsonFault::Trailing),
            ("{}\0", JsonFault::Trailing),
            (r#"{"a":1,"a":2}"#, JsonFault::DuplicateMember),
            (r#"{"a":1,"\u0061":2}"#, JsonFault::DuplicateMember),
            (r#"{"x":[{"k":{"a":1,"b":{"a":3},"a":2}}]}"#, JsonFault::DuplicateMember),
            (r#"{"a":{},"b":1,"a":2}"#, JsonFault::DuplicateMember),
            (r#"{"":1,"":2}"#, JsonFault::DuplicateMember),
            (r#""\ud800""#, JsonFault::Surrogate),
            (r#""\ud800x""#, JsonFault::Surrogate),
            (r#""\ud800\u0041""#, JsonFault::Surrogate),
            (r#""\ud800\ud800""#, JsonFault::Surrogate),
            (r#""\udc00""#, JsonFault::Surrogate),
            (r#""\udc00\ud800""#, JsonFault::Surrogate),
            (r#"{"\uDbff":1}"#, JsonFault::Surrogate),
            ("1e999", JsonFault::NumberRange),
            ("-1e309", JsonFault::NumberRange),
            ("[1.8e308]", JsonFault::NumberRange),
        ] {
            assert_eq!(read(text), Err(fault), "{text:?}");
        }
        assert_eq!(read(b"\"\xff\""), Err(JsonFault::Utf8));
        assert_eq!(read(b"\"\xed\xa0\x80\""), Err(JsonFault::Utf8), "a surrogate in UTF-8");
        assert_eq!(read(b"\xff\xfe{\0}\0"), Err(JsonFault::Utf8), "UTF-16");
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "{",
            "[",
            "}",
            "]",
            "[}",
            "{]",
            "[1}",
            "{\"a\":1]",
            "\"",
            "\"\\\"",
            "'a'",
            "{'a':1}",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\" 1}",
            "{\"a\":1,}",
            "{,}",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "01",
            "-",
            "+1",
            ".5",
            "1.",
            "1e",
            "1e+",
            "-01",
            "0x1",
            "NaN",
            "Infinity",
            "tru",
            "truee",
            "nul",
            "True",
            "\"\u{1}\"",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\\u+123\"",
            "//x",
            "[1]//",
            "{\"a\":1}/**/",
            "\u{a0}1",
            "{1:2}",
            "{null:1}",
            "{\"a\":1,{}}",
            ":",
            ",",
        ] {
            let fault = read(text).unwrap_err();
            assert!(matches!(fault, JsonFault::Syntax | JsonFault::Trailing), "{text:?}: {fault:?}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn bounds_are_exact() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(read(deep(limits::BODY_JSON_DEPTH)).is_ok());
        assert_eq!(read(deep(limits::BODY_JSON_DEPTH + 1)), Err(JsonFault::Depth));
        assert_eq!(read("[".repeat(100_000)), Err(JsonFault::Depth));
        assert_eq!(read("{\"a\":".repeat(100_000)), Err(JsonFault::Depth));

        let wide = |n: usize| format!("[{}]", vec!["1"; n].join(","));
        assert!(read(wide(limits::BODY_JSON_VALUES - 1)).is_ok());
        assert_eq!(read(wide(limits::BODY_JSON_VALUES)), Err(JsonFault::Values));

        let members = |n: usize| format!("{{{}}}", (0..n).map(|i| format!("\"k{i}\":0")).collect::<Vec<_>>().join(","));
        assert!(read(members(limits::BODY_JSON_MEMBERS)).is_ok());
        assert_eq!(read(members(limits::BODY_JSON_MEMBERS + 1)), Err(JsonFault::Values));

        let digits = |n: usize| "9".repeat(n);
        assert!(read(digits(limits::BODY_JSON_NUMBER_BYTES)).is_ok());
        assert_eq!(read(digits(limits::BODY_JSON_NUMBER_BYTES + 1)), Err(JsonFault::NumberLength));
        assert_eq!(read(digits(10_000_000)), Err(JsonFault::NumberLength));
        assert_eq!(read(format!("0.{}", digits(200))), Err(JsonFault::NumberLength));
    }

    /// What this reader accepts, serde_json accepts with the same meaning; what serde_json refuses, this one refuses.
    #[test]
    fn random_texts_agree_with_serde() {
        use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"a\"",
            "\"b\"",
            "\"\\u0061\"",
            "\"\\n\"",
            "1",
            "-2.5e3",
            "1e400",
            "true",
            "null",
            " ",
            "\"\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\\",
            "\"",
            "0",
            "é",
        ];
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(11);
        let (mut document, mut accepted) = (JsonDocument::default(), 0);
        for _ in 0..200_000 {
            let mut text = String::new();
            for _ in 0..=random.next_u32() % 9 {
                text.push_str(pieces[(random.next_u32() as usize) % pieces.len()]);
            }
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            match document.read(text.as_bytes()) {
                Ok(view) => {
                    accepted += 1;
                    assert_eq!(view.to_serde(), theirs.unwrap(), "{text}");
                }
                Err(JsonFault::DuplicateMember) => {}
                Err(fault) => assert!(theirs.is_err(), "{text}: {fault:?}"),
            }
        }
        assert!(accepted > 1000, "{accepted}");
    }

    /// Names of all lengths, of which many begin and end alike, in two spellings, in objects inside each other.
    #[test]
    fn names_are_told_apart_whatever_they_look_like() {
        use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(12);
        let mut below = |limit: usize| random.next_u32() as usize % limit;
        let (mut document, mut twice) = (JsonDocument::default(), 0);
        for _ in 0..20_000 {
            let mut names: Vec<String> = Vec::new();
            let mut text = String::new();
            for _ in 0..=below(5) {
                // The middle is not in the hash of a long name.
                let name = format!("{}{}{}", "aaaaaaaa".get(..below(9)).unwrap(), ["", "b", "c"][below(3)], "aaaaaaaa");
                let name = name.get(..below(name.len() + 1)).unwrap().to_owned();
                let spelt = if below(2) == 0 { name.clone() } else { name.replace('b', "\\u0062") };
                text.push_str(&format!(
                    "{}\"{spelt}\":{{\"{name}\":[{{\"b\":1}},\"b\"]}}",
                    if text.is_empty() { "" } else { "," }
                ));
                names.push(name);
            }
            let is_twice = (1..names.len()).any(|at| names[..at].contains(&names[at]));
            let found = document.read(format!("{{{text}}}").as_bytes()).map(|_| ());
            assert_eq!(found, if is_twice { Err(JsonFault::DuplicateMember) } else { Ok(()) }, "{text}");
            twice += usize::from(is_twice);
        }
        assert!((2_000..18_000).contains(&twice), "{twice}");
    }

    #[test]
    fn a_refused_text_leaves_nothing_behind() {
        let mut document = JsonDocument::default();
        assert!(document.read(b"{\"a\":[1,{\"b\":2}").is_err());
        let view = document.read(b"{\"a\":1}").unwrap();
        assert_eq!(view.to_serde(), serde_json::json!({"a": 1}));
    }
}
