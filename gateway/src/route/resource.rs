//! The resource that a route is about: an id built from the path.

use super::path::RequestPath;
use super::template::{PathTemplate, ValuePlace, is_name};
use crate::section::{SectionError, SectionErrorKind};

/// A resource id with values of the path in it.
#[derive(Debug)]
pub(crate) struct IdTemplate {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Value(ValuePlace),
}

impl IdTemplate {
    /// Reads an id template over the values of a path template.
    ///
    /// Two requests must not give one id for different values. A single segment never contains `/`, so values are kept
    /// apart by a literal that does; a rest contains `/` and therefore comes last.
    pub(crate) fn parse(text: &str, path: &PathTemplate) -> Result<Self, SectionError> {
        let error = |kind| Err(SectionError::new(kind, format!("the resource id `{text}`")));
        let mut parts = Vec::new();
        let mut separated = true;
        let mut after_rest = false;
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let Some((literal, tail)) = rest.split_at_checked(open) else {
                return error(SectionErrorKind::Template);
            };
            let Some((name, tail)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) else {
                return error(SectionErrorKind::Template);
            };
            if !is_name(name) {
                return error(SectionErrorKind::Template);
            }
            let Some(place) = path.place(name) else {
                return error(SectionErrorKind::Source);
            };
            separated |= literal.contains('/');
            if !separated || after_rest {
                return error(SectionErrorKind::Template);
            }
            separated = false;
            after_rest = matches!(place, ValuePlace::Rest(_));
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(Part::Value(place));
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// Whether no id of this template has a `/`: then it can be told from what is written behind one.
    pub(crate) fn is_one_segment(&self) -> bool {
        self.parts.iter().all(|part| match part {
            Part::Literal(text) => !text.contains('/'),
            Part::Value(ValuePlace::Segment(_)) => true,
            Part::Value(ValuePlace::Rest(_)) => false,
        })
    }

    /// Whether ids differ from path to path.
    pub(crate) fn has_values(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Value(_)))
    }

    /// Writes the id for a path that the route matches.
    pub(crate) fn write(&self, path: &RequestPath, out: &mut String) {
        self.parts(path).for_each(|part| out.push_str(part));
    }

    /// What an id consists of.
    pub(super) fn parts<'p>(&'p self, path: &'p RequestPath) -> impl Iterator<Item = &'p str> {
        self.parts.iter().map(|part| match part {
            Part::Literal(text) => text,
            Part::Value(place) => place.of(path),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(template: &str, path_template: &str, path: &str) -> Result<String, SectionErrorKind> {
        let path_template = PathTemplate::parse(path_template).unwrap();
        let template = IdTemplate::parse(template, &path_template).map_err(|error| error.kind())?;
        let mut request = RequestPath::default();
        request.read(path.as_bytes()).unwrap();
        let mut out = String::new();
        template.write(&request, &mut out);
        Ok(out)
    }

    #[test]
    fn ids_are_built_from_values() {
        let (template, path) = ("/r/{org}/{repo}/{p*}", "/r/acme/web%20site/a/b");
        for (id_template, expected) in [
            ("{repo}", "web site"),
            ("{org}/{repo}", "acme/web site"),
            ("repo:{org}/r:{repo}", "repo:acme/r:web site"),
            ("{repo}/{p}", "web site/a/b"),
            ("fixed", "fixed"),
            ("", ""),
        ] {
            assert_eq!(id(id_template, template, path).as_deref(), Ok(expected), "{id_template}");
        }
    }

    #[test]
    fn ids_that_could_mean_two_things_are_refused() {
        let (template, path) = ("/r/{org}/{repo}/{p*}", "/r/a/b/c");
        for (id_template, kind) in [
            ("{org}{repo}", SectionErrorKind::Template),
            ("{org}-{repo}", SectionErrorKind::Template),
            ("{p}/{repo}", SectionErrorKind::Template),
            ("{", SectionErrorKind::Template),
            ("}", SectionErrorKind::Template),
            ("{org", SectionErrorKind::Template),
            ("{}", SectionErrorKind::Template),
            ("{p*}", SectionErrorKind::Template),
            ("{{org}}", SectionErrorKind::Template),
            ("{nope}", SectionErrorKind::Source),
        ] {
            assert_eq!(id(id_template, template, path), Err(kind), "{id_template}");
        }
    }
}
