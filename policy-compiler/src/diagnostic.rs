//! What the compiler has to say about a project: findings with a stable code and a place in a source file.

mod github;
mod json;
mod render;
mod rule;
mod sarif;

pub use github::commands;
pub use json::{FindingJson, PlaceJson, SpanJson};
pub use render::{render, render_all};
pub use rule::{RULES, Rule, catalogue};
pub use sarif::Sarif;

use std::ops::Range;

use crate::source::{LineIndex, Sources};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The project cannot be built.
    Error,
    /// The project builds, and something in it is probably not what its author meant.
    Warning,
    /// Nothing is wrong; something is worth knowing.
    Note,
}

impl Severity {
    /// The word used in text and JSON output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One finding.
///
/// Messages are lower case, without a full stop, with user input in backticks. Tests and tools match on `code`,
/// which never changes its meaning; the message may be reworded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable, dotted code such as `policy.duplicate_id`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Name of the source file, as listed in [`Sources`].
    pub file: Option<String>,
    /// Byte range in `file`.
    pub span: Option<Range<usize>>,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that matter, such as the first of two definitions.
    pub related: Vec<Related>,
}

/// A second place that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Name of the source file.
    pub file: String,
    /// Byte range in `file`.
    pub span: Range<usize>,
    /// Why the place matters, for instance `first defined here`.
    pub text: String,
}

impl Diagnostic {
    /// An error without a place.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message.into())
    }

    /// A warning without a place.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message.into())
    }

    /// A note without a place.
    #[must_use]
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, message.into())
    }

    fn new(code: &'static str, severity: Severity, message: String) -> Self {
        Self { code, severity, message, file: None, span: None, help: None, related: Vec::new() }
    }

    /// Adds the file the finding is in.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Adds the file and byte range the finding is at.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, span: Range<usize>) -> Self {
        self.file = Some(file.into());
        self.span = Some(span);
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn with_related(mut self, file: impl Into<String>, span: Range<usize>, text: impl Into<String>) -> Self {
        self.related.push(Related { file: file.into(), span, text: text.into() });
        self
    }

    /// The key findings are sorted by: file, place, then code; findings without a file come first.
    #[must_use]
    pub fn order(&self) -> (Option<&str>, usize, &'static str, &str) {
        let start = self.span.as_ref().map_or(0, |span| span.start);
        (self.file.as_deref(), start, self.code, &self.message)
    }
}

/// The errors, warnings and notes of one run, in the order of [`Diagnostic::order`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    list: Vec<Diagnostic>,
}

impl Findings {
    /// Adds one finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Adds many findings.
    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.list.extend(diagnostics);
    }

    /// How many errors there are.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many warnings there are.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    /// How many notes there are.
    #[must_use]
    pub fn notes(&self) -> usize {
        self.count(Severity::Note)
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The findings, sorted.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut list: Vec<&Diagnostic> = self.list.iter().collect();
        list.sort_by(|a, b| a.order().cmp(&b.order()));
        list.dedup();
        list
    }

    fn count(&self, severity: Severity) -> usize {
        self.sorted().iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }
}

impl From<Diagnostic> for Findings {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { list: vec![diagnostic] }
    }
}

impl FromIterator<Diagnostic> for Findings {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(iter: I) -> Self {
        Self { list: iter.into_iter().collect() }
    }
}

/// The source of a span, and the span cut to it, on character boundaries, so that no renderer can be handed a bad range.
fn locate<'s>(sources: &'s Sources, file: &str, span: &Range<usize>) -> Option<(&'s LineIndex<String>, Range<usize>)> {
    let index = sources.lines(file)?;
    let text = index.text();
    let end = floor_char(text, span.end.min(text.len()));
    let start = floor_char(text, span.start.min(end));
    Some((index, start..end))
}

fn floor_char(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    at
}
