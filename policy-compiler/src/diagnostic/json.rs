//! Findings as JSON, for tools.

use std::ops::Range;

use serde::Serialize;

use super::{Diagnostic, locate};
use crate::source::{LineIndex, Position, Sources};

/// One finding in machine form. Fields without a value are absent.
#[derive(Debug, Serialize)]
pub struct FindingJson<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<SpanJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<RelatedJson<'a>>,
}

#[derive(Debug, Serialize)]
struct RelatedJson<'a> {
    message: &'a str,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<SpanJson>,
}

/// Both ends of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SpanJson {
    /// The first character.
    pub start: PlaceJson,
    /// Behind the last.
    pub end: PlaceJson,
}

/// Line and column from 1, in characters; offset in bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PlaceJson {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Offset in bytes, from 0.
    pub offset: usize,
}

impl<'a> FindingJson<'a> {
    /// The machine form of a finding.
    #[must_use]
    pub fn new(sources: &Sources, diagnostic: &'a Diagnostic) -> Self {
        let Diagnostic { code, severity, message, file, span, help, related } = diagnostic;
        let place = file.as_deref().zip(span.as_ref());
        let related = related.iter().map(|place| RelatedJson {
            message: &place.text,
            file: &place.file,
            span: SpanJson::new(sources, &place.file, &place.span),
        });
        Self {
            code,
            severity: severity.as_str(),
            message,
            file: file.as_deref(),
            span: place.and_then(|(file, span)| SpanJson::new(sources, file, span)),
            help: help.as_deref(),
            related: related.collect(),
        }
    }
}

impl SpanJson {
    fn new(sources: &Sources, file: &str, span: &Range<usize>) -> Option<Self> {
        let (index, span) = locate(sources, file, span)?;
        Some(Self::of(index, &span))
    }

    /// The ends of a byte range.
    pub fn of(index: &LineIndex<impl AsRef<str>>, span: &Range<usize>) -> Self {
        let place = |offset| {
            let Position { line, column } = index.position(offset);
            PlaceJson { line, column, offset }
        };
        Self { start: place(span.start), end: place(span.end) }
    }
}
