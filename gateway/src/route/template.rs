//! Path templates: literal segments, `{name}` for one segment, `{name*}` for the rest.

use super::path::RequestPath;
use crate::limits;
use crate::section::{SectionError, SectionErrorKind};

/// A path template whose syntax has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathTemplate {
    pub(crate) segments: Vec<Segment>,
    /// The names of the values, with their places.
    pub(crate) values: Vec<(String, ValuePlace)>,
}

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Exactly this text, after decoding. Empty only as the last one: the template ends with `/`.
    Literal(String),
    /// Exactly one segment that is not empty.
    One,
    /// One or more segments, of which the first is not empty. Last only.
    Rest,
}

/// Where a named value lies in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValuePlace {
    /// One segment.
    Segment(usize),
    /// Everything from a segment on.
    Rest(usize),
}

impl ValuePlace {
    /// The value in a path that the template matches.
    pub(crate) fn of(self, path: &RequestPath) -> &str {
        let value = match self {
            Self::Segment(index) => path.segment(index),
            Self::Rest(index) => path.rest(index),
        };
        value.unwrap_or_default()
    }
}

impl PathTemplate {
    /// Reads a template.
    pub(crate) fn parse(text: &str) -> Result<Self, SectionError> {
        let error = |kind| Err(SectionError::new(kind, format!("the path `{text}`")));
        let Some(rest) = text.strip_prefix('/') else {
            return error(SectionErrorKind::Template);
        };
        let mut template = Self { segments: Vec::new(), values: Vec::new() };
        let mut parts = rest.split('/').peekable();
        while let Some(part) = parts.next() {
            let index = template.segments.len();
            if index == limits::TEMPLATE_SEGMENTS {
                return error(SectionErrorKind::Limit);
            }
            let is_last = parts.peek().is_none();
            let Some(value) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                if !is_literal(part, is_last) {
                    return error(SectionErrorKind::Template);
                }
                template.segments.push(Segment::Literal(part.to_owned()));
                continue;
            };
            let (name, segment, place) = match value.strip_suffix('*') {
                Some(name) if is_last => (name, Segment::Rest, ValuePlace::Rest(index)),
                Some(_) => return error(SectionErrorKind::Template),
                None => (value, Segment::One, ValuePlace::Segment(index)),
            };
            if !is_name(name) {
                return error(SectionErrorKind::Template);
            }
            if template.place(name).is_some() {
                return error(SectionErrorKind::Duplicate);
            }
            template.segments.push(segment);
            template.values.push((name.to_owned(), place));
        }
        Ok(template)
    }

    /// Where a named value lies.
    pub(crate) fn place(&self, name: &str) -> Option<ValuePlace> {
        self.values.iter().find_map(|(known, place)| (known == name).then_some(*place))
    }
}

/// The name of a value.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A literal is written decoded, and is something that a safe path can contain.
fn is_literal(part: &str, is_last: bool) -> bool {
    let name = part.split(';').next().unwrap_or_default();
    let is_trailing_slash = part.is_empty() && is_last;
    let is_plain = |c: char| !c.is_control() && !matches!(c, '{' | '}' | '%' | '\\' | '?' | '#');
    (is_trailing_slash || !matches!(name, "" | "." | "..")) && part.chars().all(is_plain)
}

/// How the sets of paths that two templates match lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// No path matches both.
    Disjoint,
    /// One template's paths are among the other's (or they are the same): the more specific one wins.
    Nested,
    /// Some path matches both, and neither is more specific.
    Crossing,
}

/// Compares two templates.
pub(super) fn relation(a: &[Segment], b: &[Segment]) -> Relation {
    let (mut a_wider, mut b_wider) = (false, false);
    let mut at = 0;
    loop {
        match (a.get(at), b.get(at)) {
            (None, None) => break,
            (None, Some(_)) | (Some(_), None) => return Relation::Disjoint,
            (Some(Segment::Literal(x)), Some(Segment::Literal(y))) => {
                if x != y {
                    return Relation::Disjoint;
                }
            }
            (Some(Segment::Literal(text)), Some(_)) | (Some(_), Some(Segment::Literal(text))) if text.is_empty() => {
                return Relation::Disjoint;
            }
            (Some(Segment::Rest), Some(Segment::Rest)) => break,
            (Some(Segment::Rest), Some(_)) => {
                a_wider = true;
                break;
            }
            (Some(_), Some(Segment::Rest)) => {
                b_wider = true;
                break;
            }
            (Some(Segment::One), Some(Segment::Literal(_))) => a_wider = true,
            (Some(Segment::Literal(_)), Some(Segment::One)) => b_wider = true,
            (Some(Segment::One), Some(Segment::One)) => {}
        }
        at += 1;
    }
    if a_wider && b_wider { Relation::Crossing } else { Relation::Nested }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_read() {
        let template = PathTemplate::parse("/repos/{repo}/files/{path*}").unwrap();
        assert_eq!(
            template.segments,
            [Segment::Literal("repos".to_owned()), Segment::One, Segment::Literal("files".to_owned()), Segment::Rest]
        );
        assert_eq!(template.place("repo"), Some(ValuePlace::Segment(1)));
        assert_eq!(template.place("path"), Some(ValuePlace::Rest(3)));
        assert_eq!(template.place("x"), None);
        for text in ["/", "/a/", "/a b", "/{_a1}", "/{a*}", "/..."] {
            assert!(PathTemplate::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn bad_templates_are_refused() {
        for text in [
            "", "a", "//", "/a//b", "/.", "/a/../b", "/{}", "/{*}", "/{a", "/a}", "/{a}b", "/x{a}", "/{a*}/b",
            "/{a**}", "/{1}", "/{a b}", "/{a-b}", "/a%20b", "/a\\b", "/a?b", "/a#b", "/;x", "/\n",
        ] {
            assert_eq!(PathTemplate::parse(text).unwrap_err().kind(), SectionErrorKind::Template, "{text}");
        }
        assert_eq!(PathTemplate::parse("/{a}/{a}").unwrap_err().kind(), SectionErrorKind::Duplicate);
        let long = "/a".repeat(limits::TEMPLATE_SEGMENTS + 1);
        assert_eq!(PathTemplate::parse(&long).unwrap_err().kind(), SectionErrorKind::Limit);
    }

    #[test]
    fn relations_are_symmetric_and_right() {
        for (a, b, expected) in [
            ("/a", "/b", Relation::Disjoint),
            ("/a", "/a/b", Relation::Disjoint),
            ("/a", "/a/{p*}", Relation::Disjoint),
            ("/a/", "/a/{p}", Relation::Disjoint),
            ("/a/", "/a/{p*}", Relation::Disjoint),
            ("/a", "/a", Relation::Nested),
            ("/{x}", "/{y}", Relation::Nested),
            ("/a/b", "/a/{x}", Relation::Nested),
            ("/a/b/c", "/{p*}", Relation::Nested),
            ("/a/{x}/c", "/a/{p*}", Relation::Nested),
            ("/a/{x}", "/{y}/b", Relation::Crossing),
            ("/{x}/b/{p*}", "/a/{y}/c", Relation::Crossing),
            ("/{x}/b", "/a/{p*}", Relation::Crossing),
        ] {
            let (a, b) = (PathTemplate::parse(a).unwrap(), PathTemplate::parse(b).unwrap());
            assert_eq!(relation(&a.segments, &b.segments), expected, "{a:?} {b:?}");
            assert_eq!(relation(&b.segments, &a.segments), expected, "{b:?} {a:?}");
        }
    }
}
