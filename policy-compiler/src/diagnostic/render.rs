//! Findings as text with the source lines they are about.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Findings, Severity, locate};
use crate::source::Sources;

/// Width the text is laid out for, in columns; fixed, so that output does not depend on the terminal.
const TERMINAL_WIDTH: usize = 120;

/// Notes that are shown in full: they are the same few hints again and again, and must not bury what is wrong.
const SHOWN_NOTES: usize = 8;

/// Findings as text, one block each with an empty line between; of many notes, the first and how many more there are.
#[must_use]
pub fn render_all(sources: &Sources, findings: &Findings, colour: bool) -> String {
    let mut notes = 0_usize;
    let mut texts = Vec::new();
    for diagnostic in findings.sorted() {
        notes += usize::from(diagnostic.severity == Severity::Note);
        if diagnostic.severity != Severity::Note || notes <= SHOWN_NOTES {
            texts.push(render(sources, diagnostic, colour));
        }
    }
    match notes.checked_sub(SHOWN_NOTES) {
        Some(more) if more > 0 => texts.push(format!("and {more} more notes; `--format json` lists all")),
        Some(_) | None => {}
    }
    texts.join("\n\n")
}

/// One finding as text, without a final newline. ANSI colours only when asked for.
#[must_use]
pub fn render(sources: &Sources, diagnostic: &Diagnostic, colour: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()).id(diagnostic.code));
    for snippet in snippets(sources, diagnostic) {
        group = group.element(snippet);
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let text = renderer.term_width(TERMINAL_WIDTH).render(&[group]);
    match (&diagnostic.file, &diagnostic.span) {
        (Some(file), None) => format!("{text}\n --> {file}"),
        _ => text,
    }
}

fn snippets<'a>(
    sources: &'a Sources,
    diagnostic: &'a Diagnostic,
) -> Vec<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let mut list = Vec::new();
    if let (Some(file), Some(span)) = (&diagnostic.file, &diagnostic.span) {
        list.extend(snippet(sources, file, span, AnnotationKind::Primary, None));
    }
    for place in &diagnostic.related {
        list.extend(snippet(sources, &place.file, &place.span, AnnotationKind::Context, Some(&place.text)));
    }
    list
}

/// The lines of one place: the renderer is not handed the rest of the file, which it would read each time.
fn snippet<'a>(
    sources: &'a Sources,
    file: &'a str,
    span: &Range<usize>,
    kind: AnnotationKind,
    label: Option<&'a str>,
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let (index, span) = locate(sources, file, span)?;
    let (number, lines) = index.lines(&span);
    let (start, text) = (lines.start, index.text().get(lines)?);
    let within = |at: usize| at.saturating_sub(start).min(text.len());
    let within = within(span.start)..within(span.end);
    let mark = kind.span(within).label(label);
    Some(Snippet::source(text).line_start(number).path(file).annotation(mark))
}
